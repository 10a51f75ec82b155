//! Every field of a packet, or of its metadata, that a match or an action can name.
//!
//! A field's value travels as a right-aligned `u128`. Two fields may look at the same bits (`xreg0` is
//! `reg0:reg1`, `vlan_vid` is part of `vlan_tci`, `tos` holds `ip_dscp` and `ip_ecn`): actions keep the name
//! that was used, [`crate::Match`] keeps only the smallest pieces, so equal matches are equal values.
//!
//! Names, widths and prerequisites: ovs-fields(7). Header code points: OpenFlow 1.5.1 section 7.2.3.

use std::fmt;
use std::str::FromStr;

/// How a header of a field is numbered: OXM class and field number, and for class 0xffff the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OxmId {
    pub class: u16,
    pub field: u8,
    /// Only with class 0xffff, else zero.
    pub vendor: u32,
}

/// What must be true of a packet (and so be said by a match) before a field exists in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prereq {
    None,
    Ethernet,
    Vlan,
    Mpls,
    Ipv4,
    Ipv6,
    /// IPv4 or IPv6.
    Ip,
    Arp,
    Nsh,
    Tcp,
    Udp,
    Sctp,
    Icmp4,
    Icmp6,
    /// Neighbour solicitation or advertisement.
    Nd,
    NdSolicit,
    NdAdvert,
    /// A tracked connection (`ct_state` has `+trk`).
    Ct,
}

/// How the value of a field is written in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Decimal,
    Hex,
    Ethernet,
    Ipv4,
    Ipv6,
    Port,
    Frag,
    TunFlags,
    TcpFlags,
    CtState,
    PacketType,
}

/// What masks a match may put on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maskable {
    No,
    /// Any bits.
    Bits,
}

/// Whether actions may change a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

struct Info {
    name: &'static str,
    /// Octets on the wire, which for a few fields is more than the bits need.
    octets: u8,
    maskable: Maskable,
    access: Access,
    prereq: Prereq,
    format: Format,
    /// The header that OpenFlow 1.5 has for it.
    oxm: Option<OxmId>,
    /// The Nicira header.
    nxm: Option<OxmId>,
    /// A further header that is understood.
    alt: Option<OxmId>,
}

/// Vendor numbers of experimenter headers and messages.
pub mod vendor {
    /// Nicira, the extensions of Open vSwitch.
    pub const NX: u32 = 0x0000_2320;
    /// The Open Networking Foundation.
    pub const ONF: u32 = 0x4f4e_4600;
    /// Netronome: group selection methods.
    pub const NTR: u32 = 0x0000_154d;
    /// Network service header fields.
    pub const NSH: u32 = 0x005a_d650;
}

/// OpenFlow basic class.
const fn of(field: u8) -> Option<OxmId> {
    Some(OxmId { class: 0x8000, field, vendor: 0 })
}
/// NXM_OF_*.
const fn n0(field: u8) -> Option<OxmId> {
    Some(OxmId { class: 0, field, vendor: 0 })
}
/// NXM_NX_*.
const fn n1(field: u8) -> Option<OxmId> {
    Some(OxmId { class: 1, field, vendor: 0 })
}
const fn exp(vendor: u32, field: u8) -> Option<OxmId> {
    Some(OxmId { class: 0xffff, field, vendor })
}
const fn eric(field: u8) -> Option<OxmId> {
    Some(OxmId { class: 0x1000, field, vendor: 0 })
}

