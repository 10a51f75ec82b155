//! What each kind of monitor is told. All of it is as upstream's server 3.1 tells it, except for the ids of transactions,
//! which upstream's has only in a cluster, and the order of monitors.

use super::*;
use insta::assert_snapshot;

fn insert(digit: u8, row: Value) -> Value {
    json!({"op": "insert", "table": "A", "uuid": u(digit), "row": row})
}

fn update(name: &str, row: Value) -> Value {
    json!({"op": "update", "table": "A", "where": [["name", "==", name]], "row": row})
}

#[test]
fn each_kind_of_monitor_is_told_in_its_words() {
    let mut bench = Bench::new(&["a", "b"]);
    let plain = json!({"A": [{"columns": ["name", "n"]}, {"columns": ["s"], "select": {"modify": false}}],
        "B": {"columns": ["x", "_uuid"]}});
    assert_snapshot!(bench.ask("b", "monitor", json!(["T", "m1", plain])), @"b< 1: {}");
    let cond = json!({"A": [{"columns": ["name", "n", "s", "m", "o", "_version"], "where": [["n", "<", 5]]},
        {"columns": ["r"], "where": [["name", "==", "x"]]}]});
    assert_snapshot!(bench.ask("b", "monitor_cond", json!(["T", "m2", cond])), @"b< 2: {}");
    let since =
        json!({"A": {"columns": ["name", "n", "s", "m", "o"], "where": [["n", "<", 5], ["o", "==", 7]]}});
    assert_snapshot!(bench.ask("b", "monitor_cond_since", json!(["T", ["m", 3], since, u(0)])), @r#"b< 3: [false,"U0",{}]"#);
    assert_snapshot!(bench.transact(json!([insert(1, json!({"name": "a", "n": 1, "s": ["set", ["p", "q"]]}))])), @r#"
    b< update2: ["m2",{"A":{"1":{"insert":{"_version":["uuid","U1"],"n":1,"name":"a","s":["set",["p","q"]]}}}}]
    b< update3: [["m",3],"U2",{"A":{"1":{"insert":{"n":1,"name":"a","s":["set",["p","q"]]}}}}]
    b< update: ["m1",{"A":{"1":{"new":{"n":1,"name":"a","s":["set",["p","q"]]}}}}]
    a< 4: [{"uuid":["uuid","1"]}]
    "#);
    assert_snapshot!(bench.transact(json!([insert(2, json!({"name": "b", "n": 9, "m": ["map", [["k", "v"]]]}))])), @r#"
    b< update: ["m1",{"A":{"2":{"new":{"n":9,"name":"b","s":["set",[]]}}}}]
    a< 5: [{"uuid":["uuid","2"]}]
    "#);
    assert_snapshot!(bench.transact(json!([update("b", json!({"n": 2, "s": "z"}))])), @r#"
    b< update2: ["m2",{"A":{"2":{"insert":{"_version":["uuid","U3"],"m":["map",[["k","v"]]],"n":2,"name":"b","s":"z"}}}}]
    b< update3: [["m",3],"U4",{"A":{"2":{"insert":{"m":["map",[["k","v"]]],"n":2,"name":"b","s":"z"}}}}]
    b< update: ["m1",{"A":{"2":{"new":{"n":2,"name":"b"},"old":{"n":9}}}}]
    a< 6: [{"count":1}]
    "#);
    let row = json!({"n": 3, "m": ["map", [["k", "w"], ["k2", "v2"]]], "o": 4});
    assert_snapshot!(bench.transact(json!([update("b", row)])), @r#"
    b< update2: ["m2",{"A":{"2":{"modify":{"_version":["uuid","U5"],"m":["map",[["k","w"],["k2","v2"]]],"n":3,"o":4}}}}]
    b< update3: [["m",3],"U6",{"A":{"2":{"modify":{"m":["map",[["k","w"],["k2","v2"]]],"n":3,"o":4}}}}]
    b< update: ["m1",{"A":{"2":{"new":{"n":3,"name":"b"},"old":{"n":2}}}}]
    a< 7: [{"count":1}]
    "#);
    let mutations = json!([
        ["m", "delete", "k2"],
        ["s", "insert", ["set", ["y"]]],
        ["s", "delete", "z"],
        ["o", "delete", 4]
    ]);
    let mutate =
        json!({"op": "mutate", "table": "A", "where": [["name", "==", "b"]], "mutations": mutations});
    assert_snapshot!(bench.transact(json!([mutate])), @r#"
    b< update2: ["m2",{"A":{"2":{"modify":{"_version":["uuid","U7"],"m":["map",[["k2","v2"]]],"o":["set",[]],"s":["set",["y","z"]]}}}}]
    b< update3: [["m",3],"U8",{"A":{"2":{"modify":{"m":["map",[["k2","v2"]]],"o":["set",[]],"s":["set",["y","z"]]}}}}]
    a< 8: [{"count":1}]
    "#);
    assert_snapshot!(bench.transact(json!([update("b", json!({"n": 9}))])), @r#"
    b< update2: ["m2",{"A":{"2":{"delete":null}}}]
    b< update3: [["m",3],"U9",{"A":{"2":{"delete":null}}}]
    b< update: ["m1",{"A":{"2":{"new":{"n":9,"name":"b"},"old":{"n":3}}}}]
    a< 9: [{"count":1}]
    "#);
    let child = json!({"op": "insert", "table": "B", "uuid-name": "c", "row": {"x": 3}});
    assert_snapshot!(bench.transact(json!([update("a", json!({"r": ["named-uuid", "c"]})), child])), @r#"
    b< update2: ["m2",{"A":{"1":{"modify":{"_version":["uuid","U10"],"r":["uuid","U11"]}}}}]
    b< update: ["m1",{"B":{"U11":{"new":{"_uuid":["uuid","U11"],"x":3}}}}]
    a< 10: [{"count":1},{"uuid":["uuid","U11"]}]
    "#);
    assert_snapshot!(bench.transact(json!([{"op": "update", "table": "B", "where": [], "row": {"e": "e"}}])), @r#"a< 11: [{"count":1}]"#);
    assert_snapshot!(bench.transact(json!([{"op": "comment", "comment": "x"}])), @"a< 12: [{}]");
    assert_snapshot!(bench.transact(json!([{"op": "delete", "table": "A", "where": []}])), @r#"
    b< update2: ["m2",{"A":{"1":{"delete":null}}}]
    b< update3: [["m",3],"U12",{"A":{"1":{"delete":null}}}]
    b< update: ["m1",{"A":{"1":{"old":{"n":1,"name":"a","s":["set",["p","q"]]}},"2":{"old":{"n":9,"name":"b","s":"y"}}},"B":{"U11":{"old":{"_uuid":["uuid","U11"],"x":3}}}}]
    a< 13: [{"count":2}]
    "#);
}

#[test]
fn rows_come_and_go_with_conditions_before_the_reply() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.transact(json!([insert(1, json!({"name": "a", "n": 1})), insert(2, json!({"name": "b", "n": 2}))]));
    let only = |name: &str| json!({"A": [{"where": [["name", "==", name]]}]});
    let request = json!({"A": [{"columns": ["n"], "where": [["name", "==", "a"]]}]});
    assert_snapshot!(bench.ask("b", "monitor_cond_since", json!(["T", "m", request, u(0)])), @r#"b< 2: [false,"U0",{"A":{"1":{"initial":{"n":1}}}}]"#);
    assert_snapshot!(bench.ask("b", "monitor_cond_change", json!(["m", "m", only("b")])), @r#"
    b< update3: ["m","U0",{"A":{"1":{"delete":null},"2":{"insert":{"n":2}}}}]
    b< 3: {}
    "#);
    assert_snapshot!(bench.ask("b", "monitor_cond_change", json!(["m", "m", {"A": [{"where": [true]}]}])), @r#"
    b< update3: ["m","U0",{"A":{"1":{"insert":{"n":1}}}}]
    b< 4: {}
    "#);
    assert_snapshot!(bench.ask("b", "monitor_cond_change", json!(["m", "m", {"A": [{"where": []}]}])), @"b< 5: {}");
    assert_snapshot!(bench.ask("b", "monitor_cond_change", json!(["m", "q", {"A": [{"where": [false]}]}])), @r#"
    b< update3: ["q","U0",{"A":{"1":{"delete":null},"2":{"delete":null}}}]
    b< 6: {}
    "#);
    assert_snapshot!(bench.transact(json!([update("b", json!({"n": 3}))])), @r#"a< 7: [{"count":1}]"#);
    assert_snapshot!(bench.ask("b", "monitor_cond_change", json!(["q", "q", only("b")])), @r#"
    b< update3: ["q","U1",{"A":{"2":{"insert":{"n":3}}}}]
    b< 8: {}
    "#);
    assert_snapshot!(bench.transact(json!([update("b", json!({"n": 4}))])), @r#"
    b< update3: ["q","U2",{"A":{"2":{"modify":{"n":4}}}}]
    a< 9: [{"count":1}]
    "#);
    // A column that is not told of may decide.
    assert_snapshot!(bench.transact(json!([update("b", json!({"name": "c"}))])), @r#"
    b< update3: ["q","U3",{"A":{"2":{"delete":null}}}]
    a< 10: [{"count":1}]
    "#);
}

#[test]
fn kinds_of_change_are_selected() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.transact(json!([insert(1, json!({"name": "a"}))]));
    let request = |columns: Value, select: Value| json!({"A": {"columns": columns, "select": select}});
    let table = [
        ("monitor", Value::Null, request(json!(["n"]), json!({"initial": false}))),
        ("monitor", json!("a"), request(json!(["name", "n"]), json!({"delete": false, "insert": false}))),
        ("monitor", json!("b"), request(json!([]), json!({}))),
        ("monitor_cond", json!("c"), request(json!([]), json!({}))),
        ("monitor_cond", json!("d"), request(json!(["_uuid", "n"]), json!({"modify": false}))),
    ];
    let said: Vec<_> = table
        .into_iter()
        .map(|(method, id, request)| bench.ask("b", method, json!(["T", id, request])))
        .collect();
    assert_snapshot!(said.join("\n"), @r#"
    b< 2: {}
    b< 3: {"A":{"1":{"new":{"n":0,"name":"a"}}}}
    b< 4: {"A":{"1":{"new":{}}}}
    b< 5: {"A":{"1":{"initial":{}}}}
    b< 6: {"A":{"1":{"initial":{"_uuid":["uuid","1"]}}}}
    "#);
    assert_snapshot!(bench.transact(json!([update("a", json!({"n": 4}))])), @r#"
    b< update: [null,{"A":{"1":{"new":{"n":4},"old":{"n":0}}}}]
    b< update: ["a",{"A":{"1":{"new":{"n":4,"name":"a"},"old":{"n":0}}}}]
    a< 7: [{"count":1}]
    "#);
    assert_snapshot!(bench.transact(json!([{"op": "delete", "table": "A", "where": []}])), @r#"
    b< update2: ["c",{"A":{"1":{"delete":null}}}]
    b< update2: ["d",{"A":{"1":{"delete":null}}}]
    b< update: ["b",{"A":{"1":{"old":{}}}}]
    b< update: [null,{"A":{"1":{"old":{"n":4}}}}]
    a< 8: [{"count":1}]
    "#);
}

#[test]
fn a_client_that_returns_is_told_what_it_missed() {
    let mut bench = Bench::new(&["a", "b"]);
    let request = json!({"A": {"columns": ["name", "n"], "where": [["n", "<", 5]]}});
    bench.transact(json!([
        insert(1, json!({"name": "a"})),
        insert(2, json!({"name": "b"})),
        insert(3, json!({"name": "c"}))
    ]));
    let said = bench.ask("b", "monitor_cond_since", json!(["T", "m", request, u(0)]));
    assert_snapshot!(said, @r#"b< 2: [false,"U0",{"A":{"1":{"initial":{"name":"a"}},"2":{"initial":{"name":"b"}},"3":{"initial":{"name":"c"}}}}]"#);
    let last = bench.uuids.last().unwrap().clone();
    bench.ask("b", "monitor_cancel", json!(["m"]));
    bench.transact(json!([update("a", json!({"n": 1}))]));
    bench.transact(json!([update("a", json!({"n": 2})), update("b", json!({"n": 7}))]));
    bench.transact(json!([{"op": "delete", "table": "A", "where": [["name", "==", "c"]]}, insert(4, json!({"name": "d"}))]));
    bench.transact(json!([insert(5, json!({"name": "e"}))]));
    bench.transact(json!([{"op": "delete", "table": "A", "where": [["name", "==", "e"]]}]));
    assert_snapshot!(bench.ask("b", "monitor_cond_since", json!(["T", "m", request, last])), @r#"b< 9: [true,"U1",{"A":{"1":{"modify":{"n":2}},"2":{"delete":null},"3":{"delete":null},"4":{"insert":{"name":"d"}}}}]"#);
    let now = bench.uuids.last().unwrap().clone();
    assert_snapshot!(bench.ask("b", "monitor_cond_since", json!(["T", "n", request, now])), @r#"b< 10: [true,"U1",{}]"#);
    assert_snapshot!(bench.ask("b", "monitor_cond_since", json!(["T", "o", request, u(9)])), @r#"b< 11: [false,"U1",{"A":{"1":{"initial":{"n":2,"name":"a"}},"4":{"initial":{"name":"d"}}}}]"#);
}

#[test]
fn a_client_that_nothing_concerns_still_learns_which_transaction_was_the_last() {
    let mut bench = Bench::new(&["a", "b"]);
    let request = || json!({"B": {"columns": ["x"]}});
    bench.ask("b", "monitor_cond_since", json!(["T", "m", request(), u(0)]));
    bench.ask("b", "monitor_cond", json!(["T", "n", request()]));
    bench.transact(json!([insert(1, json!({"name": "a"}))]));
    let mut reminders = Vec::new();
    for n in 0..HISTORY_TXNS_MAX as i64 / 2 {
        let said = bench.transact(json!([update("a", json!({"n": n + 1}))]));
        reminders.extend(said.lines().filter(|line| line.starts_with("b<")).map(str::to_owned));
    }
    assert_eq!(reminders, [r#"b< update3: ["m","U1",{}]"#, r#"b< update3: ["m","U2",{}]"#]);
    let last = bench.uuids.last().unwrap().clone();
    let said = bench.ask("b", "monitor_cond_since", json!(["T", "o", request(), last]));
    assert!(said.contains("[true,"), "{said}");
}

#[test]
fn equal_monitors_share_what_they_are_told() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    let by = |clauses: Value| json!({"A": {"columns": ["name"], "where": clauses}});
    bench.ask("b", "monitor_cond", json!(["T", "m", by(json!([["n", "==", 1], ["n", "==", 2]]))]));
    bench.ask(
        "c",
        "monitor_cond_since",
        json!(["T", "q", by(json!([["n", "==", 2], ["n", "==", 1], ["n", "==", 1]])), u(0)]),
    );
    let group_count = |bench: &Bench| bench.server.databases["T"].groups.group_count();
    assert_eq!(group_count(&bench), 1);
    // Less than this is not worth sharing between messages that differ.
    let params = json!(["T", insert(1, json!({"name": "a".repeat(20_000), "n": 1}))]);
    bench.server.handle_message(bench.session("a"), Message::request(0, "transact", params), bench.now);
    let mut bodies = Vec::new();
    while let Some(output) = bench.server.poll_output() {
        match output {
            Output::Send { session, frame } if session != bench.session("a") => {
                bodies.push(frame.pieces().unwrap()[1].as_ptr())
            }
            Output::Persist { seq, .. } => bench.server.persisted("T", seq),
            Output::Send { .. } | Output::Close { .. } | Output::Rewrite { .. } | Output::Forward { .. } => {}
        }
    }
    assert!(bodies.len() == 2 && bodies[0] == bodies[1]);
    bench.ask("c", "monitor_cond_change", json!(["q", "q", {"A": [{"where": [["n", "==", 2]]}]}]));
    assert_eq!(group_count(&bench), 2);
    bench.server.close_session(bench.session("c"));
    bench.ask("b", "monitor_cancel", json!(["m"]));
    assert_eq!(group_count(&bench), 0);
}

#[test]
fn clients_that_call_their_monitors_the_same_share_the_message() {
    let mut bench = Bench::new(&["a", "b", "c", "d"]);
    for (client, id) in [("b", "m"), ("c", "m"), ("d", "other")] {
        bench.ask(client, "monitor_cond", json!(["T", id, {"A": {"columns": ["name"]}}]));
    }
    let params = json!(["T", insert(1, json!({"name": "x"}))]);
    bench.server.handle_message(bench.session("a"), Message::request(0, "transact", params), bench.now);
    let mut heard = BTreeMap::new();
    while let Some(output) = bench.server.poll_output() {
        match output {
            Output::Send { session, frame } => _ = heard.insert(bench.names[&session], frame),
            Output::Persist { seq, .. } => bench.server.persisted("T", seq),
            Output::Close { .. } | Output::Rewrite { .. } | Output::Forward { .. } => {}
        }
    }
    let at = |client: &str| heard[client].pieces().unwrap()[0].as_ptr();
    assert!(at("b") == at("c") && at("b") != at("d"));
}

#[test]
fn the_first_contents_of_a_large_database_are_made_in_pieces() {
    const ROWS: u64 = 12_000;
    let mut bench = Bench::new(&["a", "b"]);
    let row = |i: u64| {
        let n = i % 2;
        json!({"op": "insert", "table": "A", "row": {"name": format!("{i:030}"), "n": n}, "uuid": Uuid::from_u128(i.into()).to_string()})
    };
    bench.transact((1..=ROWS).map(row).collect());
    bench.transact(json!([{"op": "insert", "table": "A", "row": {"name": "last", "n": 1}}]));
    for (method, where_, rows) in [
        ("monitor", json!(null), ROWS + 1),
        ("monitor_cond", json!([]), ROWS + 1),
        ("monitor_cond", json!([["n", "==", 1]]), ROWS / 2 + 1),
        ("monitor_cond", json!([["name", "==", "last"]]), 1),
        ("monitor_cond", json!([false]), 0),
    ] {
        let mut request = json!({"columns": ["name", "n"]});
        if !where_.is_null() {
            request["where"] = where_;
        }
        let params = json!(["T", format!("{method} {rows}"), {"A": [request], "B": [{"columns": ["x"]}]}]);
        bench.server.handle_message(bench.session("b"), Message::request(0, method, params), bench.now);
        let Some(Output::Send { frame, .. }) = bench.server.poll_output() else { panic!("no reply") };
        let Message::Reply { result: Ok(result), .. } = frame.to_message() else { panic!("no result") };
        let found = result["A"].as_object().map_or(0, |rows| rows.len() as u64);
        assert_eq!(found, rows, "{method}");
        let pieces = frame.to_be_made().expect("it is large").pieces;
        let made: Vec<_> = (0..).map_while(|index| pieces.piece(index)).map(|piece| piece.to_vec()).collect();
        assert!(made.len() > 1 && made.iter().all(|piece| piece.len() < 200 << 10));
        // Pieces that nobody holds any more are made again, in any order, and are the same.
        for (index, piece) in made.iter().enumerate() {
            assert_eq!(pieces.piece(index).unwrap()[..], piece[..]);
        }
        assert!(pieces.piece(made.len()).is_none());
    }
}
