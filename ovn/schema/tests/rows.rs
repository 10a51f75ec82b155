//! Typed rows against the schema they were made from.

use ovsdb::replica::RowChange;
use ovsdb::{Datum, Str, Uuid};
use schema::{TypedRow, nb, sb, vswitch};
use std::collections::{BTreeMap, BTreeSet};

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// The default values of all columns of a row.
fn defaults<T: TypedRow>(schema: &ovsdb::DatabaseSchema) -> Vec<Datum> {
    let column = |name: &&str| schema.column(T::TABLE, name).expect("every field is a column of the schema");
    T::COLUMNS.iter().map(|name| Datum::default_for(&column(name).ty)).collect()
}

#[test]
fn schemas_have_upstreams_names_and_versions() {
    let versions = [nb::schema(), sb::schema(), vswitch::schema()]
        .map(|schema| format!("{} {}", schema.name, schema.version));
    assert_eq!(versions, ["OVN_Northbound 7.19.0", "OVN_Southbound 21.11.0", "Open_vSwitch 8.8.0"]);
}

#[test]
fn tables_and_columns_are_those_of_the_schema() {
    for table in nb::TableId::ALL {
        let columns: BTreeSet<&str> = table.columns().iter().copied().collect();
        let schema: BTreeSet<&str> =
            nb::schema().table(table.name()).unwrap().columns.keys().map(|name| &**name).collect();
        assert_eq!(columns, schema);
        assert_eq!(nb::TableId::from_name(table.name()), Some(*table));
    }
    assert_eq!(nb::TableId::ALL.len(), nb::schema().tables.len());
    assert_eq!(nb::TableId::from_name("Chassis"), None);
}

#[test]
fn a_row_of_default_values_is_the_default_row() {
    let row = sb::PortBinding::from_columns(Uuid::ZERO, &defaults::<sb::PortBinding>(sb::schema())).unwrap();
    assert_eq!(row, sb::PortBinding::default());
    assert_eq!(row.to_row(), BTreeMap::new());
}

#[test]
fn rows_become_values_and_come_back() {
    let port = nb::LogicalSwitchPort {
        uuid: uuid(7),
        name: "p1".into(),
        addresses: BTreeSet::from(["00:00:00:00:00:01".into(), "unknown".into()]),
        options: BTreeMap::from([("requested-chassis".into(), "hv1".into())]),
        tag: Some(5),
        up: Some(true),
        ..Default::default()
    };
    let written = port.to_row();
    let text: Vec<String> = written.iter().map(|(column, value)| format!("{column}={value}")).collect();
    assert_eq!(
        text,
        [
            r#"addresses=["00:00:00:00:00:01", unknown]"#,
            "name=p1",
            "options={requested-chassis=hv1}",
            "tag=5",
            "up=true"
        ]
    );
    let mut columns = defaults::<nb::LogicalSwitchPort>(nb::schema());
    for (place, column) in nb::LogicalSwitchPort::COLUMNS.iter().enumerate() {
        if let Some(value) = written.get(*column) {
            columns[place] = value.clone();
        }
    }
    assert_eq!(nb::LogicalSwitchPort::from_columns(uuid(7), &columns), Ok(port));
}

#[test]
fn a_difference_names_only_the_columns_that_changed() {
    let old =
        sb::LogicalFlow { priority: 50, r#match: "1".into(), actions: "next;".into(), ..Default::default() };
    let new = sb::LogicalFlow { actions: "drop;".into(), ..old.clone() };
    assert_eq!(old.diff(&new), BTreeMap::from([(Str::from("actions"), Datum::scalar("drop;"))]));
    assert_eq!(old.diff(&old), BTreeMap::new());
}

#[test]
fn a_value_of_the_wrong_type_says_where_it_is() {
    let mut columns = defaults::<vswitch::Interface>(vswitch::schema());
    let ofport = vswitch::Interface::COLUMNS.iter().position(|column| *column == "ofport").unwrap();
    columns[ofport] = Datum::scalar("x");
    let error = vswitch::Interface::from_columns(uuid(1), &columns).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table Interface, row 00000000-0000-0000-0000-000000000001, column ofport: expected at most one integer, found x"
    );
    let error = vswitch::Interface::from_columns(uuid(1), &columns[1..]).unwrap_err();
    assert!(error.to_string().ends_with("expected 35 columns, found 34"), "{error}");
}

#[test]
fn a_store_follows_the_rows_and_tells_what_changed() {
    let mut tables = nb::Tables::default();
    let mut columns = defaults::<nb::LogicalSwitch>(nb::schema());
    columns[0] = Datum::scalar("sw0");
    let change = tables.replace("Logical_Switch", uuid(1), Some(&columns)).unwrap().unwrap();
    assert_eq!((change.table(), change.uuid()), (nb::TableId::LogicalSwitch, uuid(1)));
    let nb::Change::LogicalSwitch(delta) = change else { panic!("another table") };
    assert_eq!((delta.old, delta.new.map(|row| row.name.clone())), (None, Some("sw0".into())));

    assert_eq!(tables.replace("Logical_Switch", uuid(1), Some(&columns)), Ok(None));
    assert_eq!(tables.logical_switch[&uuid(1)].name, "sw0".into());
    assert!(tables.replace("Logical_Switch", uuid(1), Some(&columns[1..])).is_err());
    assert_eq!(tables.replace("Bridge", uuid(1), Some(&columns)), Ok(None));
    assert!(tables.replace("Logical_Switch", uuid(1), None).unwrap().is_some());
    assert_eq!(tables, nb::Tables::default());
}

#[test]
fn changes_of_a_replica_are_applied() {
    let monitors = nb::monitor_all();
    let names: Vec<_> = monitors.iter().map(|monitor| &*monitor.table).collect();
    assert_eq!(names.len(), nb::TableId::ALL.len());
    let mut tables = nb::Tables::with_monitors(&monitors);
    let row = Some(defaults::<nb::Acl>(nb::schema()).into());
    let change = RowChange { table: "ACL".into(), uuid: uuid(3), old: None, new: row };
    assert_eq!(tables.apply(&change).unwrap().map(|change| change.table()), Some(nb::TableId::Acl));
    assert_eq!(tables.acl.len(), 1);
}

#[test]
fn columns_that_are_not_asked_for_keep_their_defaults() {
    let mut tables =
        nb::Tables::with_monitors(&[nb::TableId::LogicalSwitchPort.monitor_columns(&["tag", "name"])]);
    tables.replace("Logical_Switch_Port", uuid(1), Some(&[Datum::scalar(5), Datum::scalar("p1")])).unwrap();
    let expected =
        nb::LogicalSwitchPort { uuid: uuid(1), name: "p1".into(), tag: Some(5), ..Default::default() };
    assert_eq!(*tables.logical_switch_port[&uuid(1)], expected);
}
