//! Results as text: a line for each step as it is done, and all there is to know about one that failed.

use crate::lab::boot::LogTail;
use crate::scenario::report::{Outcome, Report, StepReport};
use std::fmt::Write;

/// Width of the steps' titles.
const WIDTH: usize = 64;

/// The line before a scenario's steps.
pub fn head(scenario: &str, file: &str, lab: &str) -> String {
    format!("{scenario} ({file}, lab {lab})\n")
}

/// The line that says that the lab is up.
pub fn up(ms: f64) -> String {
    line("", "lab up", ms, "")
}

/// A step that is done.
pub fn step(report: &StepReport, file: &str) -> String {
    let Some(failure) = &report.failure else {
        return line(&report.number, &report.title, report.ms, &report.note);
    };
    let mut out = line(&report.number, &report.title, report.ms, "FAILED");
    let _ = writeln!(out, "       {file}:{}", report.line);
    let _ = writeln!(out, "       expected {}", failure.expected);
    let _ = writeln!(out, "       actual   {}", failure.actual);
    for detail in &failure.details {
        let _ = writeln!(out, "       | {detail}");
    }
    out
}

/// The lines after a scenario's steps.
pub fn foot(report: &Report, rerun: &str) -> String {
    let mut out = String::new();
    if let Some(error) = &report.error {
        let _ = writeln!(out, "       {error}");
    }
    out += &logs(&report.logs);
    let seconds = report.total_ms / 1e3;
    let _ = match report.outcome {
        Outcome::Passed => writeln!(out, "passed: {} steps in {seconds:.2} s", report.steps.len()),
        Outcome::Failed => writeln!(out, "failed after {seconds:.2} s; again: {rerun}"),
        Outcome::Broken => writeln!(out, "broken set-up after {seconds:.2} s; again: {rerun}"),
    };
    if let Some(simulated) = report.simulated {
        let (virtual_s, events) = (simulated.ms / 1e3, simulated.events);
        let _ = writeln!(out, "simulated {virtual_s:.3} s, {events} events, seed {}", simulated.seed);
    }
    if report.kept {
        let _ = writeln!(
            out,
            "the lab lives on: ovn sandbox inspect {}; ovn sandbox down {}",
            report.lab, report.lab
        );
    }
    out
}

/// The ends of logs, each under its node and file.
pub fn logs(tails: &[LogTail]) -> String {
    let mut out = String::new();
    for tail in tails {
        let _ = writeln!(out, "  --- {} {}", tail.node, tail.file);
        for line in &tail.lines {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

fn line(number: &str, title: &str, ms: f64, note: &str) -> String {
    let text = format!("{number:>5}  {title:<WIDTH$} {ms:>7.0} ms  {note}");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::report::Failure;

    pub(crate) fn sample() -> Report {
        let step = |number: &str, title: &str, failure| StepReport {
            number: number.into(),
            title: title.into(),
            line: 7,
            ms: 12.4,
            note: "1 sent, 1 answered".into(),
            failure,
        };
        let failure = Failure::new("vm2 to answer vm1 (1 in a row within 5s)", "500 sent, 0 answered")
            .with_details(["something to look at".to_owned()]);
        Report {
            scenario: "sample".into(),
            file: "scenarios/sample.yaml".into(),
            lab: "two-1-1".into(),
            outcome: Outcome::Failed,
            up_ms: 212.0,
            total_ms: 5300.0,
            steps: vec![step("1", "ping vm1 -> vm3", None), step("2", "ping vm1 -> vm2", Some(failure))],
            error: None,
            logs: vec![LogTail {
                node: "hv1".into(),
                file: "ovn-controller.log".into(),
                lines: vec!["x".into()],
            }],
            kept: true,
            simulated: None,
        }
    }

    #[test]
    fn a_failure_says_all_there_is_to_know() {
        let report = sample();
        let mut text = head(&report.scenario, &report.file, &report.lab) + &up(report.up_ms);
        for one in &report.steps {
            text += &step(one, &report.file);
        }
        text += &foot(&report, "ovn sandbox test scenarios/sample.yaml --keep failed");
        insta::assert_snapshot!(text, @r"
        sample (scenarios/sample.yaml, lab two-1-1)
               lab up                                                               212 ms
            1  ping vm1 -> vm3                                                       12 ms  1 sent, 1 answered
            2  ping vm1 -> vm2                                                       12 ms  FAILED
               scenarios/sample.yaml:7
               expected vm2 to answer vm1 (1 in a row within 5s)
               actual   500 sent, 0 answered
               | something to look at
          --- hv1 ovn-controller.log
          x
        failed after 5.30 s; again: ovn sandbox test scenarios/sample.yaml --keep failed
        the lab lives on: ovn sandbox inspect two-1-1; ovn sandbox down two-1-1
        ");
    }

    #[test]
    fn reports_are_read_back_from_json() {
        let document = crate::report::json::document(&[sample()]);
        let back: Vec<Report> = serde_json::from_value(document["reports"].clone()).unwrap();
        assert_eq!(back, [sample()]);
    }

    #[test]
    fn junit_has_a_case_for_each_step() {
        let xml = crate::report::junit::document(&[sample()]).unwrap();
        insta::assert_snapshot!(xml, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="ovn sandbox" tests="3" skipped="0" failures="1" errors="0">
            <testsuite name="sample" tests="3" skipped="0" errors="0" failures="1" time="5.300">
                <testcase name="lab up" classname="sample" time="0.212"/>
                <testcase name="1 ping vm1 -&gt; vm3" classname="sample" time="0.012"/>
                <testcase name="2 ping vm1 -&gt; vm2" classname="sample" time="0.012">
                    <failure message="expected vm2 to answer vm1 (1 in a row within 5s)">    2  ping vm1 -&gt; vm2                                                       12 ms  FAILED
               scenarios/sample.yaml:7
               expected vm2 to answer vm1 (1 in a row within 5s)
               actual   500 sent, 0 answered
               | something to look at
        </failure>
                </testcase>
                <system-out>  --- hv1 ovn-controller.log
          x
        </system-out>
            </testsuite>
        </testsuites>
        "#);
    }
}
