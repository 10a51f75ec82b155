//! One server and several replicas, with wires between them that are slow and break: whatever happens, each replica
//! ends up with the rows that its conditions ask for, and the changes that it reports on the way add up to them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ovsdb::db::{Database, Snapshot};
use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions, RowChange, TxnOutcome};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX, Message};
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use ovsdb::{
    Clause, Columns, Condition, DatabaseSchema, Datum, Function, Mutator, Row, Str, Transaction, Uuid,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

const TABLES: [&str; 2] = ["A", "B"];
const COLUMNS: [&str; 3] = ["n", "s", "o"];

fn schema() -> Arc<DatabaseSchema> {
    let columns = serde_json::json!({
        "n": {"type": "integer"},
        "s": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
        "o": {"type": {"key": "integer", "min": 0, "max": 1}},
        "m": {"type": {"key": "integer", "value": "integer", "min": 0, "max": "unlimited"}}});
    let table = serde_json::json!({ "columns": columns });
    let json = serde_json::json!({"name": "D", "version": "1.0.0", "tables": {"A": table, "B": table}});
    Arc::new(DatabaseSchema::from_json(&json).unwrap())
}

fn monitor_tables() -> Vec<MonitorTable> {
    let columns: Vec<Str> = COLUMNS.into_iter().chain(["m"]).map(Str::from).collect();
    let table = |table: &str| MonitorTable {
        table: table.into(),
        columns: columns.clone(),
        condition: Condition::default(),
    };
    TABLES.into_iter().map(table).collect()
}

/// A replica and its wire.
struct Client {
    replica: Replica,
    session: Option<SessionId>,
    framer: Framer,
    to_server: VecDeque<Message>,
    to_client: VecDeque<Vec<u8>>,
    conditions: BTreeMap<Str, Condition>,
    /// What the reported changes add up to.
    shadow: BTreeMap<(Str, Uuid), Arc<Row>>,
    outcomes: Vec<TxnOutcome>,
}

impl Client {
    fn new() -> Self {
        let options = ReplicaOptions { probe_interval: None, ..ReplicaOptions::default() };
        Self {
            replica: Replica::new(schema(), monitor_tables(), options),
            session: None,
            framer: Framer::new(MESSAGE_BYTES_MAX),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            conditions: TABLES.into_iter().map(|table| (table.into(), Condition::default())).collect(),
            shadow: BTreeMap::new(),
            outcomes: Vec::new(),
        }
    }

    /// Takes the events of the replica; changes must be changes, and of what was there.
    fn take_events(&mut self) {
        while let Some(event) = self.replica.poll_event() {
            match event {
                ReplicaEvent::Changes(changes) => {
                    assert!(!changes.is_empty());
                    for RowChange { table, uuid, old, new } in changes {
                        assert_ne!(old, new, "a change changes something");
                        let key = (table, uuid);
                        let before = match new {
                            Some(new) => self.shadow.insert(key, new),
                            None => self.shadow.remove(&key),
                        };
                        assert_eq!(before, old, "the old row is the one that was reported before");
                    }
                }
                ReplicaEvent::TxnDone { outcome, .. } => self.outcomes.push(outcome),
                ReplicaEvent::Lost(reason) => assert_eq!(reason.to_string(), "the connection ended"),
                ReplicaEvent::Synced | ReplicaEvent::Lock(_) => {}
            }
        }
        self.to_server.extend(std::iter::from_fn(|| self.replica.poll_output()));
    }
}

struct Net {
    server: Server,
    clients: Vec<Client>,
    now: Instant,
    /// What the shell has yet to write.
    unwritten: VecDeque<u64>,
}

impl Net {
    #[expect(clippy::disallowed_methods, reason = "any instant will do, for it stays the same")]
    fn new(client_count: usize) -> Self {
        let mut server = Server::new(5);
        server.add_database(Database::new(schema(), 6), Storage::Log).unwrap();
        let clients = (0..client_count).map(|_| Client::new()).collect();
        Self { server, clients, now: Instant::now(), unwritten: VecDeque::new() }
    }

    fn connect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.session.is_none() {
            let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
            client.session = Some(self.server.open_session(&options, self.now).unwrap());
            client.replica.connected(self.now);
            client.take_events();
        }
    }

    fn disconnect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if let Some(session) = client.session.take() {
            client.to_server.clear();
            client.to_client.clear();
            client.framer = Framer::new(MESSAGE_BYTES_MAX);
            self.server.close_session(session);
            client.replica.disconnected(self.now);
            client.take_events();
            self.collect();
        }
    }

    /// Moves one message in each direction; says whether there was one.
    fn deliver(&mut self, at: usize) -> bool {
        let client = &mut self.clients[at];
        let mut moved = false;
        if let (Some(message), Some(session)) = (client.to_server.pop_front(), client.session) {
            self.server.handle_message(session, message, self.now);
            moved = true;
        }
        if let Some(bytes) = client.to_client.pop_front() {
            client.framer.push(&bytes).unwrap();
            while let Some(message) = client.framer.pop() {
                client.replica.handle_message(message, self.now);
            }
            client.take_events();
            moved = true;
        }
        self.collect();
        moved
    }

    fn collect(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { session, frame } => {
                    if let Some(client) =
                        self.clients.iter_mut().find(|client| client.session == Some(session))
                    {
                        let mut bytes = Vec::new();
                        frame.emit(&mut bytes);
                        client.to_client.push_back(bytes);
                    }
                }
                Output::Close { reason, .. } => panic!("no reason to close: {reason}"),
                Output::Persist { seq, .. } | Output::Rewrite { seq, .. } => self.unwritten.push_back(seq),
                Output::Forward { .. } => panic!("nothing is relayed here"),
            }
        }
    }

    fn transact(&mut self, at: usize, transaction: Transaction) {
        self.clients[at].replica.transact(transaction);
        self.clients[at].take_events();
    }

    fn write(&mut self) -> bool {
        let Some(seq) = self.unwritten.pop_front() else { return false };
        self.server.persisted("D", seq);
        self.collect();
        true
    }

    fn settle(&mut self) {
        for at in 0..self.clients.len() {
            self.connect(at);
        }
        while self.write() | (0..self.clients.len()).fold(false, |moved, at| self.deliver(at) | moved) {}
    }

    fn check(&self) {
        let snapshot = self.server.published("D").unwrap();
        for client in &self.clients {
            assert!(client.replica.is_synced() && client.replica.conditions_are_in_force());
            for table in TABLES {
                let wanted = wanted(&snapshot, table, &client.conditions[table]);
                let rows: BTreeMap<_, _> =
                    client.replica.rows(table).map(|(uuid, row)| (uuid, row.clone())).collect();
                assert_eq!(rows, wanted, "table {table}");
                let shadow = client.shadow.iter().filter(|((of, _), _)| of.as_ref() == table);
                let shadow: BTreeMap<_, _> = shadow.map(|((_, uuid), row)| (*uuid, row.clone())).collect();
                assert_eq!(rows, shadow, "table {table} as reported");
            }
        }
    }
}

