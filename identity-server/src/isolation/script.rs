//! Tables that TypeScript and JavaScript declare: Drizzle's tables, schema builders, and SQL in strings.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::index::Index;
use super::source::{Cursor, Kind, SPELLED_NEWLINE, Token, in_word};
use super::{Declared, sql};

/// Drizzle's functions that declare a table.
const TABLE_FUNCTIONS: &[&str] =
    &["cockroachTable", "gelTable", "mssqlTable", "mysqlTable", "pgTable", "singlestoreTable", "sqliteTable"];

/// How many templates stand in each other at most for lines to be counted in the text of all of them.
const DEEPEST_LINES: usize = 64;

/// The tables that a script declares.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let index = Index::new(&tokens);
    let functions = table_functions(&index);
    let uses_drizzle = tokens.iter().any(|token| token.kind == Kind::Text && token.text.starts_with("drizzle-orm"));
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Text => found.extend(sql::literal(&token.text, token.line)),
            Kind::Word if index.follows(at + 1, &["("]) => {
                let arguments = index.inside(at + 1);
                let method = at.checked_sub(1).is_some_and(|before| index.follows(before, &["."]));
                let declares = functions.contains(token.text.as_str())
                    || (token.is("withRLS") && method)
                    || (token.is("createTable") && method)
                    || (token.is("table") && method && takes_columns(&index, &arguments))
                    || (uses_drizzle && token.text.ends_with("able") && takes_columns(&index, &arguments));
                if declares {
                    let form = if token.is("createTable") && method { "schema builder" } else { "Drizzle" };
                    found.extend(first_argument(&index, &arguments, form));
                }
            }
            _ => {}
        }
    }
    found
}

/// Drizzle's functions, the names they are imported under, and the ones that a table creator has made.
fn table_functions<'t>(index: &Index<'t>) -> BTreeSet<&'t str> {
    let mut functions: BTreeSet<&str> = TABLE_FUNCTIONS.iter().copied().collect();
    for at in index.all() {
        let word = |ahead: usize| index.get(at + ahead).filter(|token| token.kind == Kind::Word);
        let Some(token) = index.get(at) else { continue };
        if TABLE_FUNCTIONS.contains(&token.text.as_str()) && word(1).is_some_and(|word| word.is("as")) {
            functions.extend(word(2).map(|alias| alias.text.as_str()));
        }
        if token.is("const") && index.follows(at + 2, &["="]) {
            let rest = at + 3..index.all().end;
            let end = ["(", ";"].into_iter().filter_map(|mark| index.first(mark, &rest)).min().unwrap_or(rest.end);
            let value = (rest.start..end).last().and_then(|last| index.get(last));
            if value.is_some_and(|token| token.text.ends_with("TableCreator")) {
                functions.extend(word(1).map(|name| name.text.as_str()));
            }
        }
    }
    functions
}

/// Whether a call looks like a declaration: a name, then an object of columns or a function that answers one.
fn takes_columns(index: &Index<'_>, arguments: &Range<usize>) -> bool {
    let second = index.first(",", arguments).map(|comma| comma + 1).filter(|second| *second < arguments.end);
    let second = second.and_then(|second| index.get(second));
    second.is_some_and(|token| token.is("{") || token.is("(") || token.kind == Kind::Word)
        && index.first("{", arguments).is_some()
}

fn first_argument(index: &Index<'_>, arguments: &Range<usize>, form: &'static str) -> Option<Declared> {
    let first = index.get(arguments.start).filter(|_| !arguments.is_empty())?;
    let named = match first.kind {
        Kind::Text => first,
        Kind::Word => index.constant(&first.text)?,
        _ => return None,
    };
    Some(Declared { name: named.text.clone(), written: named.text.clone(), line: first.line, form })
}

fn tokens(text: &str) -> Vec<Token> {
    let cursor = Cursor::new(text, 1);
    let mut reader = Reader { cursor, tokens: Vec::new(), templates: Vec::new(), hopeless: HashSet::new() };
    while let Some(letter) = reader.cursor.peek(0) {
        reader.read(letter);
    }
    while let Some(template) = reader.templates.pop() {
        reader.end(template);
    }
    reader.tokens
}

/// Reads a script. Code stands in the holes of templates, and templates in code, as deep as the script pleases.
struct Reader {
    cursor: Cursor,
    tokens: Vec<Token>,
    /// The templates in a hole of which this is, the innermost last.
    templates: Vec<Template>,
    /// From where, and whether inside of a class, no regular expression ends on its line.
    hopeless: HashSet<(usize, bool)>,
}

