//! `bundle(...)`, `bundle_load(...)` and `multipath(...)`.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::style::Style;
use super::super::value::parse_port_no;
use super::number;
use crate::{Action, Bundle, BundleAlgorithm, HashFields, Multipath, MultipathAlgorithm};
use std::fmt;

const HASHES: [(&str, HashFields); 7] = [
    ("eth_src", HashFields::EthSrc),
    ("symmetric_l4", HashFields::SymmetricL4),
    ("symmetric_l3l4", HashFields::SymmetricL3L4),
    ("symmetric_l3l4+udp", HashFields::SymmetricL3L4Udp),
    ("nw_src", HashFields::Ipv4Src),
    ("nw_dst", HashFields::Ipv4Dst),
    ("symmetric_l3", HashFields::SymmetricL3),
];

const ALGORITHMS: [(&str, BundleAlgorithm); 2] =
    [("active_backup", BundleAlgorithm::ActiveBackup), ("hrw", BundleAlgorithm::Hrw)];

const MULTIPATHS: [(&str, MultipathAlgorithm); 4] = [
    ("modulo_n", MultipathAlgorithm::ModuloN),
    ("hash_threshold", MultipathAlgorithm::HashThreshold),
    ("hrw", MultipathAlgorithm::Hrw),
    ("iter_hash", MultipathAlgorithm::IterHash),
];

/// The name of a value in a table that has all of them.
fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name)
}

fn value_of<T: Copy>(table: &[(&str, T)], name: &str, what: &str) -> Result<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).ok_or_else(|| Error::new(name, what))
}

pub(super) fn write(f: &mut fmt::Formatter<'_>, b: &Bundle, style: &Style<'_>) -> fmt::Result {
    let name = if b.dst.is_some() { "bundle_load" } else { "bundle" };
    let (hash, algorithm) = (name_of(&HASHES, &b.fields), name_of(&ALGORITHMS, &b.algorithm));
    write!(f, "{name}({hash},{},{algorithm},ofport,", b.basis)?;
    if let Some(dst) = b.dst {
        write!(f, "{},", bits_text(dst))?;
    }
    let members: Vec<String> = b.members.iter().map(|port| style.port(*port)).collect();
    write!(f, "members:{})", members.join(","))
}

pub(super) fn parse(name: &str, arguments: &str) -> Result<Action> {
    let bad = || Error::new(arguments, "fields,basis,algorithm,ofport,[bits,]members:ports");
    let (head, members) = arguments.split_once("members:").ok_or_else(bad)?;
    let mut head = head.split(',').map(str::trim);
    let mut next = || head.next().ok_or_else(bad);
    let fields = value_of(&HASHES, next()?, "fields to hash")?;
    let basis = number(next()?, "basis")?;
    let algorithm = value_of(&ALGORITHMS, next()?, "an algorithm")?;
    if next()? != "ofport" {
        return Err(bad());
    }
    let dst =
        (name == "bundle_load").then(|| next().and_then(|t| parse_bits(t).ok_or_else(bad))).transpose()?;
    let port = |text: &str| parse_port_no(text.trim()).ok_or_else(|| Error::new(text, "a port"));
    let members = members.split(',').filter(|m| !m.is_empty()).map(port).collect::<Result<_>>()?;
    Ok(Action::Bundle(Box::new(Bundle { algorithm, fields, basis, members, dst })))
}

pub(super) fn write_multipath(f: &mut fmt::Formatter<'_>, m: &Multipath) -> fmt::Result {
    let (hash, algorithm) = (name_of(&HASHES, &m.fields), name_of(&MULTIPATHS, &m.algorithm));
    let links = u32::from(m.max_link) + 1;
    write!(f, "multipath({hash},{},{algorithm},{links},{},{})", m.basis, m.arg, bits_text(m.dst))
}

pub(super) fn parse_multipath(arguments: &str) -> Result<Action> {
    let bad = || Error::new(arguments, "fields,basis,algorithm,links,argument,bits");
    let parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let [fields, basis, algorithm, links, arg, dst] = parts[..] else { return Err(bad()) };
    let links: u32 = number(links, "links")?;
    Ok(Action::Multipath(Multipath {
        fields: value_of(&HASHES, fields, "fields to hash")?,
        basis: number(basis, "basis")?,
        algorithm: value_of(&MULTIPATHS, algorithm, "an algorithm")?,
        max_link: links.checked_sub(1).and_then(|n| u16::try_from(n).ok()).ok_or_else(bad)?,
        arg: number(arg, "argument")?,
        dst: parse_bits(dst).ok_or_else(bad)?,
    }))
}
