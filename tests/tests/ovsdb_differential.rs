//! Our database server and the peer's answer alike: the same random transactions, valid and not, on both; replies,
//! monitored updates and what is left in the tables are equal.
//!
//! `OVN_DIFFERENTIAL_CASES` says how many sequences of transactions are tried on each schema, `OVN_DIFFERENTIAL_SEED`
//! which ones; a failure prints the shortest sequence that shows it, and becomes a test with a name here.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test stops where it fails, and reads its environment.

use std::fmt::Write as _;
use std::sync::Arc;

use ovsdb::DatabaseSchema;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use tests::need;
use tests::ovsdb_pair::{Answer, Pair, chosen_uuid};
use tests::ovsdb_random::{Dice, Requests, Tables};

/// How many sequences are tried where the environment does not say.
const CASES: u32 = 800;

/// What starts the monitor of a case. There is one only: the peer may crash where a monitor without conditions and one
/// with conditions on columns that it does not monitor have the same columns.
const MONITORS: [&str; 3] = ["monitor_cond", "monitor_cond_since", "monitor"];

/// What a case draws its requests from.
#[derive(Clone, Debug)]
struct Case {
    /// The tables and the monitors.
    set_up: Vec<u16>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    kind: u16,
    operations: Vec<Vec<u16>>,
}

/// Errors of which the peer may name another: the operation, and of each server the error and words of its details. But
/// for the last, it is that of several things that are wrong the peer names one in the order of its hash tables.
const ALLOWED: [(&str, [(&str, &str); 2]); 5] = [
    ("commit", [("referential integrity violation", " references nonexistent row "); 2]),
    ("commit", [("referential integrity violation", "cannot delete "); 2]),
    ("commit", [("constraint violation", "eak reference"); 2]),
    // Of the two rows, too.
    ("commit", [("constraint violation", "Transaction causes multiple rows in "); 2]),
    // The peer looks at the UUID of a new row before it reads the row, we after.
    ("insert", [("", ""), ("duplicate uuid", "")]),
];

/// Of the rows that a mutation is about each may fail in its own way, and the peer takes them in the order of its tables.
const MUTATION_ERRORS: [&str; 3] = ["constraint violation", "domain error", "range error"];

