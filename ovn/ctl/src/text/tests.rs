use super::{format, parse_datum, token};
use crate::symbols::Symbols;
use ovsdb::{Atom, AtomType, ColumnType, Datum};
use proptest::prelude::*;

fn ty(key: AtomType, value: Option<AtomType>, min: u32, max: Option<u32>) -> ColumnType {
    ColumnType { key: key.into(), value: value.map(Into::into), min, max }
}

fn any_atom(ty: AtomType) -> BoxedStrategy<Atom> {
    match ty {
        AtomType::Integer => any::<i64>().prop_map(Atom::from).boxed(),
        AtomType::Real => any::<i32>().prop_map(|number| Atom::from(f64::from(number) / 8.0)).boxed(),
        AtomType::Boolean => any::<bool>().prop_map(Atom::from).boxed(),
        AtomType::String => "[^\\x00]{0,8}".prop_map(Atom::from).boxed(),
        AtomType::Uuid => any::<u128>().prop_map(|number| ovsdb::Uuid::from_u128(number).into()).boxed(),
    }
}

const TYPES: [AtomType; 5] =
    [AtomType::Integer, AtomType::Real, AtomType::Boolean, AtomType::String, AtomType::Uuid];

proptest! {
    /// What is printed can be typed in again.
    #[test]
    fn values_survive_being_written_and_read(
        (ty, value) in (0..5_usize, 0..5_usize, any::<bool>()).prop_flat_map(|(key, value, is_map)| {
            let (key, value) = (TYPES[key], TYPES[value]);
            if is_map {
                let pairs = prop::collection::vec((any_atom(key), any_atom(value)), 0..5);
                (Just(ty(key, Some(value), 0, None)), pairs.prop_map(Datum::map).boxed())
            } else {
                let atoms = prop::collection::vec(any_atom(key), 0..5);
                (Just(ty(key, None, 0, None)), atoms.prop_map(Datum::set).boxed())
            }
        })
    ) {
        let text = format(&value, false);
        prop_assert_eq!(parse_datum(&text, &ty, &mut Symbols::new(0)), Ok(value), "{}", text);
    }

    /// No text stops the parser.
    #[test]
    fn any_text_is_read_or_refused(text in r#"[\[\]{}:=, "\\a1@\-é]{0,12}"#) {
        let mut symbols = Symbols::new(0);
        for key in TYPES {
            drop(parse_datum(&text, &ty(key, None, 0, None), &mut symbols));
            drop(parse_datum(&text, &ty(key, Some(AtomType::String), 0, None), &mut symbols));
        }
        drop(token(&text));
    }
}

#[test]
fn a_range_cannot_use_up_the_memory() {
    let numbers = ty(AtomType::Integer, None, 0, None);
    let read = |text| parse_datum(text, &numbers, &mut Symbols::new(0));
    assert_eq!(read("0-65535").map(|set| set.len()), Ok(65_536));
    assert_eq!(read("0-65536"), Err("\"0-65536\" has more than 65536 elements".to_owned()));
    assert!(read("-9223372036854775808-9223372036854775807").is_err());
    assert!(read("0-60000,70000-80000").is_err());
}
