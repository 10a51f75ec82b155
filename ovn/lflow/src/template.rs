//! `^name`: a text that differs from chassis to chassis.
//!
//! Variables are replaced before the text is parsed, because a value may be any part of an expression:
//! a constant, a list of them, several comparisons. Values come from the southbound table
//! `Chassis_Template_Var`.

use crate::lexer::{Lexer, Token};
use std::borrow::Cow;

/// Replaces every `^name` in `text` by the value of the variable, once: a value is not searched again.
///
/// A variable without value stays, and is an error when the text is parsed. Strings and comments are
/// left alone, and so is everything after what is no token.
pub fn expand<'a>(text: &'a str, value: impl Fn(&str) -> Option<String>) -> Cow<'a, str> {
    if !text.contains('^') {
        return Cow::Borrowed(text);
    }
    let mut expanded = String::new();
    let mut copied = 0;
    let mut lexer = Lexer::new(text);
    while let Ok((token, span)) = lexer.next() {
        match token {
            Token::End => break,
            Token::Template(name) => {
                if let Some(value) = value(name) {
                    expanded.push_str(&text[copied..span.start]);
                    expanded.push_str(&value);
                    copied = span.end;
                }
            }
            Token::Id(_)
            | Token::String(_)
            | Token::Integer(_)
            | Token::AddressSet(_)
            | Token::PortGroup(_)
            | Token::Punct(_) => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    expanded.push_str(&text[copied..]);
    Cow::Owned(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_outside_of_strings_and_comments() {
        let value = |name: &str| match name {
            "vip" => Some("10.0.0.1".to_owned()),
            "again" => Some("^vip".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        let table = [
            ("ip4.dst == ^vip && tcp", "ip4.dst == 10.0.0.1 && tcp"),
            ("inport == \"^vip\"", "inport == \"^vip\""),
            ("1 /* ^vip */ // ^vip", "1 /* ^vip */ // ^vip"),
            ("^again", "^vip"),
            ("^unknown ^vip", "^unknown 10.0.0.1"),
            ("{^empty}", "{}"),
            ("^vip # ^vip", "10.0.0.1 # ^vip"),
            ("^^vip", "^^vip"),
            ("no variable", "no variable"),
        ];
        for (text, expanded) in table {
            assert_eq!(expand(text, value), expanded, "{text}");
        }
    }
}
