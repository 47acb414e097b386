//! A family of tokens, and how its refresh tokens follow one another.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::crypto::hmac;
use crate::error::{Error, Result};
use crate::id::{ClientId, SessionId, TokenFamilyId, UserId};
use crate::scope::ScopeSet;
use crate::time::{Timestamp, after};
use crate::token::{Digest, Token, kind, same};

/// What a client was given for a user at once, and everything that came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    pub(crate) id: TokenFamilyId,
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    /// The session it goes with; none when it outlives it.
    pub(crate) session_id: Option<SessionId>,
    /// The session in which it was opened.
    pub(crate) opened_in: SessionId,
    pub(crate) scope: ScopeSet,
    pub(crate) resources: Vec<String>,
    /// The claims that were asked for one by one.
    pub(crate) claims: Map<String, Value>,
    pub(crate) auth_time: Timestamp,
    pub(crate) amr: Vec<String>,
    /// How many refresh tokens came before the one that is good.
    pub(crate) generation: u32,
    /// The refresh token that is good; none when there never was one.
    pub(crate) current: Option<Digest<kind::Refresh>>,
    pub(crate) previous: Option<Digest<kind::Refresh>>,
    pub(crate) rotated_at: Timestamp,
    pub(crate) used_at: Timestamp,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

/// When a refresh token is replaced by its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// Whenever it is used.
    Always,
    /// When it is used late in its life: whoever uses it proves who they are beside it.
    Late,
    /// Never.
    Never,
}

/// What holds for the refresh tokens of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) rotation: Rotation,
    /// How long a token is good without being used.
    pub(crate) idle: Duration,
    /// For how long the one before the good one gets its successor again.
    pub(crate) replay_window: Duration,
}

/// What is to be done about a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is good and replaced.
    Rotate,
    /// It is good and stays.
    Keep,
    /// It was replaced a moment ago, and whoever presents it may not have heard: it gets the same successor.
    Repeat,
    /// It was replaced long ago: two hold it, and one of them should not.
    Reused,
    /// It is not good.
    Refused,
}

/// A refresh token as it came, taken apart. Nothing of it is proved.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) family: TokenFamilyId,
    generation: u32,
    digest: Digest<kind::Refresh>,
    /// Whether it was made with our key.
    genuine: bool,
}

const ID: usize = 16;
const NUMBER: usize = 4;
const SIGNATURE: usize = 32;

impl Presented {
    /// Takes a token apart, if it has the form of one.
    pub(crate) fn parse(key: &hmac::Key, token: &Token<kind::Refresh>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token.expose()).ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID>()?;
        let (number, _) = rest.split_first_chunk::<NUMBER>().filter(|(_, signature)| signature.len() == SIGNATURE)?;
        let family = TokenFamilyId::from_text(Uuid::from_bytes(*id).to_string());
        let generation = u32::from_be_bytes(*number);
        let genuine = refresh_token(key, &family, generation)
            .is_ok_and(|made| same(made.expose().as_bytes(), token.expose().as_bytes()));
        Some(Self { family, generation, digest: token.digest(), genuine })
    }
}

impl Presented {
    /// Whether it was made with our key, whatever has become of it since.
    pub(crate) fn is_genuine(&self) -> bool {
        self.genuine
    }

    /// Whether it is the token that is stored.
    fn is(&self, stored: Option<&Digest<kind::Refresh>>) -> bool {
        stored.is_some_and(|stored| stored.eq(&self.digest))
    }
}

/// The refresh token of a family with this number. It can be made again at any time, so that only its digest need be stored.
pub(crate) fn refresh_token(key: &hmac::Key, family: &TokenFamilyId, generation: u32) -> Result<Token<kind::Refresh>> {
    let id = Uuid::parse_str(family.as_str()).map_err(Error::internal)?;
    let mut bytes = id.as_bytes().to_vec();
    bytes.extend(generation.to_be_bytes());
    let signature = key.sign(&bytes);
    bytes.extend(signature);
    Ok(Token::presented(URL_SAFE_NO_PAD.encode(bytes)))
}

