//! Everything secret that passes between a client, a browser and the authorization server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::AUTHORIZATION;
use identity_tests::{Actor, Call, Server, challenge};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

/// With what clients register.
pub(super) const INITIAL_TOKEN: &str = "the-initial-access-token-Zk3Hf6Gd1Sa4mJ4x8";

const CALLBACK: &str = "https://app.example.test/callback";
const VERIFIER: &str = "a-verifier-that-nobody-else-may-know-0123456789";
const GUESS: &str = "a-guessed-client-secret-0123456789";

/// Goes every way to a token, and some that lead to none. Answers what must not be seen anywhere.
pub(super) async fn secrets_of_every_way(server: &Server, alice: &Actor) -> Vec<String> {
    let create = [
        ["clients", "create", "--id", "shop", "--name", "Shop", "--confidential", "--json"].as_slice(),
        &["--redirect-uri", CALLBACK, "--grant", "authorization_code", "--grant", "refresh_token"],
        &["--grant", "device_code"],
    ];
    let (done, printed) = server.command(&create.concat()).await;
    assert!(done, "{printed}");
    let created: Value = serde_json::from_str(&printed).unwrap();
    let shop = Shop { server, secret: text(&created, "client_secret") };
    let mut secrets = [shop.secret.clone(), VERIFIER.to_owned(), GUESS.to_owned(), INITIAL_TOKEN.to_owned()].to_vec();
    let browser = alice.at_another_browser();
    secrets.extend(by_pages(&shop, &browser).await);
    secrets.extend(by_device(&shop, &browser).await);
    secrets.extend(browser.browser(|browser| browser.get("session_token").map(str::to_owned)));
    let form = [("grant_type", "refresh_token"), ("refresh_token", "a-guessed-refresh-token-0123456789")];
    secrets.push("a-guessed-refresh-token-0123456789".to_owned());
    shop.post_as(GUESS, "/oauth2/token", &form).await.expect_oauth(401, "invalid_client");
    secrets.push(STANDARD.encode(format!("shop:{GUESS}")));
    shop.post("/oauth2/token", &form).await.expect_oauth(400, "invalid_grant");
    secrets.extend(by_registration(server).await);
    secrets
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

struct Shop<'s> {
    server: &'s Server,
    secret: String,
}

impl Shop<'_> {
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> identity_tests::Reply {
        self.post_as(&self.secret, path, form).await
    }

    async fn post_as(&self, secret: &str, path: &str, form: &[(&str, &str)]) -> identity_tests::Reply {
        let credential = STANDARD.encode(format!("shop:{secret}"));
        let call = Call::at(Method::POST, path).form(form).header(AUTHORIZATION, format!("Basic {credential}"));
        self.server.actor("shop").send(call).await
    }
}

/// A code, its tokens, and what becomes of them.
async fn by_pages(shop: &Shop<'_>, alice: &Actor) -> Vec<String> {
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "shop"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid offline_access"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let login = alice.visits(&format!("/oauth2/authorize?{query}")).await.at("/ui/login");
    let wrong = login.form("login-submit").fill("username", &alice.email).fill("password", "a wrong guess");
    let login = wrong.submit().await.expect(400);
    let form = login.form("login-submit").fill("username", &alice.email).fill("password", &alice.password);
    let consent = form.submit().await.at("/ui/consent");
    let code = consent.form("consent-allow").submit().await.query("code").expect("a code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens = shop.post("/oauth2/token", &form).await.expect(200).json();
    let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| text(&tokens, name));
    let userinfo = Call::at(Method::GET, "/oauth2/userinfo").header(AUTHORIZATION, format!("Bearer {access}"));
    let _ = shop.server.actor("shop").send(userinfo).await.expect(200);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let fresh = shop.post("/oauth2/token", &form).await.expect(200).json();
    let _ = shop.post("/oauth2/introspect", &[("token", &access)]).await.expect(200);
    let _ = shop.post("/oauth2/revoke", &[("token", &refresh)]).await.expect(200);
    let _ = alice.at_another_browser().visits(&format!("/oauth2/logout?id_token_hint={id}")).await;
    let mut secrets = vec![code, access, refresh, id, text(&fresh, "access_token"), text(&fresh, "id_token")];
    secrets.extend(fresh["refresh_token"].as_str().map(str::to_owned));
    secrets
}

/// A device that its user lets in.
async fn by_device(shop: &Shop<'_>, alice: &Actor) -> Vec<String> {
    let waiting = shop.post("/oauth2/device", &[("scope", "openid")]).await.expect(200).json();
    let [device_code, user_code] = ["device_code", "user_code"].map(|name| text(&waiting, name));
    let entered = alice.visits(&format!("/ui/device?user_code={user_code}")).await.at("/ui/device");
    let confirm = entered.form("device-submit").fill("user_code", &user_code).submit().await.at("/ui/device/confirm");
    let _ = confirm.form("consent-allow").submit().await.at("/ui/device");
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let tokens = shop.post("/oauth2/token", &[("grant_type", grant), ("device_code", &device_code)]).await;
    let tokens = tokens.expect(200).json();
    vec![device_code, user_code, text(&tokens, "access_token"), text(&tokens, "id_token")]
}

/// A client that makes itself known, with a good token and with a bad one.
async fn by_registration(server: &Server) -> Vec<String> {
    let register = async |token: &str| {
        let body =
            json!({ "client_name": "A guest", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"] });
        let call = Call::at(Method::POST, "/oauth2/register").json(&body);
        server.actor("guest").send(call.header(AUTHORIZATION, format!("Bearer {token}"))).await
    };
    let wrong = "a-guessed-initial-token-0123456789";
    register(wrong).await.expect_oauth(401, "invalid_token");
    let registered = register(INITIAL_TOKEN).await.expect(201).json();
    vec![wrong.to_owned(), text(&registered, "client_secret"), text(&registered, "registration_access_token")]
}
