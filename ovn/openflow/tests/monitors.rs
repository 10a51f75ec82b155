//! Flow monitors and asynchronous messages: octets that Open vSwitch's own tools write, laws, and text.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use openflow::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// A message in hexadecimal digits, in text.
fn text(hex: &str) -> String {
    let octets: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let version = Version::from_wire(octets[0]).unwrap();
    let message = Message::decode(version, &octets).unwrap();
    assert_eq!(message.encode(version), octets, "{message:?}");
    message.text(version, Style::default())
}

#[test]
fn what_open_vswitch_says_of_flows_is_read_and_written() {
    for (hex, wanted) in [
        (
            "0110003000000006ffff000000002320000000020000000000000000003f000200060100000000000000000200010000",
            "NXST_FLOW_MONITOR request (xid=0x6):\n id=0 flags=initial,add,delete,modify,actions,own out_port=2 table=1 in_port=1\n",
        ),
        (
            "0111004000000006ffff0000000023200000000200000000002800000000000500000000000601000000000000000007\
             00000002000100000000000800020000",
            "NXST_FLOW_MONITOR reply (xid=0x6):\n event=ADDED table=1 cookie=0x7 in_port=1 actions=output:2\n",
        ),
        (
            "0412003800000006ffff0000000000004f4e46000000074e00000000003f000c00000002010000000001000c80000004\
             0000000100000000",
            "ONFST_FLOW_MONITOR request (OF1.3) (xid=0x6):\n id=0 flags=initial,add,delete,modify,actions,own out_port=2 table=1 in_port=1\n",
        ),
        (
            "0413005800000006ffff0000000000004f4e46000000074e004000000000000500000000000c01000000000000000007\
             0001000c800000040000000100000000000400180000000000000010000000020000000000000000",
            "ONFST_FLOW_MONITOR reply (OF1.3) (xid=0x6):\n event=ADDED table=1 cookie=0x7 in_port=1 actions=output:2\n",
        ),
        (
            "051200300000000600100000000000000000000000000002ffffffff005f01000001000c800000040000000100000000",
            "OFPST_FLOW_MONITOR request (OF1.4) (xid=0x6):\n id=0 flags=initial,add,delete,modify,actions,own out_port=2 table=1 in_port=1\n",
        ),
        (
            "0613005000000006001000000000000000400000010000000000000500000000000000000000000700010\
             00c800000040000000100000000000400180000000000000010000000020000000000000000",
            "OFPST_FLOW_MONITOR reply (OF1.5) (xid=0x6):\n event=INITIAL table=1 cookie=0x7 in_port=1 actions=output:2\n",
        ),
        (
            "0513002000000000001000000000000000080005000000000008000400\
             0000ab",
            "OFPST_FLOW_MONITOR reply (OF1.4) (xid=0x0):\n event=PAUSED\n event=ABBREV xid=0xab\n",
        ),
        (
            "0111002000000000ffff0000000023200000000200000000000800030000\
             00cd",
            "NXST_FLOW_MONITOR reply (xid=0x0):\n event=ABBREV xid=0xcd\n",
        ),
        ("01040010000000000000232000000016", "NXT_FLOW_MONITOR_PAUSED (xid=0x0):\n"),
        ("04040010000000004f4e46000000074f", "ONFT_FLOW_MONITOR_PAUSED (OF1.3) (xid=0x0):\n"),
        ("0104001400000000000023200000001500000007", "NXT_FLOW_MONITOR_CANCEL (xid=0x0): id=7\n"),
        (
            "0512002800000006001000000000000000000005ffffffff00000003001aff020001000400000000",
            "OFPST_FLOW_MONITOR request (OF1.4) (xid=0x6):\n id=5 command=delete\n",
        ),
        (
            "04040020000000004f4e46000000077700000003000000000000000000000006",
            "ONFT_ROLE_STATUS (OF1.3) (xid=0x0): role=secondary generation_id=6 reason=primary_request\n",
        ),
    ] {
        let hex: String = hex.split_ascii_whitespace().collect();
        assert_eq!(text(&hex), wanted);
    }
}

