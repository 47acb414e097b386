//! Profiles: settings that belong together, for a purpose of their own.

use clap::ValueEnum;

use super::Settings;
use super::oauth::Who;
use super::problem::{Problem, Problems};

/// What the server is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// For the certification suite of OpenID Connect. Refused unless the base URL is on this machine or under .test.
    ///
    /// There is a user conf@example.org with the password "correct horse" and every standard claim, everybody may register clients,
    /// confidential ones may go without PKCE, what clients name is fetched from private addresses too, and nothing is limited.
    Conformance,
}

impl Profile {
    /// Changes the settings to what it needs, over file and environment.
    pub(super) fn apply(self, settings: &mut Settings, problems: &mut Problems) {
        match self {
            Self::Conformance => conformance(settings, problems),
        }
    }
}

fn conformance(settings: &mut Settings, problems: &mut Problems) {
    if !settings.http.base_url.is_for_tests() && problems.spare(&["http.base_url"]) {
        let text = "must lead to this machine or to a name under .test with --profile conformance: everybody knows its password";
        problems.push(Problem::of("http.base_url", text));
    }
    settings.oauth.registration = Who::Open;
    settings.oauth.relaxed_pkce = true;
    settings.oauth.fetch_from_private_addresses = true;
    settings.limits.enabled = false;
    settings.email.require_verification = false;
    if settings.mail.smtp_url.is_none() && !settings.is_loopback() {
        // Nobody but the suite is here to read a mail.
        (settings.email.verification, settings.password.reset) = (false, false);
    }
}
