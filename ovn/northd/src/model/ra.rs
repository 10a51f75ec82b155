//! `Logical_Router_Port.ipv6_ra_configs`: what a router advertises of itself.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ovsdb::Str;
use packet::DnsName;

use crate::model::dhcp::Answer;
use crate::model::options::Options;
use crate::model::prefix::{Family, Prefix};

/// What a router advertises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// `slaac`, `dhcpv6_stateful` or `dhcpv6_stateless`.
    pub mode: Str,
    /// Octets of the longest packet on the link, if that is said.
    pub mtu: Option<u32>,
    /// `MEDIUM`, `HIGH` or `LOW`.
    pub preference: &'static str,
    /// Servers of names, as written.
    pub rdnss: Option<Str>,
    /// Domains that are looked in, with commas between.
    pub dnssl: Option<Str>,
    /// Routes, `PREFERENCE-PREFIX` with commas between.
    pub route_info: Option<Str>,
    /// Seconds between advertisements that nobody asks for, from and to, if there are such.
    pub periodic: Option<(u32, u32)>,
}

impl Advertised {
    /// The shortest packet that every link carries whole (RFC 8200 section 5).
    const MTU_MIN: u32 = 1280;
    /// Seconds between two advertisements, at most (RFC 4861 section 6.2.1).
    const MAX_INTERVAL: u32 = 600;
    const MAX_INTERVAL_RANGE: (u32, u32) = (4, 1800);
    const MIN_INTERVAL: u32 = 3;

    /// Reads the column. Nothing is advertised without a mode.
    pub fn parse(config: &BTreeMap<Str, Str>, complaints: &mut Vec<String>) -> Option<Self> {
        let mode = config.get("address_mode")?;
        if !["slaac", "dhcpv6_stateful", "dhcpv6_stateless"].contains(&&**mode) {
            complaints.push(format!("ipv6_ra_configs:address_mode is \"{mode}\"; nothing is advertised"));
            return None;
        }
        let mut odd = Vec::new();
        let mut understood = |name: &str, is_text: bool| {
            let value = config.get(name)?;
            let written = if is_text { crate::flows::quoted(value) } else { value.to_string() };
            let makes_sense = match name {
                // One, as in upstream's.
                "rdnss" => value.trim().parse::<Ipv6Addr>().is_ok(),
                "dnssl" => value.split(',').all(|domain| DnsName::from_text(domain.trim()).is_some()),
                "route_info" => value.split(',').all(is_route),
                _ => true,
            };
            let is_understood = makes_sense && Answer::RouterAdvertisement.understands(name, &written);
            if !is_understood {
                odd.push(format!("ipv6_ra_configs:{name} is \"{value}\", which cannot be advertised"));
            }
            is_understood.then(|| value.clone())
        };
        let (rdnss, dnssl, route_info) =
            (understood("rdnss", false), understood("dnssl", true), understood("route_info", true));
        let mut options = Options::new(config, "ipv6_ra_configs", &mut odd);
        let preference = match options.text("router_preference").map(|word| &**word) {
            Some("HIGH") => "HIGH",
            Some("LOW") => "LOW",
            Some(_) | None => "MEDIUM",
        };
        let (least, most) = Self::MAX_INTERVAL_RANGE;
        let max =
            options.number("max_interval", 0..=u32::MAX).unwrap_or(Self::MAX_INTERVAL).clamp(least, most);
        let min = options.number("min_interval", 0..=u32::MAX);
        let min = min.unwrap_or(if max >= 9 { max.div_ceil(3) } else { max * 3 / 4 });
        let min = min.min(max * 3 / 4).max(Self::MIN_INTERVAL);
        let this = Self {
            mode: mode.clone(),
            mtu: options.number("mtu", 0..=u32::MAX).filter(|mtu| *mtu >= Self::MTU_MIN),
            preference,
            rdnss,
            dnssl,
            route_info,
            periodic: options.flag("send_periodic", false).then_some((min, max)),
        };
        complaints.append(&mut odd);
        Some(this)
    }
}

/// `PREFERENCE-PREFIX`
fn is_route(text: &str) -> bool {
    let Some((preference, prefix)) = text.split_once('-') else { return false };
    let prefix = Prefix::parse(prefix.trim());
    ["HIGH", "MEDIUM", "LOW"].contains(&preference.trim()) && prefix.is_some_and(|p| p.family() == Family::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(config: &[(&str, &str)]) -> (Option<Advertised>, Vec<String>) {
        let config = config.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect();
        let mut complaints = Vec::new();
        (Advertised::parse(&config, &mut complaints), complaints)
    }

    #[test]
    fn intervals_stay_in_their_bounds() {
        let intervals = |max: &str, min: &str| {
            let config = [
                ("address_mode", "slaac"),
                ("send_periodic", "true"),
                ("max_interval", max),
                ("min_interval", min),
            ];
            parse(&config).0.unwrap().periodic
        };
        assert_eq!(intervals("5000", "2000"), Some((1350, 1800)));
        assert_eq!(intervals("1", "1"), Some((3, 4)));
        assert_eq!(intervals("60", "20"), Some((20, 60)));
        let config = [("address_mode", "slaac"), ("send_periodic", "true")];
        assert_eq!(parse(&config).0.unwrap().periodic, Some((200, 600)));
    }

    #[test]
    fn what_cannot_be_advertised_is_left_out() {
        let config = [
            ("address_mode", "slaac"),
            ("rdnss", "{fd00::1, fd00::2}"),
            ("mtu", "100"),
            ("route_info", "LOW-10.0.0.0/8"),
            ("dnssl", "a.b"),
        ];
        let (parsed, complaints) = parse(&config);
        let parsed = parsed.unwrap();
        assert_eq!((parsed.rdnss, parsed.mtu, parsed.dnssl.as_deref()), (None, None, Some("a.b")));
        insta::assert_snapshot!(complaints.join("; "), @r#"ipv6_ra_configs:rdnss is "{fd00::1, fd00::2}", which cannot be advertised; ipv6_ra_configs:route_info is "LOW-10.0.0.0/8", which cannot be advertised"#);
        insta::assert_snapshot!(parse(&[("address_mode", "odd")]).1.join("; "), @r#"ipv6_ra_configs:address_mode is "odd"; nothing is advertised"#);
    }
}
