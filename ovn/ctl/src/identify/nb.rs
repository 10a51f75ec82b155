//! How rows of the northbound database are named.

use super::Identifier::{self, Column, Key, Only, Via};

const NAME: &[Identifier] = &[Column("name")];

const fn dhcp(column: &'static str, matching: &'static str, key: Option<&'static str>) -> Identifier {
    Via { table: "Logical_Switch_Port", column, matching, key }
}

/// Tables whose rows have other names than their UUID.
pub(super) const IDENTIFIERS: &[(&str, &[Identifier])] = &[
    ("ACL", NAME),
    ("Address_Set", NAME),
    ("Chassis_Template_Var", &[Column("chassis")]),
    ("Connection", &[Column("target")]),
    (
        "DHCP_Options",
        &[
            dhcp("dhcpv4_options", "name", None),
            dhcp("dhcpv4_options", "external_ids", Some("neutron:port_name")),
            dhcp("dhcpv6_options", "name", None),
            dhcp("dhcpv6_options", "external_ids", Some("neutron:port_name")),
        ],
    ),
    ("DHCP_Relay", NAME),
    ("Forwarding_Group", NAME),
    ("HA_Chassis", &[Column("chassis_name")]),
    ("HA_Chassis_Group", NAME),
    ("Load_Balancer", NAME),
    ("Load_Balancer_Group", NAME),
    ("Load_Balancer_Health_Check", &[Column("vip")]),
    ("Logical_Router", &[Column("name"), Key("external_ids", "neutron:router_name")]),
    ("Logical_Router_Port", NAME),
    ("Logical_Switch", &[Column("name"), Key("external_ids", "neutron:network_name")]),
    ("Logical_Switch_Port", &[Column("name"), Key("external_ids", "neutron:port_name")]),
    ("Meter", NAME),
    ("NAT", &[Column("external_ip")]),
    ("NB_Global", &[Only]),
    ("Network_Function", NAME),
    ("Network_Function_Group", NAME),
    ("Network_Function_Health_Check", NAME),
    ("Port_Group", NAME),
    ("SSL", &[Only]),
    ("Sample_Collector", &[Column("name")]),
    ("Sampling_App", &[Column("type")]),
];
