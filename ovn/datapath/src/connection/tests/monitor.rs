//! Flow monitors.

use openflow::{
    Action, FlowEvent, FlowMod, FlowModCommand, FlowMonitor, FlowRemovedReason, FlowUpdate, Match,
    MonitorCommand, MultipartReply, MultipartRequest, PortNo, Role, RoleMessage,
};

use super::*;
use crate::limits::{MONITORS_MAX, TX_MONITORS_MAX};

fn request(id: u32, text: &str) -> Body {
    let monitor = FlowMonitor::parse(id, text).unwrap();
    Body::MultipartRequest(MultipartRequest::FlowMonitor(vec![monitor]))
}

/// Flow updates in short: event, table, output.
fn short(bodies: &[Body]) -> Vec<String> {
    let mut lines = Vec::new();
    for body in bodies {
        match body {
            Body::MultipartReply { reply: MultipartReply::FlowMonitor(updates), .. } => {
                lines.extend(updates.iter().map(one));
            }
            other => lines.push(format!("{other:?}")),
        }
    }
    lines
}

fn one(update: &FlowUpdate) -> String {
    let FlowUpdate::Flow(flow) = update else { return format!("{update:?}") };
    let event = match flow.event {
        FlowEvent::Initial => "initial".to_owned(),
        FlowEvent::Added => "added".to_owned(),
        FlowEvent::Modified => "modified".to_owned(),
        FlowEvent::Removed(reason) => format!("removed {reason:?}"),
    };
    let actions = flow.instructions.len();
    format!("{event} table={} cookie={} instructions={actions}", flow.table, flow.cookie)
}

fn flow(table: u8, port: u32, cookie: u64) -> FlowMod {
    FlowMod::add(table, 1, Match::any(), vec![Action::output(PortNo(port))], cookie)
}

#[test]
fn a_monitor_is_told_what_is_there_and_what_happens() {
    let mut lab = Lab::new(2);
    for version in Version::ALL {
        lab.flow_mod(&flow(1, 1, 7)).unwrap();
        lab.flow_mod(&flow(2, 1, 8)).unwrap();
        let mut peer = Peer::new(&mut lab, version);
        let initial = if version >= Version::Of14 { "initial" } else { "added" };
        assert_eq!(
            short(&peer.say(&mut lab, request(1, "table=1"))),
            [format!("{initial} table=1 cookie=7 instructions=1")]
        );
        lab.flow_mod(&FlowMod { idle_timeout: 1, ..flow(1, 2, 9) }).unwrap();
        let modify = FlowMod { command: FlowModCommand::Modify, ..flow(1, 1, 3) };
        lab.flow_mod(&modify).unwrap();
        // The second time it changes nothing.
        lab.flow_mod(&modify).unwrap();
        lab.flow_mod(&flow(2, 2, 1)).unwrap();
        lab.now += Duration::from_secs(2);
        lab.switch.handle_timeout(lab.now);
        assert_eq!(
            short(&peer.hear(&mut lab)),
            [
                "added table=1 cookie=9 instructions=1",
                "modified table=1 cookie=9 instructions=1",
                "removed IdleTimeout table=1 cookie=9 instructions=1",
            ]
        );
        lab.switch.openflow_closed(peer.conn);
    }
}

#[test]
fn flows_are_chosen_by_match_port_and_event() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::new(&mut lab, Version::Of14);
    assert_eq!(short(&peer.say(&mut lab, request(1, "out_port=2,!initial,!actions"))), [""; 0]);
    assert_eq!(short(&peer.say(&mut lab, request(2, "tcp,!add"))), [""; 0]);
    lab.flow_mod(&flow(1, 1, 7)).unwrap();
    lab.flow_mod(&flow(1, 2, 8)).unwrap();
    // What went there before counts too.
    lab.flow_mod(&FlowMod { command: FlowModCommand::Modify, ..flow(1, 1, 0) }).unwrap();
    let tcp = FlowMod { matching: "tcp".parse().unwrap(), ..flow(1, 1, 9) };
    lab.flow_mod(&tcp).unwrap();
    lab.flow_mod(&FlowMod { command: FlowModCommand::DeleteStrict, ..tcp }).unwrap();
    assert_eq!(
        short(&peer.hear(&mut lab)),
        [
            "added table=1 cookie=8 instructions=0",
            "modified table=1 cookie=8 instructions=0",
            "removed Delete table=1 cookie=9 instructions=1",
        ]
    );
}

#[test]
fn what_the_reader_changes_itself_is_told_by_the_number_of_its_message() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::new(&mut lab, Version::Of14);
    peer.say(&mut lab, request(1, "!own"));
    assert_eq!(short(&peer.say(&mut lab, Body::FlowMod(flow(1, 1, 7)))), ["Abbreviated(102)"]);
    let all = FlowMod::delete_all();
    lab.flow_mod(&flow(2, 1, 7)).unwrap();
    peer.hear(&mut lab);
    assert_eq!(short(&peer.say(&mut lab, Body::FlowMod(all.clone()))), ["Abbreviated(103)"]);
    // Another monitor of the same connection may want all.
    peer.say(&mut lab, request(2, "table=3"));
    assert_eq!(
        short(&peer.say(&mut lab, Body::FlowMod(flow(3, 1, 5)))),
        ["added table=3 cookie=5 instructions=1"]
    );
    assert_eq!(short(&peer.say(&mut lab, Body::FlowMod(flow(4, 1, 5)))), ["Abbreviated(106)"]);
}

