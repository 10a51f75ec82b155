//! Text: what `ovs-ofctl` prints is read and printed again the same, and its other spellings come out as it prints
//! them. Every line was checked with Debian's `ovs-ofctl -O OpenFlow15 parse-flow` (OVS 3.1.0).
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use openflow::{Body, FlowMod, Message, Version};

const CANONICAL: &[&str] = &[
    "table=0, priority=100,in_port=1 actions=set_field:0x5->reg13,set_field:0x3/0xffff->reg11,resubmit(,8)",
    "cookie=0x1234, table=1, priority=5,tcp,dl_vlan=5,dl_vlan_pcp=3,nw_src=10.0.0.0/24,nw_dst=1.2.3.4,tp_dst=0x50/0xfff0,tcp_flags=+syn-ack actions=push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,output:2",
    "table=2, udp6,vlan_tci=0x0000/0x1000,ipv6_src=fe80::/64,ipv6_label=0x00012,nw_tos=32,nw_ecn=1,nw_ttl=7 actions=dec_ttl,dec_ttl(1,2),CONTROLLER:100,controller(reason=no_match,max_len=64,id=3,userdata=01.02.03,pause)",
    "table=3, arp,arp_spa=1.1.1.1,arp_tpa=2.0.0.0/8,arp_op=2,arp_sha=00:00:00:00:00:01,arp_tha=01:00:00:00:00:00/01:00:00:00:00:00 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],push:NXM_NX_REG14[],pop:NXM_NX_REG15[],push:NXM_OF_IN_PORT[],set_field:ANY->in_port,note:01.02.03.00.00.00",
    "table=4, reg0=0x1,reg1=0x2,reg7=0x1/0xf,reg8=0x1,reg9=0x2,reg14=0x5/0xff,tun_id=0x7/0xff,metadata=0x5 actions=write_metadata:0x5/0xf,goto_table:9",
    "table=5, ct_state=+est-inv+trk,ct_zone=5,ct_mark=0x1/0x1,ct_label=0x2,icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=00:00:00:00:00:02 actions=ct(commit,table=9,zone=NXM_NX_REG13[0..15],nat(src=10.0.0.1-10.0.0.9:1000-2000,random),exec(set_field:0x1->ct_mark,set_field:0x5/0xff->ct_label,move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]))",
    "table=8, ip,nw_frag=later actions=conjunction(100,2/3),conjunction(7,1/3)",
    "table=9, pkt_mark=0x3,ip,nw_frag=no actions=learn(table=10,idle_timeout=5,hard_timeout=60,priority=7,delete_learned,cookie=0x99,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],load:0x5->NXM_NX_REG1[0..7],output:NXM_OF_IN_PORT[]),learn(table=11,limit=5,result_dst=NXM_NX_REG0[3],NXM_OF_VLAN_TCI[0..11])",
    "table=10, tun_src=1.2.3.4,tun_flags=+oam actions=check_pkt_larger(1500)->NXM_NX_REG9[1],sample(probability=100,collector_set_id=3,obs_domain_id=4,obs_point_id=5,sampling_port=1,ingress),clone(set_field:0x1->reg0,output:2),bundle(eth_src,0,active_backup,ofport,members:1,2,3)",
    "table=13, tcp6,tp_src=5 actions=set_field:5->tcp_src,set_field:6->tcp_dst,set_field:7->nw_ttl,set_field:fe80::5->ipv6_dst",
    "table=15, idle_timeout=10, hard_timeout=20, send_flow_rem sctp,tp_dst=99 actions=drop",
    "table=16, tun_metadata0=0x5/0xff actions=set_field:0x77/0xff->tun_metadata0,move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG15[0..15],set_field:0x30000/0x7fff0000->tun_metadata0,delete_field:tun_metadata0",
    "table=0, arp,dl_vlan=4,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,arp_spa=1.1.1.1,arp_tpa=1.1.1.2,arp_op=1,arp_sha=00:00:00:00:00:04,arp_tha=00:00:00:00:00:05 actions=drop",
    "table=0, reg0=0x1,tun_id=0x1,tun_src=1.1.1.1,tun_dst=1.1.1.2,tun_gbp_flags=0x1,tun_flags=+oam,tun_metadata0=0x5,tun_metadata1=0x7/0xf,metadata=0x4,in_port=3 actions=drop",
    "table=0, mpls,mpls_label=1,mpls_tc=2,mpls_ttl=4,mpls_bos=1 actions=drop",
    "table=0, pkt_mark=0x4,dp_hash=0x5/0xf actions=drop",
    "table=0, priority=4,pkt_mark=0x1,conj_id=3 actions=drop",
    "table=0, ip,nw_proto=5 actions=drop",
    "table=0, rarp,arp_op=3 actions=drop",
    "table=0, dl_type=0x1234 actions=drop",
    "table=0, dl_vlan_pcp=4 actions=drop",
    "table=0, ct_state=new|trk,ip actions=drop",
    "table=0, ct_state=+new-trk-snat actions=drop",
    "table=0, ip,nw_frag=not_later actions=drop",
    "table=0, tcp,tcp_flags=-fin+syn-rst+ack actions=drop",
    "table=0, ip,nw_src=1.0.3.0/255.0.255.0 actions=drop",
    "table=0, ipv6,ipv6_src=fe80::1/ffff::ff actions=drop",
    "table=0, reg3=0/0xff actions=drop",
    "table=0, ip actions=ct()",
    "table=0, ip actions=ct(commit,nat(src=10.0.0.1-10.0.0.3:5,hash))",
    "table=0, ipv6 actions=ct(commit,nat(src=[fe80::1]-[fe80::5]:6-9,random)),ct(nat),ct(commit,nat(dst=fe80::1))",
    "table=0, ip actions=resubmit:3,resubmit(3,4),resubmit(,4,ct),clone(drop),IN_PORT,LOCAL,TABLE,ALL,exit,pop_queue",
    "table=0, ip actions=bundle_load(nw_src,0,active_backup,ofport,NXM_NX_REG0[],members:4,5),multipath(symmetric_l3l4,1024,hrw,12,0,NXM_NX_REG0[])",
    "table=0, ip actions=meter:5,set_queue:16,group:7,output:NXM_NX_REG0[0..15],output(port=5,max_len=100)",
    "table=0, actions=clear_actions,write_actions(output:4,set_field:0x5->reg0),goto_table:7",
    "table=0, ip actions=learn(table=5,NXM_OF_ETH_SRC[0..15]=0x3,ip_src=1.2.3.4,eth_src=00:01:02:03:04:05)",
];