#[test]
fn masks_are_told_by_role() {
    let new = text(
        "051b0068000000050000000800000000000100080000003b0002000800000007000300080000000700040008000000000005\
         00080000003f0006000800000000000700080000000000080008000000000009000800000000000a000800000000000b0008\
         00000000",
    );
    insta::assert_snapshot!(new, @r#"
    OFPT_GET_ASYNC_REPLY (OF1.4) (xid=0x5):
     primary:
           PACKET_IN: no_match action action_set group packet_out
         PORT_STATUS: add delete modify
        FLOW_REMOVED: idle hard delete group_delete meter_delete eviction
         ROLE_STATUS: (off)
        TABLE_STATUS: (off)
      REQUESTFORWARD: (off)

     secondary:
           PACKET_IN: (off)
         PORT_STATUS: add delete modify
        FLOW_REMOVED: (off)
         ROLE_STATUS: (off)
        TABLE_STATUS: (off)
      REQUESTFORWARD: (off)
    "#);
}

fn monitor() -> impl Strategy<Value = FlowMonitor> {
    let flags = (0u16..0x20, any::<bool>()).prop_map(|(bits, own)| bits | 2 | if own { 0x40 } else { 0 });
    let matching = any::<(bool, u32)>().prop_map(|(masked, value)| {
        let mask = if masked { 0xffff } else { u32::MAX };
        let mut matching = Match::any();
        matching.set_masked(Field::Reg(3), u128::from(value & mask), u128::from(mask));
        matching
    });
    (any::<u32>(), flags, 0u32..0xff00, 0u8..255, matching).prop_map(|(id, flags, port, table, matching)| {
        FlowMonitor {
            id,
            command: MonitorCommand::Add,
            flags: MonitorFlags(flags),
            out_port: PortNo(port),
            out_group: GroupId::ANY,
            table: Some(table),
            matching,
        }
    })
}

fn update() -> impl Strategy<Value = FlowUpdate> {
    let event = proptest::sample::select(vec![
        FlowEvent::Added,
        FlowEvent::Modified,
        FlowEvent::Removed(FlowRemovedReason::HardTimeout),
    ]);
    let full = (event, any::<[u16; 3]>(), any::<u64>(), 0u8..255, any::<u64>()).prop_map(
        |(event, [priority, idle_timeout, hard_timeout], cookie, table, metadata)| {
            FlowUpdate::Flow(Box::new(FlowUpdateFull {
                event,
                table,
                priority,
                idle_timeout,
                hard_timeout,
                cookie,
                matching: Match::any().with(Field::Metadata, metadata),
                instructions: vec![Instruction::Apply(vec![Action::output(PortNo(3))])],
            }))
        },
    );
    prop_oneof![full, any::<u32>().prop_map(FlowUpdate::Abbreviated)]
}

fn read_back(version: Version, body: Body) {
    let message = body.with_xid(7);
    assert_eq!(Message::decode(version, &message.encode(version)), Ok(message));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn monitors_are_read_back(monitors in vec(monitor(), 0..4), updates in vec(update(), 0..4)) {
        for version in Version::ALL {
            read_back(version, Body::MultipartRequest(MultipartRequest::FlowMonitor(monitors.clone())));
            let reply = MultipartReply::FlowMonitor(updates.clone());
            read_back(version, Body::MultipartReply { more: false, reply });
        }
    }
}

#[test]
fn monitors_are_read_from_text() {
    let parse = |text: &str| {
        let monitor = FlowMonitor::parse(3, text).map_err(|error| error.to_string())?;
        let asked = Body::MultipartRequest(MultipartRequest::FlowMonitor(vec![monitor])).with_xid(1);
        Ok::<_, String>(asked.text(Version::Of14, Style::default()).lines().nth(1).unwrap().to_owned())
    };
    for (line, wanted) in [
        ("", " id=3 flags=initial,add,delete,modify,actions,own"),
        (
            "!initial,!own,table=2,out_port=3,tcp",
            " id=3 flags=add,delete,modify,actions out_port=3 table=2 tcp",
        ),
        ("out_group=7,reg0=5", " id=3 flags=initial,add,delete,modify,actions,own out_group=7 reg0=0x5"),
    ] {
        assert_eq!(parse(line).as_deref(), Ok(wanted), "{line}");
    }
    insta::assert_snapshot!(parse("table=300").unwrap_err(), @r#""table=300": expected a value of table"#);
    insta::assert_snapshot!(parse("!nosuch").unwrap_err(), @r#""!nosuch": expected a field or a protocol"#);
}
