//! Tables that Rust declares: SeaORM's entities and migrations, Diesel's `table!`, and SQL in strings, as `SQLx` has it.

use super::source::{Cursor, Kind, Token, constant, follows, in_word, inside};
use super::{Declared, sql};

/// The tables that a Rust source declares.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut skip_until = 0;
    for (at, token) in tokens.iter().enumerate() {
        if at < skip_until {
            continue;
        }
        if follows(&tokens, at, &["#", "["]) || follows(&tokens, at, &["#", "!", "["]) {
            let open = at + if follows(&tokens, at, &["#", "["]) { 1 } else { 2 };
            let attribute = inside(&tokens, open);
            if attribute.first().is_some_and(|token| token.is("doc")) {
                skip_until = open + attribute.len() + 1;
            } else if attribute.first().is_some_and(|token| token.is("sea_orm")) {
                found.extend(assigned(attribute, "table_name").map(|name| declared(name, "SeaORM")));
            }
        } else if follows(&tokens, at, &["fn", "table_name"]) {
            let body = tokens.iter().skip(at).position(|token| token.is("{"));
            let body = body.map(|open| inside(&tokens, at + open)).unwrap_or_default();
            found.extend(body.iter().find(|token| token.kind == Kind::Text).map(|name| declared(name, "SeaORM")));
        } else if follows(&tokens, at, &["Table", ":", ":", "create"])
            || follows(&tokens, at, &["Table", ":", ":", "rename"])
        {
            found.extend(statement(&tokens, at));
        } else if follows(&tokens, at, &["table_auto", "("]) {
            found.extend(table_argument(&tokens, inside(&tokens, at + 1)));
        } else if follows(&tokens, at, &["table", "!"]) {
            found.extend(diesel(inside(&tokens, at + 2)));
        } else if token.kind == Kind::Text {
            found.extend(sql::literal(&without_holes(&token.text), token.line));
        }
    }
    found
}

fn declared(token: &Token, form: &'static str) -> Declared {
    Declared { name: token.text.clone(), written: token.text.clone(), line: token.line, form }
}

/// The text in `name = "text"`.
fn assigned<'t>(tokens: &'t [Token], name: &str) -> Option<&'t Token> {
    let at = (0..tokens.len()).find(|at| follows(tokens, *at, &[name, "="]))?;
    tokens.get(at + 2).filter(|token| token.kind == Kind::Text)
}

/// `Table::create().table(…)` and `Table::rename().table(…, …)`: the name stands in the last argument.
fn statement(tokens: &[Token], at: usize) -> Option<Declared> {
    let rest = tokens.iter().enumerate().skip(at);
    let mut within = rest.take_while(|(_, token)| !token.is(";"));
    let (call, _) = within.find(|(at, token)| token.is(".") && follows(tokens, *at, &[".", "table", "("]))?;
    table_argument(tokens, inside(tokens, call + 2))
}

/// The table that an argument names: `"users"`, `Alias::new("users")`, `User::Table`, a constant, or a pair with a schema.
fn table_argument(tokens: &[Token], argument: &[Token]) -> Option<Declared> {
    for (at, token) in argument.iter().enumerate().rev() {
        if token.kind == Kind::Text {
            return Some(declared(token, "SeaORM"));
        }
        if token.is("Table") && at >= 3 && follows(argument, at - 2, &[":", ":", "Table"]) {
            let name = argument.get(at - 3)?;
            let text = iden(tokens, &name.text).unwrap_or_else(|| name.text.clone());
            return Some(Declared { name: text.clone(), written: text, line: name.line, form: "SeaORM" });
        }
        // The entity declares its own table.
        if token.is("Entity") {
            return None;
        }
        if token.kind == Kind::Word && token.text.chars().all(|letter| letter.is_uppercase() || letter == '_') {
            let named = constant(tokens, &token.text).unwrap_or(token);
            return Some(Declared { line: token.line, ..declared(named, "SeaORM") });
        }
    }
    None
}

