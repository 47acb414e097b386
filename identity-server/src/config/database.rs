//! `[database]`: where everything is kept.

use identity_core::secret::Secret;
use identity_core::store::{Durability, StoreOptions};
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
        max_connections: u32 = StoreOptions::new("").max_connections;
    }
}

impl Database {
    /// How the store opens it.
    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            url: self.url.expose().clone(),
            durability: self.durability,
            max_connections: self.max_connections,
        }
    }

    /// Whether the database is the one in [`DATA_FOLDER`].
    pub(crate) fn is_default(&self) -> bool {
        self.url.expose() == DEFAULT_URL
    }

    /// Whether the database is a file, which is there or is not, and cannot be waited for.
    pub(crate) fn is_file(&self) -> bool {
        self.url.expose().starts_with("sqlite:")
    }

    /// The database without user and password, for people.
    pub(crate) fn described(&self) -> String {
        described(self.url.expose())
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let url = self.url.expose();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            problems.push(Problem::of("database.url", "must start with sqlite: or postgres:"));
        } else if !self.is_file() && Url::parse(url).is_err() {
            let text = "is not a URL; percent-encode the special characters of user and password";
            problems.push(Problem::of("database.url", text));
        }
        if self.max_connections == 0 {
            problems.push(Problem::of("database.max_connections", "must be at least 1"));
        }
    }
}

/// The database of a URL without user and password, for people.
pub(crate) fn described(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    match Url::parse(url) {
        Ok(url) => format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
        Err(_) => String::from("an unreadable URL"),
    }
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
