//! The verbs, one family a file.

mod atomic;
mod compare;
mod connection;
mod flows;
mod groups;
mod monitor;
mod parse;
mod ports;
mod switch;
mod tlv;

use crate::options::Options;
use crate::{Result, World};

/// One verb.
pub(crate) struct Verb {
    pub name: &'static str,
    usage: &'static str,
    pub least: usize,
    pub most: usize,
    /// Whether it changes the switch.
    pub changes: bool,
    pub run: fn(&Options, &[String], &mut dyn World) -> Result<()>,
}

const fn reads(
    name: &'static str,
    usage: &'static str,
    (least, most): (usize, usize),
    run: fn(&Options, &[String], &mut dyn World) -> Result<()>,
) -> Verb {
    Verb { name, usage, least, most, changes: false, run }
}

const fn changes(
    name: &'static str,
    usage: &'static str,
    (least, most): (usize, usize),
    run: fn(&Options, &[String], &mut dyn World) -> Result<()>,
) -> Verb {
    Verb { name, usage, least, most, changes: true, run }
}

/// Sorted by name.
const VERBS: &[Verb] = &[
    changes("add-flow", "SWITCH FLOW", (2, 2), flows::add),
    changes("add-flows", "SWITCH FILE", (2, 2), flows::add_file),
    changes("add-group", "SWITCH GROUP", (2, 2), groups::add),
    changes("add-groups", "SWITCH FILE", (2, 2), groups::add_file),
    changes("add-meter", "SWITCH METER", (2, 2), groups::add_meter),
    changes("add-tlv-map", "SWITCH MAP", (2, 2), tlv::add),
    changes("bundle", "SWITCH FILE", (2, 2), atomic::bundle),
    changes("ct-flush", "SWITCH [zone=N] [TUPLE [REPLY-TUPLE]]", (1, 4), connection::flush),
    changes("ct-flush-zone", "SWITCH ZONE", (2, 2), connection::flush_zone),
    changes("del-flows", "SWITCH [FLOW]", (1, 2), flows::delete),
    changes("del-groups", "SWITCH [GROUP]", (1, 2), groups::delete),
    changes("del-meter", "SWITCH METER", (2, 2), groups::delete_meter),
    changes("del-meters", "SWITCH", (1, 2), groups::delete_meter),
    changes("del-tlv-map", "SWITCH [MAP]", (1, 2), tlv::delete),
    reads("diff-flows", "SOURCE1 SOURCE2", (2, 2), compare::diff),
    reads("dump-aggregate", "SWITCH [FLOW]", (1, 2), flows::aggregate),
    reads("dump-desc", "SWITCH", (1, 1), switch::desc),
    reads("dump-flows", "SWITCH [FLOW]", (1, 2), flows::dump),
    reads("dump-group-features", "SWITCH", (1, 1), groups::features),
    reads("dump-group-stats", "SWITCH [GROUP]", (1, 2), groups::stats),
    reads("dump-groups", "SWITCH [GROUP]", (1, 2), groups::dump),
    reads("dump-meter", "SWITCH METER", (2, 2), groups::dump_meters),
    reads("dump-meters", "SWITCH [METER]", (1, 2), groups::dump_meters),
    reads("dump-ports", "SWITCH [PORT]", (1, 2), ports::stats),
    reads("dump-ports-desc", "SWITCH [PORT]", (1, 2), ports::descs),
    reads("dump-table-desc", "SWITCH", (1, 1), switch::table_descs),
    reads("dump-table-features", "SWITCH", (1, 1), switch::table_features),
    reads("dump-tables", "SWITCH", (1, 1), switch::tables),
    reads("dump-tlv-map", "SWITCH", (1, 1), tlv::dump),
    reads("get-frags", "SWITCH", (1, 1), switch::get_fragments),
    changes("insert-buckets", "SWITCH GROUP", (2, 2), groups::insert),
    reads("meter-features", "SWITCH", (1, 1), groups::meter_features),
    reads("meter-stats", "SWITCH [METER]", (1, 2), groups::meter_stats),
    changes("mod-flows", "SWITCH FLOW", (2, 2), flows::modify),
    changes("mod-group", "SWITCH GROUP", (2, 2), groups::modify),
    changes("mod-meter", "SWITCH METER", (2, 2), groups::modify_meter),
    changes("mod-port", "SWITCH PORT ACTION", (3, 3), ports::modify),
    reads(
        "monitor",
        "SWITCH [MISSLEN] [invalid_ttl] [resume] [watch:[FLOW]]...",
        (1, usize::MAX),
        monitor::monitor,
    ),
    reads("ofp-print", "FILE|HEX", (1, 1), monitor::print),
    changes(
        "packet-out",
        "SWITCH FLOW | SWITCH PORT ACTIONS PACKET...",
        (2, usize::MAX),
        connection::packet_out,
    ),
    reads("parse-flow", "FLOW", (1, 1), parse::flow),
    reads("parse-flows", "FILE", (1, 1), parse::flows),
    reads("ping", "SWITCH [N]", (1, 2), connection::ping),
    reads("probe", "SWITCH", (1, 1), connection::probe),
    reads("queue-get-config", "SWITCH [PORT]", (1, 2), ports::queue_configs),
    reads("queue-stats", "SWITCH [PORT [QUEUE]]", (1, 3), ports::queues),
    changes("remove-buckets", "SWITCH GROUP", (2, 2), groups::remove),
    changes("replace-flows", "SWITCH FILE", (2, 2), compare::replace),
    changes("set-frags", "SWITCH MODE", (2, 2), switch::set_fragments),
    reads("show", "SWITCH", (1, 1), switch::show),
    reads("snoop", "SWITCH", (1, 1), monitor::snoop),
];

/// The verb of this name, exactly.
pub(crate) fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// What `--help` says.
pub(crate) fn help() -> String {
    let mut text = "ovs-ofctl: looks at a switch and changes it by OpenFlow\nusage: ovs-ofctl [OPTIONS] COMMAND [ARG...]\n\n\
                    Commands:\n"
        .to_owned();
    for verb in VERBS {
        text += &format!("  {} {}\n", verb.name, verb.usage);
    }
    text + "\nOptions:\n  -O, --protocols=VERSIONS       OpenFlow10, OpenFlow13, OpenFlow14, OpenFlow15; by default the first\n  \
            -P, --packet-in-format=FORMAT  standard, nxt_packet_in or nxt_packet_in2\n  --strict                       \
            flows with exactly this match and priority\n  --bundle                       all changes or none\n  \
            --may-create                   mod-group makes groups that are not there\n  --names, --no-names            \
            ports by their names, or by their numbers\n  --stats, --no-stats            flows with their ages and counts, \
            or without\n  --sort[=FIELD], --rsort[=FIELD]\n                                 flows by this field, or by \
            priority\n  --read-only                    refuses verbs that change the switch\n  -m, --more                     \
            packets in hexadecimal too\n  -h, --help; -V, --version\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_sorted() {
        assert!(VERBS.is_sorted_by_key(|verb| verb.name));
    }
}
