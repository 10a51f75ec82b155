//! Flow monitors: connections that are told of every change of flows.
//!
//! What a connection changes itself it is told in one word, the number of its message, unless it wants all. Whoever
//! reads too slowly is told to wait: from then on only of flows that go, and, when it has read what was written, of all
//! that came or changed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use openflow::{
    Body, ErrorCode, FlowEvent, FlowMonitor, FlowUpdate, FlowUpdateFull, Message, MonitorCommand,
    MonitorFlags, MultipartReply, MultipartRequest, Version,
};

use super::{ConnId, Connection};
use crate::bridge::{Bridge, BridgeId};
use crate::flow::Rule;
use crate::limits::{MONITORS_MAX, TX_MONITORS_MAX};
use crate::switch::{Changes, FlowChange, FlowFilter, Switch};

/// Updates in one message.
const UPDATES_PER_MESSAGE: usize = 256;

/// The monitors of a connection.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    by_id: BTreeMap<u32, FlowMonitor>,
    /// The newest flow when the connection was told to wait.
    paused: Option<u64>,
}

impl Switch {
    /// Makes, changes and ends monitors; what those that are made begin with.
    ///
    /// # Errors
    /// The code to answer with; the monitors of the message that were made before are gone again.
    pub(super) fn flow_monitor(
        &mut self,
        id: ConnId,
        asked: Vec<FlowMonitor>,
    ) -> Result<Vec<FlowUpdate>, ErrorCode> {
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let bridge = self.bridges.get(&connection.bridge).ok_or(ErrorCode::EPERM)?;
        let mut made = Vec::new();
        for monitor in asked {
            let id = monitor.id;
            match connection.monitors.change(monitor) {
                Ok(true) => made.push(id),
                Ok(false) => {}
                Err(code) => {
                    made.iter().for_each(|id| drop(connection.monitors.by_id.remove(id)));
                    return Err(code);
                }
            }
        }
        let initial = made.iter().filter_map(|id| connection.monitors.by_id.get(id));
        let initial: Vec<&FlowMonitor> = initial.filter(|m| m.flags.has(MonitorFlags::INITIAL)).collect();
        let told = bridge.rules().filter_map(|rule| told(&initial, rule, FlowEvent::Initial));
        Ok(if initial.is_empty() { Vec::new() } else { told.collect() })
    }

    /// Tells whoever monitors flows of the bridge of changes that were made.
    pub(crate) fn tell_monitors(&mut self, bridge: BridgeId, changes: &Changes) {
        let newest = self.newest_rule();
        for (id, connection) in &mut self.connections {
            if connection.bridge != bridge || connection.monitors.is_empty() {
                continue;
            }
            let own = changes.by.filter(|(by, _)| by == id).map(|(_, xid)| xid);
            connection.tell_of(changes, own, newest);
        }
    }

    /// Once a connection has read what was written to it, it is told what it was not told while it was to wait.
    pub(super) fn resume_monitors(&mut self, id: ConnId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !connection.tx.is_empty() || connection.closing.is_some() {
            return;
        }
        let Some(since) = connection.monitors.paused.take() else { return };
        let Some(bridge) = self.bridges.get(&connection.bridge) else { return };
        connection.catch_up(bridge, since);
    }
}

impl Connection {
    fn tell_of(&mut self, changes: &Changes, own: Option<u32>, newest: u64) {
        let mut updates = Vec::new();
        let mut is_abbreviated = false;
        for change in changes.flows() {
            match self.monitors.update(change, own) {
                Some(FlowUpdate::Abbreviated(_)) if is_abbreviated => {}
                Some(update) => {
                    is_abbreviated |= matches!(update, FlowUpdate::Abbreviated(_));
                    updates.push(update);
                }
                None => {}
            }
            if updates.len() == UPDATES_PER_MESSAGE {
                self.send_updates(std::mem::take(&mut updates));
                self.pause_if_slow(newest);
            }
        }
        if !updates.is_empty() {
            self.send_updates(updates);
            self.pause_if_slow(newest);
        }
    }

    fn send_updates(&mut self, updates: Vec<FlowUpdate>) {
        let reply = MultipartReply::FlowMonitor(updates);
        self.send(&Body::MultipartReply { more: false, reply }.with_xid(0));
    }

    fn pause_if_slow(&mut self, newest: u64) {
        if self.tx_len > TX_MONITORS_MAX && self.monitors.paused.is_none() {
            self.monitors.paused = Some(newest);
            self.send_pause(FlowUpdate::Paused, Body::FlowMonitorPaused);
        }
    }

    /// A word on pausing: an update, or a message in older versions.
    fn send_pause(&mut self, update: FlowUpdate, message: Body) {
        if matches!(self.version, Some(Version::Of10 | Version::Of13)) {
            self.send(&message.with_xid(0));
        } else {
            self.send_updates(vec![update]);
        }
    }

    /// Tells of flows that came or changed after one; what is not read may be much, but is no more than the flows.
    fn catch_up(&mut self, bridge: &Bridge, since: u64) {
        let monitors: Vec<&FlowMonitor> = self.monitors.by_id.values().collect();
        let wants = |bits: u16| -> Vec<&FlowMonitor> {
            monitors.iter().copied().filter(|monitor| monitor.flags.has(bits)).collect()
        };
        let for_added = wants(MonitorFlags::ADD | MonitorFlags::MODIFY);
        let for_modified = wants(MonitorFlags::MODIFY);
        let missed = bridge.rules().filter(|rule| rule.id > since);
        let updates: Vec<FlowUpdate> = missed
            .filter_map(|rule| match rule.added > since {
                true => told(&for_added, rule, FlowEvent::Added),
                false => told(&for_modified, rule, FlowEvent::Modified),
            })
            .collect();
        for part in updates.chunks(UPDATES_PER_MESSAGE) {
            self.send_updates(part.to_vec());
        }
        self.send_pause(FlowUpdate::Resumed, Body::FlowMonitorResumed);
    }
}

