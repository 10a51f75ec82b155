//! Where the headers of one frame begin.

/// The network header of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum L3 {
    /// None that the key covers, or a malformed one.
    #[default]
    None,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// ARP or RARP for IPv4 over Ethernet.
    Arp,
}

/// The transport header of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum L4 {
    /// None that the key covers, a cut one, or that of a fragment which is not the first.
    #[default]
    None,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP.
    Icmp4,
    /// IGMP.
    Igmp,
    /// ICMPv6.
    Icmp6,
    /// ICMPv6 neighbour solicitation or advertisement, long enough to have a target.
    Nd,
}

/// Offsets of the headers of one frame, found while its key was extracted and needed to change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// How many VLAN tags there are before the type: 0 to 2.
    pub tags: u8,
    /// What the network header is.
    pub l3: L3,
    /// What the transport header is.
    pub l4: L4,
    /// An IPv6 routing header is there, so that the transport checksum does not cover the
    /// destination in the IPv6 header (RFC 8200 section 8.1).
    pub routed: bool,
    /// The transport checksum is not whole yet: its field holds the sum over the pseudo header. The
    /// frame's octets do not tell; who extracts says so (see [`crate::Frame::is_partial`]).
    pub partial: bool,
    /// First octet of the network header; meaningless if there is none.
    pub l3_at: u32,
    /// First octet of the transport header; meaningless if there is none.
    pub l4_at: u32,
    /// One past the last octet of the network packet: link-layer padding begins here.
    pub l3_end: u32,
    /// First octet of the ND option with the source link-layer address; 0 if there is none.
    pub nd_sll_at: u32,
    /// First octet of the ND option with the target link-layer address; 0 if there is none.
    pub nd_tll_at: u32,
}

impl Layout {
    /// After `octets` octets were put in at the front of the headers above L2.
    pub fn grow(&mut self, octets: u32) {
        for at in [&mut self.l3_at, &mut self.l4_at, &mut self.l3_end] {
            *at += octets;
        }
        for at in [&mut self.nd_sll_at, &mut self.nd_tll_at] {
            *at += if *at == 0 { 0 } else { octets };
        }
    }

    /// After `octets` octets in front of the headers above L2 were taken out.
    pub fn shrink(&mut self, octets: u32) {
        for at in
            [&mut self.l3_at, &mut self.l4_at, &mut self.l3_end, &mut self.nd_sll_at, &mut self.nd_tll_at]
        {
            *at = at.saturating_sub(octets);
        }
    }
}
