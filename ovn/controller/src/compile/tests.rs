//! What each action becomes, in the text of `ovs-ofctl`.

use std::collections::BTreeMap;

use lflow::action::{self, Context};
use lflow::expr::Ports;
use lflow::pipeline::Pipeline;
use openflow::{Actions, MeterId};

use super::{Environment, actions};

struct Named(BTreeMap<&'static str, u32>);

impl Ports for Named {
    fn key(&self, port: &str) -> Option<u32> {
        self.0.get(port).copied()
    }

    fn is_chassis_resident(&self, _: &str) -> bool {
        false
    }
}

fn compiled(pipeline: Pipeline, table: u8, text: &str) -> String {
    let ports = Named(BTreeMap::from([("p1", 1), ("p2", 2), ("_MC_flood", 0x8000)]));
    let parsed = action::parse(text, Context { pipeline, table }).unwrap();
    let env = Environment {
        ports: &ports,
        pipeline,
        table,
        is_switch: true,
        controller_meter: None,
        meter: &|name| (name == "m").then_some(MeterId(7)),
    };
    Actions(&actions(&parsed.actions, &env).unwrap()).to_string()
}

fn ingress(text: &str) -> String {
    compiled(Pipeline::Ingress, 10, text)
}

#[test]
fn output_goes_to_the_table_of_its_pipeline() {
    insta::assert_snapshot!(ingress("output;"), @"resubmit(,52)");
    insta::assert_snapshot!(compiled(Pipeline::Egress, 3, "output;"), @"resubmit(,88)");
}

#[test]
fn next_is_a_resubmission() {
    insta::assert_snapshot!(ingress("next;"), @"resubmit(,19)");
    insta::assert_snapshot!(ingress("next(pipeline=egress, table=2);"), @"resubmit(,64)");
    insta::assert_snapshot!(ingress("drop;"), @"drop");
}

#[test]
fn assignments() {
    insta::assert_snapshot!(ingress("outport = \"p2\";"), @"set_field:0x2->reg15");
    insta::assert_snapshot!(ingress("outport = \"nobody\";"), @"set_field:0->reg15");
    insta::assert_snapshot!(ingress("reg0[3] = 1; reg9 = 5;"), @"set_field:0x8000000000000000000000000/0x8000000000000000000000000->xxreg0,set_field:0x5/0xffffffff->xreg4");
    insta::assert_snapshot!(ingress("eth.dst = eth.src; eth.src = 0a:00:00:00:00:01;"), @"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:0a:00:00:00:00:01->eth_src");
    insta::assert_snapshot!(ingress("arp.tpa <-> arp.spa;"), @"push:NXM_OF_ARP_SPA[],push:NXM_OF_ARP_TPA[],pop:NXM_OF_ARP_SPA[],pop:NXM_OF_ARP_TPA[]");
    insta::assert_snapshot!(ingress("ip4.src = 10.0.0.0/8;"), @"set_field:10.0.0.0/8->ip_src");
    insta::assert_snapshot!(ingress("flags.loopback = 1; ip.ttl--;"), @"set_field:0x1/0x1->reg10,dec_ttl");
}

#[test]
fn learned_addresses() {
    insta::assert_snapshot!(ingress("put_fdb(inport, eth.src);"), @"controller(userdata=00.00.00.19.00.00.00.00)");
    insta::assert_snapshot!(ingress("outport = get_fdb(eth.dst);"), @"set_field:0->reg15,resubmit(,95)");
    insta::assert_snapshot!(ingress("reg0[11] = lookup_fdb(inport, eth.src);"), @"set_field:0/0x100->reg10,resubmit(,96),move:NXM_NX_REG10[8]->NXM_NX_XXREG0[107]");
}

#[test]
fn port_security() {
    insta::assert_snapshot!(ingress("reg0[15] = check_in_port_sec();"), @"set_field:0/0x1000->reg10,resubmit(,97),move:NXM_NX_REG10[12]->NXM_NX_XXREG0[111]");
    insta::assert_snapshot!(ingress("reg0[15] = check_out_port_sec();"), @"set_field:0/0x1000->reg10,resubmit(,99),move:NXM_NX_REG10[12]->NXM_NX_XXREG0[111]");
}

#[test]
fn connections() {
    insta::assert_snapshot!(ingress("ct_next;"), @"ct(table=19,zone=NXM_NX_REG13[0..15])");
    insta::assert_snapshot!(ingress("ct_lb_mark;"), @"ct(table=19,zone=NXM_NX_REG13[0..15],nat)");
    insta::assert_snapshot!(ingress("ct_commit { ct_mark.blocked = 1; };"), @"ct(commit,zone=NXM_NX_REG13[0..15],exec(set_field:0x1/0x1->ct_mark))");
    insta::assert_snapshot!(ingress("ct_clear;"), @"ct_clear");
}

#[test]
fn packets_for_the_controller() {
    insta::assert_snapshot!(ingress("log(name=\"a\", verdict=drop, severity=info, meter=\"m\");"), @"controller(userdata=00.00.00.07.00.00.00.00.01.06.61,meter_id=7)");
    insta::assert_snapshot!(ingress("clone { outport = \"p1\"; output; };"), @"clone(set_field:0x1->reg15,resubmit(,52))");
}
