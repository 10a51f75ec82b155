//! The tables of `Open_vSwitch`, a typed row each. Made from `defs/vswitch.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/vswitch.tables", {
    open_vswitch: OpenVSwitch,
    bridge: Bridge,
    port: Port,
    interface: Interface,
    flow_table: FlowTable,
    qos: QoS,
    queue: Queue,
    mirror: Mirror,
    netflow: NetFlow,
    sflow: SFlow,
    ipfix: Ipfix,
    flow_sample_collector_set: FlowSampleCollectorSet,
    controller: Controller,
    manager: Manager,
    datapath: Datapath,
    ct_zone: CtZone,
    ct_timeout_policy: CtTimeoutPolicy,
    ssl: Ssl,
    autoattach: AutoAttach,
} }

crate::row::row! {
    /// The one row about the switch as a whole.
    pub struct OpenVSwitch: "Open_vSwitch" {
        /// Datapath type to its row.
        datapaths: "datapaths" => BTreeMap<Str, Uuid>,
        /// Bridges.
        bridges: "bridges" => BTreeSet<Uuid>,
        /// Remotes of the database server.
        manager_options: "manager_options" => BTreeSet<Uuid>,
        /// Keys for TLS connections.
        ssl: "ssl" => Option<Uuid>,
        /// Settings of the switch as a whole.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Settings of OVN's controller, such as system-id, ovn-remote, ovn-encap-type, ovn-encap-ip, ovn-bridge-mappings.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Number of the latest configuration; raised by clients.
        next_cfg: "next_cfg" => i64,
        /// Latest next_cfg that the switch has put into effect.
        cur_cfg: "cur_cfg" => i64,
        /// Load and memory of the host.
        statistics: "statistics" => BTreeMap<Str, Str>,
        /// Version of the switch.
        ovs_version: "ovs_version" => Option<Str>,
        /// Version of the schema.
        db_version: "db_version" => Option<Str>,
        /// Name of the operating system.
        system_type: "system_type" => Option<Str>,
        /// Version of the operating system.
        system_version: "system_version" => Option<Str>,
        /// Kinds of datapath the switch offers.
        datapath_types: "datapath_types" => BTreeSet<Str>,
        /// Types of interface the switch offers.
        iface_types: "iface_types" => BTreeSet<Str>,
        /// Whether DPDK is in use.
        dpdk_initialized: "dpdk_initialized" => bool,
        /// Version of DPDK.
        dpdk_version: "dpdk_version" => Option<Str>,
    }
}

crate::row::row! {
    /// A switch with its own OpenFlow tables.
    pub struct Bridge: "Bridge" {
        /// Name of the bridge and of its internal interface.
        name: "name" => Str,
        /// system or netdev; empty for system.
        datapath_type: "datapath_type" => Str,
        /// Version of the datapath.
        datapath_version: "datapath_version" => Str,
        /// OpenFlow datapath id, 16 hex digits.
        datapath_id: "datapath_id" => Option<Str>,
        /// Run the spanning tree protocol.
        stp_enable: "stp_enable" => bool,
        /// Run the rapid spanning tree protocol.
        rstp_enable: "rstp_enable" => bool,
        /// Snoop multicast groups.
        mcast_snooping_enable: "mcast_snooping_enable" => bool,
        /// Ports, the bridge's own included.
        ports: "ports" => BTreeSet<Uuid>,
        /// Port mirrors.
        mirrors: "mirrors" => BTreeSet<Uuid>,
        /// NetFlow reporting.
        netflow: "netflow" => Option<Uuid>,
        /// sFlow reporting.
        sflow: "sflow" => Option<Uuid>,
        /// IPFIX reporting.
        ipfix: "ipfix" => Option<Uuid>,
        /// OpenFlow controllers; without one the bridge follows fail_mode.
        controller: "controller" => BTreeSet<Uuid>,
        /// OpenFlow versions it speaks; empty for all of them.
        protocols: "protocols" => BTreeSet<Str>,
        /// Without a controller: standalone learns addresses, secure does only what its flows say.
        fail_mode: "fail_mode" => Option<Str>,
        /// Facts about STP.
        status: "status" => BTreeMap<Str, Str>,
        /// Facts about RSTP.
        rstp_status: "rstp_status" => BTreeMap<Str, Str>,
        /// Settings such as hwaddr, datapath-id, disable-in-band.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for managers; OVN's controller keeps conntrack zones (ct-zone-*) here.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// VLANs that flood instead of learning.
        flood_vlans: "flood_vlans" => BTreeSet<i64>,
        /// Settings by OpenFlow table.
        flow_tables: "flow_tables" => BTreeMap<i64, Uuid>,
        /// Auto-attach settings.
        auto_attach: "auto_attach" => Option<Uuid>,
    }
}

