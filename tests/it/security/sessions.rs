//! What a cookie is worth: given to a browser before a sign-in, made from something else, and after its session ended.

use http::Method;
use identity_core::Identity;
use identity_core::secret::Secret;
use identity_core::store::{Store, StoreOptions};
use identity_core::time::Clock as _;
use identity_core::user::Ban;
use identity_tests::{Actor, TestApp, TestAppBuilder};
use serde_json::{Value, json};

use crate::base_service::{ask, refused, routes};
use crate::flows::row;

const TOKEN: &str = "better-auth.session_token";

fn cookie(actor: &Actor, name: &str) -> String {
    actor.browser(|browser| browser.get(name).unwrap_or_else(|| panic!("a cookie {name}")).to_owned())
}

/// Somebody whose browser holds one cookie of our choice.
fn with(app: &TestApp, name: &str, value: &str) -> Actor {
    let actor = app.actor("visitor");
    actor.browser(|browser| browser.set(name, value));
    actor
}

/// Case 18: a cookie that somebody has put into a browser does not become the session of who signs in there.
#[tokio::test]
async fn a_sign_in_takes_over_no_cookie_that_was_there_before() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let at_work = mallory.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let ended = cookie(&at_work, "session_token");
    let _ = at_work.signs_out().await.expect(200);
    let own = cookie(&mallory, "session_token");
    for planted in ["made-up", "made.up", &ended, &own] {
        let victim = alice.at_another_browser();
        victim.browser(|browser| browser.set(TOKEN, planted));
        let _ = victim.signs_in().await.expect(200);
        let fresh = cookie(&victim, "session_token");
        assert_ne!(fresh, planted);
        let thief = with(&app, TOKEN, planted);
        assert_ne!(thief.session().await["user"]["email"], alice.email, "{planted}");
        // What the victim does there is done by the victim, and a sign-out leaves nothing of the new one.
        assert_eq!(victim.session().await["user"]["email"], alice.email);
        let _ = victim.signs_out().await.expect(200);
        with(&app, TOKEN, &fresh).get("/me").await.expect_error(401, "UNAUTHORIZED");
    }
    let newcomer = app.actor("newcomer");
    newcomer.browser(|browser| browser.set(TOKEN, &own));
    let _ = newcomer.signs_up().await.expect(200);
    assert_ne!(cookie(&newcomer, "session_token"), own);
    assert_eq!(with(&app, TOKEN, &own).session().await["user"]["email"], mallory.email);
}

/// Case 19: whatever else we hand out, signed or not, is no session.
#[tokio::test]
async fn nothing_but_the_cookie_of_a_session_is_one() {
    let builder = TestApp::builder().config(|config| {
        config.http.cookie_cache = true;
        config.email.require_verification = true;
    });
    let app = builder.start().await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let flow = cookie(&alice, "email_flow");
    let letter = app.letter_to(&alice.email, 0).await;
    let _ = alice.opens(&letter.link()).await.expect(302);
    let body = json!({ "email": alice.email, "password": alice.password, "rememberMe": false });
    let _ = alice.post("/sign-in/email", body).await.expect(200);
    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let reset = app.letter_to(&alice.email, 1).await.token();
    let good = cookie(&alice, "session_token");
    let (token, signature) = good.split_once('.').unwrap();
    let others = [
        ("the flow", flow),
        ("not remembered", cookie(&alice, "dont_remember")),
        ("the copy", cookie(&alice, "session_data")),
        ("verification", letter.token()),
        ("code", letter.code()),
        ("reset", reset.clone()),
        ("reset, signed", format!("{reset}.{signature}")),
        ("unsigned", token.to_owned()),
        ("signature", signature.to_owned()),
        ("cut", good[..good.len() - 4].to_owned()),
        ("cut token", good[1..].to_owned()),
        ("random", "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=".to_owned()),
        ("session id", alice.session().await["session"]["id"].as_str().unwrap().to_owned()),
        ("user id", alice.session().await["user"]["id"].as_str().unwrap().to_owned()),
    ];
    for (what, value) in others {
        for name in [TOKEN, "better-auth.session_data"] {
            let visitor = with(&app, name, &value);
            assert_eq!(visitor.get("/get-session").await.expect(200).json(), Value::Null, "{what}");
            visitor.get("/me").await.expect_error(401, "UNAUTHORIZED");
        }
        let name = "better-auth.email_flow";
        assert!(!with(&app, name, &value).is_signed_in().await, "{what}");
    }
    assert!(alice.is_signed_in().await);
}

