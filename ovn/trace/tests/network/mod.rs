//! The recorded networks.

#![allow(dead_code, reason = "each test needs some of it")]

use ovsdb::{Datum, Uuid};
use schema::sb::{self, Tables};
use std::fs;
use std::path::{Path, PathBuf};

/// The rows of a network as JSON: a list for each table.
pub(crate) fn rows(network: &str) -> serde_json::Value {
    let text = fs::read_to_string(folder(network).join("southbound.json")).expect("the rows are there");
    serde_json::from_str(&text).expect("the rows are JSON")
}

/// Where a network is.
pub(crate) fn folder(network: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(network)
}

/// The rows of a network.
pub(crate) fn southbound(network: &str) -> Tables {
    let json = rows(network);
    let mut tables = Tables::default();
    for (name, rows) in json.as_object().expect("an object of tables") {
        let table = sb::TableId::from_name(name).expect("a table of the schema");
        let columns = &sb::schema().tables[name.as_str()].columns;
        for row in rows.as_array().expect("an array of rows") {
            let uuid: Uuid = row["_uuid"].as_str().expect("a string").parse().expect("a UUID");
            let values: Vec<Datum> = table
                .columns()
                .iter()
                .map(|column| {
                    let ty = &columns[*column].ty;
                    match row.get(column) {
                        Some(value) => Datum::from_json(value, ty, None).expect("a value of the column"),
                        None => Datum::default_for(ty),
                    }
                })
                .collect();
            tables.replace(name, uuid, Some(&values)).expect("values of the columns");
        }
    }
    tables
}

/// Words as a shell splits them, with single and double quotes and no escapes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, started) = (Some(c), true),
            None if c == ' ' => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            None => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}
