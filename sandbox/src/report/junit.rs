//! Results as JUnit's XML, which every CI system reads: a suite for each scenario, a case for each step.

use super::text;
use crate::scenario::report::{Outcome, Report, StepReport};
use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// All reports in one document.
///
/// # Errors
/// Never in fact: memory takes everything.
pub fn document(reports: &[Report]) -> Result<String> {
    let mut document = Document::new("ovn sandbox");
    for report in reports {
        document.add_test_suite(suite(report));
    }
    document.to_string().context("writing JUnit XML")
}

fn suite(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(report.scenario.as_str());
    suite.set_time(millis(report.total_ms));
    let mut up = TestCase::new("lab up", TestCaseStatus::success());
    if let (Outcome::Broken, Some(error)) = (report.outcome, &report.error) {
        up.status = TestCaseStatus::non_success(NonSuccessKind::Error);
        up.status.set_message(error.as_str());
    }
    up.set_classname(report.scenario.as_str()).set_time(millis(report.up_ms));
    suite.add_test_case(up);
    for step in &report.steps {
        suite.add_test_case(case(report, step));
    }
    if !report.logs.is_empty() {
        suite.set_system_out(text::logs(&report.logs));
    }
    suite
}

fn case(report: &Report, step: &StepReport) -> TestCase {
    let status = match &step.failure {
        None => TestCaseStatus::success(),
        Some(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("expected {}", failure.expected));
            status.set_description(text::step(step, &report.file));
            status
        }
    };
    let mut case = TestCase::new(format!("{} {}", step.number, step.title), status);
    case.set_classname(report.scenario.as_str()).set_time(millis(step.ms));
    case
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1e3)
}
