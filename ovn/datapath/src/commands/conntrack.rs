//! `dpctl/dump-conntrack` and its kin: the connections that the switch tracks.
//!
//! Arguments and texts are Open vSwitch's. A first argument that names a datapath is passed over, as
//! there is one only.

use std::time::Instant;

use openflow::CtFlush;

use crate::conntrack::Detail;
use crate::switch::Switch;

/// The error of a command, as Open vSwitch's program says it.
pub(super) fn failed(text: &str) -> String {
    format!("ovs-vswitchd: {text} (Invalid argument)")
}

/// The arguments without options and without the datapath's name.
pub(super) fn operands<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut operands: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with('-')).collect();
    if operands.first().is_some_and(|arg| arg.contains('@') || matches!(*arg, "ovs-netdev" | "ovs-system")) {
        operands.remove(0);
    }
    operands
}

fn zone_of(arg: &str) -> Option<u16> {
    arg.strip_prefix("zone=")?.parse().ok()
}

/// `dpctl/dump-conntrack [-m] [-s] [DP] [zone=N]`.
pub(super) fn dump(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let detail = Detail {
        more: args.iter().any(|arg| matches!(*arg, "-m" | "--more")),
        timeout: args.iter().any(|arg| matches!(*arg, "-s" | "--statistics")),
    };
    let zone = match operands(args).as_slice() {
        [] => None,
        [zone] if zone_of(zone).is_some() => zone_of(zone),
        [..] => return Err(failed("datapath not found")),
    };
    Ok(switch.tracker.dump(zone, detail, now))
}

/// `dpctl/flush-conntrack [DP] [zone=N] [ORIGINAL-TUPLE] [REPLY-TUPLE]`.
pub(super) fn flush(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let wanted = CtFlush::parse(&operands(args)).map_err(|error| failed(&error))?;
    match switch.tracker.flush(&wanted, now) {
        true => Ok(String::new()),
        false => Err("ovs-vswitchd: failed to flush conntrack (No such file or directory)".to_owned()),
    }
}

/// `dpctl/ct-stats-show [DP] [zone=N] [verbose]`.
pub(super) fn statistics(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let operands = operands(args);
    let more = operands.contains(&"verbose") || args.iter().any(|arg| matches!(*arg, "-m" | "--more"));
    let zone = operands.iter().find_map(|arg| zone_of(arg));
    Ok(switch.tracker.statistics(zone, more, now))
}

/// `dpctl/ct-bkts [DP] [gt=N]`: as Open vSwitch since 2.9, all connections are in one bucket.
pub(super) fn buckets(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let above = args.iter().find_map(|arg| arg.strip_prefix("gt=")?.parse().ok()).unwrap_or(0);
    let live = switch.tracker.live(None, now);
    let mut out = format!("Total Buckets: 1\nCurrent Connections: {live}\n\n");
    if live > 0 {
        let shown = if live > above { live.to_string() } else { ".".to_owned() };
        out += "+-----------+-----------------------------------------+\n";
        out += "|  Buckets  |         Connections per Buckets         |\n";
        out += "+-----------+-----------------------------------------+\n";
        out += &format!("   0..  7   | {shown:>5}\n\n");
    }
    Ok(out)
}

/// `dpctl/ct-set-maxconns [DP] N`.
pub(super) fn set_max(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let max = operands(args).last().and_then(|arg| arg.parse().ok());
    switch.tracker.limits.total = max.ok_or_else(|| failed("maxconns missing or malformed"))?;
    Ok("setting maxconns successful".to_owned())
}

/// `dpctl/ct-get-maxconns [DP]`.
pub(super) fn get_max(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    Ok(format!("{}\n", switch.tracker.limits.total))
}

/// `dpctl/ct-get-nconns [DP]`.
pub(super) fn count(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    Ok(format!("{}\n", switch.tracker.len()))
}

/// `dpctl/ct-enable-tcp-seq-chk [DP]`.
pub(super) fn check_windows(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    switch.tracker.check_windows = true;
    Ok("enabling TCP sequence checking successful".to_owned())
}

/// `dpctl/ct-disable-tcp-seq-chk [DP]`.
pub(super) fn ignore_windows(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    switch.tracker.check_windows = false;
    Ok("disabling TCP sequence checking successful".to_owned())
}

/// `dpctl/ct-get-tcp-seq-chk [DP]`.
pub(super) fn checks_windows(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let is = if switch.tracker.check_windows { "enabled" } else { "disabled" };
    Ok(format!("TCP sequence checking: {is}\n"))
}

/// `dpctl/ct-set-limits [DP] [default=L] [zone=N,limit=L]...`.
pub(super) fn set_limits(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let operands = operands(args);
    let mut default = None;
    let mut zones = Vec::new();
    for (at, operand) in operands.into_iter().enumerate() {
        if let (0, Some(limit)) = (at, operand.strip_prefix("default=")) {
            default = Some(limit.parse().map_err(|_| failed("invalid default limit"))?);
        } else {
            zones.push(parse_limit(operand).map_err(|error| failed(&error))?);
        }
    }
    let limits = &mut switch.tracker.limits;
    limits.default = default.unwrap_or(limits.default);
    limits.zones.extend(zones);
    Ok(String::new())
}

fn parse_limit(text: &str) -> Result<(u16, u32), String> {
    let (mut zone, mut limit) = (None, None);
    for field in text.split(',') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let bad = || format!("failed to parse field {name}");
        match name {
            _ if value.is_empty() => return Err(format!("field {name} missing value")),
            "zone" => zone = Some(value.parse().map_err(|_| bad())?),
            "limit" => limit = Some(value.parse().map_err(|_| bad())?),
            _ => return Err(format!("invalid zone limit field: {name}")),
        }
    }
    zone.zip(limit).ok_or_else(|| "failed to parse zone limit".to_owned())
}

fn parse_zones(text: &str) -> Result<Vec<u16>, String> {
    let zones = text.strip_prefix("zone=").ok_or_else(|| failed(&format!("invalid argument {text}")))?;
    zones.split(',').map(|zone| zone.parse().map_err(|_| failed("invalid zone"))).collect()
}

/// `dpctl/ct-del-limits [DP] zone=N1[,N2]...`.
pub(super) fn delete_limits(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    for zone in parse_zones(operands(args).last().copied().unwrap_or_default())? {
        switch.tracker.limits.zones.remove(&zone);
    }
    Ok(String::new())
}

/// `dpctl/ct-get-limits [DP] [zone=N1[,N2]...]`.
pub(super) fn get_limits(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let limits = &switch.tracker.limits;
    let zones = match operands(args).first() {
        None => limits.zones.keys().copied().collect(),
        Some(zones) => parse_zones(zones)?,
    };
    let mut out = format!("default limit={}\n", limits.default);
    for zone in zones {
        let limit = limits.zones.get(&zone).copied().unwrap_or(limits.default);
        out += &format!("zone={zone},limit={limit},count={}\n", switch.tracker.len_of(zone));
    }
    Ok(out)
}
