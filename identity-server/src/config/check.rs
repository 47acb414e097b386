//! Checks over several settings: what contradicts itself, and what would be unsafe in the open.

use url::Host;

use super::Settings;
use super::http::is_registrable;
use super::problem::{Problem, Problems};

/// Notes what is wrong, and returns what is unsafe but forgiven by `--insecure-dev`.
pub(super) fn check(settings: &Settings, problems: &mut Problems) -> Problems {
    settings.http.check(problems);
    settings.database.check(problems);
    settings.secrets.check(problems);
    settings.mail.check(problems);
    settings.session.check(problems);
    settings.audit.check(problems);
    settings.device.check(problems);
    settings.email.check(problems);
    settings.password.check(problems);
    settings.user.check(problems);
    settings.oauth.check(problems);
    settings.provisioning.check(problems);
    settings.bootstrap.check(problems);
    cookie_domain(settings, problems);
    let mut exposures = Problems::default();
    // A listener or URL that could not be read says nothing about where the server stands.
    if problems.spare(&["http.listen", "http.base_url"]) {
        exposure(settings, problems, &mut exposures);
        unreachable_users(settings, problems);
    }
    exposures
}

fn cookie_domain(settings: &Settings, problems: &mut Problems) {
    let Some(domain) = &settings.session.cookie_domain else { return };
    let host = settings.http.base_url.host();
    let below =
        |host: &str| host == domain || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
    let text = match host {
        _ if domain.starts_with('.') => "must be written without the leading dot",
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => "cannot be used while http.base_url has an IP address",
        _ if !is_registrable(domain) => "is a public suffix; browsers refuse cookies for it",
        Some(Host::Domain(host)) if !below(host) && problems.spare(&["http.base_url"]) => {
            "must be the host of http.base_url or a parent of it"
        }
        _ => return,
    };
    problems.push(Problem::of("session.cookie_domain", text));
}

/// Nothing but this machine can reach a loopback server, so that there, and only there, weak settings do no harm.
fn exposure(settings: &Settings, problems: &Problems, exposures: &mut Problems) {
    let base_url = &settings.http.base_url;
    if !settings.http.listen.ip().to_canonical().is_loopback() && base_url.is_loopback() {
        exposures.push(Problem::between(
            &["http.listen", "http.base_url"],
            "the server would listen on the network, but its public URL leads to this machine; set the URL that users see",
        ));
    }
    if !base_url.is_loopback() && !base_url.is_https() {
        exposures.push(Problem::of("http.base_url", "must be https: passwords would cross the network in the clear"));
    }
    if settings.is_loopback() {
        return;
    }
    if settings.oauth.fetch_from_private_addresses && !base_url.is_for_tests() {
        exposures.push(Problem::of(
            "oauth.fetch_from_private_addresses",
            "is for tests: whoever registers a client would make this server ask inside of its network",
        ));
    }
    if settings.secrets.secret.is_none() && problems.spare(&["secrets.secret"]) {
        exposures.push(Problem::of("secrets.secret", "must be set; `identity-server generate-env` makes one"));
    }
    if settings.secrets.is_guessable() && problems.spare(&["secrets.secret"]) {
        exposures.push(Problem::of(
            "secrets.secret",
            "is a sample, or a few characters over and over; `identity-server generate-env` makes one",
        ));
    }
    if !settings.password.is_strong() {
        exposures.push(Problem::between(
            &["password.argon2_memory", "password.argon2_iterations"],
            "is weaker than OWASP's minimum (19456 KiB with 2 passes, or an equivalent)",
        ));
    }
}

fn unreachable_users(settings: &Settings, problems: &mut Problems) {
    let wanted = settings.email.verification || settings.password.reset;
    if wanted && settings.mail.smtp_url.is_none() && !settings.is_loopback() && problems.spare(&["mail.smtp_url"]) {
        problems.push(Problem::of(
            "mail.smtp_url",
            "must be set, with mail.from, because users can ask for verification and reset mails; \
             or turn both off with email.verification = false and password.reset = false",
        ));
    }
}
