//! The tables of `OVN_Southbound`, a typed row each. Made from `defs/sb.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/sb.tables", {
    sb_global: SbGlobal,
    chassis: Chassis,
    chassis_private: ChassisPrivate,
    encap: Encap,
    address_set: AddressSet,
    port_group: PortGroup,
    logical_flow: LogicalFlow,
    logical_dp_group: LogicalDpGroup,
    multicast_group: MulticastGroup,
    mirror: Mirror,
    meter: Meter,
    meter_band: MeterBand,
    datapath_binding: DatapathBinding,
    port_binding: PortBinding,
    mac_binding: MacBinding,
    dhcp_options: DhcpOptions,
    dhcpv6_options: Dhcpv6Options,
    connection: Connection,
    ssl: Ssl,
    dns: Dns,
    rbac_role: RbacRole,
    rbac_permission: RbacPermission,
    gateway_chassis: GatewayChassis,
    ha_chassis: HaChassis,
    ha_chassis_group: HaChassisGroup,
    controller_event: ControllerEvent,
    ip_multicast: IpMulticast,
    igmp_group: IgmpGroup,
    service_monitor: ServiceMonitor,
    load_balancer: LoadBalancer,
    bfd: Bfd,
    fdb: Fdb,
    static_mac_binding: StaticMacBinding,
    ecmp_nexthop: EcmpNexthop,
    chassis_template_var: ChassisTemplateVar,
    advertised_route: AdvertisedRoute,
    learned_route: LearnedRoute,
    acl_id: AclId,
    advertised_mac_binding: AdvertisedMacBinding,
} }

crate::row::row! {
    /// The one row about the deployment as a whole.
    pub struct SbGlobal: "SB_Global" {
        /// Copied from NB_Global by northd with the rows that belong to it.
        nb_cfg: "nb_cfg" => i64,
        /// When that nb_cfg was set northbound, ms since 1970.
        nb_cfg_timestamp: "nb_cfg_timestamp" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Remotes the southbound server offers or calls.
        connections: "connections" => BTreeSet<Uuid>,
        /// Keys for TLS connections.
        ssl: "ssl" => Option<Uuid>,
        /// Settings that northd passes to the chassis.
        options: "options" => BTreeMap<Str, Str>,
        /// Encrypt all tunnels.
        ipsec: "ipsec" => bool,
    }
}

