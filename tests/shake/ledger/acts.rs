//! What a writer asks for, and how what came of it goes into the books.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::device::{self, Device};
use super::person::Person;
use super::writer::{Outcome, Writer};

impl Writer {
    pub(super) async fn sign_up(&mut self) -> Option<Person> {
        let mut person = Person::new(self.town.number());
        let body = json!({ "email": person.email, "name": person.name(), "password": person.password() });
        match self.ask("POST", "/sign-up/email", "", &body).await {
            Outcome::Promised(answer) => {
                person.id = answer.json()["user"]["id"].as_str().map(str::to_owned);
                person.signed_in(&answer);
            }
            Outcome::Open | Outcome::Denied(_) => {}
            // Nobody has heard of this person.
            Outcome::Unsent => return None,
        }
        Some(person)
    }

    pub(super) async fn sign_in(&mut self, person: &mut Person) {
        let body = json!({ "email": person.email, "password": person.password() });
        if let Outcome::Promised(answer) = self.ask("POST", "/sign-in/email", "", &body).await {
            person.signed_in(&answer);
        }
    }

    pub(super) async fn change_password(&mut self, person: &mut Person) {
        let Some(with) = person.live().next() else { return };
        person.changes += 1;
        let ends_others = person.changes.is_multiple_of(8);
        let new = format!("{} password {}", person.email, person.changes);
        let mut body = json!({ "currentPassword": person.password(), "newPassword": new });
        if !ends_others {
            body["revokeOtherSessions"] = json!(false);
        }
        let others = if ends_others { person.others(with) } else { Vec::new() };
        if let Some(promised) = self.promise("POST", "/change-password", &person.cookie(with), &body).await {
            person.changed_password(new, promised);
            person.ended(&others, promised);
        }
    }

    pub(super) async fn sign_out(&mut self, person: &mut Person) {
        let Some(with) = person.live().last() else { return };
        if let Some(promised) = self.promise("POST", "/sign-out", &person.cookie(with), &json!({})).await {
            person.ended(&[with], promised);
        }
    }

    pub(super) async fn revoke(&mut self, person: &mut Person) {
        let Some((with, other)) = person.live().zip(person.live().skip(1)).next() else { return };
        let body = json!({ "token": person.token(other) });
        if let Some(promised) = self.promise("POST", "/revoke-session", &person.cookie(with), &body).await {
            person.ended(&[other], promised);
        }
    }

    pub(super) async fn rename(&mut self, person: &mut Person) {
        let Some(with) = person.live().next() else { return };
        person.changes += 1;
        let name = format!("{} {}", person.email, person.changes);
        let body = json!({ "name": name });
        if let Some(promised) = self.promise("POST", "/update-user", &person.cookie(with), &body).await {
            person.renamed(name, promised);
        }
    }

    pub(super) async fn open_device(&mut self) {
        let body = json!({ "deviceId": Device::name(self.town.number()) });
        let seen = device::now();
        // Nobody has the token of a session that was not promised.
        if let Outcome::Promised(answer) = self.ask("POST", "//device-sessions", "", &body).await {
            match Device::promised(&answer, seen) {
                Some(device) => self.town.keep(device),
                None => self.contradictions.push(format!("a device session is {}", answer.json())),
            }
        }
    }

    pub(super) async fn be_active(&mut self) {
        let town = Arc::clone(&self.town);
        let Some(mut device) = town.device(|below| self.draw(below)) else { return self.open_device().await };
        let (seen, body) = (device::now(), json!({ "sessionToken": device.token }));
        if self.promise("PUT", "//device-sessions/activity", "", &body).await == Some(true) {
            device.was_active(seen);
        }
        town.keep(device);
    }

    /// Two users want one device session at the same moment; one gets it.
    pub(super) async fn migrate(&mut self) {
        let town = Arc::clone(&self.town);
        let [one, other] = [(); 2].map(|()| self.person(|person| person.has_live(1)));
        let device = town.device(|below| self.draw(below));
        if let (Some(one), Some(other), Some(mut device)) = (&one, &other, device) {
            self.race([one, other], &mut device).await;
            town.keep(device);
        }
        for person in one.into_iter().chain(other) {
            town.welcome(person);
        }
    }

    async fn race(&mut self, [one, other]: [&Person; 2], device: &mut Device) {
        const PATH: &str = "//device-sessions/migrate";
        let body = json!({ "sessionToken": device.token });
        let [with, against] = [one, other].map(|person| person.live().next().map(|session| person.cookie(session)));
        let (with, against) = (with.unwrap_or_default(), against.unwrap_or_default());
        let asked = Instant::now();
        let (first, second) =
            tokio::join!(self.wire.ask("POST", PATH, &with, &body), self.rival.ask("POST", PATH, &against, &body));
        let outcomes = [self.judge(PATH, asked, first).await, self.judge(PATH, asked, second).await];
        let late = |outcome: &Outcome| matches!(outcome, Outcome::Denied(answer) if answer.json()["error"]["code"] == "already_migrated");
        match &outcomes {
            [Outcome::Unsent, Outcome::Unsent] => {}
            [Outcome::Promised(_), lost] if late(lost) || !settles(lost) => device.migrated(one.id.clone()),
            [lost, Outcome::Promised(_)] if late(lost) || !settles(lost) => device.migrated(other.id.clone()),
            [Outcome::Open, lost] | [lost, Outcome::Open] if late(lost) || !settles(lost) => device.migrated(None),
            [first, second] => {
                let shown = [first, second].map(Outcome::show);
                self.contradictions.push(format!("two migrations of {device:?} came to {shown:?}"));
                device.migrated(None);
            }
        }
    }
}

/// Whether an outcome says something about what was asked.
fn settles(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Promised(_) | Outcome::Denied(_))
}
