//! What the server fetches on the word of strangers: nothing inside of its networks, nothing by another scheme, and nothing that an
//! answer leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::LOCATION;
use http::{Method, StatusCode};
use identity_core::config::Registration;
use identity_core::id::ClientId;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Call, RelyingParty, Site, SiteAnswer, TestApp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::doors::part;
use super::over_http::{address, code_of, each_way, goes, registers, trusted};

const CALLBACK: &str = "https://app.example.test/callback";
const TRIED: &str = "SELECT COUNT(*) FROM identity_logout_deliveries WHERE attempts = 0 OR leased_until IS NOT NULL";

/// An app where everybody may register; with `lenient`, addresses of this machine are fetched from.
async fn app(lenient: bool) -> TestApp {
    let builder = TestApp::builder().config(|config| {
        config.oauth.registration = Registration::Open;
        config.oauth.outbound.allow_private = lenient;
    });
    builder.start().await
}

/// The fields of a registration whose addresses the server asks, and the picture that it shows.
const FETCHED: [&str; 4] = ["jwks_uri", "sector_identifier_uri", "backchannel_logout_uri", "logo_uri"];

fn naming(field: &str, url: &str) -> Value {
    let mut metadata = json!({ "client_name": "An application", "redirect_uris": [CALLBACK] });
    metadata[field] = json!(url);
    if field == "jwks_uri" {
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    }
    metadata
}

/// A token that is well formed and signed by nobody, from a client that is asked for its keys.
fn assertion(app: &TestApp, id: &str) -> String {
    let now = app.identity.now().timestamp();
    let claims = json!({ "iss": id, "sub": id, "aud": "http://localhost:8888", "exp": now + 60, "jti": "1" });
    let [head, body] = [json!({ "alg": "EdDSA", "kid": "one" }), claims].map(|value| part(value.to_string()));
    format!("{head}.{body}.{}", part([7; 64]))
}

/// Makes the server fetch what a client has registered under a field, and answers what a stranger is told of it: nothing, or that
/// something is not good.
async fn fetched(app: &TestApp, field: &str, url: &str) -> String {
    let stranger = app.actor("stranger");
    let registered = registers(&stranger, &naming(field, url)).await;
    if registered.status != 201 {
        registered.expect_oauth(400, "invalid_client_metadata");
        return registered.text();
    }
    assert_ne!(field, "sector_identifier_uri", "it has to be read to register");
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    match field {
        "jwks_uri" => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let token = assertion(app, &id);
            let form = [
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("client_assertion_type", kind),
                ("client_assertion", &token),
            ];
            let reply = stranger.send(Call::at(Method::POST, "/oauth2/token").form(&form)).await;
            reply.expect_oauth(401, "invalid_client");
            reply.text()
        }
        "logo_uri" => {
            let challenge = "x".repeat(43);
            let request = format!(
                "/oauth2/authorize?client_id={id}&redirect_uri={CALLBACK}&response_type=code&scope=openid\
                 &code_challenge={challenge}&code_challenge_method=S256"
            );
            let page = stranger.visits(&request).await.at("/ui/login");
            assert!(page.tags().iter().all(|tag| tag.name != "img"), "{url}");
            let picture = stranger.opens(&format!("/ui/logo?client_id={id}")).await;
            assert_eq!(picture.status, 404, "{url}");
            picture.text().replace(&id, "")
        }
        _ => {
            let secret = registered.json()["client_secret"].as_str().unwrap().to_owned();
            let client = app.identity.clients().find(&ClientId::from_text(id.as_str())).await.unwrap().unwrap();
            let party = RelyingParty { client, secret: Some(secret), actor: stranger.clone() };
            let number = app.database().number("SELECT COUNT(*) FROM identity_users").await;
            let ann = app.user(&format!("ann{number}")).await;
            let code = code_of(&goes(&ann, &party.ask()).await);
            let _ = party.redeems(&code).await.expect(200);
            let _ = ann.signs_out().await.expect(200);
            app.database().until(TRIED, 0).await;
            String::new()
        }
    }
}

/// Whether anybody has knocked at a port where nobody answers.
async fn has_visitors(canary: &TcpListener) -> bool {
    tokio::time::timeout(Duration::from_millis(50), canary.accept()).await.is_ok()
}