/// Case 19: a cookie that was signed under another secret is none, even while its session lives.
#[tokio::test]
async fn a_cookie_of_another_secret_is_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let store = Store::connect_with(StoreOptions::new(app.database().url())).await.unwrap();
    let under = |secret: &str| {
        let builder = Identity::builder(store.clone(), Secret::new(secret.to_owned()));
        builder.config(app.identity.config().clone()).clock(app.clock.clone()).build().unwrap()
    };
    let cookies = alice.browser(|browser| browser.header(app.clock.now())).unwrap();
    let mut answers = Vec::new();
    for secret in [identity_tests::SECRET, "another secret of tests that is long enough"] {
        let router = routes().with_state(under(secret));
        answers.push(ask(&router, "/me", &[("cookie", &cookies)]).await.status.as_u16());
    }
    assert_eq!(answers, [200, 401]);
}

/// Case 20: signing out ends the session whose secret was shown, and none that is only named.
#[tokio::test]
async fn forged_cookies_beside_the_own_one_end_nobody_elses_session() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let session = alice.session().await["session"].clone();
    let (id, token) = (session["id"].as_str().unwrap(), session["token"].as_str().unwrap());
    let own = cookie(&mallory, "session_token");
    let signature = own.split_once('.').unwrap().1;
    for named in [id, token, &format!("{token}.{signature}"), &format!("{id}.{signature}")] {
        for line in [
            format!("{TOKEN}={own}; {TOKEN}_multi-{id}={named}; {TOKEN}_multi-{token}={named}"),
            format!("{TOKEN}={named}; {TOKEN}={own}"),
            format!("{TOKEN}={own}; {TOKEN}={named}"),
            format!("{TOKEN}={named}"),
        ] {
            for path in ["/sign-out", "/revoke-session", "/revoke-sessions"] {
                let call = mallory.request(Method::POST, path).header("cookie", &line);
                let reply = mallory.send(call.json(&json!({ "token": named, "sessionId": id, "userId": id }))).await;
                assert!(reply.status.as_u16() < 500, "{}", reply.text());
                assert!(alice.is_signed_in().await, "{path} with {line}");
            }
        }
    }
}

/// Case 61: whoever is no longer an administrator is none at the next call, with whatever proof they still hold.
#[tokio::test]
async fn a_demoted_administrator_is_refused_at_once_with_every_old_credential() {
    let builder = TestApp::builder().config(|config| {
        config.http.cookie_cache = true;
        config.http.bearer = true;
    });
    let app = builder.start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    app.identity.users().set_role(&id, "admin").await.unwrap();
    let shown = alice.get("/get-session?disableCookieCache=true").await.expect(200).json();
    assert_eq!(shown["user"]["role"], "admin");
    let _ = cookie(&alice, "session_data");
    let cookies = alice.browser(|browser| browser.header(app.clock.now())).unwrap();
    let bearer = format!("Bearer {}", shown["session"]["token"].as_str().unwrap());
    let router = routes().with_state(app.identity.clone());
    let proofs = [("cookie", cookies.as_str()), ("authorization", bearer.as_str())];
    for proof in proofs {
        assert_eq!(ask(&router, "/report", &[proof]).await.status, 200, "{proof:?}");
    }
    app.identity.users().set_role(&id, "user").await.unwrap();
    for proof in proofs {
        assert_eq!(ask(&router, "/report", &[proof]).await.refusal(), refused(403, "permission_denied"), "{proof:?}");
    }
    assert_eq!(alice.get("/me").await.expect(200).json()["role"], "user");
}

fn with_every_proof() -> TestAppBuilder {
    TestApp::builder().config(|config| {
        config.http.cookie_cache = true;
        config.http.bearer = true;
    })
}

