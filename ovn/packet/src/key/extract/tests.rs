use super::*;
use crate::testing::hex;
use crate::{Arp, Ethernet, Ipv4, Ipv6, MacAddr, Pseudo, Sctp, Tcp, TcpFlags, Udp, VlanTag};
use etherparse::{LaxSlicedPacket, LinkExtSlice, NetSlice, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn key_of(frame: &[u8]) -> (FlowKey, Layout) {
    let mut key = FlowKey::ZERO;
    let layout = extract(frame, &mut key);
    (key, layout)
}

#[test]
fn arp_request() {
    let (key, layout) = key_of(&hex(
        "ffffffffffff 0a0000000001 0806 0001080006040001 0a0000000001 0a000001 000000000000 0a000002",
    ));
    assert_eq!(key.get(slot::ETH_DST), 0xffff_ffff_ffff);
    assert_eq!(key.get(slot::ETH_TYPE), 0x0806);
    assert_eq!(key.get(slot::NW_PROTO), 1);
    assert_eq!(key.get(slot::NW_SRC), 0x0a00_0001);
    assert_eq!(key.get(slot::NW_DST), 0x0a00_0002);
    assert_eq!(key.get(slot::ARP_SHA), 0x0a00_0000_0001);
    assert_eq!((layout.l3, layout.l3_at), (L3::Arp, 14));
}

#[test]
fn neighbour_advertisement_with_target_link_address() {
    let mut frame = hex("333300000001 0a0000000001 86dd 60000000 0020 3a ff");
    frame.extend(hex("fd000000000000000000000000000001 ff020000000000000000000000000001"));
    frame.extend(hex("88 00 0000 60000000 fd000000000000000000000000000007 02 01 0a0000000001"));
    let (key, layout) = key_of(&frame);
    assert_eq!((key.get(slot::TP_SRC), key.get(slot::TP_DST)), (136, 0));
    assert_eq!(key.get(slot::ND_TARGET), 0xfd00_0000_0000_0000_0000_0000_0000_0007);
    assert_eq!((key.get(slot::ARP_SHA), key.get(slot::ARP_THA)), (0, 0x0a00_0000_0001));
    assert_eq!(key.get(slot::NW_TTL), 255);
    assert_eq!((layout.l4, layout.nd_tll_at), (L4::Nd, 14 + 40 + 24));
    // An option of length zero, or longer than the message, is not looked at; nor is what follows.
    let at = frame.len() - 7;
    for units in [0, 2, 255] {
        frame[at] = units;
        let (key, layout) = key_of(&frame);
        assert_eq!((key.get(slot::ND_TARGET) as u64, key.get(slot::ARP_THA)), (7, 0));
        assert_eq!((layout.l4, layout.nd_tll_at), (L4::Nd, 0));
    }
    // Which of two would count is the receiver's choice, so neither does.
    frame[at] = 1;
    frame.extend(hex("02 01 0a0000000009"));
    frame[19] += 8;
    let (key, layout) = key_of(&frame);
    assert_eq!((key.get(slot::TP_SRC), key.get(slot::ND_TARGET), layout.l4), (136, 0, L4::Icmp6));
}

#[test]
fn a_tcp_header_longer_than_its_packet_has_no_ports() {
    let mut frame = hex("0a0000000002 0a0000000001 0800 4500 0028 0001 0000 4006 0000 0a000001 0a000002");
    frame.extend(hex("0035 0036 00000001 00000002 5010 0000 0000 0000"));
    for words in 0..16 {
        frame[46] = words << 4;
        let (key, layout) = key_of(&frame);
        assert_eq!(key.get(slot::NW_PROTO), 6);
        assert_eq!((key.get(slot::TP_DST) != 0, layout.l4 == L4::Tcp), (words == 5, words == 5), "{words}");
    }
}

#[test]
fn an_extension_header_cut_short_leaves_the_addresses_alone() {
    let mut frame = hex("0a0000000002 0a0000000001 86dd 60000000 0010 00 40");
    frame.extend(hex("fd000000000000000000000000000001 fd000000000000000000000000000002"));
    frame.extend(hex("1100010400000000 0035003600080000"));
    assert_eq!(key_of(&frame).0.get(slot::TP_DST), 0x36);
    frame[55] = 2;
    let (key, layout) = key_of(&frame);
    assert_eq!((key.get(slot::NW_DST) as u8, key[slot::L3_WORD], key[slot::L4_WORD]), (2, 0, 0));
    assert_eq!((layout.l3, layout.l4), (L3::Ipv6, L4::None));
}

#[test]
fn tags_below_the_limit_are_payload() {
    let frame = hex("0a0000000002 0a0000000001 88a8 0064 8100 6002 0800");
    let mut key = FlowKey::ZERO;
    let layout = extract_tags(&frame, &mut key, 1);
    assert_eq!((key.get(slot::VLAN_TCI), key.get(slot::INNER_TCI)), (0x1064, 0));
    assert_eq!((key.get(slot::ETH_TYPE), layout.tags), (0x8100, 1));
}

#[test]
fn tags_and_802_3_frames() {
    let (key, layout) = key_of(&hex("0a0000000002 0a0000000001 88a8 0064 8100 6002 0800"));
    assert_eq!((key.get(slot::VLAN_TCI), key.get(slot::INNER_TCI)), (0x1064, 0x7002));
    assert_eq!((key.get(slot::VLAN_TPID), key.get(slot::INNER_TPID)), (0x88a8, 0x8100));
    assert_eq!((key.get(slot::ETH_TYPE), layout.tags, layout.l3_at), (0x0800, 2, 22));
    let (key, _) = key_of(&hex("0a0000000002 0a0000000001 8100 00"));
    assert_eq!((key.get(slot::ETH_TYPE), key.get(slot::VLAN_TCI)), (0x8100, 0), "a cut tag is no tag");
    let (key, _) = key_of(&hex("0180c2000000 0a0000000001 0026 424203 0000"));
    assert_eq!(key.get(slot::ETH_TYPE), 0x05ff);
    let (key, layout) = key_of(&hex("0a0000000002 0a0000000001 0024 aaaa03000000 0800 45"));
    assert_eq!((key.get(slot::ETH_TYPE), layout.l3_at), (0x0800, 22));
}

#[test]
fn later_fragments_have_no_ports_and_first_ones_have() {
    let mut frame = hex("0a0000000002 0a0000000001 0800 4500 001c 0001 2000 4011 0000 0a000001 0a000002");
    frame.extend(hex("0035 0036 0008 0000"));
    let (key, layout) = key_of(&frame);
    assert_eq!((key.get(slot::NW_FRAG), key.get(slot::TP_DST), layout.l4), (1, 0x36, L4::Udp));
    frame[21] = 1;
    let (key, layout) = key_of(&frame);
    assert_eq!((key.get(slot::NW_FRAG), key.get(slot::TP_DST), layout.l4), (3, 0, L4::None));
}

#[test]
fn contradicting_ip_lengths_leave_only_the_type() {
    // CVE-2016-10377: a total length below the header's must not wrap around.
    let good = hex(
        "0a0000000002 0a0000000001 0800 4500 001c 0001 0000 4011 0000 0a000001 0a000002 0035003600080000",
    );
    assert_eq!(key_of(&good).0.get(slot::TP_DST), 0x36);
    for total in [0u16, 19, 29, 65535] {
        let mut frame = good.clone();
        frame[16..18].copy_from_slice(&total.to_be_bytes());
        let (key, layout) = key_of(&frame);
        assert_eq!(key.get(slot::ETH_TYPE), 0x0800);
        assert_eq!(layout.l3, L3::None, "total length {total}");
        assert!(key.words()[slot::L3_WORD..].iter().all(|word| *word == 0));
    }
    for header_len in 0..16u8 {
        let mut frame = good.clone();
        frame[14] = 0x40 | header_len;
        assert_eq!(key_of(&frame).1.l3 == L3::Ipv4, (5..=7).contains(&header_len), "{header_len} words");
    }
}

#[test]
fn every_truncation_of_every_kind_is_well_defined() {
    for frame in samples() {
        for len in 0..=frame.len() {
            let (key, layout) = key_of(&frame[..len]);
            assert!(layout.l3_end as usize <= len);
            if len < 14 {
                assert!(key.is_zero(), "{len}");
            }
        }
    }
}

/// One frame of each kind.
fn samples() -> Vec<Vec<u8>> {
    let kinds = [Kind::Tcp, Kind::Udp, Kind::Sctp, Kind::Icmp, Kind::Arp, Kind::Other];
    let mut all = Vec::new();
    for kind in kinds {
        for v6 in [false, true] {
            for extensions in [0, 3] {
                let spec =
                    Spec { kind, v6, extensions, tags: vec![100], payload: vec![0; 40], ..Spec::default() };
                all.push(spec.build());
            }
        }
    }
    all
}

#[derive(Clone, Copy, Debug, Default)]
enum Kind {
    #[default]
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Arp,
    Other,
}

/// A frame to build.
#[derive(Clone, Debug, Default)]
struct Spec {
    kind: Kind,
    v6: bool,
    tags: Vec<u16>,
    src: u32,
    dst: u32,
    ports: (u16, u16),
    tos: u8,
    /// Bit 0: hop-by-hop or IPv4 options; bit 1: a fragment header.
    extensions: u8,
    fragment: (u16, bool),
    payload: Vec<u8>,
    padding: usize,
}

impl Spec {
    fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let is_arp = matches!(self.kind, Kind::Arp);
        let ethertype = match (is_arp, self.v6) {
            (true, _) => EtherType::ARP,
            (false, true) => EtherType::IPV6,
            (false, false) => EtherType::IPV4,
        };
        let first = if self.tags.is_empty() { ethertype } else { EtherType::VLAN };
        Ethernet { dst: MacAddr([2; 6]), src: MacAddr([4; 6]), ethertype: first }.emit(&mut out);
        for (i, vid) in self.tags.iter().enumerate() {
            let next = if i + 1 == self.tags.len() { ethertype } else { EtherType::VLAN };
            VlanTag { pcp: 3, dei: false, vid: *vid, ethertype: next }.emit(&mut out);
        }
        if is_arp {
            let (spa, tpa) = (Ipv4Addr::from(self.src), Ipv4Addr::from(self.dst));
            Arp { operation: 2, sha: MacAddr([4; 6]), spa, tha: MacAddr([2; 6]), tpa }.emit(&mut out);
        } else if self.v6 {
            self.ipv6(&mut out);
        } else {
            self.ipv4(&mut out);
        }
        out.extend(std::iter::repeat_n(0xee, self.padding));
        out
    }

    fn ipv4(&self, out: &mut Vec<u8>) {
        let (src, dst) = (Ipv4Addr::from(self.src), Ipv4Addr::from(self.dst));
        let body = self.segment(Pseudo::V4(src, dst));
        let mut ip = Ipv4::new(src, dst, self.proto(), body.len() as u16);
        ip.dscp = self.tos >> 2;
        ip.ecn = self.tos & 3;
        if self.extensions & 1 != 0 {
            ip.options = vec![1; 8];
        }
        if self.extensions & 2 != 0 {
            (ip.fragment_offset, ip.more_fragments) = self.fragment;
        }
        ip.emit(out);
        out.extend(body);
    }

    fn ipv6(&self, out: &mut Vec<u8>) {
        let address = |n: u32| Ipv6Addr::from(0xfd00 << 112 | u128::from(n));
        let (src, dst) = (address(self.src), address(self.dst));
        let mut extensions = Vec::new();
        let mut next = self.proto();
        if self.extensions & 2 != 0 {
            let flags = self.fragment.0 << 3 | u16::from(self.fragment.1);
            extensions = [&[next.0, 0][..], &flags.to_be_bytes(), &[0, 0, 0, 9]].concat();
            next = IpProto::FRAGMENT;
        }
        if self.extensions & 1 != 0 {
            extensions.splice(..0, [next.0, 0, 1, 4, 0, 0, 0, 0]);
            next = IpProto::HOP_BY_HOP;
        }
        let body = self.segment(Pseudo::V6(src, dst));
        let mut ip = Ipv6::new(src, dst, next, (extensions.len() + body.len()) as u16);
        ip.traffic_class = self.tos;
        ip.flow_label = self.dst & 0xfffff;
        ip.emit(out);
        out.extend(extensions);
        out.extend(body);
    }

    fn proto(&self) -> IpProto {
        match (self.kind, self.v6) {
            (Kind::Tcp, _) => IpProto::TCP,
            (Kind::Udp, _) => IpProto::UDP,
            (Kind::Sctp, _) => IpProto::SCTP,
            (Kind::Icmp, false) => IpProto::ICMP,
            (Kind::Icmp, true) => IpProto::ICMP6,
            (Kind::Arp | Kind::Other, _) => IpProto(200),
        }
    }

    fn segment(&self, pseudo: Pseudo) -> Vec<u8> {
        let mut out = Vec::new();
        let (src, dst) = self.ports;
        match self.kind {
            Kind::Tcp => Tcp {
                src,
                dst,
                sequence: 1,
                acknowledgment: 2,
                flags: TcpFlags::SYN | TcpFlags::ACK,
                window: 3,
                checksum: 0,
                urgent: 0,
                options: vec![1; 4],
            }
            .with_checksum(pseudo, &self.payload)
            .emit(&mut out),
            Kind::Udp => Udp::for_payload(src, dst, pseudo, &self.payload).emit(&mut out),
            Kind::Sctp => Sctp { src, dst, verification_tag: 7, checksum: 0 }
                .with_checksum(&self.payload)
                .emit(&mut out),
            Kind::Icmp => out.extend([src as u8, dst as u8, 0, 0, 0, 0, 0, 0]),
            Kind::Arp | Kind::Other => {}
        }
        out.extend(&self.payload);
        out
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    let kind = prop_oneof![
        Just(Kind::Tcp),
        Just(Kind::Udp),
        Just(Kind::Sctp),
        Just(Kind::Icmp),
        Just(Kind::Arp),
        Just(Kind::Other)
    ];
    let shape = (kind, any::<bool>(), vec(0u16..4096, 0..3), 0u8..4, (0u16..4, any::<bool>()));
    let rest = (any::<(u32, u32)>(), any::<(u16, u16)>(), any::<u8>(), vec(any::<u8>(), 0..60), 0usize..300);
    (shape, rest).prop_map(
        |((kind, v6, tags, extensions, fragment), ((src, dst), ports, tos, payload, padding))| Spec {
            kind,
            v6,
            tags,
            src,
            dst,
            ports,
            tos,
            extensions,
            fragment,
            payload,
            padding,
        },
    )
}

/// The same fields as etherparse reads them.
fn check_against_etherparse(frame: &[u8]) -> Result<(), TestCaseError> {
    let (key, layout) = key_of(frame);
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else {
        prop_assert!(frame.len() < 14);
        return Ok(());
    };
    let tags: Vec<u16> = packet
        .link_exts
        .iter()
        .filter_map(|ext| match ext {
            etherparse::LaxLinkExtSlice::Vlan(vlan) => {
                Some(u16::from_be_bytes([vlan.slice()[0], vlan.slice()[1]]) | 0x1000)
            }
            etherparse::LaxLinkExtSlice::Macsec(_) => None,
        })
        .take(2)
        .collect();
    prop_assert_eq!(key.get(slot::VLAN_TCI), u128::from(tags.first().copied().unwrap_or(0)));
    prop_assert_eq!(key.get(slot::INNER_TCI), u128::from(tags.get(1).copied().unwrap_or(0)));
    let Ok(strict) = etherparse::SlicedPacket::from_ethernet(frame) else { return Ok(()) };
    if strict.link_exts.iter().filter(|ext| matches!(ext, LinkExtSlice::Vlan(_))).count() > 2 {
        return Ok(());
    }
    match &strict.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            prop_assert_eq!(layout.l3, L3::Ipv4);
            prop_assert_eq!(key.get(slot::NW_SRC), u128::from(header.source_addr().to_bits()));
            prop_assert_eq!(key.get(slot::NW_DST), u128::from(header.destination_addr().to_bits()));
            prop_assert_eq!(key.get(slot::NW_PROTO), u128::from(header.protocol().0));
            prop_assert_eq!(key.get(slot::NW_TTL), u128::from(header.ttl()));
            prop_assert_eq!(key.get(slot::NW_FRAG) & 1 != 0, header.is_fragmenting_payload());
            prop_assert_eq!(key.get(slot::NW_DSCP), u128::from(header.dcp().value()));
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header();
            prop_assert_eq!(layout.l3, L3::Ipv6);
            prop_assert_eq!(key.get(slot::NW_SRC), header.source_addr().to_bits());
            prop_assert_eq!(key.get(slot::NW_DST), header.destination_addr().to_bits());
            prop_assert_eq!(key.get(slot::NW_TTL), u128::from(header.hop_limit()));
            prop_assert_eq!(key.get(slot::IPV6_LABEL), u128::from(header.flow_label().value()));
            prop_assert_eq!(key.get(slot::NW_FRAG) & 1 != 0, ip.is_payload_fragmented());
        }
        Some(NetSlice::Arp(_)) | None => {}
    }
    let ports = match &strict.transport {
        Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
        Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port())),
        Some(TransportSlice::Icmpv4(icmp)) => Some((icmp.type_u8().into(), icmp.code_u8().into())),
        Some(TransportSlice::Icmpv6(icmp)) => Some((icmp.type_u8().into(), icmp.code_u8().into())),
        Some(TransportSlice::Igmp(_)) | None => None,
    };
    // Etherparse does not look into first fragments; the key does.
    if let Some((src, dst)) = ports {
        prop_assert_eq!((key.get(slot::TP_SRC), key.get(slot::TP_DST)), (src.into(), dst.into()));
    }
    Ok(())
}

