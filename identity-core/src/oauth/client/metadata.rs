//! What may be said of a client: one place for what operators say and for what clients say of themselves.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::model::{AuthMethod, Client, ClientKind, ClientMetadata, GrantType, SubjectType};
use super::policy::{ClientPolicy, RefreshPolicy};
use super::uri::{check_https, check_page, check_redirect};
use crate::code::Code;
use crate::config::OAuthOptions;
use crate::error::Error;
use crate::id::ClientId;
use crate::jwt::{Algorithm, KeySet};
use crate::oauth::{ErrorCode, OAuthError};
use crate::outbound;
use crate::text::{MOST_DEPTH, can_be_stored};

const MOST_ID: usize = 128;
const MOST_NAME: usize = 128;
const MOST_URIS: usize = 50;
const MOST_TEXTS: usize = 20;
const MOST_TEXT: usize = 320;
const MOST_KEYS: usize = 20;
const MOST_KEY_BYTES: usize = 16 * 1024;
const MOST_RESOURCE: usize = 2048;
/// The longest that a policy can let a refresh token go without use.
const LONGEST_IDLE: Duration = Duration::from_hours(24 * 365);
/// The longest that a refresh token of a public client goes without use when nothing replaces it.
const LONGEST_STATIC: Duration = Duration::from_hours(24 * 7);

/// What is wrong with a client, and in which field.
#[derive(Debug)]
pub(super) struct Problem {
    field: Cow<'static, str>,
    sentence: Cow<'static, str>,
}

impl Problem {
    /// A field and what is wrong with it, as the end of a sentence that begins with the field.
    pub(super) fn new(field: impl Into<Cow<'static, str>>, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), sentence: sentence.into() }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let Problem { field, sentence } = problem;
        let detail = format!("{field} {sentence}");
        Self::new(Code::InvalidClientMetadata).with_field(field).with_detail(detail)
    }
}

impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        let Problem { field, sentence } = problem;
        let redirect = field == "redirect_uris";
        let code = if redirect { ErrorCode::InvalidRedirectUri } else { ErrorCode::InvalidClientMetadata };
        Self::new(code, format!("{field} {sentence}."))
    }
}

/// Whether a text can be a `client_id`: 1 to 128 unreserved characters of a URL (RFC 3986, section 2.3).
pub(super) fn is_id(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=MOST_ID).contains(&text.len()) && text.bytes().all(unreserved)
}

pub(super) fn check_id(id: &ClientId) -> Result<(), Problem> {
    if is_id(id.as_str()) {
        return Ok(());
    }
    Err(Problem::new("client_id", "must be 1 to 128 letters, digits and -._~"))
}

/// Checks everything about a client.
pub(super) fn check(client: &Client, options: &OAuthOptions) -> Result<(), Problem> {
    check_id(&client.id)?;
    check_name(&client.name)?;
    let metadata = &client.metadata;
    check_grants(client)?;
    each("redirect_uris", &metadata.redirect_uris, MOST_URIS, check_redirect)?;
    each("post_logout_redirect_uris", &metadata.post_logout_redirect_uris, MOST_URIS, check_redirect)?;
    if !matches!(metadata.application_type.as_deref(), None | Some("web" | "native")) {
        return Err(Problem::new("application_type", "is web or native"));
    }
    check_addresses(metadata, options)?;
    let text = |text: &str| match text.len() {
        1..=MOST_TEXT if !text.chars().any(char::is_control) => Ok(()),
        _ => Err("has a text that is empty, too long, or has control characters"),
    };
    each("contacts", &metadata.contacts, MOST_TEXTS, text)?;
    each("default_acr_values", &metadata.default_acr_values, MOST_TEXTS, text)?;
    check_keys(client)?;
    check_subjects(client)?;
    let signed = [
        ("id_token_signed_response_alg", metadata.id_token_signed_response_alg),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
    ];
    for (field, algorithm) in signed {
        if algorithm.is_some_and(|algorithm| !options.algorithms.contains(&algorithm)) {
            return Err(Problem::new(field, "is an algorithm that is not offered"));
        }
    }
    check_policy(client, &client.policy, options)
}

fn check_name(name: &str) -> Result<(), Problem> {
    if is_name(name) {
        return Ok(());
    }
    let sentence = "must be 1 to 128 characters, without spaces around it, control characters, characters that are not seen, and angle brackets";
    Err(Problem::new("client_name", sentence))
}

/// Whether a text can be shown to people as the name of a client.
pub(super) fn is_name(text: &str) -> bool {
    let forbidden = |letter: char| letter.is_control() || matches!(letter, '<' | '>') || is_unseen(letter);
    text.trim() == text && (1..=MOST_NAME).contains(&text.chars().count()) && !text.contains(forbidden)
}

