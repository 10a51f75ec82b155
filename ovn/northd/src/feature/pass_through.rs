//! Every stage that has nothing to do lets packets pass.
//!
//! Stages: all that have a table, but those whose own feature says what happens to a packet that nothing else matches.

use lflow::pipeline::{DatapathKind, Pipeline, Stage};

use crate::flows::FlowSink;
use crate::model::{Router, Switch};
use crate::network::View;
use crate::numbering;

/// `next;` at priority 0.
pub fn switch_flows(_: &Switch, _: &View<'_>, flows: &mut FlowSink<'_>) {
    pass(DatapathKind::Switch, flows);
}

/// `next;` at priority 0.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    pass(DatapathKind::Router, flows);
}

fn pass(kind: DatapathKind, flows: &mut FlowSink<'_>) {
    for pipeline in [Pipeline::Ingress, Pipeline::Egress] {
        for stage in numbering::stages(kind, pipeline).filter(|stage| !DECIDES.contains(stage)) {
            flows.flow(stage, 0, "1", "next;");
        }
    }
}

/// Stages where a packet does not simply pass. Their features say what happens to all others.
const DECIDES: &[Stage] = &[
    Stage::LsInCheckPortSec,
    Stage::LsInL2Lkup,
    Stage::LsInL2Unknown,
    Stage::LsOutCheckPortSec,
    Stage::LsOutApplyPortSec,
    Stage::LrInAdmission,
    Stage::LrInLookupNeighbor,
    Stage::LrInLearnNeighbor,
    Stage::LrInIpRouting,
    Stage::LrInIpRoutingEcmp,
    Stage::LrInArpResolve,
    Stage::LrInArpRequest,
    Stage::LrOutDelivery,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lflow::pipeline::{DatapathKind, Pipeline, Stage};

    use crate::numbering;
    use crate::output::Output;
    use crate::tests::fixture::Fixture;

    /// Whatever a packet is, every stage has a flow for it.
    #[test]
    fn every_stage_has_a_flow_for_every_packet() {
        let fixture = Fixture::new("ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 unknown; lr-add lr0");
        let mut catch_all: BTreeMap<Stage, u16> = BTreeMap::new();
        for (_, outputs) in fixture.inputs.engine.units() {
            for output in outputs {
                if let Output::Flow { flow, .. } = output
                    && &*flow.flow.matches == "1"
                {
                    *catch_all.entry(flow.flow.stage).or_default() += 1;
                }
            }
        }
        let kinds = [DatapathKind::Switch, DatapathKind::Router].into_iter();
        let stages = kinds.flat_map(|kind| {
            [Pipeline::Ingress, Pipeline::Egress]
                .into_iter()
                .flat_map(move |pipeline| numbering::stages(kind, pipeline))
        });
        assert_eq!(catch_all, stages.map(|stage| (stage, 1)).collect());
    }
}
