//! Group mods and meter mods as `ovs-ofctl` reads them (ovs-ofctl(8), "Group Syntax" and "Meter Syntax").

use super::action::parse_actions;
use super::error::{Error, Result};
use super::names::field_named;
use super::split::{at_commas, call, key_value};
use super::value::{parse_number, parse_port_no};
use crate::{
    Band, BandKind, Bucket, BucketCommand, BucketId, GroupId, GroupKind, GroupMod, GroupModCommand,
    MeterFlags, MeterId, MeterMod, MeterModCommand, PortNo, SelectionMethod,
};

fn number<T: TryFrom<u128>>(text: &str, what: &str) -> Result<T> {
    parse_number(text).and_then(|n| T::try_from(n).ok()).ok_or_else(|| Error::new(text, what))
}

impl GroupMod {
    /// Reads a group: `group_id=1,type=select,bucket=weight:5,output:2,bucket=...`. The command says what is to be done with
    /// it; where buckets are inserted or removed, `command_bucket_id=` in the text says which.
    ///
    /// # Errors
    /// If it is no group, or lacks what the command needs.
    pub fn parse(command: GroupModCommand, text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut buckets: Vec<Vec<&str>> = Vec::new();
        for part in at_commas(text) {
            match part.strip_prefix("bucket=") {
                Some(first) => buckets.push(vec![first]),
                None => match buckets.last_mut() {
                    Some(bucket) => bucket.push(part),
                    None => parts.push(part),
                },
            }
        }
        let mut this =
            Self { command, kind: GroupKind::All, group: GroupId::ALL, buckets: Vec::new(), selection: None };
        let mut kind = None;
        for part in parts {
            this.set(part, &mut kind)?;
        }
        let makes =
            matches!(command, GroupModCommand::Add | GroupModCommand::Modify | GroupModCommand::AddOrModify);
        this.kind = match kind {
            Some(kind) => kind,
            None if makes => return Err(Error::new(text, "type=")),
            None => GroupKind::All,
        };
        if this.group == GroupId::ALL && !matches!(command, GroupModCommand::Delete) {
            return Err(Error::new(text, "group_id="));
        }
        for (n, parts) in (0..).zip(&buckets) {
            this.buckets.push(bucket(n, parts)?);
        }
        this.check(text)?;
        Ok(this)
    }

    fn set(&mut self, part: &str, kind: &mut Option<GroupKind>) -> Result<()> {
        let selection = |this: &mut Self| {
            let empty = || SelectionMethod { method: String::new(), param: 0, fields: Vec::new() };
            this.selection.get_or_insert_with(empty);
        };
        if let Some(("fields", fields)) = call(part) {
            selection(self);
            return self.fields(at_commas(fields));
        }
        match key_value(part) {
            ("group_id", Some("all")) => self.group = GroupId::ALL,
            ("group_id", Some(n)) => self.group = GroupId(number(n, "the number of a group")?),
            ("type", Some(name)) => {
                *kind = Some(match name {
                    "all" => GroupKind::All,
                    "select" => GroupKind::Select,
                    "indirect" => GroupKind::Indirect,
                    "ff" | "fast_failover" => GroupKind::FastFailover,
                    _ => return Err(Error::new(name, "all, select, indirect or ff")),
                });
            }
            ("command_bucket_id", Some(which)) => {
                let which = match which {
                    "first" => BucketCommand::First,
                    "last" => BucketCommand::Last,
                    "all" => BucketCommand::All,
                    n => BucketCommand::Bucket(BucketId(number(n, "first, last, all or a bucket")?)),
                };
                match &mut self.command {
                    GroupModCommand::InsertBucket(at) | GroupModCommand::RemoveBucket(at) => *at = which,
                    GroupModCommand::Add
                    | GroupModCommand::Modify
                    | GroupModCommand::Delete
                    | GroupModCommand::AddOrModify => {
                        return Err(Error::new(part, "no bucket for this command"));
                    }
                }
            }
            ("selection_method", Some(name)) if name.len() < 16 => {
                selection(self);
                self.selection.iter_mut().for_each(|selection| selection.method = name.to_owned());
            }
            ("selection_method_param", Some(n)) => {
                let param = number(n, "a number")?;
                selection(self);
                self.selection.iter_mut().for_each(|selection| selection.param = param);
            }
            ("fields", Some(field)) => {
                selection(self);
                self.fields(std::iter::once(field))?;
            }
            _ => return Err(Error::new(part, "a property of a group")),
        }
        Ok(())
    }

