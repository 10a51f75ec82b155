//! `log(...);`: the controller writes a line about the packet.

use lflow::action::{Log, Severity, Verdict};
use openflow::Action;

use super::punt::{self, Opcode};
use super::{Environment, Meter};

/// Hands a copy of the packet to the controller, with verdict, severity and the ACL's name.
pub(super) fn punt(log: &Log, env: &Environment<'_>, out: &mut Vec<Action>) {
    let mut body = vec![verdict(log.verdict), severity(log.severity)];
    if let Some(name) = &log.name {
        body.extend_from_slice(name.as_bytes());
    }
    let meter = log.meter.as_deref().and_then(|name| env.resources.meter(Meter::Named(name)));
    out.push(punt::controller(Opcode::Log, &body, meter));
}

fn verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Drop => 1,
        Verdict::Reject => 2,
        Verdict::Pass => 3,
    }
}

/// The numbers of syslog (RFC 5424 section 6.2.1).
fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Alert => 1,
        Severity::Warning => 4,
        Severity::Notice => 5,
        Severity::Info => 6,
        Severity::Debug => 7,
    }
}
