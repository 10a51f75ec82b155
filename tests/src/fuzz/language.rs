//! The logical language: matches, actions, and the packets that traces begin with.

use std::sync::{Arc, OnceLock};

use lflow::action::{self, Context, List};
use lflow::expr::{self, Microflow, Ports, Sets};
use lflow::lexer::{Format, Integer};
use lflow::{ErrorKind, Pipeline};
use ovsdb::Uuid;
use schema::sb::{DatapathBinding, LogicalFlow, PortBinding, Tables};
use trace::Command;

/// Ports `a` and `b`, of which `a` is here; an address set and a port group.
struct Names;

impl Ports for Names {
    fn key(&self, port: &str) -> Option<u32> {
        ["a", "b"].iter().position(|name| *name == port).map(|index| index as u32 + 1)
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        port == "a"
    }
}

impl Sets for Names {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        let member = |text: &str| text.parse().expect("a constant");
        match name {
            "ips" => Some(Arc::new(["10.0.0.1", "10.1.0.0/16"].map(member).to_vec())),
            "numbers" => Some(Arc::new([1, 2, 5].map(|n| Integer::new(n, Format::Decimal)).to_vec())),
            _ => None,
        }
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        (name == "group").then(|| Arc::new(vec!["a".into(), "b".into(), "nobody".into()]))
    }
}

/// A match: every form on its way to OpenFlow says the same of a packet of zeros as the text does.
pub(super) fn matching(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let parsed = match expr::parse(text, &Names) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?} is about part of {text}");
            return;
        }
    };
    let packet = Microflow::default();
    let truth = expr::evaluate(&parsed, &packet, &Names);
    let annotated = expr::annotate(parsed);
    assert_eq!(expr::evaluate(&annotated, &packet, &Names), truth, "{text} as {annotated}");
    let Some(simple) = or_too_big(expr::simplify(annotated)) else { return };
    let resolved = expr::resolve_conditions(simple, &Names);
    assert_eq!(expr::evaluate(&resolved, &packet, &Names), truth, "{text} as {resolved}");
    let Some(normal) = or_too_big(expr::normalize(&resolved)) else { return };
    let mut id_last = 0;
    let matches = expr::to_matches(&normal, &Names, &mut || {
        id_last += 1;
        id_last
    });
    let Some(flows) = or_too_big(matches) else { return };
    if flows.iter().all(|flow| flow.conjunctions.is_empty()) {
        let is_zero = |flow: &expr::LogicalMatch| flow.matching.iter().all(|test| test.value == 0);
        assert_eq!(flows.iter().any(is_zero), truth, "{text} as {flows:?}");
    }
}

/// The only error after parsing is that an expression grows too big.
fn or_too_big<T>(outcome: Result<T, ErrorKind>) -> Option<T> {
    outcome.ok()
}

/// Actions: what is accepted is printed, and the print means the same.
pub(super) fn action(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for (pipeline, table) in [(Pipeline::Ingress, 10), (Pipeline::Egress, 15)] {
        let context = Context { pipeline, table };
        match action::parse(text, context) {
            Ok(parsed) => {
                let printed = List(&parsed.actions).to_string();
                assert_eq!(action::parse(&printed, context).as_ref(), Ok(&parsed), "{text} as {printed}");
            }
            Err(error) => {
                assert!(text.get(error.span.clone()).is_some(), "{error:?} is about part of {text}");
                // Made for people; it must not depend on where the text breaks.
                let _ = error.render(text);
            }
        }
    }
}

/// The packet of a trace on the first line, and flows of the ingress pipeline, a line each, with `=>` between match and
/// actions: every trace ends.
pub(super) fn microflow(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let mut lines = text.lines();
    let Some(microflow) = lines.next() else { return };
    let mut tables = network().clone();
    for (number, line) in lines.take(8).enumerate() {
        let (matching, actions) = line.split_once("=>").unwrap_or(("1", line));
        let row = LogicalFlow {
            uuid: Uuid::from_u128(100 + number as u128),
            logical_datapath: Some(Uuid::from_u128(1)),
            pipeline: "ingress".into(),
            table_id: number as i64 / 2,
            priority: number as i64,
            r#match: matching.into(),
            actions: actions.into(),
            ..LogicalFlow::default()
        };
        tables.logical_flow.insert(row.uuid, Arc::new(row));
    }
    for form in ["--detailed", "--summary", "--minimal"] {
        if let Ok(Command::Trace(request)) = Command::parse(&[form, "--ct=new", "sw0", microflow]) {
            assert!(!trace::trace(&tables, &request).text.is_empty());
        }
    }
}

/// Switch `sw0` with the ports `a` and `b`.
fn network() -> &'static Tables {
    static MADE: OnceLock<Tables> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut tables = Tables::default();
        let switch = DatapathBinding {
            uuid: Uuid::from_u128(1),
            tunnel_key: 1,
            external_ids: [("name".into(), "sw0".into())].into(),
            ..DatapathBinding::default()
        };
        tables.datapath_binding.insert(switch.uuid, Arc::new(switch));
        for (key, name) in (1..).zip(["a", "b"]) {
            let port = PortBinding {
                uuid: Uuid::from_u128(10 + key),
                logical_port: name.into(),
                datapath: Uuid::from_u128(1),
                tunnel_key: key as i64,
                ..PortBinding::default()
            };
            tables.port_binding.insert(port.uuid, Arc::new(port));
        }
        tables
    })
}
