//! Fields on the wire: headers, single entries, and whole matches.
//!
//! A header is class 16 bits, field 7, "has mask" 1, length 8; class 0xffff is followed by the vendor, which the
//! length counts. OpenFlow 1.5.1 section 7.2.3; the classes 0 and 1 are Nicira's.

use super::octets::{Put, Reader, Result};
use crate::field::low_bits;
use crate::{ErrorCode, Field, Maskable, Match, MatchField, OxmId, PortNo, Prereq, Subfield, Version};

/// What the copies of `tun_metadata` in actions give as length.
const TUN_METADATA_LENGTH: u8 = 124;

/// Which of its headers a field is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderStyle {
    /// The standard one where there is one.
    Oxm(Version),
    /// Nicira's where there is one.
    Nxm,
}

impl HeaderStyle {
    pub(super) const fn of(version: Version) -> Self {
        match version {
            Version::Of10 => Self::Nxm,
            Version::Of13 | Version::Of14 | Version::Of15 => Self::Oxm(version),
        }
    }

    /// The header of a field; none for the few that are never on the wire.
    fn id(self, field: Field) -> Option<OxmId> {
        match self {
            Self::Nxm => field.nxm().or(field.oxm()),
            // What 1.5 made standard is an extension of the ONF before.
            Self::Oxm(Version::Of15) => field.oxm().or(field.nxm()),
            Self::Oxm(_) => field.alt_oxm().or(field.oxm()).or(field.nxm()),
        }
    }
}

/// The first four (or eight) octets of an entry.
struct Header {
    id: OxmId,
    has_mask: bool,
    /// Octets of value and mask.
    payload: usize,
}

fn read_header(r: &mut Reader<'_>, bad_field: ErrorCode) -> Result<Header> {
    let start = r.clone();
    let word = r.u32()?;
    let class = (word >> 16) as u16;
    let length = usize::from(word as u8);
    let vendor = if class == 0xffff {
        if length < 4 {
            return Err(start.bad(bad_field, "a length with room for the vendor"));
        }
        r.u32()?
    } else {
        0
    };
    let id = OxmId { class, field: (word >> 9 & 0x7f) as u8, vendor };
    let payload = if class == 0xffff { length - 4 } else { length };
    Ok(Header { id, has_mask: word & 0x100 != 0, payload })
}

fn put_header(out: &mut Vec<u8>, id: OxmId, has_mask: bool, payload: usize) {
    let length = payload + if id.class == 0xffff { 4 } else { 0 };
    let low = u32::from(id.field) << 9 | u32::from(has_mask) << 8 | length as u32;
    out.put_u32(u32::from(id.class) << 16 | low);
    if id.class == 0xffff {
        out.put_u32(id.vendor);
    }
}

/// A value of `octets` octets; those beyond 16 must be zero.
fn read_value(r: &mut Reader<'_>, octets: usize) -> Result<u128> {
    let start = r.clone();
    let raw = r.take(octets)?;
    let (high, low) = raw.split_at(octets.saturating_sub(16));
    if high.iter().any(|&b| b != 0) {
        return Err(start.bad(ErrorCode::BAD_VALUE, "an option of at most 16 octets"));
    }
    Ok(low.iter().fold(0, |n, &b| n << 8 | u128::from(b)))
}

pub(super) fn put_value(out: &mut Vec<u8>, value: u128, octets: usize) {
    let bytes = value.to_be_bytes();
    out.zeros(octets.saturating_sub(16));
    out.put(&bytes[16 - octets.min(16)..]);
}

/// One entry: what it is and what it says. `None`: a field that is not known (its octets are skipped).
pub(super) fn read_entry(r: &mut Reader<'_>) -> Result<Option<MatchField>> {
    let start = r.clone();
    let Some(entry) = read_any_entry(r)? else { return Ok(None) };
    let MatchField { field, value, mask } = entry;
    if mask != 0 && mask != field.full_mask() && field.maskable() == Maskable::No {
        return Err(start.bad(ErrorCode::BAD_MASK, "no mask on this field"));
    }
    if field == Field::IpTos && value & 3 != 0 {
        return Err(start.bad(ErrorCode::BAD_VALUE, "the two bits of ECN zero"));
    }
    Ok(Some(entry))
}

