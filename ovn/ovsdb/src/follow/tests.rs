//! A follower, fed by hand.

use super::*;
use crate::db::{Caller, Database, Outcome};
use crate::{Atom, Datum};

#[allow(clippy::disallowed_methods)] // Some moment is needed, and any will do.
fn start() -> Instant {
    Instant::now()
}

fn schema() -> Arc<DatabaseSchema> {
    let schema = json!({"name": "D", "version": "1.0.0", "tables": {
        "T": {"isRoot": true, "columns": {
            "name": {"type": "string"}, "n": {"type": "integer"},
            "of": {"type": {"key": {"type": "uuid", "refTable": "T"}, "min": 0, "max": "unlimited"}}}},
        "Private": {"isRoot": true, "columns": {"x": {"type": "integer"}}},
    }});
    Arc::new(DatabaseSchema::from_json(&schema).unwrap())
}

fn sent(follower: &mut Follower) -> Vec<String> {
    std::iter::from_fn(|| follower.poll_output()).map(|message| message.to_string()).collect()
}

fn reply(follower: &mut Follower, id: u64, result: Value) {
    let message = Message::Reply { id: id.into(), result: Ok(result) };
    follower.handle_message(message, start());
}

fn update(follower: &mut Follower, method: &str, params: Value) {
    follower.handle_message(Message::notification(method, params), start());
}

fn rows(follower: &mut Follower) -> Rows {
    let Some(Event::Rows(rows)) = follower.poll_event() else { panic!("rows are expected") };
    rows
}

/// Applies what was said to the copy; how many operations that took.
fn apply(follower: &mut Follower, copy: &mut Database) -> usize {
    let rows = rows(follower);
    let operations = follower.operations(copy.now(), &rows).unwrap();
    let done = copy.transact(&operations, Caller::default(), 0);
    let Outcome::Done { results, .. } = done else { panic!("nothing waits") };
    assert!(results.iter().all(|result| result.get("error").is_none()), "{operations:?} {results:?}");
    operations.len()
}

/// Brings a follower to where it asks for rows, as request `id`; gives that.
fn ask_for_rows(follower: &mut Follower, id: u64) -> String {
    follower.connected(start());
    reply(follower, id - 2, json!(Uuid::from_u128(8).to_string()));
    reply(follower, id - 1, schema().to_json());
    let Some(Event::Schema(theirs)) = follower.poll_event() else { panic!("a schema is expected") };
    follower.monitor(&theirs, &schema());
    sent(follower).pop().unwrap()
}

/// The rows of `T`, as `name n [name of each row it refers to]`.
fn shown(copy: &Database) -> Vec<String> {
    let table = copy.layout().table_id("T").unwrap();
    let at = |name| copy.layout().table(table).column_index(name).unwrap();
    let name = |row: &crate::Row| row[at("name")].to_json().as_str().unwrap().to_owned();
    let mut shown: Vec<String> = copy
        .now()
        .rows(table)
        .map(|(_, row)| {
            let Datum::Set(of) = &row[at("of")] else { panic!("a set") };
            let of = of.iter().filter_map(|of| match of {
                Atom::Uuid(of) => copy.now().row(table, *of).map(|row| name(row)),
                other => panic!("{other:?}"),
            });
            format!("{} {} {:?}", name(row), row[at("n")].to_json(), of.collect::<Vec<_>>())
        })
        .collect();
    shown.sort();
    shown
}

#[test]
fn after_a_reconnection_only_what_was_missed_is_asked_for() {
    let mut follower = Follower::new("D", Uuid::from_u128(7), BTreeSet::from(["Private".into()]));
    let mut copy = Database::new(schema(), 1);
    let txn = |n: u128| Uuid::from_u128(n).to_string();
    let request = |id: u64, since: u128| {
        let since = txn(since);
        format!(
            r#"{{"id":{id},"method":"monitor_cond_since","params":["D","D",{{"T":[{{"columns":["n","name","of"]}}]}},"{since}"]}}"#
        )
    };
    assert_eq!(ask_for_rows(&mut follower, 3), request(3, 0));
    let (a, b, c) = (txn(0xa), txn(0xb), txn(0xc));
    let all = json!({"T": {a.as_str(): {"initial": {"name": "a", "n": 1}},
                           b.as_str(): {"initial": {"name": "b", "of": ["uuid", a]}}}});
    reply(&mut follower, 3, json!([false, txn(100), all]));
    assert_eq!(apply(&mut follower, &mut copy), 2);
    assert_eq!(shown(&copy), ["a 1 []", "b 0 [\"a\"]"]);
    let difference = json!({"T": {b.as_str(): {"modify": {"n": 5, "of": ["set", [["uuid", a], ["uuid", b]]]}},
                                  c.as_str(): {"insert": {"name": "c"}}}});
    update(&mut follower, "update3", json!(["D", txn(101), difference]));
    assert_eq!(apply(&mut follower, &mut copy), 2);
    assert_eq!(shown(&copy), ["a 1 []", "b 5 [\"b\"]", "c 0 []"]);
    // A reminder of the last transaction, in which nothing was of interest.
    update(&mut follower, "update3", json!(["D", txn(102), {}]));
    assert_eq!(apply(&mut follower, &mut copy), 0);

    follower.disconnected();
    assert_eq!(ask_for_rows(&mut follower, 6), request(6, 102));
    let missed = json!({"T": {c.as_str(): {"delete": null}, a.as_str(): {"modify": {"n": 2}}}});
    reply(&mut follower, 6, json!([true, txn(103), missed]));
    assert_eq!(apply(&mut follower, &mut copy), 2);
    assert_eq!(shown(&copy), ["a 2 []", "b 5 [\"b\"]"]);

    // The other server does not remember that far: all its rows come, without what is a default.
    follower.disconnected();
    assert_eq!(ask_for_rows(&mut follower, 9), request(9, 103));
    let all = json!({"T": {a.as_str(): {"initial": {"name": "a"}}, c.as_str(): {"initial": {"n": 7}}}});
    reply(&mut follower, 9, json!([false, txn(200), all]));
    assert_eq!(apply(&mut follower, &mut copy), 3, "one row changes, one comes and one goes");
    assert_eq!(shown(&copy), [" 7 []", "a 0 []"]);

    // What makes no sense ends it; then everything is asked for.
    update(&mut follower, "update3", json!(["D", txn(201), {"T": {b.as_str(): {"modify": {"n": 2}}}}]));
    let rows = rows(&mut follower);
    assert!(follower.operations(copy.now(), &rows).is_err());
    follower.disconnected();
    assert_eq!(ask_for_rows(&mut follower, 12), request(12, 0));
}

