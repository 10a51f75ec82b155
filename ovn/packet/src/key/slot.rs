//! Where each field lies in the flow key.
//!
//! An IPv4 address lies in the low 32 bits of the place for an IPv6 address, the rest zero; ARP's
//! addresses and operation lie where IP's addresses and protocol do, ICMP's type and code where
//! ports do, ND's link addresses where ARP's do. What a field means is thus known only together with
//! the type that introduces it, which every match on it states (its prerequisites).

/// A range of bits of the key. Slots of more than 64 bits take the low bits of two words, the more
/// significant word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Word of the key.
    pub word: u8,
    /// Distance of the lowest bit from the end of the word; 0 if there are more than 64 bits.
    pub shift: u8,
    /// Width.
    pub bits: u8,
}

impl Slot {
    const fn new(word: usize, shift: u8, bits: u8) -> Self {
        Self { word: word as u8, shift, bits }
    }

    /// All ones of this slot's width.
    pub const fn full_mask(self) -> u128 {
        if self.bits >= 128 { u128::MAX } else { (1 << self.bits) - 1 }
    }

    /// `bits` bits of this slot from bit `offset` on, or `None` if it has not so many. A part that
    /// would straddle two words has no slot of its own either.
    pub const fn part(self, offset: u8, bits: u8) -> Option<Self> {
        if bits == 0 || offset as u16 + bits as u16 > self.bits as u16 {
            return None;
        }
        if self.bits <= 64 {
            return Some(Self { word: self.word, shift: self.shift + offset, bits });
        }
        if offset >= 64 {
            Some(Self { word: self.word, shift: offset - 64, bits })
        } else if offset + bits <= 64 {
            Some(Self { word: self.word + 1, shift: offset, bits })
        } else if offset == 0 {
            Some(Self { word: self.word, shift: 0, bits })
        } else {
            None
        }
    }
}

