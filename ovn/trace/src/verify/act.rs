//! What actions do to sets of packets. Where what happens depends on the packet, its set is split.

use super::explore::{Explorer, Place, State};
use super::flows::Test;
use super::sets::Set;
use super::values::{Bit, Value};
use crate::fields::TRACKING;
use lflow::action::{Action, Check, Constant, DhcpRelay, Exchange, Load, Next, RelayDirection};
use lflow::expr;
use lflow::symbols::FieldRef;
use openflow::Field;

/// What an action leaves.
pub(super) struct Done {
    /// The packets that the next action is for.
    pub(super) on: Vec<State>,
    /// The packets that went somewhere.
    pub(super) sent: Set,
}

impl Done {
    /// The packets go on to the next action.
    pub(super) fn on(states: impl Into<Vec<State>>) -> Self {
        Self { on: states.into(), sent: Set::NONE }
    }

    /// The packets went somewhere, and go on.
    pub(super) fn sent(state: State, sent: Set) -> Self {
        Self { on: vec![state], sent }
    }
}

impl<'n> Explorer<'n> {
    /// Does actions one by one. Gives the packets that went somewhere.
    pub(super) fn actions(&mut self, place: Place, actions: &[Action], start: State) -> Set {
        let mut sent = Set::NONE;
        let mut todo = vec![(0, start)];
        while let Some((i, state)) = todo.pop() {
            let Some(action) = actions.get(i) else { continue };
            let done = self.action(place, action, state);
            sent = self.sets.or(sent, done.sent);
            todo.extend(
                done.on.into_iter().filter(|state| !state.set.is_empty()).map(|state| (i + 1, state)),
            );
        }
        sent
    }

