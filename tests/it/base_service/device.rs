//! Devices that nobody has signed in on, alone and beside users.

use std::time::Duration;

use http::Method;
use identity_tests::Actor;
use serde_json::{Value, json};

use super::anchor::{Behaviour, DEVICE, FakeAnchor};
use super::modes::{Application, in_both_modes};
use super::{COOKIE, ask, refused, service, trusting};

const STALE: &str = "better-auth.session_token=gone.sig%3D";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// What `/either` says: who is calling, or why not.
async fn either(app: &axum::Router, headers: &[(&str, &str)]) -> Result<String, (u16, String)> {
    let answer = ask(app, "/either", headers).await;
    match answer.json()["authType"].as_str() {
        Some(kind) => Ok(kind.to_owned()),
        None => Err(answer.refusal()),
    }
}

#[tokio::test]
async fn a_device_is_known_by_its_header_alone() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).service("wallet", "wallet-secret").build().unwrap());
    assert_eq!(ask(&app, "/device", &[]).await.refusal(), refused(401, "device_token_missing"));
    assert_eq!(ask(&app, "/device", &[("cookie", COOKIE)]).await.refusal(), refused(401, "device_token_missing"));
    for malformed in ["x", "0D9C1A52-7A4F-4B6E-9D3C-5F2E8A7B6C1D", "ann.sig%3D"] {
        let answer = ask(&app, "/device", &[("x-device-session-token", malformed)]).await;
        assert_eq!(answer.refusal(), refused(401, "invalid_device_token"), "{malformed}");
    }
    assert_eq!(anchor.asked().len(), 0, "what cannot be a token is nobody's business");
    let unknown = ask(&app, "/device", &[("x-device-session-token", UNKNOWN)]).await;
    assert_eq!(unknown.refusal(), refused(401, "invalid_device_token"));
    let headers =
        [("x-device-session-token", DEVICE), ("cookie", COOKIE), ("authorization", "Bearer x"), ("x-device-id", "y")];
    assert_eq!(ask(&app, "/device", &headers).await.json(), json!({ "id": "d1" }));
    let asked = anchor.asked().pop().unwrap();
    assert_eq!((asked.method, asked.target.as_str()), (Method::POST, "/device-sessions/validate"));
    let mut names: Vec<_> = asked.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = ["accept", "content-length", "content-type", "host", "x-request-id", "x-service-authorization"];
    assert_eq!(names, expected);
}

/// Every kind of cookie beside every kind of device token, with an anchor that answers and with one that does not.
#[tokio::test]
async fn a_live_cookie_outranks_a_device_and_an_outage_makes_nobody_of_anybody() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let outage = || Err(refused(503, "anchor_unavailable"));
    let cookies = [("live", Some(COOKIE)), ("stale", Some(STALE)), ("none", None)];
    let devices = [("live", Some(DEVICE)), ("unknown", Some(UNKNOWN)), ("malformed", Some("x")), ("none", None)];
    for down in [false, true] {
        let behaviour = || if down { Behaviour::status(500) } else { Behaviour::Normal };
        anchor.session(behaviour());
        anchor.device(behaviour());
        for (cookie, cookie_value) in cookies {
            for (device, device_value) in devices {
                let headers = [("cookie", cookie_value), ("x-device-session-token", device_value)];
                let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                let expected = match (down, cookie, device) {
                    (true, "live" | "stale", _) | (true, "none", "live" | "unknown") => outage(),
                    (false, "live", _) => Ok(String::from("user")),
                    (false, _, "live") => Ok(String::from("device")),
                    (_, _, "none") => Err(refused(401, "unauthorized")),
                    _ => Err(refused(401, "invalid_device_token")),
                };
                assert_eq!(either(&app, &headers).await, expected, "down {down}, cookie {cookie}, device {device}");
            }
        }
    }
}

#[tokio::test]
async fn a_bad_bearer_is_refused_whatever_stands_beside_it() {
    let anchor = FakeAnchor::start().await;
    for forward in [false, true] {
        let app = service(&trusting(&anchor).forward_bearer(forward).build().unwrap());
        for bad in ["Bearer gone", "Bearer", "Bearer a b"] {
            let headers = [("authorization", bad), ("cookie", COOKIE), ("x-device-session-token", DEVICE)];
            assert_eq!(either(&app, &headers).await, Err(refused(401, "invalid_bearer")), "{bad}");
        }
    }
    let app = service(&trusting(&anchor).forward_bearer(true).build().unwrap());
    let headers = [("authorization", "Bearer bob"), ("cookie", STALE), ("x-device-session-token", DEVICE)];
    assert_eq!(either(&app, &headers).await.as_deref(), Ok("user"));
}