/// Defines slots from the top bit of a word down.
macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident = $word:expr, $shift:expr, $bits:expr;)*) => {
        $($(#[$doc])* pub const $name: Slot = Slot::new($word, $shift, $bits);)*
        #[cfg(test)]
        const NAMED: &[Slot] = &[$($name),*];
    };
}

/// First word of the registers.
const REG_WORD: usize = 2;
const CT_WORD: usize = 10;
const TUN_WORD: usize = 19;
/// First word of the tunnel options.
pub(crate) const TUN_OPT_WORD: usize = 26;
/// Octets of tunnel options that a key has room for.
pub const TUN_OPT_LEN: usize = 128;
/// First word of L2.
pub(crate) const L2_WORD: usize = TUN_OPT_WORD + TUN_OPT_LEN / 8;
/// First word of L3.
pub(crate) const L3_WORD: usize = L2_WORD + 3;
/// First word of L4.
pub(crate) const L4_WORD: usize = L3_WORD + 5;

slots! {
    /// Port the packet came in by, or was resubmitted as.
    IN_PORT = 0, 32, 32;
    /// Mark of the packet, shared with the kernel.
    PKT_MARK = 0, 0, 32;
    /// OpenFlow metadata.
    METADATA = 1, 0, 64;
    /// Id of the conjunction that is satisfied; zero except while one is looked up.
    CONJ_ID = CT_WORD, 32, 32;
    /// What connection tracking found: new 1, est 2, rel 4, rpl 8, inv 0x10, trk 0x20, snat 0x40, dnat 0x80.
    CT_STATE = CT_WORD, 0, 32;
    /// Mark of the connection.
    CT_MARK = CT_WORD + 1, 32, 32;
    /// Zone of the last lookup.
    CT_ZONE = CT_WORD + 1, 16, 16;
    /// IP protocol of the connection's original direction.
    CT_NW_PROTO = CT_WORD + 1, 8, 8;
    /// Label of the connection.
    CT_LABEL = CT_WORD + 2, 0, 128;
    /// Source port of the original direction.
    CT_TP_SRC = CT_WORD + 4, 48, 16;
    /// Destination port of the original direction.
    CT_TP_DST = CT_WORD + 4, 32, 16;
    /// Priority for queueing.
    SKB_PRIORITY = CT_WORD + 4, 0, 32;
    /// Source address of the original direction.
    CT_NW_SRC = CT_WORD + 5, 0, 128;
    /// Destination address of the original direction.
    CT_NW_DST = CT_WORD + 7, 0, 128;
    /// Tunnel key: VNI.
    TUN_ID = TUN_WORD, 0, 64;
    /// Bit 0: OAM.
    TUN_FLAGS = TUN_WORD + 1, 48, 16;
    /// ToS of the outer header.
    TUN_TOS = TUN_WORD + 1, 40, 8;
    /// TTL of the outer header.
    TUN_TTL = TUN_WORD + 1, 32, 8;
    /// VXLAN group policy id.
    TUN_GBP_ID = TUN_WORD + 1, 16, 16;
    /// VXLAN group policy flags.
    TUN_GBP_FLAGS = TUN_WORD + 1, 8, 8;
    /// Source address of the outer header.
    TUN_SRC = TUN_WORD + 2, 0, 128;
    /// Destination address of the outer header.
    TUN_DST = TUN_WORD + 4, 0, 128;
    /// Which of `tun_metadata0` to 63 are there, bit by number.
    TUN_PRESENT = TUN_WORD + 6, 0, 64;
    /// Ethernet destination.
    ETH_DST = L2_WORD, 16, 48;
    /// Type after the tags; [`crate::EtherType::NONE`] of 802.3 frames without one.
    ETH_TYPE = L2_WORD, 0, 16;
    /// Ethernet source.
    ETH_SRC = L2_WORD + 1, 16, 48;
    /// Outer tag, with bit 0x1000 set; 0 without a tag.
    VLAN_TCI = L2_WORD + 1, 0, 16;
    /// Inner tag, with bit 0x1000 set; 0 without one.
    INNER_TCI = L2_WORD + 2, 48, 16;
    /// TPID of the outer tag.
    VLAN_TPID = L2_WORD + 2, 32, 16;
    /// TPID of the inner tag.
    INNER_TPID = L2_WORD + 2, 16, 16;
    /// IP protocol, or ARP operation if below 256.
    NW_PROTO = L3_WORD, 56, 8;
    /// DSCP and ECN.
    NW_TOS = L3_WORD, 48, 8;
    /// TTL or hop limit.
    NW_TTL = L3_WORD, 40, 8;
    /// Bit 0: a fragment; bit 1: not the first.
    NW_FRAG = L3_WORD, 32, 8;
    /// IPv6 flow label.
    IPV6_LABEL = L3_WORD, 0, 20;
    /// IPv6 source, IPv4 source in the low 32 bits, or ARP sender.
    NW_SRC = L3_WORD + 1, 0, 128;
    /// IPv6 destination, IPv4 destination in the low 32 bits, or ARP target.
    NW_DST = L3_WORD + 3, 0, 128;
    /// Source port, or ICMP type.
    TP_SRC = L4_WORD, 48, 16;
    /// Destination port, or ICMP code.
    TP_DST = L4_WORD, 32, 16;
    /// TCP flags.
    TCP_FLAGS = L4_WORD, 16, 12;
    /// ARP sender MAC or ND source link-layer address.
    ARP_SHA = L4_WORD + 1, 0, 48;
    /// ARP target MAC or ND target link-layer address.
    ARP_THA = L4_WORD + 2, 0, 48;
    /// ND target.
    ND_TARGET = L4_WORD + 3, 0, 128;
}

/// ERSPAN's index, version, hardware and direction: VXLAN's group policy is never in one packet with them.
pub const TUN_ERSPAN_IDX: Slot = Slot::new(TUN_WORD + 1, 12, 20);
/// 1 or 2.
pub const TUN_ERSPAN_VER: Slot = Slot::new(TUN_WORD + 1, 8, 4);
/// Hardware of ERSPAN's second version.
pub const TUN_ERSPAN_HWID: Slot = Slot::new(TUN_WORD + 1, 2, 6);
/// Direction of ERSPAN's second version: 1 is egress.
pub const TUN_ERSPAN_DIR: Slot = Slot::new(TUN_WORD + 1, 0, 1);
/// The 12 bits of the VLAN id with the "present" bit above them.
pub const VLAN_VID: Slot = Slot::new(L2_WORD + 1, 0, 13);
/// The VLAN priority.
pub const VLAN_PCP: Slot = Slot::new(L2_WORD + 1, 13, 3);
/// IPv4 source or ARP sender IP.
pub const IPV4_SRC: Slot = Slot::new(L3_WORD + 2, 0, 32);
/// IPv4 destination or ARP target IP.
pub const IPV4_DST: Slot = Slot::new(L3_WORD + 4, 0, 32);
/// DSCP, 6 bits.
pub const NW_DSCP: Slot = Slot::new(L3_WORD, 50, 6);
/// ECN, 2 bits.
pub const NW_ECN: Slot = Slot::new(L3_WORD, 48, 2);
/// IPv4 source of the connection's original direction.
pub const CT_IPV4_SRC: Slot = Slot::new(CT_WORD + 6, 0, 32);
/// IPv4 destination of the connection's original direction.
pub const CT_IPV4_DST: Slot = Slot::new(CT_WORD + 8, 0, 32);
/// IPv4 source of the outer header.
pub const TUN_IPV4_SRC: Slot = Slot::new(TUN_WORD + 3, 0, 32);
/// IPv4 destination of the outer header.
pub const TUN_IPV4_DST: Slot = Slot::new(TUN_WORD + 5, 0, 32);

/// Register `n`, 0 to 15.
pub const fn reg(n: u8) -> Slot {
    assert!(n < 16, "there are 16 registers");
    Slot::new(REG_WORD + n as usize / 2, if n.is_multiple_of(2) { 32 } else { 0 }, 32)
}

/// Registers `2n` (high half) and `2n + 1`.
pub const fn xreg(n: u8) -> Slot {
    assert!(n < 8, "there are 8 double registers");
    Slot::new(REG_WORD + n as usize, 0, 64)
}

/// Registers `4n` (highest quarter) to `4n + 3`.
pub const fn xxreg(n: u8) -> Slot {
    assert!(n < 4, "there are 4 quadruple registers");
    Slot::new(REG_WORD + 2 * n as usize, 0, 128)
}

/// Room for a tunnel option of `len` octets (4, 8, 12 or 16) from octet `offset` of the option space,
/// or `None` where it does not fit. Four octets need an offset divisible by 4, others by 8.
pub const fn tun_option(offset: usize, len: usize) -> Option<Slot> {
    let aligned = if len == 4 { offset.is_multiple_of(4) } else { offset.is_multiple_of(8) };
    if !aligned || !matches!(len, 4 | 8 | 12 | 16) || offset + len > TUN_OPT_LEN {
        return None;
    }
    let word = TUN_OPT_WORD + offset / 8;
    let shift = if len == 4 && offset.is_multiple_of(8) { 32 } else { 0 };
    Some(Slot::new(word, shift, (len * 8) as u8))
}

/// Slots that together cover every used bit once: the named ones, the registers and the option space.
#[cfg(test)]
pub(crate) fn primary() -> Vec<Slot> {
    let options = (0..TUN_OPT_LEN / 8).map(|i| tun_option(i * 8, 8).expect("aligned and inside"));
    NAMED.iter().copied().chain((0..16).map(reg)).chain(options).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FlowKey, STAGES, WORDS};

    #[test]
    fn wide_registers_are_made_of_narrow_ones() {
        let mut key = FlowKey::ZERO;
        key.set(xxreg(1), 0x1111_1111_2222_2222_3333_3333_4444_4444);
        assert_eq!(key.get(reg(4)), 0x1111_1111);
        assert_eq!(key.get(xreg(2)), 0x1111_1111_2222_2222);
        assert_eq!(key.get(reg(7)), 0x4444_4444);
    }

    #[test]
    fn parts_of_slots_are_slots() {
        let mut key = FlowKey::ZERO;
        key.set(CT_LABEL, 0xaabb_0000_0000_0000_0000_0000_0000_ccdd);
        assert_eq!(key.get(CT_LABEL.part(112, 16).unwrap()), 0xaabb);
        assert_eq!(key.get(CT_LABEL.part(0, 16).unwrap()), 0xccdd);
        assert_eq!(CT_LABEL.part(60, 8), None, "straddles");
        assert_eq!(CT_MARK.part(30, 4), None, "too wide");
        assert_eq!(CT_LABEL.part(0, 96).unwrap().bits, 96);
    }

    #[test]
    fn option_space_has_aligned_places() {
        assert_eq!(tun_option(4, 4).unwrap().shift, 0);
        assert_eq!(tun_option(0, 4).unwrap().shift, 32);
        assert_eq!(tun_option(4, 8), None);
        assert_eq!(tun_option(120, 16), None);
        assert_eq!(STAGES, [42, 45, 50, WORDS]);
    }
}
