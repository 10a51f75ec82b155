//! The inside of a quoted string, with the escapes of JSON (RFC 8259 section 7).

/// Resolves the escapes in `text`, which stands between the quotes.
///
/// # Errors
/// What is wrong, in upstream's words.
pub(super) fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Err("quoted string may not include unescaped \"".to_owned()),
            '\\' => {}
            _ => {
                out.push(letter);
                continue;
            }
        }
        let Some(escape) = letters.next() else {
            return Err("quoted string may not end with backslash".to_owned());
        };
        out.push(match escape {
            '"' | '\\' | '/' => escape,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (unicode, rest) = unicode_escape(letters.as_str())?;
                letters = rest.chars();
                unicode
            }
            other => return Err(format!("bad escape \\{other}")),
        });
    }
    Ok(out)
}

/// The character after `\u`, one or two escapes long, and what follows it.
fn unicode_escape(text: &str) -> Result<(char, &str), String> {
    let (first, rest) = four_digits(text)?;
    if first == 0 {
        return Err("null bytes not supported in quoted strings".to_owned());
    }
    if let Some(letter) = char::from_u32(first.into()) {
        return Ok((letter, rest));
    }
    let malformed = || "malformed escaped surrogate pair".to_owned();
    let (second, rest) = four_digits(rest.strip_prefix("\\u").ok_or_else(malformed)?)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(letter)) => Ok((letter, rest)),
        _ => Err(malformed()),
    }
}

fn four_digits(text: &str) -> Result<(u16, &str), String> {
    let Some((digits, rest)) = text.split_at_checked(4) else {
        return Err("quoted string ends within \\u escape".to_owned());
    };
    match u16::from_str_radix(digits, 16) {
        Ok(unit) if !digits.starts_with('+') => Ok((unit, rest)),
        _ => Err("malformed \\u escape".to_owned()),
    }
}
