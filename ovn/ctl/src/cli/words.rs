//! Words of a command line, split and joined as a shell does.

use crate::Program;

/// Splits `text` at blanks, as a shell does without its expansions: quotes and backslashes protect them.
///
/// # Errors
/// A quote that is not closed.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    match split_anyway(text) {
        (words, None) => Ok(words),
        (_, Some(quote)) => Err(format!("{text}: missing closing {quote}")),
    }
}

/// Splits `text` likewise; a quote that is not closed, which is told, ends with the text.
pub(crate) fn split_anyway(text: &str) -> (Vec<String>, Option<char>) {
    let mut unclosed = None;
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                if !quoted(letter, &mut letters, word.get_or_insert_default()) {
                    unclosed = Some(letter);
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    (words, unclosed)
}

/// Takes what stands up to the closing quote; in double quotes a backslash protects itself and the quote. Whether there
/// is a closing quote.
fn quoted(quote: char, letters: &mut std::str::Chars<'_>, inside: &mut String) -> bool {
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter == quote => return true,
            '\\' if quote == '"' => match letters.next() {
                Some(protected @ ('"' | '\\')) => inside.push(protected),
                Some(other) => inside.extend(['\\', other]),
                None => return false,
            },
            letter => inside.push(letter),
        }
    }
    false
}

/// The whole command line as the transaction's comment and the log have it.
pub(super) fn join(program: Program, arguments: &[String]) -> String {
    let words = std::iter::once(program.name()).chain(arguments.iter().map(String::as_str));
    words.map(quote).collect::<Vec<_>>().join(" ")
}

/// Blanks, quotes and backslashes are written as in JSON.
pub(crate) fn quote(word: &str) -> String {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\');
    if word.contains(is_special) { serde_json::Value::from(word).to_string() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{join, split};
    use crate::Program;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  a  b ", &["a", "b"]),
            (r#"a 'b "c' "d 'e" "#, &["a", "b \"c", "d 'e"]),
            (r#"a\ b c"d"'e' "" "#, &["a b", "cde", ""]),
            (r#""a\n\"\\" '\n'"#, &["a\\n\"\\", "\\n"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), *words, "{text}");
        }
        assert_eq!(split("a 'b"), Err("a 'b: missing closing '".to_owned()));
    }

    #[test]
    fn a_command_line_is_joined_as_upstream_logs_it() {
        let words = ["ls-add", "a b", "a'b", "", "a$b", "a\\b", "é"].map(str::to_owned);
        assert_eq!(join(Program::Nbctl, &words), r#"ovn-nbctl ls-add "a b" "a'b"  a$b "a\\b" é"#);
    }
}
