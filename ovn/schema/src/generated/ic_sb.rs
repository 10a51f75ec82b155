//! The tables of `OVN_IC_Southbound`, a typed row each. Made from `defs/ic_sb.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/ic_sb.tables", {
    ic_sb_global: IcSbGlobal,
    availability_zone: AvailabilityZone,
    gateway: Gateway,
    encap: Encap,
    datapath_binding: DatapathBinding,
    port_binding: PortBinding,
    route: Route,
    connection: Connection,
    ssl: Ssl,
    service_monitor: ServiceMonitor,
    address_set: AddressSet,
} }

crate::row::row! {
    /// The one row about the interconnection as a whole.
    pub struct IcSbGlobal: "IC_SB_Global" {
        /// Copied from IC_NB_Global.
        nb_ic_cfg: "nb_ic_cfg" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// `connections`.
        connections: "connections" => BTreeSet<Uuid>,
        /// `ssl`.
        ssl: "ssl" => Option<Uuid>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A deployment that takes part.
    pub struct AvailabilityZone: "Availability_Zone" {
        /// `name`.
        name: "name" => Str,
        /// `nb_ic_cfg`.
        nb_ic_cfg: "nb_ic_cfg" => i64,
    }
}

crate::row::row! {
    /// A chassis that carries traffic between zones.
    pub struct Gateway: "Gateway" {
        /// `name`.
        name: "name" => Str,
        /// `availability_zone`.
        availability_zone: "availability_zone" => Uuid,
        /// `hostname`.
        hostname: "hostname" => Str,
        /// `encaps`.
        encaps: "encaps" => BTreeSet<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// One way to send to a gateway.
    pub struct Encap: "Encap" {
        /// `type`.
        r#type: "type" => Str,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// `ip`.
        ip: "ip" => Str,
        /// `gateway_name`.
        gateway_name: "gateway_name" => Str,
    }
}

crate::row::row! {
    /// A transit switch or router and its number.
    pub struct DatapathBinding: "Datapath_Binding" {
        /// `transit_switch`.
        transit_switch: "transit_switch" => Str,
        /// `type`.
        r#type: "type" => Option<Str>,
        /// `nb_ic_uuid`.
        nb_ic_uuid: "nb_ic_uuid" => Option<Uuid>,
        /// `tunnel_key`.
        tunnel_key: "tunnel_key" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A port of a transit switch or router and where it is.
    pub struct PortBinding: "Port_Binding" {
        /// `logical_port`.
        logical_port: "logical_port" => Str,
        /// `transit_switch`.
        transit_switch: "transit_switch" => Str,
        /// `availability_zone`.
        availability_zone: "availability_zone" => Uuid,
        /// `tunnel_key`.
        tunnel_key: "tunnel_key" => i64,
        /// `gateway`.
        gateway: "gateway" => Str,
        /// `encap`.
        encap: "encap" => Option<Uuid>,
        /// `address`.
        address: "address" => Str,
        /// `type`.
        r#type: "type" => Option<Str>,
        /// `nb_ic_uuid`.
        nb_ic_uuid: "nb_ic_uuid" => Option<Uuid>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A route that a zone offers to the others.
    pub struct Route: "Route" {
        /// `transit_switch`.
        transit_switch: "transit_switch" => Str,
        /// `availability_zone`.
        availability_zone: "availability_zone" => Uuid,
        /// `route_table`.
        route_table: "route_table" => Str,
        /// `ip_prefix`.
        ip_prefix: "ip_prefix" => Str,
        /// `nexthop`.
        nexthop: "nexthop" => Str,
        /// `origin`.
        origin: "origin" => Str,
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
    /// A service that one zone asks another to probe.
    pub struct ServiceMonitor: "Service_Monitor" {
        /// `type`.
        r#type: "type" => Option<Str>,
        /// `ip`.
        ip: "ip" => Str,
        /// `protocol`.
        protocol: "protocol" => Option<Str>,
        /// `port`.
        port: "port" => i64,
        /// `logical_port`.
        logical_port: "logical_port" => Str,
        /// `src_ip`.
        src_ip: "src_ip" => Str,
        /// `src_mac`.
        src_mac: "src_mac" => Str,
        /// `status`.
        status: "status" => Option<Str>,
        /// `target_availability_zone`.
        target_availability_zone: "target_availability_zone" => Str,
        /// `source_availability_zone`.
        source_availability_zone: "source_availability_zone" => Str,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// Addresses that a zone offers to the others.
    pub struct AddressSet: "Address_Set" {
        /// `name`.
        name: "name" => Str,
        /// `addresses`.
        addresses: "addresses" => BTreeSet<Str>,
        /// `availability_zone`.
        availability_zone: "availability_zone" => Uuid,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}
