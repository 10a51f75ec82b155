//! Verbs from the command line to a switch in memory, and back to text.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use datapath::{BridgeId, ConnId, ConnKind, ConnOutput, DeviceId, PortKind, PortSpec, Switch};
use ofctl::{Stream, World};
use openflow::Versions;

/// A switch with bridge br0 and ports p1 and p2.
struct Lab {
    switch: Switch,
    bridge: BridgeId,
    now: Instant,
}

/// A connection to it.
struct Pipe {
    lab: Rc<RefCell<Lab>>,
    conn: ConnId,
}

impl Stream for Pipe {
    fn write(&mut self, octets: &[u8]) -> Result<(), String> {
        let lab = &mut *self.lab.borrow_mut();
        lab.switch.openflow_input(self.conn, octets, lab.now);
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<u8>, String> {
        match self.lab.borrow_mut().switch.openflow_output(self.conn) {
            Some(ConnOutput::Send(octets)) => Ok(octets),
            Some(ConnOutput::Close(_)) | None => Ok(Vec::new()),
        }
    }
}

struct Desk {
    lab: Rc<RefCell<Lab>>,
    file: String,
    out: String,
}

impl World for Desk {
    fn connect(&mut self, target: &str, _snoop: bool) -> Result<Box<dyn Stream>, String> {
        if target != "br0" {
            return Err(format!("{target} is not a bridge or a socket"));
        }
        let lab = &mut *self.lab.borrow_mut();
        let (bridge, now) = (lab.bridge, lab.now);
        let conn = lab.switch.openflow_connected(bridge, ConnKind::Service, Versions::all(), now);
        Ok(Box::new(Pipe { lab: Rc::clone(&self.lab), conn }))
    }

    fn read_file(&mut self, name: &str) -> Result<String, String> {
        if name == "file" { Ok(self.file.clone()) } else { Err(format!("{name}: open: No such file")) }
    }

    fn is_file(&mut self, name: &str) -> bool {
        name == "file"
    }

    fn print(&mut self, text: &str) {
        self.out += text;
    }

    fn complain(&mut self, text: &str) {
        self.out += text;
    }

    fn end_after(&mut self, seconds: u32) {
        self.out += &format!("ends after {seconds} s\n");
    }

    fn micros(&mut self) -> u64 {
        0
    }
}

impl Desk {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be had from the clock; tests count from it"
    )]
    fn new() -> Self {
        let mut switch = Switch::new(1);
        let bridge = switch.add_bridge("br0", 0x1234);
        let now = Instant::now();
        for n in 1..=2 {
            let spec = PortSpec::new(n, &format!("p{n}"), PortKind::Device(DeviceId(n)));
            switch.add_port(bridge, spec, now).unwrap();
        }
        let lab = Rc::new(RefCell::new(Lab { switch, bridge, now }));
        Self { lab, file: String::new(), out: String::new() }
    }

    /// Runs a command line; what it printed, after the exit status if that is not zero.
    fn run(&mut self, line: &str) -> String {
        // What stands between quotes is one argument.
        let words = line.split('\'').enumerate().flat_map(|(n, part)| match n % 2 {
            0 => part.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        });
        let args: Vec<String> = words.collect();
        self.out.clear();
        let status = ofctl::run(&args, self);
        let text = self.out.trim_end().to_owned();
        if status == 0 { text } else { format!("[{status}] {text}") }
    }

    fn sleep(&mut self, time: Duration) {
        self.lab.borrow_mut().now += time;
    }
}

const FLOWS: &str = "\
# What a controller could have written.
table=0,priority=100,in_port=p1,tcp,nw_dst=10.0.0.0/24,tp_dst=80 actions=mod_dl_dst:00:11:22:33:44:55,resubmit(,8)
table=0,priority=50,cookie=0x123,in_port=LOCAL actions=NORMAL
table=0 priority=0 actions=drop
table=8,reg0=0x1,metadata=0x5,ip actions=load:0x7->NXM_NX_REG1[0..15],move:NXM_NX_REG0[0..15]->NXM_NX_REG2[16..31]
table=9,ip6,idle_timeout=60,hard_timeout=120,importance=5,send_flow_rem actions=p2,controller(userdata=01.02,pause)
";