#[test]
fn a_copy_becomes_what_the_source_has_and_nothing_is_written_twice() {
    let mut follower = Follower::new("D", Uuid::from_u128(7), BTreeSet::from(["Private".into()]));
    let mut copy = Database::new(schema(), 1);
    let old = json!([{"op": "insert", "table": "T", "row": {"name": "leftover"}},
                     {"op": "insert", "table": "Private", "row": {"x": 1}}]);
    copy.transact(old.as_array().unwrap(), Caller::default(), 0);
    follower.connected(start());
    assert_eq!(sent(&mut follower), [r#"{"id":1,"method":"get_server_id","params":[]}"#]);
    reply(&mut follower, 1, json!(Uuid::from_u128(8).to_string()));
    assert_eq!(sent(&mut follower), [r#"{"id":2,"method":"get_schema","params":["D"]}"#]);
    reply(&mut follower, 2, schema().to_json());
    let Some(Event::Schema(theirs)) = follower.poll_event() else { panic!("a schema is expected") };
    follower.monitor(&theirs, &schema());
    sent(&mut follower);
    let unknown = Message::Reply { id: 3.into(), result: Err("unknown method".into()) };
    follower.handle_message(unknown, start());
    assert_eq!(
        sent(&mut follower),
        [r#"{"id":4,"method":"monitor","params":["D","D",{"T":[{"columns":["n","name","of"]}]}]}"#]
    );
    let (a, b) = (Uuid::from_u128(0xa).to_string(), Uuid::from_u128(0xb).to_string());
    let contents = json!({"T": {
        a.as_str(): {"new": {"name": "a", "n": 1, "of": ["uuid", b]}}, b.as_str(): {"new": {"name": "b", "n": 2, "of": ["set", []]}}}});
    reply(&mut follower, 4, contents.clone());
    assert_eq!(*follower.progress(), Progress::Following);
    assert_eq!(apply(&mut follower, &mut copy), 3, "two rows come and one goes");
    update(&mut follower, "update", json!(["D", contents]));
    assert_eq!(apply(&mut follower, &mut copy), 0, "what is there is not written again");
    let table = copy.layout().table_id("Private").unwrap();
    assert_eq!(copy.now().len(table), 1, "what is not copied is left alone");
    let changes = json!({"T": {a.as_str(): {"old": {"n": 1}, "new": {"name": "a", "n": 5, "of": ["set", []]}},
                              b.as_str(): {"old": {"name": "b", "n": 2, "of": ["set", []]}}}});
    update(&mut follower, "update", json!(["D", changes]));
    assert_eq!(apply(&mut follower, &mut copy), 2);
    update(&mut follower, "update", json!(["D", {"T": {a.as_str(): {"new": {"nope": 1}}}}]));
    let rows = rows(&mut follower);
    assert!(follower.operations(copy.now(), &rows).is_err());
    assert!(matches!(follower.progress(), Progress::Failed(_)));
}

#[test]
fn nobody_follows_itself_and_forwarded_transactions_are_answered_whatever_happens() {
    let now = start();
    let mut follower = Follower::new("D", Uuid::from_u128(7), BTreeSet::new());
    assert!(follower.forward(json!(["D"])).is_err());
    follower.connected(now);
    reply(&mut follower, 1, json!(Uuid::from_u128(7).to_string()));
    assert!(matches!(follower.progress(), Progress::Failed(why) if why.contains("Self replicating")));
    follower.connected(now);
    reply(&mut follower, 2, json!(Uuid::from_u128(8).to_string()));
    reply(&mut follower, 3, schema().to_json());
    follower.monitor(&schema(), &schema());
    reply(&mut follower, 4, json!([false, Uuid::ZERO.to_string(), {}]));
    while follower.poll_event().is_some() {}
    let (first, second) = (follower.forward(json!(["D"])).unwrap(), follower.forward(json!(["D"])).unwrap());
    reply(&mut follower, first, json!([{}]));
    assert!(matches!(follower.poll_event(), Some(Event::Forwarded(ticket, Ok(_))) if ticket == first));
    follower.disconnected();
    assert!(matches!(follower.poll_event(), Some(Event::Forwarded(ticket, Err(_))) if ticket == second));
    for _ in 0..FORWARDED_MAX {
        assert!(follower.forward(json!(["D"])).is_err(), "not connected");
    }
}
