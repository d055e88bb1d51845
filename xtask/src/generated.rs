//! Parts of docs/verification.md that a chore writes: each stands between a mark with the chore's
//! name and the next end mark.

use crate::verification::FILE;
use crate::{Result, cargo};

const END: &str = "<!-- end -->";

/// The mark at which the part of this chore begins.
fn begin(chore: &str) -> String {
    format!("<!-- cargo xtask {chore} -->")
}

/// The text with the chore's part replaced.
fn replaced(text: &str, chore: &str, part: &str) -> Result<String> {
    let begin = begin(chore);
    let lacks = |mark: &str| format!("{FILE}: the mark `{mark}` is missing");
    let (before, rest) = text.split_once(&begin).ok_or_else(|| lacks(&begin))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| lacks(END))?;
    Ok(format!("{before}{begin}\n{}\n{END}{after}", part.trim()))
}

/// Writes the chore's part.
pub(crate) fn write(chore: &str, part: &str) -> Result<()> {
    let text = replaced(&cargo::read(FILE)?, chore, part)?;
    std::fs::write(cargo::root().join(FILE), text).map_err(|error| format!("{FILE}: {error}"))
}

/// Complains if the chore would write something else.
pub(crate) fn check(chore: &str, part: &str) -> Result<()> {
    let text = cargo::read(FILE)?;
    if replaced(&text, chore, part)? == text {
        return Ok(());
    }
    Err(format!(
        "{FILE}: a part is out of date: run `cargo xtask {chore}`"
    ))
}

/// A table of Markdown, the first row of which is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| format!("| {} |", row.join(" | ")))
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    lines.insert(1.min(lines.len()), format!("|{}", "---|".repeat(columns)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_between_the_marks_is_replaced() {
        let text = "a\n<!-- cargo xtask x -->\nold\n<!-- end -->\nb\n<!-- end -->\n";
        let new = replaced(text, "x", "new\n").unwrap();
        assert_eq!(new, text.replace("old", "new"));
        assert_eq!(replaced(&new, "x", "new").unwrap(), new);
        assert!(replaced(text, "y", "").unwrap_err().contains("xtask y"));
        assert!(replaced("<!-- cargo xtask x -->", "x", "").is_err());
    }

    #[test]
    fn a_table_has_a_line_below_its_heading() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["a", "b"]), row(["1", "2"])]);
        assert_eq!(text, "| a | b |\n|---|---|\n| 1 | 2 |");
    }
}
