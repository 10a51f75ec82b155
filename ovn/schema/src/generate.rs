//! Rust source of the typed rows of one database, from its definition.
//!
//! The result is checked in under `src/generated/`, so that a reader and a debugger see it; `tests/freshness.rs`
//! proves that it is what the definition files say, and rewrites it when `SCHEMA_UPDATE` is set.

use crate::definition::{Base, ColumnDefinition, Definition, TableDefinition, Type};
use std::fmt::Write;

/// The Rust source for `definition`, read from `defs/{module}.tables`.
pub fn rust(module: &str, definition: &Definition) -> String {
    let mut out = String::new();
    let name = &definition.name;
    line(
        &mut out,
        0,
        &format!(
            "//! The tables of `{name}`, a typed row each. Made from `defs/{module}.tables`: edit that."
        ),
    );
    line(&mut out, 0, "");
    line(&mut out, 0, "use ovsdb::{Str, Uuid};");
    line(&mut out, 0, &format!("use std::collections::{{{}}};", collections(definition)));
    line(&mut out, 0, "");
    line(&mut out, 0, &format!("crate::tables::database! {{ \"../../defs/{module}.tables\", {{"));
    for table in &definition.tables {
        line(&mut out, 1, &format!("{}: {},", field_name(&table.name), type_name(&table.name)));
    }
    line(&mut out, 0, "} }");
    for table in &definition.tables {
        row(&mut out, table);
    }
    out
}

fn collections(definition: &Definition) -> String {
    let columns = || definition.tables.iter().flat_map(|table| &table.columns);
    let map = columns().any(|column| column.ty.value.is_some());
    let set = columns().any(|column| column.ty.value.is_none() && column.ty.max != Some(1));
    [(map, "BTreeMap"), (set, "BTreeSet")]
        .iter()
        .filter(|(used, _)| *used)
        .map(|(_, name)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn row(out: &mut String, table: &TableDefinition) {
    line(out, 0, "");
    line(out, 0, "crate::row::row! {");
    documentation(out, 1, &table.documentation, &table.name);
    line(out, 1, &format!("pub struct {}: \"{}\" {{", type_name(&table.name), table.name));
    for column in &table.columns {
        documentation(out, 2, &column.documentation, &column.name);
        line(out, 2, &format!("{}: \"{}\" => {},", column_field(column), column.name, rust_type(&column.ty)));
    }
    line(out, 1, "}");
    line(out, 0, "}");
}

fn line(out: &mut String, indent: usize, text: &str) {
    let indent = if text.is_empty() { 0 } else { indent * 4 };
    writeln!(out, "{:indent$}{text}", "").expect("a String takes any text");
}

/// A doc comment; angle brackets and square brackets would be read as markup.
fn documentation(out: &mut String, indent: usize, text: &str, name: &str) {
    if text.is_empty() {
        return line(out, indent, &format!("/// `{name}`."));
    }
    let text = text.replace('[', "\\[").replace(']', "\\]").replace('<', "\\<");
    line(out, indent, &format!("/// {text}"));
}

fn column_field(column: &ColumnDefinition) -> String {
    let name = field_name(&column.name);
    // The strict keywords that are column names; the freshness test compiles what comes out.
    if ["type", "match"].contains(&name.as_str()) { format!("r#{name}") } else { name }
}

fn rust_type(ty: &Type) -> String {
    let key = base_type(&ty.key);
    match (&ty.value, ty.min, ty.max) {
        (Some(value), _, _) => format!("BTreeMap<{key}, {}>", base_type(value)),
        (None, 1, Some(1)) => key.to_owned(),
        (None, _, Some(1)) => format!("Option<{key}>"),
        (None, _, _) => format!("BTreeSet<{key}>"),
    }
}

fn base_type(base: &Base) -> &'static str {
    match base {
        Base::Integer { .. } => "i64",
        Base::Real { .. } => "ovsdb::Real",
        Base::Boolean => "bool",
        Base::String { .. } | Base::Enum(_) => "Str",
        Base::Uuid | Base::Reference { .. } => "Uuid",
    }
}

/// `Logical_Switch` is `logical_switch`.
fn field_name(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// `Logical_Switch` is `LogicalSwitch`, `DHCP_Options` is `DhcpOptions`, `NetFlow` stays.
fn type_name(name: &str) -> String {
    let mut out = String::new();
    let mut previous = '_';
    for c in name.chars() {
        match (previous, c) {
            (_, '_') => {}
            ('_', _) => out.push(c.to_ascii_uppercase()),
            (previous, _) if previous.is_ascii_uppercase() => out.push(c.to_ascii_lowercase()),
            _ => out.push(c),
        }
        previous = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::type_name;

    #[test]
    fn table_names_become_type_names() {
        let names = [
            ("Logical_Switch", "LogicalSwitch"),
            ("NB_Global", "NbGlobal"),
            ("DHCPv6_Options", "Dhcpv6Options"),
            ("NetFlow", "NetFlow"),
            ("sFlow", "SFlow"),
            ("QoS", "QoS"),
            ("Open_vSwitch", "OpenVSwitch"),
            ("ACL_entry", "AclEntry"),
        ];
        for (table, row) in names {
            assert_eq!(type_name(table), row);
        }
    }
}