/// The same of a field that may have a mask, whichever it is.
pub(super) fn read_any_entry(r: &mut Reader<'_>) -> Result<Option<MatchField>> {
    let start = r.clone();
    let header = read_header(r, ErrorCode::BAD_FIELD)?;
    let Some(field) = Field::from_oxm(header.id) else {
        r.take(header.payload)?;
        return Ok(None);
    };
    let octets = if header.has_mask { header.payload / 2 } else { header.payload };
    let expected = match field {
        Field::TunMetadata(_) => (1..=usize::from(TUN_METADATA_LENGTH)).contains(&octets),
        _ => octets == field.octets(),
    };
    if !expected || (header.has_mask && header.payload % 2 != 0) {
        return Err(start.bad(ErrorCode::BAD_MATCH_LEN, "the length of the field"));
    }
    let value = read_value(r, octets)?;
    let full = match field {
        Field::TunMetadata(_) => low_bits(octets.min(16) as u16 * 8),
        _ => field.full_mask(),
    };
    let mask = if header.has_mask { read_mask(&start, r, octets, full)? } else { full };
    if value & !mask != 0 {
        let code = if header.has_mask { ErrorCode::BAD_WILDCARDS } else { ErrorCode::BAD_VALUE };
        return Err(start.bad(code, "no bits outside of the field and its mask"));
    }
    Ok(Some(MatchField { field, value, mask }))
}

fn read_mask(start: &Reader<'_>, r: &mut Reader<'_>, octets: usize, full: u128) -> Result<u128> {
    let mask = read_value(r, octets)?;
    // All ones in octets that the field does not fill means the whole field.
    if mask == low_bits(octets as u16 * 8) {
        return Ok(full);
    }
    if mask & !full != 0 {
        return Err(start.bad(ErrorCode::BAD_MASK, "a mask within the field"));
    }
    Ok(mask)
}

/// Writes one entry.
pub(super) fn put_entry(out: &mut Vec<u8>, style: HeaderStyle, entry: MatchField) {
    let MatchField { field, value, mask } = entry;
    let Some(id) = style.id(field) else { return };
    let octets = entry_octets(field, mask);
    let has_mask =
        mask != field.full_mask() && !(is_tun_metadata(field) && mask == low_bits(octets as u16 * 8));
    put_header(out, id, has_mask, if has_mask { 2 * octets } else { octets });
    put_value(out, value, octets);
    if has_mask {
        put_value(out, mask, octets);
    }
}

/// A header alone: the field and whether a mask would follow; `None` for a field that is not known.
pub(super) fn read_id(r: &mut Reader<'_>) -> Result<Option<(Field, bool)>> {
    let header = read_header(r, ErrorCode::BAD_FIELD)?;
    Ok(Field::from_oxm(header.id).map(|field| (field, header.has_mask)))
}

/// Writes a header alone.
pub(super) fn put_id(out: &mut Vec<u8>, style: HeaderStyle, field: Field, has_mask: bool) {
    let Some(id) = style.id(field) else { return };
    let octets = if is_tun_metadata(field) { usize::from(TUN_METADATA_LENGTH) } else { field.octets() };
    put_header(out, id, has_mask, if has_mask { 2 * octets } else { octets });
}

/// Writes an entry without mask.
pub(super) fn put_plain(out: &mut Vec<u8>, style: HeaderStyle, field: Field, value: u128) {
    let Some(id) = style.id(field) else { return };
    put_header(out, id, false, entry_octets(field, value));
    put_value(out, value, entry_octets(field, value));
}

const fn is_tun_metadata(field: Field) -> bool {
    matches!(field, Field::TunMetadata(_))
}

