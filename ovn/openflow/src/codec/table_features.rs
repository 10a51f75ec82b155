//! What a table can: sizes, then properties, each a list. OpenFlow 1.5.1 section 7.3.5.18, 1.3.5 section 7.3.5.5.

use super::multipart::entry;
use super::octets::{Put, Reader, Result};
use super::oxm::{self, HeaderStyle};
use super::port;
use super::prop::{put_prop, read_prop};
use crate::{ActionAbilities, Field, FlowAbilities, Maskable, TableDesc, TableFeatures, Vacancy, Version};

/// Properties of the configuration of a table (OpenFlow 1.5.1 section 7.3.4.3).
const EVICTION: u16 = 2;
const VACANCY: u16 = 3;

pub(super) fn read_desc(r: &mut Reader<'_>) -> Result<TableDesc> {
    let mut r = entry(r)?;
    let table = r.u8()?;
    r.skip(1)?;
    let mut desc = TableDesc { table, config: r.u32()?, eviction: None, vacancy: None };
    while !r.is_empty() {
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            EVICTION => desc.eviction = Some(body.u32()?),
            VACANCY => desc.vacancy = Some(Vacancy { down: body.u8()?, up: body.u8()?, now: body.u8()? }),
            _ => {}
        }
    }
    Ok(desc)
}

pub(super) fn put_desc(out: &mut Vec<u8>, desc: &TableDesc) {
    let start = out.len();
    out.zeros(2);
    out.put(&[desc.table, 0]);
    out.put_u32(desc.config);
    if let Some(reasons) = desc.eviction {
        put_prop(out, EVICTION, |out| out.put_u32(reasons));
    }
    if let Some(Vacancy { down, up, now }) = desc.vacancy {
        put_prop(out, VACANCY, |out| out.put(&[down, up, now, 0]));
    }
    out.patch_len(start, start);
}

/// Numbers of properties; that of a table miss is one more.
mod prop {
    pub(super) const INSTRUCTIONS: u16 = 0;
    pub(super) const NEXT_TABLES: u16 = 2;
    pub(super) const WRITE_ACTIONS: u16 = 4;
    pub(super) const APPLY_ACTIONS: u16 = 6;
    pub(super) const MATCH: u16 = 8;
    pub(super) const WILDCARDS: u16 = 10;
    pub(super) const WRITE_SET_FIELD: u16 = 12;
    pub(super) const APPLY_SET_FIELD: u16 = 14;
    /// The greatest that there can be twice.
    pub(super) const MISS_MAX: u16 = 15;
}

pub(super) fn read(r: &mut Reader<'_>, version: Version) -> Result<TableFeatures> {
    let mut r = entry(r)?;
    let table = r.u8()?;
    r.skip(5)?;
    let name = port::fixed_text(r.take(32)?);
    let (metadata_match, metadata_write, capabilities, max_entries) =
        (r.u64()?, r.u64()?, r.u32()?, r.u32()?);
    let mut features = TableFeatures {
        table,
        name,
        metadata_match,
        metadata_write,
        // Before OpenFlow 1.4 it is a configuration that says nothing.
        capabilities: if version >= Version::Of14 { capabilities } else { 0 },
        max_entries,
        flows: FlowAbilities::default(),
        miss: None,
        matching: Vec::new(),
        maskable: Vec::new(),
        wildcards: Vec::new(),
    };
    let mut miss = Vec::new();
    while !r.is_empty() {
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            prop::MATCH => {
                let fields = read_fields(&mut body)?;
                features.maskable =
                    fields.iter().filter(|(_, mask)| *mask).map(|(field, _)| *field).collect();
                features.matching = fields.into_iter().map(|(field, _)| field).collect();
            }
            prop::WILDCARDS => features.wildcards = plain(read_fields(&mut body)?),
            // Where a miss is as other flows are, its properties are left out.
            0..=prop::MISS_MAX if kind % 2 == 1 => miss.push((kind - 1, body)),
            kind => read_ability(&mut features.flows, kind, &mut body)?,
        }
    }
    if !miss.is_empty() {
        let mut abilities = features.flows.clone();
        for (kind, mut body) in miss {
            read_ability(&mut abilities, kind, &mut body)?;
        }
        features.miss = Some(abilities).filter(|miss| *miss != features.flows);
    }
    Ok(features)
}