crate::row::row! {
    /// A host (or gateway) that takes part; written by its controller.
    pub struct Chassis: "Chassis" {
        /// Its system-id.
        name: "name" => Str,
        /// Its host name.
        hostname: "hostname" => Str,
        /// How others send to it.
        encaps: "encaps" => BTreeSet<Uuid>,
        /// For a VTEP gateway: the logical switches it serves.
        vtep_logical_switches: "vtep_logical_switches" => BTreeSet<Str>,
        /// No longer used; see Chassis_Private.
        nb_cfg: "nb_cfg" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// What the chassis can do and how it is set, such as datapath-type, iface-types, ovn-bridge-mappings.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Tunnels are built only between chassis that share one; empty is a zone of its own.
        transport_zones: "transport_zones" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// Facts that change often and that other chassis need not see.
    pub struct ChassisPrivate: "Chassis_Private" {
        /// Name of the chassis.
        name: "name" => Str,
        /// Its row.
        chassis: "chassis" => Option<Uuid>,
        /// Latest nb_cfg whose flows its switch has.
        nb_cfg: "nb_cfg" => i64,
        /// When that happened, ms since 1970.
        nb_cfg_timestamp: "nb_cfg_timestamp" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One way to send to a chassis.
    pub struct Encap: "Encap" {
        /// Tunnel protocol.
        r#type: "type" => Str,
        /// Settings such as csum.
        options: "options" => BTreeMap<Str, Str>,
        /// Address to send to.
        ip: "ip" => Str,
        /// Its chassis, for access control.
        chassis_name: "chassis_name" => Str,
    }
}

crate::row::row! {
    /// Addresses under one name, copied from the northbound database or made for a port group.
    pub struct AddressSet: "Address_Set" {
        /// Name used as $name.
        name: "name" => Str,
        /// Members.
        addresses: "addresses" => BTreeSet<Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Ports under one name, per datapath.
    pub struct PortGroup: "Port_Group" {
        /// Name used as @name; northd appends the datapath's key.
        name: "name" => Str,
        /// Names of members.
        ports: "ports" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// One rule of a logical pipeline.
    pub struct LogicalFlow: "Logical_Flow" {
        /// The datapath it belongs to, if it is one.
        logical_datapath: "logical_datapath" => Option<Uuid>,
        /// The datapaths it belongs to, if it is several.
        logical_dp_group: "logical_dp_group" => Option<Uuid>,
        /// Which half of the pipeline.
        pipeline: "pipeline" => Str,
        /// Stage number within the half.
        table_id: "table_id" => i64,
        /// Higher is tried first.
        priority: "priority" => i64,
        /// Which packets, in the logical match language.
        r#match: "match" => Str,
        /// What to do, in the logical action language.
        actions: "actions" => Str,
        /// Marks such as in_out_port, which help a chassis leave the flow out.
        tags: "tags" => BTreeMap<Str, Str>,
        /// Meter for packets the flow sends to the controller.
        controller_meter: "controller_meter" => Option<Str>,
        /// stage-name, stage-hint and source, for people and tools.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// A description for people.
        flow_desc: "flow_desc" => Option<Str>,
    }
}

crate::row::row! {
    /// Datapaths that share flows.
    pub struct LogicalDpGroup: "Logical_DP_Group" {
        /// Members.
        datapaths: "datapaths" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// Ports that one tunnelled copy reaches.
    pub struct MulticastGroup: "Multicast_Group" {
        /// The datapath.
        datapath: "datapath" => Uuid,
        /// Name used as outport, such as _MC_flood.
        name: "name" => Str,
        /// Number of the group in tunnel headers.
        tunnel_key: "tunnel_key" => i64,
        /// Members.
        ports: "ports" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// Copies of traffic of selected ports.
    pub struct Mirror: "Mirror" {
        /// Name of the mirror.
        name: "name" => Str,
        /// Which direction is copied.
        filter: "filter" => Str,
        /// Where to.
        sink: "sink" => Str,
        /// How the copies travel.
        r#type: "type" => Str,
        /// Key or index in the tunnel header of the copies.
        index: "index" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A rate limit that chassis install when a flow uses it.
    pub struct Meter: "Meter" {
        /// Name of the meter.
        name: "name" => Str,
        /// Unit of the bands' rates.
        unit: "unit" => Str,
        /// What happens above which rate.
        bands: "bands" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// One threshold of a meter.
    pub struct MeterBand: "Meter_Band" {
        /// What happens above the rate.
        action: "action" => Str,
        /// Threshold, in the meter's unit.
        rate: "rate" => i64,
        /// Burst allowed; 0 for the default.
        burst_size: "burst_size" => i64,
    }
}

crate::row::row! {
    /// A logical switch or router.
    pub struct DatapathBinding: "Datapath_Binding" {
        /// Its number in tunnel headers, unique in the deployment.
        tunnel_key: "tunnel_key" => i64,
        /// No longer used.
        load_balancers: "load_balancers" => BTreeSet<Uuid>,
        /// Switch or router.
        r#type: "type" => Option<Str>,
        /// The northbound row it stands for.
        nb_uuid: "nb_uuid" => Option<Uuid>,
        /// logical-switch or logical-router (the northbound row), name, name2.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A logical port and where it is bound.
    pub struct PortBinding: "Port_Binding" {
        /// Name of the port.
        logical_port: "logical_port" => Str,
        /// Empty for a VIF; else patch, l3gateway, localnet, localport, l2gateway, vtep, chassisredirect, virtual, external, remote.
        r#type: "type" => Str,
        /// Candidates for a chassisredirect port (older way).
        gateway_chassis: "gateway_chassis" => BTreeSet<Uuid>,
        /// Candidates for a chassisredirect or external port.
        ha_chassis_group: "ha_chassis_group" => Option<Uuid>,
        /// Settings by type, such as peer, network_name, requested-chassis.
        options: "options" => BTreeMap<Str, Str>,
        /// Its datapath.
        datapath: "datapath" => Uuid,
        /// Its number in tunnel headers, unique in its datapath.
        tunnel_key: "tunnel_key" => i64,
        /// For a nested port: the port that carries it.
        parent_port: "parent_port" => Option<Str>,
        /// For an lport mirror: the port that is copied.
        mirror_port: "mirror_port" => Option<Str>,
        /// VLAN tag on the parent or on the localnet.
        tag: "tag" => Option<i64>,
        /// For a virtual port: the port that owns the address now.
        virtual_parent: "virtual_parent" => Option<Str>,
        /// The chassis that has bound the port.
        chassis: "chassis" => Option<Uuid>,
        /// Further chassis, during live migration.
        additional_chassis: "additional_chassis" => BTreeSet<Uuid>,
        /// Where on that chassis to send; empty for its best one.
        encap: "encap" => Option<Uuid>,
        /// Where on the additional chassis to send.
        additional_encap: "additional_encap" => BTreeSet<Uuid>,
        /// Mirrors that copy the port's traffic.
        mirror_rules: "mirror_rules" => BTreeSet<Uuid>,
        /// Addresses behind the port, as in the northbound addresses.
        mac: "mac" => BTreeSet<Str>,
        /// Source addresses allowed.
        port_security: "port_security" => BTreeSet<Str>,
        /// Addresses to announce by gratuitous ARP.
        nat_addresses: "nat_addresses" => BTreeSet<Str>,
        /// Set by the chassis once the port works.
        up: "up" => Option<bool>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// The chassis asked for by options:requested-chassis.
        requested_chassis: "requested_chassis" => Option<Uuid>,
        /// Further chassis asked for.
        requested_additional_chassis: "requested_additional_chassis" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// A neighbour that a router port has learned.
    pub struct MacBinding: "MAC_Binding" {
        /// Router port.
        logical_port: "logical_port" => Str,
        /// Address of the neighbour.
        ip: "ip" => Str,
        /// Its Ethernet address.
        mac: "mac" => Str,
        /// When it was last seen to be in use, ms since 1970.
        timestamp: "timestamp" => i64,
        /// The router.
        datapath: "datapath" => Uuid,
    }
}

crate::row::row! {
    /// A DHCPv4 option that chassis know how to write.
    pub struct DhcpOptions: "DHCP_Options" {
        /// OVN's name for it.
        name: "name" => Str,
        /// Its number.
        code: "code" => i64,
        /// How its value is written.
        r#type: "type" => Str,
    }
}

crate::row::row! {
    /// A DHCPv6 option that chassis know how to write.
    pub struct Dhcpv6Options: "DHCPv6_Options" {
        /// OVN's name for it.
        name: "name" => Str,
        /// Its number.
        code: "code" => i64,
        /// How its value is written.
        r#type: "type" => Str,
    }
}

crate::row::row! {
    /// A remote of the database server.
    pub struct Connection: "Connection" {
        /// ptcp:, pssl:, tcp: or ssl: address.
        target: "target" => Str,
        /// Longest pause between two attempts to connect, ms.
        max_backoff: "max_backoff" => Option<i64>,
        /// Silence after which the peer is probed, ms; 0 never probes.
        inactivity_probe: "inactivity_probe" => Option<i64>,
        /// Refuse changes from here.
        read_only: "read_only" => bool,
        /// Role in RBAC_Role that clients have here; empty for no restriction.
        role: "role" => Str,
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
    /// Keys of the database server.
    pub struct Ssl: "SSL" {
        /// Path of the PEM file with the private key.
        private_key: "private_key" => Str,
        /// Path of the PEM file with our certificate.
        certificate: "certificate" => Str,
        /// Path of the PEM file with the certificates that peers must be signed by.
        ca_cert: "ca_cert" => Str,
        /// Take the first peer's CA certificate on trust and store it in ca_cert.
        bootstrap_ca_cert: "bootstrap_ca_cert" => bool,
        /// TLS versions allowed, comma-separated; empty means the library's choice.
        ssl_protocols: "ssl_protocols" => Str,
        /// Ciphers allowed up to TLS 1.2, in OpenSSL's list format.
        ssl_ciphers: "ssl_ciphers" => Str,
        /// Cipher suites allowed for TLS 1.3, in OpenSSL's list format.
        ssl_ciphersuites: "ssl_ciphersuites" => Str,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Names that chassis answer by themselves.
    pub struct Dns: "DNS" {
        /// Name, in lower case, to its addresses.
        records: "records" => BTreeMap<Str, Str>,
        /// Whose clients are answered.
        datapaths: "datapaths" => BTreeSet<Uuid>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// What a role may do.
    pub struct RbacRole: "RBAC_Role" {
        /// Name of the role.
        name: "name" => Str,
        /// Table name to the permission there.
        permissions: "permissions" => BTreeMap<Str, Uuid>,
    }
}

crate::row::row! {
    /// What may be done in one table.
    pub struct RbacPermission: "RBAC_Permission" {
        /// The table.
        table: "table" => Str,
        /// Columns one of which must name the client for it to change the row; "" for none.
        authorization: "authorization" => BTreeSet<Str>,
        /// Whether rows may be inserted and deleted.
        insert_delete: "insert_delete" => bool,
        /// Columns that may be changed.
        update: "update" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// A candidate for a gateway port (older than HA_Chassis).
    pub struct GatewayChassis: "Gateway_Chassis" {
        /// Name of this candidate.
        name: "name" => Str,
        /// The chassis.
        chassis: "chassis" => Option<Uuid>,
        /// The highest that is alive serves.
        priority: "priority" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A candidate in an HA_Chassis_Group.
    pub struct HaChassis: "HA_Chassis" {
        /// The chassis.
        chassis: "chassis" => Option<Uuid>,
        /// The highest that is alive serves.
        priority: "priority" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Chassis that stand in for each other.
    pub struct HaChassisGroup: "HA_Chassis_Group" {
        /// Name of the group.
        name: "name" => Str,
        /// Candidates.
        ha_chassis: "ha_chassis" => BTreeSet<Uuid>,
        /// Chassis that watch the group's members over BFD.
        ref_chassis: "ref_chassis" => BTreeSet<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Something a chassis saw and that the operator may act on.
    pub struct ControllerEvent: "Controller_Event" {
        /// What it was.
        event_type: "event_type" => Str,
        /// Particulars.
        event_info: "event_info" => BTreeMap<Str, Str>,
        /// Who saw it.
        chassis: "chassis" => Option<Uuid>,
        /// Number of the event, per chassis.
        seq_num: "seq_num" => i64,
    }
}

crate::row::row! {
    /// Multicast settings of one datapath.
    pub struct IpMulticast: "IP_Multicast" {
        /// The datapath.
        datapath: "datapath" => Uuid,
        /// Snoop IGMP and MLD.
        enabled: "enabled" => Option<bool>,
        /// Send queries.
        querier: "querier" => Option<bool>,
        /// Source Ethernet address of queries.
        eth_src: "eth_src" => Str,
        /// Source address of IGMP queries.
        ip4_src: "ip4_src" => Str,
        /// Source address of MLD queries.
        ip6_src: "ip6_src" => Str,
        /// Most groups learned.
        table_size: "table_size" => Option<i64>,
        /// Seconds until a group is forgotten.
        idle_timeout: "idle_timeout" => Option<i64>,
        /// Seconds between queries.
        query_interval: "query_interval" => Option<i64>,
        /// Longest response time put into queries, seconds.
        query_max_resp: "query_max_resp" => Option<i64>,
        /// Raised to make the chassis forget all groups.
        seq_no: "seq_no" => i64,
    }
}

crate::row::row! {
    /// A multicast group learned on a chassis.
    pub struct IgmpGroup: "IGMP_Group" {
        /// Group address.
        address: "address" => Str,
        /// Which protocol and version it was learned by.
        protocol: "protocol" => Str,
        /// Where.
        datapath: "datapath" => Option<Uuid>,
        /// Who learned it.
        chassis: "chassis" => Option<Uuid>,
        /// Ports with members.
        ports: "ports" => BTreeSet<Uuid>,
        /// Name of that chassis.
        chassis_name: "chassis_name" => Str,
    }
}

crate::row::row! {
    /// A service that a chassis probes.
    pub struct ServiceMonitor: "Service_Monitor" {
        /// What the probe is for.
        r#type: "type" => Option<Str>,
        /// Address of the service.
        ip: "ip" => Str,
        /// Ethernet address of the service.
        mac: "mac" => Str,
        /// Protocol of the probe.
        protocol: "protocol" => Option<Str>,
        /// Port of the service.
        port: "port" => i64,
        /// Port by which a network function's probe enters.
        logical_input_port: "logical_input_port" => Str,
        /// Port behind which the service is.
        logical_port: "logical_port" => Str,
        /// Source Ethernet address of probes.
        src_mac: "src_mac" => Str,
        /// Source address of probes.
        src_ip: "src_ip" => Str,
        /// Chassis that probes.
        chassis_name: "chassis_name" => Str,
        /// Latest result.
        status: "status" => Option<Str>,
        /// Whether it came from another availability zone.
        ic_learned: "ic_learned" => bool,
        /// Whether the service is in another availability zone.
        remote: "remote" => bool,
        /// interval, timeout, success_count and failure_count.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Load balancers, for hairpin traffic and template use on chassis.
    pub struct LoadBalancer: "Load_Balancer" {
        /// A name for people.
        name: "name" => Str,
        /// VIP to backends.
        vips: "vips" => BTreeMap<Str, Str>,
        /// Transport protocol.
        protocol: "protocol" => Option<Str>,
        /// No longer used.
        datapaths: "datapaths" => BTreeSet<Uuid>,
        /// No longer used.
        datapath_group: "datapath_group" => Option<Uuid>,
        /// Switches that use it.
        ls_datapath_group: "ls_datapath_group" => Option<Uuid>,
        /// Routers that use it.
        lr_datapath_group: "lr_datapath_group" => Option<Uuid>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A session that a chassis runs for a route.
    pub struct Bfd: "BFD" {
        /// UDP source port.
        src_port: "src_port" => i64,
        /// Our discriminator.
        disc: "disc" => i64,
        /// Router port.
        logical_port: "logical_port" => Str,
        /// Address of the peer.
        dst_ip: "dst_ip" => Str,
        /// Shortest interval between our packets, ms.
        min_tx: "min_tx" => i64,
        /// Shortest interval between packets we accept, ms.
        min_rx: "min_rx" => i64,
        /// Packets missed before the session is down.
        detect_mult: "detect_mult" => i64,
        /// State of the session.
        status: "status" => Str,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Chassis that runs it.
        chassis_name: "chassis_name" => Str,
    }
}

crate::row::row! {
    /// A learned Ethernet address.
    pub struct Fdb: "FDB" {
        /// The address.
        mac: "mac" => Str,
        /// tunnel_key of the datapath.
        dp_key: "dp_key" => i64,
        /// tunnel_key of the port it was seen behind.
        port_key: "port_key" => i64,
        /// When it was last seen to be in use, ms since 1970.
        timestamp: "timestamp" => i64,
    }
}

crate::row::row! {
    /// A fixed neighbour of a router port.
    pub struct StaticMacBinding: "Static_MAC_Binding" {
        /// Router port.
        logical_port: "logical_port" => Str,
        /// Address of the neighbour.
        ip: "ip" => Str,
        /// Its Ethernet address.
        mac: "mac" => Str,
        /// Whether it wins over a learned entry.
        override_dynamic_mac: "override_dynamic_mac" => bool,
        /// The router.
        datapath: "datapath" => Uuid,
    }
}

crate::row::row! {
    /// A neighbour to which replies return by the way requests came.
    pub struct EcmpNexthop: "ECMP_Nexthop" {
        /// Its address.
        nexthop: "nexthop" => Str,
        /// Port it is reached by.
        port: "port" => Uuid,
        /// The router.
        datapath: "datapath" => Uuid,
        /// Its Ethernet address.
        mac: "mac" => Str,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Values of template variables on one chassis.
    pub struct ChassisTemplateVar: "Chassis_Template_Var" {
        /// Name of the chassis.
        chassis: "chassis" => Str,
        /// Variable to value.
        variables: "variables" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A route that a chassis announces by a routing protocol.
    pub struct AdvertisedRoute: "Advertised_Route" {
        /// The router.
        datapath: "datapath" => Uuid,
        /// Router port it is announced on.
        logical_port: "logical_port" => Uuid,
        /// The network.
        ip_prefix: "ip_prefix" => Str,
        /// Announce only where this port is bound, or with better metric there.
        tracked_port: "tracked_port" => Option<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A route that a chassis learned by a routing protocol.
    pub struct LearnedRoute: "Learned_Route" {
        /// The router.
        datapath: "datapath" => Uuid,
        /// Router port it was learned on.
        logical_port: "logical_port" => Uuid,
        /// The network.
        ip_prefix: "ip_prefix" => Str,
        /// Gateway address.
        nexthop: "nexthop" => Str,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A number for an ACL, for connections that outlive it.
    pub struct AclId: "ACL_ID" {
        /// The number.
        id: "id" => i64,
    }
}

crate::row::row! {
    /// A neighbour that a chassis announces to an EVPN fabric.
    pub struct AdvertisedMacBinding: "Advertised_MAC_Binding" {
        /// The switch.
        datapath: "datapath" => Uuid,
        /// Its port.
        logical_port: "logical_port" => Uuid,
        /// Address.
        ip: "ip" => Str,
        /// Ethernet address.
        mac: "mac" => Str,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}
