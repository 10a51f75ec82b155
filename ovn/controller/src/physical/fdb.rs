//! MAC addresses that were learned at ports with unknown addresses.
//!
//! Writes tables 95 (where is an address?) and 96 (is it known to be there?). Upstream: lflow.c consider_fdb_flows.

use incr::{Emit, Reads};
use openflow::{Action, Field, Match};
use ovsdb::Uuid;

use super::Sink;
use crate::network::Network;
use crate::tables;

pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(learned) = net.learned_macs.get(reads, &row) else { return };
    if !net.local_keys.any(reads, &learned.datapath) {
        return;
    }
    let mut sink = Sink { emit, cookie: learned.cookie };
    let mac = u64::from_be_bytes({
        let [a, b, c, d, e, f] = learned.mac.0;
        [0, 0, a, b, c, d, e, f]
    });
    let on = || Match::any().with(tables::DATAPATH, learned.datapath);
    sink.flow(
        tables::GET_FDB,
        100,
        on().with(Field::EthDst, mac),
        vec![Action::set(tables::OUTPORT, learned.port)],
    );
    let known = on().with(Field::EthSrc, mac).with(tables::INPORT, learned.port);
    sink.flow(tables::LOOKUP_FDB, 100, known, vec![Action::set_bits(tables::FLAG_LOOKUP_FDB, 1_u8)]);
}
