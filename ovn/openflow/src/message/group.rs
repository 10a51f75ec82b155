//! Groups.

use crate::{Action, Field, GroupId, PortNo};

/// Adds, changes or deletes groups and buckets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupMod {
    pub command: GroupModCommand,
    pub kind: GroupKind,
    pub group: GroupId,
    pub buckets: Vec<Bucket>,
    pub selection: Option<SelectionMethod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupModCommand {
    Add,
    Modify,
    Delete,
    /// Buckets go before or after the others, or after the named one (OpenFlow 1.5).
    InsertBucket(BucketCommand),
    RemoveBucket(BucketCommand),
    /// Adds, or changes one that exists (Open vSwitch).
    AddOrModify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BucketCommand {
    First,
    Last,
    All,
    Bucket(BucketId),
}

/// The number of a bucket in its group: 0..=0xffffff00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKind {
    /// Every bucket.
    All,
    /// One bucket, by hash and weight.
    Select,
    /// The one bucket.
    Indirect,
    /// The first bucket that is alive.
    FastFailover,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// On the wire from OpenFlow 1.5; before that the position in the group.
    pub id: BucketId,
    pub weight: u16,
    /// The bucket is alive while this port is; [`PortNo::ANY`] for none.
    pub watch_port: PortNo,
    pub watch_group: GroupId,
    pub actions: Vec<Action>,
}

/// How a select group chooses (Netronome's extension).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SelectionMethod {
    /// `hash` or `dp_hash`; at most 15 octets.
    pub method: String,
    pub param: u64,
    /// The hashed fields, each with its mask.
    pub fields: Vec<(Field, u128)>,
}
