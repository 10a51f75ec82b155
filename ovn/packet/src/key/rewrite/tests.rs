use super::*;
use crate::key::{FlowKey, Slot, extract};
use crate::testing::hex;
use crate::{IpProto, Pseudo, checksum};
use proptest::prelude::*;

/// Frames with right checksums, one of each kind that has octets to rewrite.
fn frames() -> Vec<Vec<u8>> {
    let v4 = |proto: IpProto, segment: &str, sum_at: usize| {
        let mut segment = hex(segment);
        let pseudo = Pseudo::V4([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let sum = if proto == IpProto::ICMP {
            checksum::internet(&segment)
        } else {
            pseudo.checksum(proto, &segment)
        };
        segment[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut frame = hex("0a0000000002 0a0000000001 8100 0064 0800");
        let ip = crate::Ipv4::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), proto, segment.len() as u16);
        ip.emit(&mut frame);
        frame.extend(segment);
        frame
    };
    let v6 = |proto: IpProto, segment: &str, sum_at: usize| {
        let mut segment = hex(segment);
        let (src, dst) = (0xfd00 << 112 | 1u128, 0xfd00 << 112 | 2u128);
        let sum = Pseudo::V6(src.into(), dst.into()).checksum(proto, &segment);
        segment[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut frame = hex("0a0000000002 0a0000000001 86dd");
        crate::Ipv6::new(src.into(), dst.into(), proto, segment.len() as u16).emit(&mut frame);
        frame.extend(segment);
        frame
    };
    let tcp = "0050 1000 00000001 00000002 5010 ffff 0000 0000 616263";
    let udp = "0035 1000 000b 0000 616263";
    let ns = "87 00 0000 00000000 fd000000000000000000000000000002 01 01 0a0000000001";
    vec![
        v4(IpProto::TCP, tcp, 16),
        v4(IpProto::UDP, udp, 6),
        v4(IpProto::ICMP, "08 00 0000 0001 0002 616263", 2),
        v6(IpProto::TCP, tcp, 16),
        v6(IpProto::UDP, udp, 6),
        v6(IpProto::ICMP6, ns, 2),
        hex("ffffffffffff 0a0000000001 0806 0001080006040001 0a0000000001 0a000001 000000000000 0a000002"),
    ]
}

/// Whether header and transport checksums are right.
fn sums_are_right(frame: &[u8]) -> bool {
    let mut key = FlowKey::ZERO;
    let layout = extract(frame, &mut key);
    let (l3, l4, end) = (layout.l3_at as usize, layout.l4_at as usize, layout.l3_end as usize);
    let proto = IpProto(key.get(slot::NW_PROTO) as u8);
    let (src, dst) = (key.get(slot::NW_SRC), key.get(slot::NW_DST));
    let (header, pseudo) = match layout.l3 {
        L3::Ipv4 => {
            (checksum::internet(&frame[l3..l4]), Pseudo::V4((src as u32).into(), (dst as u32).into()))
        }
        L3::Ipv6 => (0, Pseudo::V6(src.into(), dst.into())),
        L3::Arp | L3::None => return true,
    };
    let segment = &frame[l4..end];
    let transport =
        if proto == IpProto::ICMP { checksum::internet(segment) } else { pseudo.checksum(proto, segment) };
    // UDP's sum is never written as zero.
    header == 0 && (transport == 0 || proto == IpProto::UDP && transport == 0xffff)
}

/// Slots that have octets in some frame.
const WRITABLE: [Slot; 16] = [
    slot::ETH_DST,
    slot::ETH_SRC,
    slot::VLAN_VID,
    slot::VLAN_PCP,
    slot::NW_TOS,
    slot::NW_TTL,
    slot::IPV6_LABEL,
    slot::IPV4_SRC,
    slot::IPV4_DST,
    slot::NW_SRC,
    slot::NW_DST,
    slot::TP_SRC,
    slot::TP_DST,
    slot::ARP_SHA,
    slot::ARP_THA,
    slot::ND_TARGET,
];

/// The word sets that make these bits of a slot.
fn sets(slot: Slot, value: u128, mask: u128) -> Vec<WordSet> {
    let mut key = FlowKey::ZERO;
    let mut bits = FlowKey::ZERO;
    bits.set(slot, mask);
    key.set(slot, value & mask);
    let changed = bits.words().iter().enumerate().filter(|(_, mask)| **mask != 0);
    changed.map(|(i, mask)| WordSet { word: i as u8, mask: *mask, value: key[i] }).collect()
}

#[test]
fn samples_are_right_to_begin_with() {
    assert!(frames().iter().all(|frame| sums_are_right(frame)));
}

#[test]
fn a_udp_packet_without_checksum_stays_without() {
    let mut frame = frames().swap_remove(1);
    let mut key = FlowKey::ZERO;
    let layout = extract(&frame, &mut key);
    let at = layout.l4_at as usize + 6;
    frame[at..at + 2].fill(0);
    rewrite(&mut frame, &layout, &sets(slot::IPV4_DST, 0x0a00_0009, u128::MAX));
    assert_eq!(frame[at..at + 2], [0, 0]);
    assert_eq!(frame[layout.l3_at as usize + 19], 9);
}

#[test]
fn sctp_checksum_follows_the_ports() {
    let mut frame = hex("0a0000000002 0a0000000001 0800");
    let sctp = crate::Sctp { src: 1, dst: 2, verification_tag: 3, checksum: 0 }.with_checksum(&[1, 2, 3, 4]);
    crate::Ipv4::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), IpProto::SCTP, 16).emit(&mut frame);
    sctp.emit(&mut frame);
    frame.extend([1, 2, 3, 4]);
    let layout = extract(&frame, &mut FlowKey::ZERO.clone());
    rewrite(&mut frame, &layout, &sets(slot::TP_DST, 80, u128::MAX));
    let expected = crate::Sctp { dst: 80, ..sctp }.with_checksum(&[1, 2, 3, 4]);
    assert_eq!(crate::Sctp::parse(&frame[34..]).unwrap().0, expected);
}

