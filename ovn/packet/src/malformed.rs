//! What is wrong with octets, and where.

/// Why octets are not a header of some protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}: {what} (octet {offset})")]
pub struct Malformed {
    /// The protocol that was being read.
    pub layer: &'static str,
    /// Where in the octets given to `parse` the trouble begins, counted from 0.
    pub offset: usize,
    /// What was found or what is missing.
    pub what: &'static str,
}
