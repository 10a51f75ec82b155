//! Tables: how full they are, how they are set up and what they can.

use std::fmt::Write as _;

use super::groups::action_names;
use crate::{ActionAbilities, Field, FlowAbilities, TableDesc, TableFeatures, TableStats, Vacancy, Version};

/// Tables one after the other; those that say the same as the one before are named together.
fn grouped<T>(list: &[T], number: impl Fn(&T) -> u8, text: impl Fn(&T) -> String) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(first) = list.get(at) {
        let said = text(first);
        blocks.push(format!("  table {}:\n{said}", number(first)));
        let same = list[at + 1..].iter().take_while(|next| text(next) == said).count();
        match same {
            0 => {}
            1 => blocks.push(format!("  table {}: ditto\n", number(&list[at + 1]))),
            n => blocks.push(format!(
                "  tables {}...{}: ditto\n",
                number(&list[at + 1]),
                number(&list[at + n])
            )),
        }
        at += 1 + same;
    }
    format!("\n{}", blocks.join("\n"))
}

pub(super) fn stats(list: &[TableStats]) -> String {
    let text =
        |m: &TableStats| format!("    active={}, lookup={}, matched={}\n", m.active, m.lookups, m.matched);
    grouped(list, |m| m.table, text)
}

/// Reasons by which flows are chosen to make room, by their bits.
const EVICTION: [&str; 3] = ["OTHER", "IMPORTANCE", "LIFETIME"];

/// Each table for itself.
pub(super) fn descs(list: &[TableDesc]) -> String {
    let one = |m: &TableDesc| {
        let on = |bit: u32| if m.config & bit != 0 { "on" } else { "off" };
        let reasons = EVICTION.iter().enumerate().filter(|(bit, _)| m.eviction.unwrap_or(0) >> bit & 1 != 0);
        let reasons: Vec<&str> = reasons.map(|(_, name)| *name).collect();
        let mut text = format!("  table {}:\n   eviction={}", m.table, on(TableDesc::EVICTION));
        if m.eviction.is_some() {
            let none = reasons.is_empty().then_some("0");
            text += &format!(" eviction_flags={}", none.map_or_else(|| reasons.join("|"), str::to_owned));
        }
        text += &format!("\n   vacancy={}", on(TableDesc::VACANCY));
        if let Some(Vacancy { down, up, now }) = m.vacancy.filter(|_| m.config & TableDesc::VACANCY != 0) {
            text += &format!(" vacancy_down={down}% vacancy_up={up}% vacancy={now}%");
        }
        text + "\n"
    };
    format!("\n{}", list.iter().map(one).collect::<Vec<_>>().join("\n"))
}

/// The last table that there is; beyond it are no flows.
const TABLE_MAX: u8 = 254;

/// Instructions in the order of text.
const INSTRUCTIONS: [(u32, &str); 6] = [
    (6, "meter"),
    (4, "apply_actions"),
    (5, "clear_actions"),
    (3, "write_actions"),
    (2, "write_metadata"),
    (1, "goto_table"),
];

pub(super) fn features(list: &[TableFeatures], version: Version) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(first) = list.get(at) {
        let before = at.checked_sub(1).and_then(|n| list.get(n));
        blocks.push(one_table(first, before, version));
        let same = list[at + 1..].iter().zip(&list[at..]).take_while(|(next, before)| is_alike(next, before));
        let same = same.count();
        match same {
            0 => {}
            1 => blocks.push(format!("  table {}: ditto\n", list[at + 1].table)),
            n => {
                let (from, to) = (list[at + 1].table, list[at + n].table);
                blocks.push(format!("  tables {from}...{to}: ditto\n"));
            }
        }
        at += 1 + same;
    }
    format!("\n{}\n", blocks.join("\n"))
}

