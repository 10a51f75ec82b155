//! The registers that northd's flows use to pass a result from one stage to a later one.
//!
//! A register is a value here, not a string: where it lies and between which stages it carries
//! something. A test proves that no two of one kind of datapath overlap in bits and in stages at
//! once. The logical language has ten 32-bit registers, `reg0` to `reg9`; `xreg0` to `xreg4` and
//! `xxreg0` and `xxreg1` are wider views of the same bits, with the lowest-numbered register as the
//! highest part. All of them are zero at the start of each pipeline, so a live range never crosses
//! from ingress to egress.
//!
//! Upstream: the REG_ and REGBIT_ definitions near the top of northd.c.

use crate::pipeline::{DatapathKind, Stage};
use std::fmt;

/// The width of a view of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// `reg0` to `reg9`, 32 bits.
    Reg,
    /// `xreg0` to `xreg4`, 64 bits.
    Xreg,
    /// `xxreg0` and `xxreg1`, 128 bits.
    Xxreg,
}

impl View {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Reg => "reg",
            Self::Xreg => "xreg",
            Self::Xxreg => "xxreg",
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Reg => 32,
            Self::Xreg => 64,
            Self::Xxreg => 128,
        }
    }
}

/// Some bits of a logical register with a purpose, and the stages between which they carry it.
///
/// `Display` prints the name as the logical language writes it: `reg0[3]`, `reg8[30..31]`, `xxreg1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    view: View,
    index: u8,
    low: u8,
    high: u8,
    live: [Option<(Stage, Stage)>; Self::RANGES_MAX],
}

impl Register {
    /// How many separate live ranges a register can have.
    const RANGES_MAX: usize = 4;

    const fn new(view: View, index: u8, low: u8, high: u8) -> Self {
        assert!(low <= high && high < view.bits(), "the bits lie within the register");
        assert!((index as u16 + 1) * view.bits() as u16 <= 320, "there are ten 32-bit registers");
        Self { view, index, low, high, live: [None; Self::RANGES_MAX] }
    }

    /// Adds a live range, from the stage that writes the register to the last one that reads it.
    ///
    /// Both must be of one pipeline of one kind of datapath, as all ranges of a register are of one
    /// kind of datapath.
    const fn live(mut self, first: Stage, last: Stage) -> Self {
        assert!(first as u8 <= last as u8, "a live range runs forward");
        assert!(
            first.datapath() as u8 == last.datapath() as u8
                && first.pipeline() as u8 == last.pipeline() as u8,
            "a live range lies in one pipeline"
        );
        let mut i = 0;
        while self.live[i].is_some() {
            i += 1;
        }
        self.live[i] = Some((first, last));
        self
    }

    /// The kind of datapath that the register is for.
    pub fn datapath(&self) -> DatapathKind {
        let (first, _) = self.live_ranges().next().expect("every register in the list has a live range");
        first.datapath()
    }

    /// First and last stage of each range of stages in which the register carries something.
    pub fn live_ranges(&self) -> impl Iterator<Item = (Stage, Stage)> {
        self.live.iter().flatten().copied()
    }

    /// How many bits the register has.
    pub fn bits(&self) -> u8 {
        self.high - self.low + 1
    }

    /// The parts of `reg0` to `reg9` that the register covers: number and mask.
    pub fn pieces(&self) -> impl Iterator<Item = (u8, u32)> {
        let words = self.view.bits() / 32;
        let (first, low, high) = (self.index * words, self.low, self.high);
        (0..words).filter_map(move |word| {
            let base = word * 32;
            let mask = (base..base + 32)
                .filter(|bit| (low..=high).contains(bit))
                .fold(0u32, |mask, bit| mask | 1 << (bit - base));
            (mask != 0).then_some((first + words - 1 - word, mask))
        })
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.view.prefix(), self.index)?;
        if self.low == self.high {
            write!(f, "[{}]", self.low)
        } else if self.bits() < self.view.bits() {
            write!(f, "[{}..{}]", self.low, self.high)
        } else {
            Ok(())
        }
    }
}

const fn bit(index: u8, bit: u8) -> Register {
    Register::new(View::Reg, index, bit, bit)
}

