//! OpenFlow: a connection's octets, and the text of flows.

use openflow::{FlowMod, FlowModCommand, Framer, Message, Version, parse_actions};

/// A connection's octets, the first of which says how they are cut: messages are read in every version that they may
/// be of; what is read is written, and what is written is read and written as the same.
pub(super) fn stream(octets: &[u8]) {
    let Some((first, stream)) = octets.split_first() else { return };
    let frames = |piece_len: usize| {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for piece in stream.chunks(piece_len) {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(error) => return (frames, Err(error)),
                }
            }
        }
        (frames, Ok(()))
    };
    let (whole, outcome) = frames(stream.len().max(1));
    assert_eq!(frames(1 + usize::from(*first) % 16), (whole.clone(), outcome));
    for frame in whole {
        for version in Version::ALL {
            if let Ok(message) = Message::decode(version, &frame) {
                let written = message.encode(version);
                // What is written in another way than it came may no longer fit. What a version has no place for is
                // lost, once.
                if written.len() <= usize::from(u16::MAX) {
                    let again =
                        Message::decode(version, &written).unwrap_or_else(|e| panic!("{message:?}: {e}"));
                    assert_eq!(again.encode(version), written, "{version:?}: {message:?} as {again:?}");
                }
            }
        }
    }
}

/// A flow or a list of actions as `ovs-ofctl` takes it: what is accepted is printed, and the print means the same.
pub(super) fn text(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(flow) = text.parse::<FlowMod>() {
        let printed = flow.to_string();
        let again: FlowMod = printed.parse().unwrap_or_else(|error| panic!("{text} as {printed}: {error}"));
        assert_eq!(again.to_string(), printed, "{text}");
        for version in [Version::Of13, Version::Of15] {
            let written = openflow::Body::FlowMod(flow.clone()).with_xid(1).encode(version);
            // A switch may refuse a field without those that it needs.
            let _ = Message::decode(version, &written);
        }
    }
    // A filter and actions alone are refused or not; neither has a form to compare with.
    let _ = FlowMod::parse_filter(FlowModCommand::Delete, text);
    let _ = parse_actions(text);
}
