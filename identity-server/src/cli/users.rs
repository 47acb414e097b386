//! `users`: the accounts, from the host.

mod claims;

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use identity_core::Identity;
use identity_core::id::UserId;
use identity_core::secret::Secret;
use identity_core::text::Email;
use identity_core::time::{Timestamp, after};
use identity_core::user::{Ban, DEFAULT_ROLE, NewUser, User};
use serde::Serialize;

use super::{Failure, Global, print};

/// Users fetched at once by `list`.
const PAGE: u64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Create a user.
    Create(Create),
    /// List all users in order of creation.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Give a user other roles, comma-joined, in place of the old ones.
    SetRole {
        /// The address or the id.
        user: String,
        /// The roles, such as user, admin or superadmin.
        role: String,
    },
    /// Show or change what OpenID Connect tells of a user beside name, address and picture: names, phone, birthdate, address.
    Claims(claims::Claims),
    /// Shut a user out and end all their sessions.
    Ban {
        /// The address or the id.
        user: String,
        /// Why, for other administrators.
        #[arg(long)]
        reason: Option<String>,
        /// End the ban by itself after this many seconds.
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Let a user in again.
    Unban {
        /// The address or the id.
        user: String,
    },
    /// Give a user a new password, lift a ban and end all sessions.
    Recover {
        /// The address or the id.
        user: String,
        /// Read the new password from the standard input, one line. Passwords are never arguments.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The address.
    #[arg(long)]
    email: String,
    /// The display name.
    #[arg(long)]
    name: String,
    /// The roles, comma-joined.
    #[arg(long, default_value = DEFAULT_ROLE)]
    role: String,
    /// Read the password from the standard input, one line. Without it the user has to reset the password first.
    #[arg(long)]
    password_stdin: bool,
    /// Count the address as proved.
    #[arg(long)]
    verified: bool,
}

impl Users {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let identity = global.identity().await?;
        match self {
            Self::Create(create) => create.run(&identity).await,
            Self::List { json } => list(&identity, json).await,
            Self::Claims(claims) => claims.run(&identity).await,
            Self::SetRole { user, role } => {
                let user = find(&identity, &user).await?;
                identity.users().set_role(&user.id, &role).await?;
                print(&format!("{} now has the role {role}.\n", user.email))
            }
            Self::Ban { user, reason, seconds } => {
                let user = find(&identity, &user).await?;
                let expires_at = seconds.map(|seconds| after(identity.now(), Duration::from_secs(seconds)));
                identity.users().ban(&user.id, &Ban { reason, expires_at }).await?;
                let until = expires_at.map(|end| format!(" until {}", text(end))).unwrap_or_default();
                print(&format!("{} is banned{until}.\n", user.email))
            }
            Self::Unban { user } => {
                let user = find(&identity, &user).await?;
                identity.users().unban(&user.id).await?;
                print(&format!("{} may sign in again.\n", user.email))
            }
            Self::Recover { user, password_stdin: _ } => {
                let user = find(&identity, &user).await?;
                let password = password()?;
                identity.users().recover(&user.id, password.expose()).await?;
                print(&format!("{} has a new password and no sessions.\n", user.email))
            }
        }
    }
}

impl Create {
    async fn run(self, identity: &Identity) -> Result<(), Failure> {
        let email = Email::parse(&self.email)?;
        let password = if self.password_stdin { Some(password()?) } else { None };
        let new = NewUser { email, name: self.name, password, email_verified: self.verified, role: self.role };
        let user = identity.users().create(new).await?;
        print(&format!("Created {} ({}) with the role {}.\n", user.email, user.id, user.role))
    }
}

pub(super) async fn find(identity: &Identity, user: &str) -> Result<User, Failure> {
    let found = match Email::parse(user) {
        Ok(email) => identity.users().find_by_email(&email).await?,
        Err(_) => identity.users().find(&UserId::from_text(user)).await?,
    };
    found.ok_or_else(|| Failure::new(format!("there is no user {user}")))
}

/// One line of the standard input.
fn password() -> Result<Secret<String>, Failure> {
    /// Longer lines are no passwords.
    const MOST: u64 = 4096;
    if io::stdin().is_terminal() {
        write!(io::stderr(), "Password (will be shown): ")?;
    }
    let mut line = String::new();
    io::stdin().lock().take(MOST).read_line(&mut line)?;
    let secret = Secret::new(line);
    let password = secret.expose().trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new("the standard input brought no password"));
    }
    Ok(Secret::from(password))
}

/// A user as `list` shows one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    email: String,
    email_verified: bool,
    name: String,
    role: String,
    banned: bool,
    ban_reason: Option<String>,
    ban_expires: Option<String>,
    created_at: String,
}

impl Row {
    fn new(user: User, now: Timestamp) -> Self {
        let banned = user.is_banned(now);
        let ban = user.ban.filter(|_| banned);
        Self {
            id: user.id.into(),
            email: user.email,
            email_verified: user.email_verified,
            name: user.name,
            role: user.role,
            banned,
            ban_expires: ban.as_ref().and_then(|ban| ban.expires_at).map(text),
            ban_reason: ban.and_then(|ban| ban.reason),
            created_at: text(user.created_at),
        }
    }

    /// One line; a name cannot break it, since names have no control characters.
    fn line(&self) -> String {
        let mut marks = String::new();
        if !self.email_verified {
            marks.push_str("  unverified");
        }
        if self.banned {
            marks.push_str("  banned");
        }
        format!("{}  {}  {}  {}  {}{marks}\n", self.id, self.created_at, self.email, self.role, self.name)
    }
}

pub(super) fn text(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn list(identity: &Identity, json: bool) -> Result<(), Failure> {
    let now = identity.now();
    let mut last: Option<UserId> = None;
    let mut first = true;
    if json {
        print("[")?;
    }
    loop {
        let page = identity.users().list(last.as_ref(), PAGE).await?;
        let Some(end) = page.last().map(|user| user.id.clone()) else { break };
        let mut out = String::new();
        for row in page.into_iter().map(|user| Row::new(user, now)) {
            if json {
                let row = serde_json::to_string(&row).map_err(|error| Failure::new(error.to_string()))?;
                let _ = write!(out, "{}\n  {row}", if first { "" } else { "," });
            } else {
                out.push_str(&row.line());
            }
            first = false;
        }
        print(&out)?;
        last = Some(end);
    }
    if json { print(if first { "]\n" } else { "\n]\n" }) } else { Ok(()) }
}
