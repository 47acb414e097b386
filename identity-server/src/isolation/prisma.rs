//! Tables that a Prisma schema declares: by the name of a model, or by the name that it is mapped to.

use super::Declared;
use super::source::{Cursor, Kind, Token, in_word, inside};

/// The tables that a Prisma schema declares. A mapped model counts by both of its names: the model is what the code knows.
pub(super) fn file(text: &str) -> Vec<Declared> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let (Some(name), Some(open)) = (tokens.get(at + 1), tokens.get(at + 2)) else { break };
        if !(token.is("model") && name.kind == Kind::Word && open.is("{")) {
            continue;
        }
        let declared = |token: &Token| Declared {
            name: token.text.clone(),
            written: token.text.clone(),
            line: token.line,
            form: "Prisma",
        };
        found.push(declared(name));
        let body = inside(&tokens, at + 2);
        for (at, token) in body.iter().enumerate() {
            let block =
                at >= 2 && body.get(at - 1).is_some_and(|t| t.is("@")) && body.get(at - 2).is_some_and(|t| t.is("@"));
            if token.is("map") && block {
                found.extend(inside(body, at + 1).iter().find(|token| token.kind == Kind::Text).map(declared));
            }
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
