//! Tables that SQL declares.

use std::collections::HashMap;

use super::Declared;
use super::index::first_of;
use super::source::{Cursor, Kind, SPELLED_NEWLINE, Token, in_word};

/// What may follow the name of a table that is being created.
const AFTER_NAME: &[&str] = &["as", "clone", "like", "of", "partition", "select", "server", "using"];

/// The tables that a file of SQL declares.
pub(super) fn file(text: &str) -> Vec<Declared> {
    declared(&tokens(text, 1), false)
}

/// The tables that a string literal declares, if it is SQL: `line` is where it begins.
pub(super) fn literal(text: &str, line: usize) -> Vec<Declared> {
    let lower = text.to_ascii_lowercase();
    if !lower.contains("table") || !(lower.contains("create") || lower.contains("rename")) {
        return Vec::new();
    }
    declared(&tokens(text, line), true)
}

fn declared(tokens: &[Token], in_literal: bool) -> Vec<Declared> {
    let mut found = Vec::new();
    // How many programs this is in, and where the statement begins.
    let (mut programs, mut statement) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        // A sentence may mention a statement; a statement begins.
        let begins = !in_literal || programs > 0 || at == 0 || tokens.get(at - 1).is_some_and(|before| before.is(";"));
        if token.is_keyword("create") && begins {
            found.extend(created(tokens, at, in_literal && programs == 0));
        } else if token.is_keyword("rename") {
            found.extend(renamed(tokens, statement, at));
        } else if token.kind == Kind::Text && executed(tokens, at) {
            found.extend(literal(&token.text, token.line));
        } else if token.is(";") {
            statement = at + 1;
        } else if token.kind == Kind::Begin {
            programs += 1;
            statement = at + 1;
        } else if token.kind == Kind::End {
            programs -= 1;
            statement = at + 1;
        }
    }
    found
}

/// `CREATE … TABLE [IF NOT EXISTS] name`, with the `CREATE` at `at`. Temporary tables keep nothing.
fn created(tokens: &[Token], at: usize, in_literal: bool) -> Option<Declared> {
    let mut next = at + 1;
    while let Some(word) = tokens.get(next).filter(|token| token.kind == Kind::Word) {
        next += 1;
        match word.text.to_ascii_lowercase().as_str() {
            "table" => {
                next += exists_clause(tokens, next);
                let (name, after) = name(tokens, next)?;
                let follower = tokens.get(after);
                let is_statement = match follower {
                    Some(token) => {
                        token.is("(") || token.is(";") || AFTER_NAME.iter().any(|word| token.is_keyword(word))
                    }
                    // A statement that is put together from pieces; a sentence rarely writes so.
                    None => !in_literal || tokens.get(at).is_some_and(|token| token.text == "CREATE"),
                };
                return is_statement.then_some(name);
            }
            "or" | "replace" | "global" | "local" | "unlogged" | "virtual" | "foreign" | "external" => {}
            _ => return None,
        }
    }
    None
}

/// `ALTER TABLE a RENAME TO b` and `RENAME TABLE a TO b`, with the `RENAME` at `at`, in the statement that begins at `statement`.
fn renamed(tokens: &[Token], statement: usize, at: usize) -> Option<Declared> {
    let word = |ahead: usize, word: &str| tokens.get(at + ahead).is_some_and(|token| token.is_keyword(word));
    if word(1, "table") {
        let (_, to) = name(tokens, at + 2)?;
        let is_to = tokens.get(to).is_some_and(|token| token.is_keyword("to"));
        return is_to.then(|| name(tokens, to + 1)).flatten().map(|(name, _)| name);
    }
    let statement = tokens.get(statement..at)?;
    let alters = matches!(statement, [first, second, ..] if first.is_keyword("alter") && second.is_keyword("table"));
    (alters && word(1, "to")).then(|| name(tokens, at + 2)).flatten().map(|(name, _)| name)
}

/// The length of `IF NOT EXISTS`.
fn exists_clause(tokens: &[Token], at: usize) -> usize {
    let words = ["if", "not", "exists"].iter().enumerate();
    let all = words.map(|(ahead, word)| tokens.get(at + ahead).is_some_and(|token| token.is_keyword(word)));
    if all.into_iter().all(|there| there) { 3 } else { 0 }
}

/// A name with its schema, and where the tokens go on. A part that is filled in at run time is left out.
fn name(tokens: &[Token], at: usize) -> Option<(Declared, usize)> {
    let mut next = at;
    let mut parts: Vec<&Token> = Vec::new();
    loop {
        let is_part = |token: &&Token| matches!(token.kind, Kind::Word | Kind::Quoted);
        let part = tokens.get(next).filter(is_part);
        parts.extend(part);
        next += usize::from(part.is_some());
        if !tokens.get(next).is_some_and(|token| token.is(".")) {
            break;
        }
        next += 1;
    }
    let last = parts.last()?;
    let text = parts.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(".");
    Some((Declared { name: last.text.clone(), written: text, line: last.line, form: "SQL" }, next))
}

/// Whether a dollar-quoted body at `at` is a program: that of `DO` or of a function.
fn runs(tokens: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let is = |back: usize, word: &str| before(back).is_some_and(|token| token.is_keyword(word));
    is(1, "do") || is(1, "as") || is(2, "language")
}

/// Whether a string is handed to `EXECUTE`, itself or through `format`.
fn executed(tokens: &[Token], at: usize) -> bool {
    let is = |back: usize, word: &str| {
        at.checked_sub(back).and_then(|at| tokens.get(at)).is_some_and(|token| token.is_keyword(word) || token.is(word))
    };
    is(1, "execute") || (is(1, "(") && is(2, "format"))
}

