//! Tokens: the words that values on the command line are made of.

/// Whether `letter` ends a word outside quotes.
pub(crate) fn is_delimiter(letter: char) -> bool {
    ":=, []{}!<>".contains(letter)
}

/// Takes a word from the beginning of `text`: the word with backslashes before letters resolved outside quotes, and
/// the rest. What is in double quotes stays as it is, quotes included.
///
/// # Errors
/// A quote that is not closed, or a backslash at the end.
pub(crate) fn token(text: &str) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut is_quoted = false;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            let Some((_, escaped)) = letters.next() else {
                return Err(format!("{text}: backslash at end of argument"));
            };
            if is_quoted {
                word.push('\\');
            }
            word.push(escaped);
        } else if !is_quoted && is_delimiter(letter) {
            return Ok((word, &text[at..]));
        } else {
            is_quoted ^= letter == '"';
            word.push(letter);
        }
    }
    if is_quoted {
        return Err(format!("{text}: quoted string extends past end of argument"));
    }
    Ok((word, ""))
}
