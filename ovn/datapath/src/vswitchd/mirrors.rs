//! Mirrors that the database asks for (ovs-vswitchd.conf.db(5), table Mirror).

use std::collections::BTreeSet;

use openflow::PortNo;
use ovsdb::{Str, Transaction, Uuid};
use schema::TypedRow;
use schema::vswitch::{self, Tables};

use super::Vswitchd;
use crate::mirror::{MirrorConfig, MirrorOut};

/// Mirrors of one bridge. Those of more rows are left out.
const MIRRORS_MAX: usize = 32;

/// A row, with the names of interfaces in the place of ports.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MirrorRow {
    pub row: Uuid,
    name: Str,
    all: bool,
    src: BTreeSet<Str>,
    dst: BTreeSet<Str>,
    vlans: BTreeSet<u16>,
    out: Out,
    snaplen: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
enum Out {
    Interface(Str),
    Vlan(u16),
}

/// The mirrors of a bridge. A row that says nowhere for copies to go is none.
pub(super) fn read(tables: &Tables, bridge: &vswitch::Bridge) -> Vec<MirrorRow> {
    let interfaces = |ports: &BTreeSet<Uuid>| -> BTreeSet<Str> {
        let ports = ports.iter().filter_map(|uuid| tables.port.get(uuid));
        let interfaces =
            ports.flat_map(|port| &port.interfaces).filter_map(|uuid| tables.interface.get(uuid));
        interfaces.map(|interface| interface.name.clone()).collect()
    };
    let vid = |vid: &i64| u16::try_from(*vid).ok();
    let rows = bridge.mirrors.iter().filter_map(|uuid| tables.mirror.get(uuid));
    let read = rows.filter_map(|row| {
        let port = row.output_port.and_then(|port| interfaces(&[port].into()).pop_first());
        let vlan = row.output_vlan.as_ref().and_then(vid);
        Some(MirrorRow {
            row: row.uuid,
            name: row.name.clone(),
            all: row.select_all,
            src: interfaces(&row.select_src_port),
            dst: interfaces(&row.select_dst_port),
            vlans: row.select_vlan.iter().filter_map(vid).collect(),
            out: port.map(Out::Interface).or(vlan.map(Out::Vlan))?,
            snaplen: row.snaplen.and_then(|len| u32::try_from(len).ok()),
        })
    });
    read.take(MIRRORS_MAX).collect()
}

impl Vswitchd {
    /// Gives the bridges their mirrors, by the numbers that ports have now.
    pub(super) fn apply_mirrors(&mut self) {
        for (name, state) in &self.bridges {
            let Some(config) = self.config.bridges.get(name) else { continue };
            let number = |name: &Str| self.interfaces.get(name).and_then(|interface| interface.number);
            let numbers =
                |names: &BTreeSet<Str>| -> BTreeSet<PortNo> { names.iter().filter_map(number).collect() };
            let mirrors = config.mirrors.iter().filter_map(|mirror| {
                Some(MirrorConfig {
                    name: mirror.name.to_string(),
                    all: mirror.all,
                    src: numbers(&mirror.src),
                    dst: numbers(&mirror.dst),
                    vlans: mirror.vlans.clone(),
                    out: match &mirror.out {
                        Out::Interface(name) => MirrorOut::Port(number(name)?),
                        Out::Vlan(vlan) => MirrorOut::Vlan(*vlan),
                    },
                    snaplen: mirror.snaplen,
                })
            });
            self.switch.set_mirrors(state.id, mirrors.collect());
        }
    }

    /// Writes what mirrors have copied.
    pub(super) fn mirror_statistics(&self, txn: &mut Transaction) {
        for (name, state) in &self.bridges {
            let Some(config) = self.config.bridges.get(name) else { continue };
            for (mirror, packets, octets) in self.switch.mirror_counts(state.id) {
                let row = config.mirrors.iter().find(|row| *row.name == *mirror).map(|row| row.row);
                let Some(row) = row.and_then(|row| self.tables.mirror.get(&row)) else { continue };
                let mut new = vswitch::Mirror::clone(row);
                let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
                new.statistics =
                    [("tx_packets".into(), count(packets)), ("tx_bytes".into(), count(octets))].into();
                txn.update(vswitch::Mirror::TABLE, row.uuid, row.diff(&new));
            }
        }
    }
}
