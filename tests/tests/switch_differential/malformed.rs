//! Packets that broke switches, or could: each is read as the peer reads it, which the registers tell that flows copy
//! its fields to before the controller gets it.

/// Flows that copy all that was read of a packet to registers.
pub(crate) const FLOWS: &[&str] = &[
    "table=0,priority=1,actions=move:NXM_OF_VLAN_TCI[]->NXM_NX_REG15[0..15],move:NXM_OF_ETH_TYPE[]->NXM_NX_REG15[16..31],resubmit(,1)",
    "table=1,priority=2,ip,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_IP_DST[]->NXM_NX_REG1[],move:NXM_NX_IP_TTL[]->NXM_NX_REG2[0..7],move:NXM_OF_IP_PROTO[]->NXM_NX_REG2[8..15],move:NXM_OF_IP_TOS[]->NXM_NX_REG2[16..23],resubmit(,2)",
    "table=1,priority=2,ipv6,actions=move:NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[],move:NXM_NX_IPV6_DST[]->NXM_NX_XXREG1[],move:NXM_NX_IP_TTL[]->NXM_NX_REG8[0..7],move:NXM_OF_IP_PROTO[]->NXM_NX_REG8[8..15],move:NXM_OF_IP_TOS[]->NXM_NX_REG8[16..23],move:NXM_NX_IPV6_LABEL[]->NXM_NX_REG9[0..19],resubmit(,2)",
    "table=1,priority=2,arp,actions=move:NXM_OF_ARP_OP[]->NXM_NX_REG0[0..15],move:NXM_OF_ARP_SPA[]->NXM_NX_REG1[],move:NXM_OF_ARP_TPA[]->NXM_NX_REG2[],move:NXM_NX_ARP_SHA[]->OXM_OF_PKT_REG2[0..47],move:NXM_NX_ARP_THA[]->OXM_OF_PKT_REG3[0..47],controller",
    "table=1,priority=1,actions=controller",
    "table=2,priority=4,ip,ip_frag=first,actions=load:1->NXM_NX_REG10[],resubmit(,3)",
    "table=2,priority=4,ip,ip_frag=later,actions=load:2->NXM_NX_REG10[],resubmit(,3)",
    "table=2,priority=4,ipv6,ip_frag=first,actions=load:1->NXM_NX_REG10[],resubmit(,3)",
    "table=2,priority=4,ipv6,ip_frag=later,actions=load:2->NXM_NX_REG10[],resubmit(,3)",
    "table=2,priority=1,actions=resubmit(,3)",
    "table=3,priority=3,tcp,actions=move:NXM_OF_TCP_SRC[]->NXM_NX_REG11[0..15],move:NXM_OF_TCP_DST[]->NXM_NX_REG11[16..31],move:NXM_NX_TCP_FLAGS[]->NXM_NX_REG12[0..11],controller",
    "table=3,priority=3,tcp6,actions=move:NXM_OF_TCP_SRC[]->NXM_NX_REG11[0..15],move:NXM_OF_TCP_DST[]->NXM_NX_REG11[16..31],move:NXM_NX_TCP_FLAGS[]->NXM_NX_REG12[0..11],controller",
    "table=3,priority=3,udp,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG11[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG11[16..31],controller",
    "table=3,priority=3,udp6,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG11[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG11[16..31],controller",
    "table=3,priority=3,sctp,actions=move:OXM_OF_SCTP_SRC[]->NXM_NX_REG11[0..15],move:OXM_OF_SCTP_DST[]->NXM_NX_REG11[16..31],controller",
    "table=3,priority=3,sctp6,actions=move:OXM_OF_SCTP_SRC[]->NXM_NX_REG11[0..15],move:OXM_OF_SCTP_DST[]->NXM_NX_REG11[16..31],controller",
    "table=3,priority=3,icmp,actions=move:NXM_OF_ICMP_TYPE[]->NXM_NX_REG11[0..7],move:NXM_OF_ICMP_CODE[]->NXM_NX_REG11[8..15],controller",
    "table=3,priority=3,icmp6,actions=move:NXM_NX_ICMPV6_TYPE[]->NXM_NX_REG11[0..7],move:NXM_NX_ICMPV6_CODE[]->NXM_NX_REG11[8..15],controller",
    "table=3,priority=4,icmp6,icmp_type=135,icmp_code=0,actions=load:135->NXM_NX_REG11[],move:NXM_NX_ND_TARGET[]->NXM_NX_XXREG0[],move:NXM_NX_ND_SLL[]->OXM_OF_PKT_REG6[0..47],controller",
    "table=3,priority=4,icmp6,icmp_type=136,icmp_code=0,actions=load:136->NXM_NX_REG11[],move:NXM_NX_ND_TARGET[]->NXM_NX_XXREG0[],move:NXM_NX_ND_TLL[]->OXM_OF_PKT_REG6[0..47],controller",
    "table=3,priority=1,actions=controller",
];

