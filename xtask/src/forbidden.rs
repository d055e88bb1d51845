//! Words that no text of the project contains. The list is `xtask/forbidden-words.txt`.

/// The list itself.
pub(crate) const LIST: &str = include_str!("../forbidden-words.txt");

/// Files in which the words may stand: the list, and texts that are not ours.
pub(crate) fn is_exempt(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name == "forbidden-words.txt" || name == "Cargo.lock" || name.starts_with("LICENSE")
}

/// A word and what to do about it.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    word: &'a str,
    advice: &'a str,
}

/// Reads lines of the form `word | advice`.
pub(crate) fn words(list: &str) -> Vec<Word<'_>> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('|'));
    let words = pairs.map(|(word, advice)| Word {
        word: word.trim(),
        advice: advice.trim(),
    });
    words.collect()
}

/// The lines in which a word stands, with what is wrong.
pub(crate) fn find(words: &[Word<'_>], text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        for Word { word, advice } in words {
            // A word with capitals means just that spelling.
            let exact = word.contains(char::is_uppercase);
            if stands_in(word, if exact { line } else { &lower }) {
                found.push((index + 1, format!("`{word}`: {advice}")));
            }
        }
    }
    found
}

/// Whether a line has the word, not merely as a part of a longer one.
fn stands_in(word: &str, line: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let joined =
            |inner: Option<char>, outer: Option<char>| is_letter(inner) && is_letter(outer);
        !joined(word.chars().next(), before.chars().next_back())
            && !joined(word.chars().next_back(), after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_whole_words_by_line() {
        let list = "# word | advice\nFOO | finish it\nshiny | measure it\n/abs/ | a path\n";
        let words = words(list);
        assert_eq!(words.len(), 3);
        let lines = |text: &str| {
            let found = find(&words, text);
            found.into_iter().map(|(line, _)| line).collect::<Vec<_>>()
        };
        assert_eq!(lines("a\n// FOO: b\nfoo\nFOOD _FOO"), [2]);
        assert_eq!(lines("Shiny!\nunshiny\nshiny-fast"), [1, 3]);
        assert_eq!(lines("see /abs/dir"), [1]);
        assert_eq!(find(&words, "FOO")[0].1, "`FOO`: finish it");
    }

    #[test]
    fn the_list_has_an_advice_for_every_word() {
        for Word { word, advice } in words(LIST) {
            assert!(!word.is_empty() && !advice.is_empty(), "{word}");
        }
        let lines = LIST.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() > 5);
        assert_eq!(lines.count(), words(LIST).len(), "a line has no `|`");
    }
}
