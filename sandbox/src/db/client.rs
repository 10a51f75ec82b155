//! Connections of a lab to its databases: one transaction, or waiting until rows are as they should be.

use crate::sim::lab::Sim;
use crate::sim::{self, Site};
use anyhow::{Context, Result, anyhow, bail};
use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::{Framer, Message};
use ovsdb::{DatabaseSchema, Datum, Uuid};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

/// Longest message taken from a server, in octets.
const MESSAGE_MAX: usize = 256 << 20;

/// Pause between attempts to reach a server that is not there (yet, or any more).
const RETRY: Duration = Duration::from_millis(2);

/// A database of the lab and where its server listens.
#[derive(Clone)]
pub struct Database {
    pub schema: &'static Arc<DatabaseSchema>,
    pub server: Server,
}

/// A database server of a lab.
#[derive(Clone)]
pub enum Server {
    /// It listens on this socket.
    Socket(PathBuf),
    /// It is a part of a world in virtual time.
    Simulated(Rc<Sim>, Site),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Simulated(..) => f.write_str("the simulated server"),
        }
    }
}

/// The tables and columns to look at.
pub type Tables<'a> = &'a [(&'a str, &'a [&'a str])];

/// The rows of a database as they are now.
pub struct Rows<'a> {
    replica: &'a Replica,
    tables: Tables<'a>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    pub uuid: Uuid,
    columns: &'a [&'a str],
    values: &'a [Datum],
}

impl Record<'_> {
    /// A column's value.
    ///
    /// # Panics
    /// When the column was not asked for.
    pub fn get(&self, column: &str) -> &Datum {
        let at = self.columns.iter().position(|c| *c == column);
        &self.values[at.expect("a column that was asked for")]
    }

    /// A column's text, empty when it is not one.
    pub fn text(&self, column: &str) -> &str {
        self.get(column).as_str().unwrap_or_default()
    }

    /// The columns with their values, in the order asked for.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.columns.iter().copied().zip(self.values)
    }
}

impl<'a> Rows<'a> {
    /// The rows of a table that was asked for.
    pub fn of(&self, table: &str) -> Vec<Record<'_>> {
        let columns = self.tables.iter().find(|(t, _)| *t == table).map_or(&[][..], |(_, c)| *c);
        self.replica.rows(table).map(|(uuid, row)| Record { uuid, columns, values: row.as_ref() }).collect()
    }
}

impl Database {
    /// One transaction; the operations' results.
    ///
    /// # Errors
    /// When the server cannot be reached by the deadline, or refuses.
    pub async fn transact(&self, operations: Vec<Value>, deadline: Instant) -> Result<Vec<Value>> {
        let mut params = vec![Value::from(&*self.schema.name)];
        params.extend(operations);
        let request = Message::request(0, "transact", Value::Array(params));
        outcome(self.ask(&[request], deadline).await?)
    }

    /// Any request; its result. The server need not hang up when it makes the database another one.
    ///
    /// # Errors
    /// When the server cannot be reached by the deadline, or refuses.
    pub async fn call(&self, method: &str, params: Value, deadline: Instant) -> Result<Value> {
        let aware = Message::request(1, "set_db_change_aware", Value::Array(vec![true.into()]));
        let result = self.ask(&[aware, Message::request(0, method, params)], deadline).await?;
        result.map_err(|error| anyhow!("the database server refuses {method}: {error}"))
    }

    /// Makes requests; the result of the one that has the number 0.
    async fn ask(&self, requests: &[Message], deadline: Instant) -> Result<Result<Value, Value>> {
        let exchange = async {
            let mut connection = self.server.connect().await;
            for request in requests {
                connection.send(request).await?;
            }
            loop {
                match connection.receive().await? {
                    Message::Reply { id, result } if id == 0 => return Ok(result),
                    Message::Request { id, method, params } if method == "echo" => {
                        connection.send(&Message::Reply { id, result: Ok(params) }).await?;
                    }
                    Message::Reply { .. } | Message::Request { .. } | Message::Notification { .. } => {}
                }
            }
        };
        let late = || format!("no answer from {} in time", self.server);
        tokio::time::timeout_at(deadline, exchange).await.with_context(late)?
    }

