//! What the readers of the languages share: characters with their lines, and tokens.

use std::collections::BTreeMap;

/// A line end that a string literal spells as `\n`: it ends a comment of SQL, but is no line of the file.
pub(super) const SPELLED_NEWLINE: char = '\u{2028}';

/// One token of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A name in quotes, in SQL.
    Quoted,
    /// The content of a string literal.
    Text,
    /// A text between dollar quotes, in SQL; it is not kept.
    Body,
    /// Where a program between dollar quotes begins, in SQL.
    Begin,
    /// Where it ends.
    End,
    /// One character of punctuation.
    Mark,
}

impl Token {
    /// Whether this is the keyword or name `word`, in the case of the language.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == word
    }

    /// Whether this is the keyword `word`, in any case.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// Characters of a source, one after the other.
#[derive(Debug)]
pub(super) struct Cursor {
    letters: Vec<char>,
    at: usize,
    /// Where the part ends that is being read.
    end: usize,
    line: usize,
    /// Up to where there is no end of a literal in this quote. A source of quotes that nobody closes is read once, not once a quote.
    unended: BTreeMap<char, usize>,
}

impl Cursor {
    /// A source whose first line has this number.
    pub(super) fn new(text: &str, line: usize) -> Self {
        let letters: Vec<char> = text.chars().collect();
        Self { at: 0, end: letters.len(), letters, line, unended: BTreeMap::new() }
    }

    /// All characters of the source.
    pub(super) fn letters(&self) -> &[char] {
        &self.letters
    }

    /// How many characters have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Where the source ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Lets the source end at `end`, and answers where it ended before.
    pub(super) fn end_at(&mut self, end: usize) -> usize {
        std::mem::replace(&mut self.end, end)
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The character `ahead` of the next one, which is 0.
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        let at = self.at + ahead;
        if at < self.end { self.letters.get(at).copied() } else { None }
    }

    /// Whether the source goes on with `text`.
    pub(super) fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, letter)| self.peek(ahead) == Some(letter))
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.peek(0)?;
        self.at += 1;
        if letter == '\n' {
            self.line += 1;
        }
        Some(letter)
    }

    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            let _ = self.next();
        }
    }

    /// Takes characters while they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(letter) = self.peek(0).filter(|letter| wanted(*letter)) {
            taken.push(letter);
            let _ = self.next();
        }
        taken
    }

    /// Takes a name.
    pub(super) fn word(&mut self) -> String {
        self.take_while(in_word)
    }

    /// Skips the rest of the line.
    pub(super) fn skip_line(&mut self) {
        let _ = self.take_while(|letter| letter != '\n' && letter != SPELLED_NEWLINE);
    }

    /// Skips a comment that begins here with `/*`.
    pub(super) fn skip_block(&mut self, nested: bool) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            if self.sees("*/") {
                self.skip(2);
                depth -= 1;
                if depth == 0 {
                    return;
                }
            } else if self.sees("/*") && (nested || depth == 0) {
                self.skip(2);
                depth += 1;
            } else {
                self.skip(1);
            }
        }
    }

    /// Where the cursor is, to come back to.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.at, self.line)
    }

    /// Goes back to a mark.
    pub(super) fn back(&mut self, (at, line): (usize, usize)) {
        self.at = at;
        self.line = line;
    }

    /// Takes the rest of a literal in `quote`, after its opening quote, with escapes by backslash. The lines of the value are those
    /// of the source. None, and nothing taken, when it does not end.
    pub(super) fn escaped(&mut self, quote: char, over_lines: bool) -> Option<String> {
        if self.unended.get(&quote).is_some_and(|end| self.at < *end) {
            return None;
        }
        let start = self.mark();
        let mut text = String::new();
        while let Some(letter) = self.next() {
            match letter {
                '\\' => match self.next() {
                    Some('n' | 'r') => text.push(SPELLED_NEWLINE),
                    Some('t') => text.push(' '),
                    Some(other) => text.push(other),
                    None => break,
                },
                '\n' if !over_lines => break,
                letter if letter == quote => return Some(text),
                letter => text.push(letter),
            }
        }
        // A later quote up to here was escaped for this one, and is followed by what follows this one: it does not end either.
        self.unended.insert(quote, self.at);
        self.back(start);
        None
    }
}

/// Whether a letter belongs to a name.
pub(super) fn in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}
