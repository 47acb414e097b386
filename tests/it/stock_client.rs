//! A client that we did not write, the `openidconnect` crate, against the built server. Those of npm and `PyPI` are in
//! `tests/compat/relying-party.mjs`.

use http::Method;
use identity_tests::{Actor, Page, SelfSigned, Server};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl, HttpRequest, HttpResponse,
    IntrospectionUrl, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RevocationUrl, Scope,
    TokenIntrospectionResponse as _, TokenResponse as _,
};
use serde_json::Value;
use url::Url;

const CALLBACK: &str = "https://app.example.test/callback";
const BYE: &str = "https://app.example.test/bye";

/// Sends what the crate wants to send.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    let response = client.request(parts.method, url).headers(parts.headers).body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

/// Somebody who is signed in agrees, and is sent back with a code.
async fn agrees(user: &Actor, url: &Url) -> Page {
    user.visits(url.as_str()).await.at("/ui/consent").form("consent-allow").submit().await.expect(303)
}

#[tokio::test]
async fn the_openidconnect_crate_signs_in_renews_asks_revokes_and_logs_out() {
    let server = Server::builder().https(SelfSigned::new()).start().await;
    let create = [
        ["clients", "create", "--id", "app", "--name", "App", "--confidential", "--json"].as_slice(),
        &["--redirect-uri", CALLBACK, "--post-logout-uri", BYE, "--scope", "openid email profile offline_access"],
        &["--grant", "authorization_code", "--grant", "refresh_token"],
    ];
    let (made, said) = server.command(&create.concat()).await;
    assert!(made, "{said}");
    let made: Value = serde_json::from_str(&said).unwrap();
    let ann = server.actor("ann");
    let _ = ann.signs_up().await.expect(200);

    let network = server.client().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let http = |request: HttpRequest| send(network.clone(), request);
    let issuer = IssuerUrl::new(server.base_url()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await.unwrap();
    let end_session: EndSessionUrl = metadata.additional_metadata().end_session_endpoint.clone().unwrap();
    let (id, secret) = (ClientId::new("app".to_owned()), made["client_secret"].as_str().unwrap().to_owned());
    let at = |path: &str| format!("{}{path}", server.base_url());
    let client = CoreClient::from_provider_metadata(metadata, id, Some(ClientSecret::new(secret)))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap())
        .set_introspection_url(IntrospectionUrl::new(at("/oauth2/introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(at("/oauth2/revoke")).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge);
    let scopes = ["email", "profile", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
    let (url, state, nonce) = request.add_scopes(scopes).url();
    let page = agrees(&ann, &url).await;
    assert_eq!(page.query("state").as_deref(), Some(state.secret().as_str()));
    let code = AuthorizationCode::new(page.query("code").unwrap());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.unwrap();

    let id_token = tokens.id_token().unwrap();
    let token_verifier = client.id_token_verifier();
    let claims = id_token.claims(&token_verifier, &nonce).unwrap();
    let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&token_verifier).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));
    let subject = claims.subject().clone();
    let info = client.user_info(tokens.access_token().clone(), Some(subject.clone())).unwrap();
    let info: CoreUserInfoClaims = info.request_async(&http).await.unwrap();
    assert_eq!(info.email().map(|email| email.as_str()), Some(ann.email.as_str()));

    let refresh_token = tokens.refresh_token().unwrap();
    let renewed = client.exchange_refresh_token(refresh_token).unwrap().request_async(&http).await.unwrap();
    let same = renewed.id_token().unwrap().claims(&token_verifier, |_: Option<&Nonce>| Ok(())).unwrap();
    assert_eq!(same.subject(), &subject);
    let told = client.introspect(renewed.access_token()).request_async(&http).await.unwrap();
    assert_eq!((told.active(), told.sub()), (true, Some(subject.as_str())));
    client.revoke_token(refresh_token.into()).unwrap().request_async(&http).await.unwrap();
    let told = client.introspect(renewed.access_token()).request_async(&http).await.unwrap();
    assert!(!told.active(), "everything of the refresh token is over");

    let state = CsrfToken::new_random();
    let logout = LogoutRequest::from(end_session)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(BYE.to_owned()).unwrap())
        .set_state(state.clone());
    let page = ann.visits(logout.http_get_url().as_str()).await;
    assert_eq!(page.url.as_str(), format!("{BYE}?state={}", state.secret()));
    assert!(!ann.is_signed_in().await);
    assert_eq!(ann.send(ann.request(Method::GET, "/get-session")).await.text(), "null");
}
