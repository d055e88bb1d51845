//! Reading Rust source without its comments and literals.

/// The text with comments, strings and character literals replaced by blanks. Line breaks
/// stay, so that line numbers hold.
pub(crate) fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_skipped(&chars, at);
        if end == at {
            blanked.push(chars[at]);
            at += 1;
        } else {
            let blank = |&c: &char| if c == '\n' { '\n' } else { ' ' };
            blanked.extend(chars[at..end].iter().map(blank));
            at = end;
        }
    }
    blanked
}

/// Where the comment or literal that begins here ends; `at` itself if none begins.
fn end_of_skipped(chars: &[char], at: usize) -> usize {
    let end = match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => find(chars, at, |c| c == '\n'),
        ('/', Some('*')) => end_of_block_comment(chars, at),
        ('"', _) => end_of_string(chars, at),
        ('r', Some('"' | '#')) if !is_in_word(chars, at) => end_of_raw_string(chars, at),
        ('\'', Some('\\')) => find(chars, at + 3, |c| c == '\'') + 1,
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    };
    end.min(chars.len())
}

/// True if this `r` ends a longer word. Of those, only the prefixes of raw strings may end so.
fn is_in_word(chars: &[char], at: usize) -> bool {
    let is_word = |back: usize| {
        let before = at.checked_sub(back).map(|index| chars[index]);
        before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    let is_prefix = at > 0 && matches!(chars[at - 1], 'b' | 'c') && !is_word(2);
    is_word(1) && !is_prefix
}

/// The first place from `at` that `stop` accepts, or the end.
fn find(chars: &[char], at: usize, stop: impl Fn(char) -> bool) -> usize {
    let rest = chars.get(at..).unwrap_or_default();
    at + rest.iter().position(|&c| stop(c)).unwrap_or(rest.len())
}

fn end_of_block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `at` itself if this is a raw identifier.
fn end_of_raw_string(chars: &[char], at: usize) -> usize {
    let quote = find(chars, at + 1, |c| c != '#');
    if chars.get(quote) != Some(&'"') {
        return at;
    }
    let hashes = quote - at - 1;
    let mut end = find(chars, quote + 1, |c| c == '"');
    while end < chars.len() {
        let after = find(chars, end + 1, |c| c != '#');
        if after - end > hashes {
            return end + 1 + hashes;
        }
        end = find(chars, end + 1, |c| c == '"');
    }
    end
}

#[cfg(test)]
mod tests {
    use super::without_comments_and_literals;

    /// The words that are left.
    fn left(text: &str) -> String {
        let blanked = without_comments_and_literals(text);
        assert_eq!(blanked.lines().count(), text.lines().count());
        blanked.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_go_also_nested_ones() {
        assert_eq!(left("a // b\nc"), "a c");
        assert_eq!(left("a /* b /* c */ d */ e"), "a e");
        assert_eq!(left("/// edge!(X, Y)\nf"), "f");
        assert_eq!(left("a /* never closed"), "a");
    }

    #[test]
    fn strings_go_whatever_is_in_them() {
        assert_eq!(left(r#"a "b \" // c" d"#), "a d");
        assert_eq!(left("a r#\"b \" c\"# d"), "a d");
        assert_eq!(left("a br\"b\\\" c"), "a b c");
        assert_eq!(left("a \"two\nlines\" b"), "a b");
        assert_eq!(left("a \"never closed"), "a");
    }

    #[test]
    fn characters_go_and_lifetimes_and_raw_identifiers_stay() {
        assert_eq!(left("a '\"' b '\\'' c '\\\\' d"), "a b c d");
        assert_eq!(left("fn f<'a>(x: &'a str) // '"), "fn f<'a>(x: &'a str)");
        assert_eq!(left("r#type \"s\" for\"s\""), "r#type for");
    }
}