const MACS: &str = "020000000002 020000000001";
const V4: &str = "0a000001 0a000002";
const V6: &str = "fd000000000000000000000000000001 fd000000000000000000000000000002";

/// Octets after the addresses of Ethernet, with the names of what is wrong with them.
const PACKETS: &[(&str, &str)] = &[
    ("nothing after the type", "0800"),
    ("a cut IPv4 header", "0800 4500 0014 0000 0000 4006 0000 0a000001 0a0000"),
    ("IPv4 of version 5", "0800 5500 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4 with a header of 16 octets", "0800 4400 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4 without a header", "0800 4000 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4 with a header beyond the frame", "0800 4f00 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, total length 0 (CVE-2016-10377)", "0800 4500 0000 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, total length 19", "0800 4500 0013 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, total length of the header", "0800 4500 0014 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, total length beyond the frame", "0800 4500 001d 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, total length 65535", "0800 4500 ffff 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4, protocol 0 (CVE-2023-1668)", "0800 4500 001c 0000 0000 4000 0000 V4 00010002 0008 0000"),
    ("IPv4, protocol 255", "0800 4500 001c 0000 0000 40ff 0000 V4 00010002 0008 0000"),
    ("UDP of seven octets", "0800 4500 001b 0000 0000 4011 0000 V4 00010002 0008 00"),
    ("UDP that says it is longer", "0800 4500 001c 0000 0000 4011 0000 V4 00010002 ffff 0000"),
    ("UDP that says it has no header", "0800 4500 001c 0000 0000 4011 0000 V4 00010002 0000 0000"),
    (
        "TCP of 19 octets",
        "0800 4500 0027 0000 0000 4006 0000 V4 00010002 00000001 00000002 5010 0000 0000 00",
    ),
    ("TCP, offset 4", "0800 4500 0028 0000 0000 4006 0000 V4 00010002 00000001 00000002 4010 0000 0000 0000"),
    ("TCP, offset 0", "0800 4500 0028 0000 0000 4006 0000 V4 00010002 00000001 00000002 0010 0000 0000 0000"),
    (
        "TCP, offset beyond the packet",
        "0800 4500 0028 0000 0000 4006 0000 V4 00010002 00000001 00000002 6010 0000 0000 0000",
    ),
    (
        "TCP with an option of no length",
        "0800 4500 002c 0000 0000 4006 0000 V4 00010002 00000001 00000002 6010 0000 0000 0000 02000000",
    ),
    ("SCTP of eleven octets", "0800 4500 001f 0000 0000 4084 0000 V4 00010002 00000000 000000"),
    ("SCTP whose chunk is cut", "0800 4500 0021 0000 0000 4084 0000 V4 00010002 00000000 00000000 01"),
    ("ICMP of seven octets", "0800 4500 001b 0000 0000 4001 0000 V4 0800 0000 000100"),
    ("ICMP error without what it is about", "0800 4500 001c 0000 0000 4001 0000 V4 0301 0000 00000000"),
    (
        "ICMP error about half a header",
        "0800 4500 0026 0000 0000 4001 0000 V4 0301 0000 00000000 4500 001c 0000 0000 4011",
    ),
    ("IGMP of seven octets", "0800 4500 001b 0000 0000 4002 0000 V4 1600 0000 e00000"),
    ("first fragment without a whole UDP header", "0800 4500 0018 0001 2000 4011 0000 V4 00010002"),
    ("second fragment at offset 1 (RFC 1858)", "0800 4500 001c 0001 0001 4006 0000 V4 0000000000000000"),
    ("fragment that ends beyond 65535", "0800 4500 001c 0001 1fff 4011 0000 V4 0000000000000000"),
    ("a fragment of nothing", "0800 4500 0014 0001 2001 4011 0000 V4"),
    ("do not fragment, and more fragments", "0800 4500 001c 0001 6000 4011 0000 V4 00010002 0008 0000"),
    ("IPv4 with a zero-length option", "0800 4600 0020 0000 0000 4011 0000 V4 44000000 00010002 0008 0000"),
    ("a cut IPv6 header", "86dd 60000000 0008 11 40 fd000000000000000000000000000001 fd"),
    ("IPv6, payload length beyond the frame", "86dd 60000000 0009 11 40 V6 00010002 0008 0000"),
    (
        "IPv6, payload length 0 (a jumbogram without its option)",
        "86dd 60000000 0000 00 40 V6 11 00 c2 04 00010000 00010002 0008 0000",
    ),
    ("IPv6, payload length 65535", "86dd 60000000 ffff 11 40 V6 00010002 0008 0000"),
    ("IPv6 without a next header", "86dd 60000000 0008 3b 40 V6 0001000200080000"),
    ("IPv6 hop-by-hop header cut at its length", "86dd 60000000 0007 00 40 V6 11000104000000"),
    (
        "IPv6 hop-by-hop header longer than the packet",
        "86dd 60000000 0010 00 40 V6 1102010400000000 0001000200080000",
    ),
    (
        "IPv6 hop-by-hop header of 2048 octets",
        "86dd 60000000 0010 00 40 V6 11ff010400000000 0001000200080000",
    ),
    (
        "IPv6 destination options twice",
        "86dd 60000000 0018 3c 40 V6 3c00010400000000 1100010400000000 0001000200080000",
    ),
    ("IPv6 routing header of type 0", "86dd 60000000 0010 2b 40 V6 1100000000000000 0001000200080000"),
    (
        "IPv6 routing header with segments beyond its end",
        "86dd 60000000 0010 2b 40 V6 110000ff00000000 0001000200080000",
    ),
    (
        "IPv6 authentication header",
        "86dd 60000000 0018 33 40 V6 11020000 00000001 00000001 00000000 0001000200080000",
    ),
    (
        "IPv6 authentication header longer than the packet",
        "86dd 60000000 0010 33 40 V6 11ff0000 00000001 0001000200080000",
    ),
    ("IPv6 fragment header cut", "86dd 60000000 0006 2c 40 V6 110000010000"),
    ("IPv6 first fragment", "86dd 60000000 0010 2c 40 V6 1100000100000009 0001000200080000"),
    (
        "IPv6 first fragment without a whole UDP header",
        "86dd 60000000 000c 2c 40 V6 1100000100000009 00010002",
    ),
    ("IPv6 later fragment", "86dd 60000000 0010 2c 40 V6 1100000900000009 0001000200080000"),
    (
        "IPv6 later fragment that says it holds extension headers",
        "86dd 60000000 0010 2c 40 V6 0000000900000009 ffff000200080000",
    ),
    (
        "IPv6 fragment that is whole (RFC 6946)",
        "86dd 60000000 0010 2c 40 V6 1100000000000009 0001000200080000",
    ),
    ("IPv6 fragment twice", "86dd 60000000 0018 2c 40 V6 2c00000100000009 1100000100000009 0001000200080000"),
    ("IPv6 mobility header", "86dd 60000000 0010 87 40 V6 3b00000000000000 0001000200080000"),
    ("ICMPv6 of seven octets", "86dd 60000000 0007 3a 40 V6 80000000000100"),
    (
        "solicitation cut in its target",
        "86dd 60000000 0017 3a ff V6 8700000000000000 fd0000000000000000000000000000",
    ),
    (
        "solicitation with an option of no length",
        "86dd 60000000 0020 3a ff V6 8700000000000000 fd000000000000000000000000000002 0100020000000001",
    ),
    (
        "solicitation with an option beyond its end",
        "86dd 60000000 0020 3a ff V6 8700000000000000 fd000000000000000000000000000002 0102020000000001",
    ),
    (
        "solicitation with an option of two octets",
        "86dd 60000000 001a 3a ff V6 8700000000000000 fd000000000000000000000000000002 0101",
    ),
    (
        "solicitation with two source addresses",
        "86dd 60000000 0028 3a ff V6 8700000000000000 fd000000000000000000000000000002 0101020000000001 0101020000000009",
    ),
    (
        "solicitation with an unknown option before the known",
        "86dd 60000000 0028 3a ff V6 8700000000000000 fd000000000000000000000000000002 0e01020000000001 0101020000000009",
    ),
    (
        "solicitation with a source address of sixteen octets",
        "86dd 60000000 0028 3a ff V6 8700000000000000 fd000000000000000000000000000002 0102020000000001 0101020000000009",
    ),
    (
        "advertisement with both addresses (CVE-2023-5366)",
        "86dd 60000000 0028 3a ff V6 8800000060000000 fd000000000000000000000000000002 0101020000000001 0201020000000009",
    ),
    (
        "advertisement of code 1",
        "86dd 60000000 0020 3a ff V6 8801000060000000 fd000000000000000000000000000002 0201020000000009",
    ),
    ("ARP cut", "0806 0001 0800 0604 0001 020000000001 0a000001 000000000000 0a0000"),
    ("ARP for another hardware", "0806 0006 0800 0604 0001 020000000001 0a000001 000000000000 0a000002"),
    (
        "ARP with hardware addresses of eight octets",
        "0806 0001 0800 0804 0001 020000000001 0a000001 000000000000 0a000002",
    ),
    ("ARP, operation 256", "0806 0001 0800 0604 0100 020000000001 0a000001 000000000000 0a000002"),
    ("RARP", "8035 0001 0800 0604 0003 020000000001 0a000001 000000000000 0a000002"),
    ("a tag without a type", "8100 0064"),
    ("half a tag", "8100 00"),
    ("two tags", "8100 0064 8100 0065 0800 4500 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("four tags", "88a8 0064 8100 0065 8100 0066 8100 0067 0800"),
    ("a priority tag with DEI", "8100 f000 0800 4500 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("802.3 with LLC", "0026 424203 0000000000000000000000"),
    (
        "802.3 with SNAP and IPv4",
        "0024 aaaa03 000000 0800 4500 001c 0000 0000 4011 0000 V4 00010002 0008 0000",
    ),
    ("802.3 with SNAP of another organisation", "0024 aaaa03 00000c 2000 0000000000000000"),
    ("802.3 with SNAP cut", "0007 aaaa03 000000 08"),
    ("802.3 with SNAP and a length for a type", "0024 aaaa03 000000 0500 0000000000000000"),
    ("a tag, then LLC", "8100 0064 0026 424203 0000000000000000000000"),
    ("802.3, length 1535", "05ff 424203 0000000000000000000000"),
    ("the smallest type", "0600 0000000000000000"),
    (
        "LLDP with an address of no length (CVE-2015-8011)",
        "88cc 0207 04 020000000001 0403 0761 62 0602 0078 1000 0000",
    ),
    ("an IPv4 packet that says it is IPv6", "86dd 4500 001c 0000 0000 4011 0000 V4 00010002 0008 0000"),
    ("an IPv6 packet that says it is IPv4", "0800 60000000 0008 11 40 V6 0001000200080000"),
];

/// Every packet by name, and one with more padding than an octet can count (CVE-2020-35498).
pub(crate) fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&str, Vec<u8>)> =
        PACKETS.iter().map(|(name, text)| (*name, octets(&format!("{MACS} {text}")))).collect();
    let udp = octets(&format!("{MACS} 0800 4500 001c 0000 0000 4011 0000 {V4} 00010002 0008 0000"));
    for padding in [1, 255, 256, 1400] {
        let mut padded = udp.clone();
        padded.resize(udp.len() + padding, 0xa5);
        all.push(("padding", padded));
    }
    all
}

fn octets(text: &str) -> Vec<u8> {
    let text = text.replace("V4", V4).replace("V6", V6);
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    assert!(digits.len().is_multiple_of(2), "{text}: an odd number of digits");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