impl Family {
    /// Judges a refresh token.
    pub(crate) fn judge(&self, presented: &Presented, now: Timestamp, rules: &Rules) -> Verdict {
        let over = self.ended_at.is_some() || now >= self.expires_at || now >= after(self.used_at, rules.idle);
        if over || !presented.genuine || self.current.is_none() {
            return Verdict::Refused;
        }
        if presented.generation == self.generation {
            if !presented.is(self.current.as_ref()) {
                return Verdict::Refused;
            }
            let stays = match rules.rotation {
                Rotation::Always => false,
                Rotation::Late => now < after(self.rotated_at, rules.idle * 7 / 10),
                Rotation::Never => true,
            };
            return if stays { Verdict::Keep } else { Verdict::Rotate };
        }
        if presented.generation > self.generation {
            return Verdict::Refused;
        }
        let just_replaced = presented.is(self.previous.as_ref()) && now < after(self.rotated_at, rules.replay_window);
        if just_replaced { Verdict::Repeat } else { Verdict::Reused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_hours(24 * 30);
    const ALWAYS: Rules = Rules { rotation: Rotation::Always, idle: IDLE, replay_window: Duration::from_secs(30) };

    fn at(seconds: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(1_800_000_000 + seconds))
    }

    fn key() -> hmac::Key {
        hmac::Key::new(b"a key of tests")
    }

    fn family() -> TokenFamilyId {
        TokenFamilyId::from_text("0199a0b0-0000-7000-8000-000000000001")
    }

    fn token(generation: u32) -> Token<kind::Refresh> {
        refresh_token(&key(), &family(), generation).unwrap()
    }

    /// A family whose third refresh token was issued at second 100.
    fn third() -> Family {
        Family {
            id: family(),
            client_id: ClientId::from_text("client"),
            user_id: UserId::from_text("user"),
            session_id: None,
            opened_in: SessionId::from_text("session"),
            scope: ScopeSet::default(),
            resources: Vec::new(),
            claims: Map::new(),
            auth_time: at(0),
            amr: Vec::new(),
            generation: 2,
            current: Some(token(2).digest()),
            previous: Some(token(1).digest()),
            rotated_at: at(100),
            used_at: at(100),
            created_at: at(0),
            expires_at: after(at(0), Duration::from_hours(24 * 180)),
            ended_at: None,
        }
    }

    fn verdict(family: &Family, generation: u32, second: u64, rules: &Rules) -> Verdict {
        family.judge(&Presented::parse(&key(), &token(generation)).unwrap(), at(second), rules)
    }

    #[test]
    fn the_good_one_is_replaced_the_one_before_repeats_for_a_moment_and_older_ones_were_stolen() {
        let cases = [
            (2, 100, Verdict::Rotate),
            (2, 9999, Verdict::Rotate),
            (1, 100, Verdict::Repeat),
            (1, 129, Verdict::Repeat),
            (1, 130, Verdict::Reused),
            (0, 100, Verdict::Reused),
            (3, 100, Verdict::Refused),
        ];
        for (generation, second, expected) in cases {
            assert_eq!(verdict(&third(), generation, second, &ALWAYS), expected, "{generation} at {second}");
        }
    }

    #[test]
    fn what_has_ended_or_was_not_used_for_long_is_refused() {
        let idle = 100 + IDLE.as_secs();
        assert_eq!(verdict(&third(), 2, idle - 1, &ALWAYS), Verdict::Rotate);
        assert_eq!(verdict(&third(), 2, idle, &ALWAYS), Verdict::Refused);
        let ended = Family { ended_at: Some(at(100)), ..third() };
        assert_eq!(verdict(&ended, 2, 101, &ALWAYS), Verdict::Refused);
        let old = Family { expires_at: at(200), ..third() };
        assert_eq!(
            (verdict(&old, 2, 199, &ALWAYS), verdict(&old, 2, 200, &ALWAYS)),
            (Verdict::Rotate, Verdict::Refused)
        );
        let without = Family { current: None, previous: None, generation: 0, ..third() };
        assert_eq!(verdict(&without, 0, 100, &ALWAYS), Verdict::Refused);
    }

    #[test]
    fn a_confidential_client_keeps_its_token_for_most_of_its_life_and_a_static_one_always() {
        let late = Rules { rotation: Rotation::Late, ..ALWAYS };
        let due = 100 + IDLE.as_secs() * 7 / 10;
        let used = Family { used_at: at(due - 10), ..third() };
        assert_eq!(verdict(&used, 2, due - 1, &late), Verdict::Keep);
        assert_eq!(verdict(&used, 2, due, &late), Verdict::Rotate);
        let never = Rules { rotation: Rotation::Never, ..ALWAYS };
        assert_eq!(verdict(&used, 2, due, &never), Verdict::Keep);
    }

    #[test]
    fn nobody_can_end_a_family_with_an_invented_token() {
        let foreign = refresh_token(&hmac::Key::new(b"another key"), &family(), 0).unwrap();
        let presented = Presented::parse(&key(), &foreign).unwrap();
        assert_eq!(third().judge(&presented, at(100), &ALWAYS), Verdict::Refused);
        let longer = format!("{}AAAA", token(0).expose());
        for garbage in ["", "x", "é", "AAAA", "0199a0b0-0000-7000-8000-000000000001", &longer] {
            assert!(Presented::parse(&key(), &Token::presented(garbage)).is_none(), "{garbage:?}");
        }
    }
}
