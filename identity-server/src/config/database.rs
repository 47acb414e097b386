//! `[database]`: where everything is kept.

use identity_core::secret::Secret;
use url::Url;

use super::problem::{Problem, Problems};
use super::table::section;
use super::value::{TextType, texts};

/// The folder of whatever the server makes for itself when nothing is configured.
pub(crate) const DATA_FOLDER: &str = "identity-data";
const DEFAULT_URL: &str = "sqlite://identity-data/identity.db";

section! {
    /// Where everything is kept: SQLite or PostgreSQL.
    Database = "database" {
        /// `sqlite://path/to/file.db` (made when missing) or `postgres://user:password@host/database`.
        /// Without it: SQLite in `./identity-data`.
        url: Secret<String> = Secret::from(DEFAULT_URL);
        /// When a commit counts as saved on SQLite: `full` survives a power failure, `process` a crash of the process only.
        durability: Durability = Durability::Full;
        /// Most connections at once.
        max_connections: u32 = 8;
    }
}

impl Database {
    /// Whether the database is the one in [`DATA_FOLDER`].
    pub(crate) fn is_default(&self) -> bool {
        self.url.expose() == DEFAULT_URL
    }

    /// The database without its password, for logs.
    pub(crate) fn described(&self) -> String {
        let url = self.url.expose();
        if url.starts_with("sqlite:") {
            return url.clone();
        }
        match Url::parse(url) {
            Ok(url) => format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
            Err(_) => String::from("an unreadable URL"),
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let url = self.url.expose();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            problems.push(Problem::of("database.url", "must start with sqlite: or postgres:"));
        } else if !url.starts_with("sqlite:") && Url::parse(url).is_err() {
            let text = "is not a URL; percent-encode the special characters of user and password";
            problems.push(Problem::of("database.url", text));
        }
        if self.max_connections == 0 {
            problems.push(Problem::of("database.max_connections", "must be at least 1"));
        }
    }
}

/// When a commit counts as saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// After the disk has it.
    Full,
    /// After the operating system has it.
    Process,
}

impl TextType for Durability {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "process" => Ok(Self::Process),
            _ => Err(String::from("must be \"full\" or \"process\"")),
        }
    }

    fn to_text(&self) -> String {
        String::from(match self {
            Self::Full => "full",
            Self::Process => "process",
        })
    }
}

texts!(Durability);
