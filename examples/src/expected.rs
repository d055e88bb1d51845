//! Compares what a program printed with what CPython printed, up to the order that is open.
//!
//! An expected text is the lines of the program. Those whose order is open stand between
//! `# open` (everywhere) or `# open on workers` (only where there are several) and `# closed`,
//! each with a tag: `tag| line`. Lines of one tag keep their order; lines without a tag do not.
//! Those of a tag that ends in `_local` keep it on one thread, not on workers. A text that begins
//! with `# timed` is of a program whose lines rest on how long it sleeps.

use std::collections::VecDeque;
use std::fmt;

/// Where a program printed something else than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the line, from 1 on.
    pub line: usize,
    /// The lines that could stand there; none where the output is to end.
    pub expected: Vec<String>,
    /// The line that stands there; none where the output ends.
    pub printed: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = self.printed.as_deref().unwrap_or("the end of the output");
        write!(f, "line {}: printed\n    {printed}\nexpected", self.line)?;
        match self.expected.as_slice() {
            [] => write!(f, "\n    the end of the output"),
            [line] => write!(f, "\n    {line}"),
            lines => {
                write!(f, " one of")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
        }
    }
}

/// Lines of which the first one of each sequence may come next.
type Block<'a> = Vec<VecDeque<&'a str>>;

/// True if a machine that holds the program up for longer than it sleeps may change its lines.
#[must_use]
pub fn is_timed(expected: &str) -> bool {
    expected.lines().next() == Some(TIMED)
}

/// The first line of the expected text of a program whose lines rest on sleeps.
const TIMED: &str = "# timed";

/// Compares lines with an expected text. With `local` only what is open everywhere is open.
///
/// # Errors
/// The first difference.
pub fn compare(expected: &str, local: bool, printed: &[String]) -> Result<(), Difference> {
    let mut printed = printed.iter().enumerate();
    let mut last = 0;
    for mut block in blocks(expected, local) {
        while block.iter().any(|sequence| !sequence.is_empty()) {
            let next = printed.next();
            last = next.map_or(last + 1, |(n, _)| n + 1);
            let line = next.map(|(_, line)| normalise(line));
            let found = block
                .iter_mut()
                .find(|sequence| sequence.front().copied() == line.as_deref() && line.is_some());
            match found {
                Some(sequence) => sequence.pop_front(),
                None => return Err(difference(last, &block, line)),
            };
        }
    }
    match printed.next() {
        Some((n, line)) => Err(difference(n + 1, &Block::new(), Some(line.clone()))),
        None => Ok(()),
    }
}

fn difference(line: usize, block: &Block<'_>, printed: Option<String>) -> Difference {
    let heads = block.iter().filter_map(|sequence| sequence.front());
    Difference {
        line,
        expected: heads.map(|line| (*line).to_owned()).collect(),
        printed,
    }
}

/// The parts of an expected text, one after another.
fn blocks(expected: &str, local: bool) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = expected.lines();
    while let Some(line) = lines.next() {
        let is_open = match line {
            TIMED => continue,
            "# open" => true,
            "# open on workers" => !local,
            line => {
                blocks.push(vec![VecDeque::from([line])]);
                continue;
            }
        };
        let tagged = lines.by_ref().take_while(|line| *line != "# closed");
        let tagged = tagged.filter_map(|line| line.split_once("| "));
        blocks.push(if is_open {
            open(tagged, local)
        } else {
            vec![tagged.map(|(_, line)| line).collect()]
        });
    }
    blocks
}

/// A sequence for each tag that keeps its order, and one for each other line.
fn open<'a>(tagged: impl Iterator<Item = (&'a str, &'a str)>, local: bool) -> Block<'a> {
    let keeps = |tag: &str| !tag.is_empty() && (local || !tag.ends_with("_local"));
    let mut sequences: Vec<(&str, VecDeque<&str>)> = Vec::new();
    for (tag, line) in tagged {
        match sequences
            .iter_mut()
            .find(|(known, _)| *known == tag && keeps(tag))
        {
            Some((_, sequence)) => sequence.push_back(line),
            None => sequences.push((tag, VecDeque::from([line]))),
        }
    }
    sequences.into_iter().map(|(_, lines)| lines).collect()
}