/// The rows that satisfy a condition, in the columns of a replica.
fn wanted(snapshot: &Snapshot, table: &str, condition: &Condition) -> BTreeMap<Uuid, Arc<Row>> {
    let layout = snapshot.layout().table_named(table).unwrap();
    let matcher = condition.matcher(layout).unwrap();
    let columns: Vec<_> =
        COLUMNS.into_iter().chain(["m"]).map(|name| layout.column_index(name).unwrap()).collect();
    let rows = snapshot.rows(snapshot.layout().table_id(table).unwrap());
    rows.filter(|(uuid, row)| matcher.any(*uuid, row))
        .map(|(uuid, row)| (uuid, columns.iter().map(|at| row[*at].clone()).collect()))
        .collect()
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u8, i64),
    Delete(u8),
    SetN(u8, i64),
    SetO(u8, Option<i64>),
    Mutate(u8, bool, Vec<i64>),
    SetM(u8, Vec<(i64, i64)>),
}

#[derive(Clone, Debug)]
enum Step {
    Transact(usize, Vec<(usize, Change)>),
    Condition(usize, usize, Condition),
    Connect(usize),
    Disconnect(usize),
    Deliver(usize),
    Write,
}

fn transaction(changes: &[(usize, Change)]) -> Transaction {
    let mut transaction = Transaction::new();
    let uuid = |row: u8| Uuid::from_u128(u128::from(row) + 1);
    let columns = |name: &str, datum| Columns::from([(Str::from(name), datum)]);
    for (table, change) in changes {
        let table = TABLES[*table];
        match change.clone() {
            Change::Insert(row, n) => transaction.insert(table, uuid(row), columns("n", Datum::scalar(n))),
            Change::Delete(row) => transaction.delete(table, uuid(row)),
            Change::SetN(row, n) => transaction.update(table, uuid(row), columns("n", Datum::scalar(n))),
            Change::SetO(row, o) => transaction.update(table, uuid(row), columns("o", Datum::set(o))),
            Change::SetM(row, m) => transaction.update(table, uuid(row), columns("m", Datum::map(m))),
            Change::Mutate(row, insert, s) => {
                let mutator = if insert { Mutator::Insert } else { Mutator::Delete };
                transaction.mutate(table, uuid(row), "s", mutator, Datum::set(s))
            }
        };
    }
    transaction
}

