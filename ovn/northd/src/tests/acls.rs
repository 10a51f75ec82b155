//! Access control rules in the scripts of tests.
//!
//! ```text
//! acl-add sw0 from-lport 1000 "ip4" allow-related label=7 log=true apply-after-lb=true
//! acl-set sw0 from-lport 1000 name=n1; acl-del sw0; acl-del pg0 from-lport
//! ```

use std::collections::BTreeSet;

use ovsdb::Uuid;
use schema::nb;

use super::fixture::Rows;

/// Does a command for the rules of a switch or a port group. Nothing happens if there is no such one.
pub(crate) fn command(rows: &mut Rows, verb: &str, owner: &str, args: &[&str]) {
    let Some(known) = acls_of(rows, owner).map(|acls| acls.clone()) else { return };
    let named = |row: &nb::Acl| {
        let mut named = args.iter();
        let mut is = |text: &str| named.next().is_none_or(|named| *named == text);
        is(&row.direction) && is(&row.priority.to_string())
    };
    match (verb, args) {
        ("acl-add", [direction, priority, matches, action, settings @ ..]) => {
            let uuid = rows.uuid(matches);
            let mut row = nb::Acl {
                uuid,
                direction: (*direction).into(),
                priority: priority.parse().expect("a number"),
                r#match: (*matches).into(),
                action: (*action).into(),
                ..Default::default()
            };
            settings.iter().for_each(|setting| set(&mut row, setting));
            rows.acls.insert(uuid, row);
            acls_of(rows, owner).expect("found").insert(uuid);
        }
        ("acl-set", [_, _, settings @ ..]) => {
            for row in rows.acls.values_mut().filter(|row| known.contains(&row.uuid) && named(row)) {
                settings.iter().for_each(|setting| set(row, setting));
            }
        }
        ("acl-del", _) => {
            let gone: BTreeSet<Uuid> =
                known.iter().filter(|acl| rows.acls.get(acl).is_some_and(named)).copied().collect();
            acls_of(rows, owner).expect("found").retain(|acl| !gone.contains(acl));
            rows.acls.retain(|acl, _| !gone.contains(acl));
        }
        (verb, args) => panic!("no command \"{verb} {}\"", args.join(" ")),
    }
}

/// What a rule is called in a list of units.
pub(crate) fn name(rows: &Rows, acl: &Uuid) -> String {
    rows.acls.get(acl).map_or("?".into(), |row| format!("{} {}", row.direction, row.priority))
}

/// Rules go with the switch or group that has them.
pub(crate) fn collect(rows: &mut Rows) {
    let switches = rows.switches.values().flat_map(|row| &row.acls);
    let held: BTreeSet<Uuid> =
        switches.chain(rows.port_groups.values().flat_map(|row| &row.acls)).copied().collect();
    rows.acls.retain(|acl, _| held.contains(acl));
}

fn acls_of<'r>(rows: &'r mut Rows, owner: &str) -> Option<&'r mut BTreeSet<Uuid>> {
    let switch = rows.switches.values_mut().find(|row| &*row.name == owner).map(|row| &mut row.acls);
    switch.or_else(|| rows.port_groups.values_mut().find(|row| &*row.name == owner).map(|row| &mut row.acls))
}

fn set(row: &mut nb::Acl, setting: &str) {
    let (key, value) = setting.split_once('=').expect("a setting");
    match key {
        "name" => row.name = Some(value.into()),
        "severity" => row.severity = Some(value.into()),
        "meter" => row.meter = Some(value.into()),
        "log" => row.log = value == "true",
        "action" => row.action = value.into(),
        "match" => row.r#match = value.into(),
        "label" => row.label = value.parse().expect("a number"),
        "tier" => row.tier = value.parse().expect("a number"),
        option => {
            row.options.insert(option.into(), value.into());
        }
    }
}