impl Monitors {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether there is something to tell as soon as everything is read.
    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// The messages that ask for these monitors, for another process.
    pub(super) fn messages(&self) -> Vec<Message> {
        let request = |monitor: &FlowMonitor| MultipartRequest::FlowMonitor(vec![monitor.clone()]);
        self.by_id.values().map(|monitor| Body::MultipartRequest(request(monitor)).with_xid(0)).collect()
    }

    /// The monitors that these messages ask for. What else they are is passed over.
    pub(super) fn from_messages(messages: Vec<Message>) -> Self {
        let monitors = messages.into_iter().flat_map(|message| match message.body {
            Body::MultipartRequest(MultipartRequest::FlowMonitor(monitors)) => monitors,
            _ => Vec::new(),
        });
        let by_id = monitors.take(MONITORS_MAX).map(|monitor| (monitor.id, monitor)).collect();
        Self { by_id, paused: None }
    }

    /// Whether a monitor was made.
    fn change(&mut self, monitor: FlowMonitor) -> Result<bool, ErrorCode> {
        let is_there = self.by_id.contains_key(&monitor.id);
        match monitor.command {
            MonitorCommand::Add if is_there => Err(ErrorCode::MONITOR_EXISTS),
            MonitorCommand::Add if self.by_id.len() >= MONITORS_MAX => Err(ErrorCode::MONITOR_UNKNOWN),
            MonitorCommand::Modify if !is_there => Err(ErrorCode::UNKNOWN_MONITOR),
            MonitorCommand::Add | MonitorCommand::Modify => {
                self.by_id.insert(monitor.id, monitor);
                Ok(true)
            }
            MonitorCommand::Delete => self.cancel(monitor.id).map(|()| false),
        }
    }

    /// Ends a monitor.
    ///
    /// # Errors
    /// When there is none of this number.
    pub(super) fn cancel(&mut self, id: u32) -> Result<(), ErrorCode> {
        self.by_id.remove(&id).map(drop).ok_or(ErrorCode::UNKNOWN_MONITOR)
    }

    /// What is told of a change, which the connection's message of the number `own` made, if one of its own did.
    fn update(&self, change: FlowChange<'_>, own: Option<u32>) -> Option<FlowUpdate> {
        let (bit, event, rule, old) = match change {
            FlowChange::Added { new, old } => (MonitorFlags::ADD, FlowEvent::Added, new, old),
            FlowChange::Modified { new, old } => (MonitorFlags::MODIFY, FlowEvent::Modified, new, old),
            FlowChange::Removed(rule, reason) => {
                (MonitorFlags::DELETE, FlowEvent::Removed(reason), rule, None)
            }
        };
        let old = old.filter(|old| old.instructions() != rule.instructions());
        let is_same = |cookie| event == FlowEvent::Modified && old.is_none() && cookie == rule.cookie;
        if let FlowChange::Modified { old: Some(before), .. } = change
            && is_same(before.cookie)
        {
            return None;
        }
        if let Some(since) = self.paused
            && (bit != MonitorFlags::DELETE || rule.added > since)
        {
            return None;
        }
        let monitors = self.by_id.values().filter(|m| m.flags.has(bit));
        let monitors: Vec<&FlowMonitor> =
            monitors.filter(|m| admits(m, rule) || old.is_some_and(|old| admits(m, old))).collect();
        let all = monitors.iter().fold(0, |all, m| all | m.flags.0);
        match own {
            _ if monitors.is_empty() => None,
            Some(xid) if all & MonitorFlags::OWN == 0 && self.paused.is_none() => {
                Some(FlowUpdate::Abbreviated(xid))
            }
            Some(_) | None => Some(full(rule, event, MonitorFlags(all))),
        }
    }
}

/// Whether a monitor is about a flow.
fn admits(monitor: &FlowMonitor, rule: &Rule) -> bool {
    let filter = FlowFilter {
        matching: &monitor.matching,
        cookie: 0,
        cookie_mask: 0,
        out_port: monitor.out_port,
        out_group: monitor.out_group,
    };
    monitor.table.is_none_or(|table| table == rule.table) && filter.admits(rule)
}

/// A flow as these monitors are told of it; `None` if none is about it.
fn told(monitors: &[&FlowMonitor], rule: &Arc<Rule>, event: FlowEvent) -> Option<FlowUpdate> {
    let about = monitors.iter().filter(|monitor| admits(monitor, rule));
    let flags = about.map(|monitor| monitor.flags.0).reduce(|all, flags| all | flags)?;
    Some(full(rule, event, MonitorFlags(flags)))
}

fn full(rule: &Rule, event: FlowEvent, flags: MonitorFlags) -> FlowUpdate {
    let with_actions = flags.has(MonitorFlags::ACTIONS);
    let (idle_timeout, hard_timeout) = rule.timeouts();
    FlowUpdate::Flow(Box::new(FlowUpdateFull {
        event,
        table: rule.table,
        priority: rule.priority,
        idle_timeout,
        hard_timeout,
        cookie: rule.cookie,
        matching: rule.matching(),
        instructions: if with_actions { rule.instructions().to_vec() } else { Vec::new() },
    }))
}
