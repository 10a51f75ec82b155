//! The `options` of tunnel and patch interfaces (vswitchd.conf.db(5), Interface table).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ovsdb::Str;

use crate::device::{Captures, TunnelKind};
use crate::port::{Erspan, Setting, Tunnel};

type Options = BTreeMap<Str, Str>;

/// Why an interface cannot be, in upstream's words where operators look for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OptionError {
    #[error("could not open network device {name} (Address family not supported by protocol)")]
    Type { name: String },
    #[error("{name}: {kind} type requires valid '{option}' argument")]
    Missing { name: String, kind: &'static str, option: &'static str },
    #[error("{name}: bad {kind} '{option}'")]
    Bad { name: String, kind: &'static str, option: &'static str },
    #[error("{name}: patch peer must not be self")]
    OwnPeer { name: String },
}

/// The other end of a patch port.
pub(super) fn patch_peer(name: &str, options: &Options) -> Result<String, OptionError> {
    match options.get("peer") {
        Some(peer) if &**peer == name => Err(OptionError::OwnPeer { name: name.to_owned() }),
        Some(peer) if !peer.is_empty() => Ok(peer.to_string()),
        Some(_) | None => Err(OptionError::Missing { name: name.to_owned(), kind: "patch", option: "peer" }),
    }
}

/// Where the options of a dummy interface have its frames recorded.
pub(super) fn captures(options: &Options) -> Captures {
    let file = |option: &str| options.get(option).or_else(|| options.get("pcap")).map(Str::to_string);
    Captures { received: file("rxq_pcap"), sent: file("tx_pcap") }
}

/// The tunnel that the options of an interface of this kind describe.
pub(super) fn tunnel(name: &str, kind: TunnelKind, options: &Options) -> Result<Tunnel, OptionError> {
    let text = kind.name();
    let bad = |option| OptionError::Bad { name: name.to_owned(), kind: text, option };
    let address = |option: &'static str| match options.get(option).map(|value| &**value) {
        None => Ok(Setting::Unset),
        Some("flow") => Ok(Setting::Flow),
        Some(value) => value.parse::<IpAddr>().map(Setting::Fixed).map_err(|_| bad(option)),
    };
    let remote = address("remote_ip")?;
    if remote == Setting::Unset {
        return Err(OptionError::Missing { name: name.to_owned(), kind: text, option: "remote_ip" });
    }
    let local = address("local_ip")?;
    if local == Setting::Flow && remote != Setting::Flow {
        return Err(bad("local_ip"));
    }
    let key =
        |option: &'static str| match options.get(option).or_else(|| options.get("key")).map(|value| &**value)
        {
            None => Ok(Setting::Unset),
            Some("flow") => Ok(Setting::Flow),
            Some(value) => number(value)
                .filter(|key| *key <= key_max(kind))
                .map(Setting::Fixed)
                .ok_or_else(|| bad("key")),
        };
    let octet = |option: &'static str| match options.get(option).map(|value| &**value) {
        None => Ok(Setting::Unset),
        Some("inherit") => Ok(Setting::Flow),
        Some(value) => {
            number(value).and_then(|n| u8::try_from(n).ok()).map(Setting::Fixed).ok_or_else(|| bad(option))
        }
    };
    let udp_port = match options.get("dst_port") {
        None => kind.default_port(),
        Some(port) => port.parse().map_err(|_| bad("dst_port"))?,
    };
    let is = |option: &str| options.get(option).is_some_and(|value| &**value == "true");
    Ok(Tunnel {
        kind,
        remote,
        local,
        in_key: key("in_key")?,
        out_key: key("out_key")?,
        udp_port,
        checksum: is("csum"),
        sequence: is("seq"),
        erspan: erspan(options).map_err(bad)?,
        // The default of upstream: outer packets are not fragmented.
        dont_fragment: options.get("df_default").is_none_or(|value| &**value != "false"),
        tos: octet("tos")?,
        ttl: octet("ttl")?,
    })
}

/// The greatest key that a tunnel can have.
const fn key_max(kind: TunnelKind) -> u32 {
    match kind {
        TunnelKind::Geneve | TunnelKind::Vxlan => (1 << 24) - 1,
        TunnelKind::Gre => u32::MAX,
        TunnelKind::Erspan => 0x3ff,
    }
}

