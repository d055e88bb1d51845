//! The options in the parentheses of an attribute: `workers = 2, crate = "renamed"`.

use crate::error::{Error, Result};
use crate::tokens::Cursor;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;

const LEGAL: &str = "the options are `workers = N`, `local`, `start_paused`, `sigterm` and \
                     `crate = \"path\"`";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) workers: Option<usize>,
    pub(crate) local: bool,
    /// Where `sigterm` stands, if it does: SIGTERM ends the program with its clean-up.
    pub(crate) sigterm: Option<Span>,
    pub(crate) start_paused: bool,
    /// The path under which the user's crate knows weftwork.
    pub(crate) weftwork: TokenStream,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: None,
            local: false,
            sigterm: None,
            start_paused: false,
            weftwork: quote!(::weftwork),
        }
    }
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut cursor = Cursor::new(tokens, Span::call_site());
        let mut options = Self::default();
        let mut seen = Vec::new();
        while cursor.peek().is_some() {
            let start = cursor.span();
            let name = cursor.ident().ok_or_else(|| {
                Error::new(start, format!("expected the name of an option: {LEGAL}"))
            })?;
            let value = value(&mut cursor, &name)?;
            if seen.contains(&name) {
                return Err(Error::new(
                    name.span(),
                    format!("`{name}` is given twice: remove one"),
                ));
            }
            options.set(&name, value)?;
            seen.push(name);
        }
        let both = options.local && options.workers.is_some();
        let excluding = |name: &&Ident| *name == "local" || *name == "workers";
        if let Some(second) = seen.iter().rfind(excluding).filter(|_| both) {
            return Err(Error::new(
                second.span(),
                "`local` runs everything on one thread: remove `local` or `workers`",
            ));
        }
        Ok(options)
    }

    fn set(&mut self, name: &Ident, value: Option<TokenTree>) -> Result<()> {
        match name.to_string().as_str() {
            "workers" => self.workers = Some(worker_count(name, value)?),
            "local" => self.local = flag(name, value)?,
            "start_paused" => self.start_paused = flag(name, value)?,
            "sigterm" => self.sigterm = flag(name, value)?.then(|| name.span()),
            "crate" => self.weftwork = crate_path(name, value)?,
            "seed" => {
                return Err(Error::new(
                    name.span(),
                    format!("`{name}` is not available yet: remove it; {LEGAL}"),
                ));
            }
            unknown => {
                return Err(Error::new(
                    name.span(),
                    format!("unknown option `{unknown}`: {LEGAL}"),
                ));
            }
        }
        Ok(())
    }
}

