//! Connections of switches with rules that let answers pass: they are tracked, remembered, and ended.
//!
//! Stages: `pre_acl` chooses what is tracked, `pre_stateful` tracks it, `acl_hint` says which verdicts the state of
//! the connection admits, `acl_eval` lets answers pass before any rule is asked, and `stateful` remembers what has
//! passed. A connection that a rule has ended is marked (`ct_mark.blocked`), so that its answers end too; a rule that
//! lets it pass again takes the mark away. Nothing of this is on a switch without such rules. Upstream:
//! build_ls_stateful_rec_pre_acls, skip_port_from_conntrack, build_pre_stateful, build_acl_hints, build_acls,
//! build_stateful.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::acl::Place;
use crate::model::{Global, PortKind, Switch, SwitchPort};
use crate::network::View;

/// The stages of one pipeline.
struct Stages {
    pre_acl: Stage,
    pre_stateful: Stage,
    hint: Stage,
    eval: Stage,
    stateful: Stage,
}

const INGRESS: Stages = Stages {
    pre_acl: Stage::LsInPreAcl,
    pre_stateful: Stage::LsInPreStateful,
    hint: Stage::LsInAclHint,
    eval: Stage::LsInAclEval,
    stateful: Stage::LsInStateful,
};

const EGRESS: Stages = Stages {
    pre_acl: Stage::LsOutPreAcl,
    pre_stateful: Stage::LsOutPreStateful,
    hint: Stage::LsOutAclHint,
    eval: Stage::LsOutAclEval,
    stateful: Stage::LsOutStateful,
};

/// What a switch does that tracks connections. Answers pass in both directions, whichever has rules.
pub fn switch_flows(switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    if !view.is_stateful(switch.uuid) {
        return;
    }
    flows.flow(Stage::LsInPreAcl, 110, "eth.dst == $svc_monitor_mac", "next;");
    flows.flow(Stage::LsOutPreAcl, 110, "eth.src == $svc_monitor_mac", "next;");
    for stages in [INGRESS, EGRESS] {
        track(&stages, flows);
        hints(stages.hint, flows);
        established(stages.eval, &view.global(), flows);
        remember(stages.stateful, flows);
    }
    if view.has_acls_at(switch.uuid, Place::AfterLb) {
        let allow = format!("{} = 1; next;", regs::ACL_VERDICT_ALLOW);
        flows.flow(Stage::LsInAclAfterLbEval, 65532, format!("{} == 1", regs::ACL_ANSWER), allow);
    }
}

/// What other chassis or networks have tracked may come and go by ports to routers and to physical networks: this
/// chassis sees but half of such connections.
pub fn port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let out = match &port.kind {
        PortKind::Router => "next;",
        // The state from where the packet came in is not that of a connection of this port.
        PortKind::Localnet => "ct_clear; next;",
        PortKind::Vif | PortKind::Localport | PortKind::L2Gateway | PortKind::Other(_) => return,
    };
    if !view.is_stateful(switch.uuid) {
        return;
    }
    let quoted = port.quoted();
    for (stage, matches, actions) in [
        (Stage::LsInPreAcl, format!("ip && inport == {quoted}"), "next;"),
        (Stage::LsOutPreAcl, format!("ip && outport == {quoted}"), out),
    ] {
        flows.add(Flow::new(stage, 110, matches, actions).for_port(&port.name).hint(port.uuid));
    }
}

/// All IP packets are tracked, but for those that are one of a kind.
fn track(stages: &Stages, flows: &mut FlowSink<'_>) {
    let untracked = "nd || nd_rs || nd_ra || mldv1 || mldv2 || (udp && udp.src == 546 && udp.dst == 547)";
    for matches in [untracked, "eth.mcast"] {
        flows.flow(stages.pre_acl, 110, matches, "next;");
    }
    flows.flow(stages.pre_acl, 100, "ip", format!("{} = 1; next;", regs::CT_DEFRAG));
    flows.flow(stages.pre_stateful, 100, format!("{} == 1", regs::CT_DEFRAG), "ct_next;");
}

/// The first that matches says all, so what is new and what is known come before what is only not blocked.
fn hints(stage: Stage, flows: &mut FlowSink<'_>) {
    use regs::{ACL_HINT_ALLOW, ACL_HINT_ALLOW_NEW, ACL_HINT_BLOCK, ACL_HINT_DROP, CT_COMMIT};
    let hints: [(u16, &str, &[regs::Register]); 7] = [
        // What no rule is about passes and is remembered too: its answers would be invalid otherwise.
        (7, "ct.new && !ct.est", &[ACL_HINT_ALLOW_NEW, ACL_HINT_DROP, CT_COMMIT]),
        (
            6,
            "!ct.new && ct.est && !ct.rpl && ct_mark.blocked == 1",
            &[ACL_HINT_ALLOW_NEW, ACL_HINT_DROP, CT_COMMIT],
        ),
        (5, "!ct.trk", &[ACL_HINT_ALLOW, ACL_HINT_DROP]),
        (4, "!ct.new && ct.est && !ct.rpl && ct_mark.blocked == 0", &[ACL_HINT_ALLOW, ACL_HINT_BLOCK]),
        (3, "!ct.est", &[ACL_HINT_DROP]),
        (2, "ct.est && ct_mark.blocked == 1", &[ACL_HINT_DROP]),
        (1, "ct.est && ct_mark.blocked == 0", &[ACL_HINT_BLOCK]),
    ];
    for (priority, matches, hints) in hints {
        let actions: String = hints.iter().map(|hint| format!("{hint} = 1; ")).collect();
        flows.flow(stage, priority, matches, format!("{actions}next;"));
    }
}

