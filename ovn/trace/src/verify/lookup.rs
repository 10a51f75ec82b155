//! Neighbours and forwarding entries, as the tables of the database say now, and the addresses that ports may use.

use super::act::write;
use super::explore::{Explorer, Place, State};
use super::flows::Test;
use super::sets::Set;
use super::values::{Bit, all_of};
use crate::walk::port_security;
use lflow::action::{FdbScope, GetFdb, GetNeighbor, LookupFdb, LookupNeighbor, NeighborProtocol};
use lflow::symbols::FieldRef;
use openflow::Field;
use packet::MacAddr;
use std::net::IpAddr;

fn number(mac: &str) -> Option<u128> {
    let MacAddr(octets) = mac.parse().ok()?;
    Some(octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet)))
}

impl<'n> Explorer<'n> {
    /// The packets of which some bits have a value.
    fn bits_are(&mut self, bits: &[Bit], value: u128) -> Set {
        let wanted = bits.iter().enumerate().map(|(i, bit)| (*bit, value >> i & 1 == 1)).collect();
        all_of(wanted, &mut self.sets)
    }

    /// Addresses with the MAC address that they are known to have behind a port: what was configured to override, what
    /// was learned, what was configured otherwise.
    fn bindings(&self, place: Place, protocol: NeighborProtocol, key: u32) -> Vec<(u128, u128)> {
        let Some(port) = self.datapath(place).port(key) else { return Vec::new() };
        let name = &*port.row.logical_port;
        let address = |text: &str| match (text.parse().ok()?, protocol) {
            (IpAddr::V4(address), NeighborProtocol::Arp) => Some(address.to_bits().into()),
            (IpAddr::V6(address), NeighborProtocol::Nd) => Some(address.to_bits()),
            _ => None,
        };
        let tables = self.network.tables();
        let mut found = Vec::new();
        for overriding in [true, false] {
            if !overriding {
                let rows = tables.mac_binding.values().filter(|row| *row.logical_port == *name);
                found.extend(rows.map(|row| (row.ip.clone(), row.mac.clone())));
            }
            let rows = tables.static_mac_binding.values();
            let rows =
                rows.filter(|row| row.override_dynamic_mac == overriding && *row.logical_port == *name);
            found.extend(rows.map(|row| (row.ip.clone(), row.mac.clone())));
        }
        found.iter().filter_map(|(ip, mac)| Some((address(ip)?, number(mac)?))).collect()
    }

    /// Splits packets by the value of a field that holds a port; the last ones are those of no known port.
    fn by_port_field(&mut self, place: Place, field: &FieldRef, state: State) -> Vec<(u32, State)> {
        let bits = self.read(field, &state);
        let mut rest = state;
        let mut parts = Vec::new();
        for key in self.datapath(place).keys() {
            if rest.set.is_empty() {
                break;
            }
            let of = self.bits_are(&bits, key.into());
            let (these, others) = self.split(rest, of);
            rest = others;
            if !these.set.is_empty() {
                parts.push((key, these));
            }
        }
        if !rest.set.is_empty() {
            parts.push((0, rest));
        }
        parts
    }

    pub(super) fn get_neighbor(&mut self, place: Place, get: &GetNeighbor, state: State) -> Vec<State> {
        let mut all = Vec::new();
        for (key, state) in self.by_port_field(place, &get.port, state) {
            let bits = self.read(&get.ip, &state);
            let mut rest = state;
            for (ip, mac) in self.bindings(place, get.protocol, key) {
                let of = self.bits_are(&bits, ip);
                let (mut these, others) = self.split(rest, of);
                these.shape.values.set_constant(Field::EthDst, mac);
                all.push(these);
                rest = others;
            }
            rest.shape.values.set_constant(Field::EthDst, 0);
            all.push(rest);
        }
        all
    }

