//! The function under an attribute, taken apart as far as the expansion needs it.
//!
//! The types, the body and the attributes pass through as they are, so a full parser of Rust
//! is not needed: the shape of a function is `head async fn name () -> output { body }`.

use crate::error::{Error, Result};
use crate::tokens::Cursor;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: TokenStream,
    pub(crate) is_async: bool,
    /// A qualifier other than `async`, such as `unsafe`.
    qualifier: Option<Ident>,
    fn_keyword: Ident,
    pub(crate) name: Ident,
    generics: Option<Span>,
    arguments: Group,
    /// From the `->` up to the body.
    pub(crate) output: TokenStream,
    pub(crate) body: Group,
}

/// `#[...]`, the documentation included.
#[derive(Debug)]
pub(crate) struct Attribute(Group);

impl Function {
    /// Takes a function apart. What it may look like is [`Function::check`]'s business.
    pub(crate) fn parse(item: TokenStream) -> Result<Self> {
        let mut cursor = Cursor::new(item, Span::call_site());
        let attributes = attributes(&mut cursor);
        let visibility = visibility(&mut cursor);
        let (mut is_async, mut qualifier) = (false, None);
        let fn_keyword = loop {
            let not_a_function = Error::new(cursor.span(), "this attribute goes on an `async fn`");
            let word = cursor.ident().ok_or(not_a_function)?;
            match word.to_string().as_str() {
                "fn" => break word,
                "async" => is_async = true,
                "const" | "unsafe" | "safe" | "extern" => {
                    if let Some(TokenTree::Literal(_)) = cursor.peek() {
                        cursor.take_until(|token| matches!(token, TokenTree::Ident(_)));
                    }
                    qualifier = qualifier.or(Some(word));
                }
                _ => {
                    let message = "this attribute goes on an `async fn`";
                    return Err(Error::new(word.span(), message));
                }
            }
        };
        let unfinished = |cursor: &Cursor| Error::new(cursor.span(), "the function is incomplete");
        let name = cursor.ident().ok_or_else(|| unfinished(&cursor))?;
        let generics_at = cursor.span();
        let has_generics = !cursor.take_until(is_parentheses).is_empty();
        let Some(arguments) = cursor.group(Delimiter::Parenthesis) else {
            return Err(unfinished(&cursor));
        };
        let mut output = cursor.rest();
        let Some(TokenTree::Group(body)) = output.pop_if(|last| is_braces(last)) else {
            return Err(Error::new(
                name.span(),
                "the body of the function is missing",
            ));
        };
        Ok(Self {
            attributes,
            visibility,
            is_async,
            qualifier,
            fn_keyword,
            name,
            generics: has_generics.then_some(generics_at),
            arguments,
            output: output.into_iter().collect(),
            body,
        })
    }

    /// Refuses what cannot be an entry point.
    pub(crate) fn check(&self) -> Result<()> {
        let name = &self.name;
        if !self.is_async {
            return Err(Error::new(
                self.fn_keyword.span(),
                format!("the function is not async: write `async fn {name}()`"),
            ));
        }
        if let Some(qualifier) = &self.qualifier {
            return Err(Error::new(
                qualifier.span(),
                format!("the function cannot be `{qualifier}`: remove it"),
            ));
        }
        if let Some(span) = self.generics {
            return Err(Error::new(
                span,
                "the function cannot have generic parameters, as nothing chooses them: remove them",
            ));
        }
        if !self.arguments.stream().is_empty() {
            return Err(Error::new(
                self.arguments.span(),
                format!("nothing passes arguments to the function: write `async fn {name}()`"),
            ));
        }
        Ok(())
    }

