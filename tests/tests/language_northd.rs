//! What upstream's northd writes is understood to the last flow: every logical flow of a network with as many features
//! as one can configure is parsed, prints back as it was, and becomes OpenFlow that Open vSwitch takes.
//!
//! The network is `data/rich.nbctl`, a line a command of `ovn-nbctl`.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use controller::compile::{self, Environment, Features, Group, Meter, Resources};
use controller::tables;
use lflow::action::{self, Context, List};
use lflow::expr::{self, Disjunct, Expr, Ports, Sets};
use lflow::lexer::{Integer, Lexer, Token};
use lflow::pipeline::Pipeline;
use lflow::{ErrorKind, template};
use openflow::{Action, FlowMod, GroupId, Match, MeterId, PortNo};
use tests::process::{Daemon, RunDir, run, run_ok};
use tests::{need, root, wait_for};

/// Upstream's databases and northd, with a network in them.
struct Upstream {
    run: RunDir,
    _daemons: Vec<Daemon>,
}

impl Upstream {
    /// `None` where a peer is not installed.
    fn start() -> Option<Self> {
        let [tool, server, northd] = ["ovsdb-tool", "ovsdb-server", "ovn-northd"].map(need);
        let (tool, server, northd) = (tool?, server?, northd?);
        need("ovn-nbctl")?;
        need("ovn-sbctl")?;
        let run = RunDir::default();
        let remote = format!("unix:{}", run.path("db.sock").display());
        let databases = run.peer_databases(&tool, &server);
        let mut upstream = Self { run, _daemons: vec![databases] };
        for client in ["ovn-nbctl", "ovn-sbctl"] {
            run_ok(upstream.client(client, ["init".to_owned()]));
        }
        let mut translate = upstream.run.peer(&northd);
        translate.arg(format!("--ovnnb-db={remote}")).arg(format!("--ovnsb-db={remote}"));
        translate
            .arg(format!("--unixctl={}", upstream.run.path("northd.ctl").display()))
            .arg("-vconsole:warn");
        let northd = upstream.run.start("northd", translate);
        upstream._daemons.push(northd);
        Some(upstream)
    }

    fn client(&self, program: &str, words: impl IntoIterator<Item = String>) -> Command {
        let mut client = self.run.peer(program.as_ref());
        client.arg(format!("--db=unix:{}", self.run.path("db.sock").display()));
        client.arg("--no-leader-only").args(words);
        client
    }

    /// Makes a network, and waits until northd has done its part.
    fn configure(&self, network: &str) {
        for line in network.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            run_ok(self.client("ovn-nbctl", ctl::cli::split_words(line).unwrap()));
        }
        let sync = ["--timeout=60", "--wait=sb", "sync"].map(str::to_owned);
        wait_for("northd's flows", Duration::from_secs(120), || {
            match run(self.client("ovn-nbctl", sync.clone())) {
                outcome if outcome.code == Some(0) => Ok(()),
                outcome => Err(outcome.stderr),
            }
        });
    }

    /// Some columns of a southbound table; sets as lists of text.
    fn rows(&self, table: &str, columns: &[&str]) -> Vec<Vec<Vec<String>>> {
        let words =
            ["--format=json", "--data=json", &format!("--columns={}", columns.join(",")), "list", table];
        let text = run_ok(self.client("ovn-sbctl", words.map(str::to_owned)));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Columns come in an order of the client's own.
        let order: Vec<usize> = columns
            .iter()
            .map(|column| json["headings"].as_array().unwrap().iter().position(|h| h == column).unwrap())
            .collect();
        let cell = |value: &serde_json::Value| match value {
            serde_json::Value::Array(pair) if pair[0] == "set" => {
                pair[1].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
            }
            serde_json::Value::String(text) => vec![text.clone()],
            other => vec![other.to_string()],
        };
        let rows = json["data"].as_array().unwrap();
        rows.iter().map(|row| order.iter().map(|&i| cell(&row[i])).collect()).collect()
    }
}

/// What names in the flows mean.
struct Names {
    keys: BTreeMap<String, u32>,
    address_sets: BTreeMap<String, Arc<Vec<Integer>>>,
    port_groups: BTreeMap<String, Arc<Vec<Arc<str>>>>,
}