/// A Geneve option is as long as its mask, in words of 4 octets.
fn entry_octets(field: Field, mask: u128) -> usize {
    if is_tun_metadata(field) {
        let bits = 128 - mask.leading_zeros() as usize;
        bits.div_ceil(32).max(1) * 4
    } else {
        field.octets()
    }
}

/// A header alone, as actions name fields. An error code of actions answers for unknown ones.
pub(super) fn read_field(r: &mut Reader<'_>) -> Result<Field> {
    let start = r.clone();
    let header = read_header(r, ErrorCode::BAD_SET_TYPE)?;
    let field =
        Field::from_oxm(header.id).ok_or_else(|| start.bad(ErrorCode::BAD_SET_TYPE, "a known field"))?;
    if header.has_mask {
        return Err(start.bad(ErrorCode::BAD_SET_TYPE, "a header without mask"));
    }
    Ok(field)
}

/// Bits of a field, which must fit into it and be at least one.
pub(super) fn subfield(r: &Reader<'_>, field: Field, offset: u16, bits: u16) -> Result<Subfield> {
    if bits == 0 || u32::from(offset) + u32::from(bits) > u32::from(field.bits()) {
        return Err(r.bad(ErrorCode::BAD_ARGUMENT, "bits within the field"));
    }
    Ok(Subfield { field, offset, bits })
}

/// Writes a header without value.
pub(super) fn put_field(out: &mut Vec<u8>, style: HeaderStyle, field: Field) {
    // Fields that have no header at all are refused by every reader of text and octets.
    let id = style.id(field).unwrap_or(OxmId { class: 0xfffe, field: 0, vendor: 0 });
    let length = if is_tun_metadata(field) { usize::from(TUN_METADATA_LENGTH) } else { field.octets() };
    put_header(out, id, false, length);
}

/// What to do about fields that are not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Refuse,
    Skip,
}

/// Entries until the end.
pub(super) fn read_entries(r: &mut Reader<'_>, unknown: Unknown) -> Result<Match> {
    let mut matching = Match::any();
    while !r.is_empty() {
        let start = r.clone();
        let Some(entry) = read_entry(r)? else {
            if unknown == Unknown::Refuse {
                return Err(start.bad(ErrorCode::BAD_FIELD, "a known field"));
            }
            continue;
        };
        let before = Match::any().with_masked(entry.field, entry.value, entry.mask);
        let overlaps = before.iter().any(|f| matching.get(f.field).is_some_and(|old| old.mask & f.mask != 0));
        // A priority and an identifier of a VLAN both say that there is a tag.
        let is_tag = matches!(entry.field, Field::VlanPcp | Field::VlanVid);
        if overlaps && !is_tag && unknown == Unknown::Refuse {
            return Err(start.bad(ErrorCode::DUP_FIELD, "each field once"));
        }
        matching.set_masked(entry.field, entry.value, entry.mask);
        if unknown == Unknown::Refuse && !prereq_holds(&matching, entry.field.prereq()) {
            return Err(start.bad(ErrorCode::BAD_PREREQ, "the fields that it needs before it"));
        }
    }
    Ok(matching)
}

