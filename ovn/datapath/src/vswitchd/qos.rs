//! Rows of the tables QoS and Queue (vswitchd.conf.db(5)).

use std::collections::BTreeMap;

use ovsdb::Str;
use schema::vswitch::{self, Tables};

use crate::qos::{Limit, QosConfig, QueueConfig};

type Options = BTreeMap<Str, Str>;

/// Queues of one port. Those of more rows are left out.
const QUEUES_MAX: usize = 65_536;

/// Disciplines of the host that only order packets, which here leave as they come, and those that limit.
const KINDS: [&str; 9] = [
    "linux-htb",
    "linux-hfsc",
    "linux-noop",
    "linux-sfq",
    "linux-codel",
    "linux-fq_codel",
    "linux-netem",
    "egress-policer",
    "trtcm-policer",
];

/// What a port's row asks for; nothing if there is no row, or of a kind that nobody knows.
pub(super) fn read(tables: &Tables, port: &vswitch::Port) -> Option<QosConfig> {
    let row = tables.qos.get(&port.qos?)?;
    let kind = KINDS.into_iter().find(|kind| **kind == *row.r#type)?;
    let limit = match kind {
        "linux-htb" | "linux-hfsc" => limit(&row.other_config),
        "egress-policer" => policer(&row.other_config),
        _ => Limit::default(),
    };
    let has_queues = matches!(kind, "linux-htb" | "linux-hfsc");
    let rows = row.queues.iter().filter(|_| has_queues).take(QUEUES_MAX);
    let queues = rows.filter_map(|(number, uuid)| {
        let row = tables.queue.get(uuid)?;
        let config = QueueConfig {
            limit: self::limit(&row.other_config),
            min_rate: number_of(&row.other_config, "min-rate"),
            dscp: row.dscp.and_then(|dscp| u8::try_from(dscp).ok()).filter(|dscp| *dscp < 64),
        };
        Some((u32::try_from(*number).ok()?, config))
    });
    Some(QosConfig { kind: kind.to_owned(), limit, queues: queues.collect() })
}

/// `max-rate` and `burst`, in bits.
fn limit(options: &Options) -> Limit {
    Limit { max_rate: number_of(options, "max-rate"), burst: number_of(options, "burst") }
}

/// `cir` and `cbs`, in octets.
fn policer(options: &Options) -> Limit {
    let bits = |name| number_of(options, name).map(|octets| octets.saturating_mul(8));
    Limit { max_rate: bits("cir"), burst: bits("cbs") }
}

/// A number that is not zero.
fn number_of(options: &Options, name: &str) -> Option<u64> {
    options.get(name)?.parse().ok().filter(|n| *n != 0)
}
