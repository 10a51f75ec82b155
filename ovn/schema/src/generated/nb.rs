//! The tables of `OVN_Northbound`, a typed row each. Made from `defs/nb.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/nb.tables", {
    nb_global: NbGlobal,
    sample_collector: SampleCollector,
    sample: Sample,
    copp: Copp,
    logical_switch: LogicalSwitch,
    logical_switch_port: LogicalSwitchPort,
    network_function_health_check: NetworkFunctionHealthCheck,
    network_function: NetworkFunction,
    network_function_group: NetworkFunctionGroup,
    logical_switch_port_health_check: LogicalSwitchPortHealthCheck,
    forwarding_group: ForwardingGroup,
    address_set: AddressSet,
    port_group: PortGroup,
    load_balancer: LoadBalancer,
    load_balancer_group: LoadBalancerGroup,
    load_balancer_health_check: LoadBalancerHealthCheck,
    acl: Acl,
    qos: QoS,
    mirror: Mirror,
    mirror_rule: MirrorRule,
    meter: Meter,
    meter_band: MeterBand,
    logical_router: LogicalRouter,
    logical_router_port: LogicalRouterPort,
    logical_router_static_route: LogicalRouterStaticRoute,
    logical_router_policy: LogicalRouterPolicy,
    nat: Nat,
    dhcp_options: DhcpOptions,
    dhcp_relay: DhcpRelay,
    connection: Connection,
    dns: Dns,
    ssl: Ssl,
    gateway_chassis: GatewayChassis,
    ha_chassis: HaChassis,
    ha_chassis_group: HaChassisGroup,
    bfd: Bfd,
    static_mac_binding: StaticMacBinding,
    chassis_template_var: ChassisTemplateVar,
    sampling_app: SamplingApp,
} }

crate::row::row! {
    /// The one row about the deployment as a whole.
    pub struct NbGlobal: "NB_Global" {
        /// A name for this deployment; the availability zone in interconnection.
        name: "name" => Str,
        /// Number of the latest configuration; a client raises it to ask how far that configuration has come.
        nb_cfg: "nb_cfg" => i64,
        /// When northd saw the current nb_cfg, ms since 1970.
        nb_cfg_timestamp: "nb_cfg_timestamp" => i64,
        /// Latest nb_cfg that northd has written into the southbound database.
        sb_cfg: "sb_cfg" => i64,
        /// When sb_cfg was last raised, ms since 1970.
        sb_cfg_timestamp: "sb_cfg_timestamp" => i64,
        /// Latest nb_cfg that every chassis has put into its switch.
        hv_cfg: "hv_cfg" => i64,
        /// When hv_cfg was last raised, ms since 1970.
        hv_cfg_timestamp: "hv_cfg_timestamp" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Remotes the northbound server offers or calls.
        connections: "connections" => BTreeSet<Uuid>,
        /// Keys for TLS connections.
        ssl: "ssl" => Option<Uuid>,
        /// Deployment-wide settings, such as mac_prefix, svc_monitor_mac, max_tunid.
        options: "options" => BTreeMap<Str, Str>,
        /// Encrypt all tunnels.
        ipsec: "ipsec" => bool,
    }
}

