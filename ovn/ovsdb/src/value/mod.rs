//! Values: identifiers, atoms, and the sets and maps of them that columns hold.

mod atom;
mod atoms;
mod convert;
mod datum;
mod diff;
mod parse;
mod strings;
mod uuid;

pub use atom::{Atom, AtomType, Real, Str};
pub use atoms::{Atoms, AtomsIter, Change};
pub use convert::{FromAtom, FromDatum, ToAtom, ToDatum, WrongDatum};
pub use datum::Datum;
pub use parse::Symbols;
pub use uuid::{ParseUuidError, Uuid, UuidGenerator};

pub(crate) use parse::{check_storable, json_integer};
pub(crate) use strings::Strings;
