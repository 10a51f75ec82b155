//! Connection tracking, translation and load balancing: what the tracker says is free, what is chosen is any of it.

use super::act::{Done, write};
use super::choices::{Pick, TRACKING_BITS};
use super::explore::{Explorer, Place, State};
use super::flows::Test;
use super::sets::{Set, Var};
use super::values::{Bit, Value};
use lflow::action::{Check, CtLb, CtNat, CtNext, CtOriginal, ForwardGroup, Select, Tracking};
use lflow::symbols::FieldRef;
use openflow::Field;
use std::net::{IpAddr, SocketAddr};

const TRACKED: u128 = 0x20;
const SNAT: u128 = 0x40;
const DNAT: u128 = 0x80;
const NO_UNNAT: &str =
    "no translation is undone: replies to translated connections are not followed to their end";
const NO_MEMORY: &str = "each tracking of a packet may find anything, whatever an earlier one found";

/// A protocol with ports: number, source, destination.
type Protocol = (u128, Field, Field);

const PORTS: [Protocol; 3] = [
    (6, Field::TcpSrc, Field::TcpDst),
    (17, Field::UdpSrc, Field::UdpDst),
    (132, Field::SctpSrc, Field::SctpDst),
];

impl<'n> Explorer<'n> {
    pub(super) fn ct_next(&mut self, place: Place, tracking: Tracking, next: &CtNext, state: State) -> Done {
        let sent = state.set;
        for mut tracked in self.begin_connection(state.clone()) {
            match tracking {
                Tracking::Track => {
                    let (base, possible) = self.choices.tracking(&mut tracked.shape.asked, &mut self.sets);
                    self.note_trackings(&tracked);
                    tracked.set = self.sets.and(tracked.set, possible);
                    let [state, mark, _] = TRACKING_BITS;
                    tracked.shape.values.set(Field::CtState, Value::Run(base));
                    tracked.shape.values.set(Field::CtMark, Value::Run(base + state));
                    tracked.shape.values.set(Field::CtLabel, Value::Run(base + state + mark));
                    self.enter_next(place, next.table, tracked);
                }
                Tracking::CommitNat | Tracking::CommitToZone => {
                    self.track_unless_tracked(place, next.table, 0, tracked);
                }
            }
        }
        Done::sent(state, sent)
    }

    fn note_trackings(&mut self, state: &State) {
        if state.shape.asked.trackings > 1 {
            self.notes.insert(NO_MEMORY);
        }
    }

    pub(super) fn enter_next(&mut self, place: Place, table: u8, state: State) {
        let hops = place.hops + u16::from(table <= place.table);
        self.enter(Place { hops, table, ..place }, state);
    }

    /// Tracks what has not been tracked yet, then goes on; in any case some flags are set.
    fn track_unless_tracked(&mut self, place: Place, table: u8, flags: u128, state: State) {
        let tracked =
            self.holds(&Test::Equal { field: Field::CtState, value: TRACKED, mask: TRACKED }, &state);
        let (mut before, mut now) = self.split(state, tracked);
        if !before.set.is_empty() {
            self.add_state(None, flags, &mut before);
            self.enter_next(place, table, before);
        }
        if !now.set.is_empty() {
            let (base, possible) = self.choices.tracking(&mut now.shape.asked, &mut self.sets);
            self.note_trackings(&now);
            now.set = self.sets.and(now.set, possible);
            self.add_state(Some(base), flags, &mut now);
            self.enter_next(place, table, now);
        }
    }

