//! Access tokens that the service verifies itself, with keys that it asks the anchor for.

use std::time::Duration;

use identity_axum::TrustAnchor;
use identity_core::time::Clock as _;
use serde_json::{Value, json};

use super::anchor::Behaviour;
use super::tokens::{Issuer, Key, ask_with, key_set};
use super::{COOKIE, ask, refused, service};

const CHALLENGE: &str = "Bearer error=\"invalid_token\"";

#[tokio::test]
async fn a_token_of_each_algorithm_is_its_user_and_nobody_is_asked_about_it() {
    let issuer = Issuer::start().await;
    let keys = ["RS256", "PS256", "ES256", "EdDSA"].map(|algorithm| Key::new(algorithm, algorithm));
    issuer.anchor.jwks(Behaviour::body(key_set(&keys.iter().collect::<Vec<_>>())));
    let app = service(&issuer.trusted().build().unwrap());
    for key in &keys {
        for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
            let mut header = key.header();
            header["typ"] = json!(typ);
            let token = key.sign(&header, &issuer.claims());
            let me = ask_with(&app, "/me", &token).await;
            assert_eq!(me.json(), json!({ "id": "ann", "email": null }), "{} {typ}", key.algorithm);
            assert_eq!(ask_with(&app, "/feed", &token).await.json(), json!("ann"));
            assert_eq!(ask_with(&app, "/either", &token).await.json(), json!({ "authType": "user" }));
        }
    }
    let asked: Vec<_> = issuer.anchor.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/oauth2/jwks"]);
    let mut names: Vec<_> =
        issuer.anchor.asked()[1].headers.keys().map(http::HeaderName::as_str).map(String::from).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host"], "the token stays here");
}

type Rows = Vec<(&'static str, String)>;

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name);
}

/// Tokens with good claims, of which something else is bad.
fn badly_signed(issuer: &Issuer, rsa: &Key) -> Rows {
    let good = issuer.token(|_| ());
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let other = issuer.token(|claims| claims["sub"] = json!("root"));
    let other_body = other.split('.').nth(1).unwrap();
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut header = issuer.key.header();
        change(&mut header);
        issuer.key.sign(&header, &issuer.claims())
    };
    let with = |fields: Value| {
        with_header(&|header| header.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone()))
    };
    let wrong_alg = rsa.sign(&json!({ "alg": "PS256", "kid": "rsa", "typ": "at+jwt" }), &issuer.claims());
    let wrong_padding = wrong_alg.replacen(
        wrong_alg.split('.').next().unwrap(),
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6ImF0K2p3dCJ9",
        1,
    );
    let mut rows = vec![
        ("unsigned", format!("{head}.{body}.")),
        ("alg none", format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoib25lIn0.{body}.")),
        ("alg None, signed", with(json!({ "alg": "None" }))),
        ("no alg", with_header(&|header| remove(header, "alg"))),
        ("an alg that is not offered", with(json!({ "alg": "ES384" }))),
        ("alg as a list", with(json!({ "alg": ["ES256"] }))),
        ("other claims under the signature", format!("{head}.{other_body}.{signature}")),
        ("a signature that is too short", format!("{head}.{body}.MEUCIQ")),
        ("a signature that is no base64url", format!("{head}.{body}.{signature}=")),
        ("claims that are no JSON", format!("{head}.e30x.{signature}")),
        ("no kid", with_header(&|header| remove(header, "kid"))),
        ("kid as a number", with(json!({ "kid": 1 }))),
        ("an unknown kid", with(json!({ "kid": "two" }))),
        ("the kid of a key for another alg", with(json!({ "kid": "rsa" }))),
        ("the kid and alg of another key", with(json!({ "kid": "ed", "alg": "EdDSA" }))),
        ("a key for another use", with(json!({ "kid": "sealing" }))),
        ("an RSA key that is too short", with(json!({ "kid": "tiny", "alg": "RS256" }))),
        ("the alg of the same key that the key is not for", wrong_alg),
        ("a signature of another padding", wrong_padding),
        ("a key in the header", with(json!({ "kid": "mine", "jwk": issuer.key.jwk() }))),
        ("keys elsewhere", with(json!({ "kid": "mine", "jku": "https://evil.test/jwks" }))),
        ("a known extension as critical", with(json!({ "crit": ["exp"] }))),
        ("an unknown extension as critical", with(json!({ "crit": ["b64"], "b64": false }))),
        ("no typ", with_header(&|header| remove(header, "typ"))),
        ("typ JWT", with(json!({ "typ": "JWT" }))),
        ("typ of a logout token", with(json!({ "typ": "logout+jwt" }))),
    ];
    for algorithm in ["HS256", "RS256"] {
        let header = json!({ "alg": algorithm, "kid": "rsa", "typ": "at+jwt" });
        let forged = rsa.sign_with_public_key(&header, &issuer.claims());
        rows.extend(forged.into_iter().map(|token| ("the public key as a shared secret", token)));
    }
    rows
}

