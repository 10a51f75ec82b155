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
