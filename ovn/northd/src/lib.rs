//! Northbound rows to southbound rows.

pub mod allocation;
pub mod commands;
pub mod feature;
pub mod flows;
pub mod inputs;
pub mod keys;
pub mod model;
pub mod network;
pub mod northd;
pub mod numbering;
pub mod output;
pub mod sync;

#[cfg(test)]
mod tests;
