//! Cutting texts at commas, but not inside of parentheses and brackets.

/// The parts between commas at the outermost level, trimmed; empty ones are left out.
pub(super) fn at_commas(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    let cut = move |c: char| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    text.split(cut).map(str::trim).filter(|part| !part.is_empty())
}

/// `name(arguments)`.
pub(super) fn call(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    Some((name, rest.strip_suffix(')')?))
}

/// `key=value`, or a lone key.
pub(super) fn key_value(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (text, None),
    }
}
