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

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    #[test]
    fn addresses_of_local_switches_are_looked_up() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.learned("a", "00:00:00:00:00:77", 1, 7);
        let tables = [tables::GET_FDB, tables::LOOKUP_FDB];
        assert_eq!(lab.show(&tables), "");
        insta::assert_snapshot!(lab.difference(&tables, |lab| lab.interface("p1", Some(2))), @r"
        + table=95, priority=100,metadata=0x1,dl_dst=00:00:00:00:00:77 actions=set_field:0x7->reg15
        + table=96, priority=100,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:77 actions=set_field:0x100/0x100->reg10
        ");
        insta::assert_snapshot!(lab.difference(&tables, |lab| lab.learned("a", "00:00:00:00:00:77", 1, 8)), @r"
        - table=95, priority=100,metadata=0x1,dl_dst=00:00:00:00:00:77 actions=set_field:0x7->reg15
        - table=96, priority=100,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:77 actions=set_field:0x100/0x100->reg10
        + table=95, priority=100,metadata=0x1,dl_dst=00:00:00:00:00:77 actions=set_field:0x8->reg15
        + table=96, priority=100,reg14=0x8,metadata=0x1,dl_src=00:00:00:00:00:77 actions=set_field:0x100/0x100->reg10
        ");
    }
}
