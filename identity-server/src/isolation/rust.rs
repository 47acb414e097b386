//! Tables that Rust declares: SeaORM's entities and migrations, Diesel's `table!`, and SQL in strings, as `SQLx` has it.

use std::collections::HashMap;
use std::ops::Range;

use super::index::{Index, first_of, last_of};
use super::source::{Cursor, Kind, Token, in_word};
use super::{Declared, sql};

/// The tables that a Rust source declares.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let source = Source::new(&tokens);
    let index = &source.index;
    let mut found = Vec::new();
    let mut skip_until = 0;
    for (at, token) in tokens.iter().enumerate() {
        if at < skip_until {
            continue;
        }
        if index.follows(at, &["#", "["]) || index.follows(at, &["#", "!", "["]) {
            let open = at + if index.follows(at, &["#", "["]) { 1 } else { 2 };
            let attribute = index.inside(open);
            if index.follows(attribute.start, &["doc"]) {
                skip_until = attribute.end;
            } else if index.follows(attribute.start, &["sea_orm"]) {
                found.extend(index.assigned("table_name", &attribute).map(|name| declared(name, "SeaORM")));
            }
        } else if index.follows(at, &["fn", "table_name"]) {
            let body = index.first("{", &(at..tokens.len())).map(|open| index.inside(open)).unwrap_or_default();
            found.extend(index.text(&body).map(|name| declared(name, "SeaORM")));
        } else if index.follows(at, &["Table", ":", ":", "create"]) || index.follows(at, &["Table", ":", ":", "rename"])
        {
            found.extend(source.statement(at));
        } else if index.follows(at, &["table_auto", "("]) {
            found.extend(source.table_argument(&index.inside(at + 1)));
        } else if index.follows(at, &["table", "!"]) {
            found.extend(diesel(index, &index.inside(at + 2)));
        } else if token.kind == Kind::Text {
            found.extend(sql::literal(&without_holes(&token.text), token.line));
        }
    }
    found
}

fn declared(token: &Token, form: &'static str) -> Declared {
    Declared { name: token.text.clone(), written: token.text.clone(), line: token.line, form }
}

/// What `SeaORM` is asked for.
struct Source<'t> {
    index: Index<'t>,
    /// Where `.table(` stands.
    calls: Vec<usize>,
    /// Where something stands that names a table as an argument.
    naming: Vec<usize>,
    /// Where the enum of each name is declared first.
    enums: HashMap<&'t str, usize>,
}

impl<'t> Source<'t> {
    fn new(tokens: &'t [Token]) -> Self {
        let index = Index::new(tokens);
        let mut source = Self { calls: Vec::new(), naming: Vec::new(), enums: HashMap::new(), index };
        for (at, token) in tokens.iter().enumerate() {
            if source.index.follows(at, &[".", "table", "("]) {
                source.calls.push(at);
            }
            let is_constant = || token.text.chars().all(|letter| letter.is_uppercase() || letter == '_');
            let names = token.kind == Kind::Text
                || token.is("Entity")
                || (at >= 3 && source.index.follows(at - 2, &[":", ":", "Table"]))
                || (token.kind == Kind::Word && is_constant());
            if names {
                source.naming.push(at);
            }
            if token.is("enum")
                && let Some(name) = tokens.get(at + 1)
            {
                source.enums.entry(&name.text).or_insert(at);
            }
        }
        source
    }

    /// `Table::create().table(…)` and `Table::rename().table(…, …)`: the name stands in the last argument.
    fn statement(&self, at: usize) -> Option<Declared> {
        let rest = at..self.index.all().end;
        let end = self.index.first(";", &rest).unwrap_or(rest.end);
        let call = first_of(&self.calls, &(at..end))?;
        self.table_argument(&self.index.inside(call + 2))
    }

    /// The table that an argument names: `"users"`, `Alias::new("users")`, `User::Table`, a constant, or a pair with a schema.
    fn table_argument(&self, argument: &Range<usize>) -> Option<Declared> {
        let at = last_of(&self.naming, argument)?;
        let token = self.index.get(at)?;
        if token.kind == Kind::Text {
            return Some(declared(token, "SeaORM"));
        }
        if token.is("Table") {
            let name = self.index.get(at.checked_sub(3)?)?;
            let text = self.iden(&name.text).unwrap_or_else(|| name.text.clone());
            return Some(Declared { name: text.clone(), written: text, line: name.line, form: "SeaORM" });
        }
        // The entity declares its own table.
        if token.is("Entity") {
            return None;
        }
        let named = self.index.constant(&token.text).unwrap_or(token);
        Some(Declared { line: token.line, ..declared(named, "SeaORM") })
    }

    /// The name that an attribute gives to the enum `name`, or to its variant `Table`.
    fn iden(&self, name: &str) -> Option<String> {
        let index = &self.index;
        let at = *self.enums.get(name)?;
        let before = ["}", ";"].into_iter().filter_map(|mark| index.last(mark, &(0..at))).max();
        let item = before.map_or(0, |end| end + 1)..at;
        let body = index.inside(index.first("{", &(at..index.all().end))?);
        let variants = body.start..index.first("Table", &body).unwrap_or(body.end);
        let last = index.last(",", &variants).map_or(variants.start, |comma| comma + 1)..variants.end;
        index.assigned("iden", &last).or_else(|| index.assigned("iden", &item)).map(|token| token.text.clone())
    }
}

/// The table of `table! { … }`: `schema.name (key) { columns }`, perhaps under another name in SQL.
fn diesel(index: &Index<'_>, body: &Range<usize>) -> Option<Declared> {
    let mut at = body.start;
    let mut sql_name = None;
    let mut last = None;
    while let Some(token) = index.get(at).filter(|_| at < body.end) {
        if token.is("use") {
            at = index.first(";", &(at..body.end))?;
        } else if token.is("#") {
            let attribute = index.inside(at + 1);
            sql_name = index.assigned("sql_name", &attribute).or(sql_name);
            at = attribute.end;
        } else if token.kind == Kind::Word {
            last = Some(token);
        } else if ["(", "{", "["].iter().any(|bracket| token.is(bracket)) {
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
