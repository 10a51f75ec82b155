//! Groups and meters.

use super::super::flow::duration_text;
use super::super::style::Style;
use super::flag_names;
use crate::{
    Band, BandKind, BucketCommand, GroupDesc, GroupFeatures, GroupMod, GroupModCommand, GroupStats,
    MeterConfig, MeterFeatures, MeterFlags, MeterId, MeterMod, MeterModCommand, MeterStats,
};

pub(super) fn change(m: &GroupMod, style: Style<'_>) -> String {
    let (command, bucket) = match m.command {
        GroupModCommand::Add => ("ADD", None),
        GroupModCommand::Modify => ("MOD", None),
        GroupModCommand::Delete => ("DEL", None),
        GroupModCommand::AddOrModify => ("ADD_OR_MOD", None),
        GroupModCommand::InsertBucket(at) => ("INSERT_BUCKET", Some(at)),
        GroupModCommand::RemoveBucket(which) => ("REMOVE_BUCKET", Some(which)),
    };
    let bucket = bucket.map(|bucket| match bucket {
        BucketCommand::First => "command_bucket_id:first,".to_owned(),
        BucketCommand::Last => "command_bucket_id:last,".to_owned(),
        BucketCommand::All => "command_bucket_id:all,".to_owned(),
        BucketCommand::Bucket(id) => format!("command_bucket_id:{},", id.0),
    });
    let desc = GroupDesc {
        group: m.group,
        kind: m.kind,
        buckets: m.buckets.clone(),
        selection: m.selection.clone(),
    };
    format!("\n {command} {}{}", bucket.unwrap_or_default(), style.of(&desc))
}

pub(super) fn descs(list: &[GroupDesc], style: Style<'_>) -> String {
    let lines = list.iter().map(|desc| format!(" {}\n", style.of(desc)));
    format!("\n{}", lines.collect::<String>())
}

pub(super) fn stats(list: &[GroupStats]) -> String {
    let mut text = "\n".to_owned();
    for m in list {
        let time = duration_text(m.duration_sec, m.duration_nsec);
        text += &format!(
            " group_id={},duration={time},ref_count={},packet_count={},byte_count={}",
            m.group.0, m.ref_count, m.packets, m.bytes
        );
        for (n, (packets, bytes)) in m.buckets.iter().enumerate() {
            text += &format!(",bucket{n}:packet_count={packets},byte_count={bytes}");
        }
        text += "\n";
    }
    text
}

/// The names of actions whose numbers are set, by the numbers of OpenFlow 1.3.
pub(super) fn action_names(bits: u32) -> String {
    const ACTIONS: [(u32, &str); 12] = [
        (0, "output"),
        (22, "group"),
        (25, "set_field"),
        (18, "strip_vlan"),
        (17, "push_vlan"),
        (23, "mod_nw_ttl"),
        (24, "dec_ttl"),
        (15, "set_mpls_ttl"),
        (16, "dec_mpls_ttl"),
        (19, "push_mpls"),
        (20, "pop_mpls"),
        (21, "set_queue"),
    ];
    let set = ACTIONS.iter().filter(|(bit, _)| bits >> bit & 1 != 0).map(|(_, name)| *name);
    set.collect::<Vec<&str>>().join(" ")
}

pub(super) fn features(m: &GroupFeatures) -> String {
    let mut text =
        format!("\n Group table:\n    Types:  {:#x}\n    Capabilities:  {:#x}\n", m.kinds, m.capabilities);
    for (n, name) in ["all", "select", "indirect", "fast failover"].into_iter().enumerate() {
        text += &format!(
            "    {name} group:\n       max_groups={:#x}\n       actions: {}\n",
            m.max_groups[n],
            action_names(m.actions[n])
        );
    }
    text
}

/// A meter by its number or its name.
pub(super) fn meter_name(meter: MeterId) -> String {
    match meter {
        MeterId::ALL => "all".to_owned(),
        MeterId::CONTROLLER => "controller".to_owned(),
        MeterId::SLOWPATH => "slowpath".to_owned(),
        MeterId(n) => n.to_string(),
    }
}

fn meter_text(meter: MeterId, flags: MeterFlags, bands: &[Band]) -> String {
    let mut words = vec![format!("meter={}", meter_name(meter))];
    if flags.0 & 0xf != 0 {
        words.push(flag_names((flags.0 & 0xf).into(), &["kbps", "pktps", "burst", "stats"]));
    }
    words.push("bands=\n".to_owned());
    let band = |band: &Band| {
        let (name, precedence) = match band.kind {
            BandKind::Drop => ("drop", None),
            BandKind::DscpRemark(precedence) => ("dscp_remark", Some(precedence)),
        };
        let burst = flags.has(MeterFlags::BURST).then(|| format!(" burst_size={}", band.burst));
        let precedence = precedence.map(|n| format!(" prec_level={n}"));
        let (burst, precedence) = (burst.unwrap_or_default(), precedence.unwrap_or_default());
        format!("type={name} rate={}{burst}{precedence}\n", band.rate)
    };
    words.join(" ") + &bands.iter().map(band).collect::<String>()
}

pub(super) fn meter_change(m: &MeterMod) -> String {
    let command = match m.command {
        MeterModCommand::Add => "ADD",
        MeterModCommand::Modify => "MOD",
        MeterModCommand::Delete => "DEL",
    };
    format!(" {command} {}", meter_text(m.meter, m.flags, &m.bands))
}

pub(super) fn meters(list: &[MeterConfig]) -> String {
    let each: Vec<String> = list.iter().map(|m| meter_text(m.meter, m.flags, &m.bands)).collect();
    format!("\n{}", each.join("\n"))
}

pub(super) fn meter_stats(list: &[MeterStats]) -> String {
    let one = |m: &MeterStats| {
        let time = duration_text(m.duration_sec, m.duration_nsec);
        let mut text = format!(
            "meter:{} flow_count:{} packet_in_count:{} byte_in_count:{} duration:{time} bands:\n",
            meter_name(m.meter),
            m.flow_count,
            m.packets_in,
            m.bytes_in
        );
        for (n, (packets, bytes)) in m.bands.iter().enumerate() {
            text += &format!("{n}: packet_count:{packets} byte_count:{bytes}\n");
        }
        text
    };
    format!("\n{}", list.iter().map(one).collect::<Vec<_>>().join("\n"))
}

pub(super) fn meter_features(m: &MeterFeatures) -> String {
    format!(
        "\nmax_meter:{} max_bands:{} max_color:{}\nband_types: {}\ncapabilities: {}\n",
        m.max_meter,
        m.max_bands,
        m.max_color,
        flag_names(m.band_types, &["", "drop", "dscp_remark"]),
        flag_names(m.capabilities, &["kbps", "pktps", "burst", "stats"]),
    )
}
