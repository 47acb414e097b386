//! Our words as columns.

use sea_orm::{QueryResult, TryGetable, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Row;
use crate::error::{Error, Result};
use crate::scope::ScopeSet;
pub(crate) use crate::text::object;
use crate::time::Timestamp;
use crate::token::Digest;

/// Reads a column by its position in a hand-written statement.
pub(crate) fn column<T: TryGetable>(row: &QueryResult, index: usize) -> Result<T> {
    row.try_get_by_index(index).map_err(Error::from)
}

/// Reads a column with one of our words. One that `parse` does not know was written by a newer release, or not by us: whatever we took
/// it for, somebody might be let in, or kept out, who should not be.
pub(crate) fn word<T>(row: &Row<'_>, index: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let word: String = row.column(index)?;
    parse(&word).ok_or_else(|| Error::internal(format!("nobody here knows what the word {word:?} in a row means")))
}

pub(crate) fn text(value: impl Into<String>) -> Value {
    Value::from(value.into())
}

pub(crate) fn optional_text(value: Option<String>) -> Value {
    Value::from(value)
}

pub(crate) fn time(value: Timestamp) -> Value {
    Value::from(value)
}

pub(crate) fn digest<K>(value: &Digest<K>) -> Value {
    Value::from(value.as_bytes().to_vec())
}

pub(crate) fn optional_digest<K>(value: Option<&Digest<K>>) -> Value {
    Value::from(value.map(|digest| digest.as_bytes().to_vec()))
}

/// The digest in a column; bytes of another length are none.
pub(crate) fn digest_of<K>(bytes: Option<Vec<u8>>) -> Option<Digest<K>> {
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest::from_bytes)
}

pub(crate) fn list(texts: &[String]) -> Value {
    Value::from(Json::from(texts))
}

pub(crate) fn json(value: &Map<String, Json>) -> Value {
    Value::from(Json::Object(value.clone()))
}

pub(crate) fn bytes(value: Vec<u8>) -> Value {
    Value::from(value)
}

/// A value as a JSON column.
pub(crate) fn serialized(value: &impl Serialize) -> Result<Value> {
    Ok(Value::from(serde_json::to_value(value).map_err(Error::internal)?))
}

/// Reads a column with scopes.
pub(crate) fn scopes(row: &Row<'_>, index: usize) -> Result<ScopeSet> {
    ScopeSet::try_from(row.column::<String>(index)?).map_err(Error::internal)
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The texts of the list in a JSON column; anything else reads as none.
pub(crate) fn texts(value: Json) -> Vec<String> {
    match value {
        Json::Array(values) => values.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
