//! One application over an identity in its own process and over a trust anchor: it cannot tell them apart.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use identity_axum::{
    ACR_MAIL, ACR_PASSWORD, Authn, DeviceOrUser, Guard, Provision, RequireUser, Roles, StepUp, TrustAnchor,
};
use identity_core::config::{Config, ProvisioningTarget};
use identity_core::secret::Secret;
use identity_core::time::Clock as _;
use identity_core::user::Ban;
use identity_tests::{Actor, TestApp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Analyst, Answer, ask, refused, routes};

const SECRET: &str = "the-secret-of-the-wallet";

/// The application and the identity that it relies on.
pub(super) struct Application {
    pub(super) mode: &'static str,
    pub(super) router: Router,
    pub(super) identity: TestApp,
    hook_runs: Arc<AtomicUsize>,
    _server: JoinSet<std::io::Result<()>>,
}

impl Application {
    async fn embedded(config: fn(&mut Config)) -> Self {
        let identity = identity(config).await;
        let hook_runs = Arc::default();
        let authn = Authn::from_ref(&identity.identity);
        let router = pages(&authn, &hook_runs).with_state(identity.identity.clone());
        Self { mode: "embedded", router, identity, hook_runs, _server: JoinSet::new() }
    }

    async fn remote(config: fn(&mut Config)) -> Self {
        let identity = identity(config).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = identity.router().into_make_service_with_connect_info::<SocketAddr>();
        let server = JoinSet::from_iter([axum::serve(listener, service).into_future()]);
        let anchor = TrustAnchor::builder(url)
            .service("wallet", SECRET)
            .forward_bearer(identity.identity.config().http.bearer)
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let hook_runs = Arc::default();
        let router = pages(&anchor.authn(), &hook_runs).with_state(anchor);
        Self { mode: "remote", router, identity, hook_runs, _server: server }
    }

    /// Asks for a page with the cookies of `caller`.
    async fn get(&self, caller: &Actor, path: &str) -> Answer {
        ask(&self.router, path, &[("cookie", &self.cookies(caller))]).await
    }

    pub(super) fn cookies(&self, caller: &Actor) -> String {
        caller.browser(|browser| browser.header(self.identity.clock.now())).unwrap_or_default()
    }
}

async fn identity(config: fn(&mut Config)) -> TestApp {
    let builder = TestApp::builder().config(|options| {
        options.provisioning.push(ProvisioningTarget { name: "wallet".to_owned(), secret: Secret::from(SECRET) });
        config(options);
    });
    builder.start().await
}

