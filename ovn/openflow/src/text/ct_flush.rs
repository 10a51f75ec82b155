//! Which tracked connections to forget, as `ovs-ofctl ct-flush` and `dpctl/flush-conntrack` read it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{CtFlush, CtTuple};

impl CtFlush {
    /// Reads `[zone=N] [ORIGINAL-TUPLE] [REPLY-TUPLE]`.
    ///
    /// # Errors
    /// What is wrong, in upstream's words.
    pub fn parse(args: &[&str]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut rest = args;
        if let [first, after @ ..] = rest
            && let Some(zone) = first.strip_prefix("zone=")
        {
            wanted.zone = Some(zone.parse().map_err(|_| "failed to parse zone")?);
            rest = after;
        }
        let (original, reply) = match rest {
            [] => (None, None),
            [original] => (Some(*original), None),
            [original, reply] => (Some(*original), Some(*reply)),
            [..] => return Err("invalid arguments".to_owned()),
        };
        let mut tuple = |text: Option<&str>| {
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| parse_tuple(text, &mut wanted.protocol)).transpose()
        };
        let (original, reply) = (tuple(original)?, tuple(reply)?);
        Ok(Self { original, reply, ..wanted })
    }
}

/// A tuple as `FIELD=VALUE,...`; the protocol is that of both.
fn parse_tuple(text: &str, proto: &mut u8) -> Result<CtTuple, String> {
    let mut tuple = CtTuple::default();
    for field in text.split([',', ' ']).filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if value.is_empty() {
            return Err(format!("field {name} missing value"));
        }
        let bad = || format!("failed to parse field {name}");
        let number = || value.parse::<u16>().map_err(|_| bad());
        let octet = || value.parse::<u8>().map_err(|_| bad());
        let v4 = || value.parse::<Ipv4Addr>().map(IpAddr::from).map_err(|_| bad());
        let v6 = || value.parse::<Ipv6Addr>().map(IpAddr::from).map_err(|_| bad());
        if name.starts_with("icmp_") && !matches!(*proto, 1 | 58) {
            return Err("invalid L4 fields".to_owned());
        }
        match name {
            "ct_nw_src" => tuple.src = Some(v4()?),
            "ct_nw_dst" => tuple.dst = Some(v4()?),
            "ct_ipv6_src" => tuple.src = Some(v6()?),
            "ct_ipv6_dst" => tuple.dst = Some(v6()?),
            "ct_nw_proto" => *proto = octet()?,
            "ct_tp_src" => tuple.src_port = Some(number()?),
            "ct_tp_dst" => tuple.dst_port = Some(number()?),
            "icmp_id" => tuple.icmp_id = Some(number()?),
            "icmp_type" => tuple.icmp_type = Some(octet()?),
            "icmp_code" => tuple.icmp_code = Some(octet()?),
            _ => return Err(format!("invalid conntrack tuple field: {name}")),
        }
    }
    if *proto == 0 && (tuple.src_port.is_some() || tuple.dst_port.is_some()) {
        return Err("port is set without protocol".to_owned());
    }
    if matches!(*proto, 1 | 58) {
        // Of ICMP every part counts; what is not given is zero.
        tuple.icmp_id.get_or_insert(0);
        tuple.icmp_type.get_or_insert(0);
        tuple.icmp_code.get_or_insert(0);
    }
    Ok(tuple)
}
