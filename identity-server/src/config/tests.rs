use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use identity_core::config::Config;

use super::{Loaded, Profile, Sources, defaults, effective};

fn load(sources: &Sources) -> Loaded {
    super::load(sources, None)
}

fn sources(file: &str, variables: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::gather(
        Some(&PathBuf::from("/dev/null")),
        variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    sources.file = Some((PathBuf::from("identity.toml"), String::from(file)));
    sources
}

fn from_file(file: &str) -> Loaded {
    load(&sources(file, &[]))
}

fn from_env(variables: &[(&str, &str)]) -> Loaded {
    load(&sources("", variables))
}

/// The problems, one per line, without their bullets.
fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.problems.to_string().lines().map(|line| line.trim_start_matches("- ").to_owned()).collect()
}

fn exposures(loaded: &Loaded) -> Vec<String> {
    loaded.exposures.to_string().lines().map(|line| line.trim_start_matches("- ").to_owned()).collect()
}

const SECRET: (&str, &str) = ("IDENTITY_SECRETS__SECRET", "0123456789abcdef0123456789abcdef");
const PUBLIC: [(&str, &str); 5] = [
    SECRET,
    ("IDENTITY_HTTP__LISTEN", "0.0.0.0:8888"),
    ("IDENTITY_HTTP__BASE_URL", "https://id.example.com"),
    ("IDENTITY_MAIL__SMTP_URL", "smtps://user:pass@mail.example.com:465"),
    ("IDENTITY_MAIL__FROM", "Example <no-reply@example.com>"),
];

fn public_with(more: &[(&'static str, &'static str)]) -> Loaded {
    let mut variables: BTreeMap<&str, &str> = PUBLIC.into_iter().collect();
    variables.extend(more.iter().copied());
    from_env(&variables.into_iter().collect::<Vec<_>>())
}

fn assert_one(found: &[String], needles: &[&str]) {
    assert_eq!(found.len(), 1, "{found:?}");
    for needle in needles {
        assert!(found[0].contains(needle), "{needle:?} not in {:?}", found[0]);
    }
}

#[test]
fn nothing_configured_is_loopback_mode_without_problems() {
    let loaded = from_env(&[]);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    assert_eq!(exposures(&loaded), Vec::<String>::new());
    assert!(loaded.settings.is_loopback());
    assert!(loaded.settings.has_mailbox());
}

#[test]
fn the_defaults_are_those_of_core() {
    assert_eq!(format!("{:?}", from_env(&[]).settings.to_core()), format!("{:?}", Config::default()));
}

#[test]
fn the_printed_defaults_load_as_the_defaults() {
    let printed = defaults();
    let uncommented: String = printed
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|first: char| first.is_ascii_lowercase()) => setting,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(uncommented.contains("\nlisten = \"127.0.0.1:8888\"\n"), "{uncommented}");
    let loaded = from_file(&uncommented);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    assert_eq!(format!("{:?}", loaded.settings), format!("{:?}", from_env(&[]).settings));
}

