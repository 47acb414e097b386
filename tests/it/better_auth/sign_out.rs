use identity_tests::TestApp;
use serde_json::json;

use super::{DELETIONS, deleted};

#[tokio::test]
async fn signing_out_makes_the_old_cookie_useless_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (at_work, thief) = (alice.at_another_browser(), alice.at_another_browser());
    let _ = at_work.signs_in().await.expect(200);
    let stolen = alice.browser(|browser| browser.clone());
    thief.browser(|browser| *browser = stolen);
    assert!(thief.is_signed_in().await);

    let reply = alice.signs_out().await.expect(200);
    assert_eq!(reply.json(), json!({ "success": true }));
    assert_eq!(deleted(&reply), DELETIONS);
    assert!(!thief.is_signed_in().await && !alice.is_signed_in().await);
    assert!(at_work.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_works_whoever_one_is_and_without_a_body() {
    let app = TestApp::start().await;
    let visitor = app.actor("visitor");
    for cookie in [None, Some("better-auth.session_token=garbage"), Some("better-auth.session_token=a.b%3D")] {
        let mut call = visitor.request(http::Method::POST, "/sign-out");
        if let Some(cookie) = cookie {
            call = call.header("cookie", cookie);
        }
        let reply = visitor.send(call).await.expect(200);
        assert_eq!(
            (reply.json(), deleted(&reply)),
            (json!({ "success": true }), DELETIONS.map(str::to_owned).to_vec())
        );
    }
}