    /// The function without attributes and visibility.
    pub(crate) fn bare(&self) -> TokenStream {
        let is_async = self.is_async.then(|| quote!(async));
        let (fn_keyword, name, arguments) = (&self.fn_keyword, &self.name, &self.arguments);
        let (output, body) = (&self.output, &self.body);
        quote!(#is_async #fn_keyword #name #arguments #output #body)
    }
}

impl Attribute {
    /// The place of a plain `#[test]`, which would run the test twice.
    pub(crate) fn is_test(&self) -> Option<Span> {
        let text = self.0.stream().to_string();
        (text == "test" || text.ends_with("prelude :: v1 :: test")).then(|| self.0.span())
    }
}

impl ToTokens for Attribute {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let group = &self.0;
        tokens.extend(quote!(# #group));
    }
}

fn attributes(cursor: &mut Cursor) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    while cursor.punct('#') {
        attributes.extend(cursor.group(Delimiter::Bracket).map(Attribute));
    }
    attributes
}

fn visibility(cursor: &mut Cursor) -> TokenStream {
    let is_pub = matches!(cursor.peek(), Some(TokenTree::Ident(ident)) if ident == "pub");
    if !is_pub {
        return TokenStream::new();
    }
    let keyword = cursor.ident();
    let scope = cursor.group(Delimiter::Parenthesis);
    quote!(#keyword #scope)
}

fn is_parentheses(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}

fn is_braces(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Function {
        Function::parse(text.parse().unwrap()).unwrap()
    }

    /// The message of the error, and the source text that it points at.
    fn error(text: &str) -> (String, String) {
        let error = Function::parse(text.parse().unwrap())
            .and_then(|function| function.check())
            .unwrap_err();
        (error.message, error.span.source_text().unwrap_or_default())
    }

    #[test]
    fn takes_a_function_apart() {
        let function = parse(
            "/// Doc.\n#[ignore = \"slow\"] pub(in a::b) async fn go() -> [u8; { 1 + 1 }] { [0; 2] }",
        );
        function.check().unwrap();
        assert_eq!(function.attributes.len(), 2);
        assert_eq!(function.visibility.to_string(), "pub (in a :: b)");
        assert_eq!(function.name, "go");
        assert_eq!(function.output.to_string(), "-> [u8 ; { 1 + 1 }]");
        assert_eq!(function.body.to_string(), "{ [0 ; 2] }");
    }

    #[test]
    fn looks_through_the_groups_of_macro_rules() {
        let group = |text: &str| Group::new(Delimiter::None, text.parse().unwrap());
        let (visibility, body) = (group(""), group("{ work() }"));
        let function = Function::parse(quote!(#visibility async fn go() #body)).unwrap();
        assert_eq!(function.body.to_string(), "{ work () }");
    }

    #[test]
    fn refuses_what_is_no_entry_point_and_says_what_to_write() {
        let cases = [
            ("fn go() {}", "write `async fn go()`", "fn"),
            (
                "async fn go(x: u8, y: u8) {}",
                "write `async fn go()`",
                "(x: u8, y: u8)",
            ),
            ("async fn go<T>() {}", "generic parameters", "<"),
            ("async unsafe fn go() {}", "cannot be `unsafe`", "unsafe"),
            (
                "async unsafe extern \"C\" fn go() {}",
                "cannot be `unsafe`",
                "unsafe",
            ),
            ("pub struct S;", "goes on an `async fn`", "struct"),
            ("async fn go();", "body of the function is missing", "go"),
            ("async fn go", "incomplete", "go"),
        ];
        for (text, message, at) in cases {
            let found = error(text);
            assert!(found.0.contains(message), "{text}: {}", found.0);
            assert_eq!(found.1, at, "{text}");
        }
    }

    #[test]
    fn knows_a_test_attribute_by_any_path() {
        let is_test = |attribute: &str| {
            let function = parse(&format!("{attribute} async fn go() {{}}"));
            function.attributes[0].is_test().is_some()
        };
        assert!(is_test("#[test]"));
        assert!(is_test("#[::core::prelude::v1::test]"));
        assert!(!is_test("#[cfg(test)]"));
        assert!(!is_test("#[doc = \"test\"]"));
    }
}