    /// Adds flags to the state of tracking, and those that another tracking found.
    fn add_state(&mut self, found: Option<Var>, flags: u128, state: &mut State) {
        let Some(before) = state.shape.values.bits(Field::CtState, 0, 8) else { return };
        let sum = found.map(|_| self.choices.sum(state.shape.asked));
        let mut after = Vec::new();
        for (i, bit) in (0..8).zip(before) {
            let found = found.map(|base| base + 7 - i);
            after.push(match (bit, found) {
                _ if flags >> i & 1 == 1 => Bit::Known(true),
                (Bit::Known(true), _) => Bit::Known(true),
                (bit, None) => bit,
                (Bit::Known(false), Some(found)) => Bit::Of(found),
                (Bit::Of(before), Some(found)) => {
                    let result = sum.unwrap_or_default() + 7 - i;
                    let is_either = self.is_either(result, before, found);
                    state.set = self.sets.and(state.set, is_either);
                    Bit::Of(result)
                }
            });
        }
        state.shape.values.set_bits(Field::CtState, 0, &after);
    }

    /// That one bit is set exactly if one of two others is.
    fn is_either(&mut self, result: Var, left: Var, right: Var) -> Set {
        let [result, left, right] = [result, left, right].map(|var| self.sets.bit(var, true));
        let either = self.sets.or(left, right);
        let (more, less) = (self.sets.minus(result, either), self.sets.minus(either, result));
        let differ = self.sets.or(more, less);
        self.sets.not(differ)
    }

    /// What the tracker would say of the packet that began the connection: it is this one. Split by protocol where
    /// somebody looks at that packet's ports.
    fn begin_connection(&mut self, state: State) -> Vec<State> {
        let mut state = state;
        for (to, from) in [
            (Field::CtNwProto, Field::IpProto),
            (Field::CtNwSrc, Field::Ipv4Src),
            (Field::CtNwDst, Field::Ipv4Dst),
            (Field::CtIpv6Src, Field::Ipv6Src),
            (Field::CtIpv6Dst, Field::Ipv6Dst),
        ] {
            let value = state.shape.values.get(from);
            state.shape.values.set(to, value);
        }
        let (of_ports, other) = self.by_protocol(state);
        let with_ports = of_ports.into_iter().map(|((_, src, dst), mut state)| {
            for (to, from) in [(Field::CtTpSrc, src), (Field::CtTpDst, dst)] {
                let value = state.shape.values.get(from);
                state.shape.values.set(to, value);
            }
            state
        });
        with_ports.chain([other]).filter(|state| !state.set.is_empty()).collect()
    }

    /// Splits packets by their protocol, if it has ports.
    fn by_protocol(&mut self, state: State) -> (Vec<(Protocol, State)>, State) {
        let mut rest = state;
        let mut of_ports = Vec::new();
        for protocol in PORTS {
            let of = self.equal(Field::IpProto, protocol.0, &rest);
            let (these, others) = self.split(rest, of);
            rest = others;
            if !these.set.is_empty() {
                of_ports.push((protocol, these));
            }
        }
        (of_ports, rest)
    }

    pub(super) fn ct_nat(&mut self, place: Place, nat: &CtNat, state: State) -> Done {
        let is_destination = nat.kind.is_destination();
        let Some(target) = nat.target else {
            self.notes.insert(NO_UNNAT);
            if !is_destination && self.datapath(place).has_l3_gateway() {
                return Done::on([state]);
            }
            let sent = state.set;
            for tracked in self.begin_connection(state.clone()) {
                self.track_unless_tracked(place, nat.table, 0, tracked);
            }
            return Done::sent(state, sent);
        };
        let sent = state.set;
        for mut translated in self.begin_connection(state.clone()) {
            set_address(&mut translated, is_destination, target.address);
            let flag = if is_destination { DNAT } else { SNAT };
            let Some((port, None)) = target.ports else {
                self.track_unless_tracked(place, nat.table, flag, translated);
                continue;
            };
            let (of_ports, other) = self.by_protocol(translated);
            for ((_, src, dst), mut state) in of_ports {
                state.shape.values.set_constant(if is_destination { dst } else { src }, port.into());
                self.track_unless_tracked(place, nat.table, flag, state);
            }
            self.track_unless_tracked(place, nat.table, flag, other);
        }
        Done::sent(state, sent)
    }

