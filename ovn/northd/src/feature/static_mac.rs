//! MAC addresses of neighbours that are given (`Static_MAC_Binding`). Upstream: northd.c, build_static_mac_binding_table.

use std::sync::Arc;

use incr::Emit;
use ovsdb::Uuid;

use crate::network::{Network, View, complain};
use crate::output::{Output, StaticMacRow};

/// The southbound row, as long as the router port is there.
pub fn rows(row: Uuid, view: &View<'_>, emit: &mut Emit<Network>) {
    let Some(given) = view.static_mac(row) else { return };
    let port = view.router_port_named(&given.logical_port);
    let Some(router) = port.and_then(|port| view.router_of(port.uuid)) else {
        let text = format!("there is no router port \"{}\"; it is left out", given.logical_port);
        return complain(emit, &format!("static MAC binding of {}", given.ip), &[text]);
    };
    emit.output(Output::StaticMac(Arc::new(StaticMacRow {
        uuid: row,
        port: given.logical_port.clone(),
        datapath: router.uuid,
        ip: given.ip.clone(),
        mac: given.mac.clone(),
        overrides: given.override_dynamic_mac,
    })));
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check_change;

    #[test]
    fn a_given_address_is_there_while_its_port_is() {
        let script = "static-mac-add rp 10.0.0.9 00:00:00:00:00:09";
        insta::assert_snapshot!(check_change("", script), @r#"+ complaint: static MAC binding of 10.0.0.9: there is no router port "rp"; it is left out"#);
        let change = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";
        let lines = check_change(script, change);
        let lines: Vec<&str> = lines.lines().filter(|line| line.contains("10.0.0.9")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        - complaint: static MAC binding of 10.0.0.9: there is no router port "rp"; it is left out
        + static MAC 10.0.0.9 00:00:00:00:00:09 rp on lr0
        "#);
    }
}