    pub(super) fn lookup_neighbor(
        &mut self,
        place: Place,
        lookup: &LookupNeighbor,
        state: State,
    ) -> Vec<State> {
        let mut all = Vec::new();
        for (key, state) in self.by_port_field(place, &lookup.port, state) {
            let bits = self.read(&lookup.ip, &state);
            let mac_bits = lookup.mac.as_ref().map(|mac| self.read(mac, &state));
            let mut known = Vec::new();
            for (ip, mac) in self.bindings(place, lookup.protocol, key) {
                let of = self.bits_are(&bits, ip);
                let with = mac_bits.as_ref().map_or(Set::ALL, |bits| self.bits_are(bits, mac));
                known.push(self.sets.and(of, with));
            }
            let known = self.sets.or_all(known);
            all.extend(self.set_bit(&lookup.result, known, state));
        }
        all
    }

    /// The addresses that were seen on the datapath, and the keys of their ports.
    fn seen(&self, place: Place) -> Vec<(u128, u128)> {
        let datapath = i64::from(self.datapath(place).key);
        let rows = self.network.tables().fdb.values().filter(|row| row.dp_key == datapath);
        rows.filter_map(|row| Some((number(&row.mac)?, u128::try_from(row.port_key).ok()?))).collect()
    }

    pub(super) fn get_fdb(&mut self, place: Place, get: &GetFdb, state: State) -> Vec<State> {
        let mut rest = state;
        let mut all = Vec::new();
        let seen = match get.scope {
            FdbScope::Local => self.seen(place),
            // Each chassis has its own.
            FdbScope::Remote => Vec::new(),
        };
        let bits = self.read(&get.mac, &rest);
        for (mac, port) in seen {
            let of = self.bits_are(&bits, mac);
            let (mut these, others) = self.split(rest, of);
            let port: Vec<Bit> = (0..32).map(|i| Bit::Known(port >> i & 1 == 1)).collect();
            write(&get.port, &port, &mut these);
            all.push(these);
            rest = others;
        }
        write(&get.port, &[], &mut rest);
        all.push(rest);
        all
    }

    pub(super) fn lookup_fdb(&mut self, place: Place, lookup: &LookupFdb, state: State) -> Vec<State> {
        let (mac, port) = (self.read(&lookup.mac, &state), self.read(&lookup.port, &state));
        let mut known = Set::NONE;
        let mut earlier = Set::NONE;
        for (address, key) in self.seen(place) {
            let of = self.bits_are(&mac, address);
            let at = self.bits_are(&port, key);
            let here = self.sets.and(of, at);
            // The first entry of an address is the one that counts.
            let here = self.sets.minus(here, earlier);
            known = self.sets.or(known, here);
            earlier = self.sets.or(earlier, of);
        }
        self.set_bit(&lookup.result, known, state)
    }

    /// `bit = check_in_port_sec();` for the port of one register, `check_out_port_sec` for that of the other.
    pub(super) fn check_port_security(
        &mut self,
        place: Place,
        register: Field,
        result: &FieldRef,
        state: State,
    ) -> Vec<State> {
        let keys: Vec<u32> = match state.shape.values.constant(register) {
            Some(key) => vec![key as u32],
            None => self.datapath(place).keys().collect(),
        };
        let mut refused = Set::NONE;
        for key in keys {
            let Some(port) = self.datapath(place).port(key) else { continue };
            let rules = &port.row.port_security;
            if rules.is_empty() {
                continue;
            }
            let is_in = register == Field::Reg(14);
            let rules = rules.iter().filter_map(|text| port_security::Allowed::parse(text));
            let allowed =
                rules.map(|rule| if is_in { rule.may_send_test() } else { rule.may_receive_test() });
            let allowed = Test::Any(allowed.collect());
            let allowed = self.holds(&allowed, &state);
            let here = self.equal(register, key.into(), &state);
            let part = self.sets.minus(here, allowed);
            refused = self.sets.or(refused, part);
        }
        self.set_bit(result, refused, state)
    }
}
