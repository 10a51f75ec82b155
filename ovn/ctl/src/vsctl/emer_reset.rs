//! `emer-reset`: the switch to a state in which it needs nobody else.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::Verb;
use ovsdb::Datum;

pub(super) const EMER_RESET: Verb = Verb {
    name: "emer-reset",
    options: &[],
    parameters: &[],
    group: "Switch commands",
    help: "forget controllers, managers, mirrors, reports and limits",
    prepare,
    run,
};

/// Columns that become empty, by table.
const EMPTIED: &[(&str, &[&str])] = &[
    ("Open_vSwitch", &["manager_options", "ssl"]),
    ("Bridge", &["controller", "fail_mode", "mirrors", "netflow", "sflow", "ipfix", "flood_vlans"]),
    ("Port", &["other_config"]),
];

/// Columns that become zero, by table.
const ZEROED: &[(&str, &[&str])] = &[(
    "Interface",
    &[
        "ingress_policing_rate",
        "ingress_policing_burst",
        "ingress_policing_kpkts_rate",
        "ingress_policing_kpkts_burst",
    ],
)];

/// A table whose rows go; those of others that nothing refers to any more go by themselves.
const DELETED: &str = "Flow_Sample_Collector_Set";

/// The key of a bridge's other_config that stays: its Ethernet address.
const KEPT: &str = "hwaddr";

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    for (table, columns) in EMPTIED.iter().chain(ZEROED) {
        needs.columns(table, columns);
    }
    needs.columns("Bridge", &["other_config"]);
    needs.columns(DELETED, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    for (table, columns) in EMPTIED.iter().chain(ZEROED) {
        let rows: Vec<_> = context.view.uuids(table).collect();
        for (row, column) in rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))) {
            let schema = context.schema.clone();
            if let Some(column_schema) = schema.column(table, column) {
                context.view.set(table, *row, column, Datum::default_for(&column_schema.ty));
            }
        }
    }
    let deleted: Vec<_> = context.view.uuids(DELETED).collect();
    for row in deleted {
        context.view.delete(DELETED, row);
    }
    let bridges: Vec<_> = context.view.uuids("Bridge").collect();
    for bridge in bridges {
        let config = context.view.value("Bridge", bridge, "other_config").into_owned();
        let kept = config.get_str(KEPT).map(|address| (KEPT, address));
        context.view.set("Bridge", bridge, "other_config", Datum::map(kept));
    }
    Ok(())
}