/// Tokens that are well signed, and say something bad.
fn bad_claims(issuer: &Issuer) -> Rows {
    let now = issuer.clock.now().timestamp();
    let url = &issuer.anchor.url;
    let with = |name: &str, value: Value| issuer.token(|claims| claims[name] = value);
    let without = |name: &str| issuer.token(|claims| remove(claims, name));
    let id_token = json!({
        "iss": url, "aud": "reports", "sub": "ann", "azp": "reports", "nonce": "n", "iat": now, "exp": now + 600,
    });
    let id_token = issuer.key.sign(&json!({ "alg": "ES256", "kid": "one", "typ": "JWT" }), &id_token);
    vec![
        ("an ID token", id_token),
        ("another issuer", with("iss", json!("https://evil.test"))),
        ("the issuer with a slash", with("iss", json!(format!("{url}/")))),
        ("no issuer", without("iss")),
        ("another audience", with("aud", json!("wallet"))),
        ("the issuer as audience", with("aud", json!(url))),
        ("audiences that look alike", with("aud", json!(["report", "reports2", "Reports"]))),
        ("no audience", with("aud", json!([]))),
        ("run out", with("exp", json!(now - 10))),
        ("never running out", without("exp")),
        ("exp as text", with("exp", json!("9999999999"))),
        ("exp out of all time", with("exp", json!(1e300))),
        ("not yet good", with("nbf", json!(now + 11))),
        ("issued in the future", with("iat", json!(now + 11))),
        ("no subject", without("sub")),
        ("no client", without("client_id")),
        ("bound to a key", with("cnf", json!({ "jkt": "x" }))),
    ]
}

#[tokio::test]
async fn a_bad_token_is_401_whatever_stands_beside_it() {
    let issuer = Issuer::start().await;
    let rsa = Key::new("rsa", "RS256");
    let changed = |key: &Key, fields: Value| {
        let mut jwk = key.jwk();
        jwk.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        jwk
    };
    let keys = json!({ "keys": [
        issuer.key.jwk(), rsa.jwk(), Key::new("ed", "EdDSA").jwk(),
        changed(&rsa, json!({ "kid": "tiny", "n": "AQAB".repeat(40) })),
        changed(&issuer.key, json!({ "kid": "sealing", "use": "enc" })),
        { "kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256" },
        { "kty": "AKP", "kid": "strange", "alg": "ML-DSA-44", "pub": "x" },
        7,
    ] });
    issuer.anchor.jwks(Behaviour::body(keys.to_string()));
    let app = service(&issuer.trusted().forward_bearer(true).build().unwrap());
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.json()["id"], "ann");
    for (row, token) in badly_signed(&issuer, &rsa).into_iter().chain(bad_claims(&issuer)) {
        for path in ["/me", "/feed", "/either"] {
            let headers = [("authorization", &*format!("Bearer {token}")), ("cookie", COOKIE)];
            let answer = ask(&app, path, &headers).await;
            assert_eq!(answer.refusal(), refused(401, "invalid_bearer"), "{row} {path}");
            assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE), "{row}");
        }
    }
    assert_eq!(issuer.anchor.count("/api/auth"), 0, "a token was passed on");
    assert_eq!(issuer.anchor.count("/oauth2/jwks"), 1, "nothing made the service ask again so soon");
}

