//! Sessions: where a user is signed in.

pub(crate) mod model;
pub(crate) mod store;

pub use model::Session;
pub(crate) use model::{Method, Standing};

use serde_json::{Map, Value};

use crate::account::Credential;
use crate::audit;
use crate::code::Code;
use crate::config::SessionOptions;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::family;
use crate::id::{SessionId, UserId};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::shared::Shared;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user::{self, FieldsAt, User, take_fields};
use crate::verification;

/// What a new session rests on. It is checked again by the statement that inserts the session.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The password that was verified.
    Password(Credential),
    /// Something else that named the user: a mail that was received, or a session that is being replaced.
    User,
}

/// A session that was just opened, with the token that is shown this once.
#[derive(Debug)]
pub struct Issued {
    /// The token for the cookie.
    pub token: Token<kind::Session>,
    /// The session.
    pub session: Session,
}

/// Where a user is signed in.
#[derive(Debug)]
pub struct Sessions<'s> {
    pub(crate) shared: &'s Shared,
}

impl Sessions<'_> {
    /// The live sessions of a user, oldest first.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self, user_id: &UserId) -> Result<Vec<Session>> {
        let op = Op::read(self.shared);
        let policy = &self.shared.config.session;
        let sessions = store::list(&op, user_id).await?;
        Ok(sessions.into_iter().filter(|session| session.standing(op.now(), policy) != Standing::Expired).collect())
    }

    /// Whether the sign-in behind a session is recent enough for a sensitive change.
    #[must_use]
    pub fn is_fresh(&self, session: &Session) -> bool {
        session.is_fresh(self.shared.clock.now(), &self.shared.config.session)
    }

    /// Ends the session that a token opens. Unknown tokens are fine: the caller wanted it gone.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn sign_out(&self, token: &Token<kind::Session>, info: &RequestInfo) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        if let Some(user_id) = store::delete_by_digest(&mut op, &token.digest()).await? {
            audit::record(&mut op, Act::own(Event::SignedOut, &user_id, info)).await?;
        }
        op.commit().await
    }

    /// Ends one session of a user, named by its token or by its id. Returns its id, or `None` when the user has no such session.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn revoke(&self, user_id: &UserId, token_or_id: &str, info: &RequestInfo) -> Result<Option<SessionId>> {
        let mut op = Op::write(self.shared).await?;
        let digest = Token::presented(token_or_id).digest();
        let ended = store::delete_named(&mut op, user_id, &digest, &SessionId::from_text(token_or_id)).await?;
        if ended.is_some() {
            audit::record(&mut op, Act::own(Event::SessionsRevoked { count: 1 }, user_id, info)).await?;
        }
        op.commit().await?;
        Ok(ended)
    }

    /// Ends the sessions of a user, all or all but `keep`. Returns how many.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn revoke_all(&self, user_id: &UserId, keep: Option<&SessionId>, info: &RequestInfo) -> Result<u64> {
        let mut op = Op::write(self.shared).await?;
        // The user goes first, as in everything that ends sessions and closes links.
        user::store::lock(&mut op, user_id).await?;
        let ended = store::delete_all(&mut op, user_id, keep).await?;
        family::end_all(&mut op, user_id, keep).await?;
        // Whoever was signed in elsewhere may have asked for a link that outlives the session.
        verification::close(&mut op, user_id, &verification::BY_SESSION).await?;
        audit::record(&mut op, Act::own(Event::SessionsRevoked { count: ended }, user_id, info)).await?;
        op.commit().await?;
        Ok(ended)
    }

    /// Sets declared extra fields of a session.
    ///
    /// # Errors
    /// `no_fields_to_update` when nothing declared was sent, `field_not_allowed`, `invalid_input`, `unauthorized` when the session is gone.
    pub async fn update(&self, session: &Session, sent: &Map<String, Value>) -> Result<Session> {
        let fields = take_fields(&self.shared.config.user.session_fields, sent, FieldsAt::Change)?;
        if fields.is_empty() {
            return Err(Error::new(Code::NoFieldsToUpdate));
        }
        let mut op = Op::write(self.shared).await?;
        let mut changed = store::lock(&mut op, &session.id).await?.ok_or(Code::Unauthorized)?;
        changed.fields.extend(fields);
        changed.updated_at = op.now();
        if !store::set_fields(&mut op, &changed).await? {
            return Err(Error::new(Code::Unauthorized));
        }
        op.commit().await?;
        Ok(changed)
    }
}

/// Opens a session. `None` means that the proof no longer stands.
pub(crate) async fn open(
    op: &mut Op<'_>,
    user: &User,
    proof: &Proof,
    method: Method,
    remembered: bool,
    info: &RequestInfo,
) -> Result<Option<Issued>> {
    let policy = op.shared().config.session.clone();
    let token = Token::mint(op.entropy());
    let session = Session {
        id: SessionId::mint(op.now(), op.entropy()),
        user_id: user.id.clone(),
        remembered,
        ip_address: info.ip,
        user_agent: info.user_agent.clone(),
        amr: vec![method.amr().to_owned()],
        fields: Map::new(),
        created_at: op.now(),
        updated_at: op.now(),
        expires_at: after(op.now(), lifetime(&policy, remembered)),
    };
    if !store::insert(op, &session, &token.digest(), proof).await? {
        return Ok(None);
    }
    op.shared().limiter.know(op.db(), &user.email, info.ip).await?;
    Ok(Some(Issued { token, session }))
}

/// A session that is live, with its user who is not banned; both stay as they are until the end of the transaction.
pub(crate) async fn hold(op: &mut Op<'_>, id: &SessionId) -> Result<Option<(Session, User)>> {
    let (now, policy) = (op.now(), op.shared().config.session.clone());
    let found = store::hold(op, id).await?.map(|found| (found.session, found.user));
    Ok(found.filter(|(session, user)| !user.is_banned(now) && session.standing(now, &policy) != Standing::Expired))
}

fn lifetime(policy: &SessionOptions, remembered: bool) -> std::time::Duration {
    if remembered { policy.expires_in.min(policy.max_age) } else { policy.not_remembered.min(policy.max_age) }
}

/// Ends all sessions of a user, and what clients were given in them.
pub(crate) async fn end_all(op: &mut Op<'_>, user_id: &UserId) -> Result<()> {
    store::delete_all(op, user_id, None).await?;
    family::end_all(op, user_id, None).await
}

/// Ends all sessions of a user but one, and what clients were given in them.
pub(crate) async fn end_others(op: &mut Op<'_>, user_id: &UserId, keep: &SessionId) -> Result<()> {
    store::delete_all(op, user_id, Some(keep)).await?;
    family::end_all(op, user_id, Some(keep)).await
}

/// Ends the session of a token if it is this user's.
pub(crate) async fn end_token(op: &mut Op<'_>, user_id: &UserId, token: &Token<kind::Session>) -> Result<()> {
    store::delete_named(op, user_id, &token.digest(), &SessionId::from_text("")).await.map(|_| ())
}
