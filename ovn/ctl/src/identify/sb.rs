//! How rows of the southbound database are named.

use super::Identifier::{self, Column, Key, Only};

const NAME: &[Identifier] = &[Column("name")];

/// Tables whose rows have other names than their UUID.
pub(super) const IDENTIFIERS: &[(&str, &[Identifier])] = &[
    ("Address_Set", NAME),
    ("Chassis", NAME),
    ("Chassis_Private", NAME),
    ("Chassis_Template_Var", &[Column("chassis")]),
    ("Connection", &[Column("target")]),
    ("DHCP_Options", NAME),
    ("DHCPv6_Options", NAME),
    (
        "Datapath_Binding",
        &[
            Key("external_ids", "name"),
            Key("external_ids", "name2"),
            Key("external_ids", "logical-switch"),
            Key("external_ids", "logical-router"),
            Column("nb_uuid"),
        ],
    ),
    ("Gateway_Chassis", NAME),
    ("HA_Chassis_Group", NAME),
    ("Load_Balancer", NAME),
    ("MAC_Binding", &[Column("logical_port")]),
    ("Meter", NAME),
    ("Mirror", NAME),
    ("Port_Binding", &[Column("logical_port"), Key("external_ids", "name")]),
    ("Port_Group", NAME),
    ("RBAC_Permission", &[Column("table")]),
    ("RBAC_Role", NAME),
    ("SB_Global", &[Only]),
    ("SSL", &[Only]),
    ("Service_Monitor", &[Column("logical_port")]),
];
