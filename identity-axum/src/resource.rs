//! What an API says of itself, so that clients find out where its tokens come from (RFC 9728).

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use identity_core::{Code, Error, Result};
use serde_json::{Map, Value, json};
use url::Url;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// An API that takes access tokens: its name, the authorization server that issues them, and what they may say. Cheap to clone.
///
/// ```
/// # use identity_axum::{ProtectedResource, TrustAnchor, protected_resource};
/// # fn app() -> identity_axum::Result<axum::Router> {
/// let reports = ProtectedResource::new("https://api.example.com/reports", "https://id.example.com")?
///     .scopes(["reports:read"]);
/// let anchor = TrustAnchor::builder("https://id.example.com").resource(reports.clone()).build()?;
/// let app = axum::Router::new().merge(protected_resource(&reports)).with_state(anchor);
/// # Ok(app) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource(Arc<Description>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Description {
    url: String,
    metadata_url: String,
    path: String,
    authorization_server: String,
    scopes: Vec<String>,
    name: Option<String>,
}

impl ProtectedResource {
    /// The API at `url`, whose tokens the authorization server `issuer` issues. `url` is what tokens have as their audience, letter
    /// by letter: an http or https URL without user, query and fragment.
    pub fn new(url: impl Into<String>, issuer: impl Into<String>) -> Result<Self> {
        let url = url.into();
        let invalid = |why: &'static str| Error::new(Code::InvalidInput).with_detail(why);
        let parsed =
            Url::parse(&url).map_err(|error| invalid("The URL of the resource is not one.").caused_by(error))?;
        let plain = matches!(parsed.scheme(), "http" | "https")
            && parsed.username().is_empty()
            && parsed.password().is_none()
            && parsed.query().is_none()
            && parsed.fragment().is_none();
        if !plain {
            return Err(invalid("The URL of the resource is http or https, without user, query and fragment."));
        }
        // The router reads these as placeholders.
        if parsed.path().split('/').any(|segment| segment.starts_with([':', '*', '{'])) {
            return Err(invalid("No segment of the URL of the resource begins with ':', '*' or '{'."));
        }
        // A slash that stands behind the host alone is left out (RFC 9728, section 3.1).
        let path = if parsed.path() == "/" { "" } else { parsed.path() };
        let path = format!("{WELL_KNOWN}{path}");
        let metadata_url = format!("{}{path}", parsed.origin().ascii_serialization());
        let authorization_server = issuer.into();
        let scopes = Vec::new();
        Ok(Self(Arc::new(Description { url, metadata_url, path, authorization_server, scopes, name: None })))
    }

    /// The issuer itself: tokens without another audience open its UserInfo.
    #[cfg(feature = "store")]
    pub(crate) fn of_issuer(issuer: &str) -> Self {
        Self(Arc::new(Description {
            url: issuer.to_owned(),
            metadata_url: format!("{issuer}{WELL_KNOWN}"),
            path: WELL_KNOWN.to_owned(),
            authorization_server: issuer.to_owned(),
            scopes: Vec::new(),
            name: None,
        }))
    }

    /// The scopes that its tokens may have.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        Arc::make_mut(&mut self.0).scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What people call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).name = Some(name.into());
        self
    }

    /// The name of the API, which its tokens have as their audience.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Where the metadata are; every refusal for want of a better token says so.
    #[must_use]
    pub fn metadata_url(&self) -> &str {
        &self.0.metadata_url
    }

    /// The metadata (RFC 9728, section 2).
    fn metadata(&self) -> Value {
        let mut metadata = Map::from_iter([
            ("resource".to_owned(), json!(self.0.url)),
            ("authorization_servers".to_owned(), json!([self.0.authorization_server])),
            ("bearer_methods_supported".to_owned(), json!(["header"])),
        ]);
        if !self.0.scopes.is_empty() {
            metadata.insert("scopes_supported".to_owned(), json!(self.0.scopes));
        }
        if let Some(name) = &self.0.name {
            metadata.insert("resource_name".to_owned(), json!(name));
        }
        Value::Object(metadata)
    }
}

/// Serves the metadata of an API at `/.well-known/oauth-protected-resource`, with the path of the API behind it. Mount it at the root
/// of the host that the API is on: `app.merge(protected_resource(&resource))`. Pages of any origin may read it.
pub fn protected_resource<S: Clone + Send + Sync + 'static>(resource: &ProtectedResource) -> Router<S> {
    let body: Arc<str> = resource.metadata().to_string().into();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    Router::new().route(&resource.0.path, get(async move || (headers, body.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_a_resource_stand_between_its_host_and_its_path() {
        for (url, metadata) in [
            ("https://api.test", "https://api.test/.well-known/oauth-protected-resource"),
            ("https://api.test/", "https://api.test/.well-known/oauth-protected-resource"),
            ("https://api.test:8443/a/b", "https://api.test:8443/.well-known/oauth-protected-resource/a/b"),
            ("http://localhost:9000/a/", "http://localhost:9000/.well-known/oauth-protected-resource/a/"),
        ] {
            let resource = ProtectedResource::new(url, "https://id.test").unwrap();
            assert_eq!((resource.url(), resource.metadata_url()), (url, metadata));
        }
        for url in
            ["", "api", "urn:api", "https://u@api.test", "https://api.test?x", "https://api.test#x", "http://a/:b"]
        {
            assert!(ProtectedResource::new(url, "https://id.test").is_err(), "{url}");
        }
    }
}