fn any_change() -> impl Strategy<Value = Change> {
    let (row, value) = (0..5_u8, 0..3_i64);
    prop_oneof![
        3 => (row.clone(), value.clone()).prop_map(|(row, n)| Change::Insert(row, n)),
        2 => row.clone().prop_map(Change::Delete),
        2 => (row.clone(), value.clone()).prop_map(|(row, n)| Change::SetN(row, n)),
        1 => (row.clone(), proptest::option::of(value.clone())).prop_map(|(row, o)| Change::SetO(row, o)),
        2 => (row.clone(), any::<bool>(), proptest::collection::vec(0..4_i64, 0..4))
            .prop_map(|(row, insert, s)| Change::Mutate(row, insert, s)),
        1 => (row, proptest::collection::vec((0..3_i64, value), 0..3)).prop_map(|(row, m)| Change::SetM(row, m)),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let clause = prop_oneof![
        any::<bool>().prop_map(Clause::Constant),
        (0..3_i64).prop_map(|n| Clause::compare("n", Function::Equal, Datum::scalar(n))),
        (0..3_i64).prop_map(|n| Clause::compare("n", Function::Less, Datum::scalar(n))),
        (0..3_i64).prop_map(|o| Clause::compare("o", Function::Equal, Datum::scalar(o))),
        (0..4_i64).prop_map(|s| Clause::compare("s", Function::Includes, Datum::scalar(s))),
        (1..6_u128).prop_map(|row| Clause::compare(
            "_uuid",
            Function::Equal,
            Datum::scalar(Uuid::from_u128(row))
        )),
    ];
    proptest::collection::vec(clause, 0..4).prop_map(|clauses| Condition { clauses })
}

fn any_step(client_count: usize) -> impl Strategy<Value = Step> {
    let client = 0..client_count;
    let changes = proptest::collection::vec((0..TABLES.len(), any_change()), 1..4);
    prop_oneof![
        4 => (client.clone(), changes).prop_map(|(client, changes)| Step::Transact(client, changes)),
        2 => (client.clone(), 0..TABLES.len(), any_condition())
            .prop_map(|(client, table, condition)| Step::Condition(client, table, condition)),
        1 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::Disconnect),
        8 => client.prop_map(Step::Deliver),
        3 => Just(Step::Write),
    ]
}

const CLIENT_COUNT: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_replica_ends_up_with_the_rows_it_asked_for(
        steps in proptest::collection::vec(any_step(CLIENT_COUNT), 0..60),
    ) {
        let mut net = Net::new(CLIENT_COUNT);
        net.settle();
        for step in steps {
            match step {
                Step::Transact(at, changes) => net.transact(at, transaction(&changes)),
                Step::Condition(at, table, condition) => {
                    let client = &mut net.clients[at];
                    client.replica.set_condition(TABLES[table], condition.clone());
                    client.conditions.insert(TABLES[table].into(), condition);
                }
                Step::Connect(at) => net.connect(at),
                Step::Disconnect(at) => net.disconnect(at),
                Step::Deliver(at) => {
                    net.deliver(at);
                }
                Step::Write => {
                    net.write();
                }
            }
            net.clients.iter_mut().for_each(Client::take_events);
        }
        net.settle();
        net.check();
    }
}

#[test]
fn the_holder_of_a_lock_writes_and_the_next_one_takes_over() {
    let mut net = Net::new(2);
    for client in &mut net.clients {
        client.replica.set_lock(Some("leader".into()));
    }
    net.settle();
    let holders =
        |net: &Net| net.clients.iter().map(|client| client.replica.holds_lock()).collect::<Vec<_>>();
    assert_eq!(holders(&net), [true, false]);
    let write = |net: &mut Net, row| {
        for at in 0..2 {
            net.transact(at, transaction(&[(0, Change::Insert(row, 1))]));
        }
        net.settle();
        net.clients.iter_mut().map(|client| client.outcomes.pop().unwrap()).collect::<Vec<_>>()
    };
    assert!(matches!(write(&mut net, 0)[..], [TxnOutcome::Committed(_), TxnOutcome::NotLocked]));
    net.disconnect(0);
    while net.deliver(1) {}
    assert_eq!(holders(&net), [false, true]);
    net.settle();
    assert_eq!(holders(&net), [false, true]);
    assert!(matches!(write(&mut net, 1)[..], [TxnOutcome::NotLocked, TxnOutcome::Committed(_)]));
    net.check();
}

#[test]
fn a_transaction_on_rows_that_have_changed_is_to_be_tried_again() {
    let mut net = Net::new(2);
    net.settle();
    net.transact(0, transaction(&[(0, Change::Insert(0, 1))]));
    net.settle();
    let verify = |n: i64| {
        let row = |n| Columns::from([(Str::from("n"), Datum::scalar(n))]);
        let mut transaction = Transaction::new();
        transaction.verify("A", Uuid::from_u128(1), row(n)).update("A", Uuid::from_u128(1), row(n + 1));
        transaction
    };
    for at in 0..2 {
        net.transact(at, verify(1));
    }
    net.settle();
    assert!(matches!(net.clients[0].outcomes[..], [TxnOutcome::Committed(_), TxnOutcome::Committed(_)]));
    assert_eq!(net.clients[1].outcomes, [TxnOutcome::TryAgain]);
    net.transact(1, verify(2));
    net.settle();
    assert!(matches!(net.clients[1].outcomes[..], [TxnOutcome::TryAgain, TxnOutcome::Committed(_)]));
    net.check();
}
