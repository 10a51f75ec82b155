//! `list-tables [SERVER] [DATABASE]`.

use ctl::output::{Cell, Printer, Table};

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, print};

pub(super) fn run(client: &mut Client, mut rpc: Rpc, database: &str, _: &[String]) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    let table = Table {
        headings: vec!["Table".to_owned()],
        rows: schema.tables.keys().map(|name| vec![Cell::Text(name.to_string())]).collect(),
        ..Table::default()
    };
    let mut text = String::new();
    Printer::new(&client.options.style).print(&table, &mut text);
    print(&text)
}
