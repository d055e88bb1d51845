//! `cargo xtask unsafe`: how much unsafe code each published crate has, for docs/verification.md.

use crate::args::Args;
use crate::{Result, cargo, generated, manifest, source};

const CHORE: &str = "unsafe";

/// What stands under `unsafe` in some code.
#[derive(Debug, Default, PartialEq)]
struct Count {
    blocks: usize,
    functions: usize,
    impls: usize,
}

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    Args::none(args)?;
    let part = part()?;
    println!("{part}");
    generated::write(CHORE, &part)
}

/// Complains if the table in the docs is not that of the code.
pub(crate) fn check() -> Result<()> {
    generated::check(CHORE, &part()?)
}

fn part() -> Result<String> {
    let head = ["crate", "blocks", "functions", "impls"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let files = cargo::files()?;
    for manifest in manifest::all()?
        .iter()
        .filter(|manifest| manifest.is_published())
    {
        let folder = manifest.file.replace("Cargo.toml", "src/");
        let mut count = Count::default();
        for file in files.iter().filter(|file| file.starts_with(&folder)) {
            count.add(&source::without_comments_and_literals(&cargo::read(file)?));
        }
        let numbers = [count.blocks, count.functions, count.impls];
        let mut row = vec![format!("`{}`", manifest.name())];
        row.extend(numbers.map(|number| number.to_string()));
        rows.push(row);
    }
    Ok(generated::table(&rows))
}

impl Count {
    /// Counts what follows each `unsafe`: neither a type of a function pointer nor an attribute is
    /// code.
    fn add(&mut self, code: &str) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        for (at, word) in code.match_indices("unsafe") {
            let after = &code[at + word.len()..];
            if code[..at].ends_with(is_word) || after.starts_with(is_word) {
                continue;
            }
            let next = after.trim_start();
            match next.split(|c: char| !is_word(c)).next() {
                Some("impl" | "trait") => self.impls += 1,
                Some("fn") if !next[2..].starts_with('(') => self.functions += 1,
                Some("extern") => self.functions += 1,
                Some("") if next.starts_with('{') => self.blocks += 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_what_is_unsafe_and_not_the_word() {
        let mut count = Count::default();
        count.add(
            "#![forbid(unsafe_code)] #[unsafe(no_mangle)] unsafe impl Send for X {}\n\
             type F = unsafe fn(u8); unsafe fn f() { unsafe { g() } } unsafe extern { fn g(); }",
        );
        let wanted = Count {
            blocks: 1,
            functions: 2,
            impls: 1,
        };
        assert_eq!(count, wanted);
    }
}