fn pages<S>(authn: &Authn, hook_runs: &Arc<AtomicUsize>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Authn: FromRef<S>,
{
    let runs = Arc::clone(hook_runs);
    let hook = Provision::new("wallet", move |_| {
        runs.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let wallet = async |user: RequireUser| Json(json!({ "hasWalletAccount": user.profile().is_provisioned("wallet") }));
    let with_wallet = Router::new().route("/wallet", get(wallet)).route_layer(authn.guard(Guard::Flexible(hook)));
    let analysts = Guard::RoleGated(Roles::of::<Analyst>());
    let gated = Router::new().route("/gated", get(async || "in")).route_layer(authn.guard(analysts));
    let strongly = Guard::StepUp(StepUp::acr([ACR_PASSWORD]).unwrap());
    let strong = Router::new().route("/strong", get(async || "in")).route_layer(authn.guard(strongly));
    let mailed = Guard::StepUp(StepUp::acr([ACR_MAIL]).unwrap());
    let mailed = Router::new().route("/mailed", get(async || "in")).route_layer(authn.guard(mailed));
    let devices = Router::new().route("/guarded/device", get(async || "in")).route_layer(authn.guard(Guard::Device));
    let somebody = get(async |caller: DeviceOrUser| Json(json!({ "authType": caller.auth_type() })));
    let somebody = Router::new().route("/guarded/either", somebody).route_layer(authn.guard(Guard::DeviceOrUser));
    routes().merge(with_wallet).merge(gated).merge(strong).merge(mailed).merge(devices).merge(somebody)
}

pub(super) async fn in_both_modes(config: fn(&mut Config), test: impl AsyncFn(&Application)) {
    test(&Application::embedded(config).await).await;
    test(&Application::remote(config).await).await;
}

#[tokio::test]
async fn a_session_is_known_until_it_ends() {
    in_both_modes(
        |_| {},
        async |app| {
            let mode = app.mode;
            assert_eq!(ask(&app.router, "/me", &[]).await.refusal(), refused(401, "unauthorized"), "{mode}");
            let ann = app.identity.user("ann").await;
            let me = app.get(&ann, "/me").await.json();
            assert_eq!(me["id"], ann.session().await["user"]["id"], "{mode}");
            assert_eq!(app.get(&ann, "/feed").await.json(), me["id"], "{mode}");
            let before = app.cookies(&ann);
            let _ = ann.signs_out().await.expect(200);
            assert_eq!(
                ask(&app.router, "/me", &[("cookie", &before)]).await.refusal(),
                refused(401, "unauthorized"),
                "{mode}"
            );
            assert_eq!(ask(&app.router, "/feed", &[("cookie", &before)]).await.json(), Value::Null, "{mode}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_forged_cookie_and_identity_headers_make_nobody_of_anybody() {
    in_both_modes(
        |_| {},
        async |app| {
            let ann = app.identity.user("ann").await;
            let token = ann.session().await["session"]["token"].as_str().unwrap().to_owned();
            let signed = app.cookies(&ann);
            let unsigned = format!("better-auth.session_token={token}");
            let foreign = format!("better-auth.session_token={token}.{}%3D", "A".repeat(43));
            let other = signed.replace(&token, &token.chars().rev().collect::<String>());
            for forged in [unsigned, foreign, other] {
                let headers = [("cookie", &*forged), ("x-user-id", "ann"), ("x-user-role", "admin")];
                assert_eq!(
                    ask(&app.router, "/me", &headers).await.refusal(),
                    refused(401, "unauthorized"),
                    "{}",
                    app.mode
                );
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_ban_and_a_new_role_count_at_the_next_call() {
    in_both_modes(
        |_| {},
        async |app| {
            let mode = app.mode;
            let ann = app.identity.user("ann").await;
            for path in ["/report", "/gated"] {
                assert_eq!(ask(&app.router, path, &[]).await.refusal(), refused(401, "unauthorized"), "{mode}");
                assert_eq!(app.get(&ann, path).await.refusal(), refused(403, "permission_denied"), "{mode}");
            }
            let id = identity_core::id::UserId::from_text(app.get(&ann, "/me").await.json()["id"].as_str().unwrap());
            for role in ["user,analyst", "admin"] {
                app.identity.identity.users().set_role(&id, role).await.unwrap();
                assert_eq!(app.get(&ann, "/report").await.status.as_u16(), 200, "{mode} {role}");
                assert_eq!(app.get(&ann, "/gated").await.text, "in", "{mode} {role}");
            }
            app.identity.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
            assert_eq!(app.get(&ann, "/me").await.refusal(), refused(401, "unauthorized"), "{mode}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_service_knows_how_the_user_signed_in() {
    in_both_modes(
        |_| {},
        async |app| {
            let mode = app.mode;
            let ann = app.identity.user("ann").await;
            assert_eq!(app.get(&ann, "/strong").await.text, "in", "{mode}");
            assert_eq!(app.get(&ann, "/mailed").await.refusal(), refused(403, "session_not_fresh"), "{mode}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_bearer_is_refused_where_it_is_off_whatever_the_cookie_says() {
    in_both_modes(
        |_| {},
        async |app| {
            let ann = app.identity.user("ann").await;
            let token = ann.session().await["session"]["token"].as_str().unwrap().to_owned();
            let headers = [("authorization", &*format!("Bearer {token}")), ("cookie", &*app.cookies(&ann))];
            for path in ["/me", "/feed"] {
                assert_eq!(
                    ask(&app.router, path, &headers).await.refusal(),
                    refused(401, "invalid_bearer"),
                    "{}",
                    app.mode
                );
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_bearer_outranks_the_cookie_where_it_is_on() {
    in_both_modes(
        |config| config.http.bearer = true,
        async |app| {
            let mode = app.mode;
            let (ann, bob) = (app.identity.user("ann").await, app.identity.user("bob").await);
            let session = bob.session().await;
            let token = session["session"]["token"].as_str().unwrap();
            let cookies = app.cookies(&ann);
            let signed = bob.browser(|browser| browser.get("session_token").unwrap().to_owned());
            for bearer in [token, &signed] {
                let headers = [("authorization", &*format!("Bearer {bearer}")), ("cookie", &*cookies)];
                assert_eq!(ask(&app.router, "/me", &headers).await.json()["id"], session["user"]["id"], "{mode}");
            }
            for bad in ["Bearer gone", "Bearer", &format!("Bearer {token}.{}=", "A".repeat(43))] {
                for path in ["/me", "/feed"] {
                    let headers = [("authorization", bad), ("cookie", &*cookies)];
                    assert_eq!(
                        ask(&app.router, path, &headers).await.refusal(),
                        refused(401, "invalid_bearer"),
                        "{mode} {bad}"
                    );
                }
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_first_calls_provision_once_and_the_flag_stays() {
    in_both_modes(
        |_| {},
        async |app| {
            let ann = app.identity.user("ann").await;
            assert_eq!(ann.session().await["user"]["hasWalletAccount"], false, "{}", app.mode);
            let calls: JoinSet<_> = (0..20)
                .map(|_| {
                    let (router, cookies) = (app.router.clone(), app.cookies(&ann));
                    async move { ask(&router, "/wallet", &[("cookie", &cookies)]).await }
                })
                .collect();
            for answer in calls.join_all().await {
                assert_eq!(answer.json()["hasWalletAccount"], true, "{}", app.mode);
            }
            assert_eq!(app.hook_runs.load(Ordering::SeqCst), 1, "{}", app.mode);
            assert_eq!(ann.session().await["user"]["hasWalletAccount"], true, "{}", app.mode);
        },
    )
    .await;
}

#[tokio::test]
async fn asking_does_not_extend_a_session() {
    in_both_modes(
        |_| {},
        async |app| {
            let ann = app.identity.user("ann").await;
            app.identity.pass(Duration::from_hours(6 * 24));
            assert_eq!(app.get(&ann, "/me").await.status.as_u16(), 200, "{}", app.mode);
            app.identity.pass(Duration::from_hours(25));
            let cookies = ann.browser(|browser| browser.get("session_token").unwrap_or_default().to_owned());
            let cookie = format!("better-auth.session_token={cookies}");
            assert_eq!(
                ask(&app.router, "/me", &[("cookie", &cookie)]).await.refusal(),
                refused(401, "unauthorized"),
                "{}",
                app.mode
            );
        },
    )
    .await;
}
