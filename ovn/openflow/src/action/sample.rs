//! Reporting some packets to collectors.

use crate::{PortNo, Subfield};

/// `sample(...)`: one in 65535/`probability` packets is reported.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sample {
    /// The action number that it came by or goes by; what the older ones cannot say must have its default.
    pub form: SampleForm,
    /// 1..=65535.
    pub probability: u16,
    pub collector_set: u32,
    pub domain: SampleSource,
    pub point: SampleSource,
    /// Reported as the port that it is sampled at.
    pub port: PortNo,
    pub direction: SampleDirection,
}

/// Which of the four sample actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleForm {
    /// No port, no direction, immediates only.
    V1,
    /// With a port; the direction is not on the wire.
    V2,
    V3,
    /// Identifiers may come from fields.
    V4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleSource {
    Immediate(u32),
    Field(Subfield),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleDirection {
    Default,
    Ingress,
    Egress,
}
