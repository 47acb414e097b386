//! Codes: for whom they are, what they have to be shown with, and that nobody makes one up.

use http::Method;
use http::header::AUTHORIZATION;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Call, RelyingParty, TestApp, challenge};
use serde_json::Value;

use super::over_http::{code_of, each_way, events, goes, trusted};

const VERIFIER: &str = "a-verifier-of-tests-that-is-long-enough-for-pkce";
const CALLBACK: &str = "https://app.example.test/callback";

/// Case 30: PKCE is not left out on either half of the way.
#[tokio::test]
async fn a_code_without_a_challenge_is_given_to_nobody_who_must_have_one_and_takes_no_verifier() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (id, method) in [
        ("confidential", AuthMethod::ClientSecretBasic),
        ("posting", AuthMethod::ClientSecretPost),
        ("public", AuthMethod::None),
    ] {
        let party = trusted(&app, id, method, |_| ()).await;
        let without = party.ask().without("code_challenge").without("code_challenge_method");
        for ask in [
            without.clone(),
            without.clone().with("code_challenge_method", "S256"),
            without.clone().with("code_challenge", "").with("code_challenge_method", ""),
            without.with("code_challenge", "").with("code_challenge_method", "S256"),
        ] {
            for reply in each_way(&ann, &ask).await {
                let location = reply.header("location").unwrap();
                assert!(location.starts_with(&format!("{CALLBACK}?error=invalid_request&")), "{id}: {location}");
                assert!(!location.contains("code="), "{location}");
            }
        }
        if method != AuthMethod::ClientSecretPost {
            // A good request whose code is redeemed without its verifier, with another one, or with the challenge.
            let code = code_of(&goes(&ann, &party.ask()).await);
            let other = "another-verifier-that-is-long-enough-for-pkce-too";
            for verifier in [None, Some(""), Some(other), Some(&*challenge(VERIFIER)), Some(&VERIFIER[1..])] {
                let mut fields =
                    vec![("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
                fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
                party.post("/oauth2/token", &fields).await.expect_oauth(400, "invalid_grant");
            }
            let _ = party.redeems(&code).await.expect(200);
        }
    }
    // Where an operator has given PKCE up, a verifier without a challenge means that somebody has cut the challenge out.
    let relaxed = RelyingParty::with(&app, "relaxed", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.require_pkce = false;
    })
    .await;
    let without = relaxed.ask().without("code_challenge").without("code_challenge_method");
    let code = code_of(&goes(&ann, &without).await);
    relaxed.redeems(&code).await.expect_oauth(400, "invalid_grant");
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let _ = relaxed.post("/oauth2/token", &fields).await.expect(200);
}

/// Case 31: what is advertised is what works, and nothing weaker works.
#[tokio::test]
async fn the_metadata_names_no_weak_method_and_none_works() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = trusted(&app, "app", AuthMethod::None, |_| ()).await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let metadata = ann.opens(path).await.expect(200).json();
        let list = |name: &str| -> Vec<String> {
            let list = metadata[name].as_array().unwrap_or_else(|| panic!("{name} in {metadata}"));
            list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
        let mut signed = 0;
        for name in metadata.as_object().unwrap().keys().filter(|name| name.contains("_alg_values_")) {
            assert!(list(name).iter().all(|alg| alg != "none" && !alg.starts_with("HS")), "{name}: {:?}", list(name));
            signed += 1;
        }
        assert!(signed >= 3, "{metadata}");
        assert_eq!(list("response_types_supported"), ["code"]);
        assert!(!list("grant_types_supported").iter().any(|grant| grant == "implicit" || grant == "password"));
    }
    for (method, challenge) in [
        (Some("plain"), VERIFIER.to_owned()),
        (None, VERIFIER.to_owned()),
        (Some(""), VERIFIER.to_owned()),
        (Some("plain"), challenge(VERIFIER)),
        (None, challenge(VERIFIER)),
        (Some("S512"), challenge(VERIFIER)),
        (Some("s256"), challenge(VERIFIER)),
        (Some("S256 "), challenge(VERIFIER)),
        (Some("S256,plain"), challenge(VERIFIER)),
        (Some("none"), challenge(VERIFIER)),
        (Some("S256"), VERIFIER.to_owned()),
        (Some("S256"), format!("{}=", challenge(VERIFIER))),
    ] {
        let ask = party.ask().without("code_challenge_method").with("code_challenge", challenge);
        let ask = method.into_iter().fold(ask, |ask, method| ask.with("code_challenge_method", method));
        for reply in each_way(&ann, &ask).await {
            let location = reply.header("location").unwrap();
            assert!(location.starts_with(&format!("{CALLBACK}?error=invalid_request&")), "{ask:?}: {location}");
        }
    }
    let twice = party.ask().also("code_challenge_method", "plain");
    for reply in each_way(&ann, &twice).await {
        assert!(!reply.header("location").unwrap().contains("code="), "{:?}", reply.headers);
    }
    let code = code_of(&goes(&ann, &party.ask()).await);
    let tokens = party.redeems(&code).await.expect(200).json();
    assert_ne!(identity_core::jwt::header(tokens["id_token"].as_str().unwrap()).unwrap().algorithm.as_str(), "none");
}

