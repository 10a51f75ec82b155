//! `transact [SERVER] TRANSACTION` and `query [SERVER] TRANSACTION`, which changes nothing.

use serde_json::{Value, json};

use super::fatal::Fatal;
use super::{Client, Need};

pub(super) fn transact(client: &mut Client, args: &[String]) -> Result<(), Fatal> {
    let result = attempt(client, args, parse(args)?)?;
    client.print_json(&result)
}

pub(super) fn query(client: &mut Client, args: &[String]) -> Result<(), Fatal> {
    let Value::Array(mut transaction) = parse(args)? else {
        return Err(Fatal::new("not a valid OVSDB query"));
    };
    transaction.push(json!({"op": "abort"}));
    let own = transaction.len() - 2;
    let mut result = attempt(client, args, Value::Array(transaction))?;
    // That the transaction was aborted is our doing.
    if let Value::Array(results) = &mut result
        && results.len() == own + 1
        && results[own]["error"] == "aborted"
    {
        results.pop();
    }
    client.print_json(&result)
}

fn parse(args: &[String]) -> Result<Value, Fatal> {
    let text = args.last().map_or("", String::as_str);
    json(text)
}

/// JSON from the command line.
pub(super) fn json(text: &str) -> Result<Value, Fatal> {
    serde_json::from_str(text).map_err(|error| Fatal::new(format!("\"{text}\": {error}")))
}

fn attempt(client: &mut Client, args: &[String], transaction: Value) -> Result<Value, Fatal> {
    let Some(database) = transaction.get(0).and_then(Value::as_str).map(str::to_owned) else {
        return Err(Fatal::new("not a valid OVSDB query"));
    };
    let mut rpc = client.open(1, Need::Database, args, Some(&database))?.rpc;
    if client.options.change_aware == Some(true) {
        client.say_change_aware(&mut rpc)?;
    }
    client.ready();
    client.call(&mut rpc, "transact", transaction)
}
