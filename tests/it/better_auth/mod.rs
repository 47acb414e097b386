//! The Better Auth API as clients see it, one file per group of endpoints.

mod accounts;
mod bearer;
pub(crate) mod bodies;
mod change_email;
mod cookies;
mod delete_user;
mod email_otp;
pub(crate) mod garbage;
mod limits;
mod oauth;
mod origin_and_cors;
mod password;
mod provision;
mod redirects;
mod reset_password;
mod session;
mod sign_in;
mod sign_out;
mod sign_up;
mod user;
mod verify_email;

pub(crate) use accounts::link_provider;

use std::time::Duration;

use identity_core::text::Email;
use identity_core::user::{NewUser, User};
use identity_tests::{Actor, Reply, TestApp};
use serde_json::{Value, json};

/// Longer than any session counts as fresh, and shorter than any remembered one lives.
const STALE: Duration = Duration::from_hours(25);

/// The names of the deletions that end a session in a browser, in order.
const DELETIONS: [&str; 3] = ["better-auth.session_token", "better-auth.session_data", "better-auth.dont_remember"];

/// The names of the cookies that a reply deletes, in order.
fn deleted(reply: &Reply) -> Vec<String> {
    reply.cookies().into_iter().filter(identity_tests::SetCookie::is_deletion).map(|cookie| cookie.name).collect()
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A user whom an administrator has created, without a password.
async fn created(app: &TestApp, actor: &Actor) -> User {
    let email = Email::parse(&actor.email).unwrap();
    let new =
        NewUser { email, name: actor.name.clone(), password: None, email_verified: false, role: "user".to_owned() };
    app.identity.users().create(new).await.unwrap()
}

/// An app in which proving an address signs in.
async fn app_where_codes_sign_in() -> TestApp {
    TestApp::builder().config(|config| config.email.sign_in_after_verification = true).start().await
}

/// Somebody without a password who is signed in, by the code of a mail.
async fn user_without_password(app: &TestApp, name: &str) -> Actor {
    let actor = app.actor(name);
    created(app, &actor).await;
    let code = code_for(app, &actor, 0).await;
    let _ = actor.post("/email-otp/verify-email", json!({ "email": actor.email, "otp": code })).await.expect(200);
    assert!(actor.is_signed_in().await);
    actor
}

/// Asks for a code and reads it from the mail number `index` to the address.
pub(crate) async fn code_for(app: &TestApp, actor: &Actor, index: usize) -> String {
    let body = json!({ "email": actor.email, "type": "email-verification" });
    let _ = actor.post("/email-otp/send-verification-otp", body).await.expect(200);
    app.letter_to(&actor.email, index).await.code()
}

/// Somebody who has signed up and whose address is proved.
async fn verified_user(app: &TestApp, name: &str) -> Actor {
    let actor = app.user(name).await;
    let sql = format!("UPDATE identity_users SET email_verified = TRUE WHERE email = '{}'", actor.email);
    assert_eq!(app.database().change(&sql).await, 1);
    actor
}