/// Case 96: after whatever ends a session, no proof of it is good at any node.
#[tokio::test]
async fn an_ended_session_is_dead_at_every_node_as_cookie_as_copy_and_as_bearer() {
    for act in ["sign out", "revoke one", "revoke all", "revoke others", "ban", "reset", "change", "delete"] {
        let app = with_every_proof().start().await;
        let node = with_every_proof().beside(&app).config(|config| config.http.bearer = true).start().await;
        let (alice, bob) = (app.user("alice").await, app.user("bob").await);
        let at_work = alice.at_another_browser();
        let _ = at_work.signs_in().await.expect(200);
        let stolen = at_work.browser(|browser| browser.clone());
        let session = at_work.session().await["session"].clone();
        let token = session["token"].as_str().unwrap();
        let proofs = async |app: &TestApp| {
            let thief = app.actor("thief");
            thief.browser(|browser| *browser = stolen.clone());
            let by_cookie = thief.get("/me").await.status.as_u16();
            let uncached = thief.get("/get-session?disableCookieCache=true").await.json() != Value::Null;
            let visitor = app.actor("visitor");
            let call = visitor.request(Method::GET, "/me").header("authorization", format!("Bearer {token}"));
            (by_cookie, visitor.send(call).await.status.as_u16(), uncached)
        };
        assert_eq!((proofs(&app).await, proofs(&node).await), ((200, 200, true), (200, 200, true)), "{act}");
        let post = async |actor: &Actor, path: &str, body: Value| drop(actor.post(path, body).await.expect(200));
        match act {
            "sign out" => post(&at_work, "/sign-out", json!({})).await,
            "revoke one" => post(&alice, "/revoke-session-by-id", json!({ "sessionId": session["id"] })).await,
            "revoke all" => post(&alice, "/revoke-sessions", json!({})).await,
            "revoke others" => post(&alice, "/revoke-other-sessions", json!({})).await,
            "ban" => {
                let ban = Ban { reason: None, expires_at: None };
                app.identity.users().ban(&row(&app, &alice).await.id, &ban).await.unwrap();
            }
            "reset" => {
                post(&alice, "/request-password-reset", json!({ "email": alice.email })).await;
                let token = app.letter_to(&alice.email, 0).await.token();
                post(&alice, "/reset-password", json!({ "newPassword": "another password", "token": token })).await;
            }
            "change" => {
                let body = json!({ "currentPassword": alice.password, "newPassword": "another password" });
                post(&alice, "/change-password", body).await;
            }
            _ => post(&alice, "/delete-user", json!({ "password": alice.password })).await,
        }
        assert_eq!((proofs(&app).await, proofs(&node).await), ((401, 401, false), (401, 401, false)), "{act}");
        let router = routes().with_state(node.identity.clone());
        let cookies = stolen.header(app.clock.now()).unwrap();
        let guarded = ask(&router, "/me", &[("cookie", &cookies)]).await;
        assert_eq!(guarded.refusal(), refused(401, "unauthorized"), "{act}");
        assert!(bob.is_signed_in().await, "{act}");
    }
}

/// Case 115: a database that cannot say who is calling makes nobody of nobody and somebody of nobody.
#[tokio::test]
async fn while_sessions_cannot_be_read_every_door_stays_shut() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let router = routes().with_state(app.identity.clone());
    let cookies = alice.browser(|browser| browser.header(app.clock.now())).unwrap();
    app.database().change("ALTER TABLE identity_sessions RENAME TO identity_gone").await;
    let posts = [
        ("/sign-in/email", json!({ "email": alice.email, "password": alice.password })),
        ("/change-password", json!({ "currentPassword": alice.password, "newPassword": "another password" })),
        ("/delete-user", json!({ "password": alice.password })),
        ("/update-user", json!({ "name": "A" })),
        ("/sign-out", json!({})),
    ];
    for (path, body) in posts {
        let reply = alice.post(path, body).await;
        assert!(reply.status.as_u16() >= 500 && reply.cookies().is_empty(), "{path}: {}", reply.text());
        assert!(!reply.text().contains("identity_"), "{path}: {}", reply.text());
    }
    for path in ["/get-session", "/me", "/list-sessions", "/list-accounts"] {
        let reply = alice.get(path).await;
        assert!(reply.status.as_u16() >= 500 && reply.cookies().is_empty(), "{path}: {}", reply.text());
    }
    for path in ["/me", "/feed", "/report"] {
        let answer = ask(&router, path, &[("cookie", &cookies)]).await;
        assert!(answer.status.as_u16() >= 500, "{path}: {answer:?}");
    }
    app.database().change("ALTER TABLE identity_gone RENAME TO identity_sessions").await;
    assert!(alice.is_signed_in().await, "nothing was taken for a sign-out");
    app.identity.store().clone().close().await.unwrap();
    for path in ["/me", "/feed", "/report"] {
        let answer = ask(&router, path, &[("cookie", &cookies)]).await;
        assert_eq!(answer.status.as_u16(), 503, "{path}: {answer:?}");
    }
    assert_eq!(alice.get("/get-session").await.status, 503);
}
