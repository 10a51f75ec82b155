//! Access control rules: what each of them says of a packet on a switch that it is for.
//!
//! Stages: `acl_eval` of both pipelines and `acl_after_lb_eval`, where a rule gives its verdict, which the stage of
//! verdicts carries out ([`acl_verdict`](super::acl_verdict)); `pre_acl` for connections that are not to be tracked.
//! Where connections are tracked, a rule asks hints that say which kinds of verdicts the state of the connection
//! admits ([`acl_stateful`](super::acl_stateful)). Upstream: consider_acl, build_acl_log, build_acl_log_related_flows.

use lflow::pipeline::Stage;
use lflow::regs;
use ovsdb::Uuid;

use crate::feature::acl_stateful;
use crate::flows::{Flow, FlowSink, quoted};
use crate::model::Acl;
use crate::model::acl::{Action, Log, Place};
use crate::network::View;

/// What is added to a rule's priority: below are the flows for what no rule matches.
const PRIORITY_OFFSET: u16 = 1000;

/// The flows of a rule on a switch.
pub fn flows(acl: &Acl, switch: Uuid, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(matches) = &acl.matches else { return };
    let (stage, priority) = (eval_stage(acl.place), acl.priority + PRIORITY_OFFSET);
    let is_of_tier = match view.last_tier(switch, acl.place) {
        0 => String::new(),
        _ => format!("{} == {} && ", regs::ACL_TIER, acl.tier),
    };
    let (log, verdict) = (log(acl), verdict(acl.action));
    let mut add = |stage, matches: String, actions: String| {
        flows.add(Flow::new(stage, priority, matches, actions).hint(acl.uuid));
    };
    let is_stateful = view.is_stateful(switch);
    let mut hinted = |hint: regs::Register, actions: &str| {
        add(
            stage,
            format!("{is_of_tier}{hint} == 1 && ({matches})"),
            format!("{log}{verdict}{actions}next;"),
        );
    };
    match acl.action {
        Action::Allow | Action::AllowRelated if is_stateful => {
            let label = match acl.label {
                0 => String::new(),
                label => format!("{} = 1; {} = {label}; ", regs::ACL_LABELS, regs::ACL_LABEL),
            };
            hinted(regs::ACL_HINT_ALLOW_NEW, &label);
            // A connection that was let in by another rule gets the label of this one.
            let relabel = if acl.label == 0 { label } else { format!("{} = 1; {label}", regs::CT_COMMIT) };
            hinted(regs::ACL_HINT_ALLOW, &relabel);
        }
        Action::Drop | Action::Reject if is_stateful => {
            hinted(regs::ACL_HINT_DROP, "");
            // It was let in before this rule was there. Its answers are to end as well.
            hinted(regs::ACL_HINT_BLOCK, "ct_commit { ct_mark.blocked = 1; }; ");
        }
        Action::Allow
        | Action::AllowRelated
        | Action::AllowStateless
        | Action::Drop
        | Action::Reject
        | Action::Pass => add(stage, format!("{is_of_tier}({matches})"), format!("{log}{verdict}next;")),
    }
    if is_stateful && acl.action == Action::AllowStateless {
        let pre = if acl.place == Place::Egress { Stage::LsOutPreAcl } else { Stage::LsInPreAcl };
        add(pre, matches.to_string(), "next;".into());
    }
    if is_stateful && !log.is_empty() {
        answers(acl, &log, view, flows);
    }
}

/// Answers and related packets pass in the other direction. To be told of, they need a label.
fn answers(acl: &Acl, log: &str, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let allows = matches!(acl.action, Action::Allow | Action::AllowRelated);
    if !allows || !acl.logs_related || acl.label == 0 {
        return;
    }
    let stage = if acl.place == Place::Egress { Stage::LsInAclEval } else { Stage::LsOutAclEval };
    for (matches, actions) in acl_stateful::answers(stage, &view.global()) {
        let matches = format!("{matches} && ct_label.label == {}", acl.label);
        flows.add(Flow::new(stage, 65533, matches, format!("{log}{actions}")).hint(acl.uuid));
    }
}

/// The stage where rules of a place are asked.
pub fn eval_stage(place: Place) -> Stage {
    match place {
        Place::Ingress => Stage::LsInAclEval,
        Place::AfterLb => Stage::LsInAclAfterLbEval,
        Place::Egress => Stage::LsOutAclEval,
    }
}

