//! The words of refusals, which are those of upstream's server 3.1.

use super::*;

#[track_caller]
fn check(bench: &mut Bench, method: &str, params: Value, expected: &str) {
    let said = bench.ask("a", method, params.clone());
    let said = said.split_once(": ").map_or(said.as_str(), |(_, said)| said);
    assert_eq!(said, expected, "{method} {params}");
}

#[test]
fn simple_methods_are_answered() {
    let mut bench = Bench::new(&["a"]);
    let table = [
        ("echo", json!([1, {}]), r#"[1,{}]"#),
        ("echo", json!({"a": 1}), r#"{"a":1}"#),
        ("list_dbs", json!([]), r#"["T","_Server"]"#),
        ("get_server_id", Value::Null, r#""U0""#),
        ("set_db_change_aware", json!([true]), "{}"),
        ("nope", json!([]), r#"ERROR "unknown method""#),
        (
            "get_schema",
            json!([1]),
            r#"ERROR {"details":"get_schema request params must begin with <db-name>","error":"syntax error","syntax":"[1]"}"#,
        ),
        (
            "get_schema",
            json!(["X"]),
            r#"ERROR {"details":"get_schema request specifies unknown database X","error":"unknown database","syntax":"[\"X\"]"}"#,
        ),
        (
            "set_db_change_aware",
            json!([1]),
            r#"ERROR {"details":"set_db_change_aware: true or false parameter expected","error":"syntax error","syntax":"[1]"}"#,
        ),
        (
            "transact",
            json!([]),
            r#"ERROR {"details":"transact request params must begin with <db-name>","error":"syntax error","syntax":"[]"}"#,
        ),
        (
            "transact",
            json!(["X"]),
            r#"ERROR {"details":"transact request specifies unknown database X","error":"unknown database","syntax":"[\"X\"]"}"#,
        ),
        ("transact", json!(["_Server"]), "[]"),
        (
            "transact",
            json!(["_Server", {"op": "delete", "table": "Database", "where": []}]),
            r#"[{"details":"delete operation not allowed on table in reserved database _Server","error":"not allowed"}]"#,
        ),
        ("monitor_cancel", json!(["x"]), r#"ERROR "unknown monitor""#),
        ("monitor_cancel", json!([]), r#"ERROR "invalid parameters""#),
    ];
    for (method, params, expected) in table {
        check(&mut bench, method, params, expected);
    }
    let own = bench.ask("a", "get_schema", json!(["_Server"]));
    assert!(own.contains(r#""version":"1.2.0""#), "{own}");
}

#[test]
fn bad_requests_to_monitor_are_refused() {
    let mut bench = Bench::new(&["a"]);
    let requests = [
        (json!({"Z": {}}), r#"{"details":"no table named Z","error":"syntax error"}"#),
        (json!([]), r#"{"details":"monitor-requests must be object","error":"syntax error","syntax":"[]"}"#),
        (json!({"A": 1}), r#"{"details":"Parsing table A failed: Object expected.","error":"syntax error"}"#),
        (
            json!({"A": [{"columns": ["name"]}, {"columns": ["name"]}]}),
            r#"{"details":"column name mentioned more than once","error":"syntax error","syntax":"[\"name\"]"}"#,
        ),
        (
            json!({"A": {"columns": ["zz"]}}),
            r#"{"details":"zz is not a valid column name","error":"syntax error","syntax":"[\"zz\"]"}"#,
        ),
        (
            json!({"A": {"columns": [1]}}),
            r#"{"details":"array of column names expected","error":"syntax error","syntax":"[1]"}"#,
        ),
        (
            json!({"A": {"columns": 1}}),
            r#"{"details":"Parsing table A failed: Type mismatch for member 'columns'.","error":"syntax error","syntax":"{\"columns\":1}"}"#,
        ),
        (
            json!({"A": {"bogus": 1}}),
            r#"{"details":"Parsing table A failed: Member 'bogus' is present but not allowed here.","error":"syntax error","syntax":"{\"bogus\":1}"}"#,
        ),
        (
            json!({"A": {"select": {"initial": 1}}}),
            r#"{"details":"Parsing table A select failed: Type mismatch for member 'initial'.","error":"syntax error","syntax":"{\"initial\":1}"}"#,
        ),
        (
            json!({"A": {"where": [["zz", "==", 1]]}}),
            r#"{"details":"No column zz in table A.","error":"unknown column","syntax":"[\"zz\",\"==\",1]"}"#,
        ),
        (
            json!({"A": {"where": [["n", "zz", 1]]}}),
            r#"{"details":"No function named zz.","error":"unknown function"}"#,
        ),
        (
            json!({"A": {"where": ["n"]}}),
            r#"{"details":"Parse error in condition.","error":"syntax error","syntax":"\"n\""}"#,
        ),
        (
            json!({"A": {"where": [["n", "==", "x"]]}}),
            r#"{"details":"expected integer","error":"syntax error","syntax":"\"x\""}"#,
        ),
    ];
    for (requests, expected) in requests {
        let expected = format!("ERROR {expected}");
        check(&mut bench, "monitor_cond", json!(["T", "m", requests]), &expected);
        check(&mut bench, "monitor_cond_since", json!(["T", "m", requests, u(0)]), &expected);
        if requests["A"].get("where").is_none() {
            check(&mut bench, "monitor", json!(["T", "m", requests]), &expected);
        }
    }
    let conditional = json!(["T", "m", {"A": {"where": []}}]);
    check(
        &mut bench,
        "monitor",
        conditional,
        r#"ERROR {"details":"Parsing table A failed: Member 'where' is present but not allowed here.","error":"syntax error","syntax":"{\"where\":[]}"}"#,
    );
    check(
        &mut bench,
        "monitor_cond_since",
        json!(["T", "m", {}, "zz"]),
        r#"ERROR {"details":"last-txn-id must be UUID format.","error":"syntax error","syntax":"\"zz\""}"#,
    );
    check(
        &mut bench,
        "monitor_cond",
        json!(["T", "m"]),
        r#"ERROR {"details":"invalid parameters","error":"syntax error","syntax":"[\"T\",\"m\"]"}"#,
    );
    check(&mut bench, "monitor", json!(["T", "m", {}]), "{}");
    check(
        &mut bench,
        "monitor_cond",
        json!(["T", "m", {}]),
        r#"ERROR {"details":"duplicate monitor ID","error":"syntax error","syntax":"\"m\""}"#,
    );
    check(&mut bench, "monitor_cancel", json!(["m"]), "{}");
}

#[test]
fn bad_changes_of_conditions_are_refused() {
    let mut bench = Bench::new(&["a"]);
    check(&mut bench, "monitor_cond", json!(["T", "m", {"A": {"columns": ["n"]}}]), "{}");
    check(&mut bench, "monitor_cond", json!(["T", "n", {}]), "{}");
    let table = [
        (
            json!(["x", "x", {}]),
            r#"ERROR {"details":"unknown monitor session","error":"syntax error","syntax":"\"x\""}"#,
        ),
        (
            json!(["m", "m"]),
            r#"ERROR {"details":"invalid parameters","error":"syntax error","syntax":"[\"m\",\"m\"]"}"#,
        ),
        (
            json!(["m", "n", {}]),
            r#"ERROR {"details":"duplicate monitor ID","error":"syntax error","syntax":"\"n\""}"#,
        ),
        (
            json!(["m", "m", []]),
            r#"ERROR {"details":"monitor-cond-change-requests must be object","error":"syntax error"}"#,
        ),
        (json!(["m", "m", {"Q": []}]), r#"ERROR {"details":"no table named Q","error":"syntax error"}"#),
        (
            json!(["m", "m", {"B": []}]),
            r#"ERROR {"details":"no table named B in monitor session","error":"syntax error"}"#,
        ),
        (
            json!(["m", "m", {"A": {}}]),
            r#"ERROR {"details":"table A no monitor-cond-change JSON array","error":"syntax error"}"#,
        ),
        (
            json!(["m", "m", {"A": [{"columns": ["s"]}]}]),
            r#"ERROR {"details":"changing columns is unsupported","error":"syntax error","syntax":"{\"columns\":[\"s\"]}"}"#,
        ),
        (json!(["m", "m2", {"A": [{"where": [false]}]}]), "{}"),
        (
            json!(["m", "m", {}]),
            r#"ERROR {"details":"unknown monitor session","error":"syntax error","syntax":"\"m\""}"#,
        ),
    ];
    for (params, expected) in table {
        check(&mut bench, "monitor_cond_change", params, expected);
    }
    check(&mut bench, "monitor_cancel", json!(["m2"]), "{}");
}

#[test]
fn a_server_may_hide_what_upstream_calls_monitor_cond() {
    let mut bench = Bench::new(&["a"]);
    bench.server.set_monitor_cond(false);
    for method in ["monitor_cond", "monitor_cond_since", "monitor_cond_change"] {
        check(&mut bench, method, json!([]), r#"ERROR "unknown method""#);
    }
    check(&mut bench, "monitor", json!(["T", "m", {}]), "{}");
}
