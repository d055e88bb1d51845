//! A cursor over tokens that looks through the invisible groups of `macro_rules!`.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};

/// Reads tokens from left to right.
#[derive(Debug)]
pub(crate) struct Cursor {
    tokens: Vec<TokenTree>,
    next: usize,
    /// Where to point when the tokens run out.
    end: Span,
}

impl Cursor {
    pub(crate) fn new(tokens: TokenStream, end: Span) -> Self {
        let mut flat = Vec::new();
        flatten(tokens, &mut flat);
        Self {
            end: flat.last().map_or(end, TokenTree::span),
            tokens: flat,
            next: 0,
        }
    }

    pub(crate) fn peek(&self) -> Option<&TokenTree> {
        self.tokens.get(self.next)
    }

    /// The span of the next token, or of the last one at the end.
    pub(crate) fn span(&self) -> Span {
        self.peek().map_or(self.end, TokenTree::span)
    }

    /// The next token, if it is an identifier or a keyword.
    pub(crate) fn ident(&mut self) -> Option<Ident> {
        let TokenTree::Ident(ident) = self.peek()?.clone() else {
            return None;
        };
        self.next += 1;
        Some(ident)
    }

    /// Goes past the next token if it is this punctuation.
    pub(crate) fn punct(&mut self, wanted: char) -> bool {
        let found =
            matches!(self.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
        self.next += usize::from(found);
        found
    }

    /// The next token, if it is a group with this delimiter.
    pub(crate) fn group(&mut self, delimiter: Delimiter) -> Option<proc_macro2::Group> {
        let TokenTree::Group(group) = self.peek()?.clone() else {
            return None;
        };
        if group.delimiter() != delimiter {
            return None;
        }
        self.next += 1;
        Some(group)
    }

    /// All tokens up to the first one that `stop` accepts.
    pub(crate) fn take_until(&mut self, stop: impl Fn(&TokenTree) -> bool) -> Vec<TokenTree> {
        let rest = &self.tokens[self.next..];
        let count = rest.iter().position(stop).unwrap_or(rest.len());
        self.next += count;
        rest[..count].to_vec()
    }

    /// All tokens that are left.
    pub(crate) fn rest(&mut self) -> Vec<TokenTree> {
        self.take_until(|_| false)
    }
}

/// A fragment such as `$body:block` arrives inside a group without delimiters.
fn flatten(tokens: TokenStream, flat: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                flatten(group.stream(), flat);
            }
            other => flat.push(other),
        }
    }
}
