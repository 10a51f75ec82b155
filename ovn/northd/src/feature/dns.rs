//! Names that guests of a switch ask for: `Logical_Switch.dns_records`.
//!
//! Stages: `dns_lookup` makes the answer, `dns_response` sends it back. The names themselves are rows of `DNS`.
//! RFC 1035. Upstream: build_lswitch_dns_lookup_and_response, sync_dns_entries.

use std::sync::Arc;

use incr::Emit;
use lflow::pipeline::Stage;

use crate::flows::FlowSink;
use crate::model::Switch;
use crate::network::{Network, View};
use crate::output::{DnsRow, Output};

/// The stages of a switch with names.
pub fn switch_flows(switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let has_names =
        switch.dns_records.iter().filter_map(|row| view.dns(*row)).any(|row| !row.records.is_empty());
    if !has_names {
        return;
    }
    flows.flow(Stage::LsInDnsLookup, 100, "udp.dst == 53", "reg0[4] = dns_lookup(); next;");
    for ip in ["ip4", "ip6"] {
        let actions = format!(
            "eth.dst <-> eth.src; {ip}.src <-> {ip}.dst; udp.dst = udp.src; udp.src = 53; outport = inport; \
             flags.loopback = 1; output;"
        );
        flows.flow(Stage::LsInDnsResponse, 100, "udp.dst == 53 && reg0[4]", actions);
    }
}

/// The rows with the names of a switch. Names are compared without regard to case, so they are written in lower case.
pub fn rows(switch: &Switch, view: &View<'_>, emit: &mut Emit<Network>) {
    for row in switch.dns_records.iter().filter_map(|row| view.dns(*row)) {
        let lower =
            |(name, value): (&ovsdb::Str, &ovsdb::Str)| (name.to_ascii_lowercase().into(), value.clone());
        let row = DnsRow {
            uuid: row.uuid,
            records: row.records.iter().map(lower).collect(),
            is_owned: row.options.get("ovn-owned").is_some_and(|owned| owned.eq_ignore_ascii_case("true")),
        };
        emit.output(Output::Dns { row: Arc::new(row), datapath: switch.uuid });
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, select};

    const SCRIPT: &str = "dns-set n1 VM1.ovn.org=10.0.0.1; ls-add sw0; ls-add sw1; ls-set-dns sw0 n1";

    #[test]
    fn a_switch_with_names_answers() {
        insta::assert_snapshot!(check(SCRIPT, &["dns"]).replace('\n', " | "), @r#"dns sw0 has {"vm1.ovn.org": "10.0.0.1"} owned false | sw0: ls_in_dns_lookup 100 udp.dst == 53 -> reg0[4] = dns_lookup(); next; | sw0: ls_in_dns_lookup 0 1 -> next; | sw1: ls_in_dns_lookup 0 1 -> next; | sw0: ls_in_dns_response 100 udp.dst == 53 && reg0[4] -> eth.dst <-> eth.src; ip4.src <-> ip4.dst; udp.dst = udp.src; udp.src = 53; outport = inport; flags.loopback = 1; output; | sw0: ls_in_dns_response 100 udp.dst == 53 && reg0[4] -> eth.dst <-> eth.src; ip6.src <-> ip6.dst; udp.dst = udp.src; udp.src = 53; outport = inport; flags.loopback = 1; output; | sw0: ls_in_dns_response 0 1 -> next; | sw1: ls_in_dns_response 0 1 -> next;"#);
        assert_eq!(check("ls-add sw0; dns-set n1; ls-set-dns sw0 n1", &["ls_in_dns_lookup 100"]), "");
    }

    #[test]
    fn a_name_that_changes_reaches_the_switches_that_have_it() {
        let mut fixture = Fixture::new(SCRIPT);
        let lines = fixture.run("dns-set n1 vm1.ovn.org=10.0.0.2");
        insta::assert_snapshot!(select(&lines, &["dns"]).replace('\n', " | "), @r#"- dns sw0 has {"vm1.ovn.org": "10.0.0.1"} owned false | + dns sw0 has {"vm1.ovn.org": "10.0.0.2"} owned false"#);
        assert_eq!(fixture.reran(), ["switch sw0"]);
    }
}
