//! A small application that embeds the identity: a sign-in page of its own over the Better Auth API, and pages that know who
//! is looking at them.
//!
//! ```sh
//! cargo run -p example-embed      # then open http://localhost:3000
//! ```
//!
//! `LISTEN` (default `127.0.0.1:3000`) and `DATABASE_URL` (default `sqlite:embed.db`) choose another place.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::FromRef;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use identity_axum::{Authn, RequireUser};
use identity_core::Identity;
use identity_core::store::Store;
use tokio::net::TcpListener;

/// What the handlers of this application share. The extractors need to find an identity in it.
#[derive(Clone)]
struct App {
    identity: Identity,
}

impl FromRef<App> for Authn {
    fn from_ref(app: &App) -> Self {
        Self::from_ref(&app.identity)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(setting("LISTEN", "127.0.0.1:3000")).await?;
    let address = listener.local_addr()?;

    let store = Store::connect(&setting("DATABASE_URL", "sqlite:embed.db")).await?;
    identity_migrations::up(store.connection()).await?;
    // A real application keeps its secret out of the source.
    let identity = Identity::builder(store, "an example secret of more than 32 characters")
        .base_url(format!("http://localhost:{}", address.port()))
        .build()?;
    let worker = identity.spawn_worker();

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", get(async || Html(SIGN_IN)))
        .route("/me", get(async |user: RequireUser| Json(user.profile().email.clone())))
        .merge(identity_axum::router(&identity))
        .with_state(App { identity });
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    worker.stop().await;
    Ok(())
}

/// The front page: for somebody, or a way in.
async fn home(user: Option<RequireUser>) -> Response {
    match user {
        Some(user) => Html(HOME.replace("{{name}}", &escape(&user.profile().name))).into_response(),
        None => Redirect::to("/sign-in").into_response(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[expect(clippy::disallowed_methods, reason = "an example reads its few settings where it needs them")]
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

const HOME: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Home</title>
<h1>Hello, {{name}}</h1>
<button id="sign-out">Sign out</button>
<script type="module">
  document.querySelector('#sign-out').onclick = async () => {
    await fetch('/api/auth/sign-out', { method: 'POST' });
    location.href = '/sign-in';
  };
</script></html>"#;

/// The calls are those of `better-auth/client`, written out: `authClient.signIn.email({ email, password })` is the second one.
const SIGN_IN: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sign in</title>
<h1>Sign in</h1>
<form>
  <p><label>Name (to sign up) <input name="name" autocomplete="name"></label>
  <p><label>E-mail <input name="email" type="email" autocomplete="username" required></label>
  <p><label>Password <input name="password" type="password" autocomplete="current-password" minlength="8" required></label>
  <p><button name="action" value="sign-in">Sign in</button> <button name="action" value="sign-up">Sign up</button>
  <p role="alert"></p>
</form>
<script type="module">
  const form = document.querySelector('form');
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { name, email, password } = Object.fromEntries(new FormData(form));
    const response = await fetch(`/api/auth/${event.submitter.value}/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, email, password }),
    });
    if (response.ok) location.href = '/';
    else document.querySelector('[role=alert]').textContent = (await response.json()).message;
  };
</script></html>"#;