#[test]
fn arp_operation_and_addresses() {
    let mut frame = frames().swap_remove(6);
    let layout = extract(&frame, &mut FlowKey::ZERO.clone());
    for (slot, value) in [
        (slot::NW_PROTO, 2),
        (slot::ARP_SHA, 0x0a00_0000_00aa),
        (slot::ARP_THA, 0x0a00_0000_00bb),
        (slot::IPV4_SRC, 0x0a00_00fe),
        (slot::IPV4_DST, 0x0a00_0001),
    ] {
        rewrite(&mut frame, &layout, &sets(slot, value, u128::MAX));
    }
    assert_eq!(frame[14..], hex("0001080006040002 0a00000000aa 0a0000fe 0a00000000bb 0a000001"));
}

proptest! {
    #[test]
    fn the_frame_becomes_what_its_key_says(kind in 0usize..7, which in 0usize..WRITABLE.len(), value: u128, mask: u128) {
        let mut frame = frames().swap_remove(kind);
        let mut before = FlowKey::ZERO;
        let layout = extract(&frame, &mut before);
        let slot = WRITABLE[which];
        let mask = if slot == slot::VLAN_VID { mask & 0xfff } else { mask };
        rewrite(&mut frame, &layout, &sets(slot, value, mask));
        prop_assert!(sums_are_right(&frame));
        let mut after = FlowKey::ZERO;
        let same = extract(&frame, &mut after);
        prop_assert_eq!(layout.l3_end, same.l3_end);
        let mut expected = before.clone();
        expected.set_masked(slot, value, mask);
        // A field that this kind of frame has not got is unchanged; others are as asked.
        let exists = match (layout.l3, layout.l4) {
            (_, L4::Nd) if slot == slot::ARP_THA => false,
            (L3::Ipv4, _) => !matches!(slot, slot::IPV6_LABEL | slot::ARP_SHA | slot::ARP_THA | slot::ND_TARGET | slot::NW_SRC | slot::NW_DST),
            (L3::Ipv6, L4::Nd) => !matches!(slot, slot::VLAN_VID | slot::VLAN_PCP | slot::TP_SRC | slot::TP_DST),
            (L3::Ipv6, _) => !matches!(slot, slot::VLAN_VID | slot::VLAN_PCP | slot::ARP_SHA | slot::ARP_THA | slot::ND_TARGET),
            (L3::Arp | L3::None, _) => matches!(slot, slot::ETH_DST | slot::ETH_SRC | slot::IPV4_SRC | slot::IPV4_DST | slot::ARP_SHA | slot::ARP_THA),
        };
        let icmp_port = matches!(layout.l4, L4::Icmp4) && matches!(slot, slot::TP_SRC | slot::TP_DST);
        if exists && !icmp_port {
            prop_assert_eq!(after, expected);
        }
    }

    #[test]
    fn a_checksum_that_is_not_whole_comes_out_right_when_it_is_finished(kind in prop_oneof![Just(0usize), Just(1), Just(3), Just(4)], which in 0usize..WRITABLE.len(), value: u128, mask: u128) {
        let mut octets = frames().swap_remove(kind);
        let mut key = FlowKey::ZERO;
        let mut layout = extract(&octets, &mut key);
        let (src, dst) = (key.get(slot::NW_SRC), key.get(slot::NW_DST));
        let pseudo = match layout.l3 {
            L3::Ipv4 => Pseudo::V4((src as u32).into(), (dst as u32).into()),
            _ => Pseudo::V6(src.into(), dst.into()),
        };
        let (proto, offset) = if layout.l4 == L4::Tcp { (IpProto::TCP, 16) } else { (IpProto::UDP, 6) };
        let at = (layout.l4_at + offset) as usize;
        let sum = pseudo.partial(proto, layout.l3_end - layout.l4_at);
        octets[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut frame = crate::Frame::copy_from(&octets);
        let partial = crate::Partial { start: layout.l4_at as u16, offset: offset as u16 };
        let valid = frame.set_offload(crate::Offload { partial: Some(partial), segments: None });
        prop_assert!(valid);
        layout.partial = true;
        rewrite(frame.as_mut_slice(), &layout, &sets(WRITABLE[which], value, mask));
        frame.finish_checksum();
        prop_assert!(sums_are_right(&frame));
    }

    #[test]
    fn any_change_of_any_frame_keeps_its_length(mut frame in proptest::collection::vec(any::<u8>(), 0..80), kind in 0usize..7, word in 0u8..60, value: u64, mask: u64) {
        if let Some((head, _)) = frame.split_first_chunk_mut::<40>() {
            head[12..].copy_from_slice(&frames()[kind][12..40]);
        }
        let layout = extract(&frame, &mut FlowKey::ZERO.clone());
        rewrite(&mut frame, &layout, &[WordSet { word, mask, value: value & mask }]);
    }
}
