//! Makes the porting guide ready for rustdoc: its programs get what compares their output, and the
//! paths in its tables of names become links, which rustdoc checks.

#![allow(clippy::print_stdout, reason = "cargo reads it")]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

const GUIDE: &str = "asyncio-to-weftwork.md";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={GUIDE}");
    let guide = fs::read_to_string(GUIDE)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("guide.md"), with_checks(&guide))?;
    fs::write(Path::new(&out).join("names.md"), links(&guide))
}

/// The guide, with hidden lines in the Rust program that follows each `<!-- program: NAME -->`.
fn with_checks(guide: &str) -> String {
    let mut text = String::new();
    let (mut program, mut inside) = (None, false);
    for line in guide.lines() {
        if let Some(name) = program_of(line) {
            program = Some(name);
        }
        if inside && line == "```" {
            let name = program.take().unwrap_or_default();
            writeln!(text, "# weftwork_docs::compare({name:?});").expect("it is a string");
            inside = false;
        }
        text.push_str(line);
        text.push('\n');
        if line == "```rust" && program.is_some() {
            text.push_str("# use weftwork_docs::println;\n");
            inside = true;
        }
    }
    text
}

/// The name in `<!-- program: NAME -->` or `<!-- program: NAME, python 3.12 -->`.
fn program_of(line: &str) -> Option<&str> {
    let text = line.strip_prefix("<!-- program: ")?.strip_suffix(" -->")?;
    Some(text.split_once(',').map_or(text, |(name, _)| name))
}

/// A list with a link for each path in the second cells of the tables of names.
fn links(guide: &str) -> String {
    let mut text = String::new();
    let mut is_names = false;
    for line in guide.lines() {
        let Some(row) = line.strip_prefix('|') else {
            is_names = false;
            continue;
        };
        let cell = row.split(" |").nth(1).unwrap_or_default().trim();
        if cell == "`weftwork::`" {
            is_names = true;
        } else if is_names {
            for path in cell.split('`').skip(1).step_by(2) {
                writeln!(text, "- [`weftwork::{path}`]").expect("it is a string");
            }
        }
    }
    text
}
