//! The tables of `hardware_vtep`, a typed row each. Made from `defs/vtep.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/vtep.tables", {
    global: Global,
    physical_switch: PhysicalSwitch,
    physical_port: PhysicalPort,
    tunnel: Tunnel,
    logical_binding_stats: LogicalBindingStats,
    logical_switch: LogicalSwitch,
    ucast_macs_local: UcastMacsLocal,
    ucast_macs_remote: UcastMacsRemote,
    mcast_macs_local: McastMacsLocal,
    mcast_macs_remote: McastMacsRemote,
    logical_router: LogicalRouter,
    arp_sources_local: ArpSourcesLocal,
    arp_sources_remote: ArpSourcesRemote,
    physical_locator_set: PhysicalLocatorSet,
    physical_locator: PhysicalLocator,
    acl_entry: AclEntry,
    acl: Acl,
    manager: Manager,
} }

crate::row::row! {
    /// The one row about the device as a whole.
    pub struct Global: "Global" {
        /// `managers`.
        managers: "managers" => BTreeSet<Uuid>,
        /// `switches`.
        switches: "switches" => BTreeSet<Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A switch in the device.
    pub struct PhysicalSwitch: "Physical_Switch" {
        /// `ports`.
        ports: "ports" => BTreeSet<Uuid>,
        /// `name`.
        name: "name" => Str,
        /// `description`.
        description: "description" => Str,
        /// `management_ips`.
        management_ips: "management_ips" => BTreeSet<Str>,
        /// `tunnel_ips`.
        tunnel_ips: "tunnel_ips" => BTreeSet<Str>,
        /// `tunnels`.
        tunnels: "tunnels" => BTreeSet<Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// `switch_fault_status`.
        switch_fault_status: "switch_fault_status" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// A port of the switch, with its VLANs bound to logical switches.
    pub struct PhysicalPort: "Physical_Port" {
        /// `name`.
        name: "name" => Str,
        /// `description`.
        description: "description" => Str,
        /// `vlan_bindings`.
        vlan_bindings: "vlan_bindings" => BTreeMap<i64, Uuid>,
        /// `acl_bindings`.
        acl_bindings: "acl_bindings" => BTreeMap<i64, Uuid>,
        /// `vlan_stats`.
        vlan_stats: "vlan_stats" => BTreeMap<i64, Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// `port_fault_status`.
        port_fault_status: "port_fault_status" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// A tunnel to another locator.
    pub struct Tunnel: "Tunnel" {
        /// `local`.
        local: "local" => Uuid,
        /// `remote`.
        remote: "remote" => Uuid,
        /// `bfd_config_local`.
        bfd_config_local: "bfd_config_local" => BTreeMap<Str, Str>,
        /// `bfd_config_remote`.
        bfd_config_remote: "bfd_config_remote" => BTreeMap<Str, Str>,
        /// `bfd_params`.
        bfd_params: "bfd_params" => BTreeMap<Str, Str>,
        /// `bfd_status`.
        bfd_status: "bfd_status" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Counters of one VLAN binding.
    pub struct LogicalBindingStats: "Logical_Binding_Stats" {
        /// `bytes_from_local`.
        bytes_from_local: "bytes_from_local" => i64,
        /// `packets_from_local`.
        packets_from_local: "packets_from_local" => i64,
        /// `bytes_to_local`.
        bytes_to_local: "bytes_to_local" => i64,
        /// `packets_to_local`.
        packets_to_local: "packets_to_local" => i64,
    }
}

crate::row::row! {
    /// A logical network the device joins.
    pub struct LogicalSwitch: "Logical_Switch" {
        /// `name`.
        name: "name" => Str,
        /// `description`.
        description: "description" => Str,
        /// `tunnel_key`.
        tunnel_key: "tunnel_key" => Option<i64>,
        /// `replication_mode`.
        replication_mode: "replication_mode" => Option<Str>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Addresses the device has learned.
    pub struct UcastMacsLocal: "Ucast_Macs_Local" {
        /// `MAC`.
        mac: "MAC" => Str,
        /// `logical_switch`.
        logical_switch: "logical_switch" => Uuid,
        /// `locator`.
        locator: "locator" => Uuid,
        /// `ipaddr`.
        ipaddr: "ipaddr" => Str,
    }
}

crate::row::row! {
    /// Addresses others tell the device.
    pub struct UcastMacsRemote: "Ucast_Macs_Remote" {
        /// `MAC`.
        mac: "MAC" => Str,
        /// `logical_switch`.
        logical_switch: "logical_switch" => Uuid,
        /// `locator`.
        locator: "locator" => Uuid,
        /// `ipaddr`.
        ipaddr: "ipaddr" => Str,
    }
}

crate::row::row! {
    /// Multicast addresses the device has learned.
    pub struct McastMacsLocal: "Mcast_Macs_Local" {
        /// `MAC`.
        mac: "MAC" => Str,
        /// `logical_switch`.
        logical_switch: "logical_switch" => Uuid,
        /// `locator_set`.
        locator_set: "locator_set" => Uuid,
        /// `ipaddr`.
        ipaddr: "ipaddr" => Str,
    }
}

crate::row::row! {
    /// Multicast addresses others tell the device.
    pub struct McastMacsRemote: "Mcast_Macs_Remote" {
        /// `MAC`.
        mac: "MAC" => Str,
        /// `logical_switch`.
        logical_switch: "logical_switch" => Uuid,
        /// `locator_set`.
        locator_set: "locator_set" => Uuid,
        /// `ipaddr`.
        ipaddr: "ipaddr" => Str,
    }
}

crate::row::row! {
    /// A logical router in the device.
    pub struct LogicalRouter: "Logical_Router" {
        /// `name`.
        name: "name" => Str,
        /// `description`.
        description: "description" => Str,
        /// `switch_binding`.
        switch_binding: "switch_binding" => BTreeMap<Str, Uuid>,
        /// `static_routes`.
        static_routes: "static_routes" => BTreeMap<Str, Str>,
        /// `acl_binding`.
        acl_binding: "acl_binding" => BTreeMap<Str, Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// `LR_fault_status`.
        lr_fault_status: "LR_fault_status" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// Source addresses of ARP the device sends.
    pub struct ArpSourcesLocal: "Arp_Sources_Local" {
        /// `src_mac`.
        src_mac: "src_mac" => Str,
        /// `locator`.
        locator: "locator" => Uuid,
    }
}

crate::row::row! {
    /// Source addresses of ARP others send.
    pub struct ArpSourcesRemote: "Arp_Sources_Remote" {
        /// `src_mac`.
        src_mac: "src_mac" => Str,
        /// `locator`.
        locator: "locator" => Uuid,
    }
}

crate::row::row! {
    /// Several locators, for replication.
    pub struct PhysicalLocatorSet: "Physical_Locator_Set" {
        /// `locators`.
        locators: "locators" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// A tunnel endpoint.
    pub struct PhysicalLocator: "Physical_Locator" {
        /// `encapsulation_type`.
        encapsulation_type: "encapsulation_type" => Str,
        /// `dst_ip`.
        dst_ip: "dst_ip" => Str,
        /// `tunnel_key`.
        tunnel_key: "tunnel_key" => Option<i64>,
    }
}

crate::row::row! {
    /// One rule of an ACL.
    pub struct AclEntry: "ACL_entry" {
        /// `sequence`.
        sequence: "sequence" => i64,
        /// `source_mac`.
        source_mac: "source_mac" => Option<Str>,
        /// `dest_mac`.
        dest_mac: "dest_mac" => Option<Str>,
        /// `ethertype`.
        ethertype: "ethertype" => Option<Str>,
        /// `source_ip`.
        source_ip: "source_ip" => Option<Str>,
        /// `source_mask`.
        source_mask: "source_mask" => Option<Str>,
        /// `dest_ip`.
        dest_ip: "dest_ip" => Option<Str>,
        /// `dest_mask`.
        dest_mask: "dest_mask" => Option<Str>,
        /// `protocol`.
        protocol: "protocol" => Option<i64>,
        /// `source_port_min`.
        source_port_min: "source_port_min" => Option<i64>,
        /// `source_port_max`.
        source_port_max: "source_port_max" => Option<i64>,
        /// `dest_port_min`.
        dest_port_min: "dest_port_min" => Option<i64>,
        /// `dest_port_max`.
        dest_port_max: "dest_port_max" => Option<i64>,
        /// `tcp_flags`.
        tcp_flags: "tcp_flags" => Option<i64>,
        /// `tcp_flags_mask`.
        tcp_flags_mask: "tcp_flags_mask" => Option<i64>,
        /// `icmp_code`.
        icmp_code: "icmp_code" => Option<i64>,
        /// `icmp_type`.
        icmp_type: "icmp_type" => Option<i64>,
        /// `direction`.
        direction: "direction" => Str,
        /// `action`.
        action: "action" => Str,
        /// `acle_fault_status`.
        acle_fault_status: "acle_fault_status" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// A list of packet filter rules.
    pub struct Acl: "ACL" {
        /// `acl_entries`.
        acl_entries: "acl_entries" => BTreeSet<Uuid>,
        /// `acl_name`.
        acl_name: "acl_name" => Str,
        /// `acl_fault_status`.
        acl_fault_status: "acl_fault_status" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// A remote of the database server.
    pub struct Manager: "Manager" {
        /// `target`.
        target: "target" => Str,
        /// Longest pause between two attempts to connect, ms.
        max_backoff: "max_backoff" => Option<i64>,
        /// Silence after which the peer is probed, ms; 0 never probes.
        inactivity_probe: "inactivity_probe" => Option<i64>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Whether the connection stands now.
        is_connected: "is_connected" => bool,
        /// `status`.
        status: "status" => BTreeMap<Str, Str>,
    }
}