    fn fields<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> Result<()> {
        for text in fields {
            let (name, mask) = key_value(text);
            let field = field_named(name).ok_or_else(|| Error::new(name, "a field"))?;
            let mask = match mask {
                Some(mask) => {
                    let parsed = super::value::parse_masked(field, mask).map(|(value, _)| value);
                    parsed.ok_or_else(|| Error::new(mask, "a mask of the field"))?
                }
                None => field.full_mask(),
            };
            self.selection.iter_mut().for_each(|selection| selection.fields.push((field, mask)));
        }
        Ok(())
    }

    fn check(&self, text: &str) -> Result<()> {
        if self.kind == GroupKind::Indirect && self.buckets.len() > 1 {
            return Err(Error::new(text, "at most one bucket in an indirect group"));
        }
        let unwatched = |b: &Bucket| b.watch_port == PortNo::ANY && b.watch_group == GroupId::ANY;
        if self.kind == GroupKind::FastFailover && self.buckets.iter().any(unwatched) {
            return Err(Error::new(text, "watch_port or watch_group in each bucket"));
        }
        Ok(())
    }
}

/// One bucket: what it watches and weighs, then its actions.
fn bucket(n: u32, parts: &[&str]) -> Result<Bucket> {
    let mut bucket = Bucket {
        id: BucketId(n),
        weight: 1,
        watch_port: PortNo::ANY,
        watch_group: GroupId::ANY,
        actions: Vec::new(),
    };
    let mut actions = Vec::new();
    for part in parts {
        let (key, value) = match part.split_once([':', '=']) {
            Some((key, value)) => (key, value),
            None => (*part, ""),
        };
        match key {
            "bucket_id" => bucket.id = BucketId(number(value, "the number of a bucket")?),
            "weight" => bucket.weight = number(value, "a weight")?,
            "watch_port" => {
                bucket.watch_port = parse_port_no(value).ok_or_else(|| Error::new(value, "a port"))?;
            }
            "watch_group" => bucket.watch_group = GroupId(number(value, "a group")?),
            "actions" | "action" if part.contains('=') => actions.push(value),
            _ => actions.push(part),
        }
    }
    bucket.actions = parse_actions(&actions.join(","))?;
    Ok(bucket)
}

impl MeterMod {
    /// Reads a meter: `meter=1,pktps,burst,stats,band=type=drop,rate=2,burst_size=3`. For deletion the number is enough.
    ///
    /// # Errors
    /// If it is no meter, or lacks what the command needs.
    pub fn parse(command: MeterModCommand, text: &str) -> Result<Self> {
        let (mut meter, mut flags, mut bands) = (None, MeterFlags(0), Vec::new());
        for part in at_commas(text) {
            let part = part.strip_prefix("bands=").or_else(|| part.strip_prefix("band=")).unwrap_or(part);
            match key_value(part) {
                ("meter", Some("all")) => meter = Some(MeterId::ALL),
                ("meter", Some("controller")) => meter = Some(MeterId::CONTROLLER),
                ("meter", Some("slowpath")) => meter = Some(MeterId::SLOWPATH),
                ("meter", Some(n)) => meter = Some(MeterId(number(n, "the number of a meter")?)),
                ("kbps", None) => flags.0 |= MeterFlags::KBPS,
                ("pktps", None) => flags.0 |= MeterFlags::PKTPS,
                ("burst", None) => flags.0 |= MeterFlags::BURST,
                ("stats", None) => flags.0 |= MeterFlags::STATS,
                ("type", Some("drop")) => bands.push((BandKind::Drop, None, 0)),
                ("type", Some("dscp_remark")) => bands.push((BandKind::DscpRemark(0), None, 0)),
                (key @ ("rate" | "burst_size" | "prec_level"), Some(value)) => {
                    let last = bands.last_mut().ok_or_else(|| Error::new(part, "type= before"))?;
                    set_band(last, key, value)?;
                }
                _ => return Err(Error::new(part, "a property of a meter")),
            }
        }
        let meter = match (meter, command) {
            (Some(meter), _) => meter,
            (None, MeterModCommand::Delete) => MeterId::ALL,
            (None, MeterModCommand::Add | MeterModCommand::Modify) => return Err(Error::new(text, "meter=")),
        };
        if command != MeterModCommand::Delete {
            let units = flags.0 & (MeterFlags::KBPS | MeterFlags::PKTPS);
            if units.count_ones() != 1 {
                return Err(Error::new(text, "kbps or pktps"));
            }
            if bands.is_empty() {
                return Err(Error::new(text, "bands"));
            }
        }
        let made = |(kind, rate, burst): (BandKind, Option<u32>, u32)| {
            let rate =
                rate.filter(|rate| *rate != 0).ok_or_else(|| Error::new(text, "rate= in each band"))?;
            Ok(Band { kind, rate, burst })
        };
        let bands = bands.into_iter().map(made).collect::<Result<_>>()?;
        Ok(Self { command, flags, meter, bands })
    }
}