/// Whether a letter leaves no trace of its own, or turns the direction of a text: with such, one name looks like another (Unicode: `Cf`
/// and `Default_Ignorable_Code_Point`, but for the marks that choose the form of an emoji).
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn check_grants(client: &Client) -> Result<(), Problem> {
    let metadata = &client.metadata;
    let uses = |grant: GrantType| metadata.grant_types.contains(&grant);
    if client.kind != client.auth_method.kind() {
        return Err(Problem::new("token_endpoint_auth_method", "is none for public clients, and for them alone"));
    }
    if metadata.grant_types.len() > GrantType::ALL.len() {
        return Err(Problem::new("grant_types", "has a grant type twice"));
    }
    if uses(GrantType::ClientCredentials) && client.kind == ClientKind::Public {
        return Err(Problem::new("grant_types", "may have client_credentials for confidential clients only"));
    }
    let gives_refresh_tokens = uses(GrantType::AuthorizationCode) || uses(GrantType::DeviceCode);
    if uses(GrantType::RefreshToken) && !gives_refresh_tokens {
        return Err(Problem::new("grant_types", "may have refresh_token only beside one that gives refresh tokens"));
    }
    let expected: &[&str] = if uses(GrantType::AuthorizationCode) { &["code"] } else { &[] };
    if metadata.response_types != expected {
        return Err(Problem::new(
            "response_types",
            "must be code with the grant type authorization_code, and else nothing",
        ));
    }
    if uses(GrantType::AuthorizationCode) && metadata.redirect_uris.is_empty() {
        return Err(Problem::new("redirect_uris", "must have one for the grant type authorization_code"));
    }
    Ok(())
}