impl Names {
    fn read(upstream: &Upstream) -> Self {
        let mut keys = BTreeMap::new();
        for table in [("Port_Binding", "logical_port"), ("Multicast_Group", "name")] {
            for row in upstream.rows(table.0, &[table.1, "tunnel_key"]) {
                keys.insert(row[0][0].clone(), row[1][0].parse().unwrap());
            }
        }
        let address_sets = upstream
            .rows("Address_Set", &["name", "addresses"])
            .into_iter()
            .map(|row| (row[0][0].clone(), Arc::new(row[1].iter().map(|a| a.parse().unwrap()).collect())))
            .collect();
        let mut port_groups: BTreeMap<String, Arc<Vec<Arc<str>>>> = BTreeMap::new();
        for row in upstream.rows("Port_Group", &["name", "ports"]) {
            // The name begins with the key of the datapath whose ports these are.
            let name = row[0][0].split_once('_').map_or(&*row[0][0], |(_, name)| name).to_owned();
            let ports = Arc::make_mut(port_groups.entry(name).or_default());
            ports.extend(row[1].iter().map(|port| Arc::from(&**port)));
        }
        Self { keys, address_sets, port_groups }
    }
}

impl Ports for Names {
    fn key(&self, port: &str) -> Option<u32> {
        self.keys.get(port).copied()
    }

    fn is_chassis_resident(&self, _: &str) -> bool {
        true
    }
}

impl Sets for Names {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        self.address_sets.get(name).cloned()
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        self.port_groups.get(name).cloned()
    }
}

/// Everything that is asked for is there; what groups do is kept.
#[derive(Default)]
struct Everything(RefCell<Vec<Vec<Action>>>);

impl Resources for Everything {
    fn datapath(&self) -> u32 {
        1
    }

    fn cookie(&self) -> u32 {
        0x1234_5678
    }

    fn group(&self, group: Group) -> Option<GroupId> {
        self.0.borrow_mut().extend(group.buckets.into_iter().map(|bucket| bucket.actions));
        Some(GroupId(1))
    }

    fn meter(&self, _: Meter<'_>) -> Option<MeterId> {
        Some(MeterId(1))
    }

    fn has_collectors(&self, _: u32) -> bool {
        true
    }

    fn tunnel_port(&self, _: &str) -> Option<PortNo> {
        Some(PortNo(1))
    }
}

/// What a text consists of, without comments and the space between. Arguments of `log` have no order: upstream's printer
/// too puts them into its own.
fn tokens(text: &str) -> Vec<String> {
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    while let Ok((token, _)) = lexer.next() {
        if token == Token::End {
            break;
        }
        tokens.push(token.to_string());
    }
    if tokens.contains(&"log".to_owned()) {
        tokens.sort();
    }
    tokens
}

/// What northd writes in a longer or shorter form than the printer, which is upstream's.
fn as_printed(actions: &str, context: Context) -> String {
    let other_table = format!("next(pipeline={}, table=", context.pipeline);
    let text = actions.replace(&other_table, "next(").replace("ct_commit { }", "ct_commit");
    match text.as_str() {
        "/* drop */" => "drop;".to_owned(),
        _ => text.replace("select(1, 2)", "select(1=100, 2=100)"),
    }
}

/// The normal form of an expression.
fn normal_form(expr: Expr, names: &Names) -> Result<Vec<Disjunct>, ErrorKind> {
    expr::normalize(&expr::resolve_conditions(expr::simplify(expr::annotate(expr))?, names))
}

