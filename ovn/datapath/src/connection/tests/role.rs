//! Roles, and what is told unasked.

use openflow::{
    Action, AsyncKind, AsyncMask, FlowMod, FlowModFlags, Match, PacketInReason, PortNo, Role, RoleMessage,
    RoleStatus,
};

use super::*;
use crate::testing::broadcast;

fn asks(role: Role, generation_id: u64) -> Body {
    Body::RoleRequest(RoleMessage { role, generation_id })
}

fn has(role: Role, generation_id: u64) -> [Body; 1] {
    [Body::RoleReply(RoleMessage { role, generation_id })]
}

#[test]
fn the_second_primary_makes_the_first_secondary() {
    let mut lab = Lab::new(1);
    let (mut one, mut other) = (Peer::new(&mut lab, Version::Of13), Peer::new(&mut lab, Version::Of14));
    assert_eq!(one.say(&mut lab, asks(Role::NoChange, 0)), has(Role::Equal, u64::MAX));
    assert_eq!(one.say(&mut lab, asks(Role::Primary, 5)), has(Role::Primary, 5));
    assert_eq!(other.say(&mut lab, asks(Role::Primary, 6)), has(Role::Primary, 6));
    let status = RoleStatus { role: Role::Secondary, reason: 0, generation_id: 6 };
    assert_eq!(one.hear(&mut lab), [Body::RoleStatus(status)]);
    assert_eq!(one.refused(&mut lab, asks(Role::Primary, 5)), ErrorCode::STALE_ROLE);
    assert_eq!(one.refused(&mut lab, Body::FlowMod(FlowMod::delete_all())), ErrorCode::IS_SECONDARY);
    assert_eq!(one.say(&mut lab, asks(Role::Equal, 0)), has(Role::Equal, 6));
    assert_eq!(other.say(&mut lab, asks(Role::NoChange, 0)), has(Role::Primary, 6));
    let mut old = Peer::new(&mut lab, Version::Of10);
    assert_eq!(old.say(&mut lab, asks(Role::Secondary, 0)), has(Role::Secondary, 0));
    assert_eq!(old.refused(&mut lab, Body::FlowMod(FlowMod::delete_all())), ErrorCode::EPERM);
}

#[test]
fn only_wanted_reasons_are_told() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::listening(&mut lab, Version::Of14);
    let to_controller = |table, reason| {
        let controller = openflow::Controller { reason, ..openflow::Controller::default() };
        FlowMod::add(table, 1, Match::any(), vec![Action::Controller(controller)], 0)
    };
    let told = |peer: &mut Peer, lab: &mut Lab, reason| {
        peer.say(lab, Body::FlowMod(to_controller(0, reason)));
        lab.send(1, &broadcast(1));
        peer.hear(lab).len()
    };
    assert_eq!(told(&mut peer, &mut lab, PacketInReason::Action), 1);
    assert_eq!(told(&mut peer, &mut lab, PacketInReason::InvalidTtl), 0, "not by default");
    let mask = |kind, mask| AsyncMask { kind, secondary: false, mask };
    let wish = vec![mask(AsyncKind::PacketIn, 4), mask(AsyncKind::FlowRemoved, 0)];
    assert_eq!(peer.say(&mut lab, Body::SetAsync(wish)), []);
    assert_eq!(told(&mut peer, &mut lab, PacketInReason::Action), 0);
    assert_eq!(told(&mut peer, &mut lab, PacketInReason::InvalidTtl), 1);
    let noticed = FlowMod {
        flags: FlowModFlags(FlowModFlags::SEND_FLOW_REM),
        ..FlowMod::add(3, 1, Match::any(), vec![Action::output(PortNo(1))], 0)
    };
    peer.say(&mut lab, Body::FlowMod(noticed));
    assert_eq!(peer.say(&mut lab, Body::FlowMod(FlowMod::delete_all())), [], "no removals");
    let replies = peer.say(&mut lab, Body::GetAsyncRequest);
    let [Body::GetAsyncReply(masks)] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!(masks.len(), 12);
    assert!(masks.contains(&mask(AsyncKind::PacketIn, 4)) && masks.contains(&mask(AsyncKind::PortStatus, 7)));
    assert_eq!(peer.say(&mut lab, asks(Role::Secondary, 1)), has(Role::Secondary, 1));
    lab.flow_mod(&to_controller(0, PacketInReason::InvalidTtl)).unwrap();
    lab.send(1, &broadcast(1));
    assert_eq!(peer.hear(&mut lab), [], "secondary connections have masks of their own");
}

#[test]
fn older_masks_mean_what_came_later_too() {
    let mut masks = role::AsyncMasks::default();
    let wish = [(AsyncKind::PacketIn, 2), (AsyncKind::FlowRemoved, 4)];
    let wish = wish.map(|(kind, mask)| AsyncMask { kind, secondary: false, mask });
    masks.change(&wish, Version::Of14);
    assert!(wish.iter().all(|mask| masks.to_message().contains(mask)));
    masks.change(&wish, Version::Of13);
    let of = |kind| masks.to_message().iter().find(|m| m.kind == kind && !m.secondary).map(|m| m.mask);
    assert_eq!(of(AsyncKind::PacketIn), Some(0x3a), "action sets, groups and packet-outs are actions");
    assert_eq!(of(AsyncKind::FlowRemoved), Some(0x34), "what goes with a meter is deleted");
}

#[test]
fn openflow_1_0_asks_for_packets_whose_time_is_over_by_a_flag() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of10);
    let config = |flags| SwitchConfig { flags, miss_send_len: 100 };
    assert_eq!(peer.say(&mut lab, Body::SetConfig(config(4))), []);
    assert_eq!(peer.say(&mut lab, Body::GetConfigRequest), [Body::GetConfigReply(config(4))]);
    peer.say(&mut lab, Body::SetConfig(config(0)));
    assert_eq!(peer.say(&mut lab, Body::GetConfigRequest), [Body::GetConfigReply(config(0))]);
}
