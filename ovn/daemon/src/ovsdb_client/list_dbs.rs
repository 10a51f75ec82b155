//! `list-dbs [SERVER]`: the names of the databases, a line each.

use serde_json::{Value, json};

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, print};

pub(super) fn run(client: &mut Client, mut rpc: Rpc, _: &[String]) -> Result<(), Fatal> {
    let names = client.databases(&mut rpc)?;
    print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())
}

impl Client {
    /// The names of the databases that the server has, sorted.
    pub(super) fn databases(&self, rpc: &mut Rpc) -> Result<Vec<String>, Fatal> {
        let Value::Array(names) = self.call(rpc, "list_dbs", json!([]))? else {
            return Err(Fatal::new("list_dbs response is not array"));
        };
        let name = |(place, name): (usize, &Value)| {
            let words = || Fatal::new(format!("list_dbs response {place} is not string"));
            name.as_str().map(str::to_owned).ok_or_else(words)
        };
        let mut names: Vec<String> = names.iter().enumerate().map(name).collect::<Result<_, _>>()?;
        names.sort();
        Ok(names)
    }
}
