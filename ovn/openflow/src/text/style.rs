//! How values are written: in the words of which version of OpenFlow, and with which names of ports.

use crate::{PortNo, Version};
use std::collections::BTreeMap;
use std::fmt;

/// Names that ports have in text.
pub type PortNames = BTreeMap<PortNo, String>;

/// A way to write values. The default is that of [`Display`](fmt::Display): everything as OpenFlow 1.5 says it, ports by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style<'a> {
    /// What older versions say otherwise is written as they say it: `load` and `mod_dl_src` for `set_field`.
    pub version: Option<Version>,
    /// The names of ports. Those that are not among them are written by their numbers.
    pub ports: Option<&'a PortNames>,
    /// Flows without ages and counts, and without table and cookie where these are zero.
    pub without_stats: bool,
}

/// A value with the style that it is to be written in.
pub struct Styled<'a, T: ?Sized> {
    pub(super) value: &'a T,
    pub(super) style: Style<'a>,
}

impl<'a> Style<'a> {
    /// The value as it is written in this style.
    pub const fn of<T: ?Sized>(self, value: &'a T) -> Styled<'a, T> {
        Styled { value, style: self }
    }

    /// A port by its name, if it has one.
    pub(super) fn port(&self, port: PortNo) -> String {
        match self.ports.and_then(|names| names.get(&port)) {
            Some(name) if !port.is_reserved() => quoted(name),
            Some(_) | None => port.to_string(),
        }
    }
}

/// A name that cannot be taken for anything else as it is, another one in quotes.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(plain) {
        return name.to_owned();
    }
    let escaped: String =
        name.chars().flat_map(|c| (matches!(c, '"' | '\\').then_some('\\')).into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

impl<T: ?Sized> fmt::Debug for Styled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Styled").field("style", &self.style).finish_non_exhaustive()
    }
}
