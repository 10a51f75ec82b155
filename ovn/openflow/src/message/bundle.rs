//! Bundles: several changes as one.

use crate::Message;

/// The number of a bundle on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleControl {
    pub id: BundleId,
    pub kind: BundleKind,
    pub flags: BundleFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BundleKind {
    OpenRequest,
    OpenReply,
    CloseRequest,
    CloseReply,
    CommitRequest,
    CommitReply,
    DiscardRequest,
    DiscardReply,
}

/// Bits as on the wire: atomic 1, ordered 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleFlags(pub u16);

impl BundleFlags {
    pub const ATOMIC_ORDERED: Self = Self(3);
}

/// Puts a message into a bundle. The message has the xid of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleAdd {
    pub id: BundleId,
    pub flags: BundleFlags,
    pub message: Box<Message>,
}
