//! What a user was promised.

use serde_json::json;

use super::Standing;
use crate::wire::{Answer, Lost, Wire};

/// A user as the writers know them. Where something was asked for without a promise, several values are possible.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) email: String,
    /// The id, once the sign-up was promised.
    pub(super) id: Option<String>,
    /// The promised password, and then those asked for since.
    passwords: Vec<String>,
    /// A password that a promised change has replaced.
    replaced: Option<String>,
    /// The promised name, and then those asked for since, in order.
    names: Vec<String>,
    sessions: Vec<Held>,
    pub(super) changes: usize,
}

#[derive(Debug)]
struct Held {
    cookie: String,
    token: String,
    standing: Standing,
}

impl Person {
    /// Somebody who is about to sign up.
    pub(super) fn new(number: usize) -> Self {
        let email = format!("person{number}@example.test");
        let (name, password) = (format!("{email} 0"), format!("{email} password 0"));
        Self {
            email,
            id: None,
            passwords: vec![password],
            replaced: None,
            names: vec![name],
            sessions: Vec::new(),
            changes: 0,
        }
    }

    /// The password that was promised last.
    pub(super) fn password(&self) -> &str {
        &self.passwords[0]
    }

    /// The name that was promised last.
    pub(super) fn name(&self) -> &str {
        &self.names[0]
    }

    /// Whether no change of password is open.
    pub(super) fn knows_password(&self) -> bool {
        self.id.is_some() && self.passwords.len() == 1
    }

    /// Whether there is anything that can be done and has one possible outcome.
    pub(super) fn is_usable(&self) -> bool {
        self.knows_password() || self.live().next().is_some()
    }

    /// The sessions that are live.
    pub(super) fn live(&self) -> impl Iterator<Item = usize> {
        (0..self.sessions.len()).filter(|&index| self.sessions[index].standing == Standing::Live)
    }

    pub(super) fn has_live(&self, count: usize) -> bool {
        self.live().count() >= count
    }

    pub(super) fn cookie(&self, session: usize) -> String {
        self.sessions[session].cookie.clone()
    }

    pub(super) fn token(&self, session: usize) -> String {
        self.sessions[session].token.clone()
    }

    /// A session was promised.
    pub(super) fn signed_in(&mut self, answer: &Answer) {
        let token = answer.json()["token"].as_str().map(str::to_owned);
        let held = answer.session_cookie().zip(token);
        self.sessions.extend(held.map(|(cookie, token)| Held { cookie, token, standing: Standing::Live }));
    }

    /// A password was asked for, and perhaps promised.
    pub(super) fn changed_password(&mut self, new: String, promised: bool) {
        if promised {
            self.replaced = Some(std::mem::replace(&mut self.passwords[0], new));
        } else {
            self.passwords.push(new);
        }
    }

    /// A name was asked for, and perhaps promised.
    pub(super) fn renamed(&mut self, new: String, promised: bool) {
        if promised {
            self.names.clear();
        }
        self.names.push(new);
    }

    /// The end of sessions was asked for, and perhaps promised.
    pub(super) fn ended(&mut self, sessions: &[usize], promised: bool) {
        for &index in sessions {
            let held = &mut self.sessions[index];
            // What has ended stays so.
            if held.standing != Standing::Ended {
                held.standing = if promised { Standing::Ended } else { Standing::Unknown };
            }
        }
    }

    /// All sessions but one.
    pub(super) fn others(&self, with: usize) -> Vec<usize> {
        (0..self.sessions.len()).filter(|&index| index != with).collect()
    }

    /// Says what is missing of what was promised.
    pub(super) async fn verify(&self, wire: &mut Wire) -> Result<Option<String>, Lost> {
        for held in &self.sessions {
            let session = wire.get("/get-session", &held.cookie).await?;
            let email = session.json()["user"]["email"].as_str().map(str::to_owned);
            let expected = match held.standing {
                Standing::Live => Some(self.email.clone()),
                Standing::Ended => None,
                Standing::Unknown => continue,
            };
            if session.status != 200 || email != expected {
                return Ok(Some(format!("a {:?} session is {} {email:?}", held.standing, session.status)));
            }
        }
        let mut accepted = Vec::new();
        for password in self.passwords.iter().chain(&self.replaced) {
            let body = json!({ "email": self.email, "password": password });
            let answer = wire.insist("/sign-in/email", "", &body).await?;
            match answer.status {
                200 => accepted.push((password, answer)),
                401 => {}
                status => return Ok(Some(format!("a sign-in is a {status}"))),
            }
        }
        let answer = match accepted.as_slice() {
            [] if self.id.is_none() => return Ok(None),
            [(password, answer)] if Some(*password) != self.replaced.as_ref() => answer,
            accepted => return Ok(Some(format!("{} passwords are accepted", accepted.len()))),
        };
        let name = answer.json()["user"]["name"].as_str().map(str::to_owned).unwrap_or_default();
        Ok((!self.names.contains(&name)).then(|| format!("the name is {name:?}")))
    }
}
