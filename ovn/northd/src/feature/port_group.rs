//! Port groups, and the address sets `NAME_ip4` and `NAME_ip6` that go with them.
//!
//! A southbound group holds the ports of one datapath only, so that a chassis need not know the others; its
//! name begins with the datapath's tunnel key. Upstream: get_sb_port_group_name, sync_addr_sets.

use incr::Emit;
use ovsdb::{Str, Uuid};

use crate::model::{Switch, SwitchPort};
use crate::network::{Network, View};
use crate::output::Output;

/// The address sets of a group, which exist even if no port is in it.
pub fn group_rows(group: Uuid, view: &View<'_>, emit: &mut Emit<Network>) {
    let Some(name) = view.port_group(group) else { return };
    for set in [v4_set(name), v6_set(name)] {
        emit.output(Output::Address { set, address: None });
    }
}

/// A port's part in its groups.
pub fn member_rows(port: &SwitchPort, switch: &Switch, view: &View<'_>, emit: &mut Emit<Network>) {
    let mut groups = view.groups_of_port(port.uuid).peekable();
    if groups.peek().is_none() {
        return;
    }
    let Some(key) = view.datapath_key(switch.uuid).and_then(|assignment| assignment.key) else { return };
    for name in groups {
        emit.output(Output::PortGroupMember {
            group: format!("{key}_{name}").into(),
            port: port.name.clone(),
        });
        for addresses in &port.addresses {
            let v4 = addresses.v4.iter().map(|ip| (v4_set(name), Str::from(ip.to_string())));
            let v6 = addresses.v6.iter().map(|ip| (v6_set(name), Str::from(ip.to_string())));
            for (set, address) in v4.chain(v6) {
                emit.output(Output::Address { set, address: Some(address) });
            }
        }
    }
}

fn v4_set(group: &str) -> Str {
    format!("{group}_ip4").into()
}

fn v6_set(group: &str) -> Str {
    format!("{group}_ip6").into()
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check};

    const SCRIPT: &str = "ls-add sw0; ls-add sw1; lsp-add sw0 p1; lsp-add sw0 p2; lsp-add sw1 p3
        lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.1 fd00::1\"; pg-set pg0 p1 p3; pg-set empty";

    #[test]
    fn a_group_is_one_a_datapath_and_its_addresses_two_sets() {
        insta::assert_snapshot!(check(SCRIPT, &["port group", "address set"]), @r"
        address set empty_ip4
        address set empty_ip6
        address set pg0_ip4
        address set pg0_ip4 has 10.0.0.1
        address set pg0_ip6
        address set pg0_ip6 has fd00::1
        port group 1_pg0 has p1
        port group 2_pg0 has p3
        ");
    }

    #[test]
    fn a_port_more_runs_that_port_only() {
        let mut fixture = Fixture::new(SCRIPT);
        insta::assert_snapshot!(fixture.run("pg-set pg0 p1 p2 p3").join("\n"), @"+ port group 1_pg0 has p2");
        insta::assert_snapshot!(fixture.reran().join(", "), @"switch_port p2");
    }
}