/// Properties that nobody here knows are passed over.
fn read_ability(abilities: &mut FlowAbilities, kind: u16, body: &mut Reader<'_>) -> Result<()> {
    match kind {
        prop::INSTRUCTIONS => abilities.instructions = read_types(body)?,
        prop::NEXT_TABLES => abilities.next = body.rest().to_vec(),
        prop::WRITE_ACTIONS => abilities.write.actions = read_types(body)?,
        prop::APPLY_ACTIONS => abilities.apply.actions = read_types(body)?,
        prop::WRITE_SET_FIELD => abilities.write.set_fields = plain(read_fields(body)?),
        prop::APPLY_SET_FIELD => abilities.apply.set_fields = plain(read_fields(body)?),
        _ => {}
    }
    Ok(())
}

/// Types of instructions or actions as bits; those of experimenters have none.
fn read_types(r: &mut Reader<'_>) -> Result<u32> {
    let mut bits = 0;
    while !r.is_empty() {
        let (kind, length) = (r.u16()?, usize::from(r.u16()?));
        r.skip(length.saturating_sub(4))?;
        bits |= 1u32.checked_shl(kind.into()).unwrap_or(0);
    }
    Ok(bits)
}

/// The fields that are known, each with whether it has a mask.
fn read_fields(r: &mut Reader<'_>) -> Result<Vec<(Field, bool)>> {
    let mut fields = Vec::new();
    while !r.is_empty() {
        fields.extend(oxm::read_id(r)?);
    }
    Ok(fields)
}

fn plain(fields: Vec<(Field, bool)>) -> Vec<Field> {
    fields.into_iter().map(|(field, _)| field).collect()
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, f: &TableFeatures) {
    let start = out.len();
    out.zeros(2);
    out.put_u8(f.table);
    out.zeros(5);
    port::put_fixed_text(out, &f.name, 32);
    out.put_u64(f.metadata_match);
    out.put_u64(f.metadata_write);
    out.put_u32(if version >= Version::Of14 { f.capabilities } else { 0 });
    out.put_u32(f.max_entries);
    put_abilities(out, version, &f.flows, 0);
    if let Some(miss) = &f.miss {
        put_abilities(out, version, miss, 1);
    }
    let style = HeaderStyle::of(version);
    put_prop(out, prop::MATCH, |out| {
        for field in &f.matching {
            let mask = f.maskable.contains(field) && field.maskable() == Maskable::Bits;
            oxm::put_id(out, style, *field, mask);
        }
    });
    put_fields(out, style, prop::WILDCARDS, &f.wildcards);
    out.patch_len(start, start);
}

fn put_abilities(out: &mut Vec<u8>, version: Version, abilities: &FlowAbilities, miss: u16) {
    let style = HeaderStyle::of(version);
    put_types(out, prop::INSTRUCTIONS + miss, abilities.instructions);
    put_prop(out, prop::NEXT_TABLES + miss, |out| out.put(&abilities.next));
    let both = [
        (prop::WRITE_ACTIONS, prop::WRITE_SET_FIELD, &abilities.write),
        (prop::APPLY_ACTIONS, prop::APPLY_SET_FIELD, &abilities.apply),
    ];
    for (actions, fields, ActionAbilities { actions: bits, set_fields }) in both {
        put_types(out, actions + miss, *bits);
        put_fields(out, style, fields + miss, set_fields);
    }
}

fn put_types(out: &mut Vec<u8>, kind: u16, bits: u32) {
    put_prop(out, kind, |out| {
        for n in (0..32).filter(|n| bits >> n & 1 != 0) {
            out.put_u16(n);
            out.put_u16(4);
        }
    });
}

fn put_fields(out: &mut Vec<u8>, style: HeaderStyle, kind: u16, fields: &[Field]) {
    put_prop(out, kind, |out| fields.iter().for_each(|field| oxm::put_id(out, style, *field, false)));
}