macro_rules! fields {
    (before { $($(#[$bdoc:meta])* $b:ident $brow:tt;)* } after { $($(#[$adoc:meta])* $a:ident $arow:tt;)* }) => {
        /// A field. The order of the variants puts what others need first, as matches on the wire must.
        ///
        /// The numbers of the families are bounded: `Reg` 0..=15, `XReg` 0..=7, `XXReg` 0..=3, `TunMetadata` 0..=63.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$bdoc])* $b,)*
            /// A Geneve option, by its index in the TLV table of the switch.
            TunMetadata(u8),
            /// A 32-bit register.
            Reg(u8),
            /// A 64-bit register: `reg(2n)` is its high half.
            XReg(u8),
            /// A 128-bit register: `reg(4n)` is its highest quarter.
            XXReg(u8),
            $($(#[$adoc])* $a,)*
        }

        impl Field {
            /// All fields, in order.
            pub fn all() -> Vec<Self> {
                let mut all = vec![$(Self::$b),*];
                all.extend((0..64).map(Self::TunMetadata));
                all.extend((0..16).map(Self::Reg));
                all.extend((0..8).map(Self::XReg));
                all.extend((0..4).map(Self::XXReg));
                all.extend([$(Self::$a),*]);
                all
            }

            /// Width in bits. `tun_metadata` says 128 here, the most that a value holds; the TLV table decides.
            // Asked for all the time, so it has a table of its own.
            pub fn bits(self) -> u16 {
                match self {
                    $(Self::$b => fields!(@bits $brow),)*
                    Self::Reg(_) => 32,
                    Self::XReg(_) => 64,
                    Self::TunMetadata(_) | Self::XXReg(_) => 128,
                    $(Self::$a => fields!(@bits $arow),)*
                }
            }

            fn info(self) -> Info {
                match self {
                    $(Self::$b => fields!(@row $brow),)*
                    Self::TunMetadata(n) => register("tun_metadata", 128, n1(40 + n)),
                    Self::Reg(n) => register("reg", 32, n1(n)),
                    Self::XReg(n) => register("xreg", 64, Some(OxmId { class: 0x8001, field: n, vendor: 0 })),
                    Self::XXReg(n) => register("xxreg", 128, n1(111 + n)),
                    $(Self::$a => fields!(@row $arow),)*
                }
            }
        }
    };
    (@row { $name:literal $bits:literal/$octets:literal $mask:ident $access:ident $prereq:ident $format:ident $oxm:expr, $nxm:expr $(, $alt:expr)? }) => {
        Info {
            name: $name, octets: $octets, maskable: Maskable::$mask, access: Access::$access,
            prereq: Prereq::$prereq, format: Format::$format, oxm: $oxm, nxm: $nxm, alt: fields!(@alt $($alt)?),
        }
    };
    (@bits { $name:literal $bits:literal/$octets:literal $($rest:tt)* }) => { $bits };
    (@alt) => { None };
    (@alt $alt:expr) => { $alt };
}

fields! {
    before {
        PacketType { "packet_type" 32/4 No ReadOnly None PacketType of(44), None };
        /// The flow of a conjunction whose dimensions all matched.
        ConjId { "conj_id" 32/4 No ReadOnly None Decimal None, n1(37) };
        DpHash { "dp_hash" 32/4 Bits ReadOnly None Hex None, n1(35) };
        RecircId { "recirc_id" 32/4 No ReadOnly None Decimal None, n1(36) };
        TunId { "tun_id" 64/8 Bits ReadWrite None Hex of(38), n1(16) };
        TunSrc { "tun_src" 32/4 Bits ReadWrite None Ipv4 None, n1(31) };
        TunDst { "tun_dst" 32/4 Bits ReadWrite None Ipv4 None, n1(32) };
        TunIpv6Src { "tun_ipv6_src" 128/16 Bits ReadWrite None Ipv6 None, n1(109) };
        TunIpv6Dst { "tun_ipv6_dst" 128/16 Bits ReadWrite None Ipv6 None, n1(110) };
        /// Bit 0 is "out of band management".
        TunFlags { "tun_flags" 1/2 Bits ReadWrite None TunFlags None, n1(104) };
        TunTtl { "tun_ttl" 8/1 No ReadWrite None Decimal None, None };
        TunTos { "tun_tos" 8/1 No ReadWrite None Decimal None, None };
        TunGbpId { "tun_gbp_id" 16/2 Bits ReadWrite None Decimal None, n1(38) };
        TunGbpFlags { "tun_gbp_flags" 8/1 Bits ReadWrite None Hex None, n1(39) };
        TunErspanIdx { "tun_erspan_idx" 20/4 Bits ReadWrite None Hex None, exp(vendor::NX, 11) };
        TunErspanVer { "tun_erspan_ver" 4/1 Bits ReadWrite None Decimal None, exp(vendor::NX, 12) };
        TunErspanDir { "tun_erspan_dir" 1/1 Bits ReadWrite None Decimal None, exp(vendor::NX, 13) };
        TunErspanHwid { "tun_erspan_hwid" 6/1 Bits ReadWrite None Hex None, exp(vendor::NX, 14) };
        TunGtpuFlags { "tun_gtpu_flags" 8/1 Bits ReadOnly None Hex None, exp(vendor::NX, 15) };
        TunGtpuMsgtype { "tun_gtpu_msgtype" 8/1 Bits ReadOnly None Decimal None, exp(vendor::NX, 16) };
    }
    after {
        Metadata { "metadata" 64/8 Bits ReadWrite None Hex of(2), None };
        /// The 32-bit port number of OpenFlow 1.1 and later. Matches keep this one.
        InPort { "in_port_oxm" 32/4 No ReadWrite None Port of(0), None };
        /// The same port as the 16-bit number of OpenFlow 1.0.
        InPort16 { "in_port" 16/2 No ReadWrite None Port None, n0(0) };
        ActsetOutput { "actset_output" 32/4 No ReadOnly None Port of(43), None, exp(vendor::ONF, 43) };
        SkbPriority { "skb_priority" 32/4 No ReadOnly None Hex None, None };
        PktMark { "pkt_mark" 32/4 Bits ReadWrite None Hex None, n1(33) };
        /// new 1, est 2, rel 4, rpl 8, inv 0x10, trk 0x20, snat 0x40, dnat 0x80.
        CtState { "ct_state" 8/4 Bits ReadOnly None CtState None, n1(105) };
        CtZone { "ct_zone" 16/2 No ReadOnly None Hex None, n1(106) };
        CtMark { "ct_mark" 32/4 Bits ReadWrite None Hex None, n1(107) };
        CtLabel { "ct_label" 128/16 Bits ReadWrite None Hex None, n1(108) };
        CtNwProto { "ct_nw_proto" 8/1 No ReadOnly Ct Decimal None, n1(119) };
        CtNwSrc { "ct_nw_src" 32/4 Bits ReadOnly Ct Ipv4 None, n1(120) };
        CtNwDst { "ct_nw_dst" 32/4 Bits ReadOnly Ct Ipv4 None, n1(121) };
        CtIpv6Src { "ct_ipv6_src" 128/16 Bits ReadOnly Ct Ipv6 None, n1(122) };
        CtIpv6Dst { "ct_ipv6_dst" 128/16 Bits ReadOnly Ct Ipv6 None, n1(123) };
        CtTpSrc { "ct_tp_src" 16/2 Bits ReadOnly Ct Decimal None, n1(124) };
        CtTpDst { "ct_tp_dst" 16/2 Bits ReadOnly Ct Decimal None, n1(125) };
        EthSrc { "eth_src" 48/6 Bits ReadWrite Ethernet Ethernet of(4), n0(2) };
        EthDst { "eth_dst" 48/6 Bits ReadWrite Ethernet Ethernet of(3), n0(1) };
        EthType { "eth_type" 16/2 No ReadOnly Ethernet Hex of(5), n0(3) };
        /// The whole tag: pcp 3 bits, present 1 bit (0x1000), vid 12 bits. Matches keep this one.
        VlanTci { "vlan_tci" 16/2 Bits ReadWrite Ethernet Hex None, n0(4) };
        /// The identifier (12 bits) under the "present" bit 0x1000.
        VlanVid { "vlan_vid" 13/2 Bits ReadWrite Ethernet Decimal of(6), None };
        VlanPcp { "vlan_pcp" 3/1 No ReadWrite Vlan Decimal of(7), None };
        MplsLabel { "mpls_label" 20/4 No ReadWrite Mpls Decimal of(34), None };
        MplsTc { "mpls_tc" 3/1 No ReadWrite Mpls Decimal of(35), None };
        MplsBos { "mpls_bos" 1/1 No ReadOnly Mpls Decimal of(36), None };
        MplsTtl { "mpls_ttl" 8/1 No ReadWrite Mpls Decimal None, n1(30) };
        Ipv4Src { "ip_src" 32/4 Bits ReadWrite Ipv4 Ipv4 of(11), n0(7) };
        Ipv4Dst { "ip_dst" 32/4 Bits ReadWrite Ipv4 Ipv4 of(12), n0(8) };
        Ipv6Src { "ipv6_src" 128/16 Bits ReadWrite Ipv6 Ipv6 of(26), n1(19) };
        Ipv6Dst { "ipv6_dst" 128/16 Bits ReadWrite Ipv6 Ipv6 of(27), n1(20) };
        Ipv6Label { "ipv6_label" 20/4 Bits ReadWrite Ipv6 Hex of(28), n1(27) };
        IpProto { "nw_proto" 8/1 No ReadOnly Ip Decimal of(10), n0(6) };
        IpTtl { "nw_ttl" 8/1 No ReadWrite Ip Decimal None, n1(29) };
        /// Bit 0: any fragment; bit 1: not the first one.
        IpFrag { "ip_frag" 2/1 Bits ReadOnly Ip Frag None, n1(26) };
        /// Differentiated services code point: 6 bits, unshifted. Matches keep this one.
        IpDscp { "ip_dscp" 6/1 No ReadWrite Ip Decimal of(8), None };
        /// The same six bits where the octet of the header has them, ECN bits zero.
        IpTos { "nw_tos" 8/1 No ReadWrite Ip Decimal None, n0(5) };
        IpEcn { "nw_ecn" 2/1 No ReadWrite Ip Decimal of(9), n1(28) };
        ArpOp { "arp_op" 16/2 No ReadWrite Arp Decimal of(21), n0(15) };
        ArpSpa { "arp_spa" 32/4 Bits ReadWrite Arp Ipv4 of(22), n0(16) };
        ArpTpa { "arp_tpa" 32/4 Bits ReadWrite Arp Ipv4 of(23), n0(17) };
        ArpSha { "arp_sha" 48/6 Bits ReadWrite Arp Ethernet of(24), n1(17) };
        ArpTha { "arp_tha" 48/6 Bits ReadWrite Arp Ethernet of(25), n1(18) };
        NshFlags { "nsh_flags" 8/1 Bits ReadWrite Nsh Decimal None, exp(vendor::NSH, 1) };
        NshMdtype { "nsh_mdtype" 8/1 No ReadOnly Nsh Decimal None, exp(vendor::NSH, 2) };
        NshNp { "nsh_np" 8/1 No ReadOnly Nsh Decimal None, exp(vendor::NSH, 3) };
        NshSpi { "nsh_spi" 24/4 No ReadWrite Nsh Hex None, exp(vendor::NSH, 4) };
        NshSi { "nsh_si" 8/1 No ReadWrite Nsh Decimal None, exp(vendor::NSH, 5) };
        NshC1 { "nsh_c1" 32/4 Bits ReadWrite Nsh Hex None, exp(vendor::NSH, 6) };
        NshC2 { "nsh_c2" 32/4 Bits ReadWrite Nsh Hex None, exp(vendor::NSH, 7) };
        NshC3 { "nsh_c3" 32/4 Bits ReadWrite Nsh Hex None, exp(vendor::NSH, 8) };
        NshC4 { "nsh_c4" 32/4 Bits ReadWrite Nsh Hex None, exp(vendor::NSH, 9) };
        NshTtl { "nsh_ttl" 6/1 No ReadWrite Nsh Decimal None, exp(vendor::NSH, 10) };
        TcpSrc { "tcp_src" 16/2 Bits ReadWrite Tcp Decimal of(13), n0(9) };
        TcpDst { "tcp_dst" 16/2 Bits ReadWrite Tcp Decimal of(14), n0(10) };
        TcpFlags { "tcp_flags" 12/2 Bits ReadOnly Tcp TcpFlags of(42), n1(34), exp(vendor::ONF, 42) };
        UdpSrc { "udp_src" 16/2 Bits ReadWrite Udp Decimal of(15), n0(11) };
        UdpDst { "udp_dst" 16/2 Bits ReadWrite Udp Decimal of(16), n0(12) };
        SctpSrc { "sctp_src" 16/2 Bits ReadWrite Sctp Decimal of(17), None };
        SctpDst { "sctp_dst" 16/2 Bits ReadWrite Sctp Decimal of(18), None };
        Icmp4Type { "icmp_type" 8/1 No ReadWrite Icmp4 Decimal of(19), n0(13) };
        Icmp4Code { "icmp_code" 8/1 No ReadWrite Icmp4 Decimal of(20), n0(14) };
        Icmp6Type { "icmpv6_type" 8/1 No ReadWrite Icmp6 Decimal of(29), n1(21) };
        Icmp6Code { "icmpv6_code" 8/1 No ReadWrite Icmp6 Decimal of(30), n1(22) };
        NdTarget { "nd_target" 128/16 Bits ReadWrite Nd Ipv6 of(31), n1(23) };
        NdSll { "nd_sll" 48/6 Bits ReadWrite NdSolicit Ethernet of(32), n1(24) };
        NdTll { "nd_tll" 48/6 Bits ReadWrite NdAdvert Ethernet of(33), n1(25) };
        NdReserved { "nd_reserved" 32/4 No ReadWrite Nd Decimal None, eric(1) };
        NdOptionsType { "nd_options_type" 8/1 No ReadWrite Nd Decimal None, eric(2) };
    }
}

const fn register(name: &'static str, bits: u16, nxm: Option<OxmId>) -> Info {
    Info {
        name,
        octets: (bits / 8) as u8,
        maskable: Maskable::Bits,
        access: Access::ReadWrite,
        prereq: Prereq::None,
        format: Format::Hex,
        oxm: None,
        nxm,
        alt: None,
    }
}

impl Field {
    /// Octets of an unmasked value on the wire (for `tun_metadata`: the most there can be here).
    pub fn octets(self) -> usize {
        usize::from(self.info().octets)
    }

    /// All bits of the field set.
    pub fn full_mask(self) -> u128 {
        low_bits(self.bits())
    }

    pub fn maskable(self) -> Maskable {
        self.info().maskable
    }

    pub fn access(self) -> Access {
        self.info().access
    }

    pub fn prereq(self) -> Prereq {
        self.info().prereq
    }

    pub fn format(self) -> Format {
        self.info().format
    }

    /// The header of OpenFlow 1.5 for this field, if the standard has it.
    pub fn oxm(self) -> Option<OxmId> {
        self.info().oxm
    }

    /// The Nicira header (class 0, 1 or a vendor's) for this field.
    pub fn nxm(self) -> Option<OxmId> {
        self.info().nxm
    }

    /// A second header that is understood: the ONF extension of OpenFlow 1.3 for what 1.5 made standard.
    pub fn alt_oxm(self) -> Option<OxmId> {
        self.info().alt
    }

    /// The field with this header, whichever of its headers it is.
    pub fn from_oxm(id: OxmId) -> Option<Self> {
        use std::collections::HashMap;
        use std::sync::OnceLock;
        static BY_ID: OnceLock<HashMap<OxmId, Field>> = OnceLock::new();
        let by_id = BY_ID.get_or_init(|| {
            let ids = |f: Self| [f.info().oxm, f.info().nxm, f.info().alt].into_iter().flatten();
            Self::all().into_iter().flat_map(|f| ids(f).map(move |id| (id, f))).collect()
        });
        by_id.get(&id).copied()
    }

    /// The names that ovs-fields(7) gives besides the first one.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::TunId => &["tunnel_id"],
            Self::EthSrc => &["dl_src"],
            Self::EthDst => &["dl_dst"],
            Self::EthType => &["dl_type"],
            Self::Ipv4Src => &["nw_src"],
            Self::Ipv4Dst => &["nw_dst"],
            Self::IpProto => &["ip_proto"],
            Self::IpTtl => &["ip_ttl"],
            Self::IpTos => &["ip_tos"],
            Self::IpEcn => &["ip_ecn"],
            Self::TcpSrc | Self::UdpSrc | Self::SctpSrc => &["tp_src"],
            Self::TcpDst | Self::UdpDst | Self::SctpDst => &["tp_dst"],
            Self::NshSpi => &["nsp"],
            Self::NshSi => &["nsi"],
            _ => &[],
        }
    }
}

/// A mask of the `n` lowest bits, `n` up to 128.
pub(crate) const fn low_bits(n: u16) -> u128 {
    if n >= 128 { u128::MAX } else { (1 << n) - 1 }
}

/// The name that ovs-fields(7) puts first.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.info().name;
        match self {
            Self::TunMetadata(n) | Self::Reg(n) | Self::XReg(n) | Self::XXReg(n) => write!(f, "{name}{n}"),
            _ => f.write_str(name),
        }
    }
}