#[test]
fn flows_are_added_dumped_and_compared() {
    let mut desk = Desk::new();
    desk.file = FLOWS.to_owned();
    assert_eq!(desk.run("-O OpenFlow15 add-flows br0 file"), "");
    desk.sleep(Duration::from_millis(1500));
    insta::assert_snapshot!(desk.run("-O OpenFlow15 dump-flows br0"), @r#"OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x0, duration=1.500s, table=0, n_packets=0, n_bytes=0, idle_age=1, priority=100,tcp,in_port=1,nw_dst=10.0.0.0/24,tp_dst=80 actions=set_field:00:11:22:33:44:55->eth_dst,resubmit(,8)
 cookie=0x123, duration=1.500s, table=0, n_packets=0, n_bytes=0, idle_age=1, priority=50,in_port=LOCAL actions=NORMAL
 cookie=0x0, duration=1.500s, table=0, n_packets=0, n_bytes=0, idle_age=1, priority=0 actions=drop
 cookie=0x0, duration=1.500s, table=8, n_packets=0, n_bytes=0, idle_age=1, ip,reg0=0x1,metadata=0x5 actions=set_field:0x7/0xffff->reg1,move:NXM_NX_REG0[0..15]->NXM_NX_REG2[16..31]
 cookie=0x0, duration=1.500s, table=9, n_packets=0, n_bytes=0, idle_timeout=60, hard_timeout=120, send_flow_rem importance=5, idle_age=1, ipv6 actions=output:2,controller(userdata=01.02,pause)"#);
    insta::assert_snapshot!(desk.run("dump-flows br0 --no-stats --names"), @r#"priority=100,tcp,in_port=p1,nw_dst=10.0.0.0/24,tp_dst=80 actions=mod_dl_dst:00:11:22:33:44:55,resubmit(,8)
cookie=0x123, priority=50,in_port=LOCAL actions=NORMAL
priority=0 actions=drop
table=8, ip,reg0=0x1,metadata=0x5 actions=load:0x7->NXM_NX_REG1[0..15],move:NXM_NX_REG0[0..15]->NXM_NX_REG2[16..31]
table=9, idle_timeout=60, hard_timeout=120, ipv6 actions=output:p2,controller(userdata=01.02,pause)"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow13 dump-flows br0 table=8 --no-stats"), @" table=8, ip,reg0=0x1,metadata=0x5 actions=load:0x7->NXM_NX_REG1[0..15],move:NXM_NX_REG0[0..15]->NXM_NX_REG2[16..31]");
    insta::assert_snapshot!(desk.run("--no-stats --sort dump-flows br0 table=0"), @r#"priority=0 actions=drop
cookie=0x123, priority=50,in_port=LOCAL actions=NORMAL
priority=100,tcp,in_port=1,nw_dst=10.0.0.0/24,tp_dst=80 actions=mod_dl_dst:00:11:22:33:44:55,resubmit(,8)"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow15 dump-aggregate br0"), @"OFPST_AGGREGATE reply (OF1.5) (xid=0x2): packet_count=0 byte_count=0 flow_count=5");
    assert_eq!(desk.run("-O OpenFlow15 diff-flows file br0"), "");
    assert_eq!(desk.run("-O OpenFlow15 del-flows br0 cookie=0x123/-1"), "");
    assert_eq!(desk.run("-O OpenFlow15 add-flow br0 in_port=p2,actions=p1"), "");
    assert_eq!(desk.run("-O OpenFlow15 mod-flows br0 table=9,actions=drop"), "");
    insta::assert_snapshot!(desk.run("-O OpenFlow15 diff-flows file br0"), @r#"[2] +in_port=2 actions=output:1
-priority=50,in_port=LOCAL cookie=0x123 actions=NORMAL
-table=9 ipv6 idle_timeout=60 hard_timeout=120 importance=5 actions=output:2,controller(userdata=01.02,pause)
+table=9 ipv6 idle_timeout=60 hard_timeout=120 importance=5 actions=drop"#);
    assert_eq!(desk.run("-O OpenFlow15 --bundle replace-flows br0 file"), "");
    assert_eq!(desk.run("-O OpenFlow15 diff-flows file br0"), "");
    assert_eq!(desk.run("del-flows br0"), "");
    assert_eq!(desk.run("--no-stats dump-flows br0"), "");
}

