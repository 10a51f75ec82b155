//! `ct(...)` and `nat(...)`.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::split::{at_commas, call, key_value};
use super::super::style::Style;
use super::{number, parse_list};
use crate::{Action, Ct, Nat, NatKind, NatRange, NatSpread, ZoneSource};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Helpers by name.
const HELPERS: [(&str, u16); 2] = [("ftp", 21), ("tftp", 69)];

pub(super) fn write(f: &mut fmt::Formatter<'_>, ct: &Ct, style: &Style<'_>) -> fmt::Result {
    let mut parts: Vec<String> = Vec::new();
    if ct.commit {
        parts.push("commit".into());
    }
    if ct.force {
        parts.push("force".into());
    }
    if let Some(table) = ct.table {
        parts.push(format!("table={table}"));
    }
    match ct.zone {
        ZoneSource::Immediate(0) => {}
        ZoneSource::Immediate(zone) => parts.push(format!("zone={zone}")),
        ZoneSource::Field(bits) => parts.push(format!("zone={}", bits_text(bits))),
    }
    let (nats, sets): (Vec<Action>, Vec<Action>) =
        ct.actions.iter().cloned().partition(|a| matches!(a, Action::Nat(_)));
    parts.extend(nats.iter().map(Action::to_string));
    if !sets.is_empty() {
        parts.push(format!("exec({})", style.of(sets.as_slice())));
    }
    if ct.alg != 0 {
        let name = HELPERS.iter().find(|(_, port)| *port == ct.alg).map(|(name, _)| (*name).to_owned());
        parts.push(format!("alg={}", name.unwrap_or_else(|| ct.alg.to_string())));
    }
    write!(f, "ct({})", parts.join(","))
}

pub(super) fn parse(arguments: &str, depth: usize) -> Result<Action> {
    let mut ct = Ct {
        commit: false,
        force: false,
        zone: ZoneSource::Immediate(0),
        table: None,
        alg: 0,
        actions: vec![],
    };
    for part in at_commas(arguments) {
        match call(part) {
            Some(("exec", inner)) => ct.actions.extend(parse_list(inner, depth + 1)?),
            Some(("nat", inner)) => ct.actions.push(parse_nat(inner)?),
            Some(_) => return Err(Error::new(part, "an argument of ct")),
            None => match key_value(part) {
                ("commit", None) => ct.commit = true,
                ("force", None) => ct.force = true,
                ("nat", None) => ct.actions.push(Action::Nat(Nat::existing())),
                ("table", Some(n)) => ct.table = Some(number(n, "table")?),
                ("zone", Some(zone)) => ct.zone = parse_zone(zone)?,
                ("alg", Some(name)) => ct.alg = parse_helper(name)?,
                _ => return Err(Error::new(part, "an argument of ct")),
            },
        }
    }
    Ok(Action::Ct(Box::new(ct)))
}

fn parse_zone(text: &str) -> Result<ZoneSource> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(ZoneSource::Immediate(number(text, "zone")?));
    }
    let bits = parse_bits(text).filter(|bits| bits.bits == 16);
    bits.map(ZoneSource::Field).ok_or_else(|| Error::new(text, "a zone: a number or 16 bits of a field"))
}

fn parse_helper(text: &str) -> Result<u16> {
    let named = HELPERS.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
    named.map_or_else(|| number(text, "helper"), Ok)
}

pub(super) fn write_nat(f: &mut fmt::Formatter<'_>, nat: &Nat) -> fmt::Result {
    f.write_str("nat")?;
    let mut first = match nat.kind {
        NatKind::Existing => return Ok(()),
        NatKind::Src => "src".to_owned(),
        NatKind::Dst => "dst".to_owned(),
    };
    let addresses = match &nat.range {
        NatRange::None => String::new(),
        NatRange::V4 { min, max } => format!("{min}{}", max.map(|m| format!("-{m}")).unwrap_or_default()),
        NatRange::V6 { min, max } if nat.ports.is_some() => {
            format!("[{min}]{}", max.map(|m| format!("-[{m}]")).unwrap_or_default())
        }
        NatRange::V6 { min, max } => format!("{min}{}", max.map(|m| format!("-{m}")).unwrap_or_default()),
    };
    let ports = match nat.ports {
        None => String::new(),
        Some((min, None)) => format!(":{min}"),
        Some((min, Some(max))) => format!(":{min}-{max}"),
    };
    if !addresses.is_empty() || !ports.is_empty() {
        first = format!("{first}={addresses}{ports}");
    }
    let persistent = nat.persistent.then_some("persistent");
    let spread = match nat.spread {
        NatSpread::Default => None,
        NatSpread::Hash => Some("hash"),
        NatSpread::Random => Some("random"),
    };
    let parts: Vec<&str> = std::iter::once(first.as_str()).chain(persistent).chain(spread).collect();
    write!(f, "({})", parts.join(","))
}

pub(super) fn parse_nat(arguments: &str) -> Result<Action> {
    let mut nat = Nat::existing();
    for part in at_commas(arguments) {
        match key_value(part) {
            ("persistent", None) => nat.persistent = true,
            ("hash", None) => nat.spread = NatSpread::Hash,
            ("random", None) => nat.spread = NatSpread::Random,
            (kind @ ("src" | "dst"), range) => {
                nat.kind = if kind == "src" { NatKind::Src } else { NatKind::Dst };
                if let Some(range) = range {
                    let bad = || Error::new(range, "address[-address][:port[-port]]");
                    (nat.range, nat.ports) = parse_range(range).ok_or_else(bad)?;
                }
            }
            _ => return Err(Error::new(part, "an argument of nat")),
        }
    }
    Ok(Action::Nat(nat))
}

type Ports = Option<(u16, Option<u16>)>;

fn parse_range(text: &str) -> Option<(NatRange, Ports)> {
    let v6 = text.starts_with('[') || text.matches(':').count() > 1;
    let (addresses, ports) = if text.starts_with('[') {
        let end = text.rfind(']')? + 1;
        (&text[..end], text[end..].strip_prefix(':'))
    } else if v6 {
        (text, None)
    } else {
        text.split_once(':').map_or((text, None), |(a, p)| (a, Some(p)))
    };
    let (min, max) = addresses.split_once('-').map_or((addresses, None), |(a, b)| (a, Some(b)));
    let range = if v6 {
        let v6 = |t: &str| t.trim_matches(['[', ']']).parse::<Ipv6Addr>().ok();
        NatRange::V6 { min: v6(min)?, max: max.map(v6).map_or(Some(None), |m| m.map(Some))? }
    } else if addresses.is_empty() {
        NatRange::None
    } else {
        let v4 = |t: &str| t.parse::<Ipv4Addr>().ok();
        NatRange::V4 { min: v4(min)?, max: max.map(v4).map_or(Some(None), |m| m.map(Some))? }
    };
    let ports = match ports {
        None => None,
        Some(ports) => {
            let (min, max) = ports.split_once('-').map_or((ports, None), |(a, b)| (a, Some(b)));
            Some((min.parse().ok()?, max.map(|m| m.parse().ok()).map_or(Some(None), |m| m.map(Some))?))
        }
    };
    Some((range, ports))
}
