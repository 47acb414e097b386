//! Which table names say that a table holds identities.

use std::collections::BTreeSet;

/// Words in front of an identity word that only say whose it is. Any other word makes it something of the service's own domain:
/// a `bank_account` is no account of a user, a `game_session` is nobody's sign-in.
const PREFIXES: &[&str] = &[
    "app",
    "application",
    "auth",
    "authentication",
    "authjs",
    "authn",
    "ba",
    "better",
    "betterauth",
    "django",
    "iam",
    "identity",
    "idp",
    "login",
    "nextauth",
    "oauth",
    "oidc",
    "site",
    "sso",
    "t",
    "tb",
    "tbl",
    "user",
    "users",
    "web",
];

/// Words behind an identity word that say nothing.
const SUFFIXES: &[&str] = &["table", "tbl"];

/// The rule, with what this check adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    prefixes: BTreeSet<String>,
    allowed: BTreeSet<String>,
}

impl Names {
    /// The rule with more prefixes, and with names that are let through.
    pub(crate) fn new(prefixes: &[String], allowed: &[String]) -> Self {
        Self {
            prefixes: prefixes.iter().flat_map(|prefix| words(prefix)).collect(),
            allowed: allowed.iter().map(|name| name.to_lowercase()).collect(),
        }
    }

    /// What a table of this name holds, if that belongs to the anchor: `user`, `session`, `account` or `verification`.
    pub(crate) fn identity(&self, name: &str) -> Option<&'static str> {
        if self.allowed.contains(&name.to_lowercase()) {
            return None;
        }
        let mut words = words(name);
        let mut last = words.pop()?;
        if SUFFIXES.contains(&last.as_str()) {
            last = words.pop()?;
        }
        if matches!(last.as_str(), "token" | "tokens") {
            last = words.pop().filter(|word| word.starts_with("verification"))?;
        }
        let found = match last.as_str() {
            "user" | "users" => "user",
            "session" | "sessions" => "session",
            "account" | "accounts" => "account",
            "verification" | "verifications" => "verification",
            _ => return None,
        };
        let says_nothing = |word: &String| PREFIXES.contains(&word.as_str()) || self.prefixes.contains(word);
        words.iter().all(says_nothing).then_some(found)
    }
}

/// The words of `snake_case`, `kebab-case`, `camelCase` and `PascalCase`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after_is_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| before.is_lowercase() || (before.is_uppercase() && after_is_lower));
        if begins || !letter.is_alphanumeric() {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_tables_are_known_by_any_spelling() {
        let names = Names::default();
        for (name, held) in [
            ("user", "user"),
            ("users", "user"),
            ("User", "user"),
            ("USERS", "user"),
            ("auth_user", "user"),
            ("AuthUser", "user"),
            ("authUsers", "user"),
            ("identity_users", "user"),
            ("tbl_user", "user"),
            ("user_table", "user"),
            ("_users", "user"),
            ("app_sessions", "session"),
            ("UserSession", "session"),
            ("better_auth_session", "session"),
            ("oauth_account", "account"),
            ("user_accounts", "account"),
            ("verification", "verification"),
            ("verification_tokens", "verification"),
            ("VerificationToken", "verification"),
        ] {
            assert_eq!(names.identity(name), Some(held), "{name}");
        }
    }

    #[test]
    fn tables_of_another_domain_are_left_alone() {
        let names = Names::default();
        for name in [
            "wallets",
            "bank_account",
            "BankAccounts",
            "ledger_account",
            "game_session",
            "wallet_users",
            "user_settings",
            "session_notes",
            "account_entries",
            "identity_outbox",
            "superuser",
            "usersession",
            "tokens",
            "",
        ] {
            assert_eq!(names.identity(name), None, "{name}");
        }
    }

    #[test]
    fn a_check_can_add_prefixes_and_let_names_through() {
        let names = Names::new(&[String::from("my_wallet")], &[String::from("Accounts")]);
        assert_eq!(names.identity("my_wallet_user"), Some("user"));
        assert_eq!(names.identity("accounts"), None);
        assert_eq!(names.identity("account"), Some("account"));
    }
}