fn verdict(action: Action) -> String {
    let register = match action {
        Action::Allow | Action::AllowRelated | Action::AllowStateless => regs::ACL_VERDICT_ALLOW,
        Action::Drop => regs::ACL_VERDICT_DROP,
        Action::Reject => regs::ACL_VERDICT_REJECT,
        Action::Pass => return String::new(),
    };
    format!("{register} = 1; ")
}

fn log(acl: &Acl) -> String {
    let Some(Log { name, severity, meter }) = &acl.log else { return String::new() };
    let verdict = match acl.action {
        Action::Allow | Action::AllowRelated | Action::AllowStateless => "allow",
        Action::Drop => "drop",
        Action::Reject => "reject",
        Action::Pass => "pass",
    };
    let name = name.iter().map(|name| format!("name={}, ", quoted(name))).collect::<String>();
    let meter = meter.iter().map(|meter| format!(", meter={}", quoted(meter))).collect::<String>();
    format!("log({name}severity={severity}, verdict={verdict}{meter}); ")
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, select};

    const SWITCH: &str = "ls-add sw0; lsp-add sw0 p1; lsp-add sw0 p2";

    #[test]
    fn without_connections_a_rule_is_one_flow() {
        let script = format!(
            "{SWITCH}; acl-add sw0 from-lport 1000 \"ip4 || arp\" drop; acl-add sw0 to-lport 7 udp allow
             acl-set sw0 to-lport 7 log=true name=in severity=alert meter=m0"
        );
        insta::assert_snapshot!(check(&script, &["_eval 2000", "_eval 1007", "pre_acl 1"]), @r#"
        sw0: ls_in_acl_eval 2000 (ip4 || arp) -> reg8[17] = 1; next;
        sw0: ls_out_acl_eval 1007 (udp) -> log(name="in", severity=alert, verdict=allow, meter="m0"); reg8[16] = 1; next;
        "#);
    }

    #[test]
    fn with_connections_a_rule_asks_what_their_state_admits() {
        let script = format!(
            "{SWITCH}; acl-add sw0 from-lport 1000 ip4 allow-related; acl-add sw0 to-lport 1001 tcp reject
             acl-add sw0 to-lport 1002 udp allow-stateless; acl-add sw0 from-lport 1003 udp allow label=7
             acl-add sw0 from-lport 1004 sctp pass apply-after-lb=true"
        );
        insta::assert_snapshot!(check(&script, &["_eval 2", "pre_acl 2"]), @r#"
        sw0: ls_in_acl_eval 2003 reg0[7] == 1 && (udp) -> reg8[16] = 1; reg0[13] = 1; reg3 = 7; next;
        sw0: ls_in_acl_eval 2003 reg0[8] == 1 && (udp) -> reg8[16] = 1; reg0[1] = 1; reg0[13] = 1; reg3 = 7; next;
        sw0: ls_in_acl_eval 2000 reg0[7] == 1 && (ip4) -> reg8[16] = 1; next;
        sw0: ls_in_acl_eval 2000 reg0[8] == 1 && (ip4) -> reg8[16] = 1; next;
        sw0: ls_in_acl_after_lb_eval 2004 (sctp) -> next;
        sw0: ls_out_pre_acl 2002 udp -> next;
        sw0: ls_out_acl_eval 2002 (udp) -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 2001 reg0[10] == 1 && (tcp) -> reg8[18] = 1; ct_commit { ct_mark.blocked = 1; }; next;
        sw0: ls_out_acl_eval 2001 reg0[9] == 1 && (tcp) -> reg8[18] = 1; next;
        "#);
    }

    #[test]
    fn answers_are_told_of_if_their_connection_has_a_label() {
        let script =
            format!("{SWITCH}; acl-add sw0 to-lport 1 tcp allow-related label=9 log=true log-related=true");
        insta::assert_snapshot!(check(&script, &["65533"]), @r#"
        sw0: ls_in_acl_eval 65533 !ct.est && ct.rel && !ct.new && !ct.inv && ct_mark.blocked == 0 && ct_label.label == 9 -> log(severity=info, verdict=allow); reg0[17] = 1; reg8[16] = 1; ct_commit_nat;
        sw0: ls_in_acl_eval 65533 ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ct_mark.blocked == 0 && ct_label.label == 9 -> log(severity=info, verdict=allow); reg0[17] = 1; reg8[16] = 1; next;
        "#);
    }

    #[test]
    fn rules_of_a_later_tier_are_asked_when_those_before_have_no_verdict() {
        let script = format!(
            "{SWITCH}; acl-add sw0 from-lport 1 tcp pass; acl-add sw0 from-lport 2 ip4 drop tier=2; acl-add sw0 to-lport 3 ip4 drop"
        );
        insta::assert_snapshot!(check(&script, &["acl_eval 1", "acl_action"]), @r#"
        sw0: ls_in_acl_eval 1002 reg8[30..31] == 2 && (ip4) -> reg8[17] = 1; next;
        sw0: ls_in_acl_eval 1001 reg8[30..31] == 0 && (tcp) -> next;
        sw0: ls_in_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; reg8[30..31] = 0; next;
        sw0: ls_in_acl_action 1000 reg8[17] == 1 -> drop;
        sw0: ls_in_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=8); };
        sw0: ls_in_acl_action 500 reg8[30..31] == 0 -> reg8[30..31] = 1; next(pipeline=ingress,table=8);
        sw0: ls_in_acl_action 500 reg8[30..31] == 1 -> reg8[30..31] = 2; next(pipeline=ingress,table=8);
        sw0: ls_in_acl_action 1 1 -> reg8[30..31] = 0; next;
        sw0: ls_in_acl_action 0 1 -> next;
        sw0: ls_out_acl_eval 1003 (ip4) -> reg8[17] = 1; next;
        sw0: ls_out_acl_action 1000 reg8[16] == 1 -> reg8[16] = 0; next;
        sw0: ls_out_acl_action 1000 reg8[17] == 1 -> drop;
        sw0: ls_out_acl_action 1000 reg8[18] == 1 -> reg0 = 0; reject { outport <-> inport; next(pipeline=ingress,table=26); };
        sw0: ls_out_acl_action 0 1 -> next;
        "#);
    }

    #[test]
    fn the_rules_of_a_group_are_those_of_every_switch_with_a_port_of_it() {
        let script = format!(
            "{SWITCH}; ls-add sw1; ls-add sw2; lsp-add sw1 q1; pg-set pg0 p1 p2; acl-add pg0 to-lport 5 \"outport == @pg0\" drop"
        );
        let mut fixture = Fixture::new(&script);
        insta::assert_snapshot!(select(&fixture.lines(), &["eval 1005"]), @"sw0: ls_out_acl_eval 1005 (outport == @pg0) -> reg8[17] = 1; next;");
        let lines = fixture.run("pg-set pg0 p1 q1");
        insta::assert_snapshot!(select(&lines, &["eval 1005"]), @"+ sw1: ls_out_acl_eval 1005 (outport == @pg0) -> reg8[17] = 1; next;");
        insta::assert_snapshot!(fixture.reran().join(", "), @"acl to-lport 5 sw1, acl_facts to-lport 5, port_facts p2, port_facts q1, switch sw1, switch_port p2, switch_port q1");
        insta::assert_snapshot!(select(&fixture.run("pg-set pg0 q1"), &["eval 1005"]), @"- sw0: ls_out_acl_eval 1005 (outport == @pg0) -> reg8[17] = 1; next;");
    }

    #[test]
    fn a_changed_rule_runs_that_rule() {
        let script =
            format!("{SWITCH}; acl-add sw0 from-lport 1 tcp allow-related; acl-add sw0 to-lport 2 udp drop");
        let mut fixture = Fixture::new(&script);
        fixture.run("acl-set sw0 to-lport 2 log=true");
        insta::assert_snapshot!(fixture.reran().join(", "), @"acl to-lport 2 sw0, acl_facts to-lport 2");
        fixture.run("acl-add sw0 to-lport 3 udp drop");
        insta::assert_snapshot!(fixture.reran().join(", "), @"acl to-lport 3 sw0, acl_facts to-lport 3");
        let all = fixture.run("acl-del sw0");
        assert!(all.iter().all(|line| line.starts_with('-')), "{all:#?}");
        insta::assert_snapshot!(fixture.reran().join(", "), @"switch sw0");
    }

    #[test]
    fn a_rule_that_cannot_be_read_stops_no_other() {
        let script =
            format!("{SWITCH}; acl-add sw0 from-lport 1 \"tcp &&\" drop; acl-add sw0 from-lport 2 udp drop");
        insta::assert_snapshot!(check(&script, &["_eval 1", "complaint"]), @r#"
        complaint: ACL a5026723-c256-586a-aa6a-d413f8a7e7c8 (priority 1): match "tcp &&": Syntax error at end of input expecting constant.; the rule is left out
        sw0: ls_in_acl_eval 1002 (udp) -> reg8[17] = 1; next;
        "#);
    }
}
