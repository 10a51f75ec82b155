//! `wait [SERVER] DATABASE STATE`: until the server has the database, or has it no more, or can serve it. Connects until
//! there is a server.

use std::io;
use std::time::Duration;

use ovsdb::rpc::Message;
use serde_json::{Value, json};

use super::Client;
use super::fatal::{Fatal, words};
use super::restore::check_results;
use super::rpc::Rpc;
use super::server::connect;

/// Pauses between attempts to connect: the second attempt follows soon, the others at twice the distance of those before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(8));

pub(super) fn run(client: &mut Client, args: &[String]) -> Result<(), Fatal> {
    let [.., database, state] = args else { return Err(Fatal::new("a database and a state are needed")) };
    let (columns, rows) = match state.as_str() {
        "connected" => (json!(["connected"]), json!([{"connected": true}])),
        "added" => (json!([]), json!([{}])),
        "removed" => (json!([]), json!([])),
        other => return Err(Fatal::new(format!("{other}: unknown state"))),
    };
    let wait = json!(["_Server", {
        "op": "wait", "table": "Database", "where": [["name", "==", database]],
        "columns": columns, "until": "==", "rows": rows,
    }]);
    let remote = if args.len() > 2 { args[0].clone() } else { client.default_remote() };
    let remotes: Vec<&str> = remote.split(',').filter(|one| !one.is_empty()).collect();
    let client = &*client;
    client.runtime.block_on(async {
        let mut pause = PAUSES.0;
        for remote in remotes.iter().cycle() {
            tracing::info!(target: "reconnect", "{remote}: connecting...");
            let failed = match connect(remote, client).await {
                Ok(stream) => {
                    tracing::info!(target: "reconnect", "{remote}: connected");
                    pause = PAUSES.0;
                    match attempt(Rpc::new(remote, stream), &wait).await {
                        Ok(outcome) => return outcome,
                        Err(error) => format!("connection dropped ({})", words(&error)),
                    }
                }
                Err(error) => format!("connection attempt failed ({})", words(&error)),
            };
            tracing::info!(target: "reconnect", "{remote}: {failed}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        Err(Fatal::new("no server is given"))
    })
}

async fn attempt(mut rpc: Rpc, wait: &Value) -> io::Result<Result<(), Fatal>> {
    let aware = rpc.request("set_db_change_aware", json!([true])).await?;
    let waits = rpc.request("transact", wait.clone()).await?;
    loop {
        match rpc.receive().await? {
            Message::Reply { id, result: Err(error) } if id == aware => {
                let name = rpc.name();
                return Ok(Err(Fatal::new(format!("{name}: set_db_change_aware failed ({error})"))));
            }
            Message::Reply { id, result } if id == waits => {
                return Ok(match result {
                    Ok(results) => check_results(&results),
                    Err(error) => Err(Fatal::new(format!("transaction returned error: {error}"))),
                });
            }
            Message::Reply { .. } | Message::Request { .. } | Message::Notification { .. } => {}
        }
    }
}
