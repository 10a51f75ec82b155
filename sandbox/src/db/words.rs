//! What strings of northbound columns must look like where the schema knows only that they are strings.
//!
//! northd leaves out an address that it cannot read and says so in its log; who writes a topology should hear of it
//! before the lab is there.

use packet::MacAddr;
use std::net::IpAddr;

/// What is expected of `text` in a column, if it is not that.
pub(super) fn complaint(table: &str, column: &str, text: &str) -> Option<&'static str> {
    let (fits, expected): (bool, _) = match (table, column) {
        ("Logical_Switch_Port", "addresses") => (
            is_address(text),
            "expected a MAC address and what IP addresses go with it, such as \"0a:00:00:00:00:01 10.0.0.1\", \
             or unknown, router or dynamic",
        ),
        ("Logical_Switch_Port", "port_security") => (
            is_port_security(text),
            "expected a MAC address and what IP addresses go with it, such as \"0a:00:00:00:00:01 10.0.0.1\"",
        ),
        ("Logical_Router_Port", "mac") => {
            (text.parse::<MacAddr>().is_ok(), "expected a MAC address, such as 0a:00:00:00:00:01")
        }
        ("Logical_Router_Port", "networks") => (
            text.contains('/') && is_network(text),
            "expected an IP address and its prefix, such as 10.0.0.1/24",
        ),
        _ => (true, ""),
    };
    (!fits).then_some(expected)
}

fn is_address(text: &str) -> bool {
    let mut words = text.split_whitespace();
    match words.next() {
        Some("unknown" | "router") => words.next().is_none(),
        Some("dynamic") => words.all(|word| word.parse::<IpAddr>().is_ok()),
        Some(mac) => {
            mac.parse::<MacAddr>().is_ok() && words.all(|word| word == "dynamic" || is_network(word))
        }
        None => false,
    }
}

fn is_port_security(text: &str) -> bool {
    let mut words = text.split_whitespace().skip_while(|word| *word == "VRRPv3");
    words.next().is_some_and(|mac| mac.split('/').all(|part| part.parse::<MacAddr>().is_ok()))
        && words.all(is_network)
}

/// An address, or one with the length or the mask of its network.
fn is_network(text: &str) -> bool {
    let (address, rest) = text.split_once('/').map_or((text, None), |(address, rest)| (address, Some(rest)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    rest.is_none_or(|rest| {
        rest.parse::<u8>().is_ok_and(|length| length <= bits)
            || rest.parse::<IpAddr>().is_ok_and(|mask| mask.is_ipv4() == address.is_ipv4())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_northd_reads_them() {
        for good in [
            "unknown",
            "router",
            "dynamic",
            "dynamic 10.0.0.9",
            "0a:00:00:00:00:01",
            "0a:00:00:00:00:01 dynamic",
            "0a:00:00:00:00:01 10.0.0.1 fd00::1",
            "0a:00:00:00:00:01 10.0.0.1/24",
        ] {
            assert_eq!(complaint("Logical_Switch_Port", "addresses", good), None, "{good}");
        }
        for bad in
            ["", "10.0.0.1", "0a:00:00:00:00:zz 10.0.0.1", "0a:00:00:00:00:01 10.0.0.300", "router 1.2.3.4"]
        {
            assert!(complaint("Logical_Switch_Port", "addresses", bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn port_security_and_routers() {
        let cases = [
            ("Logical_Switch_Port", "port_security", "0a:00:00:00:00:01 10.0.0.0/24 fd00::/64", true),
            ("Logical_Switch_Port", "port_security", "VRRPv3 00:00:5e:00:01:01", true),
            ("Logical_Switch_Port", "port_security", "10.0.0.1", false),
            ("Logical_Router_Port", "mac", "0a:00:00:00:00:01", true),
            ("Logical_Router_Port", "mac", "0a:00", false),
            ("Logical_Router_Port", "networks", "10.0.0.1/255.255.255.0", true),
            ("Logical_Router_Port", "networks", "10.0.0.1/33", false),
            ("Logical_Router_Port", "networks", "10.0.0.1", false),
            ("Logical_Switch", "name", "10.0.0.1", true),
        ];
        for (table, column, text, fits) in cases {
            assert_eq!(complaint(table, column, text).is_none(), fits, "{table} {column} {text}");
        }
    }
}
