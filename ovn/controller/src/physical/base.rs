//! Flows that are always there: what a table does with packets that no other flow of it takes.

use incr::Emit;
use openflow::{Action, Field, Match, Subfield};

use super::{Sink, steps};
use crate::network::Network;
use crate::tables;

pub(crate) fn flows(emit: &mut Emit<Network>) {
    let mut sink = Sink { emit, cookie: 0 };
    let mut miss = |table, actions| sink.flow(table, 0, Match::any(), actions);
    for table in [tables::PHY_TO_LOG, tables::LOCAL_OUTPUT, tables::LOG_TO_PHY] {
        miss(table, vec![]);
    }
    miss(tables::OUTPUT_LARGE_PKT_DETECT, vec![steps::go(tables::REMOTE_OUTPUT)]);
    miss(tables::OUTPUT_LARGE_PKT_PROCESS, vec![steps::go(tables::REMOTE_OUTPUT)]);
    miss(tables::REMOTE_OUTPUT, vec![steps::go(tables::REMOTE_VTEP_OUTPUT)]);
    miss(tables::REMOTE_VTEP_OUTPUT, vec![steps::go(tables::LOCAL_OUTPUT)]);
    // The egress pipeline begins with registers that are zero.
    let registers = [Field::XXReg(0), Field::XXReg(1), Field::XReg(4)];
    let clear = registers.into_iter().map(|register| Action::set(register, 0_u8));
    miss(tables::CHECK_LOOPBACK, clear.chain([steps::go(tables::LOG_EGRESS)]).collect());
    miss(tables::SAVE_INPORT, vec![steps::go(tables::LOG_TO_PHY)]);

    let flag = |bits: &[(Subfield, bool)]| {
        let add = |m: Match, &(bit, set): &(Subfield, bool)| {
            m.with_masked(bit.field, if set { bit.mask() } else { 0 }, bit.mask())
        };
        bits.iter().fold(Match::any(), add)
    };
    let local = vec![steps::go(tables::LOCAL_OUTPUT)];
    // Made too large on the way back to where it came from: it stays here.
    let loops = flag(&[(tables::FLAG_LOOPBACK, true)]);
    sink.flow(tables::OUTPUT_LARGE_PKT_PROCESS, 10, loops, local.clone());
    // From a hardware gateway, which floods its tunnels itself.
    let from_gateway = flag(&[(tables::FLAG_RCV_FROM_RAMP, true), (tables::FLAG_LOOPBACK, false)]);
    sink.flow(tables::REMOTE_OUTPUT, 150, from_gateway, local.clone());
    sink.flow(tables::REMOTE_OUTPUT, 150, flag(&[(tables::FLAG_LOCAL_ONLY, true)]), local);
}

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    #[test]
    fn every_packet_has_somewhere_to_go() {
        let all = [
            tables::PHY_TO_LOG,
            tables::OUTPUT_LARGE_PKT_DETECT,
            tables::OUTPUT_LARGE_PKT_PROCESS,
            tables::REMOTE_OUTPUT,
            tables::REMOTE_VTEP_OUTPUT,
            tables::LOCAL_OUTPUT,
            tables::CHECK_LOOPBACK,
            tables::SAVE_INPORT,
            tables::LOG_TO_PHY,
        ];
        let mut lab = Lab::new();
        lab.rows.host.tunnels.clear();
        lab.interface("nobody", None);
        insta::assert_snapshot!(lab.show(&all), @r"
        table=0, priority=0 actions=drop
        table=52, priority=0 actions=resubmit(,54)
        table=53, priority=0 actions=resubmit(,54)
        table=53, priority=10,reg10=0x1/0x1 actions=resubmit(,56)
        table=54, priority=0 actions=resubmit(,55)
        table=54, priority=150,reg10=0x2/0x3 actions=resubmit(,56)
        table=54, priority=150,reg10=0x10/0x10 actions=resubmit(,56)
        table=55, priority=0 actions=resubmit(,56)
        table=56, priority=0 actions=drop
        table=57, priority=0 actions=set_field:0->xxreg0,set_field:0->xxreg1,set_field:0->xreg4,resubmit(,62)
        table=88, priority=0 actions=resubmit(,89)
        table=89, priority=0 actions=drop
        ");
    }
}
