//! Nested rows as one transaction.

use super::plain::{self, BadPlain};
use super::words;
use crate::path;
use crate::text::nearest::nearest;
use crate::text::{Part, Path};
use ovsdb::DatabaseSchema;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is wrong with the rows, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub path: Path,
    /// The complaint is about the key at `path`, not about its value.
    pub key: bool,
    pub title: String,
    pub expected: String,
    pub help: Option<String>,
}

/// Rows by table, as a topology has them.
pub type Tables = BTreeMap<String, Vec<Value>>;

/// The operations that make a northbound database of a topology's rows and the one row that it always has.
///
/// # Errors
/// The first thing that does not fit the schema. Topologies that were read have none.
pub fn northbound(tables: &Tables) -> anyhow::Result<Vec<Value>> {
    let mut operations = insert_all(schema::nb::schema(), tables).map_err(|bad| {
        anyhow::anyhow!("bad Northbound rows: {}", bad.first().map_or("", |b| b.title.as_str()))
    })?;
    if !tables.contains_key("NB_Global") {
        operations.push(json!({ "op": "insert", "table": "NB_Global", "row": {} }));
    }
    Ok(operations)
}

/// The operations that insert all rows, nested ones included; every complaint if there is any.
///
/// # Errors
/// Every row, table, column and value that does not fit the schema.
pub fn insert_all(schema: &DatabaseSchema, tables: &Tables) -> Result<Vec<Value>, Vec<BadRow>> {
    let mut work = Work { schema, names: names(schema, tables), operations: Vec::new(), bad: Vec::new() };
    for (table, rows) in tables {
        let place = path![table.as_str()];
        match schema.table(table) {
            None => work.unknown("table", table, place, schema.tables.keys().map(|t| &**t)),
            Some(t) if !t.is_root => work.complain(
                place,
                true,
                format!("rows of {table} live only where another row refers to them"),
                "expected them inside the column that refers to them",
            ),
            Some(_) => {
                for (i, row) in rows.iter().enumerate() {
                    work.insert(table, row, path![table.as_str(), i]);
                }
            }
        }
    }
    if work.bad.is_empty() { Ok(work.operations) } else { Err(work.bad) }
}

struct Work<'a> {
    schema: &'a DatabaseSchema,
    /// The symbol of every named row, by table and name.
    names: BTreeMap<(String, String), String>,
    operations: Vec<Value>,
    bad: Vec<BadRow>,
}

