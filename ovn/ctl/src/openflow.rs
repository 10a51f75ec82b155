//! The OpenFlow flows of a switch beside rows of the database: those whose cookie is the first part of a row's UUID.

use openflow::{FlowMod, FlowModCommand, FlowStats};
use ovsdb::Uuid;
use std::collections::BTreeMap;

/// A switch as the command line names it: a remote, or the host's own integration bridge.
pub type Switch = Option<String>;

/// The flows of some switches, by switch and cookie.
#[derive(Clone, Debug, Default)]
pub struct SwitchFlows(BTreeMap<Switch, BTreeMap<u64, Vec<FlowStats>>>);

impl SwitchFlows {
    /// Puts the flows of a switch in, in the order in which they are to be printed.
    pub fn insert(&mut self, switch: Switch, flows: Vec<FlowStats>) {
        let by_cookie = self.0.entry(switch).or_default();
        for flow in flows {
            by_cookie.entry(flow.cookie).or_default().push(flow);
        }
    }

    /// The flows that a row became on a switch: none if the switch could not be reached.
    pub(crate) fn of_row(&self, switch: &Switch, row: Uuid) -> &[FlowStats] {
        let flows = self.0.get(switch).and_then(|flows| flows.get(&u64::from(row.first_u32())));
        flows.map_or(&[], Vec::as_slice)
    }
}

/// The priority that text does not mention.
const PRIORITY: u16 = 32768;

/// A flow as text: with its cookie, age, counters and priority, or without.
pub(crate) fn text(flow: &FlowStats, with_stats: bool) -> String {
    if with_stats {
        return flow.to_string();
    }
    let bare = FlowMod {
        priority: PRIORITY,
        matching: flow.matching.clone(),
        instructions: flow.instructions.clone(),
        ..FlowMod::empty(FlowModCommand::Add)
    };
    format!("table={} {bare}", flow.table)
}

#[cfg(test)]
mod tests {
    use super::{SwitchFlows, text};
    use openflow::{FlowMod, FlowStats};
    use ovsdb::Uuid;

    fn flow(cookie: u64, line: &str) -> FlowStats {
        let flow: FlowMod = line.parse().unwrap();
        FlowStats {
            table: flow.table.unwrap(),
            priority: flow.priority,
            matching: flow.matching,
            instructions: flow.instructions,
            cookie,
            duration_sec: 3,
            duration_nsec: 0,
            idle_timeout: 0,
            hard_timeout: 0,
            flags: flow.flags,
            importance: 0,
            idle_age: None,
            packets: 1,
            bytes: 60,
        }
    }

    #[test]
    fn flows_are_found_by_the_beginning_of_a_rows_uuid() {
        let mut flows = SwitchFlows::default();
        flows.insert(None, vec![flow(0x0123_4567, "table=8,priority=100,in_port=1 actions=drop")]);
        let row: Uuid = "01234567-0000-4000-8000-000000000000".parse().unwrap();
        let found = flows.of_row(&None, row);
        assert_eq!(found.len(), 1);
        assert_eq!(text(&found[0], false), "table=8 in_port=1 actions=drop");
        let stats = "cookie=0x1234567, duration=3s, table=8, n_packets=1, n_bytes=60, priority=100,in_port=1 actions=drop";
        assert_eq!(text(&found[0], true), stats);
        assert_eq!(text(&flow(0, "table=0 actions=drop"), false), "table=0 actions=drop");
        assert!(flows.of_row(&Some("tcp:h:1".to_owned()), row).is_empty());
    }
}
