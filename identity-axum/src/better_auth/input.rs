//! Bodies and queries: read once, checked field by field, refused with the client library's own words.

use std::fmt;

use axum::body::Body;
use http::{HeaderMap, header};
use identity_core::text::{Email, MOST_DEPTH};
use identity_core::{Code, Error, Result};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::extract::body;

/// Characters of a name in the body that a refusal repeats.
const SHOWN: usize = 64;

/// The body of a request, parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// There was none.
    Absent,
    /// A JSON value, or the fields of a form as an object of strings.
    Json(Value),
}

impl Input {
    /// The fields; none when the body is absent or not an object.
    pub(super) fn fields(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Json(Value::Object(fields)) => Some(fields),
            Self::Json(_) | Self::Absent => None,
        }
    }

    /// The fields of a body that may be absent, but must be an object if it is there.
    pub(super) fn optional_object(&self) -> Result<Map<String, Value>> {
        match self {
            Self::Json(Value::Object(fields)) => Ok(fields.clone()),
            Self::Absent => Ok(Map::new()),
            Self::Json(_) => Err(Error::new(Code::BodyMustBeObject)),
        }
    }
}

/// Reads and parses a body. `forms` says whether this endpoint takes HTML forms too.
pub(crate) async fn read(headers: &HeaderMap, body: Body, forms: bool) -> Result<Input> {
    let bytes = body::read(body).await?;
    if bytes.is_empty() {
        return Ok(Input::Absent);
    }
    let input = match media_type(headers, forms)? {
        MediaType::Json => {
            check_depth(&bytes)?;
            json(&bytes)?
        }
        MediaType::Form => form(&bytes),
    };
    match &input {
        Value::Object(fields) => refuse_nul("body", fields)?,
        other if value_has_nul(other) => return Err(nul_in("body")),
        _ => {}
    }
    Ok(Input::Json(input))
}

enum MediaType {
    Json,
    Form,
}

fn media_type(headers: &HeaderMap, forms: bool) -> Result<MediaType> {
    let allowed = if forms { "application/x-www-form-urlencoded, application/json" } else { "application/json" };
    let refuse = |start: String| {
        Err(Error::new(Code::UnsupportedMediaType).with_detail(format!("{start} Allowed types: {allowed}")))
    };
    let mut sent = headers.get_all(header::CONTENT_TYPE).iter();
    let value = match (sent.next(), sent.next()) {
        (Some(value), None) => value,
        (None, _) => return refuse("Content-Type is required.".to_owned()),
        (Some(_), Some(_)) => return refuse("Content-Type is given twice.".to_owned()),
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = body::essence(&text);
    let charset =
        text.split(';').skip(1).filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim() == "charset");
    if charset.is_some_and(|(_, name)| !name.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return refuse("The charset must be utf-8.".to_owned());
    }
    let json = essence == body::JSON || essence.starts_with("application/") && essence.ends_with("+json");
    match essence.as_str() {
        _ if json => Ok(MediaType::Json),
        body::FORM if forms => Ok(MediaType::Form),
        _ => refuse(format!("Content-Type \"{essence}\" is not allowed.")),
    }
}

/// JSON in which no object has a name twice: readers differ about which of the two counts (RFC 8259, section 4).
fn json(bytes: &[u8]) -> Result<Value> {
    let read = serde_json::from_slice::<Unambiguous>(bytes);
    read.map(|Unambiguous(value)| value).map_err(|error| {
        if error.is_data() {
            Error::new(Code::InvalidInput).with_detail(format!("[body] Invalid input: {error}"))
        } else {
            Error::new(Code::InvalidJson).caused_by(error)
        }
    })
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut read = Vec::new();
                while let Some(Unambiguous(item)) = items.next_element()? {
                    read.push(item);
                }
                Ok(Value::Array(read))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
                let mut read = Map::new();
                while let Some((name, Unambiguous(value))) = fields.next_entry::<String, _>()? {
                    if read.contains_key(&name) {
                        let shown: String = name.chars().take(SHOWN).collect();
                        return Err(A::Error::custom(format_args!("{shown:?} is given twice")));
                    }
                    read.insert(name, value);
                }
                Ok(Value::Object(read))
            }
        }

        deserializer.deserialize_any(Any).map(Self)
    }
}

/// A form as an object. Its values are text; the words `true` and `false` stand for what a checkbox means.
fn form(bytes: &[u8]) -> Value {
    let value = |text: String| match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(text),
    };
    let pairs = url::form_urlencoded::parse(bytes);
    Value::Object(pairs.map(|(name, text)| (name.into_owned(), value(text.into_owned()))).collect())
}

