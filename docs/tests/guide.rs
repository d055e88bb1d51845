//! The porting guide is whole: its tables name all of asyncio, and each program has its twin.

use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../asyncio-to-weftwork.md");
/// The public names of asyncio, as CPython has them.
const NAMES: &str = include_str!("../asyncio-names.txt");
/// What the build script makes of the tables for rustdoc, which looks every path up.
const LINKS: &str = include_str!(concat!(env!("OUT_DIR"), "/names.md"));

/// A row of the tables of names.
struct Row {
    names: Vec<String>,
    paths: Vec<String>,
    note: String,
}

/// The rows of the tables whose first cells have this heading and whose second cells are paths.
fn rows(heading: &str) -> Vec<Row> {
    let head = format!("| {heading} | `weftwork::` | note |");
    let mut lines = GUIDE.lines();
    let mut rows = Vec::new();
    while lines.by_ref().any(|line| line == head) {
        let table = lines.by_ref().take_while(|line| line.starts_with('|'));
        rows.extend(table.skip(1).map(row));
    }
    rows
}

fn row(line: &str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split(" |").map(str::trim).collect();
    let [names, paths, note] = cells[..] else {
        panic!("not three cells: {line}");
    };
    Row {
        names: code(names),
        paths: code(paths),
        note: note.to_owned(),
    }
}

/// What stands in backticks.
fn code(cell: &str) -> Vec<String> {
    let code = cell.split('`').skip(1).step_by(2);
    code.map(str::to_owned).collect()
}

#[test]
fn every_public_name_of_asyncio_stands_in_the_tables_once() {
    let recorded: BTreeSet<_> = NAMES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert!(recorded.len() > 250, "the record is whole");
    let rows = rows("asyncio");
    let mut named = BTreeSet::new();
    for name in rows.iter().flat_map(|row| &row.names) {
        assert!(named.insert(name.as_str()), "{name} stands there twice");
    }
    let missing: Vec<_> = recorded.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&recorded).collect();
    assert!(missing.is_empty(), "no row names {missing:?}");
    assert!(unknown.is_empty(), "CPython does not have {unknown:?}");
}

#[test]
fn every_row_has_a_counterpart_or_a_reason() {
    for row in rows("asyncio").into_iter().chain(rows("tokio")) {
        let said = !row.paths.is_empty() || row.note.len() > 20;
        assert!(said, "neither a path nor a reason: {:?}", row.names);
    }
}

#[test]
fn rustdoc_gets_every_path() {
    let links: BTreeSet<_> = LINKS.lines().collect();
    let rows = rows("asyncio").into_iter().chain(rows("tokio"));
    let paths: BTreeSet<_> = rows
        .flat_map(|row| row.paths)
        .map(|path| format!("- [`weftwork::{path}`]"))
        .collect();
    assert!(paths.len() > 150, "only {} paths", paths.len());
    assert!(paths.iter().map(String::as_str).eq(links));
}

/// The language and name of each fenced block, with the program that the line before it names.
fn blocks() -> Vec<(Option<&'static str>, &'static str)> {
    let mut blocks = Vec::new();
    let (mut before, mut is_open) = ("", false);
    for line in GUIDE.lines() {
        if let Some(language) = line.strip_prefix("```") {
            if !is_open {
                let program = before.strip_prefix("<!-- program: ");
                blocks.push((program, language));
            }
            is_open = !is_open;
        }
        before = line;
    }
    blocks
}

#[test]
fn each_python_program_has_a_name_and_a_rust_program_beside_it() {
    let blocks = blocks();
    assert!(blocks.len() >= 40);
    for pair in blocks.chunks(2) {
        let [(Some(program), "python"), (None, "rust")] = pair else {
            panic!("not a named program of Python with its twin: {pair:?}");
        };
        let name = program.split([',', ' ']).next().unwrap_or_default();
        assert_eq!(
            GUIDE.matches(&format!("<!-- program: {name}")).count(),
            1,
            "{name}"
        );
    }
}
