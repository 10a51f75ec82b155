//! `sample(...)`.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::split::{at_commas, key_value};
use super::super::style::Style;
use super::super::value::parse_port_no;
use super::number;
use crate::{Action, PortNo, Sample, SampleDirection, SampleForm, SampleSource};
use std::fmt;

pub(super) fn write(f: &mut fmt::Formatter<'_>, s: &Sample, style: &Style<'_>) -> fmt::Result {
    let source = |source: SampleSource| match source {
        SampleSource::Immediate(n) => n.to_string(),
        SampleSource::Field(bits) => bits_text(bits),
    };
    write!(
        f,
        "sample(probability={},collector_set_id={},obs_domain_id={},obs_point_id={}",
        s.probability,
        s.collector_set,
        source(s.domain),
        source(s.point)
    )?;
    if s.port != PortNo::NONE {
        write!(f, ",sampling_port={}", style.port(s.port))?;
    }
    f.write_str(match s.direction {
        SampleDirection::Default => ")",
        SampleDirection::Ingress => ",ingress)",
        SampleDirection::Egress => ",egress)",
    })
}

/// The oldest form that can say it is meant.
pub(super) fn parse(arguments: &str) -> Result<Action> {
    let mut s = Sample {
        form: SampleForm::V1,
        probability: 0,
        collector_set: 0,
        domain: SampleSource::Immediate(0),
        point: SampleSource::Immediate(0),
        port: PortNo::NONE,
        direction: SampleDirection::Default,
    };
    for part in at_commas(arguments) {
        match key_value(part) {
            ("probability", Some(n)) => s.probability = number(n, "1 to 65535")?,
            ("collector_set_id", Some(n)) => s.collector_set = number(n, "collector set")?,
            ("obs_domain_id", Some(n)) => s.domain = source(n)?,
            ("obs_point_id", Some(n)) => s.point = source(n)?,
            ("sampling_port", Some(p)) => {
                s.port = parse_port_no(p).ok_or_else(|| Error::new(part, "a port"))?
            }
            ("ingress", None) => s.direction = SampleDirection::Ingress,
            ("egress", None) => s.direction = SampleDirection::Egress,
            _ => return Err(Error::new(part, "an argument of sample")),
        }
    }
    if s.probability == 0 {
        return Err(Error::new(arguments, "probability="));
    }
    let fields = [s.domain, s.point].iter().any(|source| matches!(source, SampleSource::Field(_)));
    s.form = match (fields, s.direction, s.port) {
        (true, ..) => SampleForm::V4,
        (false, SampleDirection::Ingress | SampleDirection::Egress, _) => SampleForm::V3,
        (false, SampleDirection::Default, PortNo::NONE) => SampleForm::V1,
        (false, SampleDirection::Default, _) => SampleForm::V2,
    };
    Ok(Action::Sample(s))
}

fn source(text: &str) -> Result<SampleSource> {
    match parse_bits(text) {
        Some(bits) => Ok(SampleSource::Field(bits)),
        None => Ok(SampleSource::Immediate(number(text, "identifier")?)),
    }
}