/// Above all rules: what belongs to no connection ends, and so do answers of one that was ended; other answers pass.
fn established(stage: Stage, global: &Global, flows: &mut FlowSink<'_>) {
    let blocked = "(ct.est && ct.rpl && ct_mark.blocked == 1)";
    let invalid = if global.drops_invalid { format!("ct.inv || {blocked}") } else { blocked.to_owned() };
    flows.flow(stage, 65532, invalid, format!("{} = 1; next;", regs::ACL_VERDICT_DROP));
    for (matches, actions) in answers(stage, global) {
        flows.flow(stage, 65532, matches, actions);
    }
}

/// What passes because of its connection, and how: answers, and errors about packets of the connection, whose inner
/// addresses are translated back.
pub fn answers(stage: Stage, global: &Global) -> [(String, String); 2] {
    let valid = if global.drops_invalid { " && !ct.inv" } else { "" };
    // What is asked after load balancing is in the same pipeline and has to know.
    let is_answer =
        if stage == Stage::LsInAclEval { format!("{} = 1; ", regs::ACL_ANSWER) } else { String::new() };
    let allow = format!("{is_answer}{} = 1; ", regs::ACL_VERDICT_ALLOW);
    [
        (
            format!("ct.est && !ct.rel && !ct.new{valid} && ct.rpl && ct_mark.blocked == 0"),
            format!("{allow}next;"),
        ),
        (
            format!("!ct.est && ct.rel && !ct.new{valid} && ct_mark.blocked == 0"),
            format!("{allow}ct_commit_nat;"),
        ),
    ]
}