    /// Any backend of the packet's family may be chosen.
    pub(super) fn ct_lb(&mut self, place: Place, lb: &CtLb, state: State) -> Done {
        let sent = state.set;
        for tracked in self.begin_connection(state.clone()) {
            let mut rest = tracked;
            for (kind, is_v4) in [(0x0800, true), (0x86dd, false)] {
                let of = self.equal(Field::EthType, kind, &rest);
                let (these, others) = self.split(rest, of);
                rest = others;
                if !these.set.is_empty() {
                    self.balance(place, lb, is_v4, these);
                }
            }
            self.enter_next(place, lb.table, rest);
        }
        Done::sent(state, sent)
    }

    fn balance(&mut self, place: Place, lb: &CtLb, is_v4: bool, state: State) {
        let fitting: Vec<_> =
            lb.backends.iter().filter(|backend| backend.address.is_ipv4() == is_v4).collect();
        if fitting.is_empty() {
            self.track_again(place, lb.table, 0, state);
            return;
        }
        let number = state.shape.asked.picks;
        let (portless, with_port): (Vec<_>, Vec<_>) =
            fitting.into_iter().partition(|backend| backend.port == 0);
        for backends in [portless, with_port] {
            let Some(first) = backends.first() else { continue };
            let mut chosen = state.clone();
            chosen.shape.asked.picks = number.saturating_add(1);
            let any = backends.iter();
            let any = any.map(|b| self.choices.backend(number, b.address, b.port, &mut self.sets)).collect();
            let any = self.sets.or_all(any);
            chosen.set = self.sets.and(chosen.set, any);
            let (address, port) = self.choices.backend_vars(number, is_v4);
            let field = if is_v4 { Field::Ipv4Dst } else { Field::Ipv6Dst };
            chosen.shape.values.set(field, Value::Run(address));
            if first.port == 0 {
                self.track_again(place, lb.table, DNAT, chosen);
                continue;
            }
            let (of_ports, other) = self.by_protocol(chosen);
            for ((.., dst), mut state) in of_ports {
                state.shape.values.set(dst, Value::Run(port));
                self.track_again(place, lb.table, DNAT, state);
            }
            self.track_again(place, lb.table, DNAT, other);
        }
    }

    /// Tracks whether or not it has been done.
    fn track_again(&mut self, place: Place, table: u8, flags: u128, mut state: State) {
        if state.set.is_empty() {
            return;
        }
        let (base, possible) = self.choices.tracking(&mut state.shape.asked, &mut self.sets);
        state.set = self.sets.and(state.set, possible);
        self.add_state(Some(base), flags, &mut state);
        self.enter_next(place, table, state);
    }

    pub(super) fn ct_state_save(&mut self, result: &FieldRef, state: State) -> Vec<State> {
        let tracked =
            self.holds(&Test::Equal { field: Field::CtState, value: TRACKED, mask: TRACKED }, &state);
        let (mut yes, mut no) = self.split(state, tracked);
        let bits = yes.shape.values.bits(Field::CtState, 0, 8).unwrap_or_default();
        write(result, &bits, &mut yes);
        write(result, &[], &mut no);
        vec![yes, no]
    }

    pub(super) fn select(&mut self, place: Place, select: &Select, state: State) -> Done {
        let number = state.shape.asked.picks;
        for (value, _) in &select.values {
            let mut chosen = state.clone();
            chosen.shape.asked.picks = number.saturating_add(1);
            let picked = self.choices.pick(number, Pick::Value(*value), &mut self.sets);
            chosen.set = self.sets.and(chosen.set, picked);
            let bits: Vec<Bit> = (0..16).map(|i| Bit::Known(value >> i & 1 == 1)).collect();
            write(&select.result, &bits, &mut chosen);
            self.enter_next(place, select.table, chosen);
        }
        let sent = if select.values.is_empty() { Set::NONE } else { state.set };
        Done::sent(state, sent)
    }