/// Case 38: nothing inside is reached, whatever is named and by whichever field, and no answer tells what there is.
#[tokio::test]
async fn nothing_inside_is_reached_and_no_answer_tells_an_open_port_from_a_closed_one() {
    let app = app(false).await;
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = canary.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ];
    for field in FETCHED {
        for host in hosts {
            for scheme in ["http", "https"] {
                let mut told = Vec::new();
                for port in [open, closed] {
                    told.push(fetched(&app, field, &format!("{scheme}://{host}:{port}/canary")).await);
                }
                assert_eq!(told[0], told[1], "{field} {scheme}://{host}");
                let ports = [open, closed].map(|port| port.to_string());
                assert!(ports.iter().all(|port| !told[0].contains(port.as_str())), "{}", told[0]);
            }
        }
        for url in [
            "http://169.254.169.254/latest",
            "https://169.254.169.254/latest",
            "https://[fd00:ec2::254]/latest",
            "http://10.0.0.1",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.0.1/",
            "https://100.64.0.1/",
            "https://[fe80::1]/",
            "https://[64:ff9b::7f00:1]/",
        ] {
            let told = fetched(&app, field, url).await;
            assert!(field == "logo_uri" || told.contains(field), "{field} {url}: {told}");
        }
    }
    // What is not offered at all: a request by reference, a picture of a user, a client that is an address.
    let (ann, party) = (app.user("ann").await, trusted(&app, "app", AuthMethod::None, |_| ()).await);
    let url = format!("http://127.0.0.1:{open}/canary");
    for reply in each_way(&ann, &party.ask().with("request_uri", &url)).await {
        assert!(reply.header("location").unwrap().contains("error=request_uri_not_supported"), "{:?}", reply.headers);
    }
    let _ = ann.post("/update-user", json!({ "image": url })).await.expect(200);
    let _ = ann.visits(&address(&party.ask().with("prompt", "select_account"))).await.at("/ui/account");
    let _ = ann.opens(&address(&party.ask().with("client_id", &url))).await.expect(400);
    assert!(!has_visitors(&canary).await, "somebody knocked");
}

/// A place that sends whoever asks on, as the path says, and counts.
struct Elsewhere {
    base: String,
    asked: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Elsewhere {
    async fn leading_to(target: String) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = (target, Arc::clone(&asked));
        let router = Router::new().route("/{status}/{steps}", any(send_on)).with_state(state);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, asked, _serving: serving }
    }
}

/// So many steps at this place, and then to the target.
async fn send_on(
    State((target, asked)): State<(String, Arc<AtomicUsize>)>,
    Path((status, steps)): Path<(u16, usize)>,
) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let location = match steps.checked_sub(1) {
        Some(left) => format!("/{status}/{left}"),
        None => target,
    };
    (StatusCode::from_u16(status).unwrap(), [(LOCATION, location)], "{\"keys\":[]}").into_response()
}

/// Case 39: an answer that leads elsewhere leads nowhere.
#[tokio::test]
async fn no_redirect_is_followed_however_long_the_way_and_wherever_it_leads() {
    let app = app(true).await;
    let canary = Site::start(SiteAnswer::Document(json!([CALLBACK]))).await;
    let targets = [
        canary.url(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:1/_x".to_owned(),
        "//localhost/x".to_owned(),
    ];
    for (number, target) in targets.into_iter().enumerate() {
        let elsewhere = Elsewhere::leading_to(target.clone()).await;
        let mut asked = 0;
        for field in FETCHED {
            for status in [301, 302, 303, 307, 308] {
                // One chain of ten steps is enough of a way.
                let steps: &[usize] = if number == 0 { &[0, 10] } else { &[0] };
                for steps in steps {
                    let told = fetched(&app, field, &format!("{}/{status}/{steps}", elsewhere.base)).await;
                    asked += 1;
                    assert_eq!(elsewhere.asked.load(Ordering::SeqCst), asked, "{field} {status} {steps} to {target}");
                    assert!(!told.contains("root:") && !told.contains("Location") && !told.contains(&target), "{told}");
                }
            }
        }
    }
    assert_eq!(canary.asked(), 0, "somebody went on");
    // The same place is read where nothing leads away from it.
    let metadata = naming("sector_identifier_uri", &canary.url());
    let _ = registers(&app.actor("stranger"), &metadata).await.expect(201);
    assert_eq!(canary.asked(), 1);
}

/// Case 40: an address is one of https, without anybody's name in it; http is for development alone.
#[tokio::test]
async fn no_other_scheme_than_https_is_fetched() {
    let strange = [
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "data:application/json,{}",
        "data:application/json;base64,e30=",
        "ftp://example.com/",
        "ftps://example.com/",
        "gopher://example.com/",
        "unix:/run/docker.sock",
        "unix:///run/docker.sock",
        "jar:https://example.com!/",
        "jar:file:///x!/y",
        "ws://example.com/",
        "ldap://example.com/",
        "dict://example.com/",
        "netdoc:///etc/passwd",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
        "https://",
        "https:example.com",
        "https:///etc/passwd",
        "//example.com/",
        "/etc/passwd",
        "\\\\example.com\\share",
        "https://example.com/\r\nX: 1",
        "",
    ];
    for lenient in [false, true] {
        let app = app(lenient).await;
        let (stranger, ann) = (app.actor("stranger"), app.user("ann").await);
        let party = trusted(&app, "app", AuthMethod::None, |_| ()).await;
        for url in strange {
            for field in FETCHED {
                registers(&stranger, &naming(field, url)).await.expect_oauth(400, "invalid_client_metadata");
            }
            let reply = ann.opens(&address(&party.ask().with("request_uri", url))).await.expect(303);
            let location = reply.header("location").unwrap();
            assert!(url.is_empty() || location.contains("error=request_uri_not_supported"), "{url}: {location}");
        }
        for field in FETCHED[..3].iter().filter(|_| !lenient) {
            let reply = registers(&stranger, &naming(field, "http://example.com/x")).await;
            reply.expect_oauth(400, "invalid_client_metadata");
        }
        assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_clients").await, 1);
    }
}