impl Work<'_> {
    /// Inserts a row and those inside it; its symbol.
    fn insert(&mut self, table: &str, row: &Value, place: Path) -> String {
        let symbol = symbol_of(&place);
        let Some(columns) = row.as_object() else {
            self.complain(place, false, format!("not a row of {table}"), "expected a mapping of columns");
            return symbol;
        };
        let mut out = Map::new();
        for (column, value) in columns {
            let mut column_place = place.clone();
            column_place.push(Part::from(column.as_str()));
            let Some(schema) = self.schema.column(table, column) else {
                let table_schema = self.schema.table(table);
                let known: Vec<&str> =
                    table_schema.iter().flat_map(|t| t.columns.keys()).map(|c| &**c).collect();
                self.unknown(&format!("column of {table}"), column, column_place, known.into_iter());
                continue;
            };
            let ty = schema.ty.clone();
            let base = column_place.clone();
            let result = plain::to_ovsdb(value, &ty, &mut |to, item, at| {
                let full: Path = base.iter().chain(at).cloned().collect();
                self.refer(to, item, at, full)
            });
            match result {
                Ok(json) => {
                    self.check_words(table, column, value, &column_place);
                    out.insert(column.clone(), json);
                }
                Err(bad) => {
                    column_place.extend(bad.path);
                    self.complain(column_place, false, bad.title, &bad.expected);
                }
            }
        }
        self.operations.push(json!({ "op": "insert", "table": table, "uuid-name": symbol, "row": out }));
        symbol
    }

    /// Complains of addresses that are none, in a string or a list of them.
    fn check_words(&mut self, table: &str, column: &str, value: &Value, place: &Path) {
        let one = value.as_str().map(|text| (place.clone(), text));
        let many = value.as_array().into_iter().flatten().enumerate().filter_map(|(i, item)| {
            Some((place.iter().cloned().chain([Part::from(i)]).collect(), item.as_str()?))
        });
        for (place, text) in one.into_iter().chain(many) {
            if let Some(expected) = words::complaint(table, column, text) {
                self.complain(place, false, format!("bad value {text:?} in {column} of {table}"), expected);
            }
        }
    }

    /// What stands where a row of `table` is to be named: the row itself, its name, or its UUID.
    fn refer(&mut self, table: &str, item: &Value, at: &Path, full: Path) -> Result<Value, BadPlain> {
        if item.is_object() {
            return Ok(json!(["named-uuid", self.insert(table, item, full)]));
        }
        let name = item.as_str().unwrap_or_default();
        if let Some(symbol) = self.names.get(&(table.to_owned(), name.to_owned())) {
            return Ok(json!(["named-uuid", symbol]));
        }
        plain::uuid_literal(item).ok_or_else(|| BadPlain {
            path: at.clone(),
            title: format!("there is no row of {table} called {item}"),
            expected: format!("expected a row of {table} here, or the name of one in this file"),
        })
    }

    fn complain(&mut self, path: Path, key: bool, title: String, expected: &str) {
        self.bad.push(BadRow { path, key, title, expected: expected.to_owned(), help: None });
    }

    fn unknown<'n>(
        &mut self,
        kind: &str,
        name: &str,
        path: Path,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        let all: Vec<&str> = known.clone().collect();
        let help = nearest(name, known).map(|meant| format!("did you mean {meant}?"));
        let expected = format!("expected one of {}", all.join(", "));
        self.bad.push(BadRow {
            path,
            key: true,
            title: format!("no {kind} is called {name}"),
            expected,
            help,
        });
    }
}

/// The name by which a transaction knows the row at a place.
fn symbol_of(place: &Path) -> String {
    let parts = place.iter().map(|part| match part {
        Part::Key(key) => key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("_{:x}_", u32::from(c)) })
            .collect(),
        Part::Index(i) => i.to_string(),
    });
    parts.fold("row".to_owned(), |name, part: String| name + "_" + &part)
}

/// The symbols of all rows that have a `name`, nested ones included.
fn names(schema: &DatabaseSchema, tables: &Tables) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for (table, rows) in tables {
        for (i, row) in rows.iter().enumerate() {
            collect(schema, table, row, path![table.as_str(), i], &mut found);
        }
    }
    found
}