fn tokens(text: &str, line: usize) -> Vec<Token> {
    // Only MySQL quotes names so, and only MySQL escapes quotes by a backslash.
    let backslashes = text.contains('`');
    let mut cursor = Cursor::new(text, line);
    let mut tokens: Vec<Token> = Vec::new();
    let mut fresh_line = true;
    // The programs that this is in: where what they stand in ends, and the length of the quote that ends them.
    let mut programs = Vec::new();
    let mut quotes = None;
    loop {
        let line = cursor.line();
        let Some(letter) = cursor.peek(0) else {
            let Some((end, quote)) = programs.pop() else { break };
            tokens.push(Token { kind: Kind::End, text: String::new(), line });
            cursor.end_at(end);
            cursor.skip(quote);
            continue;
        };
        if letter.is_whitespace() || letter == SPELLED_NEWLINE {
            fresh_line |= letter == '\n' || letter == SPELLED_NEWLINE;
            cursor.skip(1);
            continue;
        }
        let first_on_line = std::mem::replace(&mut fresh_line, false);
        let mut push = |kind, text| tokens.push(Token { kind, text, line });
        if cursor.sees("--") || (letter == '#' && first_on_line) {
            cursor.skip_line();
        } else if cursor.sees("/*") {
            cursor.skip_block(true);
        } else if letter == '\'' {
            push(Kind::Text, doubled(&mut cursor, '\'', backslashes));
        } else if letter == '"' || letter == '`' {
            push(Kind::Quoted, doubled(&mut cursor, letter, false));
        } else if letter == '[' && cursor.peek(1).is_some_and(|next| next.is_alphabetic() || next == '_') {
            cursor.skip(1);
            push(Kind::Quoted, cursor.take_while(|letter| letter != ']'));
            cursor.skip(1);
        } else if letter == '$'
            && let Some(tag) = dollar(&cursor)
        {
            let quote = tag.chars().count();
            let is_program = runs(&tokens, tokens.len());
            cursor.skip(quote);
            let quotes = quotes.get_or_insert_with(|| dollar_quotes(cursor.letters()));
            let rest = cursor.position()..cursor.end();
            let end = quotes.get(&tag).and_then(|places| first_of(places, &rest));
            let (end, quote) = end.map_or((rest.end, 0), |end| (end, quote));
            let line = cursor.line();
            let kind = if is_program { Kind::Begin } else { Kind::Body };
            tokens.push(Token { kind, text: String::new(), line });
            if is_program {
                programs.push((cursor.end_at(end), quote));
                fresh_line = true;
            } else {
                cursor.skip(end - rest.start + quote);
            }
        } else if in_word(letter) {
            let word = cursor.word();
            if word.eq_ignore_ascii_case("e") && cursor.peek(0) == Some('\'') {
                push(Kind::Text, doubled(&mut cursor, '\'', true));
            } else {
                push(Kind::Word, word);
            }
        } else {
            cursor.skip(1);
            push(Kind::Mark, String::from(letter));
            if letter == ';' && copies(&tokens) {
                skip_data(&mut cursor);
            }
        }
    }
    tokens
}

/// A literal whose quote is doubled inside.
fn doubled(cursor: &mut Cursor, quote: char, backslashes: bool) -> String {
    let mut text = String::new();
    cursor.skip(1);
    while let Some(letter) = cursor.next() {
        if letter == '\\' && backslashes {
            text.extend(cursor.next());
        } else if letter == quote {
            if cursor.peek(0) != Some(quote) {
                break;
            }
            cursor.skip(1);
            text.push(quote);
        } else {
            text.push(letter);
        }
    }
    text
}

/// The opening dollar quote that begins here: `$$` or `$tag$`.
fn dollar(cursor: &Cursor) -> Option<String> {
    let mut tag = String::from("$");
    for ahead in 1.. {
        match cursor.peek(ahead)? {
            '$' => {
                tag.push('$');
                return Some(tag);
            }
            letter if (letter.is_alphanumeric() || letter == '_') && !(ahead == 1 && letter.is_numeric()) => {
                tag.push(letter);
            }
            _ => return None,
        }
    }
    None
}

/// Where each dollar quote stands, in order. Any two dollars with nothing but a name between them may be one.
fn dollar_quotes(letters: &[char]) -> HashMap<String, Vec<usize>> {
    let mut quotes: HashMap<String, Vec<usize>> = HashMap::new();
    let mut begin = None;
    for (at, letter) in letters.iter().enumerate() {
        if *letter == '$' {
            let quote = begin.and_then(|begin| letters.get(begin..=at)).map(|quote| quote.iter().collect());
            if let (Some(begin), Some(quote)) = (begin, quote) {
                quotes.entry(quote).or_default().push(begin);
            }
            begin = Some(at);
        } else if !letter.is_alphanumeric() && *letter != '_' {
            begin = None;
        }
    }
    quotes
}

/// Whether the statement that ends here is followed by lines of data, as in a dump.
fn copies(tokens: &[Token]) -> bool {
    let mut statements = tokens.rsplit(|token| token.is(";"));
    let statement = statements.nth(1).unwrap_or_default();
    statement.first().is_some_and(|token| token.is_keyword("copy"))
        && statement.windows(2).any(|pair| matches!(pair, [a, b] if a.is_keyword("from") && b.is_keyword("stdin")))
}

fn skip_data(cursor: &mut Cursor) {
    cursor.skip_line();
    while cursor.peek(0).is_some() {
        cursor.skip(1);
        if cursor.sees("\\.") {
            cursor.skip(2);
            return;
        }
        cursor.skip_line();
    }
}
