//! Meters of the switch, and what the switch says that it can do.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::disallowed_methods, reason = "tests begin at some time")]

#[allow(dead_code, reason = "other tests use the rest")]
mod bed;

use bed::Bed;
use controller::commands;
use serde_json::json;

/// A bed whose logical switch has one more flow.
fn with_flow(actions: &str, meter: Option<&str>) -> Bed {
    let mut bed = Bed::with_ports(&["p1"]);
    bed.settle();
    bed.plug("p1");
    let datapath = bed.southbound.row("Datapath_Binding", &["_uuid"])["_uuid"].clone();
    let meter = meter.map_or(json!(["set", []]), |meter| json!(meter));
    bed.southbound.transact(json!([{"op": "insert", "table": "Logical_Flow", "row": {
        "logical_datapath": datapath, "pipeline": "ingress", "table_id": 1, "priority": 7,
        "match": "ip4", "actions": actions, "controller_meter": meter,
    }}]));
    bed.settle();
    bed
}

fn meter(bed: &mut Bed, name: &str, rate: i64) {
    bed.southbound.transact(json!([
        {"op": "insert", "table": "Meter_Band", "uuid-name": "b",
         "row": {"action": "drop", "rate": rate, "burst_size": 3}},
        {"op": "insert", "table": "Meter",
         "row": {"name": name, "unit": "pktps", "bands": ["named-uuid", "b"]}},
    ]));
    bed.settle();
}

/// The flow of the test.
fn flow(bed: &Bed) -> String {
    let of_test = |flow: &String| flow.contains("table=9, priority=7");
    bed.switch.text().into_iter().find(of_test).expect("the flow is there")
}

/// The number of the only meter that there is.
fn number(bed: &Bed) -> u32 {
    let numbers: Vec<u32> = bed.switch.meters.keys().map(|meter| meter.0).collect();
    let [number] = numbers[..] else { panic!("{numbers:?}") };
    number
}

#[test]
fn a_meter_of_the_database_comes_before_the_flow_that_names_it_changes_with_its_row_and_goes_after_it() {
    let mut bed = with_flow("log(verdict=drop, meter=\"m\"); next;", Some("c"));
    assert!(!flow(&bed).contains("meter"), "what nobody has made limits nothing");
    meter(&mut bed, "unused", 1);
    assert!(bed.switch.meters.is_empty());

    meter(&mut bed, "m", 100);
    let m = number(&bed);
    assert!(flow(&bed).contains(&format!("meter_id={m}")), "{}", flow(&bed));
    let list = commands::run(&mut bed.controller, "meter-table-list", &[]);
    assert_eq!(list, Ok(format!("m: {m}\n")));

    // The flow goes on naming the number.
    let (bundles, before) = (bed.switch.log.len(), flow(&bed));
    bed.southbound.transact(json!([{"op": "update", "table": "Meter_Band", "where": [["rate", "==", 100]],
                                    "row": {"rate": 200}}]));
    bed.settle();
    assert_eq!((bed.switch.log.len(), flow(&bed)), (bundles, before));

    // A row under the same name is the same meter.
    bed.southbound.transact(json!([{"op": "delete", "table": "Meter", "where": [["name", "==", "m"]]}]));
    bed.settle();
    assert!(!flow(&bed).contains("meter") && bed.switch.meters.is_empty());
    meter(&mut bed, "m", 300);
    assert_eq!(number(&bed), m);
    let log: Vec<String> =
        bed.switch.meter_log.iter().map(|line| line.replace(&m.to_string(), "m")).collect();
    assert_eq!(log, ["Add m 100/3", "Modify m 200/3", "Delete m", "Add m 300/3"]);
}

#[test]
fn what_a_flow_hands_to_the_controller_is_limited() {
    let mut bed = with_flow("igmp;", Some("c"));
    meter(&mut bed, "c", 5);
    let meter = number(&bed);
    assert!(flow(&bed).contains(&format!("meter_id={meter}")), "{}", flow(&bed));
}

#[test]
fn a_flow_has_a_meter_of_its_own_and_at_a_restart_the_same() {
    let mut bed = with_flow("set_meter(1000, 50); next;", None);
    let meter = number(&bed);
    assert!(flow(&bed).ends_with(&format!("actions=meter:{meter},resubmit(,10)")), "{}", flow(&bed));
    let uuid = bed.southbound.rows("Logical_Flow", &["_uuid", "priority"]);
    let uuid = uuid.iter().find(|row| row["priority"] == 7).unwrap()["_uuid"][1].as_str().unwrap().to_owned();
    let list = commands::run(&mut bed.controller, "meter-table-list", &[]).unwrap();
    let name = format!("__string: uuid {uuid} kbps burst stats bands=type=drop rate=1000 burst_size=50");
    assert_eq!(list, format!("{name}: {meter}\n"));

    let flows = bed.switch.text();
    bed.controller.exit(true);
    bed.settle();
    // Something that nobody knows any more.
    bed.switch.stale_meter(if meter == 77 { 78 } else { 77 });
    bed.switch.meter_log.clear();
    bed.replace();
    bed.settle();
    assert_eq!((bed.switch.text(), number(&bed)), (flows, meter));
    // It was changed in its place: its flow would have gone with it.
    assert_eq!(bed.switch.meter_log.len(), 2, "{:?}", bed.switch.meter_log);
    assert!(bed.switch.meter_log[0].starts_with("Modify ") && bed.switch.meter_log[1].starts_with("Delete "));
}

#[test]
fn what_the_switch_can_do_is_read_from_its_row() {
    let mut bed = with_flow("ct_commit { }; sample(probability=1,collector_set=5,obs_point=1); next;", None);
    assert!(!flow(&bed).contains("nat") && !flow(&bed).contains("sample"), "{}", flow(&bed));
    let datapaths = bed.vswitch.row("Open_vSwitch", &["datapaths"])["datapaths"].to_string();
    assert!(datapaths.contains("system"), "{datapaths}");
    let bridge = bed.vswitch.row("Bridge", &["_uuid"])["_uuid"].clone();
    bed.vswitch.transact(json!([
        {"op": "update", "table": "Datapath", "where": [], "row": {"capabilities": ["map", [["ct_zero_snat", "true"]]]}},
        {"op": "insert", "table": "Flow_Sample_Collector_Set", "row": {"id": 5, "bridge": bridge}},
    ]));
    bed.settle();
    assert!(
        flow(&bed).contains("nat(src)") && flow(&bed).contains("sample(probability=1,"),
        "{}",
        flow(&bed)
    );
    bed.vswitch.transact(json!([{"op": "delete", "table": "Flow_Sample_Collector_Set", "where": []}]));
    bed.settle();
    assert!(!flow(&bed).contains("sample"), "{}", flow(&bed));
}