/// Whether a table can what the one before can, where going on to the tables behind each is the same.
fn is_alike(next: &TableFeatures, before: &TableFeatures) -> bool {
    let behind = |tables: &[u8]| tables.iter().copied().filter(|n| *n != next.table).collect::<Vec<_>>();
    let same_flows = |a: &FlowAbilities, b: &FlowAbilities| {
        let (ours, theirs) = (behind(&a.next), behind(&b.next));
        ours == theirs
            && a.next.is_empty() == b.next.is_empty()
            && FlowAbilities { next: Vec::new(), ..a.clone() }
                == FlowAbilities { next: Vec::new(), ..b.clone() }
    };
    let same_miss = match (&next.miss, &before.miss) {
        (Some(a), Some(b)) => same_flows(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    (next.metadata_match, next.metadata_write, next.capabilities, next.max_entries)
        == (before.metadata_match, before.metadata_write, before.capabilities, before.max_entries)
        && (next.name.is_empty(), before.name.is_empty()) == (true, true)
        && same_flows(&next.flows, &before.flows)
        && same_miss
        && is_matching_alike(next, before)
}

fn is_matching_alike(a: &TableFeatures, b: &TableFeatures) -> bool {
    (&a.matching, &a.maskable, &a.wildcards) == (&b.matching, &b.maskable, &b.wildcards)
}

fn one_table(m: &TableFeatures, before: Option<&TableFeatures>, version: Version) -> String {
    let name = if m.name.is_empty() { String::new() } else { format!(" (\"{}\")", m.name) };
    let mut text = format!(
        "  table {}{name}:\n    metadata: match={:#x} write={:#x}\n",
        m.table, m.metadata_match, m.metadata_write
    );
    if version >= Version::Of14 {
        for (bit, what) in [(4, "eviction"), (8, "vacancy events")] {
            let not = if m.capabilities & bit == 0 { "not " } else { "" };
            // Writing into a string cannot fail.
            let _ = writeln!(text, "    {what}: {not}supported");
        }
    }
    let _ = writeln!(text, "    max_entries={}", m.max_entries);
    let before_flows = before.filter(|before| before.miss.is_none() && m.miss.is_none());
    match &m.miss {
        None => text += &flows("table miss and others", &m.flows, before_flows.map(|before| &before.flows)),
        Some(miss) => {
            text += &flows("other than table miss", &m.flows, None);
            text += &flows("table miss", miss, None);
        }
    }
    if before.is_some_and(|before| is_matching_alike(m, before)) {
        return text + "    (same matching)\n";
    }
    text + &matching(m)
}

fn flows(which: &str, m: &FlowAbilities, before: Option<&FlowAbilities>) -> String {
    let mut text = format!("    instructions ({which}):\n");
    if !m.next.is_empty() {
        let _ = writeln!(text, "      next tables: {}", ranges(&m.next));
    }
    let set = INSTRUCTIONS.iter().filter(|(bit, _)| m.instructions >> bit & 1 != 0).map(|(_, name)| *name);
    let _ = writeln!(text, "      instructions: {}", or_none(&set.collect::<Vec<_>>().join(" ")));
    if before.is_some_and(|before| before.write == m.write && before.apply == m.apply) {
        return text + "      (same actions)\n";
    }
    if m.write == m.apply {
        return text + &actions("Write-Actions and Apply-Actions", &m.write);
    }
    text + &actions("Write-Actions", &m.write) + &actions("Apply-Actions", &m.apply)
}

fn actions(which: &str, m: &ActionAbilities) -> String {
    format!(
        "      {which} features:\n        actions: {}\n        supported on Set-Field: {}\n",
        or_none(&action_names(m.actions)),
        or_none(&names(&m.set_fields))
    )
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "(none)" } else { text }
}

/// Fields by how they may be matched.
fn matching(m: &TableFeatures) -> String {
    let kinds = [
        ("arbitrary mask", true, true),
        ("exact match or wildcard", false, true),
        ("must exact match", false, false),
        ("must match, with a mask", true, false),
    ];
    let mut text = "    matching:\n".to_owned();
    for (kind, masked, optional) in kinds {
        let is_such =
            |field: &&Field| m.maskable.contains(field) == masked && m.wildcards.contains(field) == optional;
        let fields: Vec<Field> = m.matching.iter().filter(is_such).copied().collect();
        if !fields.is_empty() {
            let _ = writeln!(text, "      {kind}: {}", names(&fields));
        }
    }
    text
}

/// Numbers of tables as ranges.
fn ranges(tables: &[u8]) -> String {
    let mut sorted: Vec<u8> = tables.iter().copied().filter(|table| *table <= TABLE_MAX).collect();
    sorted.sort_unstable();
    let parts = sorted.chunk_by(|a, b| a.checked_add(1) == Some(*b)).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// Names of fields; what begins alike is told once: `eth_{src,dst} reg0...reg15`.
fn names(fields: &[Field]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_by_key(|field| (rank(*field), ip_rank(*field), *field));
    let names: Vec<String> = sorted.iter().map(Field::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    folded(&names, " ")
}

/// Fields in the order of text, which begins otherwise than that of matches on the wire.
fn rank(field: Field) -> u8 {
    match field {
        Field::DpHash => 0,
        Field::RecircId => 1,
        Field::PacketType => 2,
        Field::ConjId => 3,
        field if field < Field::Reg(0) => 4,
        Field::Metadata => 5,
        Field::InPort16 => 6,
        Field::Reg(_) | Field::XReg(_) | Field::XXReg(_) => 8,
        field if field < Field::EthSrc => 7,
        field if (Field::NshFlags..=Field::NshTtl).contains(&field) => 10,
        _ => 9,
    }
}

/// The same of what IP headers have.
fn ip_rank(field: Field) -> u8 {
    match field {
        Field::IpTos => 1,
        Field::IpDscp => 2,
        Field::IpEcn => 3,
        Field::IpTtl => 4,
        Field::IpFrag => 5,
        field if field < Field::IpTtl => 0,
        _ => 6,
    }
}

fn folded(names: &[&str], separator: &str) -> String {
    let stem = |name: &str| name.split_once('_').map(|(stem, _)| stem.to_owned());
    let parts = names.chunk_by(|a, b| stem(a).is_some() && stem(a) == stem(b)).map(|alike| {
        let Some(stem) = stem(alike[0]).filter(|_| alike.len() > 1) else {
            return alike.to_vec().join(separator);
        };
        let rests: Vec<&str> = alike.iter().map(|name| &name[stem.len() + 1..]).collect();
        format!("{stem}_{{{}}}", folded(&rests, ","))
    });
    let parts: Vec<String> = parts.collect();
    let runs = parts.chunk_by(|a, b| follows(a, b)).map(|run| match run {
        [first, .., last] => format!("{first}...{last}"),
        _ => run.concat(),
    });
    runs.collect::<Vec<_>>().join(separator)
}

/// Whether two names differ in their number alone, and the second one's is the next.
fn follows(a: &str, b: &str) -> bool {
    let numbered = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        Some((name[..stem].to_owned(), name[stem..].parse::<u32>().ok()?))
    };
    match (numbered(a), numbered(b)) {
        (Some((a, n)), Some((b, m))) => a == b && n + 1 == m,
        _ => false,
    }
}
