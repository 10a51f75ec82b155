//! Which Geneve options are which `tun_metadata`.

/// One option and its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlvMap {
    pub class: u16,
    pub kind: u8,
    /// Octets: 4..=124, a multiple of 4.
    pub length: u8,
    /// 0..=63 for `tun_metadata<index>`.
    pub index: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlvTableMod {
    pub command: TlvTableCommand,
    pub maps: Vec<TlvMap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlvTableCommand {
    Add,
    Delete,
    Clear,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlvTable {
    /// Octets of options that there is room for.
    pub max_option_space: u32,
    /// How many fields there are.
    pub max_fields: u16,
    pub maps: Vec<TlvMap>,
}
