//! `Chassis` of the southbound database, as far as features depend on it.

use ovsdb::{Str, Uuid};
use schema::sb;

/// A host that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chassis {
    /// The southbound row.
    pub uuid: Uuid,
    /// Unique.
    pub name: Str,
    /// What the host calls itself.
    pub hostname: Str,
    /// Whether it belongs to another deployment and is only known here.
    pub is_remote: bool,
}

impl Chassis {
    /// Reads a row.
    pub fn parse(row: &sb::Chassis) -> Self {
        let is_remote =
            row.other_config.get("is-remote").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Self { uuid: row.uuid, name: row.name.clone(), hostname: row.hostname.clone(), is_remote }
    }
}