/// Makes the peer's error ours, if they may differ.
fn allow_differences(operations: &Value, ours: &Answer, peers: &mut Answer) {
    let (Ok(Value::Array(ours)), Ok(Value::Array(peers))) = (&ours.reply, &mut peers.reply) else { return };
    let failed = |results: &[Value]| results.iter().position(|result| result["error"].is_string());
    let (Some(at), true) = (failed(ours), failed(ours) == failed(peers)) else { return };
    // The first parameter is the name of the database.
    let operation = operations[at + 1]["op"].as_str().unwrap_or("commit");
    let is = |json: &Value, (error, words): (&str, &str)| {
        json["error"].as_str().is_some_and(|text| text == error || error.is_empty())
            && json["details"].as_str().is_some_and(|details| details.contains(words))
    };
    let allowed = |(op, [in_ours, in_peers]): &(&str, [_; 2])| {
        *op == operation && is(&ours[at], *in_ours) && is(&peers[at], *in_peers)
    };
    let of_mutation = |result: &Value| MUTATION_ERRORS.iter().any(|error| result["error"] == *error);
    if ALLOWED.iter().any(allowed)
        || (operation == "mutate" && of_mutation(&ours[at]) && of_mutation(&peers[at]))
    {
        peers[at] = ours[at].clone();
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let step = (any::<u16>(), vec(vec(any::<u16>(), 0..60), 1..5))
        .prop_map(|(kind, operations)| Step { kind, operations });
    (vec(any::<u16>(), 0..60), vec(step, 1..16)).prop_map(|(set_up, steps)| Case { set_up, steps })
}

/// Runs cases on two servers, one after the other.
struct Differential {
    schema: Value,
    requests: Requests,
    /// None after a server hung up.
    pair: Option<Pair>,
    /// The tables that the last case used.
    used: Tables,
    /// What the current case asked.
    asked: String,
}

impl Differential {
    fn start(schema: &Value) -> Option<Self> {
        need("ovsdb-server")?;
        let requests = Requests::new(Arc::new(DatabaseSchema::from_json(schema).unwrap()));
        let (used, asked) = (Tables::new(), String::new());
        Some(Self { schema: schema.clone(), requests, pair: None, used, asked })
    }

    /// Asks both servers, which run and have an empty database if they did not run before.
    fn ask_both(&mut self, method: &str, params: &Value) -> Result<[Answer; 2], String> {
        let mut pair = self.pair.take().unwrap_or_else(|| {
            let mut pair = Pair::start(&self.schema, &need("ovsdb-server").unwrap());
            pair.ask("lock", &json!(["held"])).unwrap();
            pair
        });
        writeln!(self.asked, "{method} {params}").unwrap();
        let answers = pair.ask(method, params).map_err(|error| format!("{error} after\n{}", self.asked))?;
        self.pair = Some(pair);
        Ok(answers)
    }

    /// Empties the tables, with nothing monitored.
    fn reset(&mut self) -> Result<(), String> {
        // There is none if the last case ended early.
        self.ask_both("monitor_cancel", &json!(["monitor"]))?;
        let answers = self.ask_both("transact", &self.on_database(&Requests::whole(&self.used, true)))?;
        // The peer does not count it when a strong reference goes together with the weak one beside it in a map, and then
        // never lets go of a row that it takes for referred to.
        if answers[1].reply.as_ref().is_ok_and(|reply| reply.to_string().contains("remaining reference(s)")) {
            self.pair = None;
        } else {
            self.compare(answers)?;
        }
        self.asked.clear();
        Ok(())
    }

    /// Parameters that begin with the name of the database.
    fn on_database(&self, params: &[Value]) -> Value {
        std::iter::once(&self.schema["name"]).chain(params).cloned().collect()
    }

    fn ask(&mut self, method: &str, params: &[Value]) -> Result<(), String> {
        let params = self.on_database(params);
        let [ours, mut peers] = self.ask_both(method, &params)?;
        allow_differences(&params, &ours, &mut peers);
        self.compare([ours, peers])
    }

    fn compare(&self, [ours, peers]: [Answer; 2]) -> Result<(), String> {
        if ours == peers {
            return Ok(());
        }
        let show = |answer: &Answer| {
            let reply = match &answer.reply {
                Ok(result) => result.to_string(),
                Err(error) => format!("error {error}"),
            };
            format!("{reply}\n  {}", answer.notifications.join("\n  "))
        };
        Err(format!("after\n{}ours:  {}\npeers: {}", self.asked, show(&ours), show(&peers)))
    }

    /// Where the servers differ they may have different rows, so that the next case takes new ones.
    fn case(&mut self, case: &Case) -> Result<(), String> {
        self.play(case).inspect_err(|_| self.pair = None)
    }

    fn play(&mut self, case: &Case) -> Result<(), String> {
        self.reset()?;
        let dice = &mut Dice::new(&case.set_up);
        self.used = self.requests.tables(dice);
        let tables = self.used.clone();
        let method = MONITORS[dice.below(MONITORS.len())];
        let request = self.requests.monitor(&tables, method != "monitor", dice);
        self.ask(method, &[json!("monitor"), request])?;
        for step in &case.steps {
            if step.kind > 60_000 && method != "monitor" {
                let change = self.requests.monitor_change(&tables, &mut Dice::new(&step.operations[0]));
                let params = json!(["monitor", "monitor", change]);
                let answers = self.ask_both("monitor_cond_change", &params)?;
                self.compare(answers)?;
                continue;
            }
            let operation = |numbers: &Vec<u16>| self.requests.operation(&tables, &mut Dice::new(numbers));
            let operations: Vec<Value> = step.operations.iter().map(operation).collect();
            self.ask("transact", &operations)?;
        }
        self.ask("transact", &Requests::whole(&tables, false))
    }
}

/// Tries random cases on databases of this schema.
fn random_cases(schema: &Value) {
    let Some(mut differential) = Differential::start(schema) else { return };
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u32>().unwrap());
    let cases_count = number("OVN_DIFFERENTIAL_CASES").unwrap_or(CASES);
    let seed = number("OVN_DIFFERENTIAL_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    let config =
        Config { cases: cases_count, failure_persistence: None, max_shrink_iters: 1000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let differential = std::cell::RefCell::new(&mut differential);
    let result =
        runner.run(&cases(), |case| differential.borrow_mut().case(&case).map_err(TestCaseError::fail));
    match result {
        Ok(()) => {}
        Err(TestError::Fail(difference, _)) => panic!("seed {seed}: the servers differ {difference}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn odd() -> Value {
    serde_json::from_str(include_str!("data/odd.ovsschema")).unwrap()
}

#[test]
fn random_transactions_on_odd_types() {
    random_cases(&odd());
}

#[test]
fn random_transactions_on_the_northbound_database() {
    random_cases(&schema::nb::schema().to_json());
}

#[test]
fn random_transactions_on_the_southbound_database() {
    random_cases(&schema::sb::schema().to_json());
}

/// Runs these transactions, each the text of its operations.
fn both_agree(schema: &Value, transactions: &[&str]) {
    let Some(mut differential) = Differential::start(schema) else { return };
    for text in transactions {
        let operations: Vec<Value> = serde_json::from_str(&format!("[{text}]")).unwrap();
        differential.ask("transact", &operations).unwrap_or_else(|difference| panic!("{difference}"));
    }
}

#[test]
fn errors_quote_numbers_and_strings_alike() {
    both_agree(
        &odd(),
        &[
            r#"{"op":"mutate","table":"Scalars","where":[],"mutations":[["part","%=",0.0]]}"#,
            r#"{"op":"insert","table":"Scalars","row":{"any":1e30}}"#,
            r#"{"op":"insert","table":"Scalars","row":{"any":18446744073709551615}}"#,
            r#"{"op":"insert","table":"Scalars","row":{"word":"q\"\\/\n\u0001"}}"#,
            r#"{"op":"insert","table":"Scalars","row":{"any":"q\"\\/\n\u0001"}}"#,
        ],
    );
}

#[test]
fn select_gives_rows_that_are_equal_in_the_columns_once() {
    both_agree(
        &odd(),
        &[
            r#"{"op":"insert","table":"Maps","row":{}},{"op":"insert","table":"Maps","row":{}}"#,
            r#"{"op":"select","table":"Maps","where":[],"columns":["names","single"]}"#,
            r#"{"op":"select","table":"Maps","where":[],"columns":[]}"#,
            r#"{"op":"select","table":"Maps","where":[],"columns":["_uuid"]}"#,
            r#"{"op":"select","table":"Maps","where":[]}"#,
        ],
    );
}

#[test]
fn arithmetic_is_done_on_every_element_before_results_are_checked() {
    both_agree(
        &odd(),
        &[
            r#"{"op":"insert","table":"Sets","row":{"positive":["set",[1,9223372036854775807]]}}"#,
            r#"{"op":"mutate","table":"Sets","where":[],"mutations":[["positive","-=",1]]}"#,
            r#"{"op":"mutate","table":"Sets","where":[],"mutations":[["positive","+=",1]]}"#,
            r#"{"op":"mutate","table":"Sets","where":[],"mutations":[["positive","-=",5],["positive","+=",5]]}"#,
        ],
    );
}

#[test]
fn a_wait_ends_by_its_rows_or_its_time() {
    both_agree(
        &odd(),
        &[
            r#"{"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"==","rows":[],"timeout":10000}"#,
            r#"{"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"!=","rows":[],"timeout":20}"#,
            r#"{"op":"insert","table":"Maps","row":{}},
               {"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"!=","rows":[{}],"timeout":20}"#,
            r#"{"op":"insert","table":"Maps","row":{}},{"op":"insert","table":"Maps","row":{}},
               {"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"==","rows":[{}]}"#,
            r#"{"op":"wait","table":"Maps","where":[],"columns":["_uuid"],"until":"!=","rows":[{}]}"#,
            r#"{"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"maybe","rows":[{}]}"#,
            r#"{"op":"wait","table":"Maps","where":[],"columns":["names"],"until":"==","rows":[{}],"timeout":-1}"#,
        ],
    );
}

#[test]
fn large_sets_change_alike() {
    let port = |n: usize| chosen_uuid(1, n);
    let insert = |n| json!({"op": "insert", "table": "Logical_Switch_Port", "uuid": port(n), "row": {"name": format!("p{n}")}});
    let set = |numbers: &mut dyn Iterator<Item = usize>| {
        json!(["set", numbers.map(|n| json!(["uuid", port(n)])).collect::<Vec<_>>()])
    };
    let mutate = |table: &str, mutator: &str, ports: Value| json!({"op": "mutate", "table": table, "where": [], "mutations": [["ports", mutator, ports]]});
    let group = json!({"name": "g", "ports": set(&mut (0..70))});
    let transactions = [
        (0..100)
            .map(insert)
            .chain([
                json!({"op": "insert", "table": "Logical_Switch", "row": {"name": "s", "ports": set(&mut (0..100))}}),
                json!({"op": "insert", "table": "Port_Group", "row": group}),
            ])
            .collect(),
        vec![insert(100), mutate("Logical_Switch", "insert", set(&mut (100..101)))],
        vec![mutate("Port_Group", "insert", set(&mut (60..101)))],
        vec![mutate("Port_Group", "insert", set(&mut (100..104)))],
        vec![mutate("Port_Group", "delete", set(&mut (0..30)))],
        // The ports go, from the group too, which becomes small.
        vec![mutate("Logical_Switch", "delete", set(&mut (40..70)))],
        vec![mutate("Logical_Switch", "insert", set(&mut (99..120)))],
        vec![json!({"op": "delete", "table": "Logical_Switch_Port", "where": []})],
        vec![mutate("Logical_Switch", "delete", set(&mut (0..200)))],
    ];
    let tables: Tables = ["Logical_Switch", "Logical_Switch_Port", "Port_Group"].map(Into::into).into();
    for method in MONITORS {
        let Some(mut differential) = Differential::start(&schema::nb::schema().to_json()) else { return };
        let request: Map<String, Value> =
            tables.iter().map(|table| (table.to_string(), json!([{"columns": ["name"]}]))).collect();
        let mut request = Value::from(request);
        request["Logical_Switch"] = json!([{"columns": ["ports"]}]);
        request["Port_Group"] = json!([{"columns": ["ports"]}]);
        let asked = |differential: &mut Differential| {
            differential.ask(method, &[json!("monitor"), request.clone()])?;
            for operations in &transactions {
                differential.ask("transact", operations)?;
                differential.ask("transact", &Requests::whole(&tables, false))?;
            }
            Ok::<(), String>(())
        };
        asked(&mut differential).unwrap_or_else(|difference| panic!("{difference}"));
    }
}