/// No field has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: unknown field")]
pub struct UnknownField(pub String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(s: &str) -> Result<Self, UnknownField> {
        use std::collections::HashMap;
        use std::sync::OnceLock;
        static BY_NAME: OnceLock<HashMap<String, Field>> = OnceLock::new();
        let by_name = BY_NAME.get_or_init(|| {
            let mut names = HashMap::new();
            for field in Self::all() {
                names.insert(field.to_string(), field);
                for alias in field.aliases() {
                    names.entry((*alias).to_owned()).or_insert(field);
                }
            }
            names
        });
        by_name.get(s).copied().ok_or_else(|| UnknownField(s.to_owned()))
    }
}

/// Some bits of a field: `bits` of them from bit `offset`, counted from the least significant one.
///
/// `bits` is at least 1; a decoder refuses what does not fit into the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subfield {
    pub field: Field,
    pub offset: u16,
    pub bits: u16,
}

impl Subfield {
    pub const fn new(field: Field, offset: u16, bits: u16) -> Self {
        Self { field, offset, bits }
    }

    /// The whole field.
    pub fn whole(field: Field) -> Self {
        Self { field, offset: 0, bits: field.bits() }
    }

    pub fn is_whole(self) -> bool {
        self.offset == 0 && self.bits == self.field.bits()
    }

    /// The bits of it, in place in the field.
    pub fn mask(self) -> u128 {
        low_bits(self.bits).checked_shl(u32::from(self.offset)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_and_name_leads_back_to_its_field() {
        for field in Field::all() {
            for id in [field.oxm(), field.nxm(), field.alt_oxm()].into_iter().flatten() {
                assert_eq!(Field::from_oxm(id), Some(field), "{field}");
            }
            assert_eq!(field.to_string().parse(), Ok(field));
            assert!(usize::from(field.bits()) <= field.octets() * 8, "{field}");
        }
    }

    #[test]
    fn families_have_the_headers_of_their_numbers() {
        assert_eq!(Field::Reg(15).nxm(), n1(15));
        assert_eq!(Field::XXReg(3).nxm(), n1(114));
        assert_eq!(Field::TunMetadata(63).nxm(), n1(103));
        assert_eq!(Field::XReg(7).nxm(), Some(OxmId { class: 0x8001, field: 7, vendor: 0 }));
    }
}