crate::row::row! {
    /// Where sampled packets are reported to.
    pub struct SampleCollector: "Sample_Collector" {
        /// Number that a Sample's metadata is packed with.
        id: "id" => i64,
        /// A name for people.
        name: "name" => Str,
        /// Share of packets sampled, in units of 1/65535.
        probability: "probability" => i64,
        /// Flow_Sample_Collector_Set id on the chassis that receives the samples.
        set_id: "set_id" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A sampling point: which collectors get a packet, and under which number.
    pub struct Sample: "Sample" {
        /// Who receives the samples.
        collectors: "collectors" => BTreeSet<Uuid>,
        /// Observation point number written into each sample.
        metadata: "metadata" => i64,
    }
}

crate::row::row! {
    /// A control plane protection policy: meters for packets that climb to the controller.
    pub struct Copp: "Copp" {
        /// Name of the policy.
        name: "name" => Str,
        /// Protocol, such as arp or dhcpv4-opts, to the name of the Meter that limits it.
        meters: "meters" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// An Ethernet network of its own; its ports reach each other wherever they are bound.
    pub struct LogicalSwitch: "Logical_Switch" {
        /// A name for people; not required to be unique.
        name: "name" => Str,
        /// The ports; a port belongs to one switch.
        ports: "ports" => BTreeSet<Uuid>,
        /// Packet filters of this switch.
        acls: "acls" => BTreeSet<Uuid>,
        /// Marking and rate limits of this switch.
        qos_rules: "qos_rules" => BTreeSet<Uuid>,
        /// Load balancers applied to traffic entering here.
        load_balancer: "load_balancer" => BTreeSet<Uuid>,
        /// Groups of load balancers applied here.
        load_balancer_group: "load_balancer_group" => BTreeSet<Uuid>,
        /// Names answered for clients of this switch.
        dns_records: "dns_records" => BTreeSet<Uuid>,
        /// Control plane protection policy.
        copp: "copp" => Option<Uuid>,
        /// Settings such as subnet, exclude_ips, mcast_snoop, requested-tnl-key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Groups of ports that share one virtual address.
        forwarding_groups: "forwarding_groups" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// A port of a logical switch: a VM or container interface, or a connection to something else.
    pub struct LogicalSwitchPort: "Logical_Switch_Port" {
        /// Name of the port; the chassis finds its interface by external_ids:iface-id equal to this.
        name: "name" => Str,
        /// Empty for a VIF; else router, localnet, localport, l2gateway, vtep, virtual, external, remote, switch, mirror.
        r#type: "type" => Str,
        /// Settings by type, such as requested-chassis, router-port, network_name, peer.
        options: "options" => BTreeMap<Str, Str>,
        /// For a port inside another VIF (nested container): the port that carries it.
        parent_name: "parent_name" => Option<Str>,
        /// VLAN tag wanted for the nested port; 0 asks northd to choose.
        tag_request: "tag_request" => Option<i64>,
        /// VLAN tag in use on the parent or on the localnet.
        tag: "tag" => Option<i64>,
        /// Who is behind the port: "MAC \[IP...\]", "dynamic \[IP\]", "router" or "unknown".
        addresses: "addresses" => BTreeSet<Str>,
        /// The address northd chose where addresses asks for a dynamic one.
        dynamic_addresses: "dynamic_addresses" => Option<Str>,
        /// Source addresses the port may use, "MAC \[IP\[/len\]...\]"; empty allows all.
        port_security: "port_security" => BTreeSet<Str>,
        /// The other port when two switches are joined directly.
        peer: "peer" => Option<Str>,
        /// Whether a chassis has bound the port and, for a VIF, put in its flows.
        up: "up" => Option<bool>,
        /// False takes the port out of service; empty counts as true.
        enabled: "enabled" => Option<bool>,
        /// DHCPv4 answer for the client on this port.
        dhcpv4_options: "dhcpv4_options" => Option<Uuid>,
        /// DHCPv6 answer for the client on this port.
        dhcpv6_options: "dhcpv6_options" => Option<Uuid>,
        /// Mirrors that copy this port's traffic.
        mirror_rules: "mirror_rules" => BTreeSet<Uuid>,
        /// For an external port: the chassis that may serve it.
        ha_chassis_group: "ha_chassis_group" => Option<Uuid>,
        /// Probes of services on this port.
        health_checks: "health_checks" => BTreeSet<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// How the members of network functions are probed.
    pub struct NetworkFunctionHealthCheck: "Network_Function_Health_Check" {
        /// Name of the check.
        name: "name" => Str,
        /// interval, timeout, success_count and failure_count.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A middlebox that selected traffic passes through, with one port in and one out.
    pub struct NetworkFunction: "Network_Function" {
        /// Name of the function.
        name: "name" => Str,
        /// Port towards which traffic leaves the function.
        outport: "outport" => Option<Uuid>,
        /// Port by which traffic enters the function.
        inport: "inport" => Uuid,
        /// How it is probed.
        health_check: "health_check" => Option<Uuid>,
        /// Number used in flows.
        id: "id" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Middleboxes of which one is active; an ACL sends traffic through it.
    pub struct NetworkFunctionGroup: "Network_Function_Group" {
        /// Name of the group.
        name: "name" => Str,
        /// What happens to traffic when no member works.
        fallback: "fallback" => Option<Str>,
        /// The members.
        network_function: "network_function" => BTreeSet<Uuid>,
        /// The member in use, chosen by northd.
        network_function_active: "network_function_active" => Option<Uuid>,
        /// inline redirects traffic, vtap copies it.
        mode: "mode" => Str,
        /// Number used in flows.
        id: "id" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A probe of a service behind a switch port.
    pub struct LogicalSwitchPortHealthCheck: "Logical_Switch_Port_Health_Check" {
        /// Protocol of the probe.
        protocol: "protocol" => Str,
        /// Source address of the probe.
        src_ip: "src_ip" => Str,
        /// Destination port of the probe; 0 for icmp.
        port: "port" => i64,
        /// Destination address of the probe.
        address: "address" => Str,
        /// Latest result.
        status: "status" => Option<Str>,
        /// interval, timeout, success_count and failure_count.
        options: "options" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One virtual address answered by any of several ports, chosen by hash.
    pub struct ForwardingGroup: "Forwarding_Group" {
        /// Name of the group.
        name: "name" => Str,
        /// Virtual IP address.
        vip: "vip" => Str,
        /// Virtual MAC address that answers for it.
        vmac: "vmac" => Str,
        /// Leave out ports whose tunnel is down.
        liveness: "liveness" => bool,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Names of the ports that share the load.
        child_port: "child_port" => BTreeSet<Str>,
    }
}

crate::row::row! {
    /// Addresses under one name, for use as $name in matches.
    pub struct AddressSet: "Address_Set" {
        /// Name of the set.
        name: "name" => Str,
        /// Ethernet, IPv4 or IPv6 addresses or networks.
        addresses: "addresses" => BTreeSet<Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Ports under one name, for use as @name in matches, with ACLs of its own.
    pub struct PortGroup: "Port_Group" {
        /// Name of the group.
        name: "name" => Str,
        /// Members.
        ports: "ports" => BTreeSet<Uuid>,
        /// Packet filters that apply to every switch that has a member.
        acls: "acls" => BTreeSet<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Virtual addresses that stand for sets of backends.
    pub struct LoadBalancer: "Load_Balancer" {
        /// A name for people.
        name: "name" => Str,
        /// "IP\[:port\]" to a comma-separated list of "IP\[:port\]" backends.
        vips: "vips" => BTreeMap<Str, Str>,
        /// Transport protocol of VIPs with a port; empty counts as tcp.
        protocol: "protocol" => Option<Str>,
        /// Which VIPs are probed.
        health_check: "health_check" => BTreeSet<Uuid>,
        /// Backend address to "port name:source address" used to probe it.
        ip_port_mappings: "ip_port_mappings" => BTreeMap<Str, Str>,
        /// Packet fields hashed to choose a backend; empty hashes the five-tuple.
        selection_fields: "selection_fields" => BTreeSet<Str>,
        /// Settings such as reject, hairpin_snat_ip, affinity_timeout, template.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Load balancers attached together.
    pub struct LoadBalancerGroup: "Load_Balancer_Group" {
        /// Name of the group.
        name: "name" => Str,
        /// Members.
        load_balancer: "load_balancer" => BTreeSet<Uuid>,
    }
}

crate::row::row! {
    /// A probe of the backends of one VIP.
    pub struct LoadBalancerHealthCheck: "Load_Balancer_Health_Check" {
        /// The VIP, as in Load_Balancer.vips.
        vip: "vip" => Str,
        /// interval, timeout, success_count and failure_count.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One packet filter rule.
    pub struct Acl: "ACL" {
        /// A name for logs.
        name: "name" => Option<Str>,
        /// Higher is tried first, within its tier.
        priority: "priority" => i64,
        /// from-lport filters what a port sends, to-lport what it receives.
        direction: "direction" => Str,
        /// Which packets, in the logical match language.
        r#match: "match" => Str,
        /// What becomes of them.
        action: "action" => Str,
        /// Middleboxes that allowed packets pass through.
        network_function_group: "network_function_group" => Option<Uuid>,
        /// Report matching packets in the controller's log.
        log: "log" => bool,
        /// Level of those log lines.
        severity: "severity" => Option<Str>,
        /// Name of the Meter that limits those log lines.
        meter: "meter" => Option<Str>,
        /// Number stored in the connection; 0 for none.
        label: "label" => i64,
        /// Rules of a lower tier decide first; pass moves on to the next.
        tier: "tier" => i64,
        /// Sampling of packets that open a connection.
        sample_new: "sample_new" => Option<Uuid>,
        /// Sampling of packets of a known connection.
        sample_est: "sample_est" => Option<Uuid>,
        /// Settings such as apply-after-lb, log-related.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Marks or limits matching traffic of a switch.
    pub struct QoS: "QoS" {
        /// Higher is tried first.
        priority: "priority" => i64,
        /// from-lport for what a port sends, to-lport for what it receives.
        direction: "direction" => Str,
        /// Which packets, in the logical match language.
        r#match: "match" => Str,
        /// DSCP value or packet mark to set.
        action: "action" => BTreeMap<Str, i64>,
        /// rate in kbps, burst in kbits.
        bandwidth: "bandwidth" => BTreeMap<Str, i64>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Copies of traffic of selected ports.
    pub struct Mirror: "Mirror" {
        /// Name of the mirror.
        name: "name" => Str,
        /// Which direction is copied.
        filter: "filter" => Str,
        /// Where to: an address, an interface's mirror-id or a logical port, by type.
        sink: "sink" => Str,
        /// How the copies travel.
        r#type: "type" => Str,
        /// Key or index in the tunnel header of the copies.
        index: "index" => i64,
        /// For lport mirrors: which packets are copied.
        mirror_rules: "mirror_rules" => BTreeSet<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Chooses packets of an lport mirror.
    pub struct MirrorRule: "Mirror_Rule" {
        /// Which packets.
        r#match: "match" => Str,
        /// Copy them or pass them over.
        action: "action" => Str,
        /// Higher is tried first.
        priority: "priority" => i64,
    }
}

crate::row::row! {
    /// A rate limit, for logs and for packets to the controller.
    pub struct Meter: "Meter" {
        /// Name of the meter; names beginning with __ are reserved.
        name: "name" => Str,
        /// Unit of the bands' rates.
        unit: "unit" => Str,
        /// What happens above which rate.
        bands: "bands" => BTreeSet<Uuid>,
        /// Each user of the meter gets one of its own instead of sharing.
        fair: "fair" => Option<bool>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One threshold of a meter.
    pub struct MeterBand: "Meter_Band" {
        /// What happens above the rate.
        action: "action" => Str,
        /// Threshold, in the meter's unit.
        rate: "rate" => i64,
        /// Burst allowed, in kbits or packets; 0 for the default.
        burst_size: "burst_size" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// An IP router between logical switches.
    pub struct LogicalRouter: "Logical_Router" {
        /// A name for people.
        name: "name" => Str,
        /// The router's interfaces.
        ports: "ports" => BTreeSet<Uuid>,
        /// Routes.
        static_routes: "static_routes" => BTreeSet<Uuid>,
        /// Policy routes, tried before the routing table decides.
        policies: "policies" => BTreeSet<Uuid>,
        /// False takes the router out of service; empty counts as true.
        enabled: "enabled" => Option<bool>,
        /// Address translation rules.
        nat: "nat" => BTreeSet<Uuid>,
        /// Load balancers applied to traffic entering here.
        load_balancer: "load_balancer" => BTreeSet<Uuid>,
        /// Groups of load balancers applied here.
        load_balancer_group: "load_balancer_group" => BTreeSet<Uuid>,
        /// Control plane protection policy.
        copp: "copp" => Option<Uuid>,
        /// Settings such as chassis, snat-ct-zone, mcast_relay, dynamic-routing.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// An interface of a logical router.
    pub struct LogicalRouterPort: "Logical_Router_Port" {
        /// Name of the port; also in the name space of switch ports.
        name: "name" => Str,
        /// Chassis that may host the port's gateway (older way).
        gateway_chassis: "gateway_chassis" => BTreeSet<Uuid>,
        /// Chassis that may host the port's gateway.
        ha_chassis_group: "ha_chassis_group" => Option<Uuid>,
        /// Settings such as gateway_mtu, redirect-type, reside-on-redirect-chassis.
        options: "options" => BTreeMap<Str, Str>,
        /// Own addresses with prefix length.
        networks: "networks" => BTreeSet<Str>,
        /// Own Ethernet address.
        mac: "mac" => Str,
        /// The other router port when two routers are joined directly.
        peer: "peer" => Option<Str>,
        /// False takes the port out of service; empty counts as true.
        enabled: "enabled" => Option<bool>,
        /// Router advertisements sent here.
        ipv6_ra_configs: "ipv6_ra_configs" => BTreeMap<Str, Str>,
        /// Prefixes received by prefix delegation.
        ipv6_prefix: "ipv6_prefix" => BTreeSet<Str>,
        /// Where DHCP requests seen here are relayed to.
        dhcp_relay: "dhcp_relay" => Option<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Facts reported by OVN, such as hosting-chassis.
        status: "status" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One route.
    pub struct LogicalRouterStaticRoute: "Logical_Router_Static_Route" {
        /// Name of the routing table; empty for the main one.
        route_table: "route_table" => Str,
        /// Destination (or source, see policy) network.
        ip_prefix: "ip_prefix" => Str,
        /// Whether ip_prefix is compared with the destination or the source.
        policy: "policy" => Option<Str>,
        /// Gateway address, or "discard".
        nexthop: "nexthop" => Str,
        /// Router port to leave by; else found from the nexthop.
        output_port: "output_port" => Option<Str>,
        /// Session that must be up for the route to count.
        bfd: "bfd" => Option<Uuid>,
        /// Packet fields hashed to choose among equal routes.
        selection_fields: "selection_fields" => BTreeSet<Str>,
        /// Settings such as ecmp_symmetric_reply, origin.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One policy route.
    pub struct LogicalRouterPolicy: "Logical_Router_Policy" {
        /// Higher is tried first.
        priority: "priority" => i64,
        /// Name of the chain this policy is in; empty for the first.
        chain: "chain" => Option<Str>,
        /// Which packets.
        r#match: "match" => Str,
        /// What becomes of them.
        action: "action" => Str,
        /// Chain where a jump goes on.
        jump_chain: "jump_chain" => Option<Str>,
        /// One gateway (older form).
        nexthop: "nexthop" => Option<Str>,
        /// Gateways, chosen by hash.
        nexthops: "nexthops" => BTreeSet<Str>,
        /// Router port to leave by.
        output_port: "output_port" => Option<Uuid>,
        /// Sessions that must be up for the nexthops to count.
        bfd_sessions: "bfd_sessions" => BTreeSet<Uuid>,
        /// Settings such as pkt_mark.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One address translation rule of a router.
    pub struct Nat: "NAT" {
        /// Address seen from outside.
        external_ip: "external_ip" => Str,
        /// For distributed dnat_and_snat: Ethernet address that answers for external_ip.
        external_mac: "external_mac" => Option<Str>,
        /// Source ports to use, "low-high".
        external_port_range: "external_port_range" => Str,
        /// Address or network inside.
        logical_ip: "logical_ip" => Str,
        /// For distributed dnat_and_snat: the port whose chassis translates.
        logical_port: "logical_port" => Option<Str>,
        /// Which direction is translated.
        r#type: "type" => Str,
        /// Translate only traffic with these outside addresses.
        allowed_ext_ips: "allowed_ext_ips" => Option<Uuid>,
        /// Never translate traffic with these outside addresses.
        exempted_ext_ips: "exempted_ext_ips" => Option<Uuid>,
        /// Gateway port that the rule belongs to, if the router has several.
        gateway_port: "gateway_port" => Option<Uuid>,
        /// Order among rules that have a match.
        priority: "priority" => i64,
        /// Further condition, in the logical match language.
        r#match: "match" => Str,
        /// Settings such as stateless, add_route.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A DHCP answer, shared by the ports that point to it.
    pub struct DhcpOptions: "DHCP_Options" {
        /// Network that the answer is for; its family tells DHCPv4 from DHCPv6.
        cidr: "cidr" => Str,
        /// DHCP options by OVN's name for them.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Relaying of DHCP requests by a router.
    pub struct DhcpRelay: "DHCP_Relay" {
        /// A name for people.
        name: "name" => Str,
        /// Address of the server.
        servers: "servers" => Option<Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
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
    /// Names that OVN answers by itself.
    pub struct Dns: "DNS" {
        /// Name, in lower case, to its addresses separated by spaces.
        records: "records" => BTreeMap<Str, Str>,
        /// Settings such as ovn-owned.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
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
    /// A candidate to host a gateway port (older than HA_Chassis).
    pub struct GatewayChassis: "Gateway_Chassis" {
        /// Name of this candidate, by convention PORT-CHASSIS.
        name: "name" => Str,
        /// The chassis.
        chassis_name: "chassis_name" => Str,
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
        chassis_name: "chassis_name" => Str,
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
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A session that watches a nexthop.
    pub struct Bfd: "BFD" {
        /// Router port the session runs on.
        logical_port: "logical_port" => Str,
        /// Address of the peer.
        dst_ip: "dst_ip" => Str,
        /// Shortest interval between our packets, ms.
        min_tx: "min_tx" => Option<i64>,
        /// Shortest interval between packets we accept, ms.
        min_rx: "min_rx" => Option<i64>,
        /// Packets missed before the session is down.
        detect_mult: "detect_mult" => Option<i64>,
        /// State of the session.
        status: "status" => Option<Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
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
    }
}

crate::row::row! {
    /// Values of template variables on one chassis.
    pub struct ChassisTemplateVar: "Chassis_Template_Var" {
        /// Name of the chassis.
        chassis: "chassis" => Str,
        /// Variable to value, used as ^name.
        variables: "variables" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Numbers that tell samples of different origin apart.
    pub struct SamplingApp: "Sampling_App" {
        /// Origin of the samples.
        r#type: "type" => Str,
        /// Number in the sample's domain id.
        id: "id" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}
