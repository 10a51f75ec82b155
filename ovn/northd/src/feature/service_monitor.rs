//! The address set `svc_monitor_mac`, by which flows know the packets that watch services.

use incr::Emit;

use crate::model::Global;
use crate::network::Network;
use crate::output::Output;

/// The set with the addresses that northd has chosen.
pub fn address_set(global: &Global, emit: &mut Emit<Network>) {
    let macs = [global.service_monitor_mac, global.service_monitor_mac_inside];
    for mac in macs.into_iter().flatten() {
        emit.output(Output::Address { set: "svc_monitor_mac".into(), address: Some(mac.to_string().into()) });
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn the_set_has_the_addresses_of_the_options() {
        let script = "set NB_Global svc_monitor_mac=0a:00:00:00:00:01 svc_monitor_mac_dst=bogus";
        assert_eq!(check(script, &["address"]), "address set svc_monitor_mac has 0a:00:00:00:00:01");
    }
}