/// Case 32: a code is its client's, and whoever else shows it has burnt it.
#[tokio::test]
async fn a_code_that_another_client_shows_is_worth_nothing_to_anybody() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let owners = [
        trusted(&app, "page", AuthMethod::None, |_| ()).await,
        trusted(&app, "server", AuthMethod::ClientSecretBasic, |_| ()).await,
    ];
    let thief = trusted(&app, "thief", AuthMethod::ClientSecretBasic, |_| ()).await;
    let anybody = trusted(&app, "anybody", AuthMethod::None, |_| ()).await;
    let mut burnt = 0;
    for owner in &owners {
        let fields = |code: &str| {
            let pairs = [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
        };
        let id = owner.client.id.as_str();
        // Two clients in one request are none, and burn nothing.
        let code = code_of(&goes(&ann, &owner.ask()).await);
        let mut both = fields(&code);
        both.push(("client_id".to_owned(), id.to_owned()));
        let both: Vec<(&str, &str)> = both.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        thief.post("/oauth2/token", &both).await.expect_oauth(401, "invalid_client");
        let secret = thief.secret.as_deref().unwrap();
        let posted = [both.as_slice(), &[("client_secret", secret)]].concat();
        let reply = thief.actor.send(Call::at(Method::POST, "/oauth2/token").form(&posted)).await;
        reply.expect_oauth(401, "invalid_client");
        thief.post("/oauth2/token", &posted).await.expect_oauth(400, "invalid_request");
        let wrong = thief.call("/oauth2/token", &both).header(AUTHORIZATION, "Basic cGFnZTo=");
        assert_eq!(thief.actor.send(wrong).await.status, 401);
        let _ = owner.redeems(&code).await.expect(200);
        // A credential that is good is that of the thief: the code is dead for its owner too.
        for other in [&thief, &anybody] {
            let code = code_of(&goes(&ann, &owner.ask()).await);
            other.redeems(&code).await.expect_oauth(400, "invalid_grant");
            owner.redeems(&code).await.expect_oauth(400, "invalid_grant");
            burnt += 1;
            assert_eq!(events(&app, "code.replay_detected").await, burnt);
        }
        // Not even with what binds it to its owner.
        let code = code_of(&goes(&ann, &owner.ask()).await);
        let short: Vec<(&str, &str)> = vec![("grant_type", "authorization_code"), ("code", &code)];
        thief.post("/oauth2/token", &short).await.expect_oauth(400, "invalid_grant");
        burnt += 1;
        owner.redeems(&code).await.expect_oauth(400, "invalid_grant");
    }
}

/// Case 33: a code is drawn by lot, whole, and no part of it is known or enough.
#[tokio::test]
async fn a_code_is_not_put_together_from_what_others_see() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let party = trusted(&app, "page", AuthMethod::None, |_| ()).await;
    let page = goes(&ann, &party.ask()).await;
    let code = code_of(&page);
    let names: Vec<String> = page.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["code", "state", "iss"], "nothing about the session is told beside it");
    assert!(
        code.len() == 43 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "{code}"
    );
    let again = code_of(&goes(&ann, &party.ask()).await);
    let own = code_of(&goes(&eve, &party.ask()).await);
    let common = |one: &str, two: &str| one.bytes().zip(two.bytes()).filter(|(one, two)| one == two).count();
    assert!(common(&code, &again) < 12 && common(&code, &own) < 12, "{code} {again} {own}");
    // What somebody may know of the victim: ids in tokens, and those of the grant.
    let known = party.tokens(&app, &ann, "openid").await;
    let id_token = identity_tests::claims(known["id_token"].as_str().unwrap());
    let session = ann.session().await["session"].clone();
    let mut words: Vec<String> = ["sid", "sub", "nonce", "at_hash"]
        .iter()
        .filter_map(|name| Some(id_token[*name].as_str()?.to_owned()))
        .collect();
    words.extend([&session["id"], &session["token"], &session["userId"]].map(|word| word.as_str().unwrap().to_owned()));
    let (head, tail) = code.split_at(21);
    let (own_head, own_tail) = own.split_at(21);
    let mut crafted = vec![
        head.to_owned(),
        tail.to_owned(),
        code[..42].to_owned(),
        code[1..].to_owned(),
        format!("{code}A"),
        format!("{code}="),
        format!("{code} "),
        format!("{code}\n"),
        format!("{code}%00"),
        code.to_lowercase(),
        code.to_uppercase(),
        format!("{head}{own_tail}"),
        format!("{own_head}{tail}"),
        format!("{head}.{tail}"),
        format!("{own}.{code}"),
        format!("{code}.{own}"),
        format!("{code},{own}"),
        "A".repeat(43),
        "%".to_owned(),
        "_".repeat(43),
    ];
    for word in &words {
        crafted.extend([
            word.clone(),
            format!("{own}.{word}"),
            format!("{word}.{own}"),
            format!("{own_head}.{word}.{own_tail}"),
            format!("{head}.{word}"),
        ]);
        assert!(!code.contains(word.as_str()), "{word} in {code}");
    }
    crafted.retain(|made| *made != code);
    for made in &crafted {
        party.redeems(made).await.expect_oauth(400, "invalid_grant");
    }
    let owner = |tokens: &Value| identity_tests::claims(tokens["id_token"].as_str().unwrap())["sub"].clone();
    let tokens = party.redeems(&code).await.expect(200).json();
    assert_eq!(owner(&tokens), session["userId"], "no attempt has hurt it");
    let tokens = party.redeems(&own).await.expect(200).json();
    assert_eq!(owner(&tokens), eve.session().await["user"]["id"]);
}
