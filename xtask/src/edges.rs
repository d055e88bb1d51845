//! The tagged edges: where `edge!(TAG, Order)` and `fence_edge!(TAG, Order)` stand in the code.

use crate::source::without_comments_and_literals;
use crate::{Result, cargo};
use std::collections::BTreeMap;

/// The file that defines the macros; what stands there is no edge.
const DEFINITION: &str = "crates/std-or-loom/src/lib.rs";

/// One use of an edge macro.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) order: String,
}

/// The places of every tag.
pub(crate) type Edges = BTreeMap<String, Vec<Site>>;

/// Finds the edges in the sources of all crates.
pub(crate) fn collect() -> Result<Edges> {
    let mut edges = Edges::new();
    for file in cargo::files()? {
        if is_searched(&file) {
            for (tag, site) in find(&file, &cargo::read(&file)?) {
                edges.entry(tag).or_default().push(site);
            }
        }
    }
    Ok(edges)
}

fn is_searched(file: &str) -> bool {
    let in_a_crate = file.starts_with("crates/") && file.contains("/src/");
    in_a_crate && file.ends_with(".rs") && file != DEFINITION
}

fn find(file: &str, text: &str) -> Vec<(String, Site)> {
    let code = without_comments_and_literals(text);
    let sites = code.match_indices("edge!").filter_map(|(at, name)| {
        let before = &code[..at];
        let in_other_word = |c: char| c.is_alphanumeric() || c == '_';
        if before.trim_end_matches("fence_").ends_with(in_other_word) {
            return None;
        }
        let (tag, order) = arguments(&code[at + name.len()..])?;
        let site = Site {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            order: order.to_owned(),
        };
        Some((tag.to_owned(), site))
    });
    sites.collect()
}

/// `(TAG, Order)` at the start of the text, perhaps on several lines.
fn arguments(text: &str) -> Option<(&str, &str)> {
    let (inside, _) = text.trim_start().strip_prefix('(')?.split_once(')')?;
    let (tag, order) = inside.split_once(',')?;
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let (tag, order) = (tag.trim(), order.trim().trim_end_matches(',').trim_end());
    (is_name(tag) && is_name(order)).then_some((tag, order))
}

/// What is wrong with an edge as such: it needs a releasing and an acquiring side, in two places.
pub(crate) fn problem(sites: &[Site]) -> Option<&'static str> {
    let any = |orders: [&str; 3]| {
        sites
            .iter()
            .any(|site| orders.contains(&site.order.as_str()))
    };
    let first = sites.first()?;
    let one_place = sites
        .iter()
        .all(|site| (&site.file, site.line) == (&first.file, first.line));
    if one_place {
        Some("stands in one place only: tag what it pairs with")
    } else if !any(["Release", "AcqRel", "SeqCst"]) {
        Some("has no releasing side")
    } else if !any(["Acquire", "AcqRel", "SeqCst"]) {
        Some("has no acquiring side")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize, String)> {
        let sites = find("f.rs", text);
        let flat = sites
            .into_iter()
            .map(|(tag, site)| (tag, site.line, site.order));
        flat.collect()
    }

    #[test]
    fn finds_both_macros_with_their_lines() {
        let text = "word.store(1, edge!(I1, Release));\n\nfence_edge!(I2, SeqCst);\n\
                    x.cas(a, b, edge!(T3, AcqRel), weftwork_std_or_loom::edge!(T3, Acquire))";
        let wanted = [
            ("I1", 1, "Release"),
            ("I2", 3, "SeqCst"),
            ("T3", 4, "AcqRel"),
            ("T3", 4, "Acquire"),
        ];
        let wanted = wanted.map(|(tag, line, order)| (tag.to_owned(), line, order.to_owned()));
        assert_eq!(found(text), wanted);
    }

    #[test]
    fn arguments_may_be_broken_over_lines() {
        let text = "a(edge!(\n    LONG_TAG,\n    Acquire,\n))";
        assert_eq!(
            found(text),
            [("LONG_TAG".to_owned(), 1, "Acquire".to_owned())]
        );
    }

    #[test]
    fn comments_strings_definitions_and_other_macros_are_no_edges() {
        let text = "// edge!(A, Release)\n//! `edge!(B, Release)`\nlet s = \"edge!(C, Release)\";\n\
                    knowledge!(D, Release); use x::edge; edge!($tag, $order)";
        assert_eq!(found(text), []);
    }

    #[test]
    fn only_library_sources_are_searched() {
        assert!(is_searched("crates/sync/src/a/b.rs"));
        assert!(!is_searched("crates/std-or-loom/src/lib.rs"));
        assert!(!is_searched("crates/sync/tests/a.rs"));
        assert!(!is_searched("loom-tests/src/lib.rs"));
    }

    #[test]
    fn an_edge_has_two_sides_in_two_places() {
        let problem_of = |sites: &[(usize, &str)]| {
            let site = |&(line, order): &(usize, &str)| Site {
                file: "f.rs".to_owned(),
                line,
                order: order.to_owned(),
            };
            problem(&sites.iter().map(site).collect::<Vec<_>>())
        };
        assert_eq!(problem_of(&[(1, "Release"), (9, "Acquire")]), None);
        assert_eq!(problem_of(&[(1, "SeqCst"), (9, "SeqCst")]), None);
        assert!(
            problem_of(&[(1, "AcqRel"), (1, "Acquire")])
                .unwrap()
                .contains("one place")
        );
        assert!(
            problem_of(&[(1, "Release"), (9, "Release")])
                .unwrap()
                .contains("no acquiring")
        );
        assert!(
            problem_of(&[(1, "Acquire"), (9, "Acquire")])
                .unwrap()
                .contains("no releasing")
        );
    }
}
