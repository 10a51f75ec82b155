//! How rows of the Open_vSwitch database are named.

use super::Identifier::{self, Column, Only, Via};

const NAME: &[Identifier] = &[Column("name")];

const fn of_bridge(column: &'static str) -> Identifier {
    Via { table: "Bridge", column, matching: "name", key: None }
}

/// Tables whose rows have other names than their UUID.
pub(super) const IDENTIFIERS: &[(&str, &[Identifier])] = &[
    ("AutoAttach", &[of_bridge("auto_attach")]),
    ("Bridge", NAME),
    ("Controller", &[of_bridge("controller")]),
    ("Flow_Sample_Collector_Set", &[Column("id")]),
    ("Flow_Table", NAME),
    ("IPFIX", &[of_bridge("ipfix")]),
    ("Interface", NAME),
    ("Manager", &[Column("target")]),
    ("Mirror", NAME),
    ("NetFlow", &[of_bridge("netflow")]),
    ("Open_vSwitch", &[Only]),
    ("Port", NAME),
    ("QoS", &[Via { table: "Port", column: "qos", matching: "name", key: None }]),
    ("SSL", &[Only]),
    ("sFlow", &[of_bridge("sflow")]),
];
