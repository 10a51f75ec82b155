//! `lock`, `steal`, `unlock [SERVER] LOCK`: says what the server says about a lock, until it is ended. In the background
//! it takes more such orders over its control socket.

use std::collections::VecDeque;

use ovsdb::rpc::Message;
use serde_json::{Value, json};

use super::fatal::Fatal;
use super::monitor::{Happening, next};
use super::rpc::Rpc;
use super::{Client, print};
use crate::base::unixctl::{Spec, spec};

const COMMANDS: &[Spec] = &[
    spec("exit", "", 0, 0),
    spec("list-commands", "", 0, 0),
    spec("lock", "LOCK", 1, 1),
    spec("steal", "LOCK", 1, 1),
    spec("unlock", "LOCK", 1, 1),
];

pub(super) fn lock(client: &mut Client, rpc: Rpc, args: &[String]) -> Result<(), Fatal> {
    run(client, rpc, "lock", &args[0])
}

pub(super) fn steal(client: &mut Client, rpc: Rpc, args: &[String]) -> Result<(), Fatal> {
    run(client, rpc, "steal", &args[0])
}

pub(super) fn unlock(client: &mut Client, rpc: Rpc, args: &[String]) -> Result<(), Fatal> {
    run(client, rpc, "unlock", &args[0])
}

fn run(client: &mut Client, mut rpc: Rpc, method: &'static str, lock: &str) -> Result<(), Fatal> {
    let mut controls = client.controls(COMMANDS)?;
    // One order at a time is with the server; the others wait here, at most as many as the channel of commands lets in
    // between two replies.
    let mut orders = VecDeque::from([(method, lock.to_owned())]);
    let mut asked: Option<Value> = None;
    loop {
        let dropped = |rpc: &Rpc, error| Fatal::system(format!("{}: receive failed", rpc.name()), &error);
        if asked.is_none()
            && let Some((method, lock)) = orders.pop_front()
        {
            let sent = client.runtime.block_on(rpc.request(method, json!([lock])));
            asked = Some(sent.map_err(|error| dropped(&rpc, error))?);
        }
        let happening = client.runtime.block_on(next(&mut rpc, &mut controls, false));
        match happening.map_err(|error| dropped(&rpc, error))? {
            Happening::Message(Message::Reply { id, result }) if Some(&id) == asked.as_ref() => {
                asked = None;
                // A lock that is not held cannot be given back: upstream's client passes over that, too, and goes on.
                if let Ok(result) = result {
                    client.print_json(&result)?;
                    client.ready();
                }
            }
            Happening::Message(Message::Notification { method, params }) => {
                print(&format!("{method}\n"))?;
                client.print_json(&params)?;
            }
            Happening::Message(Message::Reply { .. } | Message::Request { .. }) => {}
            Happening::Command(command) => {
                let name = command.name;
                let lock = command.args.first().cloned().unwrap_or_default();
                command.reply(Ok(String::new()));
                if name == "exit" {
                    controls.close(client);
                    return Ok(());
                }
                orders.push_back((name, lock));
            }
        }
    }
}
