//! Laws of the parser and the printer of actions; single cases are in `tests/actions.lflow`.

use super::*;
use crate::pipeline::Pipeline;
use proptest::prelude::*;

const CONTEXT: Context = Context { pipeline: Pipeline::Ingress, table: 10 };

proptest! {
    #[test]
    fn any_text_is_actions_or_an_error_that_lies_in_it_and_what_is_printed_parses_to_the_same(
        text in "((next|output|drop|reg0|ip4\\.dst|outport|inport|eth\\.src|clone|arp|nd_na|push|pop|log|ct_commit|ct_mark\
            |lookup_fdb|get_fdb|put_fdb|check_in_port_sec|set_queue|verdict|allow|ip\\.ttl|=|<->|;|;|\\(|\\)|\\{|\\}|\\[0\\]|--|5|\"p\"|,) ?){0,12}"
    ) {
        match parse(&text, CONTEXT) {
            Ok(parsed) => {
                let printed = List(&parsed.actions).to_string();
                prop_assert_eq!(parse(&printed, CONTEXT), Ok(parsed));
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}"),
        }
    }
}

/// Every word that begins an action or a part of one.
const WORDS: &[&str] = &[
    "arp {",
    "backend =",
    "backends=",
    "bind_vport(",
    "check_pkt_larger(",
    "chk_evpn_arp(",
    "chk_lb_aff()",
    "clone {",
    "commit_ecmp_nh(",
    "commit_lb_aff(",
    "ct_commit {",
    "ct_commit_nat",
    "ct_commit_to_zone(",
    "ct_dnat(",
    "ct_dnat_in_czone",
    "ct_lb(",
    "ct_lb_mark(",
    "ct_lb_mark_local(",
    "ct_mark = 1",
    "ct_next(",
    "ct_nw_dst()",
    "ct_snat(",
    "ct_snat_to_vip",
    "ct_state_save()",
    "dhcp_relay_req_chk(",
    "dns_lookup()",
    "drop",
    "event =",
    "flood_remote",
    "fwd_group(",
    "get_arp(",
    "get_fdb(",
    "get_nd(",
    "handle_bfd_msg()",
    "handle_dhcpv6_reply",
    "handle_svc_check(",
    "hash_fields=",
    "icmp4 {",
    "icmp4.frag_mtu = 5",
    "icmp6_error {",
    "igmp",
    "log(",
    "lookup_arp(",
    "lookup_nd_ip(",
    "mirror(",
    "mac_cache_use",
    "nd_na {",
    "nd_ns {",
    "next",
    "obs_point=",
    "offerip =",
    "output",
    "probability=",
    "proto = tcp",
    "put_arp(",
    "put_dhcp_opts(",
    "put_dhcpv6_opts(",
    "put_nd(",
    "put_nd_ra_opts(",
    "reg0[0] =",
    "reg8[16..31] =",
    "reject {",
    "sample(",
    "select(",
    "set_meter(",
    "set_queue(",
    "slla =",
    "tcp_reset {",
    "timeout = 5",
    "trigger_event(",
    "values=(",
    "verdict=allow",
    "vip =",
    "skip_snat",
    "inport",
    "ip4.dst",
    "xxreg0",
    "eth.src",
    "dnat",
    "1",
    "100000",
    "1.2.3.4",
    "1.2.3.4/24",
    "fe80::1",
    "0a:00:00:00:00:01",
    "\"p\"",
    "\"1.2.3.4:80\"",
    "$cookie",
    "^v",
    "=",
    "<->",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ";",
    ":",
    "-",
];

proptest! {
    #[test]
    fn any_words_of_the_language_are_actions_or_an_error_that_lies_in_them(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..14),
        table in 0u8..=34,
    ) {
        let text = words.join(" ");
        let context = Context { pipeline: Pipeline::Ingress, table };
        match parse(&text, context) {
            Ok(parsed) => {
                let printed = List(&parsed.actions).to_string();
                prop_assert_eq!(parse(&printed, context), Ok(parsed), "{} prints as {}", text, printed);
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}"),
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_no_reason_to_panic(
        line in proptest::sample::select(include_str!("../../tests/actions.lflow").lines().collect::<Vec<_>>()),
        at in any::<proptest::sample::Index>(),
        with in proptest::option::of(proptest::sample::select(WORDS)),
    ) {
        let (actions, _) = line.split_once(" =>").unwrap_or((line, ""));
        let mut chars: Vec<char> = actions.chars().collect();
        if !chars.is_empty() {
            let at = at.index(chars.len());
            chars.splice(at..=at, with.unwrap_or("").chars());
        }
        let text: String = chars.into_iter().collect();
        if let Err(error) = parse(&text, CONTEXT) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            error.render(&text);
        }
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}output; {}", "clone { ".repeat(depth), "}; ".repeat(depth));
    assert!(parse(&nested(NESTING_MAX), CONTEXT).is_ok());
    let error = parse(&nested(NESTING_MAX + 1), CONTEXT).unwrap_err();
    assert_eq!(error.to_string(), "maximum depth of nested actions reached");
    assert!(parse(&nested(100_000), CONTEXT).is_err());
}

#[test]
fn the_last_table_has_no_next_one() {
    for (pipeline, last) in [(Pipeline::Ingress, 34), (Pipeline::Egress, 15)] {
        let context = Context { pipeline, table: last };
        let error = |text| parse(text, context).unwrap_err().to_string();
        assert_eq!(error("next;"), format!("\"next\" action cannot advance beyond table {last}."));
        assert_eq!(error("ct_next;"), "\"ct_next\" action not allowed in last table.");
        assert_eq!(error("ct_lb_mark;"), "\"ct_lb_mark\" action not allowed in last table.");
        assert!(parse("next(0);", context).is_ok());
    }
}
