//! Users who have to prove it again (RFC 9470).

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use identity_axum::{Acr, Guard, RequireAcr, RequireFresh, StepUp, TrustAnchor};
use identity_core::time::Clock as _;
use serde_json::{Value, json};

use super::tokens::{Issuer, ask_with};
use super::{COOKIE, ask, refused};

enum PhishingResistant {}

impl Acr for PhishingResistant {
    const VALUES: &'static [&'static str] = &["phr", "phrh"];
}

fn app(anchor: &TrustAnchor) -> Router {
    let both = StepUp::acr(["phr"]).unwrap().and_within(Duration::from_mins(5));
    let gated = Router::new().route("/both", get(async || "in")).route_layer(anchor.guard(Guard::StepUp(both)));
    Router::new()
        .route("/fresh", get(async |user: RequireFresh<300>| user.user.id.to_string()))
        .route("/strong", get(async |user: RequireAcr<PhishingResistant>| user.user.id.to_string()))
        .merge(gated)
        .with_state(anchor.clone())
}

#[tokio::test]
async fn a_sign_in_that_is_too_old_or_too_weak_is_asked_for_again() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().build().unwrap());
    let now = issuer.clock.now().timestamp();
    let token = |auth_time: Value, acr: Value| {
        issuer.token(|claims| {
            let claims = claims.as_object_mut().unwrap();
            let told = [("auth_time", auth_time), ("acr", acr)].into_iter().filter(|(_, value)| !value.is_null());
            claims.extend(told.map(|(name, value)| (name.to_owned(), value)));
        })
    };
    let (fresh, strong) = ("max_age=\"300\"", "acr_values=\"phr phrh\"");
    let both = "max_age=\"300\", acr_values=\"phr\"";
    for (path, auth_time, acr, missing) in [
        ("/fresh", json!(now), Value::Null, None),
        ("/fresh", json!(now - 300), Value::Null, None),
        ("/fresh", json!(now - 301), json!("phr"), Some(fresh)),
        ("/fresh", Value::Null, json!("phr"), Some(fresh)),
        ("/strong", Value::Null, json!("phrh"), None),
        ("/strong", json!(now), json!("pwd"), Some(strong)),
        ("/strong", json!(now), json!("PHR"), Some(strong)),
        ("/strong", json!(now), Value::Null, Some(strong)),
        ("/both", json!(now), json!("phr"), None),
        ("/both", json!(now), json!("phrh"), Some(both)),
        ("/both", json!(now - 301), json!("phr"), Some(both)),
    ] {
        let answer = ask_with(&app, path, &token(auth_time.clone(), acr.clone())).await;
        let row = format!("{path} {auth_time} {acr}");
        let Some(missing) = missing else {
            assert_eq!(answer.status.as_u16(), 200, "{row}");
            continue;
        };
        assert_eq!(answer.refusal(), refused(401, "insufficient_user_authentication"), "{row}");
        let challenge = format!("Bearer error=\"insufficient_user_authentication\", {missing}");
        assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{row}");
    }
}

#[tokio::test]
async fn a_session_is_fresh_by_its_beginning_and_strong_by_what_the_anchor_tells() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().build().unwrap());
    let cookie = [("cookie", COOKIE)];
    let began = chrono::DateTime::parse_from_rfc3339("2026-11-21T07:51:05.284Z").unwrap().to_utc();
    issuer.clock.set(began + Duration::from_mins(5));
    assert_eq!(ask(&app, "/fresh", &cookie).await.text, "ann");
    assert_eq!(ask(&app, "/strong", &cookie).await.refusal(), refused(403, "session_not_fresh"));
    issuer.clock.advance(Duration::from_secs(1));
    let stale = ask(&app, "/fresh", &cookie).await;
    assert_eq!((stale.refusal(), stale.header("www-authenticate")), (refused(403, "session_not_fresh"), None));
    assert_eq!(ask(&app, "/both", &cookie).await.refusal(), refused(403, "session_not_fresh"));
    let strong = [("cookie", "better-auth.session_token=bob.sig%3D")];
    assert_eq!(ask(&app, "/strong", &strong).await.text, "bob");
    assert_eq!(ask(&app, "/both", &strong).await.refusal(), refused(403, "session_not_fresh"));
    issuer.clock.set(began);
    assert_eq!(ask(&app, "/both", &strong).await.text, "in");
}

#[tokio::test]
async fn nobody_and_a_client_alone_are_no_users() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().build().unwrap());
    let client = issuer.token(|claims| (claims["sub"], claims["auth_time"]) = (json!("app"), json!(claims["iat"])));
    for path in ["/fresh", "/both"] {
        let nobody = ask(&app, path, &[]).await;
        assert_eq!(nobody.refusal(), refused(401, "unauthorized"));
        assert!(nobody.header("www-authenticate").unwrap().starts_with("Bearer max_age=\"300\""));
        assert_eq!(ask_with(&app, path, &client).await.refusal(), refused(403, "permission_denied"));
    }
}

#[test]
fn a_step_up_without_classes_cannot_be_built() {
    assert!(StepUp::acr(Vec::<String>::new()).is_err());
    for bad in ["", "two words", "quo\"te"] {
        assert!(StepUp::acr(["phr", bad]).is_err(), "{bad:?}");
    }
}
