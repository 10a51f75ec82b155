//! `monitor`, `monitor-cond`, `monitor-cond-since`: prints what a table holds and then what becomes of it, until it is
//! ended. In the background it takes orders over its control socket.

use std::io;

use ovsdb::rpc::Message;
use ovsdb::{Condition, DatabaseSchema, Layout, Uuid};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::fatal::Fatal;
use super::monitored::{Monitored, Screen};
use super::rpc::Rpc;
use super::{Client, PROGRAM, print, transact};
use crate::base::unixctl::{self, Answering, Command, Socket, Spec, spec};
use crate::vlog;

const COMMANDS: &[Spec] = &[
    spec("exit", "", 0, 0),
    spec("list-commands", "", 0, 0),
    spec("ovsdb-client/block", "", 0, 0),
    spec("ovsdb-client/cond_change", "TABLE COND", 2, 2),
    spec("ovsdb-client/unblock", "", 0, 0),
];

/// Commands that wait; further clients wait in their sockets.
const COMMANDS_MAX: usize = 16;

/// Which of the three methods, and so which kind of updates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `monitor` and `update`.
    V1,
    /// `monitor_cond` and `update2`.
    V2,
    /// `monitor_cond_since` and `update3`, from this transaction on.
    V3(Uuid),
}

pub(super) fn monitor(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    args: &[String],
) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    let monitored = if args[0] == "ALL" {
        let tables = schema.tables.keys();
        let all = tables.map(|table| Monitored::new(&schema, table, &args[1..], rpc.name(), database));
        all.collect::<Result<Vec<_>, Fatal>>()?
    } else {
        if schema.table(&args[0]).is_none() {
            let name = rpc.name();
            return Err(Fatal::new(format!(
                "{name}: {database} does not have a table named \"{}\"",
                args[0]
            )));
        }
        vec![Monitored::new(&schema, &args[0], &args[1..], rpc.name(), database)?]
    };
    watch(client, rpc, database, Version::V1, monitored)
}

pub(super) fn monitor_cond(
    client: &mut Client,
    rpc: Rpc,
    database: &str,
    args: &[String],
) -> Result<(), Fatal> {
    conditional(client, rpc, database, Version::V2, args)
}

pub(super) fn monitor_cond_since(
    client: &mut Client,
    rpc: Rpc,
    database: &str,
    args: &[String],
) -> Result<(), Fatal> {
    match args[0].parse::<Uuid>() {
        Ok(last) if args.len() > 2 => conditional(client, rpc, database, Version::V3(last), &args[1..]),
        Ok(_) | Err(_) => conditional(client, rpc, database, Version::V3(Uuid::ZERO), args),
    }
}

fn conditional(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    version: Version,
    args: &[String],
) -> Result<(), Fatal> {
    let [condition, table, columns @ ..] = args else {
        return Err(Fatal::new("a condition and a table are needed"));
    };
    let schema = client.schema(&mut rpc, database)?;
    if table == "ALL" && schema.table(table).is_none() {
        return Err(Fatal::new("ALL tables are not allowed with condition"));
    }
    let condition = transact::json(condition)?;
    check(&schema, database, table, &condition)?;
    let mut monitored = Monitored::new(&schema, table, columns, rpc.name(), database)?;
    monitored.restrict(condition);
    watch(client, rpc, database, version, vec![monitored])
}

fn check(schema: &DatabaseSchema, database: &str, table: &str, condition: &Value) -> Result<(), Fatal> {
    let layout = Layout::new(schema.clone().into());
    let missing = || Fatal::new(format!("{database} does not have a table named \"{table}\""));
    let table = layout.table_named(table).ok_or_else(missing)?;
    Condition::from_json(condition, table, None)?;
    Ok(())
}