    fn action(&mut self, place: Place, action: &Action, mut state: State) -> Done {
        match action {
            Action::Output => return self.output(place, state),
            Action::Next(next) => return self.next(place, *next, state),
            Action::Load(load) => self.load(place, load, &mut state),
            Action::Move(r#move) => {
                let bits = self.read(&r#move.from, &state);
                write(&r#move.to, &bits, &mut state);
            }
            Action::Exchange(exchange) => self.exchange(exchange, &mut state),
            Action::Push(field) => {
                let bits = self.read(field, &state);
                state.shape.stack.push(bits);
            }
            Action::Pop(field) => pop(field, &mut state),
            Action::DecrementTtl => return Done::on(self.decrement_ttl(state)),
            Action::CtClear => clear_tracking(&mut state),
            Action::CtNext(tracking, next) => return self.ct_next(place, *tracking, next, state),
            Action::CtNat(nat) => return self.ct_nat(place, nat, state),
            Action::CtLb(lb) => return self.ct_lb(place, lb, state),
            Action::CtOriginal(what, result) => super::conntrack::original(*what, result, &mut state),
            Action::CtStateSave(result) => return Done::on(self.ct_state_save(result, state)),
            Action::Select(select) => return self.select(place, select, state),
            Action::ForwardGroup(group) => return self.forward_group(place, group, state),
            Action::Clone(actions) => self.clone_packet(place, actions, &mut state),
            Action::Replace(kind, actions) => self.replace(place, *kind, actions, &state),
            Action::GetNeighbor(get) => return Done::on(self.get_neighbor(place, get, state)),
            Action::LookupNeighbor(lookup) => return Done::on(self.lookup_neighbor(place, lookup, state)),
            Action::GetFdb(get) => return Done::on(self.get_fdb(place, get, state)),
            Action::LookupFdb(lookup) => return Done::on(self.lookup_fdb(place, lookup, state)),
            Action::Check(check, result) => return Done::on(self.check(place, *check, result, state)),
            Action::ChkEvpnArp(check) => self.fact(&check.result, false, &mut state),
            Action::CheckPktLarger(check) => self.fact(&check.result, false, &mut state),
            Action::PutDhcpOpts(put) | Action::PutDhcpv6Opts(put) | Action::PutNdRaOpts(put) => {
                self.fact(&put.result, true, &mut state);
            }
            Action::DhcpRelay(relay) => self.relay(relay, &mut state),
            Action::DnsLookup(result) => self.dns_lookup(result, &mut state),
            Action::Mirror(port) => self.mirror(place, port, &state),
            // What these change is not in the packet, and not in what the database says of the network now.
            Action::LoadOvnField(_)
            | Action::CtSnatToVip
            | Action::CtCommit(_)
            | Action::PutNeighbor(_)
            | Action::PutFdb(_)
            | Action::MacCacheUse
            | Action::CommitEcmpNh(_)
            | Action::CommitLbAff(_)
            | Action::SetQueue(_)
            | Action::SetMeter(_)
            | Action::Sample(_)
            | Action::HandleSvcCheck(_)
            | Action::HandleBfdMsg
            | Action::HandleDhcpv6Reply
            | Action::Igmp
            | Action::BindVport(_)
            | Action::TriggerEvent(_)
            | Action::Log(_)
            | Action::FloodRemote => {}
        }
        Done::on([state])
    }

    fn exchange(&mut self, exchange: &Exchange, state: &mut State) {
        let (left, right) = (self.read(&exchange.left, state), self.read(&exchange.right, state));
        write(&exchange.left, &right, state);
        write(&exchange.right, &left, state);
    }

    fn clone_packet(&mut self, place: Place, actions: &[Action], state: &mut State) {
        state.shape.is_copy = true;
        self.actions(place, actions, state.clone());
    }

    fn relay(&mut self, relay: &DhcpRelay, state: &mut State) {
        match relay.direction {
            RelayDirection::Request => {}
            RelayDirection::Response => {
                state.shape.values.set_constant(Field::Ipv4Dst, u32::MAX.into());
                state.shape.values.set_constant(Field::EthDst, Field::EthDst.full_mask());
            }
        }
        self.fact(&relay.result, true, state);
    }

    fn next(&mut self, place: Place, next: Next, state: State) -> Done {
        let is_egress = next.pipeline == lflow::Pipeline::Egress;
        // Whoever goes back begins anew, so that loops end.
        let back = (is_egress, next.table) <= (place.is_egress, place.table);
        let hops = place.hops + u16::from(back);
        let sent = state.set;
        self.enter(Place { hops, is_egress, table: next.table, ..place }, state.clone());
        Done::sent(state, sent)
    }

    /// Some bits, the lowest first. Bits of what is counted are said to be unknown.
    pub(super) fn read(&mut self, field: &FieldRef, state: &State) -> Vec<Bit> {
        let Some((field, low, bits)) = field.openflow() else { return Vec::new() };
        match state.shape.values.bits(field, low, bits) {
            Some(bits) => bits,
            None => {
                self.notes.insert("a hop count is copied into another field: the copy is taken for zero");
                vec![Bit::Known(false); usize::from(bits)]
            }
        }
    }

    /// The packets of which a field has a value.
    pub(super) fn equal(&mut self, field: Field, value: u128, state: &State) -> Set {
        self.holds(&Test::Equal { field, value, mask: field.full_mask() }, state)
    }

    /// The packets for which a test holds, whether or not they are of the state's set.
    pub(super) fn holds(&mut self, test: &Test, state: &State) -> Set {
        test.set(&state.shape.values, &mut self.sets)
    }

    /// Splits packets into those of a set and the others.
    pub(super) fn split(&mut self, state: State, by: Set) -> (State, State) {
        let inside = self.sets.and(state.set, by);
        let outside = self.sets.minus(state.set, by);
        (State { set: inside, ..state.clone() }, State { set: outside, ..state })
    }

    /// Sets a bit to whether packets are of a set.
    pub(super) fn set_bit(&mut self, result: &FieldRef, by: Set, state: State) -> Vec<State> {
        let (mut yes, mut no) = self.split(state, by);
        write(result, &[Bit::Known(true)], &mut yes);
        write(result, &[Bit::Known(false)], &mut no);
        vec![yes, no]
    }

    /// Sets a bit to what is not to be seen from the packet's fields.
    fn fact(&mut self, result: &FieldRef, default: bool, state: &mut State) {
        let bit = self.choices.fact(&mut state.shape.asked, default);
        write(result, &[bit], state);
    }

    /// Whether the network knows an answer. What it has answered itself, which is when it sets that port, is no question.
    fn dns_lookup(&mut self, result: &FieldRef, state: &mut State) {
        const DNS: u128 = 53;
        match state.shape.values.constant(Field::UdpSrc) {
            Some(DNS) => write(result, &[Bit::Known(false)], state),
            Some(_) | None => self.fact(result, false, state),
        }
    }

    fn load(&mut self, place: Place, load: &Load, state: &mut State) {
        let (value, mask) = match &load.value {
            Constant::Integer(integer) => (integer.value, integer.mask.unwrap_or(u128::MAX)),
            Constant::String(name) => {
                let names = self.network.names(self.datapath(place));
                (expr::port_key(name, &names).unwrap_or(0).into(), u128::MAX)
            }
        };
        let mut bits = if mask == u128::MAX {
            let count = load.field.openflow().map_or(0, |(.., bits)| bits);
            vec![Bit::Known(false); usize::from(count)]
        } else {
            self.read(&load.field, state)
        };
        for (i, bit) in bits.iter_mut().enumerate() {
            if mask >> i & 1 == 1 {
                *bit = Bit::Known(value >> i & 1 == 1);
            }
        }
        write(&load.field, &bits, state);
    }

    /// One hop less. A packet that has none left goes no further.
    fn decrement_ttl(&mut self, state: State) -> Vec<State> {
        let [v4, v6] = [0x0800, 0x86dd].map(|kind| self.equal(Field::EthType, kind, &state));
        let ip = self.sets.or(v4, v6);
        let (ip, other) = self.split(state, ip);
        let [zero, one] = [0, 1].map(|hops| self.equal(Field::IpTtl, hops, &ip));
        let gone = self.sets.or(zero, one);
        let (_, mut alive) = self.split(ip, gone);
        let value = match alive.shape.values.get(Field::IpTtl) {
            Value::Constant(hops) => Value::Constant(hops.saturating_sub(1)),
            Value::Hops(fewer) => Value::Hops(fewer.saturating_add(1)),
            Value::Run(base) if Some(base) == super::values::base(Field::IpTtl) => Value::Hops(1),
            Value::Run(_) | Value::Bits(_) => {
                self.notes.insert("hops are counted down of a number that did not come with the packet");
                Value::Hops(1)
            }
        };
        alive.shape.values.set(Field::IpTtl, value);
        vec![alive, other]
    }

    fn check(&mut self, place: Place, check: Check, result: &FieldRef, mut state: State) -> Vec<State> {
        match check {
            Check::InPortSecurity => self.check_port_security(place, Field::Reg(14), result, state),
            Check::OutPortSecurity => self.check_port_security(place, Field::Reg(15), result, state),
            Check::LbHairpin | Check::LbHairpinReply => self.check_hairpin(check, result, state),
            Check::EcmpNextHopMac | Check::EcmpNextHop | Check::LbAffinity => {
                self.fact(result, false, &mut state);
                vec![state]
            }
        }
    }

    /// A hairpin is a connection from a backend to a load balancer that sends it to the same backend.
    fn check_hairpin(&mut self, check: Check, result: &FieldRef, mut state: State) -> Vec<State> {
        const DNAT: u128 = 0x80;
        let translated = Test::Equal { field: Field::CtState, value: DNAT, mask: DNAT };
        if translated.known(&state.shape.values, &self.given[state.shape.given]) == Some(false) {
            write(result, &[Bit::Known(false)], &mut state);
            return vec![state];
        }
        let translated = self.holds(&translated, &state);
        let hairpin = self.is_to_itself(check, &state);
        let hairpin = self.sets.and(hairpin, translated);
        self.set_bit(result, hairpin, state)
    }
}

/// Sets some bits, the lowest first.
pub(super) fn write(field: &FieldRef, bits: &[Bit], state: &mut State) {
    if let Some((field, low, count)) = field.openflow() {
        let mut bits = bits.to_vec();
        bits.resize(usize::from(count), Bit::Known(false));
        state.shape.values.set_bits(field, low, &bits);
    }
}

fn pop(field: &FieldRef, state: &mut State) {
    if let Some(bits) = state.shape.stack.pop() {
        write(field, &bits, state);
    }
}

pub(super) fn clear_tracking(state: &mut State) {
    for &field in TRACKING {
        state.shape.values.set(field, Value::Constant(0));
    }
}