/// A template literal that is being read.
struct Template {
    /// Where its token is.
    token: usize,
    /// What was read of it. Its holes are left out and read as code.
    text: String,
    /// Where its hole begins.
    hole_line: usize,
    /// How many braces are open in its hole.
    braces: usize,
}

impl Reader {
    /// Reads one token of code, which begins with `letter`.
    fn read(&mut self, letter: char) {
        let line = self.cursor.line();
        if self.cursor.sees("//") {
            self.cursor.skip_line();
        } else if self.cursor.sees("/*") {
            self.cursor.skip_block(false);
        } else if letter == '\'' || letter == '"' {
            self.cursor.skip(1);
            // A lone quote, as in the text of JSX, is no string.
            if let Some(text) = self.cursor.escaped(letter, false) {
                self.tokens.push(Token { kind: Kind::Text, text, line });
            }
        } else if letter == '`' {
            self.cursor.skip(1);
            let token = self.tokens.len();
            self.tokens.push(Token { kind: Kind::Text, text: String::new(), line });
            self.template(Template { token, text: String::new(), hole_line: line, braces: 0 });
        } else if letter == '/' && self.begins_expression() {
            self.regular_expression();
        } else if in_word(letter) {
            let text = self.cursor.word();
            self.tokens.push(Token { kind: Kind::Word, text, line });
        } else {
            self.cursor.skip(1);
            if letter == '}' && self.templates.last().is_some_and(|template| template.braces == 0) {
                return self.end_hole();
            }
            if let Some(template) = self.templates.last_mut() {
                match letter {
                    '{' => template.braces += 1,
                    '}' => template.braces -= 1,
                    _ => {}
                }
            }
            if !letter.is_whitespace() {
                self.tokens.push(Token { kind: Kind::Mark, text: String::from(letter), line });
            }
        }
    }

    /// Goes on with a template, to its end or to its next hole.
    fn template(&mut self, mut template: Template) {
        while let Some(letter) = self.cursor.next() {
            match letter {
                '`' => break,
                '\\' => match self.cursor.next() {
                    Some('n') => template.text.push(SPELLED_NEWLINE),
                    Some(other) => template.text.push(other),
                    None => break,
                },
                '$' if self.cursor.peek(0) == Some('{') => {
                    self.cursor.skip(1);
                    template.hole_line = self.cursor.line();
                    // No bracket of the code: a hole ends wherever the template does.
                    let text = String::from("${");
                    self.tokens.push(Token { kind: Kind::Mark, text, line: template.hole_line });
                    return self.templates.push(template);
                }
                letter => template.text.push(letter),
            }
        }
        self.end(template);
    }

    fn end_hole(&mut self) {
        let Some(mut template) = self.templates.pop() else { return };
        if self.templates.len() < DEEPEST_LINES {
            let lines = self.cursor.line() - template.hole_line;
            template.text.extend(std::iter::repeat_n('\n', lines));
        }
        self.template(template);
    }

    fn end(&mut self, template: Template) {
        if let Some(token) = self.tokens.get_mut(template.token) {
            token.text = template.text;
        }
    }

    /// Whether a slash here begins a regular expression rather than dividing.
    fn begins_expression(&self) -> bool {
        let Some(last) = self.tokens.last() else { return true };
        match last.kind {
            Kind::Mark => !matches!(last.text.as_str(), ")" | "]" | "}" | "<"),
            Kind::Word => matches!(last.text.as_str(), "return" | "typeof" | "case" | "in" | "of" | "await" | "yield"),
            _ => false,
        }
    }

    fn regular_expression(&mut self) {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let (mut in_class, mut passed) = (false, Vec::new());
        loop {
            let here = (self.cursor.position(), in_class);
            if self.hopeless.contains(&here) {
                break;
            }
            passed.push(here);
            match self.cursor.next() {
                Some('\\') => self.cursor.skip(1),
                Some('[') => in_class = true,
                Some(']') => in_class = false,
                Some('/') if !in_class => return,
                Some('\n') | None => break,
                Some(_) => {}
            }
        }
        // It was a slash after all.
        self.hopeless.extend(passed);
        self.cursor.back(start);
        self.cursor.skip(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_regular_expressions_and_markup_open_no_string() {
        let words = |text: &str| tokens(text).into_iter().filter(|t| t.is("pgTable")).count();
        assert_eq!(words("const a = /['\"`]/g;\npgTable"), 1);
        assert_eq!(words("<p>Don't</p>\npgTable"), 1);
        assert_eq!(words("const half = a / 2; const b = `x ${`y ${'}'}`} z`; pgTable"), 1);
        assert!(Index::new(&tokens("a.b(1)")).follows(0, &["a", ".", "b", "("]));
    }
}
