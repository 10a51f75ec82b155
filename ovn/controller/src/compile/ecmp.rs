//! Next hops that connections came by: flows that are learned for both directions.

use lflow::action::CommitEcmpNh;
use openflow::{Action, Field, Learn};

use super::learn::{copies, loads, matches, ports};
use crate::tables;

/// How long a connection without packets is remembered, in seconds.
const IDLE_TIMEOUT: u16 = 20;
/// How long it is remembered at most; packets then have it learned again.
const HARD_TIMEOUT: u16 = 30;

/// Which packets of a connection a flow is for.
#[derive(Clone, Copy)]
enum Direction {
    /// Those like the packet at hand, by the same next hop.
    Same,
    /// Those that answer.
    Opposite,
}

/// `commit_ecmp_nh(...);`
pub(super) fn commit(commit: &CommitEcmpNh, out: &mut Vec<Action>) {
    for direction in [Direction::Same, Direction::Opposite] {
        out.push(learn(commit, direction));
    }
}

fn learn(commit: &CommitEcmpNh, direction: Direction) -> Action {
    let (ether, ip_src, ip_dst) = match commit.ipv6 {
        true => (tables::ETH_IPV6, Field::Ipv6Src, Field::Ipv6Dst),
        false => (tables::ETH_IPV4, Field::Ipv4Src, Field::Ipv4Dst),
    };
    let (port_src, port_dst) = ports(commit.protocol);
    let mut specs = vec![copies(tables::DATAPATH, tables::DATAPATH)];
    let table = match direction {
        Direction::Same => {
            specs.push(copies(Field::EthSrc, Field::EthSrc));
            tables::ECMP_NH_MAC
        }
        Direction::Opposite => tables::ECMP_NH,
    };
    // What the flow's packets have as source is the packet's source or, in answers, its destination.
    let side = |src: Field, dst: Field| match direction {
        Direction::Same => [copies(src, src), copies(dst, dst)],
        Direction::Opposite => [copies(dst, src), copies(src, dst)],
    };
    specs.push(matches(Field::EthType, ether));
    specs.extend(side(ip_src, ip_dst));
    specs.push(matches(Field::IpProto, commit.protocol.number()));
    specs.extend(side(port_src, port_dst));
    specs.push(loads(tables::FLAG_COMMIT_ECMP_NH, 1_u8));
    Action::Learn(Box::new(Learn {
        table: table.number(),
        idle_timeout: IDLE_TIMEOUT,
        hard_timeout: HARD_TIMEOUT,
        delete_learned: true,
        specs,
        ..Learn::default()
    }))
}
