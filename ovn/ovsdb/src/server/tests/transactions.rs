use super::*;
use crate::OvsdbError;
use insta::assert_snapshot;

fn wait(name: &str, timeout: Option<u64>) -> Value {
    let mut wait = json!({"op": "wait", "table": "A", "where": [["name", "==", name]], "columns": ["n"],
        "until": "==", "rows": [{"n": 5}]});
    if let Some(timeout) = timeout {
        wait["timeout"] = timeout.into();
    }
    wait
}

fn insert(name: &str, n: i64) -> Value {
    json!({"op": "insert", "table": "A", "row": {"name": name, "n": n}})
}

#[test]
fn a_transaction_that_waits_goes_on_when_rows_become_what_it_waits_for() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.ask("b", "monitor", json!(["T", "m", {"A": {"columns": ["name"]}}]));
    assert_eq!(bench.ask("b", "transact", json!(["T", wait("x", None), insert("y", 5)])), "");
    assert_eq!(bench.ask("b", "transact", json!(["T", wait("y", Some(60_000)), insert("z", 5)])), "");
    assert_eq!(
        bench.server.poll_timeout(),
        Some((bench.now + Duration::from_secs(60), "ovsdb wait operation"))
    );
    assert_snapshot!(bench.transact(json!([insert("w", 5)])), @r#"
    b< update: ["m",{"A":{"U0":{"new":{"name":"w"}}}}]
    a< 4: [{"uuid":["uuid","U0"]}]
    "#);
    assert_snapshot!(bench.transact(json!([insert("x", 5)])), @r#"
    b< update: ["m",{"A":{"U1":{"new":{"name":"x"}}}}]
    b< update: ["m",{"A":{"U2":{"new":{"name":"y"}}}}]
    b< 2: [{},{"uuid":["uuid","U2"]}]
    a< 5: [{"uuid":["uuid","U1"]}]
    b< update: ["m",{"A":{"U3":{"new":{"name":"z"}}}}]
    b< 3: [{},{"uuid":["uuid","U3"]}]
    "#);
    assert_eq!(bench.server.poll_timeout(), None);
}

#[test]
fn a_transaction_waits_no_longer_than_it_said() {
    let mut bench = Bench::new(&["a"]);
    assert_snapshot!(bench.transact(json!([wait("x", Some(0)), insert("y", 5)])), @r#"a< 1: [{"details":"\"where\" clause test failed","error":"timed out"},null]"#);
    assert_eq!(bench.transact(json!([wait("x", Some(100)), insert("y", 5)])), "");
    assert_eq!(bench.transact(json!([wait("x", Some(200)), insert("z", 5)])), "");
    assert_eq!(bench.after(99), "");
    assert_snapshot!(bench.after(1), @r#"a< 2: [{"details":"\"wait\" timed out after 100 ms","error":"timed out"},null]"#);
    assert_eq!(bench.transact(json!([insert("v", 5)])).lines().count(), 1);
    assert_snapshot!(bench.after(100), @r#"a< 3: [{"details":"\"wait\" timed out after 200 ms","error":"timed out"},null]"#);
    assert_eq!(bench.server.poll_timeout(), None);
}

#[test]
fn a_transaction_that_waits_is_cancelled_by_its_client_only() {
    let mut bench = Bench::new(&["a", "b"]);
    let request = Message::request("r", "transact", json!(["T", wait("x", None)]));
    bench.server.handle_message(bench.session("a"), request.clone(), bench.now);
    bench.server.handle_message(bench.session("a"), request, bench.now);
    assert_snapshot!(bench.said(), @r#"a< "r": ERROR {"details":"transact: duplicate request ID","error":"syntax error","syntax":"[\"T\",{\"columns\":[\"n\"],\"op\":\"wait\",\"rows\":[{\"n\":5}],\"table\":\"A\",\"until\":\"==\",\"where\":[[\"name\",\"==\",\"x\"]]}]"}"#);
    let cancel = |params: Value| Message::notification("cancel", params);
    bench.server.handle_message(bench.session("b"), cancel(json!(["r"])), bench.now);
    bench.server.handle_message(bench.session("a"), cancel(json!(["q"])), bench.now);
    bench.server.handle_message(bench.session("a"), cancel(json!([])), bench.now);
    assert_eq!(bench.said(), "");
    bench.server.handle_message(bench.session("a"), cancel(json!(["r"])), bench.now);
    assert_snapshot!(bench.said(), @r#"a< "r": ERROR "canceled""#);
    bench.transact(json!([wait("x", Some(5))]));
    bench.server.close_session(bench.session("a"));
    assert_eq!(bench.server.poll_timeout(), None);
}

#[test]
fn nobody_learns_of_a_transaction_before_it_is_on_disk() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    bench.persists = false;
    let request = json!(["T", "m", {"A": {"columns": ["name"]}}]);
    bench.ask("b", "monitor", request.clone());
    assert_snapshot!(bench.transact(json!([insert("x", 1)])), @"persist T 1");
    assert_snapshot!(bench.transact(json!([insert("y", 1)])), @"persist T 2");
    // What they did is there to build on, but a reply that shows it waits with them.
    assert_snapshot!(bench.ask("c", "transact", json!(["T", {"op": "select", "table": "A", "where": [], "columns": ["name"]}])), @"");
    assert_snapshot!(bench.ask("c", "monitor", request), @"c< 5: {}");
    bench.server.persisted("T", 1);
    assert_snapshot!(bench.said(), @r#"
    b< update: ["m",{"A":{"U0":{"new":{"name":"x"}}}}]
    c< update: ["m",{"A":{"U0":{"new":{"name":"x"}}}}]
    a< 2: [{"uuid":["uuid","U0"]}]
    "#);
    bench.server.persisted("T", 2);
    assert_snapshot!(bench.said(), @r#"
    b< update: ["m",{"A":{"U1":{"new":{"name":"y"}}}}]
    c< update: ["m",{"A":{"U1":{"new":{"name":"y"}}}}]
    c< 4: [{"rows":[{"name":"y"},{"name":"x"}]}]
    a< 3: [{"uuid":["uuid","U1"]}]
    "#);
    bench.server.persisted("T", 2);
    bench.server.persisted("nope", 1);
    assert_eq!(bench.said(), "");
}

fn names() -> Value {
    json!([{"op": "select", "table": "A", "where": [], "columns": ["name"]}])
}

/// What the shell says of a full disk.
fn full() -> OvsdbError {
    let io_error = Some("No space left on device".to_owned());
    OvsdbError { io_error, ..OvsdbError::new(OvsdbError::IO, "t.db: write failed") }
}

#[test]
fn what_could_not_be_written_is_undone_and_the_next_transaction_counts_again() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.ask("b", "monitor", json!(["T", "m", {"A": {"columns": ["name"]}}]));
    bench.transact(json!([insert("w", 0)]));
    bench.persists = false;
    // The second refers to the first, the third only looks; none is told of before the disk has its say.
    bench.transact(json!([insert("x", 1)]));
    bench.transact(json!([{"op": "update", "table": "A", "where": [["n", "<", 2]], "row": {"s": "y"}}]));
    bench.transact(names());
    bench.server.persist_failed("T", &full());
    assert_snapshot!(bench.said(), @r#"
    a< 3: [{"uuid":["uuid","U1"]},{"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}]
    a< 4: [{"count":2},{"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}]
    a< 5: [{"rows":[{"name":"x"},{"name":"w"}]},{"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}]
    "#);
    bench.server.persisted("T", 3);
    assert_eq!(bench.said(), "");
    assert_snapshot!(bench.transact(names()), @r#"a< 6: [{"rows":[{"name":"w"}]}]"#);
    // The name and the number of what was undone are free.
    bench.persists = true;
    assert_snapshot!(bench.transact(json!([insert("x", 2)])), @r#"
    b< update: ["m",{"A":{"U2":{"new":{"name":"x"}}}}]
    a< 7: [{"uuid":["uuid","U2"]}]
    "#);
}

#[test]
fn a_transaction_that_has_not_been_handed_out_is_undone_with_those_that_have() {
    let mut bench = Bench::new(&["a"]);
    bench.persists = false;
    let request = |id: u64, name| Message::request(id, "transact", json!(["T", insert(name, 1)]));
    let session = bench.session("a");
    bench.server.handle_message(session, request(101, "x"), bench.now);
    assert!(matches!(bench.server.poll_output(), Some(Output::Persist { seq: 1, .. })));
    bench.server.handle_message(session, request(102, "y"), bench.now);
    bench.server.persist_failed("T", &full());
    assert_snapshot!(bench.said(), @r#"
    a< 101: [{"uuid":["uuid","U0"]},{"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}]
    a< 102: [{"uuid":["uuid","U1"]},{"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}]
    "#);
}

#[test]
fn a_conversion_that_could_not_be_written_leaves_the_old_schema() {
    let mut bench = Bench::new(&["a"]);
    bench.transact(json!([insert("x", 1)]));
    bench.persists = false;
    let mut schema = schema();
    schema.version = "2.0.0".into();
    bench.ask("a", "convert", json!(["T", schema.to_json()]));
    bench.server.persist_failed("T", &full());
    assert_snapshot!(bench.said(), @r#"a< 2: ERROR {"details":"t.db: write failed","error":"I/O error","io-error":"No space left on device"}"#);
    bench.persists = true;
    bench.transact(json!([insert("y", 1)]));
    assert_eq!(
        bench.server.published("T").map(|now| now.layout().schema.version.to_string()),
        Some("1.0.0".to_owned())
    );
    assert_snapshot!(bench.transact(names()), @r#"a< 4: [{"rows":[{"name":"y"},{"name":"x"}]}]"#);
}

#[test]
fn a_session_that_may_only_read_cannot_write() {
    let mut bench = Bench::new(&[]);
    bench
        .connect("a", &SessionOptions { read_only: true, probe_interval: None, ..SessionOptions::default() });
    assert_snapshot!(bench.transact(json!([insert("x", 1)])), @r#"a< 1: [{"details":"insert operation not allowed when database server is in read only mode","error":"not allowed"}]"#);
    assert_snapshot!(bench.transact(json!([{"op": "select", "table": "A", "where": []}])), @r#"a< 2: [{"rows":[]}]"#);
    assert_snapshot!(bench.ask("a", "convert", json!(["T", schema().to_json()])), @r#"a< 3: ERROR {"details":"convert operation not allowed when database server is in read only mode","error":"not allowed"}"#);
}

#[test]
fn the_server_may_change_rows_of_its_own_accord() {
    let mut bench = Bench::new(&["b"]);
    bench.ask("b", "monitor", json!(["T", "m", {"A": {"columns": ["name"]}}]));
    assert_eq!(bench.ask("b", "transact", json!(["T", wait("x", None), insert("y", 5)])), "");
    let now = bench.now;
    let mut transact =
        |name, operation| bench.server.transact(name, &[operation], now).map_err(|error| error.to_string());
    assert_eq!(transact("nope", json!({})), Err("unknown database: no database nope".to_owned()));
    assert_eq!(transact("T", wait("q", None)), Err("timed out: nothing is waited for here".to_owned()));
    assert_eq!(transact("T", insert("x", 5)).unwrap().len(), 1);
    assert_snapshot!(bench.said(), @r#"
    b< update: ["m",{"A":{"U0":{"new":{"name":"x"}}}}]
    b< update: ["m",{"A":{"U1":{"new":{"name":"y"}}}}]
    b< 2: [{},{"uuid":["uuid","U1"]}]
    "#);
}