/// What ERSPAN says of frames.
///
/// # Errors
/// The option that cannot be read.
fn erspan(options: &Options) -> Result<Erspan, &'static str> {
    let read = |option: &'static str, radix: u32, most: u32| match options.get(option).map(|value| &**value) {
        None => Ok(Setting::Unset),
        Some("flow") => Ok(Setting::Flow),
        Some(value) => {
            let digits = value.strip_prefix("0x").unwrap_or(value);
            let radix = if digits.len() < value.len() { 16 } else { radix };
            let number = u32::from_str_radix(digits, radix).ok().filter(|n| *n <= most);
            number.map(Setting::Fixed).ok_or(option)
        }
    };
    let octet = |setting| match setting {
        Setting::Fixed(n) => Setting::Fixed(n as u8),
        Setting::Flow => Setting::Flow,
        Setting::Unset => Setting::Unset,
    };
    Ok(Erspan {
        version: octet(read("erspan_ver", 10, 2)?),
        // These are hexadecimal, with a prefix or without.
        index: read("erspan_idx", 16, 0x000f_ffff)?,
        direction: octet(read("erspan_dir", 10, 1)?),
        hwid: octet(read("erspan_hwid", 16, 0x3f)?),
    })
}

/// A number in decimal or, with 0x, in hexadecimal.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect()
    }

    #[test]
    fn options_as_ovn_writes_them() {
        let written = options(&[("remote_ip", "192.168.0.2"), ("key", "flow"), ("csum", "true")]);
        let tunnel = tunnel("ovn-hv2-0", TunnelKind::Geneve, &written).unwrap();
        assert_eq!(tunnel.remote, Setting::Fixed("192.168.0.2".parse().unwrap()));
        assert_eq!((tunnel.in_key, tunnel.out_key, tunnel.udp_port), (Setting::Flow, Setting::Flow, 6081));
        assert!(tunnel.checksum && tunnel.dont_fragment);
    }

    #[test]
    fn what_a_mirror_says_of_frames_is_read_as_ovn_writes_it() {
        let written = options(&[
            ("remote_ip", "192.168.0.2"),
            ("key", "100"),
            ("erspan_idx", "1f"),
            ("erspan_ver", "1"),
            ("erspan_dir", "flow"),
        ]);
        let tunnel = tunnel("ovn-mirror", TunnelKind::Erspan, &written).unwrap();
        let expected = Erspan {
            version: Setting::Fixed(1),
            index: Setting::Fixed(0x1f),
            direction: Setting::Flow,
            hwid: Setting::Unset,
        };
        assert_eq!((tunnel.erspan, tunnel.out_key, tunnel.udp_port), (expected, Setting::Fixed(100), 0));
    }

    #[test]
    fn errors_name_interface_and_option() {
        let error = |kind: TunnelKind, pairs: &[(&str, &str)]| {
            tunnel("t0", kind, &options(pairs)).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error(TunnelKind::Geneve, &[]), @"t0: geneve type requires valid 'remote_ip' argument");
        insta::assert_snapshot!(error(TunnelKind::Vxlan, &[("remote_ip", "x")]), @"t0: bad vxlan 'remote_ip'");
        insta::assert_snapshot!(error(TunnelKind::Geneve, &[("remote_ip", "flow"), ("key", "0x1000000")]), @"t0: bad geneve 'key'");
        insta::assert_snapshot!(error(TunnelKind::Geneve, &[("remote_ip", "::1"), ("local_ip", "flow")]), @"t0: bad geneve 'local_ip'");
        insta::assert_snapshot!(error(TunnelKind::Erspan, &[("remote_ip", "::1"), ("erspan_hwid", "40")]), @"t0: bad erspan 'erspan_hwid'");
        insta::assert_snapshot!(patch_peer("p", &options(&[("peer", "p")])).unwrap_err(), @"p: patch peer must not be self");
        insta::assert_snapshot!(patch_peer("p", &options(&[])).unwrap_err(), @"p: patch type requires valid 'peer' argument");
    }
}