/// What came so far passes, so its connection is one that is not blocked, with the label of the rule.
fn remember(stage: Stage, flows: &mut FlowSink<'_>) {
    let (commit, labels, label) = (regs::CT_COMMIT, regs::ACL_LABELS, regs::ACL_LABEL);
    for (matches, more) in [
        (format!("{commit} == 1 && {labels} == 0"), String::new()),
        (format!("{commit} == 1 && {labels} == 1"), format!("ct_label.label = {label}; ")),
    ] {
        flows.flow(stage, 100, matches, format!("ct_commit {{ ct_mark.blocked = 0; {more}}}; next;"));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    const SWITCH: &str =
        "ls-add sw0; lsp-add sw0 p1; lsp-add sw0 ln; lsp-set-type ln localnet; lsp-add sw0 sr
        lsp-set-type sr router; acl-add sw0 from-lport 1000 ip4 allow-related";

    #[test]
    fn what_a_switch_does_that_tracks_connections() {
        let stages = ["pre_acl 1", "pre_stateful 1", "in_acl_hint", "eval 65532", "stateful 1"];
        insta::assert_snapshot!(check(SWITCH, &stages), @r#"
        sw0: ls_in_pre_acl 110 eth.dst == $svc_monitor_mac -> next;
        sw0: ls_in_pre_acl 110 eth.mcast -> next;
        sw0: ls_in_pre_acl 110 ip && inport == "ln" -> next;
        sw0: ls_in_pre_acl 110 ip && inport == "sr" -> next;
        sw0: ls_in_pre_acl 110 nd || nd_rs || nd_ra || mldv1 || mldv2 || (udp && udp.src == 546 && udp.dst == 547) -> next;
        sw0: ls_in_pre_acl 100 ip -> reg0[0] = 1; next;
        sw0: ls_in_pre_stateful 100 reg0[0] == 1 -> ct_next;
        sw0: ls_in_acl_hint 7 ct.new && !ct.est -> reg0[7] = 1; reg0[9] = 1; reg0[1] = 1; next;
        sw0: ls_in_acl_hint 6 !ct.new && ct.est && !ct.rpl && ct_mark.blocked == 1 -> reg0[7] = 1; reg0[9] = 1; reg0[1] = 1; next;
        sw0: ls_in_acl_hint 5 !ct.trk -> reg0[8] = 1; reg0[9] = 1; next;
        sw0: ls_in_acl_hint 4 !ct.new && ct.est && !ct.rpl && ct_mark.blocked == 0 -> reg0[8] = 1; reg0[10] = 1; next;
        sw0: ls_in_acl_hint 3 !ct.est -> reg0[9] = 1; next;
        sw0: ls_in_acl_hint 2 ct.est && ct_mark.blocked == 1 -> reg0[9] = 1; next;
        sw0: ls_in_acl_hint 1 ct.est && ct_mark.blocked == 0 -> reg0[10] = 1; next;
        sw0: ls_in_acl_hint 0 1 -> next;
        sw0: ls_in_acl_eval 65532 !ct.est && ct.rel && !ct.new && !ct.inv && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; ct_commit_nat;
        sw0: ls_in_acl_eval 65532 ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; next;
        sw0: ls_in_acl_eval 65532 ct.inv || (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        sw0: ls_in_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        sw0: ls_in_stateful 100 reg0[1] == 1 && reg0[13] == 0 -> ct_commit { ct_mark.blocked = 0; }; next;
        sw0: ls_in_stateful 100 reg0[1] == 1 && reg0[13] == 1 -> ct_commit { ct_mark.blocked = 0; ct_label.label = reg3; }; next;
        sw0: ls_out_pre_acl 110 eth.mcast -> next;
        sw0: ls_out_pre_acl 110 eth.src == $svc_monitor_mac -> next;
        sw0: ls_out_pre_acl 110 ip && outport == "ln" -> ct_clear; next;
        sw0: ls_out_pre_acl 110 ip && outport == "sr" -> next;
        sw0: ls_out_pre_acl 110 nd || nd_rs || nd_ra || mldv1 || mldv2 || (udp && udp.src == 546 && udp.dst == 547) -> next;
        sw0: ls_out_pre_acl 100 ip -> reg0[0] = 1; next;
        sw0: ls_out_pre_stateful 100 reg0[0] == 1 -> ct_next;
        sw0: ls_out_acl_eval 65532 !ct.est && ct.rel && !ct.new && !ct.inv && ct_mark.blocked == 0 -> reg8[16] = 1; ct_commit_nat;
        sw0: ls_out_acl_eval 65532 ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ct_mark.blocked == 0 -> reg8[16] = 1; next;
        sw0: ls_out_acl_eval 65532 ct.inv || (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        sw0: ls_out_acl_eval 65532 nd || nd_ra || nd_rs || mldv1 || mldv2 -> reg8[16] = 1; next;
        sw0: ls_out_stateful 100 reg0[1] == 1 && reg0[13] == 0 -> ct_commit { ct_mark.blocked = 0; }; next;
        sw0: ls_out_stateful 100 reg0[1] == 1 && reg0[13] == 1 -> ct_commit { ct_mark.blocked = 0; ct_label.label = reg3; }; next;
        "#);
    }

    #[test]
    fn packets_that_belong_to_no_connection_may_pass() {
        insta::assert_snapshot!(check_change(SWITCH, "set NB_Global use_ct_inv_match=false; sync"), @r#"
        - sw0: ls_in_acl_eval 65532 !ct.est && ct.rel && !ct.new && !ct.inv && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; ct_commit_nat;
        + sw0: ls_in_acl_eval 65532 !ct.est && ct.rel && !ct.new && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; ct_commit_nat;
        + sw0: ls_in_acl_eval 65532 (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        - sw0: ls_in_acl_eval 65532 ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; next;
        + sw0: ls_in_acl_eval 65532 ct.est && !ct.rel && !ct.new && ct.rpl && ct_mark.blocked == 0 -> reg0[17] = 1; reg8[16] = 1; next;
        - sw0: ls_in_acl_eval 65532 ct.inv || (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        - sw0: ls_out_acl_eval 65532 !ct.est && ct.rel && !ct.new && !ct.inv && ct_mark.blocked == 0 -> reg8[16] = 1; ct_commit_nat;
        + sw0: ls_out_acl_eval 65532 !ct.est && ct.rel && !ct.new && ct_mark.blocked == 0 -> reg8[16] = 1; ct_commit_nat;
        + sw0: ls_out_acl_eval 65532 (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        - sw0: ls_out_acl_eval 65532 ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ct_mark.blocked == 0 -> reg8[16] = 1; next;
        + sw0: ls_out_acl_eval 65532 ct.est && !ct.rel && !ct.new && ct.rpl && ct_mark.blocked == 0 -> reg8[16] = 1; next;
        - sw0: ls_out_acl_eval 65532 ct.inv || (ct.est && ct.rpl && ct_mark.blocked == 1) -> reg8[17] = 1; next;
        "#);
    }

    #[test]
    fn rules_that_track_nothing_add_nothing_of_it() {
        let script = "ls-add sw0; acl-add sw0 from-lport 1 ip4 allow; acl-add sw0 to-lport 1 ip4 drop";
        assert_eq!(check(script, &["pre_acl 1", "acl_hint 1", "stateful 1", "ct."]), "");
    }
}
