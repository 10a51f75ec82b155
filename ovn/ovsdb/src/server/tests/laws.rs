//! Whatever clients ask, each request has one reply, and the server goes on.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

const WORDS: [&str; 40] = [
    "T",
    "A",
    "B",
    "_Server",
    "Database",
    "name",
    "n",
    "s",
    "m",
    "o",
    "r",
    "x",
    "e",
    "_uuid",
    "_version",
    "where",
    "columns",
    "select",
    "initial",
    "insert",
    "delete",
    "modify",
    "op",
    "table",
    "row",
    "rows",
    "until",
    "timeout",
    "uuid-name",
    "==",
    "!=",
    "<",
    "includes",
    "set",
    "map",
    "uuid",
    "named-uuid",
    "wait",
    "update",
    "mutate",
];

const METHODS: [&str; 16] = [
    "list_dbs",
    "get_schema",
    "transact",
    "monitor",
    "monitor_cond",
    "monitor_cond_since",
    "monitor_cond_change",
    "monitor_cancel",
    "lock",
    "steal",
    "unlock",
    "echo",
    "get_server_id",
    "set_db_change_aware",
    "convert",
    "nope",
];

/// JSON that looks like what requests are made of.
fn any_json() -> impl Strategy<Value = Value> {
    let word = || select(WORDS.as_slice()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        5 => word().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (-2..9_i64).prop_map(Value::from),
        1 => (0..3_u8).prop_map(|digit| json!(["uuid", u(digit)])),
    ];
    leaf.prop_recursive(4, 30, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(word(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Parameters that come close to what the method wants.
fn any_params() -> impl Strategy<Value = Value> {
    let database = select(["T", "_Server", "X"].as_slice()).prop_map(Value::from);
    let tables = proptest::collection::btree_map(select(["A", "B", "Database"].as_slice()), any_json(), 0..3)
        .prop_map(|tables| tables.into_iter().map(|(table, request)| (table.to_owned(), request)).collect())
        .prop_map(Value::Object);
    let operation = (
        select(["insert", "select", "update", "mutate", "delete", "wait", "comment"].as_slice()),
        any_json(),
    )
        .prop_map(|(op, mut json)| {
            if let Value::Object(members) = &mut json {
                members.insert("op".to_owned(), op.into());
                members.insert("table".to_owned(), "A".into());
            }
            json
        });
    prop_oneof![
        2 => any_json(),
        3 => (database.clone(), any_json(), tables, proptest::option::of(Just(json!(u(0))))).prop_map(
            |(database, id, tables, txn)| [database, id, tables].into_iter().chain(txn).collect()),
        2 => (database, proptest::collection::vec(operation, 0..3))
            .prop_map(|(database, operations)| [database].into_iter().chain(operations).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_request_has_one_reply(
        requests in proptest::collection::vec((select(METHODS.as_slice()), any_params()), 1..20),
    ) {
        let mut bench = Bench::new(&["a"]);
        for (method, params) in requests {
            let said = bench.ask("a", method, params.clone());
            let reply = format!("a< {}: ", bench.request_last);
            let replies = said.lines().filter(|line| line.starts_with(&reply)).count();
            let waits = bench.server.databases.values().map(|hosted| hosted.waiting.len()).sum::<usize>();
            prop_assert!(replies == 1 || (replies == 0 && method == "transact" && waits > 0), "{method} {params}: {said}");
        }
        let session = bench.session("a");
        bench.server.close_session(session);
        prop_assert_eq!(bench.said(), "");
        prop_assert!(bench.server.poll_timeout().is_none());
        prop_assert!(bench.server.databases.values().all(|hosted| hosted.groups.group_count() == 0));
    }
}
