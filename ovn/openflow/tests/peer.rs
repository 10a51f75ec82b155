//! Real octets: what Debian's `ovs-ofctl` and `ovs-vswitchd` said to each other, and the captured examples of the
//! Nicira extensions that `ovn-controller` uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use openflow::{
    Action, Body, Conjunction, Ct, Field, FlowMod, Instruction, Message, Nat, Subfield, Version, ZoneSource,
};

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

#[test]
fn every_message_of_the_peer_is_understood_and_said_again() {
    let mut same = 0;
    for line in include_str!("peer.hex").lines().filter(|l| !l.starts_with('#')) {
        let message = octets(line);
        let version = Version::from_wire(message[0]).unwrap();
        let read = Message::decode(version, &message).unwrap_or_else(|e| panic!("{e}\n{line}"));
        let said = read.encode(version);
        same += usize::from(said == message);
        assert_eq!(Message::decode(version, &said), Ok(read), "{line}");
    }
    // The others differ in what has several forms: headers of fields, their order, optional properties.
    assert!(same > 150, "{same}");
}

/// The actions of a flow with this one action, as OpenFlow 1.5 carries them.
fn action(hex: &str) -> Action {
    let action = octets(hex);
    let mut flow = FlowMod::add(0, 0, openflow::Match::any(), vec![Action::Exit], 0);
    flow.instructions = vec![Instruction::Apply(vec![Action::Exit])];
    let mut message = Body::FlowMod(flow).with_xid(1).encode(Version::Of15);
    message.truncate(message.len() - 16);
    let instruction = message.len() - 8;
    message.extend_from_slice(&action);
    let len = (message.len() as u16).to_be_bytes();
    message[2..4].copy_from_slice(&len);
    let len = (8 + action.len() as u16).to_be_bytes();
    message[instruction + 2..instruction + 4].copy_from_slice(&len);
    let read = Message::decode(Version::Of15, &message).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.encode(Version::Of15), message, "{hex}");
    let Body::FlowMod(flow) = read.body else { panic!("not a flow") };
    flow.actions()[0].clone()
}

#[test]
fn captured_actions_of_ovn_controller() {
    let zone = ZoneSource::Field(Subfield::new(Field::Reg(13), 0, 16));
    let ct = Ct { commit: false, force: false, zone, table: Some(0x43), alg: 0, actions: vec![] };
    assert_eq!(action("ffff0018 00002320 0023 0000 00011a04 000f 43 000000 0000"), Action::Ct(Box::new(ct)));
    let Action::Nat(nat) = action("ffff0010 00002320 0024 0000 0001 0000") else { panic!("not nat") };
    assert_eq!(nat, Nat { kind: openflow::NatKind::Src, ..Nat::existing() });
    let conjunction = Conjunction { id: 100, clause: 1, n_clauses: 2 };
    assert_eq!(action("ffff0010 00002320 0022 01 02 00000064"), Action::Conjunction(conjunction));
    let Action::Clone(actions) =
        action("ffff0020 00002320 002a 000000000000 ffff0010 00002320 002b 000000000000")
    else {
        panic!("not clone")
    };
    assert_eq!(actions, [Action::CtClear]);
}

#[test]
fn the_hello_of_ovn_controller_offers_only_1_5() {
    let hello = Message::decode(Version::Of15, &octets("0600001000000001 0001000800000040")).unwrap();
    assert_eq!(hello.body, Body::Hello(openflow::Versions::of(&[Version::Of15])));
    let bare = Message::decode(Version::Of15, &octets("0600000800000001")).unwrap();
    assert_eq!(bare.body, Body::Hello(openflow::Versions::up_to(6)));
}