#[tokio::test]
async fn an_anchor_that_cannot_say_whether_a_device_is_known_is_an_outage() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).timeout(Duration::from_millis(500)).build().unwrap());
    let limited = Behaviour::Fixed(429, vec![("retry-after", "7".to_owned())], String::new());
    let rows = [
        (limited, "7"),
        (Behaviour::status(400), "1"),
        (Behaviour::status(401), "1"),
        (Behaviour::status(404), "1"),
        (Behaviour::status(502), "1"),
        (Behaviour::body("null"), "1"),
        (Behaviour::body(r#"{"valid":true}"#), "1"),
        (Behaviour::body("<html>"), "1"),
        (Behaviour::Silent, "1"),
    ];
    for (behaviour, wait) in rows {
        anchor.device(behaviour.clone());
        for path in ["/device", "/either"] {
            let answer = ask(&app, path, &[("x-device-session-token", DEVICE)]).await;
            assert_eq!(answer.refusal(), refused(503, "anchor_unavailable"), "{path} {behaviour:?}");
            assert_eq!(answer.header("retry-after"), Some(wait), "{path} {behaviour:?}");
        }
        let user = [("cookie", COOKIE), ("x-device-session-token", DEVICE)];
        assert_eq!(either(&app, &user).await.as_deref(), Ok("user"), "{behaviour:?}");
    }
}

async fn open(app: &Application, device: &Actor) -> String {
    let call = device.request_at(Method::POST, "/device-sessions").json(&json!({ "deviceId": "phone" }));
    device.send(call).await.expect(201).json()["sessionToken"].as_str().unwrap_or_else(|| panic!("{}", app.mode)).into()
}

#[tokio::test]
async fn a_device_is_known_until_its_session_ends_or_becomes_a_users() {
    in_both_modes(
        |_| {},
        async |app| {
            let (mode, phone) = (app.mode, app.identity.actor("phone"));
            let pages = ["/device", "/guarded/device", "/either", "/guarded/either"];
            let statuses = async |token: &str| {
                let mut statuses = Vec::new();
                for page in pages {
                    statuses.push(ask(&app.router, page, &[("x-device-session-token", token)]).await.status.as_u16());
                }
                statuses
            };
            let token = open(app, &phone).await;
            assert_eq!(statuses(&token).await, [200; 4], "{mode}");
            assert_eq!(statuses(UNKNOWN).await, [401; 4], "{mode}");
            // Using it keeps it alive.
            for _ in 0..3 {
                app.identity.pass(Duration::from_hours(24 * 20));
                assert_eq!(statuses(&token).await, [200; 4], "{mode}");
            }
            app.identity.pass(Duration::from_hours(24 * 30));
            assert_eq!(statuses(&token).await, [401; 4], "{mode}");

            let token = open(app, &phone).await;
            let ann = app.identity.user("ann").await;
            let migrate = ann.request_at(Method::POST, "/device-sessions/migrate");
            let _ = ann.send(migrate.json(&json!({ "sessionToken": token }))).await.expect(200);
            assert_eq!(statuses(&token).await, [401; 4], "{mode}");
        },
    )
    .await;
}

#[tokio::test]
async fn somebody_is_a_user_or_else_a_device() {
    in_both_modes(
        |_| {},
        async |app| {
            let mode = app.mode;
            let token = open(app, &app.identity.actor("phone")).await;
            let ann = app.identity.user("ann").await;
            let cookies = app.cookies(&ann);
            let both = [("cookie", &*cookies), ("x-device-session-token", &*token)];
            let neither: [(&str, &str); 0] = [];
            let says = async |headers: &[(&str, &str)]| {
                let mut answers = Vec::new();
                for page in ["/either", "/guarded/either"] {
                    let answer = ask(&app.router, page, headers).await;
                    let body = answer.json();
                    let kind = body["authType"].as_str().map(str::to_owned);
                    answers.push(kind.unwrap_or_else(|| answer.refusal().1));
                }
                answers.dedup();
                answers.join(" or ")
            };
            assert_eq!(says(&both).await, "user", "{mode}");
            assert_eq!(says(&both[..1]).await, "user", "{mode}");
            assert_eq!(says(&both[1..]).await, "device", "{mode}");
            assert_eq!(says(&neither).await, "unauthorized", "{mode}");
            let _ = ann.signs_out().await.expect(200);
            assert_eq!(says(&both).await, "device", "{mode}");
            let bad_bearer = [&both[..], &[("authorization", "Bearer gone")]].concat();
            assert_eq!(says(&bad_bearer).await, "invalid_bearer", "{mode}");
            let wallet = ask(&app.router, "/wallet", &[("x-device-session-token", &token)]).await;
            assert_eq!(wallet.refusal(), refused(401, "unauthorized"), "{mode}");
            assert_eq!(ask(&app.router, "/me", &both[1..]).await.refusal(), refused(401, "unauthorized"), "{mode}");
            let guarded = ask(&app.router, "/guarded/device", &both[..1]).await;
            assert_eq!(guarded.refusal(), refused(401, "device_token_missing"), "{mode}");
        },
    )
    .await;
}

#[tokio::test]
async fn extractors_behind_a_guard_ask_for_a_device_once() {
    let anchor = FakeAnchor::start().await;
    let trusted = trusting(&anchor).build().unwrap();
    for (path, guard) in [("/device", identity_axum::Guard::Device), ("/either", identity_axum::Guard::DeviceOrUser)] {
        let app = super::routes().route_layer(trusted.guard(guard)).with_state(trusted.clone());
        let before = anchor.asked().len();
        let answer = ask(&app, path, &[("x-device-session-token", DEVICE)]).await;
        assert_eq!((answer.status.as_u16(), anchor.asked().len() - before), (200, 1), "{path}");
        assert_ne!(answer.json(), Value::Null);
    }
}
