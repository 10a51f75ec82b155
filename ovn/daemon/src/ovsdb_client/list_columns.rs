//! `list-columns [SERVER] [DATABASE] [TABLE]`: the columns of a table, or of all, and their types.

use ctl::output::{Cell, Printer, Table};
use serde_json::json;

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, print};

pub(super) fn run(client: &mut Client, mut rpc: Rpc, database: &str, args: &[String]) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    let only = args.first();
    let mut rows = Vec::new();
    for (name, table) in &schema.tables {
        if only.is_some_and(|only| **only != **name) {
            continue;
        }
        let own = table.columns.iter().map(|(column, schema)| (column.to_string(), schema.ty.to_json()));
        let hidden = ["_uuid", "_version"].map(|column| (column.to_owned(), json!("uuid")));
        for (column, ty) in hidden.into_iter().chain(own) {
            let first = only.is_none().then(|| Cell::Text(name.to_string()));
            rows.push(first.into_iter().chain([Cell::Text(column), Cell::Json(ty)]).collect());
        }
    }
    let first = only.is_none().then_some("Table");
    let headings = first.into_iter().chain(["Column", "Type"]).map(str::to_owned).collect();
    let mut text = String::new();
    Printer::new(&client.options.style).print(&Table { headings, rows, ..Table::default() }, &mut text);
    print(&text)
}
