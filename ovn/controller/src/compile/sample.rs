//! `sample(...);`

use lflow::action::{ObservationPoint, Sample as Logical};
use openflow::{Action, PortNo, Sample, SampleDirection, SampleForm, SampleSource};

use super::{CompileError, Environment, subfield};

/// Nothing if nobody collects what the set is for.
pub(super) fn sample(
    sample: &Logical,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    if !env.resources.has_collectors(sample.collector_set) {
        return Ok(());
    }
    let (form, point) = match &sample.point {
        ObservationPoint::Number(number) => (SampleForm::V1, SampleSource::Immediate(*number)),
        ObservationPoint::Cookie => (SampleForm::V1, SampleSource::Immediate(env.resources.cookie())),
        ObservationPoint::Field(field) => (SampleForm::V4, SampleSource::Field(subfield(field)?)),
    };
    out.push(Action::Sample(Sample {
        form,
        probability: sample.probability,
        collector_set: sample.collector_set,
        domain: SampleSource::Immediate(
            u32::from(sample.domain) << 24 | env.resources.datapath() & 0xff_ffff,
        ),
        point,
        port: PortNo::NONE,
        direction: SampleDirection::Default,
    }));
    Ok(())
}
