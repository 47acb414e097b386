//! The container file and the compose file, read as an engine and a linter would: no engine is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use identity_tests::{Server, command_with};

#[test]
fn every_image_is_pinned_to_a_version() {
    let mut images: Vec<String> =
        instructions().into_iter().filter(|(name, _)| name == "FROM").map(|(_, rest)| rest).collect();
    images.extend(
        compose().into_iter().filter(|(key, _)| key.split('.').next_back() == Some("image")).map(|(_, image)| image),
    );
    assert_eq!(images.len(), 4);
    for image in images {
        let image = image.split(" AS ").next().unwrap();
        let (name, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"));
        assert!(name.contains('/'), "{image} names no registry");
        assert!(tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'), "{image} moves");
    }
}

#[test]
fn the_toolchain_of_the_image_is_that_of_the_workspace() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(of("FROM")[0].starts_with(&format!("docker.io/library/rust:{channel}-")));
    assert!(of("ENV").contains(&format!("RUSTUP_TOOLCHAIN={channel}")));
}

#[test]
fn the_program_runs_unprivileged_in_a_stage_that_builds_nothing() {
    let all = instructions();
    let last_stage = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    let stage = &all[last_stage..];
    assert_eq!(of("FROM").len(), 2);
    let rest = |wanted: &str| stage.iter().rev().find(|(name, _)| name == wanted).map(|(_, rest)| rest.as_str());
    let (user, group) = rest("USER").unwrap().split_once(':').unwrap();
    assert!(
        user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0,
        "numbers, so that no one needs /etc/passwd"
    );
    assert!(rest("RUN").unwrap().contains(&format!("--uid {user} ")));
    assert!(rest("COPY").unwrap().starts_with("--from=build "), "only the program is taken over");
    for exec in ["ENTRYPOINT", "CMD"] {
        assert!(rest(exec).unwrap().starts_with('['), "{exec} needs no shell, so that signals arrive");
    }
    let health = rest("HEALTHCHECK").unwrap();
    assert!(health.contains("CMD [\"identity-server\", \"health\"]") && health.contains("--timeout="), "{health}");
    let user_at = stage.iter().position(|(name, _)| name == "USER").unwrap();
    assert!(stage[user_at..].iter().all(|(name, _)| name != "RUN"), "what runs as root comes before");
}

#[test]
fn no_secret_gets_into_the_image() {
    for (name, rest) in instructions() {
        assert!(name != "ARG" && name != "ADD", "{name} {rest}");
        let upper = rest.to_uppercase();
        let assigns = name == "ENV" && ["SECRET", "PASSWORD", "URL", "TOKEN"].iter().any(|word| upper.contains(word));
        assert!(!assigns, "{name} {rest}");
    }
    let ignored = read(".containerignore");
    assert_eq!(ignored, read(".dockerignore"), "one list under two names");
    for name in [".git", ".env", "target", "identity-data", "**/node_modules"] {
        assert!(ignored.lines().any(|line| line == name), "{name} would be sent to the build");
    }
}

#[test]
fn compose_forwards_every_setting_and_no_other() {
    let known: BTreeSet<String> = read("book/src/reference/configuration.md")
        .split('`')
        .filter(|word| word.starts_with("IDENTITY_") && word.contains("__"))
        .map(str::to_owned)
        .collect();
    assert!(known.len() > 40, "the reference lists variables");
    let forwarded: BTreeSet<String> = environment("identity").into_keys().collect();
    assert_eq!(forwarded, known);
}

#[test]
fn compose_and_the_image_agree() {
    let compose = compose();
    let value = |key: &str| compose.get(&format!("services.identity.{key}")).map_or("", String::as_str);
    assert_eq!(value("user"), of("USER")[0]);
    let folder = &of("VOLUME")[0];
    assert!(compose.iter().any(
        |(key, mount)| key.starts_with("services.identity.volumes.") && mount == &format!("identity-data:{folder}")
    ));
    assert_eq!(&of("WORKDIR")[1], folder);
    let port = &of("EXPOSE")[0];
    assert_eq!(value("ports.0"), format!("127.0.0.1:{port}:{port}"), "nothing is public that has no TLS");
    assert!(of("ENV").contains(&format!("IDENTITY_HTTP__LISTEN=0.0.0.0:{port}")));
    assert_eq!(value("environment.IDENTITY_HTTP__LISTEN"), format!("${{IDENTITY_HTTP__LISTEN:-0.0.0.0:{port}}}"));
    assert_eq!(value("healthcheck.test"), "[\"CMD\", \"identity-server\", \"health\"]");
    assert_eq!(value("build.dockerfile"), "Containerfile");
    assert_eq!(value("depends_on.postgres.condition"), "service_healthy");
    assert_eq!(value("read_only"), "true");
    assert_eq!(value("cap_drop.0"), "ALL");
    assert!(compose.contains_key("services.postgres.healthcheck.test"));
    for key in compose.keys().filter(|key| key.contains("privileged") || key.contains("network_mode")) {
        assert!(key.starts_with("services.identity.security_opt"), "{key}");
    }
}

#[test]
fn probes_begin_early_and_come_often() {
    let compose = compose();
    let seconds = |service: &str, name: &str| -> u32 {
        let text = &compose[&format!("services.{service}.healthcheck.{name}")];
        text.trim_end_matches('s').parse().unwrap()
    };
    assert!(seconds("postgres", "interval") + seconds("identity", "interval") <= 10, "nobody waits long for a probe");
    for service in ["postgres", "identity"] {
        assert!(seconds(service, "start_period") < 30);
    }
}

#[tokio::test]
async fn what_compose_sets_is_accepted_and_starts_ready_within_thirty_seconds() {
    let given = BTreeMap::from([
        ("IDENTITY_HTTP__BASE_URL", "https://id.example.com"),
        ("IDENTITY_SECRETS__SECRET", "a secret that is long enough for a test"),
        ("IDENTITY_MAIL__SMTP_URL", "smtps://user:password@mail.example.com:465"),
        ("IDENTITY_MAIL__FROM", "no-reply@example.com"),
        ("POSTGRES_PASSWORD", "abc"),
    ]);
    let env: Vec<(String, String)> = environment("identity")
        .into_iter()
        .filter_map(|(name, value)| {
            let value = if value.is_empty() { given.get(name.as_str())?.to_string() } else { filled(&value, &given) };
            Some((name, value))
        })
        .collect();
    let database = env.iter().find(|(name, _)| name == "IDENTITY_DATABASE__URL").unwrap();
    assert_eq!(database.1, "postgres://identity:abc@postgres:5432/identity");
    let output = command_with(&env, &["config", "check"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The listener and the database are those of the test.
    let replaced = ["IDENTITY_HTTP__LISTEN", "IDENTITY_DATABASE__URL"];
    let kept = env.into_iter().filter(|(name, _)| !replaced.contains(&name.as_str()));
    let began = Instant::now();
    let server = kept.fold(Server::builder(), |server, (name, value)| server.env(&name, value)).start().await;
    assert!(began.elapsed() < Duration::from_secs(30), "{}", server.logs());
}

#[tokio::test]
async fn the_health_command_follows_the_server() {
    let mut server = Server::start().await;
    let (ready, said) = server.command(&["health"]).await;
    assert!(ready, "{said}");
    server.kill();
    let (ready, said) = server.command(&["health"]).await;
    assert!(!ready && said.contains("does not answer"), "{said}");
}

/// The instructions of the container file with their arguments, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("Containerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

/// The arguments of every instruction of one name.
fn of(wanted: &str) -> Vec<String> {
    instructions().into_iter().filter(|(name, _)| name == wanted).map(|(_, rest)| rest).collect()
}

/// The compose file as `path.to.key` with its text; entries of a list have their number as key. For the plain YAML that stands there.
fn compose() -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut entries: BTreeMap<String, usize> = BTreeMap::new();
    for line in read("compose.yaml").lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        path.retain(|(depth, _)| *depth < indent);
        let parent: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
        let parent = parent.join(".");
        let (key, value) = if let Some(entry) = line.trim().strip_prefix("- ") {
            let count = entries.entry(parent.clone()).or_default();
            *count += 1;
            ((*count - 1).to_string(), entry)
        } else {
            let (key, value) = line.trim().split_once(':').unwrap_or_else(|| panic!("{line} is not key: value"));
            (key.to_owned(), value.trim())
        };
        let full = if parent.is_empty() { key.clone() } else { format!("{parent}.{key}") };
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        assert!(values.insert(full, value.to_owned()).is_none(), "{line} stands twice");
        path.push((indent, key));
    }
    values
}

fn environment(service: &str) -> BTreeMap<String, String> {
    let prefix = format!("services.{service}.environment.");
    compose().into_iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value))).collect()
}

/// A value with `${NAME}`, `${NAME-default}`, `${NAME:-default}` and `${NAME:?complaint}` filled in.
fn filled(value: &str, given: &BTreeMap<&str, &str>) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let mut depth = 1;
    let end = rest.char_indices().find(|(_, letter)| {
        depth += i32::from(*letter == '{') - i32::from(*letter == '}');
        depth == 0
    });
    let (inside, after) = rest.split_at(end.unwrap().0);
    let name = inside.split([':', '-']).next().unwrap();
    let default = inside[name.len()..].trim_start_matches(':');
    let text = match given.get(name) {
        Some(text) => (*text).to_owned(),
        None => filled(default.strip_prefix('-').unwrap_or_else(|| panic!("{name} is not given")), given),
    };
    format!("{before}{text}{}", filled(&after[1..], given))
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file)).unwrap()
}
