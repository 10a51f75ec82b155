//! Connection tracking. The user says what the tracker finds; or the trace is of several packets, and the tracker
//! remembers those before; or it is assumed that every packet is part of an established connection.

use super::assign::write;
use super::nat::changed_ends;
use super::{Place, Traced, Walk};
use crate::fields::TRACKING;
use crate::node::{Kind, Node};
use crate::options::CtState;
use crate::tracker::{self, ESTABLISHED, TRACKED, Translation, Zone};
use lflow::Pipeline;
use lflow::action::{self, CtCommit, CtNext, CtOriginal, Tracking};
use lflow::symbols::FieldRef;
use openflow::Field;

const ASSUMED: &str = " /* default (use --ct to customize) */";

pub(super) const ETH_IPV4: u128 = 0x0800;
pub(super) const ETH_IPV6: u128 = 0x86dd;

pub(super) fn clear(packet: &mut Traced) {
    for &field in TRACKING {
        packet.flow.set(field, 0);
    }
}

/// The fields of the ports of the packet's protocol.
pub(super) fn ports(packet: &Traced) -> Option<(Field, Field)> {
    tracker::ports(&packet.flow)
}

/// What the tracker would say of the packet that began the connection: it is this one.
pub(super) fn begin_connection(tracked: &mut Traced, packet: &Traced) {
    let mut set = |field, value| tracked.flow.set(field, value);
    set(Field::CtNwProto, packet.get(Field::IpProto));
    match packet.get(Field::EthType) {
        ETH_IPV4 => {
            set(Field::CtNwSrc, packet.get(Field::Ipv4Src));
            set(Field::CtNwDst, packet.get(Field::Ipv4Dst));
        }
        ETH_IPV6 => {
            set(Field::CtIpv6Src, packet.get(Field::Ipv6Src));
            set(Field::CtIpv6Dst, packet.get(Field::Ipv6Dst));
        }
        _ => {}
    }
    if let Some((src, dst)) = ports(packet) {
        set(Field::CtTpSrc, packet.get(src));
        set(Field::CtTpDst, packet.get(dst));
    }
}

/// The zone of an action that names one or none.
pub(super) fn zone(place: Place<'_>, named: Option<action::Zone>, packet: &Traced) -> Zone {
    let datapath = place.datapath.uuid;
    match (place.datapath.is_router, named) {
        (true, Some(action::Zone::Dnat) | None) => Zone::Dnat(datapath),
        (true, Some(action::Zone::Snat)) => Zone::Snat(datapath),
        (false, _) => match place.pipeline {
            Pipeline::Ingress => Zone::Port(datapath, packet.inport()),
            Pipeline::Egress => Zone::Port(datapath, packet.outport()),
        },
    }
}

impl<'n> Walk<'n> {
    /// What the tracker says this time, and a remark if that is an assumption.
    pub(super) fn next_ct_state(&mut self) -> (u8, &'static str) {
        match self.ct.pop_front() {
            Some(state) => (state, ""),
            None => (TRACKED | ESTABLISHED, ASSUMED),
        }
    }

    /// The state of a packet that an action tracks besides what else it does, unless it has been tracked already.
    pub(super) fn track_unless_tracked(&mut self, packet: &mut Traced) -> &'static str {
        let state = packet.get(Field::CtState) as u8;
        if state & TRACKED != 0 {
            return "";
        }
        let (found, remark) = self.next_ct_state();
        packet.flow.set(Field::CtState, (state | found).into());
        remark
    }

    /// Tracks a packet by what is remembered: the state found, or what the user says it is. `None` if nothing is
    /// remembered.
    ///
    /// The packet is translated if its connection is and `translate` says so. A connection that is not known is
    /// remembered if `commit` has the translation that it gets.
    pub(super) fn track(
        &mut self,
        zone: Zone,
        translate: bool,
        commit: Option<Option<Translation>>,
        packet: &mut Traced,
    ) -> Option<u8> {
        let tracker = self.tracker.as_mut()?;
        let mut state = tracker.track(zone, &mut packet.flow, translate);
        if let Some(translation) = commit
            && state & tracker::NEW != 0
        {
            tracker.commit(zone, &mut packet.flow, translation);
            state |= match translation {
                Some(Translation { is_destination: true, .. }) => tracker::DNAT,
                Some(Translation { is_destination: false, .. }) => tracker::SNAT,
                None => 0,
            };
        }
        let state = self.ct.pop_front().unwrap_or(state);
        packet.flow.set(Field::CtState, state.into());
        Some(state)
    }

    /// Gives the packet's connection its mark and label.
    pub(super) fn label(&mut self, zone: Zone, packet: &Traced) {
        if let Some(tracker) = &mut self.tracker {
            tracker.label(zone, &packet.flow);
        }
    }

    pub(super) fn ct_next(
        &mut self,
        place: Place<'n>,
        tracking: Tracking,
        next: &CtNext,
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let mut tracked = packet.clone();
        begin_connection(&mut tracked, packet);
        let zone = zone(place, next.zone, packet);
        let (translate, commit) = match tracking {
            Tracking::Track => (false, None),
            Tracking::CommitNat => (true, Some(None)),
            Tracking::CommitToZone => (false, Some(None)),
        };
        let remembered = self.track(zone, translate, commit, &mut tracked);
        let title = match (tracking, remembered) {
            (Tracking::Track, remembered) => {
                let (state, remark) = remembered.map_or_else(|| self.next_ct_state(), |state| (state, ""));
                tracked.flow.set(Field::CtState, state.into());
                format!("ct_next(ct_state={}{remark})", CtState(state))
            }
            (Tracking::CommitNat, Some(state)) => {
                format!("ct_commit_nat({}ct_state={})", changed_ends(packet, &tracked), CtState(state))
            }
            (Tracking::CommitNat, None) => {
                let remark = self.track_unless_tracked(&mut tracked);
                format!("ct_commit_nat /* assuming no un-nat entry, so no change */{remark}")
            }
            (Tracking::CommitToZone, remembered) => {
                let remark = match remembered {
                    Some(_) => "",
                    None => self.track_unless_tracked(&mut tracked),
                };
                format!("ct_commit_to_zone({}){remark}", next.zone.map_or("dnat", action::Zone::name))
            }
        };
        let children = self.tables(Place { table: next.table, ..place }, &mut tracked);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }

    /// `ct_commit { ... };`: without memory it changes nothing that the trace shows.
    pub(super) fn ct_commit(&mut self, place: Place<'n>, commit: &CtCommit, packet: &Traced) {
        let zone = zone(place, None, packet);
        let Some(tracker) = &mut self.tracker else { return };
        let mut committed = packet.clone();
        tracker.commit(zone, &mut committed.flow, None);
        self.actions(place, &commit.actions, None, &mut committed);
        self.label(zone, &committed);
    }
}

/// Of the packet that began the connection, which is this one if it is not known to be another.
pub(super) fn original(what: CtOriginal, result: &FieldRef, packet: &mut Traced) {
    let value = match what {
        CtOriginal::Ipv4Destination => packet.get(Field::CtNwDst),
        CtOriginal::Ipv6Destination => packet.get(Field::CtIpv6Dst),
        CtOriginal::DestinationPort => packet.get(Field::CtTpDst),
        CtOriginal::Protocol => packet.get(Field::CtNwProto),
    };
    write(result, value, packet);
}

pub(super) fn state_save(result: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let state = packet.get(Field::CtState) as u8;
    let saved = if state & TRACKED != 0 { state } else { 0 };
    write(result, saved.into(), packet);
    nodes.push(Node::new(Kind::Action, format!("/* {result} = {saved}; */")));
}
