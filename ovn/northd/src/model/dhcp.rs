//! `DHCP_Options`: what clients of one network are told, and the settings of other answers that the logical language has
//! names for.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lflow::action::{self, Action, Context};
use lflow::pipeline::Pipeline;
use ovsdb::{Str, Uuid};
use packet::MacAddr;
use schema::nb;

use crate::model::prefix::{Family, Prefix};

/// What clients are told of one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpOptions {
    /// The northbound row.
    pub uuid: Uuid,
    /// The network, if it is one: clients with other addresses are told nothing.
    pub network: Option<Prefix>,
    /// Names and values as the actions have them, without what is no option.
    pub settings: BTreeMap<Str, Str>,
    /// The server's MAC address.
    pub server_mac: Option<MacAddr>,
    /// `server_id` of IPv4.
    pub server: Option<Ipv4Addr>,
    /// Whether addresses of IPv6 come from elsewhere.
    pub is_stateless: bool,
    /// What was not understood.
    pub complaints: Vec<String>,
}

/// An action that answers, with names and values in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `put_dhcp_opts`
    Dhcp4,
    /// `put_dhcpv6_opts`
    Dhcp6,
    /// `put_nd_ra_opts`
    RouterAdvertisement,
}

impl Answer {
    /// Whether the action can be told this. Whatever else the value may contain does not get into a flow.
    pub fn understands(self, name: &str, value: &str) -> bool {
        let context = Context { pipeline: Pipeline::Ingress, table: 0 };
        let (action, required) = match self {
            Self::Dhcp4 => ("put_dhcp_opts", "offerip = 0.0.0.0"),
            Self::Dhcp6 => ("put_dhcpv6_opts", "ia_addr = ::1"),
            Self::RouterAdvertisement => {
                ("put_nd_ra_opts", "addr_mode = \"slaac\", slla = 02:00:00:00:00:01, prefix = fd00::/64")
            }
        };
        let text = format!("reg0[0] = {action}({required}, {name} = {value}); next;");
        let Ok(parsed) = action::parse(&text, context) else { return false };
        let expected = 1 + required.matches(" = ").count();
        match &parsed.actions[..] {
            [
                Action::PutDhcpOpts(put) | Action::PutDhcpv6Opts(put) | Action::PutNdRaOpts(put),
                Action::Next(_),
            ] => put.options.len() == expected,
            _ => false,
        }
    }
}

impl DhcpOptions {
    /// Reads a row.
    pub fn parse(row: &nb::DhcpOptions) -> Self {
        let mut complaints = Vec::new();
        let network = Prefix::parse(&row.cidr);
        if network.is_none() {
            complaints.push(format!("cidr \"{}\" is not ADDRESS/LENGTH", row.cidr));
        }
        let family = network.map_or(Family::V4, |network| network.family());
        let answer = match family {
            Family::V4 => Answer::Dhcp4,
            Family::V6 => Answer::Dhcp6,
        };
        let own = ["server_mac", "dhcpv6_stateless"];
        let mut settings = BTreeMap::new();
        for (name, value) in row.options.iter().filter(|(name, _)| !own.contains(&&***name)) {
            if answer.understands(name, value) {
                settings.insert(name.clone(), value.clone());
            } else {
                complaints.push(format!("options:{name} is \"{value}\", which no client can be told"));
            }
        }
        let get = |name: &str| row.options.get(name).map(|value| &**value);
        let server_mac = match family {
            Family::V4 => get("server_mac"),
            Family::V6 => get("server_id"),
        };
        let server_mac = server_mac.and_then(|mac| mac.parse().ok());
        let server = get("server_id").and_then(|id| id.parse().ok());
        let lacks = match family {
            Family::V4 => server_mac.is_none() || server.is_none() || !settings.contains_key("lease_time"),
            Family::V6 => server_mac.is_none(),
        };
        if lacks {
            let needed = match family {
                Family::V4 => "server_id, server_mac and lease_time",
                Family::V6 => "server_id, a MAC address",
            };
            complaints.push(format!("nobody is answered without {needed}"));
        }
        Self {
            uuid: row.uuid,
            network: network.filter(|_| !lacks),
            settings,
            server_mac,
            server,
            is_stateless: get("dhcpv6_stateless").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            complaints,
        }
    }
}

/// `name = value, ...` as actions have it.
pub fn list<'a>(settings: impl IntoIterator<Item = (&'a Str, &'a Str)>) -> String {
    let texts: Vec<String> = settings.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(cidr: &str, options: &[(&str, &str)]) -> DhcpOptions {
        let options = options.iter().map(|(name, value)| (Str::from(*name), Str::from(*value))).collect();
        DhcpOptions::parse(&nb::DhcpOptions { cidr: cidr.into(), options, ..Default::default() })
    }

    #[test]
    fn what_no_client_can_be_told_is_left_out() {
        let server = [("server_id", "10.0.0.254"), ("server_mac", "0a:00:00:00:00:fe"), ("lease_time", "60")];
        let odd = [
            ("mtu", "many"),
            ("nothing", "1"),
            ("router", "10.0.0.1); output; next; reg0[0] = put_dhcp_opts(offerip = 1.1.1.1"),
        ];
        let row = parse("10.0.0.0/24", &[&server[..], &odd[..]].concat());
        assert_eq!(list(&row.settings), "lease_time = 60, server_id = 10.0.0.254");
        assert!(row.network.is_some());
        insta::assert_snapshot!(row.complaints.join("; "), @r#"options:mtu is "many", which no client can be told; options:nothing is "1", which no client can be told; options:router is "10.0.0.1); output; next; reg0[0] = put_dhcp_opts(offerip = 1.1.1.1", which no client can be told"#);
        assert!(!Answer::Dhcp4.understands("mtu", "1, router = 10.0.0.1"));
        assert!(Answer::RouterAdvertisement.understands("rdnss", "fd00::53"));
    }

    #[test]
    fn a_server_has_to_be_named() {
        insta::assert_snapshot!(parse("10.0.0.0/24", &[("lease_time", "60")]).complaints.join("; "), @"nobody is answered without server_id, server_mac and lease_time");
        insta::assert_snapshot!(parse("fd00::/64", &[("server_id", "10.0.0.1")]).complaints.join("; "), @"nobody is answered without server_id, a MAC address");
        insta::assert_snapshot!(parse("here", &[]).complaints.join("; "), @r#"cidr "here" is not ADDRESS/LENGTH; nobody is answered without server_id, server_mac and lease_time"#);
    }
}
