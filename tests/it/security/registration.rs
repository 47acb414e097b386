//! Clients that register themselves: who may, with what, and what comes of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::AUTHORIZATION;
use identity_core::config::{Config, Registration};
use identity_tests::{Call, RelyingParty, Reply, Site, SiteAnswer, TestApp};
use serde_json::{Value, json};

use super::over_http::{address, is_a_page_about_it, registers};
use crate::flows::row;

const CALLBACK: &str = "https://app.example.test/callback";
const INITIAL: &str = "the initial access token";
const CLIENTS: &str = "SELECT COUNT(*) FROM identity_clients";

async fn app(registration: Registration) -> TestApp {
    TestApp::builder().config(|config| config.oauth.registration = registration).start().await
}

fn metadata() -> Value {
    json!({ "client_name": "An application", "redirect_uris": [CALLBACK] })
}

fn with(name: &str, value: Value) -> Value {
    let mut metadata = metadata();
    metadata[name] = value;
    metadata
}

/// An error in JSON, short and of nobody's fault but the client's.
#[track_caller]
fn is_refused(reply: &Reply, what: &str) {
    assert!(reply.status.is_client_error(), "{what}: {} {}", reply.status, reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"), "{what}");
    reply.expect_oauth(reply.status.as_u16(), &reply.oauth_error().unwrap_or_default());
    assert!(reply.body.len() < 1024, "{what}: {}", reply.text());
}

/// Case 35: nobody makes a client but who may, whoever they are otherwise and by whichever way.
#[tokio::test]
async fn clients_are_made_by_who_may_and_by_nobody_else() {
    let with_token = || Registration::WithToken(INITIAL.into());
    let settings: [(Option<Registration>, u16, &str); 3] = [
        (None, 403, "access_denied"),
        (Some(Registration::Off), 403, "access_denied"),
        (Some(with_token()), 401, "invalid_token"),
    ];
    for (registration, status, error) in settings {
        let guarded = matches!(registration, Some(Registration::WithToken(_)));
        let change = |config: &mut Config| {
            config.http.bearer = true;
            // Without a word about it, registration is off.
            if let Some(registration) = registration {
                config.oauth.registration = registration;
            }
        };
        let app = TestApp::builder().config(change).start().await;
        let (ann, root) = (app.user("ann").await, app.user("root").await);
        app.identity.users().set_role(&row(&app, &root).await.id, "admin").await.unwrap();
        let party = RelyingParty::public(&app, "page").await;
        let mut proofs = vec![None, Some("Bearer wrong".to_owned()), Some(format!("Basic {}", STANDARD.encode("a:b")))];
        for actor in [&ann, &root] {
            let access = party.tokens(&app, actor, "openid").await["access_token"].as_str().unwrap().to_owned();
            let session = actor.session().await["session"]["token"].as_str().unwrap().to_owned();
            proofs.extend([access, session].map(|token| Some(format!("Bearer {token}"))));
        }
        if !guarded {
            proofs.push(Some(format!("Bearer {INITIAL}")));
        }
        let before = app.database().number(CLIENTS).await;
        for actor in [&app.actor("nobody"), &ann, &root] {
            for proof in &proofs {
                for path in ["/oauth2/register", "/api/auth/oauth2/register"] {
                    let call = actor.request_at(Method::POST, path).json(&metadata());
                    let call = proof.iter().fold(call, |call, proof| call.header(AUTHORIZATION, proof));
                    actor.send(call).await.expect_oauth(status, error);
                }
            }
            // Where others let administrators or members of an organisation make clients, there is nothing here.
            for path in ["create-client", "client", "clients", "admin/oauth2/create-client", "register-client"] {
                for method in [Method::POST, Method::PUT] {
                    for base in ["/api/auth/oauth2", "/api/auth", "/oauth2", "/api/admin"] {
                        let path = format!("{base}/{path}");
                        let reply = actor.send(actor.request_at(method.clone(), &path).json(&metadata())).await;
                        assert!([404, 405].contains(&reply.status.as_u16()), "{path}: {}", reply.text());
                    }
                }
            }
        }
        assert_eq!(app.database().number(CLIENTS).await, before);
        if guarded {
            let call = Call::at(Method::POST, "/oauth2/register").json(&metadata());
            let call = call.header(AUTHORIZATION, format!("Bearer {INITIAL}"));
            let _ = app.actor("nobody").send(call).await.expect(201);
        }
    }
}

/// Case 35: a client is not made by naming the address of its description.
#[tokio::test]
async fn the_address_of_a_description_is_no_client() {
    let builder = TestApp::builder().config(|config| {
        config.oauth.registration = Registration::Open;
        config.oauth.outbound.allow_private = true;
    });
    let app = builder.start().await;
    let site = Site::start(SiteAnswer::Document(metadata())).await;
    let ann = app.user("ann").await;
    let party = RelyingParty::public(&app, "page").await;
    for id in [site.url(), site.url().replace("http:", "https:"), format!("{}%00", site.url())] {
        is_a_page_about_it(&ann.opens(&address(&party.ask().with("client_id", &id))).await, &id);
        let form = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", &id)];
        let reply = ann.send(Call::at(Method::POST, "/oauth2/token").form(&form)).await;
        reply.expect_oauth(401, "invalid_client");
    }
    assert_eq!((site.asked(), app.database().number(CLIENTS).await), (0, 1));
}

/// The header and the fields that a client comes with.
type Presented<'a> = (Option<String>, Vec<(&'a str, &'a str)>);

/// Case 36: a client that has got a secret is nobody without it.
#[tokio::test]
async fn a_client_that_got_a_secret_does_not_pass_without_it() {
    let app = app(Registration::Open).await;
    let client = app.actor("client");
    for method in [None, Some("client_secret_basic"), Some("client_secret_post")] {
        let mut metadata = with(
            "grant_types",
            json!(["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]),
        );
        if let Some(method) = method {
            metadata["token_endpoint_auth_method"] = json!(method);
        }
        let registered = registers(&client, &metadata).await.expect(201).json();
        let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
        let posts = method == Some("client_secret_post");
        let header = |pair: &str| Some(format!("Basic {}", STANDARD.encode(pair)));
        let mut presented: Vec<Presented<'_>> = vec![
            (None, vec![("client_id", id)]),
            (None, vec![("client_id", id), ("client_secret", "")]),
            (None, vec![("client_id", id), ("client_secret", " ")]),
            (None, vec![("client_id", id), ("client_secret", "+")]),
            (None, vec![("client_id", id), ("client_secret", "null")]),
            (None, vec![("client_id", id), ("client_secret", &secret[1..])]),
            (None, vec![("client_secret", secret)]),
            (header(&format!("{id}:")), vec![]),
            (header(&format!("{id}: ")), vec![]),
            (header(&format!("{id}:+")), vec![]),
            (header(&format!("{id}:%20")), vec![]),
            (header(id), vec![]),
            (header(&format!("{id}:")), vec![("client_id", id)]),
            (header(&format!(":{secret}")), vec![]),
        ];
        // Nor does it pass with its secret in the other place.
        presented.push(if posts {
            (header(&format!("{id}:{secret}")), vec![])
        } else {
            (None, vec![("client_id", id), ("client_secret", secret)])
        });
        let endpoints: [(&str, &[(&str, &str)]); 7] = [
            ("/oauth2/token", &[("grant_type", "authorization_code"), ("code", "x")]),
            ("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
            ("/api/auth/oauth2/token", &[("grant_type", "authorization_code"), ("code", "x")]),
            ("/oauth2/introspect", &[("token", "x")]),
            ("/api/auth/oauth2/introspect", &[("token", "x")]),
            ("/oauth2/revoke", &[("token", "x")]),
            ("/oauth2/device", &[("scope", "openid")]),
        ];
        for (path, fields) in endpoints {
            let ask = async |header: &Option<String>, pairs: &[(&str, &str)]| {
                let call = Call::at(Method::POST, path).form(&[fields, pairs].concat());
                client.send(header.iter().fold(call, |call, header| call.header(AUTHORIZATION, header))).await
            };
            for (header, pairs) in &presented {
                let reply = ask(header, pairs).await;
                reply.expect_oauth(401, "invalid_client");
                assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "), "{path} {pairs:?}");
            }
            let good = if posts {
                ask(&None, &[("client_id", id), ("client_secret", secret)]).await
            } else {
                ask(&header(&format!("{id}:{secret}")), &[]).await
            };
            assert_ne!(good.oauth_error().as_deref(), Some("invalid_client"), "{path}: {}", good.text());
        }
    }
}

fn headers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("no token", b"Bearer".to_vec()),
        ("an empty token", b"Bearer ".to_vec()),
        ("a tab", b"bearer\tX".to_vec()),
        ("another scheme", b"Basic".to_vec()),
        ("a scheme without an end", b"Basic Og==".to_vec()),
        ("nothing", Vec::new()),
        ("a space", b" ".to_vec()),
        ("no UTF-8", vec![b'B', b'e', b'a', b'r', b'e', b'r', b' ', 0xff, 0xfe]),
        ("no UTF-8 at all", vec![0xff, 0x80]),
        ("two tokens", b"Bearer a, Bearer b".to_vec()),
        ("a long token", [b"Bearer ".to_vec(), vec![b'x'; 8000]].concat()),
    ]
}

/// Case 37: whatever stands in the header, the answer is an error in JSON and no fault of ours.
#[tokio::test]
async fn a_broken_credential_at_registration_is_a_refusal() {
    let app = app(Registration::WithToken(INITIAL.into())).await;
    let client = app.actor("client");
    let good = Call::at(Method::POST, "/oauth2/register").json(&metadata());
    let good = good.header(AUTHORIZATION, format!("Bearer {INITIAL}"));
    let registered = client.send(good.clone()).await.expect(201).json();
    let path = registered["registration_client_uri"].as_str().unwrap().strip_prefix("http://localhost:8888").unwrap();
    for (what, header) in headers() {
        for (method, path) in [
            (Method::POST, "/oauth2/register"),
            (Method::GET, path),
            (Method::PUT, path),
            (Method::DELETE, path),
            (Method::GET, "/oauth2/register/nobody"),
            (Method::GET, "/oauth2/register/%00"),
        ] {
            let call = Call::at(method.clone(), path).json(&metadata()).header(AUTHORIZATION, &header);
            let reply = client.send(call).await;
            is_refused(&reply, what);
            assert_eq!(reply.status, 401, "{method} {path} with {what}: {}", reply.text());
        }
    }
    let twice = good.also(AUTHORIZATION, "Bearer x");
    is_refused(&client.send(twice).await, "two headers");
    assert_eq!(app.database().number(CLIENTS).await, 1);
}

/// Case 37: whatever stands in the body, the answer is an error in JSON and no fault of ours.
#[tokio::test]
async fn a_broken_description_at_registration_is_a_refusal() {
    let app = app(Registration::Open).await;
    let client = app.actor("client");
    let registered = registers(&client, &metadata()).await.expect(201).json();
    let path = registered["registration_client_uri"].as_str().unwrap().strip_prefix("http://localhost:8888").unwrap();
    let bearer = format!("Bearer {}", registered["registration_access_token"].as_str().unwrap());
    let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let key = |name: &str, value: &str| {
        let mut key = public.clone();
        key[name] = json!(value);
        json!({ "keys": [key] })
    };
    let keys = |keys: Value| with("jwks", json!({ "keys": keys }));
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "p": "AQAB", "q": "AQAB" });
    let mut both = keys(json!([public]));
    both["jwks_uri"] = json!("https://app.example.test/jwks");
    let bodies = [
        with("redirect_uris", json!([null])),
        with("redirect_uris", json!([CALLBACK, null])),
        with("redirect_uris", json!([[CALLBACK]])),
        with("redirect_uris", json!([{}])),
        with("redirect_uris", json!({ "0": CALLBACK })),
        with("redirect_uris", json!([""])),
        with("redirect_uris", json!([format!("{CALLBACK}\u{0}")])),
        with("redirect_uris", json!(vec!["https://a.b/1"; 1000])),
        with("redirect_uris", json!(vec!["https://a.b/1"; 10_000])),
        with("post_logout_redirect_uris", json!([null])),
        with("post_logout_redirect_uris", json!(vec!["https://a.b/1"; 1000])),
        with("grant_types", json!([null])),
        with("grant_types", json!(vec!["authorization_code"; 5000])),
        with("response_types", json!([null, "code"])),
        with("contacts", json!([null])),
        with("contacts", json!(vec!["a"; 5000])),
        with("default_acr_values", json!([null])),
        with("default_max_age", json!(1e300)),
        with("client_name", json!({ "en": "x" })),
        with("client_name", json!("x".repeat(60_000))),
        with("client_name", json!("x\u{0}")),
        with("jwks", key("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")),
        with("jwks", key("k", "AAAA")),
        keys(json!([rsa])),
        keys(json!([{ "kty": "oct", "k": "AAAA" }])),
        keys(json!([public, { "kty": "oct", "k": "AAAA", "alg": "HS256" }])),
        keys(json!([null])),
        keys(json!({})),
        keys(json!([])),
        keys(json!(vec![public.clone(); 21])),
        keys(json!([{ "kty": "OKP", "crv": "Ed25519", "x": "x".repeat(20_000) }])),
        with("jwks", json!("{\"keys\":[]}")),
        both,
    ];
    let id = &registered["client_id"];
    let mut texts: Vec<String> = Vec::new();
    for mut body in bodies {
        body["client_id"] = id.clone();
        texts.push(body.to_string());
    }
    texts.extend(["", "null", "[]", "7", "{", "{\"redirect_uris\":", "\"{}\"", "{}{}"].map(str::to_owned));
    texts.push(format!("{{\"redirect_uris\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000)));
    texts.push(format!("{{\"redirect_uris\":[\"{CALLBACK}\"],\"default_max_age\":1e999}}"));
    let mut bytes: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    bytes.push(b"{\"client_name\":\"\xff\xfe\",\"redirect_uris\":[\"https://app.example.test/cb\"]}".to_vec());
    bytes.push(vec![0; 100]);
    for body in bytes {
        let what = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        for (method, path) in [(Method::POST, "/oauth2/register"), (Method::PUT, path)] {
            let call = Call::at(method, path).header("content-type", "application/json").body(body.clone());
            is_refused(&client.send(call.header(AUTHORIZATION, &bearer)).await, &what);
        }
    }
    assert_eq!(app.database().number(CLIENTS).await, 1);
    let read = Call::at(Method::GET, path).header(AUTHORIZATION, &bearer);
    assert_eq!(client.send(read).await.expect(200).json()["client_name"], "An application", "nothing was changed");
}
