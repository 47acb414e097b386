//! Requests of somebody who has signed in before.

use crate::conformance::party::random;
use crate::conformance::{Suite, in_both_modes};

in_both_modes! {
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_id_token_hint,
}

/// What may be answered to a request that must not ask anybody anything.
const NOT_WITHOUT_ASKING: [&str; 4] =
    ["login_required", "interaction_required", "account_selection_required", "consent_required"];

async fn oidcc_prompt_login(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request()).await;
    suite.sign_in_was(100).await;
    let first = client.signs_in(&client.request()).await;
    let request = client.request().with("prompt", "login");
    let answer = suite.browse(&request).await;
    assert!(answer.shown.contains(&"/ui/login".to_owned()), "{:?}", answer.shown);
    let second = client.tokens(&request, &answer).await;
    assert_eq!(first.id["sub"], second.id["sub"]);
    assert!(second.id["auth_time"].as_i64() > first.id["auth_time"].as_i64());
}

async fn oidcc_prompt_none_not_logged_in(suite: &Suite) {
    let client = suite.client().await;
    let answer = suite.browse(&client.request().with("prompt", "none").with("state", random(128))).await;
    answer.is_silent();
    answer.is_error(&NOT_WITHOUT_ASKING);
}

async fn oidcc_prompt_none_logged_in(suite: &Suite) {
    let client = suite.client().await;
    let first = client.signs_in(&client.request()).await;
    let request = client.request().with("prompt", "none");
    let answer = suite.browse(&request).await;
    answer.is_silent();
    client.tokens(&request, &answer).await.are_of_the_sign_in_of(&first);
}

async fn oidcc_max_age_1(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request()).await;
    suite.sign_in_was(2).await;
    let first = client.signs_in(&client.request().with("max_age", "1000")).await;
    let request = client.request().with("max_age", "1");
    let answer = suite.browse(&request).await;
    assert!(answer.shown.contains(&"/ui/login".to_owned()), "{:?}", answer.shown);
    let second = client.tokens(&request, &answer).await;
    assert!(second.id["auth_time"].as_i64().unwrap() > first.id["auth_time"].as_i64().unwrap());
}

async fn oidcc_max_age_10000(suite: &Suite) {
    let client = suite.client().await;
    let first = client.signs_in(&client.request().with("max_age", "15000")).await;
    assert!(first.id["auth_time"].is_i64());
    let request = client.request().with("max_age", "10000");
    let answer = suite.browse(&request).await;
    answer.is_silent();
    client.tokens(&request, &answer).await.are_of_the_sign_in_of(&first);
}

async fn oidcc_id_token_hint(suite: &Suite) {
    let client = suite.client().await;
    let first = client.signs_in(&client.request()).await;
    let request = client.request().with("prompt", "none").with("id_token_hint", first.word("id_token"));
    let answer = suite.browse(&request).await;
    answer.is_silent();
    client.tokens(&request, &answer).await.are_of_the_sign_in_of(&first);
    let another = suite.server.actor("another");
    let _ = another.signs_up().await.expect(200);
    let request = client.request().with("id_token_hint", first.word("id_token")).with("prompt", "none");
    suite.browse_as(&another, &request).await.is_error(&NOT_WITHOUT_ASKING);
}
