use super::super::requests::MONITORS_PER_SESSION_MAX;
use super::super::transact::{TRANSACTIONS_PER_SESSION_MAX, WAITING_TRANSACTIONS_MAX};
use super::*;
use insta::assert_snapshot;

#[test]
fn a_client_that_reads_slowly_is_dropped_and_others_are_not() {
    let mut bench = Bench::new(&["a", "slow", "b"]);
    let slow = bench.session("slow");
    for client in ["slow", "b"] {
        bench.ask(client, "monitor", json!(["T", "m", {"A": {"columns": ["name"]}}]));
    }
    bench.ask("slow", "lock", json!(["L"]));
    bench.ask("b", "lock", json!(["L"]));
    bench.server.set_writable(slow, false, bench.now);
    bench.server.clients.get_mut(slow).unwrap().queue_bytes_max = 1500;
    let name = "x".repeat(1000 / 4);
    let replace = json!([{"op": "delete", "table": "A", "where": []}, {"op": "insert", "table": "A", "row": {"name": name}}]);
    let heard = |said: &str, who: &str| said.lines().filter(|line| line.starts_with(who)).count();
    for _ in 0..3 {
        let said = bench.transact(replace.clone());
        assert_eq!((heard(&said, "slow"), heard(&said, "b<")), (0, 1));
    }
    let said = bench.transact(replace);
    assert_eq!(heard(&said, "b<"), 2, "an update and the lock");
    assert!(said.contains("slow: closed, the client reads too slowly"));
    assert!(bench.server.clients.get(slow).is_none());
}