    pub(super) fn forward_group(&mut self, place: Place, group: &ForwardGroup, state: State) -> Done {
        let names = self.network.names(self.datapath(place));
        let keys: Vec<u32> =
            group.child_ports.iter().filter_map(|port| lflow::expr::port_key(port, &names)).collect();
        let number = state.shape.asked.picks;
        for &key in &keys {
            let mut chosen = state.clone();
            chosen.shape.asked.picks = number.saturating_add(1);
            let picked = self.choices.pick(number, Pick::Port(key), &mut self.sets);
            chosen.set = self.sets.and(chosen.set, picked);
            chosen.shape.values.set_constant(Field::Reg(15), key.into());
            self.output(place, chosen);
        }
        let sent = if keys.is_empty() { Set::NONE } else { state.set };
        Done::sent(state, sent)
    }

    /// The packets between equal addresses whose connection was for the address and port of a load balancer.
    pub(super) fn is_to_itself(&mut self, check: Check, state: &State) -> Set {
        let mut any = Vec::new();
        let tables = self.network.tables();
        let vips = tables.load_balancer.values().flat_map(|row| row.vips.iter());
        for ((address, port), backends) in vips.filter_map(|(vip, to)| Some((parse_vip(vip)?, to))) {
            let (of_connection, src, dst, value, kind) = match address {
                IpAddr::V4(address) => {
                    (Field::CtNwDst, Field::Ipv4Src, Field::Ipv4Dst, address.to_bits().into(), 0x0800)
                }
                IpAddr::V6(address) => {
                    (Field::CtIpv6Dst, Field::Ipv6Src, Field::Ipv6Dst, address.to_bits(), 0x86dd)
                }
            };
            let whole = |field: Field, value| Test::Equal { field, value, mask: field.full_mask() };
            let values = &state.shape.values;
            let ends = match values.constant(dst) {
                _ if values.get(dst) == values.get(of_connection) => vec![value],
                Some(constant) => vec![constant],
                // One of those that the load balancer chose from.
                None => {
                    backends.split(',').filter_map(|backend| Some(number(parse_vip(backend)?.0))).collect()
                }
            };
            for end in ends {
                let mut tests = vec![whole(src, end), whole(dst, end), whole(of_connection, value)];
                tests.push(whole(Field::EthType, kind));
                tests.push(if check == Check::LbHairpin {
                    whole(Field::CtTpDst, port.into())
                } else {
                    let of = |(protocol, _, field): Protocol| {
                        Test::All(vec![whole(Field::IpProto, protocol), whole(field, port.into())])
                    };
                    Test::Any(PORTS.map(of).to_vec())
                });
                let test = Test::All(tests);
                // Most are known not to: a sender has few addresses.
                if test.known(&state.shape.values, &self.given[state.shape.given]) != Some(false) {
                    any.push(self.holds(&test, state));
                }
            }
        }
        self.sets.or_all(any)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn parse_vip(vip: &str) -> Option<(IpAddr, u16)> {
    match vip.parse::<SocketAddr>() {
        Ok(vip) => Some((vip.ip(), vip.port())),
        Err(_) => vip.trim_matches(['[', ']']).parse().ok().map(|address| (address, 0)),
    }
}

fn set_address(state: &mut State, is_destination: bool, address: IpAddr) {
    let (field, value) = match (address, is_destination) {
        (IpAddr::V4(address), true) => (Field::Ipv4Dst, address.to_bits().into()),
        (IpAddr::V4(address), false) => (Field::Ipv4Src, address.to_bits().into()),
        (IpAddr::V6(address), true) => (Field::Ipv6Dst, address.to_bits()),
        (IpAddr::V6(address), false) => (Field::Ipv6Src, address.to_bits()),
    };
    state.shape.values.set_constant(field, value);
}

pub(super) fn original(what: CtOriginal, result: &FieldRef, state: &mut State) {
    let field = match what {
        CtOriginal::Ipv4Destination => Field::CtNwDst,
        CtOriginal::Ipv6Destination => Field::CtIpv6Dst,
        CtOriginal::DestinationPort => Field::CtTpDst,
        CtOriginal::Protocol => Field::CtNwProto,
    };
    let bits = state.shape.values.bits(field, 0, field.bits()).unwrap_or_default();
    write(result, &bits, state);
}
