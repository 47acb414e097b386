//! `users claims`.

use std::fmt::Write as _;

use clap::Args;
use identity_core::Identity;
use serde_json::{Map, Value};

use super::find;
use crate::cli::{Failure, print};

#[derive(Debug, Args)]
pub(in crate::cli) struct Claims {
    /// The address or the id.
    user: String,
    /// Set a claim, such as `given_name=Ann`, `phone_number_verified=true` or `address.locality=Paris`. Give it again for more.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<Assignment>,
    /// Take a claim back, such as `nickname` or `address.region`. Give it again for more.
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// A claim, or a part of one, and its value.
#[derive(Clone, Debug)]
struct Assignment {
    name: String,
    value: Value,
}

fn assignment(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or_else(|| String::from("expected name=value"))?;
    // Text stands for itself, a year too; what is not text, and text that looks otherwise, is written as JSON.
    let value = match serde_json::from_str(value) {
        Ok(json @ (Value::Bool(_) | Value::Object(_) | Value::String(_))) => json,
        _ => Value::from(value),
    };
    Ok(Assignment { name: name.to_owned(), value })
}

impl Claims {
    pub(super) async fn run(self, identity: &Identity) -> Result<(), Failure> {
        let user = find(identity, &self.user).await?;
        let change = |claims: &mut Map<String, Value>| {
            for name in &self.unset {
                unset(claims, name);
            }
            for assignment in &self.set {
                set(claims, assignment);
            }
        };
        let claims = identity.users().change_claims(&user.id, change).await?;
        if self.json {
            let text = serde_json::to_string_pretty(&claims).map_err(|error| Failure::new(error.to_string()))?;
            return print(&format!("{text}\n"));
        }
        print(&lines(&claims))
    }
}

fn set(claims: &mut Map<String, Value>, Assignment { name, value }: &Assignment) {
    match name.split_once('.') {
        None => {
            claims.insert(name.clone(), value.clone());
        }
        Some((whole, part)) => {
            let whole = claims.entry(whole).or_insert_with(|| Value::Object(Map::new()));
            if !whole.is_object() {
                *whole = Value::Object(Map::new());
            }
            if let Value::Object(parts) = whole {
                parts.insert(part.to_owned(), value.clone());
            }
        }
    }
}

fn unset(claims: &mut Map<String, Value>, name: &str) {
    let Some((whole, part)) = name.split_once('.') else {
        claims.remove(name);
        return;
    };
    let is_empty = claims.get_mut(whole).and_then(Value::as_object_mut).is_some_and(|parts| {
        parts.remove(part);
        parts.is_empty()
    });
    if is_empty {
        claims.remove(whole);
    }
}

/// One line for each claim, in the form in which it is set.
fn lines(claims: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &Value| {
        // Text with a line break would look like two claims.
        let shown = value.as_str().filter(|text| !text.contains(char::is_control));
        let _ = match shown {
            Some(text) => writeln!(out, "{name}={text}"),
            None => writeln!(out, "{name}={value}"),
        };
    };
    for (name, value) in claims {
        match value {
            Value::Object(parts) => parts.iter().for_each(|(part, value)| line(&format!("{name}.{part}"), value)),
            value => line(name, value),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(before: Value, sets: &[&str], unsets: &[&str]) -> Value {
        let Value::Object(mut claims) = before else { panic!("an object") };
        for name in unsets {
            unset(&mut claims, name);
        }
        for text in sets {
            set(&mut claims, &assignment(text).unwrap());
        }
        Value::Object(claims)
    }

    #[test]
    fn text_stands_for_itself_and_what_is_not_text_is_json() {
        let sets =
            ["given_name=Ann", "birthdate=1990", "phone_number_verified=true", "nickname=\"true\"", "gender=a=b"];
        let expected = json!({
            "given_name": "Ann", "birthdate": "1990", "phone_number_verified": true, "nickname": "true", "gender": "a=b",
        });
        assert_eq!(after(json!({}), &sets, &[]), expected);
        assert!(assignment("given_name").is_err());
    }

    #[test]
    fn a_part_of_an_address_leaves_the_others() {
        let before = json!({ "address": { "locality": "Paris", "country": "FR" } });
        let expected = json!({ "address": { "locality": "Lyon", "country": "FR" } });
        assert_eq!(after(before.clone(), &["address.locality=Lyon"], &[]), expected);
        assert_eq!(after(before.clone(), &[], &["address.locality", "address.country"]), json!({}));
        let whole = after(before, &["address={\"region\":\"Bretagne\"}"], &[]);
        assert_eq!(whole, json!({ "address": { "region": "Bretagne" } }));
        let Value::Object(claims) = expected else { panic!("an object") };
        assert_eq!(lines(&claims), "address.country=FR\naddress.locality=Lyon\n");
    }
}
