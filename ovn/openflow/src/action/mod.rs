//! Actions and instructions, as values. Bytes are in `codec`, text in `text`.
//!
//! One value stands for every way to say the same on the wire: OpenFlow 1.0's `mod_vlan_vid`, NXM's `reg_load` and
//! OpenFlow 1.5's masked `set_field` are all [`Action::SetField`].

mod controller;
mod ct;
mod learn;
mod sample;

pub use controller::{Controller, PacketInReason};
pub use ct::{Ct, Nat, NatKind, NatRange, NatSpread, ZoneSource};
pub use learn::{Learn, LearnDst, LearnSpec, LearnSrc};
pub use sample::{Sample, SampleDirection, SampleForm, SampleSource};

use crate::{Field, PortNo, Subfield};

/// How many levels of actions inside actions (`ct`, `clone`, learned ones) are read; deeper is refused.
pub const MAX_ACTION_DEPTH: usize = 32;

/// The number of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

impl GroupId {
    /// The largest number a group can have.
    pub const MAX: Self = Self(0xffff_ff00);
    /// All groups, when deleting.
    pub const ALL: Self = Self(0xffff_fffc);
    /// Any group, in requests.
    pub const ANY: Self = Self(0xffff_ffff);
}

/// The number of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterId(pub u32);

impl MeterId {
    /// The largest number a meter can have.
    pub const MAX: Self = Self(0xffff_0000);
    /// Not a meter of flows: all that goes to controllers without a meter of its own passes it.
    pub const CONTROLLER: Self = Self(0xffff_fffd);
    /// The same for what the fast path hands up; kept and shown only.
    pub const SLOWPATH: Self = Self(0xffff_fffc);
    /// All meters, when deleting.
    pub const ALL: Self = Self(0xffff_ffff);
}

/// Something done to a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// `max_len` octets at most go to the controller, if that is the port; else it is zero.
    Output {
        port: PortNo,
        max_len: u16,
    },
    /// Output of at most so many octets of the packet.
    OutputTrunc {
        port: PortNo,
        max_len: u32,
    },
    /// Output to the port whose number is in a field.
    OutputReg {
        src: Subfield,
        max_len: u16,
    },
    Group(GroupId),
    SetQueue(u32),
    /// Back to the queue that the packet had when it came in.
    PopQueue,
    /// Output through a queue (OpenFlow 1.0).
    Enqueue {
        port: PortNo,
        queue: u32,
    },
    /// The Ethernet type of the new tag.
    PushVlan(u16),
    PopVlan,
    PushMpls(u16),
    /// The Ethernet type of what is below.
    PopMpls(u16),
    DecMplsTtl,
    SetField(SetField),
    /// Bits of one field to bits of another; both have the same number of bits.
    CopyField {
        src: Subfield,
        dst: Subfield,
    },
    /// One less hop; at zero the packet goes to these controllers (`None`: OpenFlow's own action, which names none).
    DecTtl {
        controllers: Option<Vec<u16>>,
    },
    Meter(MeterId),
    Push(Subfield),
    Pop(Subfield),
    /// Looks the packet up again as if it came in by `in_port` (`None`: the present one) in `table`
    /// (`None`: the present one).
    Resubmit {
        in_port: Option<PortNo>,
        table: Option<u8>,
        /// With the fields of the original direction of the tracked connection for addresses and ports.
        with_ct: bool,
    },
    Learn(Box<Learn>),
    Conjunction(Conjunction),
    Ct(Box<Ct>),
    Nat(Nat),
    CtClear,
    Controller(Controller),
    /// The actions work on a copy of the packet and its metadata.
    Clone(Vec<Self>),
    /// Puts into a bit whether the packet is longer than `length` octets.
    CheckPktLarger {
        length: u16,
        dst: Subfield,
    },
    Sample(Sample),
    Bundle(Box<Bundle>),
    Multipath(Multipath),
    /// Octets without meaning for the switch.
    Note(Vec<u8>),
    /// Ends this and all calling tables.
    Exit,
    /// Shortens the life of the flow when a FIN or RST is seen; seconds.
    FinTimeout {
        idle: u16,
        hard: u16,
    },
    /// Removes a Geneve option.
    DeleteField(Field),
}

/// Bits of `mask` in `field` become those of `value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetField {
    pub field: Field,
    /// Zero outside the mask.
    pub value: u128,
    pub mask: u128,
}

impl SetField {
    pub fn whole(field: Field, value: impl Into<u128>) -> Self {
        let mask = field.full_mask();
        Self { field, value: value.into() & mask, mask }
    }

    /// `value` counted from the lowest bit of the subfield.
    pub fn sub(dst: Subfield, value: impl Into<u128>) -> Self {
        let mask = dst.mask();
        Self {
            field: dst.field,
            value: value.into().checked_shl(u32::from(dst.offset)).unwrap_or(0) & mask,
            mask,
        }
    }

    pub fn masked(field: Field, value: u128, mask: u128) -> Self {
        let mask = mask & field.full_mask();
        Self { field, value: value & mask, mask }
    }

    pub fn is_whole(&self) -> bool {
        self.mask == self.field.full_mask()
    }
}

impl Action {
    /// `set_field` of a whole field.
    pub fn set(field: Field, value: impl Into<u128>) -> Self {
        Self::SetField(SetField::whole(field, value))
    }

    /// `set_field` of some bits.
    pub fn set_bits(dst: Subfield, value: impl Into<u128>) -> Self {
        Self::SetField(SetField::sub(dst, value))
    }

    pub const fn output(port: PortNo) -> Self {
        Self::Output { port, max_len: 0 }
    }

    /// `resubmit(,table)`.
    pub const fn resubmit(table: u8) -> Self {
        Self::Resubmit { in_port: None, table: Some(table), with_ct: false }
    }

    pub const fn copy(src: Subfield, dst: Subfield) -> Self {
        Self::CopyField { src, dst }
    }
}

/// This flow is one value of dimension `clause` of the conjunctive flow `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conjunction {
    pub id: u32,
    /// From 0.
    pub clause: u8,
    /// 2..=64.
    pub n_clauses: u8,
}

/// Chooses one of several ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bundle {
    pub algorithm: BundleAlgorithm,
    pub fields: HashFields,
    pub basis: u16,
    pub members: Vec<PortNo>,
    /// The port goes into these bits instead of being output to.
    pub dst: Option<Subfield>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BundleAlgorithm {
    /// The first port that is up.
    ActiveBackup,
    /// Highest random weight over the hashed fields.
    Hrw,
}

/// What a multipath or a bundle hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashFields {
    EthSrc,
    SymmetricL4,
    SymmetricL3L4,
    SymmetricL3L4Udp,
    Ipv4Src,
    Ipv4Dst,
    SymmetricL3,
}

/// Puts the number of a link, chosen by hash, into some bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Multipath {
    pub fields: HashFields,
    pub basis: u16,
    pub algorithm: MultipathAlgorithm,
    /// One less than the number of links.
    pub max_link: u16,
    pub arg: u32,
    pub dst: Subfield,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MultipathAlgorithm {
    ModuloN,
    HashThreshold,
    Hrw,
    IterHash,
}

/// What a flow does with a packet, in the order of execution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Instruction {
    Meter(MeterId),
    Apply(Vec<Action>),
    ClearActions,
    Write(Vec<Action>),
    WriteMetadata { value: u64, mask: u64 },
    GotoTable(u8),
}