/// The flows of one logical flow, as `ovs-ofctl` reads them, or what is wrong.
fn translate(
    names: &Names,
    context: Context,
    priority: u16,
    matching: &str,
    actions: &str,
) -> Result<Vec<String>, String> {
    let failed = |text: &str, error: &lflow::Error| format!("{}\n", error.render(text));
    let parsed = expr::parse(matching, names).map_err(|error| failed(matching, &error))?;
    let again =
        expr::parse(&parsed.to_string(), names).map_err(|error| failed(&parsed.to_string(), &error))?;
    if normal_form(again.clone(), names) != normal_form(parsed.clone(), names) {
        return Err(format!("{matching}\nprints as {parsed}, which is {again}\n"));
    }
    let done = action::parse(actions, context).map_err(|error| failed(actions, &error))?;
    let printed = List(&done.actions).to_string();
    if tokens(&printed) != tokens(&as_printed(actions, context))
        || action::parse(&printed, context).as_ref() != Ok(&done)
    {
        return Err(format!("{actions}\nprints as {printed}\n"));
    }
    let say = |error: &dyn std::fmt::Display| format!("{matching}: {actions}: {error}\n");
    let normal = normal_form(Expr::and([parsed, done.prereqs]), names).map_err(|error| say(&error))?;
    let mut id = 0;
    let matches = expr::to_matches(&normal, names, &mut || {
        id += 1;
        id
    });
    let everything = Everything::default();
    let env = Environment {
        ports: names,
        resources: &everything,
        pipeline: context.pipeline,
        table: context.table,
        is_switch: true,
        common_zone: tables::DNAT_ZONE,
        controller_meter: Some(MeterId(1)),
        features: Features { ct_zero_snat: true, l4_symmetric_hash: true },
    };
    let done = compile::actions(&done.actions, &env).map_err(|error| say(&error))?;
    let table = tables::of_stage(context.pipeline, context.table).number();
    let flow = |matching: Match, actions: Vec<Action>| {
        FlowMod::add(table, priority, matching, actions, 1).to_string()
    };
    let mut flows = Vec::new();
    for found in matches.map_err(|error| say(&error))? {
        if found.conjunctions.is_empty() {
            for bucket in everything.0.borrow().iter() {
                flows.push(flow(found.matching.clone(), bucket.clone()));
            }
            flows.push(flow(found.matching, done.clone()));
        } else {
            let conjunction = |c: expr::Conjunction| {
                Action::Conjunction(openflow::Conjunction {
                    id: c.id,
                    clause: c.clause,
                    n_clauses: c.clauses,
                })
            };
            let conjunctions = found.conjunctions.into_iter().map(conjunction).collect();
            flows.push(flow(found.matching, conjunctions));
        }
    }
    Ok(flows)
}

#[test]
fn every_flow_of_upstreams_northd_is_understood_and_taken_by_open_vswitch() {
    let Some(ofctl) = need("ovs-ofctl") else { return };
    let Some(upstream) = Upstream::start() else { return };
    upstream.configure(&fs::read_to_string(root().join("tests/tests/data/rich.nbctl")).unwrap());
    let names = Names::read(&upstream);
    let rows = upstream.rows("Logical_Flow", &["pipeline", "table_id", "priority", "match", "actions"]);
    assert!(rows.len() > 700, "{} logical flows", rows.len());
    let variable = |name: &str| match name {
        "vip" => Some("10.0.0.99".to_owned()),
        "port" => Some("80".to_owned()),
        "backends" => Some("10.0.0.11:80,10.0.0.12:80".to_owned()),
        _ => None,
    };
    let (mut flows, mut wrong) = (Vec::new(), Vec::new());
    for row in &rows {
        let context =
            Context { pipeline: Pipeline::from_name(&row[0][0]).unwrap(), table: row[1][0].parse().unwrap() };
        let (matching, actions) =
            (template::expand(&row[3][0], variable), template::expand(&row[4][0], variable));
        match translate(&names, context, row[2][0].parse().unwrap(), &matching, &actions) {
            Ok(found) => flows.extend(found),
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{} of {} flows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    let file = upstream.run.path("flows.txt");
    fs::write(&file, flows.join("\n")).unwrap();
    let mut parse = upstream.run.peer(&ofctl);
    parse.args(["-O", "OpenFlow15", "parse-flows"]).arg(&file);
    let outcome = run(parse);
    let number = outcome.stderr.split(':').filter_map(|part| part.parse::<usize>().ok()).next();
    let refused = number.and_then(|number| flows.get(number - 1));
    assert_eq!(outcome.code, Some(0), "{}: {refused:?}", outcome.stderr);
    println!("{} logical flows, {} flows", rows.len(), flows.len());
}
