//! Frames of guests and of the underlay.

use packet::key::{WordSet, extract, rewrite};
use packet::{FlowKey, Geneve, GeneveOption};

/// A frame: padding changes nothing of its key, and writing the key back changes nothing of the frame.
pub(super) fn frame(octets: &[u8]) {
    let mut key = FlowKey::default();
    let layout = extract(octets, &mut key);
    assert!(layout.l3_end as usize <= octets.len());
    let words = (0..).zip(key.words());
    let sets: Vec<WordSet> = words.map(|(word, &value)| WordSet { word, mask: u64::MAX, value }).collect();
    let mut written = octets.to_vec();
    rewrite(&mut written, &layout, &sets);
    let mut again = FlowKey::default();
    assert_eq!(extract(&written, &mut again), layout);
    assert_eq!(again.words(), key.words());
    // Any values at all are written somewhere inside.
    let flipped: Vec<WordSet> = sets.iter().map(|set| WordSet { value: !set.value, ..*set }).collect();
    rewrite(&mut written, &layout, &flipped);
    assert_eq!(written.len(), octets.len());
    if layout.l3 != packet::key::L3::None {
        let mut padded = octets.to_vec();
        padded.extend([0xa5; 300]);
        let mut key_padded = FlowKey::default();
        extract(&padded, &mut key_padded);
        if (layout.l3_end as usize) < octets.len() {
            assert_eq!(key_padded.words(), key.words(), "padding is not part of a packet");
        }
    }
}

/// A Geneve header: what is accepted is written and read back as the same, options one by one too.
pub(super) fn geneve(octets: &[u8]) {
    let Ok((header, payload)) = Geneve::parse(octets) else { return };
    let mut written = Vec::new();
    header.emit(&mut written);
    written.extend_from_slice(payload);
    assert_eq!(Geneve::parse(&written), Ok((header, payload)));
    let options: Vec<GeneveOption<'_>> = header.options().collect();
    let mut rebuilt = Vec::new();
    options.iter().for_each(|option| option.emit(&mut rebuilt));
    let rebuilt = Geneve { options: &rebuilt, ..header };
    assert!(rebuilt.options().eq(options));
    assert!(!header.to_string().is_empty());
}

/// What guests ask services, and what these answer: what is accepted is written and read back as the same.
pub(super) fn services(octets: &[u8]) {
    let mut out = Vec::new();
    if let Ok(message) = packet::Dhcp4::parse(octets) {
        message.emit(&mut out);
        assert!(!message.to_string().is_empty());
        assert_eq!(packet::Dhcp4::parse(&out), Ok(message));
    }
    out.clear();
    if let Ok(message) = packet::Dhcp6::parse(octets) {
        message.emit(&mut out);
        assert!(!message.to_string().is_empty());
        assert_eq!(out, octets);
    }
    out.clear();
    if let Ok(message) = packet::Dns::parse(octets) {
        message.emit(&mut out);
        assert!(!message.to_string().is_empty());
        assert_eq!(packet::Dns::parse(&out), Ok(message));
    }
    out.clear();
    if let Ok((neighbor, _)) = packet::Neighbor::parse(octets) {
        neighbor.emit(&mut out);
        assert!(!neighbor.to_string().is_empty());
        assert_eq!(packet::Neighbor::parse(&out), Ok((neighbor, &[][..])));
    }
    out.clear();
    if let Ok(message) = packet::RouterAdvertisement::parse(octets) {
        message.emit(&mut out);
        assert!(!message.to_string().is_empty());
        assert_eq!(packet::RouterAdvertisement::parse(&out), Ok(message));
    }
}
