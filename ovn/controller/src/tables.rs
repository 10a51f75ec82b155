//! The OpenFlow tables of the integration bridge and the registers between them: private to one controller, but
//! numbered as upstream's newest one numbers them, so that a dump reads the same.

use lflow::pipeline::Pipeline;
use openflow::{Field, Subfield};

/// An OpenFlow table of the integration bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfTable(pub u8);

/// Physical to logical: which port a packet came from.
pub const PHY_TO_LOG: OfTable = OfTable(0);
/// First table of the logical ingress pipeline.
pub const LOG_INGRESS: OfTable = OfTable(8);
/// Where `output` of the ingress pipeline goes: packets too large for a tunnel are found here.
pub const OUTPUT_LARGE_PKT_DETECT: OfTable = OfTable(52);
/// What becomes of them.
pub const OUTPUT_LARGE_PKT_PROCESS: OfTable = OfTable(53);
/// To other chassis.
pub const REMOTE_OUTPUT: OfTable = OfTable(54);
/// To hardware gateways and other fabrics.
pub const REMOTE_VTEP_OUTPUT: OfTable = OfTable(55);
/// To ports of this chassis; packets from tunnels go on here.
pub const LOCAL_OUTPUT: OfTable = OfTable(56);
/// Drops what would go back to where it came from.
pub const CHECK_LOOPBACK: OfTable = OfTable(57);
/// First table of the logical egress pipeline.
pub const LOG_EGRESS: OfTable = OfTable(62);
/// Where `output` of the egress pipeline goes.
pub const SAVE_INPORT: OfTable = OfTable(88);
/// Logical to physical: out of a port of the bridge.
pub const LOG_TO_PHY: OfTable = OfTable(89);
/// Which MAC address a next hop has.
pub const MAC_BINDING: OfTable = OfTable(90);
/// Whether a sender's MAC address is known.
pub const MAC_LOOKUP: OfTable = OfTable(91);
/// Whether a load balancer has sent a packet back to its sender.
pub const CHK_LB_HAIRPIN: OfTable = OfTable(92);
/// Whether a packet is the reply to such a one.
pub const CHK_LB_HAIRPIN_REPLY: OfTable = OfTable(93);
/// Translates the source of such a packet.
pub const CT_SNAT_HAIRPIN: OfTable = OfTable(94);
/// Which port a MAC address was learned at.
pub const GET_FDB: OfTable = OfTable(95);
/// Whether a MAC address was learned at this port.
pub const LOOKUP_FDB: OfTable = OfTable(96);
/// Port security of what a port sends.
pub const CHK_IN_PORT_SEC: OfTable = OfTable(97);
/// The same for ARP and neighbour discovery.
pub const CHK_IN_PORT_SEC_ND: OfTable = OfTable(98);
/// Port security of what a port receives.
pub const CHK_OUT_PORT_SEC: OfTable = OfTable(99);

/// Whether a connection came by a next hop with this MAC address: learned flows.
pub const ECMP_NH_MAC: OfTable = OfTable(100);
/// Whether a connection came by a next hop that is remembered: learned flows.
pub const ECMP_NH: OfTable = OfTable(101);
/// Which backend a sender has been given: learned flows.
pub const CHK_LB_AFFINITY: OfTable = OfTable(102);
/// When a neighbour was last heard of.
pub const MAC_CACHE_USE: OfTable = OfTable(103);
/// The IPv4 destination of the packet that began a connection.
pub const CT_ORIG_NW_DST: OfTable = OfTable(105);
/// Its IPv6 destination.
pub const CT_ORIG_IP6_DST: OfTable = OfTable(106);
/// Its destination port.
pub const CT_ORIG_TP_DST: OfTable = OfTable(107);
/// To the chassis of other availability zones.
pub const FLOOD_REMOTE_CHASSIS: OfTable = OfTable(108);
/// The state of a connection, in a register.
pub const CT_STATE_SAVE: OfTable = OfTable(109);
/// The protocol of the packet that began a connection.
pub const CT_ORIG_PROTO: OfTable = OfTable(110);
/// Where an Ethernet VPN knows a MAC address.
pub const GET_REMOTE_FDB: OfTable = OfTable(111);
/// Whether an Ethernet VPN knows a neighbour.
pub const EVPN_ARP_LOOKUP: OfTable = OfTable(113);

/// Ethernet types.
pub const ETH_ARP: u16 = 0x0806;
pub const ETH_IPV4: u16 = 0x0800;
pub const ETH_IPV6: u16 = 0x86dd;

