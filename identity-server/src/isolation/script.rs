//! Tables that TypeScript and JavaScript declare: Drizzle's tables, schema builders, and SQL in strings.

use super::source::{Cursor, Kind, SPELLED_NEWLINE, Token, constant, in_word, inside};
use super::{Declared, sql};

/// Drizzle's functions that declare a table.
const TABLE_FUNCTIONS: &[&str] =
    &["cockroachTable", "gelTable", "mssqlTable", "mysqlTable", "pgTable", "singlestoreTable", "sqliteTable"];

/// The tables that a script declares.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let functions = table_functions(&tokens);
    let uses_drizzle = tokens.iter().any(|token| token.kind == Kind::Text && token.text.starts_with("drizzle-orm"));
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Text => found.extend(sql::literal(&token.text, token.line)),
            Kind::Word if tokens.get(at + 1).is_some_and(|next| next.is("(")) => {
                let arguments = inside(&tokens, at + 1);
                let method = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.is("."));
                let declares = functions.contains(&token.text)
                    || (token.is("withRLS") && method)
                    || (token.is("createTable") && method)
                    || (token.is("table") && method && takes_columns(arguments))
                    || (uses_drizzle && token.text.ends_with("able") && takes_columns(arguments));
                if declares {
                    let form = if token.is("createTable") && method { "schema builder" } else { "Drizzle" };
                    found.extend(first_argument(&tokens, arguments, form));
                }
            }
            _ => {}
        }
    }
    found
}

/// Drizzle's functions, the names they are imported under, and the ones that a table creator has made.
fn table_functions(tokens: &[Token]) -> Vec<String> {
    let mut functions: Vec<String> = TABLE_FUNCTIONS.iter().map(|&name| String::from(name)).collect();
    for (at, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(at + ahead).filter(|token| token.kind == Kind::Word);
        if TABLE_FUNCTIONS.contains(&token.text.as_str()) && next(1).is_some_and(|word| word.is("as")) {
            functions.extend(next(2).map(|alias| alias.text.clone()));
        }
        if token.is("const") && tokens.get(at + 2).is_some_and(|token| token.is("=")) {
            let value = tokens.iter().skip(at + 3).take_while(|token| !token.is("(") && !token.is(";"));
            if value.last().is_some_and(|token| token.text.ends_with("TableCreator")) {
                functions.extend(next(1).map(|name| name.text.clone()));
            }
        }
    }
    functions
}

/// Whether a call looks like a declaration: a name, then an object of columns or a function that answers one.
fn takes_columns(arguments: &[Token]) -> bool {
    let second = arguments.iter().position(|token| token.is(",")).and_then(|comma| arguments.get(comma + 1));
    second.is_some_and(|token| token.is("{") || token.is("(") || token.kind == Kind::Word)
        && arguments.iter().any(|token| token.is("{"))
}

fn first_argument(tokens: &[Token], arguments: &[Token], form: &'static str) -> Option<Declared> {
    let first = arguments.first()?;
    let named = match first.kind {
        Kind::Text => first,
        Kind::Word => constant(tokens, &first.text)?,
        _ => return None,
    };
    Some(Declared { name: named.text.clone(), written: named.text.clone(), line: first.line, form })
}

fn tokens(text: &str) -> Vec<Token> {
    let mut cursor = Cursor::new(text, 1);
    let mut tokens = Vec::new();
    code(&mut cursor, &mut tokens, false);
    tokens
}

/// Reads code to its end, or to the brace that ends a hole in a template.
fn code(cursor: &mut Cursor, tokens: &mut Vec<Token>, in_hole: bool) {
    let mut depth = 0_usize;
    while let Some(letter) = cursor.peek(0) {
        let line = cursor.line();
        if cursor.sees("//") {
            cursor.skip_line();
        } else if cursor.sees("/*") {
            cursor.skip_block(false);
        } else if letter == '\'' || letter == '"' {
            cursor.skip(1);
            // A lone quote, as in the text of JSX, is no string.
            if let Some(text) = cursor.escaped(letter, false) {
                tokens.push(Token { kind: Kind::Text, text, line });
            }
        } else if letter == '`' {
            template(cursor, tokens);
        } else if letter == '/' && begins_expression(tokens) {
            regular_expression(cursor);
        } else if in_word(letter) {
            tokens.push(Token { kind: Kind::Word, text: cursor.word(), line });
        } else {
            cursor.skip(1);
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 && in_hole => return,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if !letter.is_whitespace() {
                tokens.push(Token { kind: Kind::Mark, text: String::from(letter), line });
            }
        }
    }
}

/// A template literal. Its holes are left out of its text and read as code.
fn template(cursor: &mut Cursor, tokens: &mut Vec<Token>) {
    let line = cursor.line();
    cursor.skip(1);
    let mut text = String::new();
    let mut holes = Vec::new();
    while let Some(letter) = cursor.next() {
        match letter {
            '`' => break,
            '\\' => match cursor.next() {
                Some('n') => text.push(SPELLED_NEWLINE),
                Some(other) => text.push(other),
                None => break,
            },
            '$' if cursor.peek(0) == Some('{') => {
                cursor.skip(1);
                let before = cursor.line();
                code(cursor, &mut holes, true);
                text.extend(std::iter::repeat_n('\n', cursor.line() - before));
            }
            letter => text.push(letter),
        }
    }
    tokens.push(Token { kind: Kind::Text, text, line });
    tokens.append(&mut holes);
}

/// Whether a slash here begins a regular expression rather than dividing.
fn begins_expression(tokens: &[Token]) -> bool {
    let Some(last) = tokens.last() else { return true };
    match last.kind {
        Kind::Mark => !matches!(last.text.as_str(), ")" | "]" | "}" | "<"),
        Kind::Word => matches!(last.text.as_str(), "return" | "typeof" | "case" | "in" | "of" | "await" | "yield"),
        _ => false,
    }
}

fn regular_expression(cursor: &mut Cursor) {
    let start = cursor.mark();
    cursor.skip(1);
    let mut in_class = false;
    while let Some(letter) = cursor.next() {
        match letter {
            '\\' => cursor.skip(1),
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return,
            '\n' => break,
            _ => {}
        }
    }
    // It was a slash after all.
    cursor.back(start);
    cursor.skip(1);
}

#[cfg(test)]
mod tests {
    use super::super::source::follows;
    use super::*;

    #[test]
    fn quotes_in_regular_expressions_and_markup_open_no_string() {
        let words = |text: &str| tokens(text).into_iter().filter(|t| t.is("pgTable")).count();
        assert_eq!(words("const a = /['\"`]/g;\npgTable"), 1);
        assert_eq!(words("<p>Don't</p>\npgTable"), 1);
        assert_eq!(words("const half = a / 2; const b = `x ${`y ${'}'}`} z`; pgTable"), 1);
        assert!(follows(&tokens("a.b(1)"), 0, &["a", ".", "b", "("]));
    }
}