    /// Waits until `condition` finds what it looks for in the rows, which it is shown whenever they have changed. The
    /// server may come and go meanwhile.
    ///
    /// None when the deadline has passed.
    pub async fn wait<T>(
        &self,
        tables: Tables<'_>,
        deadline: Instant,
        mut condition: impl FnMut(&Rows<'_>) -> Option<T>,
    ) -> Option<T> {
        let monitors = tables.iter().map(|(table, columns)| MonitorTable {
            table: (*table).into(),
            columns: columns.iter().map(|c| (*c).into()).collect(),
            condition: ovsdb::Condition::default(),
        });
        let options = ReplicaOptions { check_server: false, ..Default::default() };
        let mut replica = Replica::new(self.schema.clone(), monitors.collect(), options);
        let watching = async {
            loop {
                let mut connection = self.server.connect().await;
                replica.connected(now());
                if let Ok(found) = follow(&mut replica, &mut connection, tables, &mut condition).await {
                    return found;
                }
                replica.disconnected(now());
                tokio::time::sleep(RETRY).await;
            }
        };
        tokio::time::timeout_at(deadline, watching).await.ok()
    }
}

impl Server {
    /// Connects, however long it takes the server to be there.
    pub(crate) async fn connect(&self) -> Connection {
        loop {
            match self {
                Self::Socket(path) => {
                    if let Ok(stream) = UnixStream::connect(path).await {
                        let framer = Box::new(Framer::new(MESSAGE_MAX));
                        return Connection::Stream { stream, framer, buffer: vec![0; 64 << 10] };
                    }
                }
                Self::Simulated(sim, site) => {
                    if let Some(connection) = sim.connect(*site) {
                        return Connection::Simulated(connection);
                    }
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// The time by the clock that the lab lives by.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Feeds the replica until the condition is met; an error when the connection is of no more use.
async fn follow<T>(
    replica: &mut Replica,
    connection: &mut Connection,
    tables: Tables<'_>,
    condition: &mut impl FnMut(&Rows<'_>) -> Option<T>,
) -> Result<T> {
    loop {
        while let Some(message) = replica.poll_output() {
            connection.send(&message).await?;
        }
        let mut look = false;
        while let Some(event) = replica.poll_event() {
            match event {
                ReplicaEvent::Synced | ReplicaEvent::Changes(_) => look = true,
                ReplicaEvent::Lost(reason) => bail!("{reason}"),
                ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
        if look
            && replica.is_synced()
            && let Some(found) = condition(&Rows { replica, tables })
        {
            return Ok(found);
        }
        let due = replica.poll_timeout().map(|(at, _)| Instant::from_std(at));
        let message = match due {
            Some(due) => tokio::time::timeout_at(due, connection.receive()).await,
            None => Ok(connection.receive().await),
        };
        match message {
            Ok(message) => replica.handle_message(message?, now()),
            Err(_) => replica.handle_timeout(now()),
        }
    }
}

/// Messages to and from a server.
pub(crate) enum Connection {
    /// By a socket.
    Stream { stream: UnixStream, framer: Box<Framer>, buffer: Vec<u8> },
    /// In a world.
    Simulated(sim::lab::Connection),
}

impl Connection {
    pub(crate) async fn send(&mut self, message: &Message) -> Result<()> {
        match self {
            Self::Stream { stream, .. } => {
                stream.write_all(message.to_string().as_bytes()).await.context("writing to the database")
            }
            Self::Simulated(connection) => {
                connection.send(message.clone());
                Ok(())
            }
        }
    }

    /// The next message. May be given up at any time: nothing is lost.
    pub(crate) async fn receive(&mut self) -> Result<Message> {
        let (stream, framer, buffer) = match self {
            Self::Stream { stream, framer, buffer } => (stream, framer, buffer),
            Self::Simulated(connection) => return Ok(connection.receive().await?),
        };
        loop {
            if let Some(message) = framer.pop() {
                return Ok(message);
            }
            match stream.read(buffer).await.context("reading from the database")? {
                0 => bail!("the database server closed the connection"),
                n => framer.push(&buffer[..n])?,
            }
        }
    }
}

/// A transaction's results, or the first error among them.
fn outcome(result: Result<Value, Value>) -> Result<Vec<Value>> {
    let Ok(Value::Array(results)) = &result else {
        bail!("the database refuses the transaction: {}", result.unwrap_or_else(|e| e));
    };
    for (i, one) in results.iter().enumerate() {
        if let Some(error) = one.get("error").filter(|e| !e.is_null()) {
            let details = one.get("details").and_then(Value::as_str).unwrap_or_default();
            bail!("the database refuses operation {i}: {} {details}", error.as_str().unwrap_or_default());
        }
    }
    Ok(results.clone())
}
