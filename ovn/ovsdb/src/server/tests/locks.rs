use super::*;
use insta::assert_snapshot;

#[test]
fn locks_pass_from_session_to_session() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    assert_snapshot!(bench.ask("a", "lock", json!(["L"])), @r#"a< 1: {"locked":true}"#);
    assert_snapshot!(bench.ask("b", "lock", json!(["L"])), @r#"b< 2: {"locked":false}"#);
    assert_snapshot!(bench.ask("c", "steal", json!(["L"])), @r#"
    c< 3: {"locked":true}
    a< stolen: ["L"]
    "#);
    assert_snapshot!(bench.ask("a", "lock", json!(["L"])), @r#"a< 4: ERROR {"details":"must issue \"unlock\" before new \"lock\"","error":"syntax error","syntax":"[\"L\"]"}"#);
    assert_snapshot!(bench.ask("c", "unlock", json!(["L"])), @r#"
    c< 5: {}
    a< locked: ["L"]
    "#);
    assert_snapshot!(bench.transact(json!([{"op": "assert", "lock": "L"}])), @"a< 6: [{}]");
    let session = bench.session("a");
    bench.server.close_session(session);
    assert_snapshot!(bench.said(), @r#"b< locked: ["L"]"#);
    assert_snapshot!(bench.ask("c", "unlock", json!(["nope"])), @r#"c< 7: ERROR {"details":"unlock: \"unlock\" without \"lock\" or \"steal\"","error":"syntax error","syntax":"[\"nope\"]"}"#);
    assert_snapshot!(bench.ask("c", "lock", json!(["1bad"])), @r#"c< 8: ERROR {"details":"lock request params must be <id>","error":"syntax error","syntax":"[\"1bad\"]"}"#);
    assert_snapshot!(bench.ask("c", "transact", json!(["T", {"op": "assert", "lock": "L"}])), @r#"c< 9: [{"details":"Asserted lock L not held.","error":"not owner"}]"#);
    bench
        .connect("r", &SessionOptions { read_only: true, probe_interval: None, ..SessionOptions::default() });
    assert_snapshot!(bench.ask("r", "lock", json!(["L"])), @r#"r< 10: ERROR "lock and unlock methods not allowed, DB server is read only.""#);
}
