//! What a switch says of itself.

use super::super::flow::duration_text;
use super::super::style::Style;
use super::{flag_names, ports};
use crate::{
    SwitchConfig, SwitchDesc, SwitchFeatures, TlvTable, TlvTableCommand, TlvTableMod, Version, Versions,
};

pub(super) fn hello(versions: Versions) -> String {
    let known = Version::ALL.into_iter().filter(|version| versions.contains(*version));
    let known: Vec<String> = known.map(|version| format!("{:#04x}", version.wire())).collect();
    format!("\n version bitmap: {}\n", known.join(", "))
}

pub(super) fn features(m: &SwitchFeatures, version: Version, style: Style<'_>) -> String {
    let of10 = version == Version::Of10;
    let bit_3 = if of10 { "STP" } else { "GROUP_STATS" };
    let bit_7 = if of10 { "ARP_MATCH_IP" } else { "" };
    let names = [
        "FLOW_STATS",
        "TABLE_STATS",
        "PORT_STATS",
        bit_3,
        "",
        "IP_REASM",
        "QUEUE_STATS",
        bit_7,
        "PORT_BLOCKED",
        "BUNDLES",
        "FLOW_MONITORING",
    ];
    let mut text =
        format!(" dpid:{:016x}\nn_tables:{}, n_buffers:{}", m.datapath_id, m.n_tables, m.n_buffers);
    if m.auxiliary_id != 0 {
        text += &format!(", auxiliary_id:{}", m.auxiliary_id);
    }
    text += &format!("\ncapabilities: {}\n", flag_names(m.capabilities, &names));
    if of10 {
        text += &format!("actions: {}\n", actions(m.actions));
        text += &ports::descs(&m.ports, version, style);
    }
    text
}

/// Actions of OpenFlow 1.0; what sends packets comes first.
fn actions(bits: u32) -> String {
    const NAMES: [(u32, &str); 12] = [
        (0, "output"),
        (11, "enqueue"),
        (1, "set_vlan_vid"),
        (2, "set_vlan_pcp"),
        (3, "strip_vlan"),
        (4, "mod_dl_src"),
        (5, "mod_dl_dst"),
        (6, "mod_nw_src"),
        (7, "mod_nw_dst"),
        (8, "mod_nw_tos"),
        (9, "mod_tp_src"),
        (10, "mod_tp_dst"),
    ];
    let set: Vec<&str> =
        NAMES.iter().filter(|(bit, _)| bits >> bit & 1 != 0).map(|(_, name)| *name).collect();
    set.join(" ")
}

/// The word for a treatment of fragments.
pub(super) fn fragments(flags: u16) -> &'static str {
    match flags & 3 {
        0 => "normal",
        1 => "drop",
        2 => "reassemble",
        _ => "nx-match",
    }
}

pub(super) fn config(m: &SwitchConfig) -> String {
    format!(" frags={} miss_send_len={}", fragments(m.flags), m.miss_send_len)
}

pub(super) fn desc(m: &SwitchDesc) -> String {
    let SwitchDesc { manufacturer, hardware, software, serial, datapath } = m;
    format!(
        "\nManufacturer: {manufacturer}\nHardware: {hardware}\nSoftware: {software}\nSerial Num: {serial}\n\
         DP Description: {datapath}\n"
    )
}

pub(super) fn tlv_table(m: &TlvTable) -> String {
    let used: u32 = m.maps.iter().map(|map| u32::from(map.length)).sum();
    let mut text = format!(
        "\n max option space={} max fields={}\n allocated option space={used}\n\n mapping table:\n  class  type  length  \
         match field\n ------  ----  ------  --------------\n",
        m.max_option_space, m.max_fields
    );
    for map in &m.maps {
        let class = format!("{:#x}", map.class);
        text += &format!(" {class:>6}  {:#4x}  {:>6}  tun_metadata{}\n", map.kind, map.length, map.index);
    }
    text
}

pub(super) fn tlv_change(m: &TlvTableMod) -> String {
    let command = match m.command {
        TlvTableCommand::Add => "ADD",
        TlvTableCommand::Delete => "DEL",
        TlvTableCommand::Clear => "CLEAR",
    };
    let maps = m.maps.iter().map(|map| {
        format!("  {:#x}  {:#x}  {}  tun_metadata{}\n", map.class, map.kind, map.length, map.index)
    });
    format!("\n {command}\n{}", maps.collect::<String>())
}

/// A time that may not be known.
pub(super) fn duration_or_unknown(seconds: u32, nanoseconds: u32) -> String {
    if seconds == u32::MAX { "?".to_owned() } else { duration_text(seconds, nanoseconds) }
}
