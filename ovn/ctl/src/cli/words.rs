//! Words of a command line, split and joined as a shell does.

use crate::Program;

/// Splits `text` at blanks, as a shell does without its expansions: quotes and backslashes protect them.
///
/// # Errors
/// A quote that is not closed.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let inside =
                    quoted(letter, &mut letters).ok_or(format!("{text}: missing closing {letter}"))?;
                word.get_or_insert_default().push_str(&inside);
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// What stands up to the closing quote; in double quotes a backslash protects itself and the quote.
fn quoted(quote: char, letters: &mut std::str::Chars<'_>) -> Option<String> {
    let mut inside = String::new();
    loop {
        match letters.next()? {
            letter if letter == quote => return Some(inside),
            '\\' if quote == '"' => match letters.next()? {
                protected @ ('"' | '\\') => inside.push(protected),
                other => inside.extend(['\\', other]),
            },
            letter => inside.push(letter),
        }
    }
}

/// The whole command line as the transaction's comment and the log have it.
pub(super) fn join(program: Program, arguments: &[String]) -> String {
    let words = std::iter::once(program.name()).chain(arguments.iter().map(String::as_str));
    words.map(quote).collect::<Vec<_>>().join(" ")
}

/// Blanks, quotes and backslashes are written as in JSON.
fn quote(word: &str) -> String {
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