/// The name that an attribute gives to the enum `name`, or to its variant `Table`.
fn iden(tokens: &[Token], name: &str) -> Option<String> {
    let at = (0..tokens.len()).find(|at| follows(tokens, *at, &["enum", name]))?;
    let item = tokens.get(..at)?.rsplit(|token| token.is("}") || token.is(";")).next()?;
    let open = tokens.iter().skip(at).position(|token| token.is("{"))?;
    let variant = inside(tokens, at + open).split(|token| token.is("Table")).next().unwrap_or_default();
    let last = variant.rsplit(|token| token.is(",")).next().unwrap_or_default();
    assigned(last, "iden").or_else(|| assigned(item, "iden")).map(|token| token.text.clone())
}

/// The table of `table! { … }`: `schema.name (key) { columns }`, perhaps under another name in SQL.
fn diesel(body: &[Token]) -> Option<Declared> {
    let mut at = 0;
    let mut sql_name = None;
    let mut last = None;
    while let Some(token) = body.get(at) {
        if token.is("use") {
            at += body.iter().skip(at).position(|token| token.is(";"))?;
        } else if token.is("#") {
            let attribute = inside(body, at + 1);
            sql_name = assigned(attribute, "sql_name").or(sql_name);
            at += attribute.len() + 2;
        } else if token.kind == Kind::Word {
            last = Some(token);
        } else if token.is("(") || token.is("{") {
            break;
        }
        at += 1;
    }
    sql_name.or(last).map(|name| declared(name, "Diesel"))
}

/// A literal without the holes that `format!` fills, such as `{prefix}`.
fn without_holes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let end = after.find(|letter: char| !(in_word(letter) || matches!(letter, '.' | ':' | '#' | '?')));
        let filled = end.and_then(|end| after.get(end..)).and_then(|after| after.strip_prefix('}'));
        if filled.is_none() {
            out.push('{');
        }
        rest = filled.unwrap_or(after);
    }
    out.push_str(rest);
    out
}

fn tokens(text: &str) -> Vec<Token> {
    let mut cursor = Cursor::new(text, 1);
    let mut tokens = Vec::new();
    while let Some(letter) = cursor.peek(0) {
        let line = cursor.line();
        if cursor.sees("//") {
            cursor.skip_line();
        } else if cursor.sees("/*") {
            cursor.skip_block(true);
        } else if letter == '"' {
            cursor.skip(1);
            tokens.extend(cursor.escaped('"', true).map(|text| Token { kind: Kind::Text, text, line }));
        } else if letter == '\'' {
            character(&mut cursor);
        } else if in_word(letter) {
            let word = cursor.word();
            let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
            match cursor.peek(0) {
                Some('"' | '#') if is_raw => match raw(&mut cursor) {
                    Some(text) => tokens.push(Token { kind: Kind::Text, text, line }),
                    // A raw name, such as r#type.
                    None => cursor.skip(1),
                },
                Some('"') if matches!(word.as_str(), "b" | "c") => {}
                _ => tokens.push(Token { kind: Kind::Word, text: word, line }),
            }
        } else {
            cursor.skip(1);
            if !letter.is_whitespace() {
                tokens.push(Token { kind: Kind::Mark, text: String::from(letter), line });
            }
        }
    }
    tokens
}

/// A character literal, or the quote of a lifetime.
fn character(cursor: &mut Cursor) {
    cursor.skip(1);
    match (cursor.peek(0), cursor.peek(1)) {
        (Some('\\'), _) => {
            cursor.skip(2);
            let _ = cursor.take_while(|letter| letter != '\'' && letter != '\n');
            cursor.skip(1);
        }
        (Some(_), Some('\'')) => cursor.skip(2),
        _ => {}
    }
}

/// A raw string from its hashes on; none, and nothing taken, when it is none.
fn raw(cursor: &mut Cursor) -> Option<String> {
    let start = cursor.mark();
    let hashes = cursor.take_while(|letter| letter == '#');
    if cursor.peek(0) != Some('"') {
        cursor.back(start);
        return None;
    }
    cursor.skip(1);
    let end = format!("\"{hashes}");
    let mut text = String::new();
    while !cursor.sees(&end) {
        text.push(cursor.next()?);
    }
    cursor.skip(end.chars().count());
    Some(text)
}
