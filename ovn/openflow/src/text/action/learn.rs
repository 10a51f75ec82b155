//! `learn(...)`.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::split::{at_commas, key_value};
use super::super::value::{hex_text, parse_masked, parse_number, value_text};
use super::number;
use crate::{Action, Field, Learn, LearnDst, LearnSpec, LearnSrc, Subfield};
use std::fmt;

pub(super) fn write(f: &mut fmt::Formatter<'_>, learn: &Learn) -> fmt::Result {
    let mut parts = vec![format!("table={}", learn.table)];
    let mut timeout = |name: &str, seconds: u16| {
        if seconds != 0 {
            parts.push(format!("{name}={seconds}"));
        }
    };
    timeout("idle_timeout", learn.idle_timeout);
    timeout("hard_timeout", learn.hard_timeout);
    timeout("fin_idle_timeout", learn.fin_idle_timeout);
    timeout("fin_hard_timeout", learn.fin_hard_timeout);
    if learn.priority != Learn::default().priority {
        parts.push(format!("priority={}", learn.priority));
    }
    if learn.send_flow_removed {
        parts.push("send_flow_rem".to_owned());
    }
    if learn.delete_learned {
        parts.push("delete_learned".to_owned());
    }
    if learn.cookie != 0 {
        parts.push(format!("cookie={:#x}", learn.cookie));
    }
    if learn.limit != 0 {
        parts.push(format!("limit={}", learn.limit));
    }
    if let Some(bit) = learn.result {
        parts.push(format!("result_dst={}", bits_text(bit)));
    }
    parts.extend(learn.specs.iter().map(spec_text));
    write!(f, "learn({})", parts.join(","))
}

fn spec_text(spec: &LearnSpec) -> String {
    match (&spec.src, &spec.dst) {
        (LearnSrc::Field(src), LearnDst::Match(dst)) if src == dst => bits_text(*dst),
        (LearnSrc::Field(src), LearnDst::Match(dst)) => format!("{}={}", bits_text(*dst), bits_text(*src)),
        (LearnSrc::Immediate(n), LearnDst::Match(dst)) if dst.is_whole() && has_plain_text(dst.field) => {
            format!("{}={}", dst.field, immediate_text(dst.field, *n))
        }
        (LearnSrc::Immediate(n), LearnDst::Match(dst)) => format!("{}={}", bits_text(*dst), hex_text(*n)),
        (LearnSrc::Field(src), LearnDst::Load(dst)) => {
            format!("load:{}->{}", bits_text(*src), bits_text(*dst))
        }
        (LearnSrc::Immediate(n), LearnDst::Load(dst)) => {
            format!("load:{}->{}", hex_text(*n), bits_text(*dst))
        }
        (LearnSrc::Field(src), LearnDst::Output) => format!("output:{}", bits_text(*src)),
        (LearnSrc::Immediate(n), LearnDst::Output) => format!("output:{n:#x}"),
    }
}

/// Fields that have several names for one form are written by their bits.
const fn has_plain_text(field: Field) -> bool {
    !matches!(field, Field::TunMetadata(_) | Field::InPort16 | Field::InPort | Field::PacketType)
}

fn immediate_text(field: Field, n: u128) -> String {
    if field == Field::EthType { hex_text(n) } else { value_text(field, n) }
}

pub(super) fn parse(arguments: &str) -> Result<Action> {
    let mut learn = Learn::default();
    for part in at_commas(arguments) {
        let (key, value) = key_value(part);
        match (key, value) {
            ("table", Some(n)) => learn.table = number(n, "table")?,
            ("idle_timeout", Some(n)) => learn.idle_timeout = number(n, "seconds")?,
            ("hard_timeout", Some(n)) => learn.hard_timeout = number(n, "seconds")?,
            ("fin_idle_timeout", Some(n)) => learn.fin_idle_timeout = number(n, "seconds")?,
            ("fin_hard_timeout", Some(n)) => learn.fin_hard_timeout = number(n, "seconds")?,
            ("priority", Some(n)) => learn.priority = number(n, "priority")?,
            ("cookie", Some(n)) => learn.cookie = number(n, "cookie")?,
            ("limit", Some(n)) => learn.limit = number(n, "flows")?,
            ("result_dst", Some(bit)) => {
                let bit = parse_bits(bit).filter(|bit| bit.bits == 1);
                learn.result = Some(bit.ok_or_else(|| Error::new(part, "one bit of a field"))?);
            }
            ("send_flow_rem", None) => learn.send_flow_removed = true,
            ("delete_learned", None) => learn.delete_learned = true,
            _ => learn.specs.push(parse_spec(part).ok_or_else(|| Error::new(part, "an argument of learn"))?),
        }
    }
    Ok(Action::Learn(Box::new(learn)))
}

fn parse_spec(part: &str) -> Option<LearnSpec> {
    if let Some(src) = part.strip_prefix("output:") {
        let src = parse_bits(src)?;
        return Some(LearnSpec { bits: src.bits, src: LearnSrc::Field(src), dst: LearnDst::Output });
    }
    if let Some(load) = part.strip_prefix("load:") {
        let (src, dst) = load.split_once("->")?;
        let dst = parse_bits(dst)?;
        return Some(LearnSpec { bits: dst.bits, src: parse_source(src, dst)?, dst: LearnDst::Load(dst) });
    }
    let (dst, src) = key_value(part);
    let bits = parse_bits(dst)?;
    let src = match src {
        None => LearnSrc::Field(bits),
        Some(src) if dst.contains('[') => parse_source(src, bits)?,
        Some(src) => match parse_masked(bits.field, src) {
            Some((value, _)) => LearnSrc::Immediate(value),
            None => parse_source(src, bits)?,
        },
    };
    Some(LearnSpec { bits: bits.bits, src, dst: LearnDst::Match(bits) })
}

fn parse_source(text: &str, dst: Subfield) -> Option<LearnSrc> {
    match parse_number(text) {
        Some(n) => (n & !crate::field::low_bits(dst.bits) == 0).then_some(LearnSrc::Immediate(n)),
        None => parse_bits(text).filter(|src| src.bits == dst.bits).map(LearnSrc::Field),
    }
}
