//! What a test binary and loom print.

/// The numbers in the line `test result: ok. 1 passed; 0 failed; 0 ignored; ..`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

/// The summary at the end of a run; none if the run did not get there.
pub(crate) fn summary(output: &str) -> Option<Summary> {
    let line = output
        .lines()
        .rev()
        .find(|line| line.starts_with("test result: "))?;
    let number = |what: &str| {
        let (before, _) = line.split_once(what)?;
        before.split_whitespace().next_back()?.parse().ok()
    };
    Some(Summary {
        passed: number(" passed;")?,
        failed: number(" failed;")?,
    })
}

/// The names in the output of `--list --format terse`.
pub(crate) fn names(list: &str) -> Vec<String> {
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

/// The message of the first panic, on one line.
pub(crate) fn first_panic(output: &str) -> Option<String> {
    let (_, after) = output.split_once(" panicked at ")?;
    let message = after.lines().nth(1).unwrap_or_default().trim();
    Some(message.to_owned())
}

/// How many interleavings loom went through, over all the models of a run. It says so when
/// `LOOM_LOG` lets it.
pub(crate) fn interleavings(output: &str) -> Option<u64> {
    let counts = output.split("Completed in ").skip(1);
    let counts = counts.filter_map(|rest| {
        let (count, _) = rest.split_once(" iterations")?;
        count.parse::<u64>().ok()
    });
    counts.reduce(|sum, count| sum + count)
}

/// The path of the test binary in a line of cargo's `--message-format=json`, if it has one.
///
/// Looks for two members of a `compiler-artifact` message. Cargo writes them without blanks.
pub(crate) fn test_binary(message: &str) -> Option<String> {
    let is_test = message.contains("\"reason\":\"compiler-artifact\"")
        && message
            .rsplit_once("\"profile\":")?
            .1
            .contains("\"test\":true");
    let (_, path) = message.split_once("\"executable\":\"")?;
    let (path, _) = path.split_once('"')?;
    is_test.then(|| path.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "\nrunning 1 test\n\
        test ok ...  INFO loom::model: Completed in 1626 iterations\n\
        \u{20}INFO loom::model: Completed in 4 iterations\nok\n\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.08s\n\n";

    const FAILED: &str = "\nrunning 1 test\ntest dead ... \n\
        thread 'dead' (282) panicked at /x/loom/src/rt/execution.rs:215:13:\n\
        deadlock; threads = [(Id(0), Blocked(Location(None)))]\nnote: run with\nFAILED\n\n\
        failures:\n    dead\n\n\
        test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.00s\n";

    #[test]
    fn reads_the_summary() {
        let (passed, failed) = (summary(PASSED), summary(FAILED));
        assert_eq!(
            passed,
            Some(Summary {
                passed: 1,
                failed: 0
            })
        );
        assert_eq!(
            failed,
            Some(Summary {
                passed: 0,
                failed: 1
            })
        );
        assert_eq!(summary("test a ... \nthread 'a' panicked at x"), None);
    }

    #[test]
    fn adds_up_the_interleavings() {
        assert_eq!(interleavings(PASSED), Some(1630));
        assert_eq!(interleavings(FAILED), None);
    }

    #[test]
    fn gives_the_message_of_the_panic() {
        let message = first_panic(FAILED).unwrap();
        assert!(message.starts_with("deadlock; threads"), "{message}");
        assert_eq!(first_panic(PASSED), None);
    }

    #[test]
    fn reads_lists() {
        assert_eq!(
            names("a: test\nm::b: test\nc: benchmark\n\n"),
            ["a", "m::b"]
        );
    }

    #[test]
    fn takes_test_binaries_only() {
        let message = |test: bool, executable: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"m\",\"test\":true}},\
                 \"profile\":{{\"opt_level\":\"3\",\"test\":{test}}},\"executable\":{executable},\"fresh\":false}}"
            )
        };
        let binary = test_binary(&message(true, "\"/t/deps/m-9a\""));
        assert_eq!(binary.as_deref(), Some("/t/deps/m-9a"));
        assert_eq!(test_binary(&message(false, "\"/t/m\"")), None);
        assert_eq!(test_binary(&message(true, "null")), None);
        assert_eq!(
            test_binary("{\"reason\":\"build-finished\",\"success\":true}"),
            None
        );
    }
}
