//! Tables that a Prisma schema declares: by the name of a model, or by the name that it is mapped to.

use super::Declared;
use super::index::Index;
use super::source::{Cursor, Kind, Token, in_word};

/// The tables that a Prisma schema declares. A mapped model counts by both of its names: the model is what the code knows.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let index = Index::new(&tokens);
    let declared = |token: &Token| Declared {
        name: token.text.clone(),
        written: token.text.clone(),
        line: token.line,
        form: "Prisma",
    };
    let mut found = Vec::new();
    let mut model_end = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("model") && index.follows(at + 2, &["{"]) {
            if let Some(name) = index.get(at + 1).filter(|name| name.kind == Kind::Word) {
                found.push(declared(name));
                model_end = index.inside(at + 2).end;
            }
        } else if token.is("@") && at < model_end && index.follows(at, &["@", "@", "map", "("]) {
            found.extend(index.text(&index.inside(at + 3)).map(declared));
        }
    }
    found
}

fn tokens(text: &str) -> Vec<Token> {
    let mut cursor = Cursor::new(text, 1);
    let mut tokens = Vec::new();
    while let Some(letter) = cursor.peek(0) {
        let line = cursor.line();
        if cursor.sees("//") {
            cursor.skip_line();
        } else if cursor.sees("/*") {
            cursor.skip_block(false);
        } else if letter == '"' {
            cursor.skip(1);
            if let Some(text) = cursor.escaped('"', false) {
                tokens.push(Token { kind: Kind::Text, text, line });
            }
        } else if in_word(letter) {
            tokens.push(Token { kind: Kind::Word, text: cursor.word(), line });
        } else {
            cursor.skip(1);
            if !letter.is_whitespace() {
                tokens.push(Token { kind: Kind::Mark, text: String::from(letter), line });
            }
        }
    }
    tokens
}
