//! What becomes of a packet after the rules of a switch were asked, and what passes whatever they say.
//!
//! Stages: `acl_eval` and `acl_after_lb_eval` for what always passes, `acl_action` and `acl_after_lb_action` to carry
//! out a verdict, or to ask the next tier, or to do what `NB_Global.options:default_acl_drop` says. Nothing of this is
//! on a switch without rules. Unlike upstream, packets are not dropped by default after load balancing on a switch
//! that has no rule there: nothing could pass. Upstream: build_acls, build_acl_action_lflows.

use lflow::pipeline::{Pipeline, Stage};
use lflow::regs;

use crate::feature::acl::eval_stage;
use crate::flows::{Flow, FlowSink};
use crate::model::Switch;
use crate::model::acl::Place;
use crate::network::View;
use crate::numbering;

/// The flows of a switch with rules.
pub fn switch_flows(switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    if !view.has_acls(switch.uuid) {
        return;
    }
    let drops_rest = view.global().acls_drop_by_default;
    for place in Place::ALL {
        if place == Place::AfterLb && !view.has_acls_at(switch.uuid, place) {
            continue;
        }
        always(place, flows);
        carry_out(place, view.last_tier(switch.uuid, place), drops_rest, flows);
    }
}

/// IPv6 does not work without these, and the switch's own answers are not of the guests that rules are about.
fn always(place: Place, flows: &mut FlowSink<'_>) {
    let (stage, allow) = (eval_stage(place), format!("{} = 1; next;", regs::ACL_VERDICT_ALLOW));
    flows.flow(stage, 65532, "nd || nd_ra || nd_rs || mldv1 || mldv2", &allow);
    match place {
        Place::Ingress | Place::AfterLb => flows.flow(stage, 34000, "eth.dst == $svc_monitor_mac", &allow),
        Place::Egress => {
            flows.flow(stage, 34000, "eth.src == $svc_monitor_mac", &allow);
            // Only answers that were made on this switch leave by the port that they came in by.
            for answer in
                ["udp.src == 53", "udp.src == 67 && udp.dst == 68", "udp.src == 547 && udp.dst == 546"]
            {
                flows.flow(stage, 34000, format!("flags.loopback == 1 && {answer}"), &allow);
            }
        }
    }
}

fn carry_out(place: Place, last_tier: u8, drops_rest: bool, flows: &mut FlowSink<'_>) {
    let (stage, eval, tier) = (action_stage(place), eval_stage(place), regs::ACL_TIER);
    let again = if last_tier > 0 { format!("{tier} = 0; ") } else { String::new() };
    let is = |register: regs::Register| format!("{register} == 1");
    let passes = format!("{} = 0; {again}next;", regs::ACL_VERDICT_ALLOW);
    flows.flow(stage, 1000, is(regs::ACL_VERDICT_ALLOW), passes);
    let dropped = Flow::new(stage, 1000, is(regs::ACL_VERDICT_DROP), "drop;");
    flows.add(dropped.described("an ACL drops it"));
    flows.flow(stage, 1000, is(regs::ACL_VERDICT_REJECT), reject(stage));
    for before in 0..last_tier {
        let table = numbering::table(eval).expect("rules are asked in a stage with a table");
        let next = before + 1;
        let actions = format!("{tier} = {next}; next(pipeline={},table={table});", stage.pipeline());
        flows.flow(stage, 500, format!("{tier} == {before}"), actions);
    }
    if drops_rest {
        flows.add(Flow::new(stage, 1, "1", "drop;").described("no ACL allows it"));
    } else if last_tier > 0 {
        flows.flow(stage, 1, "1", format!("{again}next;"));
    }
}

/// The answer goes back to where the packet came from: past the rules, and not remembered as a connection.
fn reject(stage: Stage) -> String {
    let back = match stage.pipeline() {
        Pipeline::Ingress => Stage::LsOutQos,
        Pipeline::Egress => Stage::LsInL2Lkup,
    };
    let table = numbering::table(back).expect("these stages have tables");
    format!("reg0 = 0; reject {{ outport <-> inport; next(pipeline={},table={table}); }};", back.pipeline())
}

