//! Signing up with an address and a password.

use serde_json::{Map, Value};

use super::email::{EmailFlow, send_verification};
use super::resolve::profile_of;
use crate::account;
use crate::audit;
use crate::claims;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::mail::Message;
use crate::op::Op;
use crate::outbox;
use crate::principal::Profile;
use crate::request::RequestInfo;
use crate::secret::Secret;
use crate::session::{self, Issued, Method, Proof};
use crate::shared::Shared;
use crate::text::Email;
use crate::user::{self, FieldsAt, take_fields};
use crate::verification::{self, Purpose};

/// What a person brings to sign up.
#[derive(Debug)]
pub struct NewAccount {
    /// The address.
    pub email: Email,
    /// The password in clear text.
    pub password: Secret<String>,
    /// The display name.
    pub name: String,
    /// The picture's URL.
    pub image: Option<String>,
    /// Everything else that was sent; declared extra fields are taken out of it.
    pub extra: Map<String, Value>,
    /// Whether the session should outlive the browser.
    pub remember: bool,
    /// Where the verification link leads in the end.
    pub callback_url: Option<String>,
}

/// How a sign-up ended.
#[derive(Debug)]
#[must_use]
pub enum SignedUp {
    /// The account exists and the browser is signed in.
    Complete {
        /// The session of the browser.
        issued: Issued,
        /// The new user.
        profile: Profile,
    },
    /// The address has to be proved first. Whether the address was free cannot be told from this.
    VerifyEmail {
        /// The new user; an invented one when the address was taken.
        profile: Profile,
        /// What lets this browser, and no other, be signed in by the link.
        flow: EmailFlow,
    },
}

/// Signing up.
#[derive(Debug)]
pub struct SignUp<'s> {
    pub(crate) shared: &'s Shared,
}

impl SignUp<'_> {
    /// Creates an account with a password, and a session unless the address has to be proved first.
    ///
    /// # Errors
    /// `email_taken` (unless addresses have to be proved), `password_too_short`, `password_too_long`, `field_not_allowed`,
    /// `missing_field`, `invalid_input`, `overloaded`.
    pub async fn with_password(&self, new: NewAccount, info: &RequestInfo) -> Result<SignedUp> {
        let shared = self.shared;
        let config = &shared.config;
        user::check_name(&new.name)?;
        new.image.as_deref().map_or(Ok(()), user::check_image)?;
        shared.hasher.check_length(new.password.expose())?;
        refuse_privileged(shared, &new.extra)?;
        let fields = take_fields(&config.user.fields, &new.extra, FieldsAt::Creation)?;
        let hide_taken = config.email.require_verification;
        if !hide_taken && user::store::by_email(&Op::read(shared), new.email.as_str()).await?.is_some() {
            return Err(Error::new(Code::EmailTaken));
        }
        let hash = shared.hasher.hash(new.password.expose()).await?;

        let mut op = Op::write(shared).await?;
        let mut created = user::fresh(&op, &new.email, new.name, fields);
        created.image = new.image;
        if hide_taken && let Some(owner) = user::store::by_email(&op, new.email.as_str()).await? {
            return answer_taken(op, created, &owner).await;
        }
        match user::store::insert(&mut op, &created).await {
            Err(error) if hide_taken && error.code() == Code::EmailTaken => {
                // Somebody else took the address between the two statements; the transaction is spoilt, so start over on a new one.
                drop(op);
                let op = Op::write(shared).await?;
                let owner = user::store::by_email(&op, new.email.as_str()).await?.ok_or(Code::SignUpFailed)?;
                return answer_taken(op, created, &owner).await;
            }
            done => done?,
        }
        account::add_credential(&mut op, &created.id, &hash).await?;
        audit::record(&mut op, Act::own(Event::SignedUp, &created.id, info)).await?;
        if config.email.send_on_sign_up || config.email.require_verification {
            send_verification(&mut op, &created, new.callback_url.as_deref()).await?;
        }
        if config.email.require_verification {
            let flow = EmailFlow::begin(&op, &created.id);
            op.commit().await?;
            return Ok(SignedUp::VerifyEmail { profile: claims::profile(config, created, &[]), flow });
        }
        let opened = session::open(&mut op, &created, &Proof::User, Method::Password, new.remember, info).await?;
        let issued = opened.ok_or_else(|| Error::new(Code::SignUpFailed))?;
        let profile = profile_of(&op, created).await?;
        op.commit().await?;
        Ok(SignedUp::Complete { issued, profile })
    }
}

/// Answers a sign-up for a taken address exactly like one for a free address, and tells the owner by mail.
async fn answer_taken(mut op: Op<'_>, invented: user::User, owner: &user::User) -> Result<SignedUp> {
    let shared = op.shared();
    for purpose in [Purpose::EmailLink, Purpose::EmailCode] {
        verification::issue_decoy(&mut op, purpose, &owner.email).await?;
    }
    if shared.mail.is_some() {
        outbox::mail(&mut op, &owner.email, &owner.name, &Message::AccountExists, None).await?;
    }
    let flow = EmailFlow::begin(&op, &invented.id);
    op.commit().await?;
    Ok(SignedUp::VerifyEmail { profile: claims::profile(&shared.config, invented, &[]), flow })
}

/// Refuses the fields that only the system or an administrator sets, where clients can see that they exist.
pub(crate) fn refuse_privileged(shared: &Shared, sent: &Map<String, Value>) -> Result<()> {
    let role = shared.config.user.expose_role.then(|| "role".to_owned());
    let flags = shared.config.provisioning.iter().map(|target| crate::principal::provisioning_flag(&target.name));
    match role.into_iter().chain(flags).find(|name| sent.contains_key(name)) {
        Some(name) => Err(Error::new(Code::FieldNotAllowed).with_detail(format!("{name} is not allowed to be set"))),
        None => Ok(()),
    }
}
