//! Database values to text.

use ovsdb::{Atom, Datum};

/// The text of a value, as a command line would take it. A set is in brackets unless its column holds at most one
/// element (`is_single`) and there is one.
pub(crate) fn format(value: &Datum, is_single: bool) -> String {
    match value {
        Datum::Set(atoms) => match atoms.only() {
            Some(atom) if is_single => atom.to_string(),
            Some(_) | None => {
                format!("[{}]", atoms.iter().map(Atom::to_string).collect::<Vec<_>>().join(", "))
            }
        },
        Datum::Map(_) => value.to_string(),
    }
}

/// The text of a value without quotes and brackets, elements parted by blanks.
pub(crate) fn format_bare(value: &Datum) -> String {
    let elements: Vec<String> = match value {
        Datum::Set(atoms) => atoms.iter().map(bare_atom).collect(),
        Datum::Map(pairs) => {
            pairs.iter().map(|(key, value)| format!("{}={}", bare_atom(key), bare_atom(value))).collect()
        }
    };
    elements.join(" ")
}

fn bare_atom(atom: &Atom) -> String {
    match atom {
        Atom::String(text) => text.to_string(),
        Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::Uuid(_) => atom.to_string(),
    }
}
