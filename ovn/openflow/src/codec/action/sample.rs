//! `sample`: NXAST_SAMPLE, 2, 3 and 4.

use super::super::octets::{Put, Reader, Result};
use super::super::oxm::{self, HeaderStyle};
use super::nicira::{ofs_nbits, to_ofs_nbits};
use crate::{ErrorCode, PortNo, Sample, SampleDirection, SampleForm, SampleSource};

pub(super) fn read(r: &mut Reader<'_>, form: SampleForm) -> Result<Sample> {
    let start = r.clone();
    let (probability, collector_set) = (r.u16()?, r.u32()?);
    if probability == 0 {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a probability above zero"));
    }
    let (domain, point) = match form {
        SampleForm::V1 | SampleForm::V2 | SampleForm::V3 => {
            (SampleSource::Immediate(r.u32()?), SampleSource::Immediate(r.u32()?))
        }
        SampleForm::V4 => (read_source(r)?, read_source(r)?),
    };
    let (mut port, mut direction) = (PortNo::NONE, SampleDirection::Default);
    if form != SampleForm::V1 {
        port = PortNo::from_u16(r.u16()?);
        direction = match r.u8()? {
            0 => SampleDirection::Default,
            1 => SampleDirection::Ingress,
            2 => SampleDirection::Egress,
            _ => return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a known direction")),
        };
    }
    r.zeros(r.len())?;
    Ok(Sample { form, probability, collector_set, domain, point, port, direction })
}

/// Four octets of a header or zero, then bits of the field or the number.
fn read_source(r: &mut Reader<'_>) -> Result<SampleSource> {
    let start = r.clone();
    if r.peek().starts_with(&[0; 4]) {
        r.skip(4)?;
        return Ok(SampleSource::Immediate(r.u32()?));
    }
    let field = oxm::read_field(r)?;
    let (offset, bits) = ofs_nbits(r.u16()?);
    r.skip(2)?;
    Ok(SampleSource::Field(oxm::subfield(&start, field, offset, bits)?))
}

pub(super) fn put(out: &mut Vec<u8>, sample: &Sample) {
    out.put_u16(sample.probability);
    out.put_u32(sample.collector_set);
    for source in [sample.domain, sample.point] {
        match (source, sample.form) {
            (SampleSource::Immediate(n), SampleForm::V4) => {
                out.zeros(4);
                out.put_u32(n);
            }
            (SampleSource::Immediate(n), SampleForm::V1 | SampleForm::V2 | SampleForm::V3) => out.put_u32(n),
            (SampleSource::Field(bits), _) => {
                oxm::put_field(out, HeaderStyle::Nxm, bits.field);
                out.put_u16(to_ofs_nbits(bits));
                out.zeros(2);
            }
        }
    }
    if sample.form != SampleForm::V1 {
        out.put_u16(sample.port.to_u16().unwrap_or(0xffff));
        out.put_u8(match sample.direction {
            SampleDirection::Default => 0,
            SampleDirection::Ingress => 1,
            SampleDirection::Egress => 2,
        });
        out.zeros(5);
    }
}
