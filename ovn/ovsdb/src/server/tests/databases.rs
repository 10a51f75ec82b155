use super::*;
use insta::assert_snapshot;

fn other() -> Database {
    let schema = json!({"name": "O", "version": "1.0.0", "tables": {}});
    Database::new(Arc::new(DatabaseSchema::from_json(&schema).unwrap()), 3)
}

#[test]
fn databases_come_and_go_and_clients_that_are_aware_of_it_stay() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.ask("a", "set_db_change_aware", json!([true]));
    let own = json!(["_Server", "own", {"Database": {"columns": ["name", "model", "connected", "leader"]}}]);
    assert_snapshot!(bench.ask("a", "monitor_cond", own), @r#"a< 2: {"Database":{"U0":{"initial":{"connected":true,"leader":true,"model":"standalone","name":"_Server"}},"U1":{"initial":{"connected":true,"leader":true,"model":"standalone","name":"T"}}}}"#);
    bench.server.add_database(other(), Storage::Memory).unwrap();
    assert_snapshot!(bench.said(), @r#"
    a< update2: ["own",{"Database":{"U2":{"insert":{"connected":true,"leader":true,"model":"standalone","name":"O"}}}}]
    b: closed, the databases of the server change and the client is not aware of that
    "#);
    assert_eq!(bench.server.add_database(other(), Storage::Memory), Err(DatabaseExists("O".into())));
    bench.ask("a", "monitor", json!(["T", ["m", 1], {}]));
    let wait = json!({"op": "wait", "table": "A", "where": [], "columns": [], "until": "!=", "rows": []});
    assert_eq!(bench.transact(json!([wait])), "");
    bench.connect("c", &SessionOptions { probe_interval: None, ..SessionOptions::default() });
    assert!(bench.server.remove_database("T").is_some());
    assert_snapshot!(bench.said(), @r#"
    c: closed, the databases of the server change and the client is not aware of that
    a< monitor_canceled: [["m",1]]
    a< 4: ERROR {"details":"database T was removed","error":"unknown database"}
    a< update2: ["own",{"Database":{"U1":{"delete":null}}}]
    "#);
    assert!(bench.server.remove_database("T").is_none() && bench.server.remove_database("_Server").is_none());
    assert_snapshot!(bench.ask("a", "list_dbs", json!([])), @r#"a< 5: ["O","_Server"]"#);
    assert_snapshot!(bench.ask("a", "monitor_cancel", json!([["m", 1]])), @r#"a< 6: ERROR "unknown monitor""#);
}

#[test]
fn a_database_is_converted_while_it_is_served() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.ask("a", "set_db_change_aware", json!([true]));
    bench.ask("a", "monitor", json!(["T", "m", {"A": {"columns": ["name"]}}]));
    bench.transact(json!([{"op": "insert", "table": "A", "uuid": u(1), "row": {"name": "x"}}]));
    let mut new = schema();
    new.tables.remove("B");
    let columns = &mut new.tables.get_mut("A").unwrap().columns;
    columns.remove("r");
    columns.remove("n");
    new.version = "2.0.0".into();
    assert_snapshot!(bench.ask("a", "convert", json!(["_Server", new.to_json()])), @r#"a< 4: ERROR {"details":"schema is for database T, not _Server","error":"syntax error","syntax":"[\"_Server\",{\"name\":\"T\",\"tables\":{\"A\":{\"columns\":{\"m\":{\"type\":{\"key\":\"string\",\"max\":\"unlimited\",\"min\":0,\"value\":\"string\"}},\"name\":{\"type\":\"string\"},\"o\":{\"type\":{\"key\":\"integer\",\"min\":0}},\"s\":{\"type\":{\"key\":\"string\",\"max\":\"unlimited\",\"min\":0}}},\"indexes\":[[\"name\"]]}},\"version\":\"2.0.0\"}]"}"#);
    bench.persists = false;
    assert_snapshot!(bench.ask("a", "convert", json!(["T", new.to_json()])), @"persist T 2");
    assert_eq!(bench.transact(json!([])), "", "what comes after waits as well");
    bench.server.persisted("T", 2);
    assert_snapshot!(bench.said(), @r#"
    b: closed, the databases of the server change and the client is not aware of that
    a< monitor_canceled: ["m"]
    a< 5: {}
    a< 6: []
    "#);
    let select = json!({"op": "select", "table": "A", "where": []});
    assert_snapshot!(bench.transact(json!([select])), @r#"a< 7: [{"rows":[{"_uuid":["uuid","1"],"_version":["uuid","U0"],"m":["map",[]],"name":"x","o":["set",[]],"s":["set",[]]}]}]"#);
    let (_, snapshot) = bench.server.newest("T").unwrap();
    assert_eq!(snapshot.layout().schema.version.as_ref(), "2.0.0");
    let request = json!(["T", "m", {"A": {"columns": ["name"]}}, u(0)]);
    assert_snapshot!(bench.ask("a", "monitor_cond_since", request), @r#"a< 8: [false,"U1",{"A":{"1":{"initial":{"name":"x"}}}}]"#);
}

#[test]
fn the_id_of_a_monitor_may_be_any_json() {
    let mut bench = Bench::new(&["a"]);
    bench.ask("a", "set_db_change_aware", json!([true]));
    let deep = (0..400).fold(json!(1), |inner, _| json!([inner]));
    bench.ask("a", "monitor", json!(["T", deep, {}]));
    bench.server.remove_database("T");
    assert_eq!(bench.said(), format!("a< monitor_canceled: [{deep}]"));
}

#[test]
fn what_clients_of_a_relay_write_is_forwarded_and_a_copy_is_read_only() {
    let mut bench = Bench::new(&["a"]);
    let schema = json!({"name": "R", "tables": {"A": {"columns": {"n": {"type": "integer"}}}}});
    let schema = std::sync::Arc::new(crate::DatabaseSchema::from_json(&schema).unwrap());
    bench.ask("a", "set_db_change_aware", json!([true]));
    bench.server.add_relay(crate::db::Database::new(schema, 1)).unwrap();
    let select = json!({"op": "select", "table": "A", "where": [], "columns": ["n"]});
    let write = json!({"op": "insert", "table": "A", "row": {"n": 1}});
    assert!(bench.ask("a", "transact", json!(["R", select])).ends_with(r#"[{"rows":[]}]"#));
    let forwarded = bench.ask("a", "transact", json!(["R", select, write]));
    assert!(forwarded.contains("to R: [\"R\",{"), "{forwarded}");
    let state = json!({"op": "wait", "table": "Database", "where": [["name", "==", "R"]], "columns": ["connected"],
        "until": "==", "rows": [{"connected": true}]});
    assert_eq!(bench.ask("a", "transact", json!(["_Server", state])), "", "not yet");
    bench.server.set_connected("R", true);
    assert!(bench.said().ends_with(": [{}]"), "who waits for a state of a database hears of it");
    let session = bench.session("a");
    let restricted = SessionOptions { role: "r".into(), ..SessionOptions::default() };
    bench.connect("b", &restricted);
    let refused = bench.ask("b", "transact", json!(["R", write]));
    assert!(refused.contains("permission error"), "{refused}");
    bench.server.forwarded(session, json!(7), Ok(json!([{}, {}])));
    assert_eq!(bench.said(), "a< 7: [{},{}]");
    bench.server.set_read_only(true);
    let refused = bench.ask("a", "transact", json!(["R", write]));
    assert!(refused.contains("read only mode"), "{refused}");
    assert!(bench.ask("a", "lock", json!(["l"])).contains("DB server is read only"));
}
