//! Values as the command line writes them: `5`, `"a b"`, `[a, b]`, `{k=v}`, `@name`; to and from database values.
//!
//! The errors are upstream's, word for word: scripts and people know them.

mod atom;
mod datum;
mod format;
mod json_string;
mod token;

pub(crate) use atom::parse_atom;
pub(crate) use datum::parse_datum;
pub(crate) use format::{format, format_bare};
pub(crate) use token::{is_delimiter, token};

#[cfg(test)]
mod tests;