#[test]
fn a_client_that_reads_slowly_is_told_of_many_changes_at_once() {
    let mut bench = Bench::new(&["a", "slow"]);
    let slow = bench.session("slow");
    let zero = Uuid::ZERO.to_string();
    bench.ask("slow", "monitor", json!(["T", "m", {"A": {"columns": ["name", "n"]}}]));
    bench.ask("slow", "monitor_cond_since", json!(["T", "s", {"A": [{"columns": ["n"]}]}, zero]));
    bench.ask("slow", "monitor_cond", json!(["T", "none", {"B": [{}]}]));
    bench.server.set_writable(slow, false, bench.now);
    bench.server.clients.get_mut(slow).unwrap().update_bytes_max = 0;
    let insert = |name: &str| json!({"op": "insert", "table": "A", "row": {"name": name, "n": 1}});
    let whose = |name: &str| json!([["name", "==", name]]);
    let update =
        |name: &str, n: i64| json!({"op": "update", "table": "A", "where": whose(name), "row": {"n": n}});
    let delete = |name: &str| json!({"op": "delete", "table": "A", "where": whose(name)});
    // The first change still waits as a message.
    bench.transact(json!([insert("x"), insert("y")]));
    let queued = bench.server.clients.get(slow).unwrap().queued_bytes();
    for n in 2..9 {
        bench.transact(json!([update("x", n), insert("z")]));
        bench.transact(json!([update("x", 0), delete("z")]));
    }
    bench.transact(json!([update("x", 9), delete("y")]));
    assert_eq!(bench.server.clients.get(slow).unwrap().queued_bytes(), queued);
    bench.server.set_writable(slow, true, bench.now);
    assert_snapshot!(bench.said(), @r#"
    slow< update3: ["s","U10",{"A":{"U2":{"insert":{"n":1}},"U1":{"insert":{"n":1}}}}]
    slow< update: ["m",{"A":{"U1":{"new":{"n":9,"name":"x"}}}}]
    slow< update3: ["s","U11",{"A":{"U2":{"delete":null},"U1":{"modify":{"n":9}}}}]
    "#);
    assert_snapshot!(bench.transact(json!([update("x", 10)])), @r#"
    slow< update3: ["s","U12",{"A":{"U1":{"modify":{"n":10}}}}]
    slow< update: ["m",{"A":{"U1":{"new":{"n":10,"name":"x"},"old":{"n":9}}}}]
    a< 20: [{"count":1}]
    "#);
}

#[test]
fn a_slow_client_that_writes_knows_what_it_has_done_when_it_hears_so() {
    let mut bench = Bench::new(&["a", "b"]);
    let slow = bench.session("a");
    bench.ask("a", "monitor_cond", json!(["T", "m", {"A": [{"columns": ["name"]}]}]));
    bench.server.set_writable(slow, false, bench.now);
    bench.server.clients.get_mut(slow).unwrap().update_bytes_max = 0;
    let insert = |name: &str| json!({"op": "insert", "table": "A", "row": {"name": name}});
    for name in ["x", "y"] {
        bench.ask("b", "transact", json!(["T", insert(name)]));
    }
    assert_eq!(bench.transact(json!([insert("z")])), "");
    bench.ask("b", "transact", json!(["T", insert("w")]));
    let where_n = json!([{"where": [["name", "!=", "x"]]}]);
    assert_eq!(bench.ask("a", "monitor_cond_change", json!(["m", "m", {"A": where_n}])), "");
    bench.server.set_writable(slow, true, bench.now);
    assert_snapshot!(bench.said(), @r#"
    a< update2: ["m",{"A":{"U0":{"insert":{"name":"x"}}}}]
    a< update2: ["m",{"A":{"U1":{"insert":{"name":"y"}},"U3":{"insert":{"name":"z"}}}}]
    a< 4: [{"uuid":["uuid","U3"]}]
    a< update2: ["m",{"A":{"U2":{"insert":{"name":"w"}}}}]
    a< update2: ["m",{"A":{"U0":{"delete":null}}}]
    a< 6: {}
    "#);
}

#[test]
fn a_slow_client_that_misses_more_than_is_remembered_is_dropped() {
    let mut bench = Bench::new(&["a", "slow"]);
    let slow = bench.session("slow");
    bench.ask("slow", "monitor", json!(["T", "m", {"A": {"columns": ["n"]}}]));
    bench.server.set_writable(slow, false, bench.now);
    bench.server.clients.get_mut(slow).unwrap().update_bytes_max = 0;
    bench.transact(json!([{"op": "insert", "table": "A", "row": {"name": "x"}}]));
    for n in 0..=HISTORY_TXNS_MAX {
        bench.transact(json!([{"op": "update", "table": "A", "where": [], "row": {"n": n + 1}}]));
    }
    bench.server.set_writable(slow, true, bench.now);
    assert!(bench.said().contains("slow: closed, the client reads too slowly"));
}

#[test]
fn what_waits_for_a_slow_client_is_sent_in_order_when_it_reads_again() {
    let mut bench = Bench::new(&["a"]);
    let session = bench.session("a");
    bench.server.set_writable(session, false, bench.now);
    assert_eq!(bench.ask("a", "echo", json!([1])) + &bench.ask("a", "echo", json!([2])), "");
    bench.server.set_writable(session, true, bench.now);
    assert_snapshot!(bench.said(), @r"
    a< 1: [1]
    a< 2: [2]
    ");
}

#[test]
fn sessions_take_turns() {
    let mut bench = Bench::new(&["a", "b"]);
    for i in 0..2 {
        for client in ["a", "b"] {
            let session = bench.session(client);
            bench.server.handle_message(session, Message::request(1, "echo", json!([i])), bench.now);
        }
    }
    assert_snapshot!(bench.said(), @r"
    a< 1: [0]
    b< 1: [0]
    a< 1: [1]
    b< 1: [1]
    ");
}

#[test]
fn a_session_may_have_so_many_monitors_and_transactions() {
    let mut bench = Bench::new(&["a"]);
    for i in 0..MONITORS_PER_SESSION_MAX {
        assert!(bench.ask("a", "monitor", json!(["T", i, {}])).ends_with(": {}"));
    }
    assert_snapshot!(bench.ask("a", "monitor", json!(["T", "m", {}])), @r#"a< 257: ERROR {"details":"a session may have 256 monitors","error":"resources exhausted"}"#);
    bench.ask("a", "monitor_cancel", json!([0]));
    assert_snapshot!(bench.ask("a", "monitor", json!(["T", "x".repeat(2000), {}])), @r#"a< 259: ERROR {"details":"a monitor ID may have 1024 bytes","error":"resources exhausted"}"#);
    let wait = json!({"op": "wait", "table": "A", "where": [], "columns": [], "until": "!=", "rows": []});
    let mut said = String::new();
    for _ in 0..=TRANSACTIONS_PER_SESSION_MAX {
        said = bench.transact(json!([wait]));
    }
    assert_snapshot!(said, @r#"a< 1284: ERROR {"details":"a session may have 1024 transactions","error":"resources exhausted"}"#);
}

#[test]
fn so_many_transactions_may_wait() {
    let mut bench = Bench::new(&["a", "b"]);
    let wait =
        json!(["T", {"op": "wait", "table": "A", "where": [], "columns": [], "until": "!=", "rows": []}]);
    for _ in 0..WAITING_TRANSACTIONS_MAX {
        assert_eq!(bench.ask("b", "transact", wait.clone()), "");
    }
    assert_snapshot!(bench.ask("a", "transact", wait), @r#"a< 1025: ERROR {"details":"1024 transactions wait already","error":"resources exhausted"}"#);
}

#[test]
fn there_may_be_so_many_sessions() {
    let mut bench = Bench::new(&[]);
    let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
    for _ in 0..SESSIONS_MAX {
        bench.server.open_session(&options, bench.now).unwrap();
    }
    assert_eq!(bench.server.open_session(&options, bench.now), Err(TooManySessions));
}

#[test]
fn a_silent_client_is_asked_and_then_dropped() {
    let mut bench = Bench::new(&[]);
    let session = bench.connect("a", &SessionOptions::default());
    assert_eq!(bench.server.poll_timeout(), Some((bench.now + Duration::from_secs(5), "ovsdb probe")));
    bench.after(4000);
    bench.ask("a", "echo", json!([]));
    assert_eq!(bench.after(1000), "");
    assert_eq!(bench.after(4000), "a< echo \"echo\": []");
    bench.server.handle_message(
        session,
        Message::Reply { id: "echo".into(), result: Ok(json!([])) },
        bench.now,
    );
    assert_eq!(bench.after(5000), "a< echo \"echo\": []");
    bench.server.handle_activity(session, bench.now);
    assert_eq!(bench.after(5000), "a< echo \"echo\": []");
    assert_eq!(bench.after(5000), "a: closed, no sign of life from the client");
    assert_eq!(bench.server.poll_timeout(), None);
}
