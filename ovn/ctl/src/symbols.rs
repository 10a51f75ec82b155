//! Names for rows of this command line: `--id=@name create ...` and `ports=@name`.

use ovsdb::{Str, Uuid, UuidGenerator};
use std::collections::BTreeMap;

/// The names, and a source of UUIDs for them and for all other new rows.
#[derive(Clone, Debug)]
pub struct Symbols {
    names: BTreeMap<String, Symbol>,
    generator: UuidGenerator,
}

/// What a name stands for.
#[derive(Clone, Debug)]
struct Symbol {
    uuid: Uuid,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Used, but no row has the name yet.
    Wanted,
    /// The name of a new row in this table.
    Created(Str),
    /// The name of a row that was there.
    Found,
}

impl Symbols {
    /// No names yet; `seed` makes the UUIDs.
    pub fn new(seed: u64) -> Self {
        Self { names: BTreeMap::new(), generator: UuidGenerator::new(seed) }
    }

    /// A UUID for a row without a name.
    pub fn fresh(&mut self) -> Uuid {
        self.generator.generate()
    }

    /// The UUID that `name` stands for, the same at every use.
    pub fn refer(&mut self, name: &str) -> Uuid {
        let Self { names, generator } = self;
        let symbol = names
            .entry(name.to_owned())
            .or_insert_with(|| Symbol { uuid: generator.generate(), state: State::Wanted });
        symbol.uuid
    }

    /// Gives `name` to a new row in a table; gives back the UUID that the row is to have.
    ///
    /// # Errors
    /// The name begins otherwise than with `@`, or is taken.
    pub fn create(&mut self, name: &str, table: &Str) -> Result<Uuid, String> {
        Ok(self.take(name, State::Created(table.clone()))?.uuid)
    }

    /// Gives `name` to a row that exists.
    ///
    /// # Errors
    /// The name begins otherwise than with `@`, is taken, or was used already.
    pub fn give(&mut self, name: &str, row: Uuid) -> Result<(), String> {
        let is_used = self.names.contains_key(name);
        let symbol = self.take(name, State::Found)?;
        if is_used {
            return Err(format!(
                "row id \"{name}\" specified on \"get\" command was used before it was defined"
            ));
        }
        symbol.uuid = row;
        Ok(())
    }

    fn take(&mut self, name: &str, state: State) -> Result<&mut Symbol, String> {
        if !name.starts_with('@') {
            return Err(format!("row id \"{name}\" does not begin with \"@\""));
        }
        self.refer(name);
        let symbol = self.names.get_mut(name).expect("refer() puts it in");
        if symbol.state != State::Wanted {
            return Err(format!("row id \"{name}\" may only be specified on one --id option"));
        }
        symbol.state = state;
        Ok(symbol)
    }

    /// The first name that was used but never given to a row.
    pub fn missing(&self) -> Option<&str> {
        self.names.iter().find(|(_, symbol)| symbol.state == State::Wanted).map(|(name, _)| name.as_str())
    }

    /// The names of new rows, with their tables.
    pub fn created(&self) -> impl Iterator<Item = (&str, &Str, Uuid)> {
        self.names.iter().filter_map(|(name, symbol)| match &symbol.state {
            State::Created(table) => Some((name.as_str(), table, symbol.uuid)),
            State::Wanted | State::Found => None,
        })
    }
}
