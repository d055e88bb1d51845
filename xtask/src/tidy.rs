//! `cargo xtask tidy`: what neither the compiler nor a lint checks.

use crate::args::Args;
use crate::edges::{self, Edges};
use crate::verification::{self, Row};
use crate::{Result, cargo, forbidden, manifest, source, unsafes};
use std::collections::BTreeMap;

/// No Rust file is longer.
const MAX_LINES: usize = 600;

/// Excuses an atomic of std in the line below.
const EXCUSE: &str = "// std:";

/// What is wrong, as `path:line: message`.
type Problems = Vec<String>;

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    Args::none(args)?;
    let mut texts = BTreeMap::new();
    for file in cargo::files()? {
        // A file that is not text is none of our business.
        if let Ok(text) = cargo::read(&file) {
            texts.insert(file, text);
        }
    }
    let mut problems = Problems::new();
    for (file, text) in &texts {
        if file.ends_with(".rs") {
            problems.extend(rust_file(file, text));
        }
        problems.extend(forbidden_words(file, text));
    }
    problems.extend(manifests()?);
    problems.extend(unsafes::check().err());
    let edges = edges::collect()?;
    let rows = verification::rows(texts.get(verification::FILE).map_or("", String::as_str));
    let models = texts
        .iter()
        .filter(|(file, _)| file.starts_with("loom-tests/"));
    let models: Vec<&str> = models.map(|(_, text)| text.as_str()).collect();
    problems.extend(tags(&edges, &rows, &models));
    println!("{} files, {} edges", texts.len(), edges.len());
    if problems.is_empty() {
        return Ok(());
    }
    for problem in &problems {
        println!("{problem}");
    }
    Err(format!("{} problems", problems.len()))
}

fn rust_file(file: &str, text: &str) -> Problems {
    let mut problems = Problems::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!(
            "{file}:{MAX_LINES}: {lines} lines: split the file by subject"
        ));
    }
    if !text.starts_with("//") {
        problems.push(format!(
            "{file}:1: begin with a `//!` sentence: what is the file for?"
        ));
    }
    problems.extend(raw_atomics(file, text));
    problems
}

/// Atomics of std in a library, where loom would not see them.
fn raw_atomics(file: &str, text: &str) -> Problems {
    let library = file.starts_with("crates/") && file.contains("/src/");
    if !library || file.starts_with("crates/std-or-loom/") {
        return Problems::new();
    }
    let code = source::without_comments_and_literals(text);
    let excused = |n: usize| n > 0 && text.lines().nth(n - 1).is_some_and(|l| l.contains(EXCUSE));
    code.lines()
        .enumerate()
        .filter(|(n, line)| line.contains("sync::atomic") && !excused(*n))
        .map(|(n, _)| {
            format!(
                "{file}:{}: take atomics from weftwork_std_or_loom, or say why not in a line \
                 `{EXCUSE} ..` above",
                n + 1
            )
        })
        .collect()
}

fn forbidden_words(file: &str, text: &str) -> Problems {
    if forbidden::is_exempt(file) {
        return Problems::new();
    }
    let found = forbidden::find(&forbidden::words(forbidden::LIST), text);
    let problems = found.into_iter();
    problems
        .map(|(line, message)| format!("{file}:{line}: {message}"))
        .collect()
}

/// What a registry shows of a crate has to be there.
fn manifests() -> Result<Problems> {
    let mut problems = Problems::new();
    for manifest in manifest::all()?
        .iter()
        .filter(|manifest| manifest.is_published())
    {
        let file = &manifest.file;
        for key in manifest.missing() {
            problems.push(format!(
                "{file}:1: `{key}` is missing, or `publish = false`"
            ));
        }
        let folder = file.trim_end_matches("Cargo.toml");
        let readme = manifest
            .get("readme")
            .map(|readme| format!("{folder}{readme}"));
        if let Some(readme) = readme.filter(|readme| !cargo::root().join(readme).is_file()) {
            problems.push(format!("{file}:1: the readme {readme} does not exist"));
        }
    }
    Ok(problems)
}

/// Every edge has two sides and a row that names a model, and every row has an edge.
fn tags(edges: &Edges, rows: &BTreeMap<String, Row>, models: &[&str]) -> Problems {
    let table = verification::FILE;
    let is_model = |name: &String| {
        let name = name.rsplit("::").next().unwrap_or(name);
        models
            .iter()
            .any(|text| text.contains(&format!("fn {name}(")))
    };
    let mut problems = Problems::new();
    for (tag, sites) in edges {
        let place = sites
            .first()
            .map_or(String::new(), |site| format!("{}:{}", site.file, site.line));
        if let Some(problem) = edges::problem(sites) {
            problems.push(format!("{place}: the edge `{tag}` {problem}"));
        }
        match rows.get(tag) {
            None => problems.push(format!("{place}: the edge `{tag}` has no row in {table}")),
            Some(row) if !row.names.iter().any(is_model) => {
                let line = row.line;
                problems.push(format!(
                    "{table}:{line}: the row of `{tag}` names no model in backticks"
                ));
            }
            Some(_) => {}
        }
    }
    for (tag, row) in rows.iter().filter(|(tag, _)| !edges.contains_key(*tag)) {
        problems.push(format!("{table}:{}: no code is tagged `{tag}`", row.line));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::Site;

    #[test]
    fn long_files_and_files_without_a_purpose_are_problems() {
        let text = |lines: usize| "//! x\n".repeat(lines);
        assert!(rust_file("a.rs", &text(MAX_LINES)).is_empty());
        assert_eq!(rust_file("a.rs", &text(MAX_LINES + 1)).len(), 1);
        assert!(rust_file("a.rs", "use x;\n")[0].contains("a.rs:1: begin with"));
    }

    #[test]
    fn atomics_of_std_in_a_library_are_problems_unless_excused() {
        let bad = "//! x\nuse std::sync::atomic::AtomicU8;\n";
        assert_eq!(raw_atomics("crates/a/src/b.rs", bad).len(), 1);
        let excused = bad.replace("use", "// std: no model\nuse");
        for (file, text) in [
            ("crates/a/src/b.rs", excused.as_str()),
            ("crates/a/src/b.rs", "// std::sync::atomic in a comment\n"),
            ("crates/a/tests/b.rs", bad),
            ("crates/std-or-loom/src/lib.rs", bad),
        ] {
            assert!(raw_atomics(file, text).is_empty(), "{file}: {text}");
        }
    }

    #[test]
    fn edges_and_rows_belong_together() {
        let site = |line, order: &str| Site {
            file: "a.rs".to_owned(),
            line,
            order: order.to_owned(),
        };
        let pair = vec![site(1, "Release"), site(2, "Acquire")];
        let edges = Edges::from([
            ("A1".to_owned(), pair.clone()),
            ("A2".to_owned(), pair.clone()),
            ("A3".to_owned(), pair),
            ("A4".to_owned(), vec![site(7, "Release")]),
        ]);
        let rows = verification::rows(
            "| A1 | `a_model` |\n| A3 | `push` |\n| A4 | `m::a_model` |\n| A5 | |",
        );
        let problems = tags(&edges, &rows, &["fn a_model() {}"]);
        let wanted = [
            "`A2` has no row",
            "`A3` names no model",
            "a.rs:7: the edge `A4` stands",
            ":4: no code",
        ];
        assert_eq!(problems.len(), wanted.len(), "{problems:?}");
        for (problem, wanted) in problems.iter().zip(wanted) {
            assert!(problem.contains(wanted), "{problem}");
        }
    }
}
