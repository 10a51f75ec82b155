//! A follower, fed by hand.

use super::*;
use crate::db::{Caller, Database, Outcome};

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

fn apply(follower: &mut Follower, copy: &mut Database, updates: &Value, whole: bool) -> usize {
    let operations = follower.operations(copy.now(), updates, whole).unwrap();
    let done = copy.transact(&operations, Caller::default(), 0);
    let Outcome::Done { results, .. } = done else { panic!("nothing waits") };
    assert!(results.iter().all(|result| result.get("error").is_none()), "{operations:?} {results:?}");
    operations.len()
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
    assert_eq!(
        sent(&mut follower),
        [r#"{"id":3,"method":"monitor","params":["D","D",{"T":[{"columns":["n","name","of"]}]}]}"#]
    );
    let (a, b) = (Uuid::from_u128(0xa).to_string(), Uuid::from_u128(0xb).to_string());
    let contents = json!({"T": {
        a.as_str(): {"new": {"name": "a", "n": 1, "of": ["uuid", b]}}, b.as_str(): {"new": {"name": "b", "n": 2, "of": ["set", []]}}}});
    reply(&mut follower, 3, contents.clone());
    assert_eq!(*follower.progress(), Progress::Following);
    assert!(matches!(follower.poll_event(), Some(Event::Contents(_))));
    assert_eq!(apply(&mut follower, &mut copy, &contents, true), 3, "two rows come and one goes");
    assert_eq!(apply(&mut follower, &mut copy, &contents, true), 0, "what is there is not written again");
    let table = copy.layout().table_id("Private").unwrap();
    assert_eq!(copy.now().len(table), 1, "what is not copied is left alone");
    let update = json!({"T": {a.as_str(): {"old": {"n": 1}, "new": {"name": "a", "n": 5, "of": ["set", []]}},
                              b.as_str(): {"old": {"name": "b", "n": 2, "of": ["set", []]}}}});
    assert_eq!(apply(&mut follower, &mut copy, &update, false), 2);
    assert!(
        follower.operations(copy.now(), &json!({"T": {a.as_str(): {"new": {"nope": 1}}}}), false).is_err()
    );
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
    reply(&mut follower, 4, json!({}));
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