/// Refuses JSON that is nested too deeply before anything is built from it.
fn check_depth(bytes: &[u8]) -> Result<()> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_DEPTH {
            return Err(Error::new(Code::InvalidInput)
                .with_detail(format!("[body] Invalid input: nested deeper than {MOST_DEPTH} levels")));
        }
    }
    Ok(())
}

/// PostgreSQL stores no NUL character, and nobody's name has one. The first field that has one is named.
fn refuse_nul(scope: &str, fields: &Map<String, Value>) -> Result<()> {
    let found = fields.iter().find(|(name, value)| has_nul(name) || value_has_nul(value));
    match found {
        None => Ok(()),
        Some((name, _)) if has_nul(name) => Err(nul_in(scope)),
        Some((name, _)) => Err(nul_in(&format!("{scope}.{name}"))),
    }
}

fn nul_in(place: &str) -> Error {
    Error::new(Code::InvalidInput).with_detail(format!("[{place}] Invalid input: text with a NUL character"))
}

fn value_has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => has_nul(text),
        Value::Array(items) => items.iter().any(value_has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| has_nul(name) || value_has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

/// Checks the fields of a body one after the other and reports all problems together, in the order they were asked for.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    scope: &'static str,
    fields: Option<&'a Map<String, Value>>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    /// A body that must be an object.
    pub(crate) fn body(input: &'a Input) -> Self {
        let mut problems = Vec::new();
        let found = match input {
            Input::Json(Value::Object(_)) => None,
            Input::Json(other) => Some(kind(Some(other))),
            Input::Absent => Some("undefined"),
        };
        problems.extend(found.map(|found| format!("[body] Invalid input: expected object, received {found}")));
        Self { scope: "body", fields: input.fields(), problems }
    }

    /// The fields of a query.
    pub(super) fn query(fields: &'a Map<String, Value>) -> Self {
        Self { scope: "query", fields: Some(fields), problems: Vec::new() }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name)
    }

    fn complain(&mut self, name: &str, problem: &str) {
        // When there is no object at all, its fields are not worth a word.
        if self.fields.is_some() {
            self.problems.push(format!("[{}.{name}] {problem}", self.scope));
        }
    }

    fn expected(&mut self, name: &str, expected: &str) {
        let found = kind(self.get(name));
        self.complain(name, &format!("Invalid input: expected {expected}, received {found}"));
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &str) -> &'a str {
        if let Some(Value::String(text)) = self.get(name) {
            text
        } else {
            self.expected(name, "string");
            ""
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn filled(&mut self, name: &str) -> &'a str {
        let before = self.problems.len();
        let text = self.text(name);
        if text.is_empty() && self.problems.len() == before {
            self.complain(name, "Too small: expected string to have >=1 characters");
        }
        text
    }

    /// An address that must be there.
    pub(super) fn email(&mut self, name: &str) -> Option<Email> {
        let before = self.problems.len();
        let text = self.text(name);
        let email = Email::parse(text).ok();
        if email.is_none() && self.problems.len() == before {
            self.complain(name, "Invalid email address");
        }
        email
    }

    /// A text that may be missing.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<&'a str> {
        match self.get(name) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.expected(name, "string");
                None
            }
        }
    }

    /// A text that may be missing, or `null` to remove what is there.
    #[expect(clippy::option_option, reason = "missing, null and given are three different wishes")]
    pub(super) fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        match self.get(name) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone())),
            Some(_) => {
                self.expected(name, "string");
                None
            }
        }
    }

    /// Yes or no, which must be there.
    pub(super) fn bool(&mut self, name: &str) -> bool {
        if let Some(Value::Bool(value)) = self.get(name) {
            *value
        } else {
            self.expected(name, "boolean");
            false
        }
    }

    /// Yes or no, which may be missing.
    pub(super) fn optional_bool(&mut self, name: &str) -> Option<bool> {
        match self.get(name) {
            None => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(_) => {
                self.expected(name, "boolean");
                None
            }
        }
    }

    /// All problems, if there are any.
    pub(crate) fn finish(self) -> Result<()> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::new(Code::InvalidInput).with_detail(self.problems.join("; ")))
        }
    }
}

/// The type of a value, as JavaScript names it.
fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}

/// The query of a request as an object of texts; of repeated names the first counts.
pub(super) fn query(query: Option<&str>) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        fields.entry(name.into_owned()).or_insert_with(|| Value::String(value.into_owned()));
    }
    refuse_nul("query", &fields)?;
    Ok(fields)
}
