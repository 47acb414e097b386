//! What the program refuses to be started with.

use identity_tests::{Server, ServerBuilder};

const STRONG: &str = "mJ4x8Qw2Lr7Ty0Zc5Vb9Nk3Hf6Gd1Sa4";

fn public(change: &[(&str, &str)]) -> ServerBuilder {
    let sound = [
        ("IDENTITY_HTTP__LISTEN", "0.0.0.0:0"),
        ("IDENTITY_HTTP__BASE_URL", "https://id.example.com"),
        ("IDENTITY_SECRETS__SECRET", STRONG),
        ("IDENTITY_EMAIL__VERIFICATION", "false"),
        ("IDENTITY_PASSWORD__RESET", "false"),
    ];
    let all = sound.iter().chain(change);
    all.fold(Server::builder(), |builder, (name, value)| builder.env(name, *value))
}

/// Case 126: whoever configures nothing serves this machine alone.
#[tokio::test]
async fn an_empty_configuration_is_for_this_machine_alone() {
    let (fine, text) = Server::builder().run(&["config", "check"]).await;
    assert!(fine, "{text}");
    let (fine, text) = Server::builder().run(&["config", "show"]).await;
    assert!(fine, "{text}");
    for line in ["listen = \"127.0.0.1:8888\"", "base_url = \"http://localhost:8888\"", "trusted_origins = []"] {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert!(text.contains("metrics_listen = \"127.0.0.1:9464\""), "{text}");
    let (fine, text) = public(&[]).run(&["config", "check"]).await;
    assert!(fine, "what is refused below is refused for what was changed: {text}");
}

/// Case 126: each setting that gives accounts away on an open network stops the program, by its name.
#[tokio::test]
async fn every_unsafe_setting_is_refused_by_name() {
    let each: [(&str, &str, &str); 11] = [
        ("IDENTITY_SECRETS__SECRET", "", "secrets.secret"),
        ("IDENTITY_SECRETS__SECRET", "short", "secrets.secret"),
        ("IDENTITY_SECRETS__SECRET", "better-auth-secret-12345678901234567890", "secrets.secret"),
        ("IDENTITY_SECRETS__SECRET", "change-me-change-me-change-me-change-me", "secrets.secret"),
        ("IDENTITY_SECRETS__SECRET", "00000000000000000000000000000000", "secrets.secret"),
        ("IDENTITY_HTTP__BASE_URL", "http://id.example.com", "http.base_url"),
        ("IDENTITY_HTTP__BASE_URL", "", "http.base_url"),
        ("IDENTITY_HTTP__TRUSTED_ORIGINS", "*", "http.trusted_origins"),
        ("IDENTITY_HTTP__TRUSTED_ORIGINS", "https://*.com", "http.trusted_origins"),
        ("IDENTITY_PASSWORD__ARGON2_MEMORY", "8", "password.argon2_memory"),
        ("IDENTITY_PASSWORD__RESET", "true", "mail.smtp_url"),
    ];
    for (name, value, key) in each {
        for command in [["config", "check"].as_slice(), &["serve"]] {
            let (fine, text) = public(&[(name, value)]).run(command).await;
            assert!(!fine && text.contains(key), "{command:?} with {name}={value}: {text}");
            assert!(value.len() < 9 || !name.ends_with("SECRET") || !text.contains(value), "{text}");
        }
    }
}

/// Case 126: all that is wrong is said at once.
#[tokio::test]
async fn all_problems_of_a_configuration_are_listed_together() {
    let bad = [
        ("IDENTITY_HTTP__BASE_URL", "http://id.example.com"),
        ("IDENTITY_HTTP__TRUSTED_ORIGINS", "*"),
        ("IDENTITY_HTTP__TRUSTED_PROXIES", "everybody"),
        ("IDENTITY_SECRETS__SECRET", "a very short one"),
        ("IDENTITY_PASSWORD__ARGON2_MEMORY", "8"),
        ("IDENTITY_PASSWORD__MIN_LENGTH", "many"),
        ("IDENTITY_PASSWORD__RESET", "true"),
        ("IDENTITY_SESSION__COOKIE_DOMAIN", "com"),
        ("IDENTITY_TELEMETRY__LOG", "loud=very"),
        ("IDENTITY_HTTP__UNHEARD", "1"),
    ];
    for command in [["config", "check"].as_slice(), &["serve"]] {
        let (fine, text) = public(&bad).run(command).await;
        assert!(!fine, "{text}");
        for (name, _) in bad {
            let found = text.contains(name) || name.ends_with("RESET") && text.contains("mail.smtp_url");
            assert!(found, "{name} is not named by {command:?}: {text}");
        }
        assert!(!text.contains("a very short one"), "{text}");
    }
}

/// Case 126: what is accepted on request for development is logged at every start.
#[tokio::test]
async fn development_on_an_open_network_takes_a_flag_and_is_said_aloud() {
    let exposed = [("IDENTITY_HTTP__BASE_URL", "http://id.example.com"), ("IDENTITY_SECRETS__SECRET", "")];
    let (fine, text) = public(&exposed).run(&["serve"]).await;
    assert!(!fine && text.contains("--insecure-dev"), "{text}");
    let (fine, text) = public(&exposed).run(&["--insecure-dev", "config", "check"]).await;
    assert!(fine, "{text}");
    // The flag forgives what is unsafe, not what is wrong.
    let (fine, text) = public(&[("IDENTITY_HTTP__TRUSTED_ORIGINS", "*")]).run(&["--insecure-dev", "serve"]).await;
    assert!(!fine && text.contains("http.trusted_origins"), "{text}");
}