#[test]
fn monitors_have_numbers_and_an_end() {
    for version in Version::ALL {
        let mut lab = Lab::new(1);
        let mut peer = Peer::new(&mut lab, version);
        peer.say(&mut lab, request(5, ""));
        assert_eq!(peer.refused(&mut lab, request(5, "")), ErrorCode::MONITOR_EXISTS);
        let end = |id| match version {
            Version::Of10 | Version::Of13 => Body::FlowMonitorCancel(id),
            Version::Of14 | Version::Of15 => {
                let monitor = FlowMonitor::parse(id, "").unwrap();
                let monitor = FlowMonitor { command: MonitorCommand::Delete, ..monitor };
                Body::MultipartRequest(MultipartRequest::FlowMonitor(vec![monitor]))
            }
        };
        assert_eq!(peer.refused(&mut lab, end(6)), ErrorCode::UNKNOWN_MONITOR);
        peer.say(&mut lab, end(5));
        lab.flow_mod(&flow(1, 1, 1)).unwrap();
        assert_eq!(peer.hear(&mut lab), []);
    }
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of14);
    for id in 0..MONITORS_MAX as u32 {
        peer.say(&mut lab, request(id, "!initial"));
    }
    assert_eq!(peer.refused(&mut lab, request(u32::MAX, "")), ErrorCode::MONITOR_UNKNOWN);
}

#[test]
fn a_slow_reader_is_told_to_wait_and_then_what_it_missed() {
    for version in [Version::Of13, Version::Of15] {
        let mut lab = Lab::new(1);
        let mut peer = Peer::new(&mut lab, version);
        peer.say(&mut lab, request(1, ""));
        let nth =
            |n: u32| FlowMod { matching: Match::any().with(openflow::Field::Metadata, n), ..flow(0, 1, 0) };
        let enough = 2 * TX_MONITORS_MAX as u32 / 80;
        for n in 0..enough {
            lab.flow_mod(&nth(n)).unwrap();
        }
        // Known flows that go are told of also now, others not.
        lab.flow_mod(&FlowMod { command: FlowModCommand::DeleteStrict, ..nth(0) }).unwrap();
        lab.flow_mod(&FlowMod { command: FlowModCommand::DeleteStrict, ..nth(enough - 1) }).unwrap();
        lab.flow_mod(&FlowMod {
            command: FlowModCommand::ModifyStrict,
            ..FlowMod { instructions: vec![], ..nth(1) }
        })
        .unwrap();
        let told = short(&peer.hear(&mut lab));
        let (paused, resumed) = match version {
            Version::Of13 => ("FlowMonitorPaused", "FlowMonitorResumed"),
            _ => ("Paused", "Resumed"),
        };
        let at = told.iter().position(|line| line == paused).unwrap();
        let added = |lines: &[String]| lines.iter().filter(|line| line.starts_with("added")).count() as u32;
        assert_eq!(added(&told[..at]), at as u32);
        assert_eq!(
            told[at + 1],
            format!("removed {:?} table=0 cookie=0 instructions=1", FlowRemovedReason::Delete)
        );
        let modified = "modified table=0 cookie=0 instructions=0".to_owned();
        assert!(told[at + 2..].contains(&modified), "a flow that was told of before");
        assert_eq!(added(&told), enough - 1, "the last one came and went unseen");
        assert_eq!(told.last().map(String::as_str), Some(resumed));
        lab.flow_mod(&nth(enough)).unwrap();
        assert_eq!(peer.hear(&mut lab).len(), 1, "and all is as before");
    }
}

#[test]
fn a_monitor_and_the_generation_of_controllers_go_on_in_the_switch_that_takes_over() {
    for version in Version::ALL {
        let mut old = Lab::new(2);
        let mut peer = Peer::new(&mut old, version);
        peer.say(&mut old, request(7, "!initial,table=1,out_port=2"));
        let role = |generation_id| Body::RoleRequest(RoleMessage { role: Role::Primary, generation_id });
        let asked = peer.say(&mut old, role(5));
        let mut new = Lab::new(2);
        let mut copying = old.switch.begin_copy();
        while let Some(part) = old.switch.copy_part(&mut copying, old.now) {
            new.switch.take_part(&part, old.now).unwrap();
        }
        let rest = old.switch.copy_rest(&copying, old.now);
        new.switch.take_part(&rest, old.now).unwrap();
        let kept = old.switch.put_connection(peer.conn, old.now).unwrap();
        (peer.conn, _) = new.switch.take_connection(&kept, old.now).unwrap().unwrap();
        for change in [flow(1, 1, 3), flow(1, 2, 4), flow(2, 2, 5)] {
            new.flow_mod(&change).unwrap();
        }
        assert_eq!(short(&peer.hear(&mut new)), ["added table=1 cookie=4 instructions=1"], "{version:?}");
        if version != Version::Of10 {
            assert_eq!(peer.refused(&mut new, role(4)), ErrorCode::STALE_ROLE);
            assert_eq!(peer.say(&mut new, role(5)), asked);
        }
    }
}