#[test]
fn groups_and_meters_are_kept() {
    let mut desk = Desk::new();
    let mut run = |line: &str| desk.run(&format!("-O OpenFlow15 {line}"));
    assert_eq!(run("add-group br0 group_id=1,type=select,bucket=weight:5,output:p2,bucket=output:1"), "");
    assert_eq!(run("insert-buckets br0 group_id=1,command_bucket_id=first,bucket=bucket_id=7,drop"), "");
    insta::assert_snapshot!(run("dump-groups br0"), @r#"OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):
 group_id=1,type=select,bucket=bucket_id:7,actions=drop,bucket=bucket_id:0,weight:5,actions=output:2,bucket=bucket_id:1,actions=output:1"#);
    assert_eq!(run("remove-buckets br0 group_id=1,command_bucket_id=0"), "");
    assert_eq!(run("add-flow br0 actions=group:1"), "");
    insta::assert_snapshot!(run("dump-group-stats br0 1"), @r#"OFPST_GROUP reply (OF1.5) (xid=0x2):
 group_id=1,duration=0s,ref_count=1,packet_count=0,byte_count=0,bucket0:packet_count=0,byte_count=0,bucket1:packet_count=0,byte_count=0"#);
    insta::assert_snapshot!(run("add-group br0 group_id=1,type=all"), @r#"[1] OFPT_ERROR (OF1.5) (xid=0x3): OFPGMFC_GROUP_EXISTS
OFPT_GROUP_MOD (OF1.5) (xid=0x3):
 ADD group_id=1,type=all"#);
    assert_eq!(run("--may-create mod-group br0 group_id=2,type=all"), "");
    assert_eq!(run("del-groups br0 group_id=1"), "");
    insta::assert_snapshot!(run("dump-groups br0"), @r#"OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):
 group_id=2,type=all"#);
    insta::assert_snapshot!(run("dump-group-features br0"), @r#"OFPST_GROUP_FEATURES reply (OF1.5) (xid=0x2):
 Group table:
    Types:  0xf
    Capabilities:  0x7
    all group:
       max_groups=0xffffff00
       actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue
    select group:
       max_groups=0xffffff00
       actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue
    indirect group:
       max_groups=0xffffff00
       actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue
    fast failover group:
       max_groups=0xffffff00
       actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue"#);
    assert_eq!(run("add-meter br0 meter=1,pktps,burst,stats,band=type=drop,rate=2,burst_size=3"), "");
    assert_eq!(run("add-meter br0 meter=2,kbps,band=type=dscp_remark,rate=9,prec_level=1"), "");
    insta::assert_snapshot!(run("dump-meters br0"), @r#"OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):
meter=1 pktps burst stats bands=
type=drop rate=2 burst_size=3

meter=2 kbps bands=
type=dscp_remark rate=9 prec_level=1"#);
    insta::assert_snapshot!(run("meter-stats br0 meter=1"), @r#"OFPST_METER reply (OF1.5) (xid=0x2):
meter:1 flow_count:0 packet_in_count:0 byte_in_count:0 duration:0s bands:
0: packet_count:0 byte_count:0"#);
    insta::assert_snapshot!(run("meter-features br0"), @r#"OFPST_METER_FEATURES reply (OF1.5) (xid=0x2):
max_meter:262144 max_bands:8 max_color:0
band_types: drop dscp_remark
capabilities: kbps pktps burst stats"#);
    assert_eq!(run("del-meters br0"), "");
    insta::assert_snapshot!(run("dump-meters br0 meter=1"), @r#"OFPT_ERROR (OF1.5) (xid=0x2): OFPMMFC_UNKNOWN_METER
OFPST_METER_CONFIG request (OF1.5) (xid=0x2): meter=1"#);
    insta::assert_snapshot!(desk.run("dump-meters br0"), @"[1] ovs-ofctl: meters need OpenFlow 1.3 or later ('-O OpenFlow13')");
}

#[test]
fn a_switch_shows_itself() {
    let mut desk = Desk::new();
    insta::assert_snapshot!(desk.run("show br0"), @r#"OFPT_FEATURES_REPLY (xid=0x2): dpid:0000000000001234
n_tables:254, n_buffers:0
capabilities: FLOW_STATS TABLE_STATS PORT_STATS QUEUE_STATS ARP_MATCH_IP
actions: output enqueue set_vlan_vid set_vlan_pcp strip_vlan mod_dl_src mod_dl_dst mod_nw_src mod_nw_dst mod_nw_tos mod_tp_src mod_tp_dst
 1(p1): addr:00:00:00:00:00:00
     config:     0
     state:      0
     speed: 0 Mbps now, 0 Mbps max
 2(p2): addr:00:00:00:00:00:00
     config:     0
     state:      0
     speed: 0 Mbps now, 0 Mbps max
OFPT_GET_CONFIG_REPLY (xid=0x3): frags=normal miss_send_len=0"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow13 show br0"), @r#"OFPT_FEATURES_REPLY (OF1.3) (xid=0x2): dpid:0000000000001234
n_tables:254, n_buffers:0
capabilities: FLOW_STATS TABLE_STATS PORT_STATS GROUP_STATS QUEUE_STATS
OFPST_PORT_DESC reply (OF1.3) (xid=0x3):
 1(p1): addr:00:00:00:00:00:00
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 2(p2): addr:00:00:00:00:00:00
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
OFPT_GET_CONFIG_REPLY (OF1.3) (xid=0x4): frags=normal miss_send_len=0"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow15 dump-ports br0 p1"), @r#"OFPST_PORT reply (OF1.5) (xid=0x3): 1 ports
  port  1: rx pkts=0, bytes=0, drop=0, errs=0, frame=0, over=0, crc=0
           tx pkts=0, bytes=0, drop=0, errs=0, coll=0
           duration=0s"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow15 dump-ports-desc br0 2"), @r#"OFPST_PORT_DESC reply (OF1.5) (xid=0x2):
 2(p2): addr:00:00:00:00:00:00
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow13 dump-tables br0"), @r#"OFPST_TABLE reply (OF1.3) (xid=0x2):
  table 0:
    active=0, lookup=0, matched=0

  tables 1...253: ditto"#);
    insta::assert_snapshot!(desk.run("queue-stats br0"), @"OFPST_QUEUE reply (xid=0x2): 0 queues");
    assert_eq!(desk.run("mod-port br0 p1 noflood"), "");
    assert!(desk.run("dump-ports-desc br0").contains("config:     NO_FLOOD"));
    assert_eq!(desk.run("set-frags br0 nx-match"), "");
    assert_eq!(desk.run("get-frags br0"), "nx-match");
    assert_eq!(desk.run("probe br0"), "");
    assert!(desk.run("ping br0 3").starts_with("3 bytes from br0: xid=00000002 time=0.0 ms\n"));
    assert_eq!(desk.run("add-tlv-map br0 '{class=0x102,type=0x80,len=4}->tun_metadata0'"), "");
    insta::assert_snapshot!(desk.run("dump-tlv-map br0"), @r#"NXT_TLV_TABLE_REPLY (xid=0x2):
 max option space=128 max fields=64
 allocated option space=4

 mapping table:
  class  type  length  match field
 ------  ----  ------  --------------
  0x102  0x80       4  tun_metadata0"#);
    assert_eq!(desk.run("del-tlv-map br0"), "");
}

#[test]
fn packets_come_and_go() {
    let mut desk = Desk::new();
    let arp = "505400000007505400000005080600010800060400015054000000050101010100000000000002020202";
    assert_eq!(desk.run("-O OpenFlow15 add-flow br0 'cookie=5,arp,actions=load:7->NXM_NX_REG3[],controller(userdata=01.02)'"), "");
    let mut departures = Vec::new();
    assert_eq!(
        desk.run(&format!("-O OpenFlow15 packet-out br0 in_port=p1,packet={arp},actions=output:p2")),
        ""
    );
    desk.lab.borrow_mut().switch.take_departures(&mut departures);
    assert_eq!(departures.len(), 1);
    assert_eq!(desk.run(&format!("packet-out br0 NONE 2,1 {arp}")), "");
    desk.lab.borrow_mut().switch.take_departures(&mut departures);
    assert_eq!(departures.len(), 2);
    insta::assert_snapshot!(desk.run("packet-out br0 in_port=1,actions=drop"), @"[1] ovs-ofctl: must specify packet");
    desk.file = format!(
        "flow add in_port=1,actions=2\ngroup add group_id=3,type=all\npacket-out in_port=2,packet={arp},actions=1\n"
    );
    assert_eq!(desk.run("-O OpenFlow15 bundle br0 file"), "");
    desk.lab.borrow_mut().switch.take_departures(&mut departures);
    assert_eq!(departures.len(), 1);
    desk.file = "flow add in_port=1,actions=2\ngroup add group_id=3,type=all\n".to_owned();
    assert!(desk.run("-O OpenFlow15 bundle br0 file").contains("OFPGMFC_GROUP_EXISTS"));
}

#[test]
fn messages_are_printed() {
    let mut desk = Desk::new();
    let mut print = |hex: &str| desk.run(&format!("ofp-print {hex}"));
    insta::assert_snapshot!(print("06000010000000010001000800000040"), @r#"OFPT_HELLO (OF1.5) (xid=0x1):
 version bitmap: 0x06"#);
    insta::assert_snapshot!(print("0602000800000000"), @"OFPT_ECHO_REQUEST (OF1.5) (xid=0x0): 0 bytes of payload");
    insta::assert_snapshot!(print("0618001800000001000000020000000000000000000000ff"), @"OFPT_ROLE_REQUEST (OF1.5) (xid=0x1): role=primary generation_id=255");
    insta::assert_snapshot!(print("0102"), @"[1] ovs-ofctl: OpenFlow packet too short (only 2 bytes)");
    insta::assert_snapshot!(print("06000010"), @"[1] ovs-ofctl: truncated to 4 bytes from 16");
}

#[test]
fn tables_and_queues_are_told() {
    let mut desk = Desk::new();
    insta::assert_snapshot!(desk.run("-O OpenFlow13 dump-table-features br0"), @r#"table 0:
  metadata: match=0xffffffffffffffff write=0xffffffffffffffff
  max_entries=1000000
  instructions (table miss and others):
    next tables: 1-253
    instructions: meter apply_actions clear_actions write_actions write_metadata goto_table
    Write-Actions and Apply-Actions features:
      actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue
      supported on Set-Field: tun_{id,src,dst,ipv6_{src,dst},flags,gbp_{id,flags},erspan_{idx,ver,dir,hwid},metadata0...metadata63} metadata in_{port,port_oxm} pkt_mark ct_{mark,label} reg0...reg15 xreg0...xreg7 xxreg0...xxreg3 eth_{src,dst} vlan_{tci,vid,pcp} ip_{src,dst} ipv6_{src,dst,label} nw_tos ip_dscp nw_{ecn,ttl} arp_{op,spa,tpa,sha,tha} tcp_{src,dst} udp_{src,dst} sctp_{src,dst} icmp_{type,code} icmpv6_{type,code} nd_{target,sll,tll}
  matching:
    arbitrary mask: tun_{id,src,dst,ipv6_{src,dst},flags,gbp_{id,flags},erspan_{idx,ver,dir,hwid},metadata0...metadata63} metadata pkt_mark ct_{state,mark,label,nw_{src,dst},ipv6_{src,dst},tp_{src,dst}} reg0...reg15 xreg0...xreg7 xxreg0...xxreg3 eth_{src,dst} vlan_{tci,vid} ip_{src,dst} ipv6_{src,dst,label} ip_frag arp_{spa,tpa,sha,tha} tcp_{src,dst,flags} udp_{src,dst} sctp_{src,dst} nd_{target,sll,tll}
    exact match or wildcard: packet_type conj_id in_{port,port_oxm} ct_{zone,nw_proto} eth_type vlan_pcp nw_{proto,tos} ip_dscp nw_{ecn,ttl} arp_op icmp_{type,code} icmpv6_{type,code}

tables 1...252: ditto

table 253:
  metadata: match=0xffffffffffffffff write=0xffffffffffffffff
  max_entries=1000000
  instructions (table miss and others):
    instructions: meter apply_actions clear_actions write_actions write_metadata
    (same actions)
  (same matching)"#);
    let tables = desk.run("-O OpenFlow15 dump-table-desc br0");
    insta::assert_snapshot!(tables.lines().take(4).collect::<Vec<_>>().join("\n"), @r#"OFPST_TABLE_DESC reply (OF1.5) (xid=0x2):
  table 0:
   eviction=off eviction_flags=0
   vacancy=off"#);
    insta::assert_snapshot!(desk.run("dump-table-features br0"), @"[1] ovs-ofctl: dump-table-features needs OpenFlow 1.3 or later ('-O OpenFlow13')");
    for version in ["OpenFlow10", "OpenFlow13", "OpenFlow14"] {
        let refused = desk.run(&format!("-O {version} queue-get-config br0 7"));
        assert!(refused.contains("OFPQOFC_BAD_PORT"), "{refused}");
    }
    insta::assert_snapshot!(desk.run("queue-get-config br0"), @r#"OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x3):
OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x4):"#);
    insta::assert_snapshot!(desk.run("queue-stats br0 1 5"), @r#"OFPT_ERROR (xid=0x2): OFPQOFC_BAD_QUEUE
OFPST_QUEUE request (xid=0x2): port=1 queue=5"#);
    let message = "0115003800000001000100000000000000000001002800000001001000000000001400000000000000020010000000000fff000000000000";
    insta::assert_snapshot!(desk.run(&format!("ofp-print {message}")), @r#"OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x1): port=1
queue 1: min_rate:2.0% max_rate:(disabled)"#);
}

#[test]
fn flows_in_text_are_told_as_messages() {
    let mut desk = Desk::new();
    insta::assert_snapshot!(desk.run("parse-flow table=1,ip,actions=set_field:5->reg0,output:1"), @r#"usable protocols: OXM,NXM+table_id
chosen protocol: NXM+table_id
NXT_FLOW_MOD (xid=0x1): ADD table:1 ip actions=load:0x5->NXM_NX_REG0[],output:1"#);
    insta::assert_snapshot!(desk.run("-O OpenFlow15 parse-flow ip,actions=output:1"), @r#"usable protocols: any
chosen protocol: OXM-OpenFlow15
OFPT_FLOW_MOD (OF1.5) (xid=0x1): ADD ip actions=output:1"#);
    insta::assert_snapshot!(desk.run("parse-flow actions=meter:1"), @r#"[1] usable protocols: OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15
ovs-ofctl: no usable protocol"#);
    desk.file = "ip,actions=1\ndelete tcp\nreg0=1,actions=2\n".to_owned();
    insta::assert_snapshot!(desk.run("parse-flows file"), @r#"usable protocols: NXM,OXM
chosen protocol: NXM-table_id
NXT_FLOW_MOD (xid=0x1): ADD ip actions=output:1
NXT_FLOW_MOD (xid=0x2): DEL table:255 tcp actions=drop
NXT_FLOW_MOD (xid=0x3): ADD reg0=0x1 actions=output:2"#);
    insta::assert_snapshot!(desk.run("-F nxn parse-flows file"), @"[1] ovs-ofctl: nxn: unknown flow format");
}

#[test]
fn mistakes_are_told() {
    let mut desk = Desk::new();
    insta::assert_snapshot!(desk.run("nosuch br0"), @"[1] ovs-ofctl: unknown command 'nosuch'; use --help for help");
    insta::assert_snapshot!(desk.run("dump-flows"), @"[1] ovs-ofctl: 'dump-flows' command requires at least 1 arguments");
    insta::assert_snapshot!(desk.run("show br9"), @"[1] ovs-ofctl: br9 is not a bridge or a socket");
    insta::assert_snapshot!(desk.run("add-flow br0 nosuch=1,actions=drop"), @r#"[1] ovs-ofctl: "nosuch": expected a field or a protocol"#);
    insta::assert_snapshot!(desk.run("--read-only add-flow br0 actions=drop"), @"[1] ovs-ofctl: 'add-flow' command is not available in read-only mode");
    insta::assert_snapshot!(desk.run("-O OpenFlow15 add-flow br0 actions=group:99"), @r#"[1] OFPT_ERROR (OF1.5) (xid=0x3): OFPBAC_BAD_OUT_GROUP
00000000  06 0e 00 48 00 00 00 03-00 00 00 00 00 00 00 00 |...H............|
00000010  00 00 00 00 00 00 00 00-00 00 00 00 00 00 80 00 |................|
00000020  ff ff ff ff ff ff ff ff-ff ff ff ff 00 00 00 00 |................|
00000030  00 01 00 04 00 00 00 00-00 04 00 10 00 00 00 00 |................|"#);
    desk.file = "actions=drop\nactions=foo\n".to_owned();
    insta::assert_snapshot!(desk.run("add-flows br0 file"), @r#"[1] ovs-ofctl: file:2: "foo": expected an action"#);
}

#[test]
fn changes_of_flows_are_watched() {
    let mut desk = Desk::new();
    desk.run("add-flow br0 table=1,cookie=7,tcp,actions=output:2");
    insta::assert_snapshot!(desk.run("-O OpenFlow14 monitor br0 watch:table=1,out_port=p2"), @r#"OFPST_FLOW_MONITOR reply (OF1.4) (xid=0x3):
 event=INITIAL table=1 cookie=0x7 tcp actions=output:2"#);
    insta::assert_snapshot!(desk.run("-m monitor br0 watch:!initial,udp"), @r#"NXST_FLOW_MONITOR request (xid=0x3):
 id=0 flags=add,delete,modify,actions,own udp
NXST_FLOW_MONITOR reply (xid=0x3):"#);
    insta::assert_snapshot!(desk.run("monitor br0 watch:table=300"), @r#"[1] ovs-ofctl: "table=300": expected a value of table"#);
    insta::assert_snapshot!(desk.run("monitor br0 nosuch"), @r#"[1] ovs-ofctl: nosuch: unsupported "monitor" argument"#);
    insta::assert_snapshot!(desk.run("--timeout=3 probe br0"), @"ends after 3 s");
    insta::assert_snapshot!(desk.run("--timeout=x probe br0"), @"[1] ovs-ofctl: value x on -t or --timeout is invalid");
}

#[test]
fn connections_are_forgotten_by_their_ends() {
    let mut desk = Desk::new();
    assert_eq!(desk.run("ct-flush br0"), "");
    assert_eq!(desk.run("ct-flush br0 zone=5 ct_nw_src=10.1.1.1,ct_nw_proto=17,ct_tp_src=2"), "");
    insta::assert_snapshot!(desk.run("ct-flush br0 zone=x"), @"[1] ovs-ofctl: Failed to parse zone");
    insta::assert_snapshot!(desk.run("ct-flush br0 ct_foo=1"), @"[1] ovs-ofctl: Failed to parse ct-tuple: invalid conntrack tuple field: ct_foo");
}
