//! From the options and the function to the function that runs it.

use crate::error::{Error, Result};
use crate::function::Function;
use crate::options::Options;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// Which attribute is expanded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entry {
    Main,
    Test,
}

/// Expands an attribute. Each error comes with a function of the right name, so that the
/// compiler does not add that `main` is missing.
pub(crate) fn attribute(entry: Entry, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match Function::parse(item.clone()) {
        Ok(function) => function,
        Err(error) => return with_error(&error, item),
    };
    if let Err(error) = check(entry, &function) {
        let stand_in = if function.is_async {
            stand_in(&function)
        } else {
            item
        };
        return with_error(&error, stand_in);
    }
    match Options::parse(options).and_then(|options| for_entry(entry, options)) {
        Ok(options) => expansion(entry, &options, &function),
        Err(error) => with_error(&error, stand_in(&function)),
    }
}

fn check(entry: Entry, function: &Function) -> Result<()> {
    function.check()?;
    let test = function
        .attributes
        .iter()
        .find_map(|attribute| attribute.is_test());
    match test {
        Some(span) if entry == Entry::Test => Err(Error::new(
            span,
            "`#[weftwork::test]` makes the function a test already: remove `#[test]`",
        )),
        _ => Ok(()),
    }
}

/// A test leaves signals alone: other tests of its process would miss them.
fn for_entry(entry: Entry, options: Options) -> Result<Options> {
    match options.sigterm {
        Some(span) if entry == Entry::Test => Err(Error::new(
            span,
            "`sigterm` is an option of `#[weftwork::main]`: remove it",
        )),
        _ => Ok(options),
    }
}

fn with_error(error: &Error, item: TokenStream) -> TokenStream {
    let mut tokens = error.to_compile_error();
    tokens.extend(item);
    tokens
}

/// A function that can be called and that uses what the user's function uses.
fn stand_in(function: &Function) -> TokenStream {
    let (name, bare) = (&function.name, function.bare());
    quote! {
        fn #name() {
            #[allow(dead_code, reason = "stands in for a function with an error")]
            #bare
        }
    }
}

/// The user's function stays an async function, inside the one that replaces it: `?`, `return`,
/// coercions and inner attributes mean what they always mean.
fn expansion(entry: Entry, options: &Options, function: &Function) -> TokenStream {
    let Function {
        attributes,
        visibility,
        name,
        output,
        ..
    } = function;
    let bare = function.bare();
    let weftwork = &options.weftwork;
    let (local, start_paused) = (options.local, options.start_paused);
    let sigterm = options.sigterm.is_some();
    let workers = match options.workers {
        Some(count) => quote!(::core::option::Option::Some(#count)),
        None => quote!(::core::option::Option::None),
    };
    // By its full path: the user may have imported an attribute named `test`, namely ours.
    let test = (entry == Entry::Test).then(|| quote!(#[::core::prelude::v1::test]));
    let run = match entry {
        Entry::Main => "run_main",
        Entry::Test => "run_test",
    };
    let run = Ident::new(run, Span::call_site());
    quote! {
        #test
        #(#attributes)*
        #visibility fn #name() #output {
            #bare
            #weftwork::__private::#run(
                #weftwork::__private::Options {
                    workers: #workers,
                    local: #local,
                    start_paused: #start_paused,
                    sigterm: #sigterm,
                },
                #name(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(entry: Entry, options: &str, item: &str) -> String {
        attribute(entry, options.parse().unwrap(), item.parse().unwrap()).to_string()
    }

    /// The way the tokens of `text` are printed.
    fn printed(text: &str) -> String {
        text.parse::<TokenStream>().unwrap().to_string()
    }

    #[test]
    fn main_runs_the_future() {
        let found = expand(
            Entry::Main,
            "workers = 3",
            "async fn main() -> R { body()? }",
        );
        let wanted = printed(
            "fn main() -> R {
                async fn main() -> R { body()? }
                ::weftwork::__private::run_main(
                    ::weftwork::__private::Options {
                        workers: ::core::option::Option::Some(3usize),
                        local: false,
                        start_paused: false,
                        sigterm: false,
                    },
                    main(),
                )
            }",
        );
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_test_keeps_its_attributes_outside_and_its_name() {
        let found = expand(
            Entry::Test,
            "local, start_paused, crate = \"renamed::deep\"",
            "/// Doc.\n#[ignore] #[should_panic(expected = \"x\")] pub async fn name() { body }",
        );
        let wanted = printed(
            "#[::core::prelude::v1::test]
            /// Doc.
            #[ignore]
            #[should_panic(expected = \"x\")]
            pub fn name() {
                async fn name() { body }
                renamed::deep::__private::run_test(
                    renamed::deep::__private::Options {
                        workers: ::core::option::Option::None,
                        local: true,
                        start_paused: true,
                        sigterm: false,
                    },
                    name(),
                )
            }",
        );
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_error_leaves_a_function_of_that_name() {
        for (options, item) in [
            ("workers = 0", "async fn main() { used() }"),
            ("", "async fn main(x: u8) { used() }"),
        ] {
            let found = expand(Entry::Main, options, item);
            assert!(found.starts_with(":: core :: compile_error !"), "{found}");
            assert!(found.contains("} fn main () {"), "{found}");
            assert!(found.contains("{ used () }"), "{found}");
        }
    }

    #[test]
    fn a_plain_function_is_left_as_it_is() {
        let found = expand(Entry::Main, "", "fn main() -> u8 { 1 }");
        assert!(found.ends_with("fn main () -> u8 { 1 }"), "{found}");
        assert!(found.contains("not async"), "{found}");
    }

    #[test]
    fn sigterm_is_for_main() {
        let item = "async fn main() {}";
        assert!(expand(Entry::Main, "sigterm", item).contains("sigterm : true"));
        assert!(expand(Entry::Test, "sigterm", item).contains("remove it"));
    }

    #[test]
    fn a_second_test_attribute_is_an_error_in_a_test_only() {
        let item = "#[test] async fn name() {}";
        assert!(expand(Entry::Test, "", item).contains("remove `#[test]`"));
        assert!(!expand(Entry::Main, "", item).contains("compile_error"));
    }
}