crate::row::row! {
    /// A port of a bridge: one interface, or a bond of several.
    pub struct Port: "Port" {
        /// Name of the port.
        name: "name" => Str,
        /// Its interfaces.
        interfaces: "interfaces" => BTreeSet<Uuid>,
        /// VLANs carried; empty for all.
        trunks: "trunks" => BTreeSet<i64>,
        /// For dot1q-tunnel: inner VLANs carried.
        cvlans: "cvlans" => BTreeSet<i64>,
        /// Access VLAN.
        tag: "tag" => Option<i64>,
        /// How tags are treated; empty derives it from tag and trunks.
        vlan_mode: "vlan_mode" => Option<Str>,
        /// Queueing on transmit.
        qos: "qos" => Option<Uuid>,
        /// Ethernet address of the port, for bonds.
        mac: "mac" => Option<Str>,
        /// How a bond spreads traffic.
        bond_mode: "bond_mode" => Option<Str>,
        /// Use of LACP.
        lacp: "lacp" => Option<Str>,
        /// ms a link must be up before use.
        bond_updelay: "bond_updelay" => i64,
        /// ms a link must be down before it is left.
        bond_downdelay: "bond_downdelay" => i64,
        /// Address of the interface in use.
        bond_active_slave: "bond_active_slave" => Option<Str>,
        /// Show the bond as an interface (old).
        bond_fake_iface: "bond_fake_iface" => bool,
        /// The port stands for a VLAN bridge.
        fake_bridge: "fake_bridge" => bool,
        /// Facts about STP.
        status: "status" => BTreeMap<Str, Str>,
        /// Facts about RSTP.
        rstp_status: "rstp_status" => BTreeMap<Str, Str>,
        /// Counters of RSTP.
        rstp_statistics: "rstp_statistics" => BTreeMap<Str, i64>,
        /// Counters of STP.
        statistics: "statistics" => BTreeMap<Str, i64>,
        /// Protected ports do not reach each other.
        protected: "protected" => bool,
        /// Settings of bonds, STP and more.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for managers; OVN marks its tunnels (ovn-chassis-id) and patch ports here.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A device behind a port.
    pub struct Interface: "Interface" {
        /// Name of the device.
        name: "name" => Str,
        /// Empty or system for a device of the host; internal, tap, patch, geneve, vxlan, ...
        r#type: "type" => Str,
        /// Settings by type: remote_ip, local_ip, key, csum, dst_port, peer, ...
        options: "options" => BTreeMap<Str, Str>,
        /// Most received, kbps; 0 for no limit.
        ingress_policing_rate: "ingress_policing_rate" => i64,
        /// Burst allowed, kbits.
        ingress_policing_burst: "ingress_policing_burst" => i64,
        /// Most received, thousand packets a second.
        ingress_policing_kpkts_rate: "ingress_policing_kpkts_rate" => i64,
        /// Burst allowed, thousand packets.
        ingress_policing_kpkts_burst: "ingress_policing_kpkts_burst" => i64,
        /// Ethernet address in use.
        mac_in_use: "mac_in_use" => Option<Str>,
        /// Ethernet address wanted, for internal interfaces.
        mac: "mac" => Option<Str>,
        /// Number of the device on the host.
        ifindex: "ifindex" => Option<i64>,
        /// iface-id names the logical port behind it; ovn-installed is set once its flows are in.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// OpenFlow port number; -1 if the device could not be opened.
        ofport: "ofport" => Option<i64>,
        /// OpenFlow port number wanted.
        ofport_request: "ofport_request" => Option<i64>,
        /// BFD settings.
        bfd: "bfd" => BTreeMap<Str, Str>,
        /// State of BFD.
        bfd_status: "bfd_status" => BTreeMap<Str, Str>,
        /// CFM maintenance point id.
        cfm_mpid: "cfm_mpid" => Option<i64>,
        /// CFM peers heard.
        cfm_remote_mpids: "cfm_remote_mpids" => BTreeSet<i64>,
        /// Changes of the CFM state.
        cfm_flap_count: "cfm_flap_count" => Option<i64>,
        /// Whether CFM sees a fault.
        cfm_fault: "cfm_fault" => Option<bool>,
        /// Why.
        cfm_fault_status: "cfm_fault_status" => BTreeSet<Str>,
        /// State the CFM peer reports.
        cfm_remote_opstate: "cfm_remote_opstate" => Option<Str>,
        /// CFM messages received, per cent.
        cfm_health: "cfm_health" => Option<i64>,
        /// Whether LACP has current information.
        lacp_current: "lacp_current" => Option<bool>,
        /// LLDP settings.
        lldp: "lldp" => BTreeMap<Str, Str>,
        /// Settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Counters: rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, ...
        statistics: "statistics" => BTreeMap<Str, i64>,
        /// Facts about the device, such as driver_name.
        status: "status" => BTreeMap<Str, Str>,
        /// Whether the device is enabled.
        admin_state: "admin_state" => Option<Str>,
        /// Whether the link is there.
        link_state: "link_state" => Option<Str>,
        /// Changes of link_state.
        link_resets: "link_resets" => Option<i64>,
        /// Bits per second.
        link_speed: "link_speed" => Option<i64>,
        /// Half or full.
        duplex: "duplex" => Option<Str>,
        /// Largest payload, octets.
        mtu: "mtu" => Option<i64>,
        /// Largest payload wanted.
        mtu_request: "mtu_request" => Option<i64>,
        /// Why the device could not be set up.
        error: "error" => Option<Str>,
    }
}

crate::row::row! {
    /// Settings of one OpenFlow table.
    pub struct FlowTable: "Flow_Table" {
        /// A name for people.
        name: "name" => Option<Str>,
        /// Most flows.
        flow_limit: "flow_limit" => Option<i64>,
        /// What happens above that.
        overflow_policy: "overflow_policy" => Option<Str>,
        /// Fields that make flows equal for fair eviction.
        groups: "groups" => BTreeSet<Str>,
        /// Fields searched by prefix.
        prefixes: "prefixes" => BTreeSet<Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Queueing on a port.
    pub struct QoS: "QoS" {
        /// linux-htb, linux-hfsc, linux-noop, ...
        r#type: "type" => Str,
        /// Queue number to its settings.
        queues: "queues" => BTreeMap<i64, Uuid>,
        /// Settings by type, such as max-rate.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One transmit queue.
    pub struct Queue: "Queue" {
        /// DSCP value to set.
        dscp: "dscp" => Option<i64>,
        /// Settings by type, such as min-rate, max-rate, burst.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Copies of a bridge's traffic.
    pub struct Mirror: "Mirror" {
        /// Name of the mirror.
        name: "name" => Str,
        /// Copy everything.
        select_all: "select_all" => bool,
        /// Copy what arrives by these ports.
        select_src_port: "select_src_port" => BTreeSet<Uuid>,
        /// Copy what leaves by these ports.
        select_dst_port: "select_dst_port" => BTreeSet<Uuid>,
        /// Copy only these VLANs.
        select_vlan: "select_vlan" => BTreeSet<i64>,
        /// Send copies here.
        output_port: "output_port" => Option<Uuid>,
        /// Send copies on this VLAN.
        output_vlan: "output_vlan" => Option<i64>,
        /// Octets copied of each packet.
        snaplen: "snaplen" => Option<i64>,
        /// tx_packets and tx_bytes.
        statistics: "statistics" => BTreeMap<Str, i64>,
        /// Further condition, as an OpenFlow match.
        filter: "filter" => Option<Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// NetFlow reporting.
    pub struct NetFlow: "NetFlow" {
        /// Collectors, IP:port.
        targets: "targets" => BTreeSet<Str>,
        /// Engine type reported.
        engine_type: "engine_type" => Option<i64>,
        /// Engine id reported.
        engine_id: "engine_id" => Option<i64>,
        /// Put the engine id into interface numbers.
        add_id_to_interface: "add_id_to_interface" => bool,
        /// Seconds between reports on a long flow.
        active_timeout: "active_timeout" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// sFlow reporting.
    pub struct SFlow: "sFlow" {
        /// Collectors, IP\[:port\].
        targets: "targets" => BTreeSet<Str>,
        /// One packet in this many.
        sampling: "sampling" => Option<i64>,
        /// Seconds between counter reports.
        polling: "polling" => Option<i64>,
        /// Octets of each packet reported.
        header: "header" => Option<i64>,
        /// Interface or address that names us.
        agent: "agent" => Option<Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// IPFIX reporting.
    pub struct Ipfix: "IPFIX" {
        /// Collectors, IP:port.
        targets: "targets" => BTreeSet<Str>,
        /// One packet in this many.
        sampling: "sampling" => Option<i64>,
        /// Observation domain.
        obs_domain_id: "obs_domain_id" => Option<i64>,
        /// Observation point.
        obs_point_id: "obs_point_id" => Option<i64>,
        /// Seconds a flow is gathered.
        cache_active_timeout: "cache_active_timeout" => Option<i64>,
        /// Most flows gathered.
        cache_max_flows: "cache_max_flows" => Option<i64>,
        /// Seconds between statistics.
        stats_interval: "stats_interval" => Option<i64>,
        /// Seconds between templates.
        template_interval: "template_interval" => Option<i64>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Where samples taken by flows go.
    pub struct FlowSampleCollectorSet: "Flow_Sample_Collector_Set" {
        /// Number used by the sample action.
        id: "id" => i64,
        /// The bridge.
        bridge: "bridge" => Uuid,
        /// IPFIX settings.
        ipfix: "ipfix" => Option<Uuid>,
        /// Group of local (psample) listeners.
        local_group_id: "local_group_id" => Option<i64>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// An OpenFlow controller of a bridge.
    pub struct Controller: "Controller" {
        /// Whether it is called, or may only call in.
        r#type: "type" => Option<Str>,
        /// tcp:, ssl:, unix:, ptcp:, pssl: or punix: address.
        target: "target" => Str,
        /// Longest pause between two attempts to connect, ms.
        max_backoff: "max_backoff" => Option<i64>,
        /// Silence after which the peer is probed, ms; 0 never probes.
        inactivity_probe: "inactivity_probe" => Option<i64>,
        /// Whether it is reached through the bridge itself.
        connection_mode: "connection_mode" => Option<Str>,
        /// Address of the bridge for in-band control.
        local_ip: "local_ip" => Option<Str>,
        /// Its mask.
        local_netmask: "local_netmask" => Option<Str>,
        /// Its gateway.
        local_gateway: "local_gateway" => Option<Str>,
        /// Send asynchronous messages.
        enable_async_messages: "enable_async_messages" => Option<bool>,
        /// Packets queued for it at most.
        controller_queue_size: "controller_queue_size" => Option<i64>,
        /// Packets a second sent to it at most.
        controller_rate_limit: "controller_rate_limit" => Option<i64>,
        /// Burst allowed.
        controller_burst_limit: "controller_burst_limit" => Option<i64>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Whether the connection stands now.
        is_connected: "is_connected" => bool,
        /// Role it has asked for.
        role: "role" => Option<Str>,
        /// Facts about the connection for people.
        status: "status" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A remote of the database server.
    pub struct Manager: "Manager" {
        /// ptcp:, pssl:, tcp: or ssl: address.
        target: "target" => Str,
        /// Longest pause between two attempts to connect, ms.
        max_backoff: "max_backoff" => Option<i64>,
        /// Silence after which the peer is probed, ms; 0 never probes.
        inactivity_probe: "inactivity_probe" => Option<i64>,
        /// No longer used.
        connection_mode: "connection_mode" => Option<Str>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Whether the connection stands now.
        is_connected: "is_connected" => bool,
        /// Facts about the connection for people.
        status: "status" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One kind of datapath on this host.
    pub struct Datapath: "Datapath" {
        /// Its version.
        datapath_version: "datapath_version" => Str,
        /// Settings by conntrack zone.
        ct_zones: "ct_zones" => BTreeMap<i64, Uuid>,
        /// What it can do.
        capabilities: "capabilities" => BTreeMap<Str, Str>,
        /// Most connections in a zone without a limit of its own.
        ct_zone_default_limit: "ct_zone_default_limit" => Option<i64>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Settings of a conntrack zone.
    pub struct CtZone: "CT_Zone" {
        /// Its timeouts.
        timeout_policy: "timeout_policy" => Option<Uuid>,
        /// Most connections.
        limit: "limit" => Option<i64>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Conntrack timeouts.
    pub struct CtTimeoutPolicy: "CT_Timeout_Policy" {
        /// State to seconds.
        timeouts: "timeouts" => BTreeMap<Str, i64>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Keys for TLS connections.
    pub struct Ssl: "SSL" {
        /// Path of the PEM file with the private key.
        private_key: "private_key" => Str,
        /// Path of the PEM file with our certificate.
        certificate: "certificate" => Str,
        /// Path of the PEM file with the certificates that peers must be signed by.
        ca_cert: "ca_cert" => Str,
        /// Take the first peer's CA certificate on trust and store it in ca_cert.
        bootstrap_ca_cert: "bootstrap_ca_cert" => bool,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Auto-attach settings of a bridge.
    pub struct AutoAttach: "AutoAttach" {
        /// Name announced.
        system_name: "system_name" => Str,
        /// Description announced.
        system_description: "system_description" => Str,
        /// I-SID to VLAN.
        mappings: "mappings" => BTreeMap<i64, i64>,
    }
}
