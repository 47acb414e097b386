//! Where things stand among the tokens of a source, so that no question about them reads them all again: a source of a megabyte may
//! ask a hundred thousand times.

use std::collections::HashMap;
use std::ops::Range;

use super::source::{Kind, Token};

/// The longest constant that is taken for the name of a table, in bytes.
const LONGEST_NAME: usize = 256;

/// The tokens of a source, and where they stand.
#[derive(Debug)]
pub(super) struct Index<'t> {
    tokens: &'t [Token],
    /// For each opening bracket, where its partner is.
    partners: Vec<usize>,
    /// Where each word and each mark is, in order.
    places: HashMap<&'t str, Vec<usize>>,
    /// Where the texts are.
    texts: Vec<usize>,
    /// Where each word is that is followed by `=`.
    assigned: HashMap<&'t str, Vec<usize>>,
    /// Where the constant of each name is declared first.
    constants: HashMap<&'t str, usize>,
}

impl<'t> Index<'t> {
    pub(super) fn new(tokens: &'t [Token]) -> Self {
        let mut index = Self {
            tokens,
            partners: vec![0; tokens.len()],
            places: HashMap::new(),
            texts: Vec::new(),
            assigned: HashMap::new(),
            constants: HashMap::new(),
        };
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                Kind::Text => index.texts.push(at),
                Kind::Word | Kind::Mark => index.places.entry(&token.text).or_default().push(at),
                Kind::Quoted | Kind::Body | Kind::Begin | Kind::End => {}
            }
            let next = tokens.get(at + 1);
            if token.kind == Kind::Word && next.is_some_and(|next| next.is("=")) {
                index.assigned.entry(&token.text).or_default().push(at);
            }
            if (token.is("const") || token.is("static"))
                && let Some(name) = next
            {
                index.constants.entry(&name.text).or_insert(at);
            }
            if is_bracket(token, ["(", "[", "{"]) {
                open.push(at);
            } else if is_bracket(token, [")", "]", "}"])
                && let Some(partner) = open.pop().and_then(|open| index.partners.get_mut(open))
            {
                *partner = at;
            }
        }
        for partner in open.into_iter().rev() {
            if let Some(partner) = index.partners.get_mut(partner) {
                *partner = tokens.len();
            }
        }
        index
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.tokens.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&'t Token> {
        self.tokens.get(at)
    }

    /// Whether the tokens from `at` on are these words and marks.
    pub(super) fn follows(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.get(at + ahead).is_some_and(|token| token.is(word)))
    }

    /// The tokens between the bracket at `open` and its partner, both left out; none where there is no bracket.
    pub(super) fn inside(&self, open: usize) -> Range<usize> {
        let end = self.partners.get(open).copied().unwrap_or_default();
        open + 1..end.max(open + 1)
    }

    /// The first place of a word or mark within a range.
    pub(super) fn first(&self, word: &str, range: &Range<usize>) -> Option<usize> {
        first_of(self.places.get(word)?, range)
    }

    /// The last place of a word or mark within a range.
    pub(super) fn last(&self, word: &str, range: &Range<usize>) -> Option<usize> {
        last_of(self.places.get(word)?, range)
    }

    /// The first text within a range.
    pub(super) fn text(&self, range: &Range<usize>) -> Option<&'t Token> {
        self.get(first_of(&self.texts, range)?)
    }

    /// The text in the first `name = "text"` within a range.
    pub(super) fn assigned(&self, name: &str, range: &Range<usize>) -> Option<&'t Token> {
        let at = first_of(self.assigned.get(name)?, range)?;
        self.get(at + 2).filter(|token| token.kind == Kind::Text && at + 2 < range.end)
    }

    /// The string constant of a name: `const NAME … = "text"`.
    pub(super) fn constant(&self, name: &str) -> Option<&'t Token> {
        let at = *self.constants.get(name)?;
        let value = self.first("=", &(at..self.tokens.len()))?;
        self.get(value + 1).filter(|token| token.kind == Kind::Text && token.text.len() <= LONGEST_NAME)
    }
}

fn is_bracket(token: &Token, brackets: [&str; 3]) -> bool {
    token.kind == Kind::Mark && brackets.contains(&token.text.as_str())
}

/// The first of ordered places within a range.
pub(super) fn first_of(places: &[usize], range: &Range<usize>) -> Option<usize> {
    let at = places.partition_point(|place| *place < range.start);
    places.get(at).copied().filter(|place| *place < range.end)
}

/// The last of ordered places within a range.
pub(super) fn last_of(places: &[usize], range: &Range<usize>) -> Option<usize> {
    let at = places.partition_point(|place| *place < range.end).checked_sub(1)?;
    places.get(at).copied().filter(|place| *place >= range.start)
}