fn set_band(band: &mut (BandKind, Option<u32>, u32), key: &str, value: &str) -> Result<()> {
    match key {
        "rate" => band.1 = Some(number(value, "a rate")?),
        "burst_size" => band.2 = number(value, "a burst size")?,
        _ => match &mut band.0 {
            BandKind::DscpRemark(by) => *by = number(value, "a number of levels")?,
            BandKind::Drop => return Err(Error::new(value, "no prec_level for what is dropped")),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupDesc, Style};

    #[test]
    fn groups_are_read_as_they_are_written() {
        for text in [
            "group_id=1,type=all,bucket=bucket_id:0,actions=output:2,bucket=bucket_id:1,actions=set_field:5->reg0,output:3",
            "group_id=7,type=select,selection_method=hash,fields(ip_src,tcp_dst=255),bucket=bucket_id:0,weight:0,actions=output:2",
            "group_id=6,type=select,selection_method=dp_hash,selection_method_param=3,bucket=bucket_id:9,actions=drop",
            "group_id=2,type=ff,bucket=bucket_id:0,watch_port:2,actions=output:2,bucket=bucket_id:1,watch_group:1,actions=group:1",
            "group_id=3,type=indirect",
        ] {
            let m = GroupMod::parse(GroupModCommand::Add, text).unwrap();
            let desc = GroupDesc { group: m.group, kind: m.kind, buckets: m.buckets, selection: m.selection };
            let back = Style::default().of(&desc).to_string();
            assert_eq!(back.replace("set_field:0x5->", "set_field:5->"), text);
        }
        let short =
            GroupMod::parse(GroupModCommand::Add, "group_id=1,type=select,bucket=weight:5,output:2,bucket=3")
                .unwrap();
        assert_eq!(
            (short.buckets[0].weight, short.buckets[1].id.0, short.buckets[1].actions.len()),
            (5, 1, 1)
        );
        let insert = GroupModCommand::InsertBucket(BucketCommand::Last);
        let insert = GroupMod::parse(insert, "group_id=1,command_bucket_id=4,bucket=output:1").unwrap();
        assert_eq!(insert.command, GroupModCommand::InsertBucket(BucketCommand::Bucket(BucketId(4))));
        for text in ["type=all", "group_id=1", "group_id=1,type=foo", "group_id=1,type=ff,bucket=output:1"] {
            assert!(GroupMod::parse(GroupModCommand::Add, text).is_err(), "{text}");
        }
    }

    #[test]
    fn meters_are_read() {
        let text = "meter=1,pktps,burst,stats,band=type=drop,rate=2,burst_size=3,type=dscp_remark,rate=9,prec_level=1";
        let m = MeterMod::parse(MeterModCommand::Add, text).unwrap();
        assert_eq!((m.meter.0, m.flags.0), (1, 14));
        let bands = [
            Band { kind: BandKind::Drop, rate: 2, burst: 3 },
            Band { kind: BandKind::DscpRemark(1), rate: 9, burst: 0 },
        ];
        assert_eq!(m.bands, bands);
        for text in [
            "meter=1,kbps",
            "meter=1,band=type=drop,rate=1",
            "meter=1,kbps,band=type=drop",
            "kbps,band=type=drop,rate=1",
        ] {
            assert!(MeterMod::parse(MeterModCommand::Add, text).is_err(), "{text}");
        }
        assert_eq!(MeterMod::parse(MeterModCommand::Delete, "").unwrap().meter, MeterId::ALL);
    }
}