fn watch(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    version: Version,
    monitored: Vec<Monitored>,
) -> Result<(), Fatal> {
    let mut controls = client.controls(COMMANDS)?;
    client.say_change_aware(&mut rpc)?;
    let requests: serde_json::Map<String, Value> =
        monitored.iter().map(|one| (one.table.clone(), one.requests.clone())).collect();
    let (method, params) = match version {
        Version::V1 => ("monitor", json!([database, null, requests])),
        Version::V2 => ("monitor_cond", json!([database, null, requests])),
        Version::V3(last) => ("monitor_cond_since", json!([database, null, requests, last.to_string()])),
    };
    let name = rpc.name().to_owned();
    let dropped = |error: io::Error| Fatal::system(format!("{name}: receive failed"), &error);
    let asked = client.runtime.block_on(rpc.request(method, params)).map_err(dropped)?;
    let style = client.options.style.clone();
    let mut screen = Screen::new(&style, client.options.timestamp, &monitored);
    let mut blocked = false;
    loop {
        match client.runtime.block_on(next(&mut rpc, &mut controls, blocked)).map_err(dropped)? {
            Happening::Message(Message::Reply { id, result }) if id == asked => {
                let result = result.map_err(|error| Fatal::new(format!("{method} failed: {error}")))?;
                print(&match version {
                    Version::V1 => screen.updates(&result, true),
                    Version::V2 => screen.updates2(&result),
                    Version::V3(_) => screen.found(&result),
                })?;
                client.ready();
            }
            Happening::Message(Message::Notification { method, params }) => {
                if method == "monitor_canceled" {
                    return Err(Fatal::new(format!("{name}: {database} database was removed")));
                }
                print(&screen.notification(&method, &params))?;
            }
            Happening::Message(Message::Reply { .. } | Message::Request { .. }) => {}
            Happening::Command(command) => match command.name {
                "exit" => {
                    command.reply(Ok(String::new()));
                    controls.close(client);
                    return Ok(());
                }
                "ovsdb-client/cond_change" => {
                    let changed = change_condition(client, &mut rpc, &command.args);
                    command.reply(changed.map_err(|fatal| fatal.to_string()));
                }
                other => {
                    let wanted = other == "ovsdb-client/block";
                    command.reply(Ok(match (wanted, blocked) {
                        (true, true) => "already blocking".to_owned(),
                        (false, false) => "already unblocked".to_owned(),
                        (true, false) | (false, true) => String::new(),
                    }));
                    blocked = wanted;
                }
            },
        }
    }
}

fn change_condition(client: &Client, rpc: &mut Rpc, args: &[String]) -> Result<String, Fatal> {
    let [table, condition] = args else { return Err(Fatal::new("a table and a condition are needed")) };
    let condition = transact::json(condition)?;
    let requests = json!({ table: [{"where": condition}] });
    let sent = client.runtime.block_on(rpc.request("monitor_cond_change", json!([null, null, requests])));
    sent.map_err(|error| Fatal::system("cannot ask for the change", &error))?;
    Ok("condition changed".to_owned())
}

/// What wakes a subcommand that goes on until it is ended.
pub(super) enum Happening {
    Message(Message),
    Command(Command),
}

/// The control socket of a client in the background.
pub(super) struct Controls {
    commands: mpsc::Receiver<Command>,
    vlog: vlog::Vlog,
    socket: Option<Socket>,
    /// Keeps the channel open where there is no socket.
    _sender: mpsc::Sender<Command>,
}

impl Client {
    /// Listens for `commands`, if this client goes into the background.
    pub(super) fn controls(&self, commands: &[Spec]) -> Result<Controls, Fatal> {
        let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
        let common = &self.options.common;
        let path = common.detach.detach.then(|| common.unixctl.path(PROGRAM, std::process::id())).flatten();
        let specs = commands.iter().chain(vlog::commands::COMMANDS).copied().collect();
        let socket = match path {
            Some(path) => {
                let _inside = self.runtime.enter();
                let listening = unixctl::listen(&path, specs, sender.clone(), &Answering::default());
                Some(listening.map_err(|error| Fatal::system("failed to create unixctl server", &error))?)
            }
            None => None,
        };
        Ok(Controls { commands: receiver, vlog: self.vlog.clone(), socket, _sender: sender })
    }
}

impl Controls {
    /// Waits until who was answered last has the answer.
    pub(super) fn close(self, client: &Client) {
        if let Some(socket) = &self.socket {
            client.runtime.block_on(socket.answering().settle());
        }
    }
}

/// Waits for the next message, unless they are `blocked`, or command.
pub(super) async fn next(rpc: &mut Rpc, controls: &mut Controls, blocked: bool) -> io::Result<Happening> {
    loop {
        tokio::select! {
            message = rpc.receive(), if !blocked => return message.map(Happening::Message),
            Some(command) = controls.commands.recv() => {
                match vlog::commands::run(&controls.vlog, command.name, &command.args) {
                    Some(outcome) => command.reply(outcome),
                    None => return Ok(Happening::Command(command)),
                }
            }
        }
    }
}
