//! Making an account.

use askama::Template;
use http::StatusCode;
use identity_core::auth::{NewAccount, SignedUp};
use identity_core::config::{FieldKind, FieldSpec};
use identity_core::oauth::Step;
use identity_core::secret::Secret;
use identity_core::text::Email;
use identity_core::{Code, Error};
use serde_json::{Map, Value};

use super::answer;
use super::form::{Field, Notice, Trouble, focus_first};
use super::reply::{self, Failed, Reply, see_other};
use super::verify;
use super::view::View;
use super::visit::{Asked, Visit};

/// What the names of declared extra fields begin with in the form.
const EXTRA: &str = "extra.";

#[derive(Debug, Template)]
#[template(path = "register.html")]
struct Page<'a> {
    view: &'a View,
    name: Field,
    email: Field,
    password: Field,
    extra: Vec<Extra<'a>>,
    min: usize,
    notice: Option<Notice>,
    /// What is wrong, field by field, where it is more than one thing.
    summary: Vec<(String, String)>,
}

/// An extra field that the configuration asks everybody for.
#[derive(Debug)]
struct Extra<'a> {
    label: &'a str,
    kind: FieldKind,
    field: Field,
}

impl Extra<'_> {
    fn is_yes_or_no(&self) -> bool {
        self.kind == FieldKind::Boolean
    }

    fn is_number(&self) -> bool {
        self.kind == FieldKind::Number
    }
}

impl<'a> Page<'a> {
    fn new(visit: &'a Visit, typed: Typed<'_>) -> Self {
        let config = visit.site.facade.identity.config();
        let extra = asked_for(&config.user.fields).map(|(label, spec)| {
            let value = visit.text(&format!("{EXTRA}{label}")).unwrap_or_default();
            Extra { label, kind: spec.kind, field: Field::new("", value) }
        });
        Self {
            view: &visit.view,
            name: Field::new("reg-name", typed.name),
            email: Field::new("reg-email", typed.email),
            password: Field::new("reg-password", ""),
            extra: extra.collect(),
            min: config.password.min_length,
            notice: None,
            summary: Vec::new(),
        }
    }

    /// Shows what is wrong.
    fn refused(mut self, status: StatusCode) -> Reply {
        let extra = self.extra.iter_mut().map(|extra| &mut extra.field);
        let own = [&mut self.name, &mut self.email, &mut self.password];
        if focus_first(own.into_iter().chain(extra)) > 1 {
            let wrong = |field: &Field, id: String| field.error.clone().map(|error| (id, error));
            let own = [&self.name, &self.email, &self.password];
            let own = own.into_iter().filter_map(|field| wrong(field, field.id.to_owned()));
            let extra = self.extra.iter().filter_map(|extra| wrong(&extra.field, format!("{EXTRA}{}", extra.label)));
            self.summary = own.chain(extra).collect();
        }
        reply::page(status, self.view, &self)
    }
}

/// What was typed, without the password.
#[derive(Clone, Copy, Debug, Default)]
struct Typed<'a> {
    name: &'a str,
    email: &'a str,
}

/// The declared fields without which there is no account, and which only the person can give.
fn asked_for(fields: &std::collections::BTreeMap<String, FieldSpec>) -> impl Iterator<Item = (&str, &FieldSpec)> {
    let needed = |spec: &FieldSpec| spec.required && spec.input && spec.default.is_none();
    fields.iter().filter(move |(_, spec)| needed(spec)).map(|(name, spec)| (name.as_str(), spec))
}

pub(super) async fn show(mut visit: Visit) -> Reply {
    let mut hint = None;
    match visit.asked().await? {
        Asked::Elsewhere(response) => return Ok(response),
        Asked::Application(interaction) => {
            if matches!(interaction.step, Step::SelectAccount | Step::Consent { .. }) {
                return see_other(&answer::page(&visit, &interaction));
            }
            hint = interaction.login_hint.filter(|hint| Email::parse(hint).is_ok());
        }
        Asked::Nobody => {}
    }
    let mut page = Page::new(&visit, Typed { email: hint.as_deref().unwrap_or_default(), ..Typed::default() });
    page.name.focus = true;
    reply::page(StatusCode::OK, &visit.view, &page)
}

