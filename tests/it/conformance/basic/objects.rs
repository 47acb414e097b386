//! Request objects (RFC 9101), which are not offered: whoever sends one hears so, and none is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::conformance::suite::CALLBACK;
use crate::conformance::{Party, Request, Suite, in_both_modes};

in_both_modes! {
    oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported,
    oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported,
    oidcc_ensure_request_object_with_redirect_uri,
}

/// The request with an unsigned object beside it.
fn with_object(client: &Party<'_>, redirect_uri: &str) -> Request {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let request = client.request();
    let claims =
        json!({ "client_id": client.id(), "redirect_uri": redirect_uri, "scope": "openid", "response_type": "code" });
    let object = format!("{}.{}.", part(json!({ "alg": "none" })), part(claims));
    request.with("request", object)
}

async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(suite: &Suite) {
    assert_eq!(suite.metadata["request_uri_parameter_supported"], false);
    let client = suite.client().await;
    let answer = suite.browse(&client.request().with("request_uri", "https://suite.example.test/object")).await;
    answer.is_error(&["request_uri_not_supported"]);
}

async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(suite: &Suite) {
    assert!(suite.metadata["request_parameter_supported"].as_bool().is_none_or(|supported| !supported));
    let client = suite.client().await;
    suite.browse(&with_object(&client, CALLBACK)).await.is_error(&["request_not_supported"]);
}

async fn oidcc_ensure_request_object_with_redirect_uri(suite: &Suite) {
    let other = "https://suite.example.test/other";
    let client = suite.register(json!({ "redirect_uris": [CALLBACK, other] })).await;
    suite.browse(&with_object(&client, other)).await.is_error(&["request_not_supported"]);
}