/// Whether a match says all that must be said before a field with this prerequisite.
fn prereq_holds(m: &Match, prereq: Prereq) -> bool {
    let eth = |t: u128| m.exact(Field::EthType) == Some(t);
    let ip = || eth(0x0800) || eth(0x86dd);
    let proto = |p: u128| ip() && m.exact(Field::IpProto) == Some(p);
    let nd = |t: u128| {
        eth(0x86dd)
            && proto(58)
            && m.exact(Field::Icmp6Type) == Some(t)
            && m.exact(Field::Icmp6Code).is_none_or(|code| code == 0)
    };
    match prereq {
        Prereq::None | Prereq::Ethernet => true,
        Prereq::Vlan => m.get(Field::VlanTci).is_some_and(|f| f.value & f.mask & 0x1000 != 0),
        Prereq::Mpls => eth(0x8847) || eth(0x8848),
        Prereq::Ipv4 => eth(0x0800),
        Prereq::Ipv6 => eth(0x86dd),
        Prereq::Ip => ip(),
        Prereq::Arp => eth(0x0806) || eth(0x8035),
        Prereq::Nsh => eth(0x894f) || m.exact(Field::PacketType) == Some(0x0001_894f),
        Prereq::Tcp => proto(6),
        Prereq::Udp => proto(17),
        Prereq::Sctp => proto(132),
        Prereq::Icmp4 => eth(0x0800) && proto(1),
        Prereq::Icmp6 => eth(0x86dd) && proto(58),
        Prereq::Nd => nd(135) || nd(136),
        Prereq::NdSolicit => nd(135),
        Prereq::NdAdvert => nd(136),
        Prereq::Ct => m.get(Field::CtState).is_some_and(|f| f.value & f.mask & 0x20 != 0),
    }
}

/// The entries of a match, without any frame around them.
pub(super) fn put_entries(out: &mut Vec<u8>, style: HeaderStyle, matching: &Match) {
    for entry in matching.iter() {
        match (style, entry.field) {
            (HeaderStyle::Oxm(_), Field::VlanTci) => put_vlan(out, style, entry),
            (HeaderStyle::Nxm, Field::InPort) => put_in_port16(out, style, entry),
            (HeaderStyle::Nxm, Field::IpDscp) => {
                let tos = MatchField {
                    field: Field::IpTos,
                    value: entry.value << 2,
                    mask: Field::IpTos.full_mask(),
                };
                put_entry(out, style, tos);
            }
            _ => put_entry(out, style, entry),
        }
    }
}

/// The standard has no `vlan_tci`; a mask that its two fields cannot say goes out under Nicira's header.
fn put_vlan(out: &mut Vec<u8>, style: HeaderStyle, tci: MatchField) {
    let pcp = tci.mask & 0xe000;
    let tagged = tci.value & 0x1000 != 0;
    if pcp != 0 && !(pcp == 0xe000 && tagged) {
        return put_entry(out, HeaderStyle::Nxm, tci);
    }
    put_entry(
        out,
        style,
        MatchField { field: Field::VlanVid, value: tci.value & 0x1fff, mask: tci.mask & 0x1fff },
    );
    if pcp != 0 {
        put_entry(out, style, MatchField { field: Field::VlanPcp, value: tci.value >> 13, mask: 7 });
    }
}

fn put_in_port16(out: &mut Vec<u8>, style: HeaderStyle, entry: MatchField) {
    let port = PortNo(entry.value as u32).to_u16().unwrap_or(0xffff);
    put_entry(out, style, MatchField { field: Field::InPort16, value: port.into(), mask: 0xffff });
}

/// A match in its frame of type and length (OpenFlow 1.2 and later), padded to 8 octets.
pub(super) fn read_match(r: &mut Reader<'_>, unknown: Unknown) -> Result<Match> {
    let start = r.clone();
    let kind = r.u16()?;
    let length = usize::from(r.u16()?);
    if kind != 1 {
        return Err(start.bad(ErrorCode::BAD_MATCH_TYPE, "a match of type OXM"));
    }
    if length < 4 {
        return Err(start.bad(ErrorCode::BAD_MATCH_LEN, "a match of at least 4 octets"));
    }
    let mut body = r.sub(length - 4)?.with_short(ErrorCode::BAD_MATCH_LEN);
    r.skip(length.next_multiple_of(8) - length)?;
    read_entries(&mut body, unknown)
}

pub(super) fn put_match(out: &mut Vec<u8>, version: Version, matching: &Match) {
    put_framed(out, |out| put_entries(out, HeaderStyle::of(version), matching));
}

/// The frame of a match around entries.
pub(super) fn put_framed(out: &mut Vec<u8>, put_entries: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_u16(1);
    out.put_u16(0);
    put_entries(out);
    out.patch_len(start + 2, start);
    out.pad8(start);
}
