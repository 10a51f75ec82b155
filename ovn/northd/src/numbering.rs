//! The table numbers of stages in the southbound database.
//!
//! Numbers matter to nobody but who writes flows and who reads them, as long as a stage comes before the next one. But
//! there is not room for many: controllers of long-supported releases (23.03) have 29 tables in a pipeline, and their
//! databases refuse numbers above 32. So a stage to which no feature writes has no table, and is
//! jumped over; the others are counted from 0. Whoever wants to know the stage of a flow looks at its
//! `external_ids:stage-name`.

use lflow::pipeline::{DatapathKind, Pipeline, Stage};

/// The `Logical_Flow.table_id` of a stage, if flows are written to it.
pub fn table(stage: Stage) -> Option<u8> {
    let before = |other: &Stage| other.table() < stage.table() && has_table(*other);
    has_table(stage).then(|| {
        let count = Stage::of(stage.datapath(), stage.pipeline()).filter(before).count();
        u8::try_from(count).expect("a pipeline has few stages")
    })
}

/// The stages of a kind of datapath that have a table.
pub fn stages(kind: DatapathKind, pipeline: Pipeline) -> impl Iterator<Item = Stage> {
    Stage::of(kind, pipeline).filter(|stage| has_table(*stage))
}

fn has_table(stage: Stage) -> bool {
    !IDLE.contains(&stage)
}

/// Stages of features that are not there yet and that those releases do not have either.
const IDLE: &[Stage] = &[
    Stage::LsInMirror,
    Stage::LsInAclSample,
    Stage::LsInCtExtract,
    Stage::LsInAclAfterLbSample,
    Stage::LsInPreNetworkFunction,
    Stage::LsInNetworkFunction,
    Stage::LsInArpNdPreLookup,
    Stage::LsOutAclSample,
    Stage::LsOutMirror,
    Stage::LsOutPreNetworkFunction,
    Stage::LsOutNetworkFunction,
    Stage::LrInDhcpRelayReq,
    Stage::LrInPostUnsnat,
    Stage::LrInCtExtract,
    Stage::LrInDhcpRelayRespChk,
    Stage::LrInDhcpRelayResp,
    Stage::LrInNetworkId,
    Stage::LrInEcmpStatefulEgr,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_and_stay_small_enough_for_old_controllers() {
        for kind in [DatapathKind::Switch, DatapathKind::Router] {
            for pipeline in [Pipeline::Ingress, Pipeline::Egress] {
                let tables: Vec<u8> = stages(kind, pipeline).filter_map(table).collect();
                let expected: Vec<u8> = (0..).take(tables.len()).collect();
                assert_eq!(tables, expected);
                assert!(tables.len() <= 29);
            }
        }
        assert_eq!(table(Stage::LsInMirror), None);
        assert_eq!(table(Stage::LsInLookupFdb), Some(2));
    }
}
