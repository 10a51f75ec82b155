//! The datapaths of the switch, which the verbs for zones and capabilities name.

use crate::Failure;
use crate::context::Context;
use crate::needs::Needs;
use ovsdb::{Atom, Datum, Uuid};
use schema::TypedRow;
use schema::vswitch::{CtZone, Datapath, OpenVSwitch};

const ZONES: &str = "ct_zones";

/// Asks for the datapaths with these columns.
pub(super) fn prepare(columns: &[&str], needs: &mut Needs) {
    needs.columns(OpenVSwitch::TABLE, &["datapaths"]);
    needs.columns(Datapath::TABLE, columns);
}

/// The datapath of that name.
///
/// # Errors
/// There is none; `missing` makes the message of its name.
pub(super) fn find(
    context: &Context<'_>,
    name: &str,
    missing: fn(&str) -> String,
) -> Result<Datapath, Failure> {
    let switch = context.view.rows::<OpenVSwitch>()?.into_iter().next();
    let row = switch.and_then(|switch| switch.datapaths.get(name).copied());
    let datapath = row.map(|row| context.view.row::<Datapath>(row)).transpose()?.flatten();
    datapath.ok_or_else(|| Failure::new(missing(name)))
}

/// What verbs that change a datapath say where there is none of the name.
pub(super) fn does_not_exist(name: &str) -> String {
    format!("datapath {name} does not exist")
}

/// What verbs that list say where there is none of the name.
pub(super) fn is_not_found(name: &str) -> String {
    format!("datapath: {name} record not found")
}

/// The zone of a datapath that has this number.
pub(super) fn zone(
    context: &Context<'_>,
    datapath: &Datapath,
    number: i64,
) -> Result<Option<CtZone>, Failure> {
    let row = datapath.ct_zones.get(&number).copied();
    Ok(row.map(|row| context.view.row::<CtZone>(row)).transpose()?.flatten())
}

/// Sets a column of a zone, which is made if there is none of the number.
pub(super) fn set_zone(
    context: &mut Context<'_>,
    datapath: &Datapath,
    number: i64,
    column: &str,
    value: Datum,
) {
    let zone = datapath.ct_zones.get(&number).copied().unwrap_or_else(|| {
        let uuid = context.fresh();
        context.view.insert_row(uuid, &CtZone::default());
        let pair = Datum::map([(Atom::Integer(number), Atom::Uuid(uuid))]);
        context.view.add(Datapath::TABLE, datapath.uuid, ZONES, &pair);
        uuid
    });
    context.view.set(CtZone::TABLE, zone, column, value);
}

/// Clears a column of a zone. It stays if there is a reason, else it goes.
pub(super) fn clear_zone(
    context: &mut Context<'_>,
    datapath: &Datapath,
    (number, zone): (i64, Uuid),
    column: &str,
    stays: bool,
) {
    if stays {
        context.view.set(CtZone::TABLE, zone, column, Datum::empty_set());
    } else {
        context.view.remove(Datapath::TABLE, datapath.uuid, ZONES, &Datum::scalar(number));
        context.view.forget(CtZone::TABLE, zone);
    }
}

/// The number that a text begins with: decimal, or octal after `0`, or hexadecimal after `0x`.
pub(super) fn scan_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal.filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit())) {
        Some(rest) => (rest, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let number = i64::from_str_radix(&digits[..end], radix).ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::scan_integer;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        let cases = [
            ("5", Some(5)),
            (" -12x", Some(-12)),
            ("0x1f", Some(31)),
            ("0xg", Some(0)),
            ("010", Some(8)),
            ("", None),
            ("x", None),
            ("-", None),
        ];
        for (text, number) in cases {
            assert_eq!(scan_integer(text), number, "{text}");
        }
    }
}
