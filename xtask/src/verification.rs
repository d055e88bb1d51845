//! The table of edges in docs/verification.md.
//!
//! A row is `| I1 | .. |`: the tag stands in the first cell, and somewhere in the row stands, in
//! backticks, the name of the model that fails when the edge is weakened.

use std::collections::BTreeMap;

/// Where the table is.
pub(crate) const FILE: &str = "docs/verification.md";

#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) line: usize,
    /// What stands in backticks after the first cell.
    pub(crate) names: Vec<String>,
}

/// The rows by tag. Only first cells that look like a tag (`I1`, `WAKE_2`) count.
pub(crate) fn rows(text: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let Some((first, rest)) = line
            .trim()
            .strip_prefix('|')
            .and_then(|l| l.split_once('|'))
        else {
            continue;
        };
        let tag = first.trim().trim_matches('`');
        if is_tag(tag) {
            let names = rest.split('`').skip(1).step_by(2).map(str::to_owned);
            let row = Row {
                line: index + 1,
                names: names.collect(),
            };
            rows.insert(tag.to_owned(), row);
        }
    }
    rows
}

/// Capitals, digits and underscores, with a digit somewhere.
fn is_tag(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(fits)
        && text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn reads_tags_and_the_names_beside_them() {
        let text = "# Edges\n| edge | pairs | model |\n|---|---|---|\n\
                    | I1 | `push` with sleep | `wakes_the_last_sleeper` |\n\
                    |`Q2`| x | none |\n| Note | `T1` | |\nI3 | text\n";
        let rows = rows(text);
        let tags: Vec<&str> = rows.keys().map(String::as_str).collect();
        assert_eq!(tags, ["I1", "Q2"]);
        assert_eq!(rows["I1"].line, 4);
        assert_eq!(rows["I1"].names, ["push", "wakes_the_last_sleeper"]);
        assert!(rows["Q2"].names.is_empty());
    }
}