fn each(
    field: &'static str,
    values: &[String],
    most: usize,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<(), Problem> {
    if values.len() > most {
        return Err(Problem::new(field, format!("has more than {most} values")));
    }
    values.iter().try_for_each(|value| check(value)).map_err(|sentence| Problem::new(field, sentence))
}

fn check_addresses(metadata: &ClientMetadata, options: &OAuthOptions) -> Result<(), Problem> {
    let pages =
        [("client_uri", &metadata.client_uri), ("policy_uri", &metadata.policy_uri), ("tos_uri", &metadata.tos_uri)];
    for (field, uri) in pages {
        if let Some(uri) = uri {
            check_page(uri).map_err(|sentence| Problem::new(field, sentence))?;
        }
    }
    if let Some(uri) = &metadata.initiate_login_uri {
        check_https(uri).map_err(|sentence| Problem::new("initiate_login_uri", sentence))?;
    }
    let reached = [
        ("jwks_uri", &metadata.jwks_uri),
        ("logo_uri", &metadata.logo_uri),
        ("sector_identifier_uri", &metadata.sector_identifier_uri),
        ("backchannel_logout_uri", &metadata.backchannel_logout_uri),
    ];
    for (field, uri) in reached {
        let Some(uri) = uri else { continue };
        let checked = if options.outbound.allow_private { check_page(uri) } else { check_https(uri) };
        let url = checked.map_err(|sentence| Problem::new(field, sentence))?;
        if uri.contains('#') {
            return Err(Problem::new(field, "may not have a fragment"));
        }
        outbound::check(&url, &options.outbound)
            .map_err(|_| Problem::new(field, "is at an address that is not reached from here"))?;
    }
    Ok(())
}

fn check_keys(client: &Client) -> Result<(), Problem> {
    let metadata = &client.metadata;
    if metadata.jwks.is_some() && metadata.jwks_uri.is_some() {
        return Err(Problem::new("jwks", "and jwks_uri exclude each other"));
    }
    let asserts = client.auth_method == AuthMethod::PrivateKeyJwt;
    let Some(jwks) = &metadata.jwks else {
        return match metadata.jwks_uri {
            None if asserts => Err(Problem::new("jwks", "or jwks_uri is needed for private_key_jwt")),
            _ => Ok(()),
        };
    };
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or(Problem::new("jwks", "must be an object with keys"))?;
    if !can_be_stored(jwks) {
        let problem =
            format!("has a member or a text that is not accepted, such as a NUL, or more than {MOST_DEPTH} levels");
        return Err(Problem::new("jwks", problem));
    }
    if keys.is_empty() || keys.len() > MOST_KEYS || jwks.to_string().len() > MOST_KEY_BYTES {
        return Err(Problem::new("jwks", format!("must have 1 to {MOST_KEYS} keys, together below 16 KiB")));
    }
    // The private members of RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1, and of RFC 8037, section 2.
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    for key in keys {
        let kind = key.get("kty").and_then(Value::as_str);
        if !matches!(kind, Some("RSA" | "EC" | "OKP")) || private.iter().any(|member| key.get(member).is_some()) {
            return Err(Problem::new("jwks", "must have public keys only"));
        }
    }
    let fits = || KeySet::read(jwks.clone()).is_some_and(|keys| keys.has_one_for(client.assertion_algorithms()));
    if asserts && !fits() {
        return Err(Problem::new("jwks", "has no key that an assertion can be verified with"));
    }
    Ok(())
}

fn check_subjects(client: &Client) -> Result<(), Problem> {
    let metadata = &client.metadata;
    if metadata.sector_identifier_uri.is_some() && metadata.redirect_uris.is_empty() {
        return Err(Problem::new("sector_identifier_uri", "needs redirect_uris, which its document lists"));
    }
    if metadata.subject_type == SubjectType::Public {
        return Ok(());
    }
    // Whoever gets tokens without a code needs none of the addresses that it names, which may be another's.
    let of_a_sector = metadata.sector_identifier_uri.is_some() || client.may_use(GrantType::AuthorizationCode);
    if client.registered && of_a_sector && client.may_use(GrantType::DeviceCode) {
        return Err(Problem::new(
            "grant_types",
            "may have the code of a device beside a sector with public subjects only",
        ));
    }
    if metadata.sector_identifier_uri.is_some() {
        return Ok(());
    }
    let host = |uri: &String| url::Url::parse(uri).ok().and_then(|url| url.host_str().map(str::to_owned));
    let mut hosts: Vec<_> = metadata.redirect_uris.iter().map(host).collect();
    hosts.dedup();
    if hosts.len() > 1 {
        return Err(Problem::new("sector_identifier_uri", "is needed when redirect_uris are of several hosts"));
    }
    Ok(())
}

fn check_policy(client: &Client, policy: &ClientPolicy, options: &OAuthOptions) -> Result<(), Problem> {
    if !policy.require_pkce && client.kind == ClientKind::Public {
        return Err(Problem::new("require_pkce", "can be given up for confidential clients only"));
    }
    if !options.algorithms.contains(&policy.access_token_alg) {
        return Err(Problem::new("access_token_alg", "is an algorithm that is not offered"));
    }
    let is_static = policy.refresh == RefreshPolicy::Static && client.kind == ClientKind::Public;
    let longest_idle = if is_static { LONGEST_STATIC } else { LONGEST_IDLE };
    if is_static && policy.refresh_token_idle.is_none() {
        return Err(Problem::new("refresh_token_idle", "must be given where refresh tokens of a public client stay"));
    }
    let lifetimes = [
        ("code_lifetime", policy.code_lifetime, OAuthOptions::LONGEST_CODE),
        ("access_token_lifetime", policy.access_token_lifetime, OAuthOptions::LONGEST_OF_CLIENT),
        ("id_token_lifetime", policy.id_token_lifetime, OAuthOptions::LONGEST_OF_CLIENT),
        ("refresh_token_idle", policy.refresh_token_idle, longest_idle),
    ];
    for (field, seconds, longest) in lifetimes {
        let most = longest.as_secs();
        if seconds.is_some_and(|seconds| !(1..=most).contains(&seconds)) {
            return Err(Problem::new(field, format!("must be 1 to {most} seconds")));
        }
    }
    let resource = |uri: &str| match url::Url::parse(uri) {
        Ok(url) if url.fragment().is_none() && uri.len() <= MOST_RESOURCE => Ok(()),
        _ => Err("must be absolute URIs without a fragment"),
    };
    each("resources", &policy.resources, MOST_URIS, resource)
}

impl Client {
    /// Everything that is registered, under the names of RFC 7591, section 2; no secret is in it.
    ///
    /// # Errors
    /// `internal`.
    pub fn to_document(&self) -> Result<Map<String, Value>, Error> {
        let metadata = serde_json::to_value(&self.metadata).map_err(Error::internal)?;
        let Value::Object(mut document) = metadata else { return Err(Code::Internal.into()) };
        document.retain(|_, value| value.as_array().is_none_or(|values| !values.is_empty()));
        document.insert("client_id".to_owned(), self.id.as_str().into());
        document.insert("client_name".to_owned(), self.name.as_str().into());
        document.insert("token_endpoint_auth_method".to_owned(), self.auth_method.as_str().into());
        Ok(document)
    }

    /// With what its assertions may be signed.
    pub(super) fn assertion_algorithms(&self) -> &[Algorithm] {
        self.metadata.token_endpoint_auth_signing_alg.as_ref().map_or(Algorithm::ALL, std::slice::from_ref)
    }
}