fn collect(
    schema: &DatabaseSchema,
    table: &str,
    row: &Value,
    place: Path,
    found: &mut BTreeMap<(String, String), String>,
) {
    let Some(columns) = row.as_object() else { return };
    if let Some(name) = columns.get("name").and_then(Value::as_str) {
        found.insert((table.to_owned(), name.to_owned()), symbol_of(&place));
    }
    for (column, value) in columns {
        let Some(ty) = schema.column(table, column).map(|c| &c.ty) else { continue };
        let referred = ty.value.as_ref().unwrap_or(&ty.key).reference.as_ref();
        let Some(to) = referred.map(|r| r.table.to_string()) else { continue };
        let mut at = place.clone();
        at.push(Part::from(column.as_str()));
        let inner: Vec<(Part, &Value)> = match value {
            Value::Array(items) => items.iter().enumerate().map(|(i, item)| (Part::Index(i), item)).collect(),
            Value::Object(items) if ty.is_map() => {
                items.iter().map(|(key, item)| (Part::from(key.as_str()), item)).collect()
            }
            _ => {
                collect(schema, &to, value, at, found);
                continue;
            }
        };
        for (part, item) in inner {
            let mut deeper = at.clone();
            deeper.push(part);
            collect(schema, &to, item, deeper, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(yaml: &str) -> String {
        let tables: Tables = serde_yaml::from_str(yaml).unwrap();
        match insert_all(schema::nb::schema(), &tables) {
            Ok(operations) => operations.iter().map(|o| format!("{o}\n")).collect(),
            Err(bad) => bad.iter().map(|b| format!("{:?} {}: {}\n", b.path, b.title, b.expected)).collect(),
        }
    }

    #[test]
    fn nested_rows_are_inserted_before_those_that_refer_to_them() {
        let yaml = "
Logical_Switch:
  - name: sw0
    other_config: {mcast_snoop: true}
    ports:
      - {name: vm1, addresses: [\"0a:00:00:00:00:01 10.0.0.1\", unknown], tag_request: 7}
      - {name: vm2, addresses: unknown, enabled: false}
Port_Group:
  - {name: pg0, ports: [vm2]}
";
        insta::assert_snapshot!(plan(yaml), @r#"
        {"op":"insert","row":{"addresses":["set",["0a:00:00:00:00:01 10.0.0.1","unknown"]],"name":"vm1","tag_request":7},"table":"Logical_Switch_Port","uuid-name":"row_Logical_5f_Switch_0_ports_0"}
        {"op":"insert","row":{"addresses":"unknown","enabled":false,"name":"vm2"},"table":"Logical_Switch_Port","uuid-name":"row_Logical_5f_Switch_0_ports_1"}
        {"op":"insert","row":{"name":"sw0","other_config":["map",[["mcast_snoop","true"]]],"ports":["set",[["named-uuid","row_Logical_5f_Switch_0_ports_0"],["named-uuid","row_Logical_5f_Switch_0_ports_1"]]]},"table":"Logical_Switch","uuid-name":"row_Logical_5f_Switch_0"}
        {"op":"insert","row":{"name":"pg0","ports":["set",[["named-uuid","row_Logical_5f_Switch_0_ports_1"]]]},"table":"Port_Group","uuid-name":"row_Port_5f_Group_0"}
        "#);
    }

    #[test]
    fn everything_that_does_not_fit_is_said() {
        let yaml = "
Logical_Swich: []
Logical_Switch_Port: [{name: vm1}]
Logical_Switch:
  - {nmae: sw0}
  - {name: [a, b]}
  - {name: sw1, ports: [{name: vm1, tag: 5000}, nobody, 7], other_config: [x]}
  - sw2
";
        insta::assert_snapshot!(plan(yaml), @r#"
        [Key("Logical_Swich")] no table is called Logical_Swich: expected one of ACL, Address_Set, BFD, Chassis_Template_Var, Connection, Copp, DHCP_Options, DHCP_Relay, DNS, Forwarding_Group, Gateway_Chassis, HA_Chassis, HA_Chassis_Group, Load_Balancer, Load_Balancer_Group, Load_Balancer_Health_Check, Logical_Router, Logical_Router_Policy, Logical_Router_Port, Logical_Router_Static_Route, Logical_Switch, Logical_Switch_Port, Logical_Switch_Port_Health_Check, Meter, Meter_Band, Mirror, Mirror_Rule, NAT, NB_Global, Network_Function, Network_Function_Group, Network_Function_Health_Check, Port_Group, QoS, SSL, Sample, Sample_Collector, Sampling_App, Static_MAC_Binding
        [Key("Logical_Switch"), Index(0), Key("nmae")] no column of Logical_Switch is called nmae: expected one of acls, copp, dns_records, external_ids, forwarding_groups, load_balancer, load_balancer_group, name, other_config, ports, qos_rules
        [Key("Logical_Switch"), Index(1), Key("name")] set must have exactly one member but 2 are present: expected string
        [Key("Logical_Switch"), Index(2), Key("other_config")] a list is not for this column: expected map of (string, string) pairs
        [Key("Logical_Switch"), Index(2), Key("ports"), Index(0), Key("tag")] 5000 is not in the valid range 1 to 4095 (inclusive): expected set of up to 1 integers
        [Key("Logical_Switch"), Index(2), Key("ports"), Index(1)] there is no row of Logical_Switch_Port called "nobody": expected a row of Logical_Switch_Port here, or the name of one in this file
        [Key("Logical_Switch"), Index(3)] not a row of Logical_Switch: expected a mapping of columns
        [Key("Logical_Switch_Port")] rows of Logical_Switch_Port live only where another row refers to them: expected them inside the column that refers to them
        "#);
    }
}