macro_rules! registers {
    ($($(#[$doc:meta])+ $name:ident = $value:expr;)*) => {
        $($(#[$doc])+ pub const $name: Register = $value;)*

        /// Every register with its name, in the order of this file.
        pub const ALL: &[(&str, Register)] = &[$((stringify!($name), $name),)*];
    };
}

use Stage::{
    LrInAdmission, LrInArpRequest, LrInChkPktLen, LrInIpInput, LrInIpRouting, LrInIpRoutingEcmp,
    LrInLargerPkts, LrInLearnNeighbor, LrInLookupNeighbor, LsInAclAction, LsInAclAfterLbAction,
    LsInAclAfterLbEval, LsInAclEval, LsInAclHint, LsInApplyPortSec, LsInCheckPortSec, LsInDhcpOptions,
    LsInDhcpResponse, LsInDnsLookup, LsInDnsResponse, LsInHairpin, LsInLookupFdb, LsInPreAcl, LsInPreHairpin,
    LsInPutFdb, LsInStateful, LsOutAclAction, LsOutAclEval, LsOutAclHint, LsOutApplyPortSec,
    LsOutCheckPortSec, LsOutLookupFdb, LsOutPreAcl, LsOutPutFdb, LsOutStateful,
};

registers! {
    /// Send the packet through connection tracking in `pre_stateful`, to learn its state.
    CT_DEFRAG = bit(0, 0).live(LsInPreAcl, LsInStateful).live(LsOutPreAcl, LsOutStateful);
    /// Commit the packet's connection in `stateful`.
    CT_COMMIT = bit(0, 1).live(LsInAclHint, LsInStateful).live(LsOutAclHint, LsOutStateful);
    /// Send the packet through connection tracking with NAT in `pre_stateful`.
    CT_NAT = bit(0, 2).live(LsInPreAcl, LsInStateful).live(LsOutPreAcl, LsOutStateful);
    /// A rule that allows packets may begin the packet's connection, or let it go on.
    ACL_HINT_ALLOW_NEW = bit(0, 7).live(LsInAclHint, LsInAclAfterLbEval).live(LsOutAclHint, LsOutAclEval);
    /// A rule that allows packets is about the packet, whose connection is there or is not tracked.
    ACL_HINT_ALLOW = bit(0, 8).live(LsInAclHint, LsInAclAfterLbEval).live(LsOutAclHint, LsOutAclEval);
    /// A rule that drops packets just drops the packet.
    ACL_HINT_DROP = bit(0, 9).live(LsInAclHint, LsInAclAfterLbEval).live(LsOutAclHint, LsOutAclEval);
    /// A rule that drops packets ends the packet's connection.
    ACL_HINT_BLOCK = bit(0, 10).live(LsInAclHint, LsInAclAfterLbEval).live(LsOutAclHint, LsOutAclEval);
    /// The packet is an answer that needs no rule.
    ACL_ANSWER = bit(0, 17).live(LsInAclEval, LsInAclAfterLbEval);
    /// The packet's connection gets a label.
    ACL_LABELS = bit(0, 13).live(LsInAclEval, LsInStateful).live(LsOutAclEval, LsOutStateful);
    /// That label.
    ACL_LABEL = Register::new(View::Reg, 3, 0, 31).live(LsInAclEval, LsInStateful).live(LsOutAclEval, LsOutStateful);
    /// A rule allows the packet.
    ACL_VERDICT_ALLOW = bit(8, 16)
        .live(LsInAclEval, LsInAclAction)
        .live(LsInAclAfterLbEval, LsInAclAfterLbAction)
        .live(LsOutAclEval, LsOutAclAction);
    /// A rule drops the packet.
    ACL_VERDICT_DROP = bit(8, 17)
        .live(LsInAclEval, LsInAclAction)
        .live(LsInAclAfterLbEval, LsInAclAfterLbAction)
        .live(LsOutAclEval, LsOutAclAction);
    /// A rule rejects the packet.
    ACL_VERDICT_REJECT = bit(8, 18)
        .live(LsInAclEval, LsInAclAction)
        .live(LsInAclAfterLbEval, LsInAclAfterLbAction)
        .live(LsOutAclEval, LsOutAclAction);
    /// The tier of rules that are asked.
    ACL_TIER = Register::new(View::Reg, 8, 30, 31)
        .live(LsInAclEval, LsInAclAction)
        .live(LsInAclAfterLbEval, LsInAclAfterLbAction)
        .live(LsOutAclEval, LsOutAclAction);
    /// The packet has become a DHCP reply.
    DHCP_RESULT = bit(0, 3).live(LsInDhcpOptions, LsInDhcpResponse);
    /// The packet has become a DNS answer.
    DNS_RESULT = bit(0, 4).live(LsInDnsLookup, LsInDnsResponse);
    /// The packet's load balancer backend is its sender.
    HAIRPIN = bit(0, 6).live(LsInPreHairpin, LsInHairpin);
    /// The packet is the reply to one whose load balancer backend was its sender.
    HAIRPIN_REPLY = bit(0, 12).live(LsInPreHairpin, LsInHairpin);
    /// The source MAC is known at the port that the packet came in by: nothing to learn.
    LOOKUP_FDB = bit(0, 11).live(LsInLookupFdb, LsInPutFdb).live(LsOutLookupFdb, LsOutPutFdb);
    /// The packet came in from a ramp switch (a hardware VTEP gateway).
    FROM_RAMP = bit(0, 14).live(LsInCheckPortSec, LsInHairpin);
    /// Port security refused the packet.
    PORT_SEC_DROP = bit(0, 15)
        .live(LsInCheckPortSec, LsInApplyPortSec)
        .live(LsOutCheckPortSec, LsOutApplyPortSec);
    /// The MAC address of the router port that the packet came in by.
    INPORT_MAC = Register::new(View::Xreg, 0, 0, 47).live(LrInAdmission, LrInIpInput);
    /// The packet is one that the router made from one that it could not pass on.
    OWN_ERROR = bit(9, 0).live(LrInAdmission, LrInLargerPkts);
    /// The packet is larger than its port passes: the one it came in by, or the one it leaves by.
    PACKET_LARGER = bit(9, 1).live(LrInAdmission, LrInIpInput).live(LrInChkPktLen, LrInLargerPkts);
    /// What the packet says about its sender is known, or it says nothing.
    NEIGHBOR_KNOWN = bit(9, 2).live(LrInLookupNeighbor, LrInLearnNeighbor);
    /// The address that the packet tells about is one that is in use.
    NEIGHBOR_WANTED = bit(9, 3).live(LrInLookupNeighbor, LrInLearnNeighbor);
    /// The IPv4 address of the neighbour that gets the packet.
    NEXT_HOP4 = Register::new(View::Reg, 0, 0, 31).live(LrInIpRouting, LrInArpRequest);
    /// The IPv6 address of the neighbour that gets the packet.
    NEXT_HOP6 = Register::new(View::Xxreg, 0, 0, 127).live(LrInIpRouting, LrInArpRequest);
    /// The IPv4 address by which the router asks for that neighbour.
    ROUTER_ADDRESS4 = Register::new(View::Reg, 5, 0, 31).live(LrInIpRouting, LrInArpRequest);
    /// The IPv6 address by which the router asks for that neighbour.
    ROUTER_ADDRESS6 = Register::new(View::Xxreg, 1, 0, 127).live(LrInIpRouting, LrInArpRequest);
    /// Whether there are several next hops to choose from.
    ECMP_GROUP = Register::new(View::Reg, 8, 0, 15).live(LrInIpRouting, LrInIpRoutingEcmp);
    /// Which of them was chosen.
    ECMP_MEMBER = Register::new(View::Reg, 8, 16, 31).live(LrInIpRouting, LrInIpRoutingEcmp);
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn bits(index: u8, low: u8, high: u8) -> Register {
        Register::new(View::Reg, index, low, high)
    }

    const fn wide(view: View, index: u8) -> Register {
        Register::new(view, index, 0, view.bits() - 1)
    }

    fn overlap_in_bits(a: &Register, b: &Register) -> bool {
        a.pieces().any(|(i, mask)| b.pieces().any(|(j, other)| i == j && mask & other != 0))
    }

    fn overlap_in_stages(a: &Register, b: &Register) -> bool {
        a.live_ranges().any(|(first, last)| {
            b.live_ranges().any(|(other_first, other_last)| first <= other_last && other_first <= last)
        })
    }

    /// A packet is of one family, so what is for the other is not there.
    fn for_one_family_each(a: &str, b: &str) -> bool {
        let family = |name: &str| name.chars().last().filter(char::is_ascii_digit);
        family(a).zip(family(b)).is_some_and(|(a, b)| a != b)
    }

    /// Stages of a kind of datapath and a pipeline are contiguous in their order, so comparing
    /// stages is enough to tell whether two ranges meet.
    #[test]
    fn no_two_registers_are_live_in_the_same_bits_at_the_same_stage() {
        for (i, (name, register)) in ALL.iter().enumerate() {
            for (other_name, other) in &ALL[i + 1..] {
                assert!(
                    for_one_family_each(name, other_name)
                        || !(overlap_in_bits(register, other) && overlap_in_stages(register, other)),
                    "{name} and {other_name} are both live in {register}"
                );
            }
        }
    }

    #[test]
    fn every_register_is_live_somewhere_in_one_kind_of_datapath() {
        for (name, register) in ALL {
            let kind = register.datapath();
            assert!(register.live_ranges().all(|(first, _)| first.datapath() == kind), "{name}");
        }
    }

    #[test]
    fn names_are_those_of_the_logical_language() {
        assert_eq!(PORT_SEC_DROP.to_string(), "reg0[15]");
        assert_eq!(bits(8, 30, 31).to_string(), "reg8[30..31]");
        assert_eq!(bits(2, 0, 31).to_string(), "reg2");
        assert_eq!(wide(View::Xxreg, 1).to_string(), "xxreg1");
        assert_eq!(wide(View::Xreg, 4).to_string(), "xreg4");
    }

    #[test]
    fn the_lowest_numbered_register_is_the_highest_part_of_a_wide_one() {
        let pieces = |register: Register| register.pieces().collect::<Vec<_>>();
        assert_eq!(pieces(bits(3, 4, 7)), [(3, 0xf0)]);
        assert_eq!(pieces(wide(View::Xreg, 4)), [(9, u32::MAX), (8, u32::MAX)]);
        assert_eq!(pieces(Register::new(View::Xxreg, 0, 0, 47)), [(3, u32::MAX), (2, 0xffff)]);
    }
}