/// The table of a stage.
pub fn of_stage(pipeline: Pipeline, table: u8) -> OfTable {
    match pipeline {
        Pipeline::Ingress => OfTable(LOG_INGRESS.0 + table),
        Pipeline::Egress => OfTable(LOG_EGRESS.0 + table),
    }
}

/// The smallest key of a multicast group; those of ports are below.
pub const MULTICAST_KEY_MIN: u32 = 32768;

/// Logical flags.
pub const FLAGS: Field = Field::Reg(10);
/// Conntrack zone for destination address translation in routers.
pub const DNAT_ZONE: Subfield = Subfield::new(Field::Reg(11), 0, 16);
/// Conntrack zone for source address translation in routers.
pub const SNAT_ZONE: Subfield = Subfield::new(Field::Reg(12), 0, 16);
/// Conntrack zone of the logical port.
pub const PORT_ZONE: Subfield = Subfield::new(Field::Reg(13), 0, 16);
/// Key of the logical input port.
pub const INPORT: Field = Field::Reg(14);
/// Key of the logical output port.
pub const OUTPORT: Field = Field::Reg(15);

/// Key of the logical datapath.
pub const DATAPATH: Field = Field::Metadata;

/// The packet may leave by the port it came from.
pub const FLAG_LOOPBACK: Subfield = Subfield::new(FLAGS, 0, 1);
/// It came from a hardware gateway, and stays on this chassis unless it may loop.
pub const FLAG_RCV_FROM_RAMP: Subfield = Subfield::new(FLAGS, 1, 1);
/// It must not leave this chassis.
pub const FLAG_LOCAL_ONLY: Subfield = Subfield::new(FLAGS, 4, 1);
/// It came from a port nested in another one.
pub const FLAG_NESTED_CONTAINER: Subfield = Subfield::new(FLAGS, 5, 1);
/// It came from a port that every chassis has.
pub const FLAG_LOCALPORT: Subfield = Subfield::new(FLAGS, 10, 1);
/// It may leave by a localnet port although it must stay on this chassis.
pub const FLAG_OVERRIDE_LOCAL_ONLY: Subfield = Subfield::new(FLAGS, 18, 1);
/// A controller has seen the packet.
pub const FLAG_FROM_CTRL: Subfield = Subfield::new(FLAGS, 19, 1);

/// Set on packets whose neighbour is known.
pub const FLAG_LOOKUP_MAC: Subfield = Subfield::new(FLAGS, 6, 1);
/// Set on packets that a load balancer has sent back, and on replies to them.
pub const FLAG_LB_HAIRPIN: Subfield = Subfield::new(FLAGS, 7, 1);
/// Set on packets whose next hop is remembered.
pub const FLAG_COMMIT_ECMP_NH: Subfield = Subfield::new(FLAGS, 13, 1);
/// Set on packets whose sender has a backend already.
pub const FLAG_LB_AFF_SESSION: Subfield = Subfield::new(FLAGS, 14, 1);
/// Set on packets whose neighbour an Ethernet VPN knows.
pub const FLAG_EVPN_LOOKUP: Subfield = Subfield::new(FLAGS, 25, 1);
/// Key of the output port behind a tunnel of an Ethernet VPN.
pub const REMOTE_OUTPORT: Field = Field::Reg(1);
/// Where tables leave an address or a port.
pub const RESULT: Field = Field::XXReg(1);
/// Where a table leaves the state of a connection.
pub const SAVED_CT_STATE: Subfield = Subfield::new(Field::Reg(4), 0, 8);
/// What the destination of a balanced packet was.
pub const LB_ORIGINAL_IP4: Field = Field::Reg(4);
/// The same as northds of 23.03 have it.
pub const LB_ORIGINAL_IP4_BEFORE: Field = Field::Reg(1);
pub const LB_ORIGINAL_IP6: Field = Field::XXReg(1);
pub const LB_ORIGINAL_PORT: Subfield = Subfield::new(Field::Reg(2), 0, 16);
/// Where a learned flow leaves the backend's address and port.
pub const LB_AFF_BACKEND_IP4: Subfield = Subfield::new(Field::Reg(4), 0, 32);
pub const LB_AFF_BACKEND_IP6: Subfield = Subfield::new(Field::XXReg(1), 0, 128);
pub const LB_AFF_BACKEND_PORT: Subfield = Subfield::new(Field::Reg(2), 0, 16);

/// Set on packets that port security refuses.
pub const FLAG_CHECK_PORT_SEC: Subfield = Subfield::new(FLAGS, 12, 1);
/// Set on packets whose source address was learned at the port they came from.
pub const FLAG_LOOKUP_FDB: Subfield = Subfield::new(FLAGS, 8, 1);

/// The table as `resubmit` names it.
impl OfTable {
    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}