#[test]
fn a_tag_of_type_9100_is_none() {
    let mut frame = vec![2; 12];
    frame.extend([0x91, 0x00, 0x00, 0x05, 0x08, 0x00]);
    let key = key_of(&frame).0;
    assert_eq!((key.get(slot::VLAN_TCI), key.get(slot::ETH_TYPE)), (0, 0x9100));
}

proptest! {
    #[test]
    fn built_packets_read_as_etherparse_reads_them(spec in spec()) {
        check_against_etherparse(&spec.build())?;
    }

    // What is malformed is compared with Open vSwitch (tests/tests/switch_differential), which reads it otherwise than
    // etherparse does: tags of type 0x9100, lengths of none, ICMP in the other version of IP.
    #[test]
    fn built_packets_with_wrong_octets_are_read_within_their_bounds(spec in spec(), at in 12usize..80, octet: u8, len in 0usize..200) {
        let mut frame = spec.build();
        if let Some(place) = frame.get_mut(at) {
            *place = octet;
        }
        frame.truncate(len);
        let (_, layout) = key_of(&frame);
        prop_assert!(layout.l3_end as usize <= frame.len());
    }

    #[test]
    fn random_octets_never_panic(mut frame in vec(any::<u8>(), 0..120), ethertype in prop_oneof![Just([0x08, 0x00]), Just([0x86, 0xdd]), Just([0x08, 0x06]), Just([0x81, 0x00]), any::<[u8; 2]>()]) {
        if frame.len() > 20 {
            frame[12..14].copy_from_slice(&ethertype);
            frame[14] = frame[14] & 0x2f | 0x40;
        }
        let (_, layout) = key_of(&frame);
        prop_assert!(layout.l3_end as usize <= frame.len());
    }

    #[test]
    fn padding_does_not_count(spec in spec(), padding in 0usize..9000) {
        let bare = Spec { padding: 0, ..spec.clone() };
        prop_assert_eq!(key_of(&Spec { padding, ..spec }.build()).0, key_of(&bare.build()).0);
    }
}