/// Other spellings, and what they come out as.
const SPELLINGS: &[(&str, &str)] = &[
    ("priority=32768,actions=1", "table=0, actions=output:1"),
    ("dl_vlan=0xffff,actions=drop", "table=0, vlan_tci=0x0000/0x1fff actions=drop"),
    ("vlan_tci=0xb123,actions=drop", "table=0, dl_vlan=291,dl_vlan_pcp=5 actions=drop"),
    ("vlan_tci=0x1005/0x1ff0,actions=drop", "table=0, vlan_tci=0x1000/0x1ff0 actions=drop"),
    ("xxreg0=0x1,actions=drop", "table=0, reg0=0,reg1=0,reg2=0,reg3=0x1 actions=drop"),
    ("icmp6,icmpv6_type=5,actions=drop", "table=0, icmp6,icmp_type=5 actions=drop"),
    ("ip,ip_dscp=5,actions=drop", "table=0, ip,nw_tos=20 actions=drop"),
    (
        "eth_dst=01:00:00:00:00:00/01:00:00:00:00:00,eth_type=0x800,actions=drop",
        "table=0, ip,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=drop",
    ),
    ("ip,actions=load:0x5->reg3[4..9]", "table=0, ip actions=set_field:0x50/0x3f0->reg3"),
    ("ip,actions=mod_vlan_vid:5", "table=0, ip actions=push_vlan:0x8100,set_field:4101->vlan_vid"),
    ("ip,actions=set_tunnel:5", "table=0, ip actions=set_field:0x5->tun_id"),
    ("ip,actions=controller,note:", "table=0, ip actions=CONTROLLER:65535,note:"),
    (
        "ip,actions=push:reg0,move:eth_src->eth_dst",
        "table=0, ip actions=push:NXM_NX_REG0[],move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
    ),
    ("ip,actions=set_field:+oam->tun_flags", "table=0, ip actions=set_field:oam->tun_flags"),
    (
        " cookie=0x0, duration=0.175s, table=3, n_packets=0, n_bytes=0, idle_age=0, priority=100,in_port=1 actions=drop",
        "table=3, priority=100,in_port=1 actions=drop",
    ),
];

#[test]
fn what_the_peer_prints_is_read_and_printed_the_same() {
    for &text in CANONICAL {
        let flow: FlowMod = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(flow.to_string(), text);
        // And its octets say the same.
        let octets = Body::FlowMod(flow.clone()).with_xid(1).encode(Version::Of15);
        let read = Message::decode(Version::Of15, &octets).unwrap_or_else(|e| panic!("{text}: {e}"));
        let Body::FlowMod(read) = read.body else { panic!("not a flow") };
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn other_spellings_come_out_as_the_peer_prints_them() {
    for &(text, canonical) in SPELLINGS {
        let flow: FlowMod = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(flow.to_string(), canonical);
    }
}

#[test]
fn errors_say_what_was_found_and_expected() {
    let refused = |text: &str| text.parse::<FlowMod>().unwrap_err().to_string();
    insta::assert_snapshot!(refused("in_port=1"), @r#""in_port=1": expected actions="#);
    insta::assert_snapshot!(refused("colour=1,actions=drop"), @r#""colour": expected a field or a protocol"#);
    insta::assert_snapshot!(refused("nw_src=1.2.3,actions=drop"), @r#""1.2.3": expected a value of nw_src"#);
    insta::assert_snapshot!(refused("actions=resubmit(,300)"), @r#""300": expected a number (table)"#);
    insta::assert_snapshot!(refused("actions=fly"), @r#""fly": expected an action"#);
    insta::assert_snapshot!(refused("actions=ct(commit,colour=3)"), @r#""colour=3": expected an argument of ct"#);
    insta::assert_snapshot!(refused(&format!("actions={}{}", "clone(".repeat(99), ")".repeat(99))), @r#""clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(cl": expected less nesting of actions"#);
}