/// What follows the name of an option: nothing or `= token`, then a comma or the end.
fn value(cursor: &mut Cursor, name: &Ident) -> Result<Option<TokenTree>> {
    let mut value = None;
    if cursor.punct('=') {
        let end = cursor.span();
        let mut tokens = cursor.take_until(is_comma).into_iter();
        value = tokens.next();
        if value.is_none() {
            return Err(Error::new(end, format!("the value of `{name}` is missing")));
        }
        if let Some(extra) = tokens.next() {
            return Err(Error::new(
                extra.span(),
                format!("the value of `{name}` is a single literal"),
            ));
        }
    }
    if cursor.peek().is_some() && !cursor.punct(',') {
        return Err(Error::new(
            cursor.span(),
            format!("expected `=` or `,` after `{name}`"),
        ));
    }
    Ok(value)
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// A name without a value.
fn flag(name: &Ident, value: Option<TokenTree>) -> Result<bool> {
    match value {
        Some(value) => Err(Error::new(
            value.span(),
            format!("`{name}` takes no value: write `{name}`, or leave it out"),
        )),
        None => Ok(true),
    }
}

fn worker_count(name: &Ident, value: Option<TokenTree>) -> Result<usize> {
    let Some(value) = value else {
        return Err(Error::new(
            name.span(),
            "`workers` needs a number: write `workers = 4`",
        ));
    };
    let text = value.to_string().replace('_', "");
    match text.trim_end_matches("usize").parse() {
        Ok(0) => Err(Error::new(
            value.span(),
            "a runtime needs a worker: write `workers = 1` or more, \
             or leave `workers` out to have one for each processor",
        )),
        Ok(count) => Ok(count),
        Err(_) => Err(Error::new(
            value.span(),
            "`workers` takes a plain decimal number, as in `workers = 4`",
        )),
    }
}

/// The path in `crate = "path"`, with the span of the literal.
fn crate_path(name: &Ident, value: Option<TokenTree>) -> Result<TokenStream> {
    let help = "write the path of the weftwork crate as a string: `crate = \"renamed\"`";
    let Some(value) = value else {
        return Err(Error::new(name.span(), help));
    };
    let text = value.to_string();
    let path = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .filter(|path| is_path(path))
        .and_then(|path| path.parse::<TokenStream>().ok())
        .ok_or_else(|| Error::new(value.span(), help))?;
    let respan = |mut token: TokenTree| {
        token.set_span(value.span());
        token
    };
    Ok(path.into_iter().map(respan).collect())
}

/// Names separated by `::`, perhaps with a `::` in front.
fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut letters = name.chars();
        letters
            .next()
            .is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_')
    };
    text.strip_prefix("::")
        .unwrap_or(text)
        .split("::")
        .all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        Options::parse(text.parse().unwrap())
    }

    /// The message of the error, and the source text that it points at.
    fn error(text: &str) -> (String, String) {
        let error = parse(text).unwrap_err();
        (error.message, error.span.source_text().unwrap_or_default())
    }

    #[test]
    fn nothing_gives_the_defaults() {
        let options = parse("").unwrap();
        assert_eq!(options.workers, None);
        assert!(!options.local);
        assert_eq!(options.weftwork.to_string(), ":: weftwork");
    }

    #[test]
    fn all_options_in_any_order_with_a_comma_at_the_end() {
        let options = parse("crate = \"::a::b\", workers = 1_0usize,").unwrap();
        assert_eq!(options.workers, Some(10));
        assert_eq!(options.weftwork.to_string(), ":: a :: b");
        assert!(parse("local").unwrap().local);
        assert!(parse("local, sigterm").unwrap().sigterm.is_some());
        let options = parse("crate = \"crate\"").unwrap();
        assert_eq!(options.weftwork.to_string(), "crate");
    }

    #[test]
    fn values_may_come_from_macro_rules() {
        let group = |text: &str| {
            proc_macro2::Group::new(proc_macro2::Delimiter::None, text.parse().unwrap())
        };
        let (key, value) = (group("workers"), group("3"));
        let options = Options::parse(quote!(#key = #value)).unwrap();
        assert_eq!(options.workers, Some(3));
    }

    #[test]
    fn no_worker_is_an_error_at_the_number() {
        let (message, at) = error("workers = 0_0");
        assert!(message.contains("write `workers = 1` or more"), "{message}");
        assert_eq!(at, "0_0");
    }

    #[test]
    fn only_decimal_numbers_count_workers() {
        for bad in ["-1", "4.5", "\"4\"", "many", "4u8", "99999999999999999999"] {
            let (message, _) = error(&format!("workers = {bad}"));
            assert!(message.contains("`workers`"), "{bad}: {message}");
        }
        assert!(error("workers").0.contains("needs a number"));
        assert_eq!(error("workers = 2 + 3").1, "+");
    }

    #[test]
    fn an_unknown_option_lists_the_legal_ones() {
        let (message, at) = error("workers = 2, flavor = \"x\"");
        assert_eq!(
            message,
            "unknown option `flavor`: the options are `workers = N`, `local`, `start_paused`, \
             `sigterm` and `crate = \"path\"`"
        );
        assert_eq!(at, "flavor");
    }

    #[test]
    fn a_later_option_is_refused_with_a_reason() {
        let (message, at) = error("seed = 7");
        assert!(message.contains("not available yet"), "{message}");
        assert_eq!(at, "seed");
    }

    #[test]
    fn twice_is_an_error_at_the_second() {
        let tokens: TokenStream = "workers = 1, workers = 2".parse().unwrap();
        let error = Options::parse(tokens).unwrap_err();
        assert!(error.message.contains("twice"));
        assert_eq!(error.span.start().column, 13);
    }

    #[test]
    fn local_is_a_flag_and_excludes_workers() {
        assert_eq!(error("local = true").1, "true");
        assert_eq!(error("sigterm = 15").1, "15");
        assert_eq!(error("local, workers = 2, sigterm").1, "workers");
        let (message, at) = error("local, workers = 2");
        assert!(message.contains("remove `local` or `workers`"), "{message}");
        assert_eq!(at, "workers");
    }

    #[test]
    fn a_paused_start_is_a_flag_and_goes_with_the_others() {
        let options = parse("start_paused, workers = 2").unwrap();
        assert!(options.start_paused && options.workers == Some(2));
        assert!(parse("local, start_paused").unwrap().start_paused);
        assert!(!parse("local").unwrap().start_paused);
        let (message, at) = error("start_paused = true");
        assert!(message.contains("write `start_paused`"), "{message}");
        assert_eq!(at, "true");
    }

    #[test]
    fn the_crate_is_a_path_in_a_string() {
        for bad in ["renamed", "\"a b\"", "\"\"", "\"a::\"", "\"a::<u8>\"", "7"] {
            let (message, at) = error(&format!("crate = {bad}"));
            assert!(message.contains("`crate = \"renamed\"`"), "{message}");
            assert_eq!(at, bad);
        }
    }

    #[test]
    fn punctuation_is_checked() {
        assert_eq!(error("local workers").1, "workers");
        assert!(error("workers =").0.contains("is missing"));
        assert!(error(", local").0.contains("expected the name"));
    }
}