fn action_stage(place: Place) -> Stage {
    match place {
        Place::Ingress => Stage::LsInAclAction,
        Place::AfterLb => Stage::LsInAclAfterLbAction,
        Place::Egress => Stage::LsOutAclAction,
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check};

    const SWITCH: &str = "ls-add sw0; lsp-add sw0 p1; acl-add sw0 to-lport 1 ip4 drop";

    #[test]
    fn verdicts_are_carried_out() {
        insta::assert_snapshot!(check(SWITCH, &["acl_eval", "acl_action"]), @r#"
        sw0: ls_in_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        sw0: ls_in_acl_eval 34000 eth.dst == $svc_monitor_mac -> reg8[16] = 1; next;
        sw0: ls_in_acl_eval 0 1 -> next;
        sw0: ls_in_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        sw0: ls_in_acl_action 1000 reg8[17] == 1 -> drop;
        sw0: ls_in_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=8); };
        sw0: ls_in_acl_action 0 1 -> next;
        sw0: ls_out_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 34000 eth.src == $svc_monitor_mac -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 53 -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 547 && udp.dst == 546 -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 67 && udp.dst == 68 -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 1001 (ip4) -> reg8[17] = 1; next;
        sw0: ls_out_acl_eval 0 1 -> next;
        sw0: ls_out_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        sw0: ls_out_acl_action 1000 reg8[17] == 1 -> drop;
        sw0: ls_out_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=ingress,table=26); };
        sw0: ls_out_acl_action 0 1 -> next;
        "#);
    }

    #[test]
    fn what_no_rule_is_about_may_be_dropped() {
        let mut fixture = Fixture::new(&format!("{SWITCH}; ls-add sw1"));
        insta::assert_snapshot!(fixture.run("set NB_Global default_acl_drop=true; sync").join("\n"), @r#"
        + sw0: ls_in_acl_action 1 1 -> drop;
        + sw0: ls_out_acl_action 1 1 -> drop;
        "#);
        insta::assert_snapshot!(fixture.run("acl-add sw1 from-lport 1 ip4 pass apply-after-lb=true").join("\n"), @r#"
        + sw1: ls_in_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        + sw1: ls_in_acl_eval 34000 eth.dst == $svc_monitor_mac -> reg8[16] = 1; next;
        + sw1: ls_in_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        + sw1: ls_in_acl_action 1000 reg8[17] == 1 -> drop;
        + sw1: ls_in_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=8); };
        + sw1: ls_in_acl_action 1 1 -> drop;
        + sw1: ls_in_acl_after_lb_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        + sw1: ls_in_acl_after_lb_eval 34000 eth.dst == $svc_monitor_mac -> reg8[16] = 1; next;
        + sw1: ls_in_acl_after_lb_eval 1001 (ip4) -> next;
        + sw1: ls_in_acl_after_lb_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        + sw1: ls_in_acl_after_lb_action 1000 reg8[17] == 1 -> drop;
        + sw1: ls_in_acl_after_lb_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=8); };
        + sw1: ls_in_acl_after_lb_action 1 1 -> drop;
        + sw1: ls_out_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        + sw1: ls_out_acl_eval 34000 eth.src == $svc_monitor_mac -> reg8[16] = 1; next;
        + sw1: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 53 -> reg8[16] = 1; next;
        + sw1: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 547 && udp.dst == 546 -> reg8[16] = 1; next;
        + sw1: ls_out_acl_eval 34000 flags.loopback == 1 && udp.src == 67 && udp.dst == 68 -> reg8[16] = 1; next;
        + sw1: ls_out_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        + sw1: ls_out_acl_action 1000 reg8[17] == 1 -> drop;
        + sw1: ls_out_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=ingress,table=26); };
        + sw1: ls_out_acl_action 1 1 -> drop;
        "#);
    }

    #[test]
    fn a_switch_without_rules_pays_nothing() {
        let lines = check("ls-add sw0; lsp-add sw0 p1; pg-set pg0 p1", &["acl"]);
        assert!(lines.lines().all(|line| line.ends_with(" 0 1 -> next;")), "{lines}");
    }
}