#[test]
fn every_name_of_the_contract_is_a_setting_with_its_default() {
    let printed = defaults();
    for (variable, line) in [
        ("IDENTITY_HTTP__LISTEN", r#"#listen = "127.0.0.1:8888""#),
        ("IDENTITY_HTTP__BASE_URL", r#"#base_url = "http://localhost:8888""#),
        ("IDENTITY_HTTP__TRUSTED_ORIGINS", "#trusted_origins = []"),
        ("IDENTITY_HTTP__TRUSTED_PROXIES", "#trusted_proxies = []"),
        ("IDENTITY_HTTP__ALLOWED_HOSTS", "#allowed_hosts = []"),
        ("IDENTITY_HTTP__TLS_CERT", r#"#tls_cert = """#),
        ("IDENTITY_HTTP__TLS_KEY", r#"#tls_key = """#),
        ("IDENTITY_DATABASE__URL", r#"#url = """#),
        ("IDENTITY_SECRETS__SECRET", r#"#secret = """#),
        ("IDENTITY_MAIL__SMTP_URL", r#"#smtp_url = """#),
        ("IDENTITY_MAIL__FROM", r#"#from = """#),
        ("IDENTITY_SESSION__EXPIRES_IN", "#expires_in = 604800"),
        ("IDENTITY_SESSION__UPDATE_AGE", "#update_age = 86400"),
        ("IDENTITY_SESSION__MAX_AGE", "#max_age = 2592000"),
        ("IDENTITY_SESSION__FRESH_AGE", "#fresh_age = 86400"),
        ("IDENTITY_SESSION__COOKIE_CACHE", "#cookie_cache = false"),
        ("IDENTITY_SESSION__BEARER", "#bearer = false"),
        ("IDENTITY_SESSION__SECURE_COOKIES", r#"#secure_cookies = """#),
        ("IDENTITY_SESSION__COOKIE_DOMAIN", r#"#cookie_domain = """#),
        ("IDENTITY_EMAIL__REQUIRE_VERIFICATION", "#require_verification = false"),
        ("IDENTITY_EMAIL__SEND_ON_SIGN_UP", "#send_on_sign_up = false"),
        ("IDENTITY_EMAIL__SEND_ON_SIGN_IN", "#send_on_sign_in = false"),
        ("IDENTITY_EMAIL__SIGN_IN_AFTER_VERIFICATION", "#sign_in_after_verification = false"),
        ("IDENTITY_PASSWORD__RESET", "#reset = true"),
        ("IDENTITY_PASSWORD__MIN_LENGTH", "#min_length = 8"),
        ("IDENTITY_USER__CHANGE_EMAIL", "#change_email = true"),
        ("IDENTITY_USER__DELETE", "#delete = true"),
        ("IDENTITY_USER__EXPOSE_ROLE", "#expose_role = true"),
        ("IDENTITY_LIMITS__ENABLED", "#enabled = true"),
        ("IDENTITY_PROVISIONING__TARGETS", "#targets = []"),
        ("IDENTITY_BOOTSTRAP__ADMIN_EMAIL", r#"#admin_email = """#),
        ("IDENTITY_BOOTSTRAP__ADMIN_PASSWORD", r#"#admin_password = """#),
        ("IDENTITY_TELEMETRY__LOG_FORMAT", r#"#log_format = "pretty""#),
        ("IDENTITY_TELEMETRY__METRICS_LISTEN", r#"#metrics_listen = "127.0.0.1:9464""#),
    ] {
        assert!(printed.contains(&format!("# {variable}\n{line}\n")), "{variable} {line}\n{printed}");
    }
}

#[test]
fn all_problems_are_reported_at_once_under_both_names() {
    let loaded = load(&sources(
        "[http]\nlisten = 8888\n[session]\nexpires_in = \"soon\"\n",
        &[
            ("IDENTITY_HTTP__BASE_URL", "http://localhost:8888/"),
            ("IDENTITY_SESSION__BEARER", "maybe"),
            ("IDENTITY_HTTP__TRUSTED_ORIGINS", "*"),
            ("IDENTITY_PASSWORD__MIN_LENGTH", "200"),
            ("IDENTITY_SECRETS__SECRET", "short"),
            ("IDENTITY_BOOTSTRAP__ADMIN_EMAIL", "admin"),
        ],
    ));
    let found = problems(&loaded);
    for key in [
        "http.listen (IDENTITY_HTTP__LISTEN): must be text",
        "session.expires_in (IDENTITY_SESSION__EXPIRES_IN): must be a whole number",
        "http.base_url (IDENTITY_HTTP__BASE_URL): must be scheme, host and port alone",
        "session.bearer (IDENTITY_SESSION__BEARER): must be true or false",
        "http.trusted_origins (IDENTITY_HTTP__TRUSTED_ORIGINS): \"*\" is not an origin",
        "password.min_length (IDENTITY_PASSWORD__MIN_LENGTH), password.max_length (IDENTITY_PASSWORD__MAX_LENGTH): no password",
        "secrets.secret (IDENTITY_SECRETS__SECRET): must have at least 32",
        "bootstrap.admin_email (IDENTITY_BOOTSTRAP__ADMIN_EMAIL), bootstrap.admin_password",
        "bootstrap.admin_email (IDENTITY_BOOTSTRAP__ADMIN_EMAIL): is not an e-mail address",
    ] {
        assert!(found.iter().any(|problem| problem.starts_with(key)), "{key:?} not in {found:#?}");
    }
    assert_eq!(found.len(), 9, "{found:#?}");
}

#[test]
fn unknown_names_are_refused_wherever_they_stand() {
    let loaded = load(&sources(
        "[http]\nlisen = \"127.0.0.1:1\"\n[htttp]\nlisten = 1\n",
        &[("IDENTITY_HTTP__BASE", "x"), ("IDENTITY_SESSION__EXPIRES_IN_FILE", "x"), ("IDENTITY_USER__FIELDS", "x")],
    ));
    let found = problems(&loaded);
    for name in [
        "http.lisen: there",
        "[htttp]: there",
        "IDENTITY_HTTP__BASE: there",
        "IDENTITY_SESSION__EXPIRES_IN_FILE: there",
        "IDENTITY_USER__FIELDS: there",
    ] {
        assert!(found.iter().any(|problem| problem.starts_with(name)), "{name:?} not in {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn variables_without_two_underscores_are_not_settings() {
    assert_eq!(
        problems(&from_env(&[("IDENTITY_HOME", "/x"), ("IDENTITY_LOG_LEVEL", "x"), ("HTTP__LISTEN", "x")])),
        Vec::<String>::new()
    );
}

#[test]
fn a_variable_wins_over_the_file_and_an_empty_one_counts_as_not_given() {
    let file = "[session]\nexpires_in = 10\nupdate_age = 5\n";
    let loaded = load(&sources(file, &[("IDENTITY_SESSION__EXPIRES_IN", "20"), ("IDENTITY_SESSION__UPDATE_AGE", "")]));
    assert_eq!(problems(&loaded), Vec::<String>::new());
    assert_eq!(loaded.settings.session.expires_in, 20);
    assert_eq!(loaded.settings.session.update_age, 5);
}

#[test]
fn an_empty_metrics_listener_turns_metrics_off() {
    assert!(from_env(&[]).settings.telemetry.metrics_listen.0.is_some());
    assert!(from_env(&[("IDENTITY_TELEMETRY__METRICS_LISTEN", "")]).settings.telemetry.metrics_listen.0.is_none());
}

#[test]
fn a_secret_of_digits_keeps_its_zeros() {
    let digits = "00000000000000000000000000000012";
    let loaded = from_env(&[("IDENTITY_SECRETS__SECRET", digits)]);
    assert_eq!(loaded.settings.secrets.secret.unwrap().expose(), digits);
}

#[test]
fn lists_are_separated_by_commas_in_the_environment() {
    let loaded = from_env(&[
        ("IDENTITY_HTTP__TRUSTED_ORIGINS", "https://a.example.com, https://*.example.org,myapp://"),
        ("IDENTITY_HTTP__TRUSTED_PROXIES", "10.0.0.0/8,192.168.1.1"),
        ("IDENTITY_HTTP__ALLOWED_HOSTS", "identity"),
        ("IDENTITY_PROVISIONING__TARGETS", "wallet=one=1,order-history=two"),
    ]);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    let core = loaded.settings.to_core();
    assert_eq!(core.http.trusted_origins, ["https://a.example.com", "https://*.example.org", "myapp://"]);
    assert_eq!(
        core.http.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "192.168.1.1/32"]
    );
    assert_eq!(core.http.allowed_hosts, ["identity"]);
    let targets: Vec<_> =
        core.provisioning.iter().map(|target| (target.name.as_str(), target.secret.expose().as_str())).collect();
    assert_eq!(targets, [("wallet", "one=1"), ("order-history", "two")]);
}

#[test]
fn fields_and_targets_are_read_from_tables() {
    let loaded = from_file(
        "[user.fields.companyName]\ntype = \"string\"\nrequired = true\n[user.fields.age]\ntype = \"number\"\ninput = false\ndefault = 7\n\
         [[provisioning.targets]]\nname = \"wallet\"\nsecret = \"one\"\n",
    );
    assert_eq!(problems(&loaded), Vec::<String>::new());
    let core = loaded.settings.to_core();
    assert!(core.user.fields["companyName"].required);
    assert_eq!(core.user.fields["age"].default, Some(7.into()));
    assert_eq!(core.provisioning[0].secret.expose(), "one");
}

#[test]
fn every_wrong_field_and_target_is_named() {
    let loaded = from_file(
        "[user.fields.a]\ntype = \"text\"\n[user.fields.b]\nkind = \"string\"\n[user.fields.c]\ntype = \"number\"\ndefault = \"x\"\n\
         [[provisioning.targets]]\nname = \"wallet\"\n[[provisioning.targets]]\nsecret = \"hunter2\"\n",
    );
    let found = problems(&loaded);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("a: ") && found[0].contains("b: "), "{found:#?}");
    assert!(found[1].contains("wallet: needs secret") && found[1].contains("a service has no name"), "{found:#?}");
    assert!(!found.iter().any(|problem| problem.contains("hunter2")));
}

#[test]
fn a_default_of_another_type_is_refused() {
    assert_one(
        &problems(&from_file("[user.fields.c]\ntype = \"number\"\ndefault = \"x\"\n")),
        &["user.fields.c", "not a number"],
    );
}

#[test]
fn secrets_come_from_files_without_the_line_break() {
    let folder = scratch("secret-files");
    let path = folder.join("secret");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let loaded = from_env(&[("IDENTITY_SECRETS__SECRET_FILE", path.to_str().unwrap())]);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    assert_eq!(loaded.settings.secrets.secret.unwrap().expose(), "0123456789abcdef0123456789abcdef");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_secret_given_twice_or_in_an_unreadable_file_is_a_problem() {
    let twice = from_env(&[SECRET, ("IDENTITY_SECRETS__SECRET_FILE", "/nowhere")]);
    assert_one(
        &problems(&twice),
        &["secrets.secret (IDENTITY_SECRETS__SECRET): is given twice", "IDENTITY_SECRETS__SECRET_FILE"],
    );
    let missing = from_env(&[("IDENTITY_MAIL__SMTP_URL_FILE", "/nowhere")]);
    assert_one(&problems(&missing), &["mail.smtp_url", "cannot read /nowhere"]);
}

#[test]
fn a_broken_file_is_reported_by_line_without_its_text() {
    let loaded = from_file("[secrets]\nsecret = \"hunter2\nmore\"\n");
    assert_one(&problems(&loaded), &["identity.toml line 3: "]);
    assert!(!problems(&loaded)[0].contains("hunter2"));
}

#[test]
fn a_public_server_with_everything_set_is_fine() {
    let loaded = public_with(&[]);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    assert_eq!(exposures(&loaded), Vec::<String>::new());
    assert!(!loaded.settings.has_mailbox());
}

#[test]
fn a_public_listener_with_a_loopback_url_is_an_exposure() {
    let loaded = public_with(&[("IDENTITY_HTTP__BASE_URL", "http://localhost:8888")]);
    assert_one(&exposures(&loaded), &["IDENTITY_HTTP__LISTEN", "IDENTITY_HTTP__BASE_URL"]);
}

#[test]
fn plain_http_in_public_is_an_exposure() {
    let loaded = public_with(&[("IDENTITY_HTTP__BASE_URL", "http://id.example.com")]);
    assert_one(&exposures(&loaded), &["http.base_url", "must be https"]);
}

#[test]
fn no_secret_in_public_is_an_exposure_even_behind_a_local_proxy() {
    let loaded = public_with(&[("IDENTITY_SECRETS__SECRET", ""), ("IDENTITY_HTTP__LISTEN", "127.0.0.1:8888")]);
    assert_one(&exposures(&loaded), &["IDENTITY_SECRETS__SECRET"]);
}

#[test]
fn a_secret_that_can_be_guessed_is_an_exposure_in_public_only() {
    for secret in [
        "better-auth-secret-12345678901234567890",
        "Change-Me-0123456789abcdef0123456789",
        "abababababababababababababababababab",
    ] {
        let guessable = [("IDENTITY_SECRETS__SECRET", secret)];
        assert_one(&exposures(&public_with(&guessable)), &["secrets.secret", "generate-env"]);
        assert_eq!(exposures(&from_env(&guessable)), Vec::<String>::new());
    }
}

#[test]
fn weak_hashing_is_an_exposure_in_public_only() {
    let weak = [("IDENTITY_PASSWORD__ARGON2_MEMORY", "8"), ("IDENTITY_PASSWORD__ARGON2_ITERATIONS", "1")];
    assert_one(&exposures(&public_with(&weak)), &["password.argon2_memory", "OWASP"]);
    let private = [("IDENTITY_OAUTH__FETCH_FROM_PRIVATE_ADDRESSES", "true")];
    assert_one(&exposures(&public_with(&private)), &["oauth.fetch_from_private_addresses", "for tests"]);
    assert_eq!(exposures(&from_env(&private)), Vec::<String>::new());
    assert_eq!(exposures(&from_env(&weak)), Vec::<String>::new());
    let equivalent = [("IDENTITY_PASSWORD__ARGON2_MEMORY", "9216"), ("IDENTITY_PASSWORD__ARGON2_ITERATIONS", "4")];
    assert_eq!(exposures(&public_with(&equivalent)), Vec::<String>::new());
}

#[test]
fn no_smtp_in_public_is_a_problem_until_nothing_needs_mail() {
    let without = [("IDENTITY_MAIL__SMTP_URL", "")];
    assert_one(
        &problems(&public_with(&without)),
        &["mail.smtp_url", "email.verification = false", "password.reset = false"],
    );
    let off = [without[0], ("IDENTITY_EMAIL__VERIFICATION", "false"), ("IDENTITY_PASSWORD__RESET", "false")];
    assert_eq!(problems(&public_with(&off)), Vec::<String>::new());
}

#[test]
fn smtp_urls_are_checked_without_being_repeated() {
    let loaded = public_with(&[("IDENTITY_MAIL__SMTP_URL", "https://hunter2@mail.example.com")]);
    assert_one(&problems(&loaded), &["mail.smtp_url"]);
    assert!(!problems(&loaded)[0].contains("hunter2"));
}

#[test]
fn the_cookie_domain_belongs_to_the_base_url() {
    for (domain, why) in [
        ("com", "public suffix"),
        ("co.uk", "public suffix"),
        ("other.com", "parent"),
        ("ample.com", "parent"),
        (".example.com", "leading dot"),
    ] {
        let loaded = public_with(&[("IDENTITY_SESSION__COOKIE_DOMAIN", domain)]);
        assert_one(&problems(&loaded), &["session.cookie_domain", why]);
    }
    assert_eq!(problems(&public_with(&[("IDENTITY_SESSION__COOKIE_DOMAIN", "example.com")])), Vec::<String>::new());
    let address = [("IDENTITY_HTTP__BASE_URL", "https://192.0.2.1"), ("IDENTITY_SESSION__COOKIE_DOMAIN", "192.0.2.1")];
    assert_one(&problems(&public_with(&address)), &["IP address"]);
}

#[test]
fn origins_are_origins() {
    for origin in [
        "*",
        "https://*",
        "https://*.com",
        "https://*.co.uk",
        "https://a.*.example.com",
        "https://example.com/",
        "https://Example.com",
        "https://example.com:443",
        "example.com",
        "ftp://example.com",
        "myapp://host",
        "://",
    ] {
        let loaded = from_file(&format!("[http]\ntrusted_origins = [{origin:?}]\n"));
        assert_one(&problems(&loaded), &["http.trusted_origins"]);
    }
    for origin in [
        "https://example.com",
        "https://*.example.com",
        "https://*.example.com:8443",
        "http://localhost:3000",
        "myapp://",
    ] {
        let loaded = from_file(&format!("[http]\ntrusted_origins = [{origin:?}]\n"));
        assert_eq!(problems(&loaded), Vec::<String>::new(), "{origin}");
    }
}

#[test]
fn base_urls_are_origins() {
    for url in [
        "localhost:8888",
        "ftp://x.example.com",
        "https://u@x.example.com",
        "https://x.example.com?x",
        "https://x.example.com/auth",
        "https://x.example.com:443",
    ] {
        assert_one(&problems(&from_env(&[("IDENTITY_HTTP__BASE_URL", url)])), &["http.base_url"]);
    }
    assert!(
        problems(&from_env(&[("IDENTITY_HTTP__BASE_URL", "http://x.example.com/")]))[0]
            .contains("write http://x.example.com")
    );
}

#[test]
fn the_effective_configuration_shows_sources_and_no_secrets() {
    let loaded = load(&sources(
        "[session]\nexpires_in = 10\n[[provisioning.targets]]\nname = \"wallet\"\nsecret = \"hunter2hunter2\"\n\
         [user.fields.company]\ntype = \"string\"\n",
        &[
            SECRET,
            ("IDENTITY_MAIL__SMTP_URL", "smtp://me:hunter2@mail.example.com"),
            ("IDENTITY_MAIL__FROM", "a@example.com"),
        ],
    ));
    let shown = effective(&loaded);
    for line in [
        "expires_in = 10    # file\n",
        "secret = \"<redacted>\"    # IDENTITY_SECRETS__SECRET\n",
        "smtp_url = \"<redacted>\"    # IDENTITY_MAIL__SMTP_URL\n",
        "targets = \"<redacted>\"    # file\n",
        "listen = \"127.0.0.1:8888\"\n",
        "# cookie_domain is not set\n",
    ] {
        assert!(shown.contains(line), "{line:?} not in\n{shown}");
    }
    assert!(!shown.contains("hunter2") && !shown.contains(SECRET.1), "{shown}");
    assert!(toml::from_str::<toml::Table>(&shown).is_ok(), "{shown}");
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn a_named_file_must_exist_and_the_default_one_need_not() {
    let named = Sources::gather(Some(&PathBuf::from("/nowhere/identity.toml")), std::iter::empty());
    assert_one(&problems(&load(&named)), &["cannot read /nowhere/identity.toml"]);
    let variable = [(OsString::from("IDENTITY_CONFIG"), OsString::from("/nowhere/other.toml"))];
    assert_one(&problems(&load(&Sources::gather(None, variable.into_iter()))), &["cannot read /nowhere/other.toml"]);
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("identity-server-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_conformance_profile_is_for_this_machine_and_names_under_test_alone() {
    let at = |base_url: &str| {
        let variables = [SECRET, ("IDENTITY_HTTP__BASE_URL", base_url), ("IDENTITY_HTTP__LISTEN", "0.0.0.0:8888")];
        super::load(&sources("", &variables), Some(Profile::Conformance))
    };
    for base_url in
        ["https://id.example.com", "https://test", "https://id.test.example.com", "https://latest", "https://10.0.0.1"]
    {
        let problems = problems(&at(base_url));
        assert_one(&problems, &["http.base_url", "--profile conformance"]);
    }
    for base_url in ["https://op.test", "https://a.op.test:8443", "http://localhost:8888", "http://127.0.0.1:8888"] {
        let loaded = at(base_url);
        assert_eq!(problems(&loaded), Vec::<String>::new(), "{base_url}");
        let core: Config = loaded.settings.to_core();
        assert!(matches!(core.oauth.registration, identity_core::config::Registration::Open));
        assert!(core.oauth.relaxed_pkce && core.oauth.outbound.allow_private && !core.limits.enabled);
    }
    let loaded = at("http://op.test");
    assert_one(&exposures(&loaded), &["http.base_url", "https"]);
}