#[tokio::test]
async fn clocks_may_differ_by_ten_seconds() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    let now = issuer.clock.now().timestamp();
    for token in [
        issuer.token(|claims| claims["exp"] = json!(now - 9)),
        issuer.token(|claims| (claims["nbf"], claims["iat"]) = (json!(now + 10), json!(now + 10))),
    ] {
        assert_eq!(ask_with(&app, "/me", &token).await.status.as_u16(), 200);
    }
    let token = issuer.token(|_| ());
    issuer.clock.advance(Duration::from_secs(609));
    assert_eq!(ask_with(&app, "/me", &token).await.status.as_u16(), 200);
    issuer.clock.advance(Duration::from_secs(1));
    assert_eq!(ask_with(&app, "/me", &token).await.refusal(), refused(401, "invalid_bearer"));
}

#[tokio::test]
async fn a_token_needs_one_of_the_audiences_and_without_any_the_issuer() {
    let issuer = Issuer::start().await;
    let audience = |audience: Value| issuer.token(|claims| claims["aud"] = audience);
    let several = service(&issuer.trusted().audience("https://api.test/reports").build().unwrap());
    let none = TrustAnchor::builder(&issuer.anchor.url).clock(issuer.clock.clone());
    let none = service(&none.timeout(Duration::from_secs(20)).build().unwrap());
    let itself = TrustAnchor::builder(&issuer.anchor.url).audience(&issuer.anchor.url).clock(issuer.clock.clone());
    let itself = service(&itself.timeout(Duration::from_secs(20)).build().unwrap());
    for (app, good, status, bad) in [
        (&several, json!("reports"), 200, json!(issuer.anchor.url)),
        (&several, json!(["wallet", "https://api.test/reports"]), 200, json!(["wallet"])),
        (&none, json!(issuer.anchor.url), 403, json!("reports")),
        (&itself, json!(issuer.anchor.url), 200, json!("reports")),
    ] {
        assert_eq!(ask_with(app, "/me", &audience(good)).await.status.as_u16(), status);
        assert_eq!(ask_with(app, "/me", &audience(bad)).await.refusal(), refused(401, "invalid_bearer"));
    }
}

#[tokio::test]
async fn only_the_algorithms_that_are_named_are_accepted() {
    let issuer = Issuer::start().await;
    let ed = identity_core::jwt::Algorithm::EdDsa;
    let app = service(&issuer.trusted().algorithms([ed]).build().unwrap());
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.refusal(), refused(401, "invalid_bearer"));
    assert!(issuer.trusted().algorithms([]).build().is_err());
    assert!(issuer.trusted().audience("").build().is_err());
}

#[tokio::test]
async fn opaque_bearers_and_cookies_are_asked_about_as_before() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().forward_bearer(true).build().unwrap());
    assert_eq!(ask_with(&app, "/me", "bob").await.json()["id"], "bob");
    assert_eq!(ask(&app, "/me", &[("cookie", COOKIE)]).await.json()["email"], "ann@example.com");
    assert_eq!((issuer.fetches(), issuer.anchor.count("/.well-known")), (0, 0));
    let silent = service(&issuer.trusted().build().unwrap());
    assert_eq!(ask_with(&silent, "/me", "bob").await.refusal(), refused(401, "invalid_bearer"));
}

#[tokio::test]
async fn a_token_tells_no_role() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    let token = issuer.token(|claims| (claims["sub"], claims["role"]) = (json!("root"), json!("admin")));
    assert_eq!(ask_with(&app, "/report", &token).await.refusal(), refused(403, "permission_denied"));
}
