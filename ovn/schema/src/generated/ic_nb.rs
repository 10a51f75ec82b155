//! The tables of `OVN_IC_Northbound`, a typed row each. Made from `defs/ic_nb.tables`: edit that.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

crate::tables::database! { "../../defs/ic_nb.tables", {
    ic_nb_global: IcNbGlobal,
    transit_switch_port: TransitSwitchPort,
    transit_switch: TransitSwitch,
    transit_router: TransitRouter,
    transit_router_port: TransitRouterPort,
    connection: Connection,
    ssl: Ssl,
} }

crate::row::row! {
    /// The one row about the interconnection as a whole.
    pub struct IcNbGlobal: "IC_NB_Global" {
        /// Number of the latest configuration; raised by clients.
        nb_ic_cfg: "nb_ic_cfg" => i64,
        /// Latest nb_ic_cfg that every zone has taken up.
        sb_ic_cfg: "sb_ic_cfg" => i64,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
        /// Remotes of the database server.
        connections: "connections" => BTreeSet<Uuid>,
        /// Keys for TLS connections.
        ssl: "ssl" => Option<Uuid>,
        /// Further settings by key.
        options: "options" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A port of a transit switch.
    pub struct TransitSwitchPort: "Transit_Switch_Port" {
        /// `name`.
        name: "name" => Str,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// `type`.
        r#type: "type" => Str,
        /// `chassis`.
        chassis: "chassis" => Str,
        /// `peer`.
        peer: "peer" => Str,
        /// `addresses`.
        addresses: "addresses" => BTreeSet<Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A logical switch that spans availability zones.
    pub struct TransitSwitch: "Transit_Switch" {
        /// `name`.
        name: "name" => Str,
        /// `ports`.
        ports: "ports" => BTreeSet<Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A logical router that spans availability zones.
    pub struct TransitRouter: "Transit_Router" {
        /// `name`.
        name: "name" => Str,
        /// `ports`.
        ports: "ports" => BTreeSet<Uuid>,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// Free for whoever manages the row; OVN itself reads only the keys it documents.
        external_ids: "external_ids" => BTreeMap<Str, Str>,
    }
}

crate::row::row! {
    /// A port of a transit router.
    pub struct TransitRouterPort: "Transit_Router_Port" {
        /// `name`.
        name: "name" => Str,
        /// Further settings by key.
        other_config: "other_config" => BTreeMap<Str, Str>,
        /// `mac`.
        mac: "mac" => Str,
        /// `chassis`.
        chassis: "chassis" => Str,
        /// `networks`.
        networks: "networks" => BTreeSet<Str>,
        /// `tr_uuid`.
        tr_uuid: "tr_uuid" => Uuid,
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