/// A line as the Python program would have printed it: the representation of a task names its
/// future and its place in another way, and numbers of tasks are nobody's business.
pub fn normalise(line: &str) -> String {
    let Some((before, rest)) = line.split_once("<Task ") else {
        return line.to_owned();
    };
    let parts = (|| {
        let (state, rest) = rest.split_once(" name=\"Task-")?;
        // For asyncio a task that runs is pending, too: on its one thread only itself can look.
        let state = if state == "running" { "pending" } else { state };
        let (_number, rest) = rest.split_once("\" fut=<")?;
        let (future, rest) = rest.split_once("> at ")?;
        let (_place, result) = rest.split_once([' ', '>'])?;
        let function = future
            .trim_end_matches("::{{closure}}")
            .rsplit("::")
            .next()?;
        Some((state, function, result))
    })();
    let Some((state, function, result)) = parts else {
        return line.to_owned();
    };
    let result = match result.trim_end_matches('>') {
        "" => String::new(),
        "result=()" => " result=None".to_owned(),
        result => format!(" {}", result.replace('"', "'")),
    };
    format!("{before}<Task {state} name='Task-N' coro=<{function}()>{result}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "\
first
# open on workers
| a
| b
# closed
# open
one| 1
one| 2
two| x
| alone
# closed
last
";

    fn check(local: bool, lines: &str) -> Result<(), Difference> {
        let lines: Vec<_> = lines.split_whitespace().map(str::to_owned).collect();
        compare(EXPECTED, local, &lines)
    }

    fn difference(line: usize, expected: &[&str], printed: Option<&str>) -> Difference {
        Difference {
            line,
            expected: expected.iter().map(|line| (*line).to_owned()).collect(),
            printed: printed.map(str::to_owned),
        }
    }

    #[test]
    fn the_recorded_order_is_right_in_both_modes() {
        for local in [false, true] {
            assert_eq!(check(local, "first a b 1 2 x alone last"), Ok(()));
        }
    }

    #[test]
    fn what_is_open_on_workers_is_not_open_locally() {
        let lines = "first b a 1 2 x alone last";
        assert_eq!(check(false, lines), Ok(()));
        assert_eq!(check(true, lines), Err(difference(2, &["a"], Some("b"))));
    }

    #[test]
    fn what_is_open_everywhere_is_open_locally_too() {
        for local in [false, true] {
            assert_eq!(check(local, "first a b alone x 1 2 last"), Ok(()));
            assert_eq!(check(local, "first a b 1 x 2 alone last"), Ok(()));
        }
    }

    #[test]
    fn a_local_tag_keeps_its_order_on_one_thread_only() {
        let expected = "# open\n| a\nx_local| 1\nx_local| 2\n# closed\n";
        let lines = |lines: [&str; 3]| lines.map(str::to_owned).to_vec();
        for local in [false, true] {
            assert_eq!(compare(expected, local, &lines(["1", "2", "a"])), Ok(()));
        }
        let swapped = lines(["2", "1", "a"]);
        assert_eq!(compare(expected, false, &swapped), Ok(()));
        let wrong = difference(1, &["a", "1"], Some("2"));
        assert_eq!(compare(expected, true, &swapped), Err(wrong));
    }

    #[test]
    fn a_timed_text_says_so_and_is_compared_as_any_other() {
        assert!(is_timed("# timed\na\n") && !is_timed(EXPECTED) && !is_timed(""));
        assert_eq!(compare("# timed\na\n", true, &["a".to_owned()]), Ok(()));
        let wrong = difference(1, &["a"], Some("b"));
        assert_eq!(compare("# timed\na\n", true, &["b".to_owned()]), Err(wrong));
    }

    #[test]
    fn a_wrong_order_is_found() {
        let wrong = difference(4, &["1", "x", "alone"], Some("2"));
        assert_eq!(check(false, "first a b 2 1 x alone last"), Err(wrong));
        let moved = difference(1, &["first"], Some("a"));
        assert_eq!(check(false, "a first b 1 2 x alone last"), Err(moved));
        let across = difference(3, &["b"], Some("1"));
        assert_eq!(check(false, "first a 1 b 2 x alone last"), Err(across));
    }

    #[test]
    fn a_missing_line_is_found() {
        let inside = difference(6, &["2", "x"], Some("last"));
        assert_eq!(check(false, "first a b 1 alone last"), Err(inside));
        let at_the_end = difference(8, &["last"], None);
        assert_eq!(check(false, "first a b 1 2 x alone"), Err(at_the_end));
        assert_eq!(check(true, ""), Err(difference(1, &["first"], None)));
    }

    #[test]
    fn an_extra_line_is_found() {
        let twice = difference(3, &["b"], Some("a"));
        assert_eq!(check(false, "first a a b 1 2 x alone last"), Err(twice));
        let after = difference(9, &[], Some("more"));
        assert_eq!(check(true, "first a b 1 2 x alone last more"), Err(after));
    }

    #[test]
    fn a_changed_line_is_found() {
        let changed = difference(8, &["last"], Some("least"));
        assert_eq!(check(false, "first a b 1 2 x alone least"), Err(changed));
    }

    #[test]
    fn a_task_is_shown_as_in_python() {
        let rust =
            "it: <Task pending name=\"Task-7\" fut=<tour::f::example::{{closure}}> at a.rs:1:2>";
        let python = "it: <Task pending name='Task-N' coro=<example()>>";
        assert_eq!(normalise(rust), python);
        assert_eq!(normalise(&rust.replace("pending", "running")), python);
        for (result, shown) in [("()", "None"), ("\"a b\"", "'a b'")] {
            let rust = format!(
                "<Task finished name=\"Task-7\" fut=<f::{{{{closure}}}}> at a.rs:1:2 result={result}>"
            );
            let python = format!("<Task finished name='Task-N' coro=<f()> result={shown}>");
            assert_eq!(normalise(&rust), python);
        }
    }
}
