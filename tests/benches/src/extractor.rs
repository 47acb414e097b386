//! An API that knows its callers by the extractor, and does nothing else.

use std::net::SocketAddr;

use axum::routing::get;
use axum::{Json, Router};
use identity_axum::{Principal, ProtectedResource, RequireUser, TrustAnchor};

use crate::Result;
use crate::bare::{Me, serve};

/// Serves `/me` for the tokens of an issuer until it is killed.
pub(crate) async fn api(listen: SocketAddr, issuer: String, audience: String) -> Result<()> {
    let resource = ProtectedResource::new(audience, &issuer)?;
    let anchor = TrustAnchor::builder(issuer).resource(resource).build()?;
    serve(listen, Router::new().route("/me", get(me)).with_state(anchor)).await
}

async fn me(RequireUser(Principal { user, .. }): RequireUser) -> Json<Me<String>> {
    Json(Me { id: user.id.to_string(), email: user.email, name: user.name, role: user.role })
}