pub(super) async fn submit(mut visit: Visit) -> Reply {
    let (name, email) = (visit.text("reg_name")?.trim().to_owned(), visit.text("reg_email")?.trim().to_owned());
    let password = Secret::from(visit.text("reg_password")?);
    let extra = extra(&visit)?;
    let typed = Typed { name: &name, email: &email };
    let parsed = Email::parse(&email);
    let address = match &parsed {
        Ok(address) if !name.is_empty() && !password.expose().is_empty() && extra.wrong.is_empty() => address.clone(),
        _ => {
            if let Asked::Elsewhere(response) = visit.asked().await? {
                return Ok(response);
            }
            let texts = visit.view.t();
            let mut page = Page::new(&visit, typed);
            if name.is_empty() {
                page.name.refuse(texts.register.no_name());
            }
            if parsed.is_err() {
                page.email.refuse_address(&visit.view);
            }
            if password.expose().is_empty() {
                page.password.refuse(texts.common.no_password());
            }
            for wrong in page.extra.iter_mut().filter(|shown| extra.wrong.iter().any(|name| name == shown.label)) {
                wrong.field.refuse(texts.register.bad_field());
            }
            return page.refused(StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let new = NewAccount {
        email: address.clone(),
        password,
        name: name.clone(),
        image: None,
        extra: extra.values,
        remember: true,
        callback_url: Some(verify::callback(&visit.view)),
    };
    match visit.site.facade.identity.sign_up().with_password(new, &visit.info).await {
        Ok(SignedUp::Complete { issued, profile }) => Ok(visit.enter(&issued, profile).await),
        Ok(SignedUp::VerifyEmail { flow, .. }) => visit.to_verify(&flow, &address, true),
        Err(error) => refuse(visit, typed, error).await,
    }
}

/// Shows the form again with what the flow found wrong.
async fn refuse(mut visit: Visit, typed: Typed<'_>, error: Error) -> Reply {
    if let Asked::Elsewhere(response) = visit.asked().await? {
        return Ok(response);
    }
    let (texts, limits) = (visit.view.t(), &visit.site.facade.identity.config().password);
    let mut page = Page::new(&visit, typed);
    match error.code() {
        Code::EmailTaken | Code::SignUpFailed => page.email.refuse(texts.register.taken()),
        Code::PasswordTooShort => page.password.refuse(texts.common.short_password(limits.min_length)),
        Code::PasswordTooLong => page.password.refuse(texts.common.long_password(limits.max_length)),
        Code::InvalidInput if error.field() == Some("name") => page.name.refuse(texts.register.bad_name()),
        Code::InvalidInput | Code::MissingField => {
            let named = page.extra.iter_mut().find(|extra| error.field() == Some(extra.label));
            match named {
                Some(extra) => extra.field.refuse(texts.register.bad_field()),
                None => return Err(Failed::from(error)),
            }
        }
        _ => {
            let trouble = Trouble::of(&visit.view, error)?;
            page.notice = Some(trouble.notice());
            return trouble.on(reply::page(trouble.status, &visit.view, &page));
        }
    }
    page.refused(StatusCode::UNPROCESSABLE_ENTITY)
}

/// The extra fields of a form.
#[derive(Debug, Default)]
struct Given {
    values: Map<String, Value>,
    wrong: Vec<String>,
}

/// Reads the extra fields that are asked for.
fn extra(visit: &Visit) -> Result<Given, Failed> {
    let mut given = Given::default();
    for (name, spec) in asked_for(&visit.site.facade.identity.config().user.fields) {
        let text = visit.text(&format!("{EXTRA}{name}"))?.trim();
        let value = match spec.kind {
            FieldKind::Boolean => Some(Value::Bool(!text.is_empty())),
            FieldKind::String => (!text.is_empty()).then(|| Value::from(text)),
            FieldKind::Number => serde_json::from_str(text).ok().filter(Value::is_number),
        };
        match value {
            Some(value) => {
                given.values.insert(name.to_owned(), value);
            }
            None => given.wrong.push(name.to_owned()),
        }
    }
    Ok(given)
}
