//! Where the names are that guests of a datapath ask for: rows of the southbound table `DNS`, by the datapath's key.
//!
//! The index is made when a packet asks and a row has changed since. What is found is read from the rows themselves.

use ovsdb::Uuid;
use schema::sb;
use std::collections::BTreeMap;

use crate::packet_in::{Known, Names};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    rows: Option<BTreeMap<u32, Vec<Uuid>>>,
}

impl NameIndex {
    /// A row of `DNS` or of a datapath has changed.
    pub(crate) fn forget(&mut self) {
        self.rows = None;
    }

    /// The names in these tables, which were told of in [`Self::forget`].
    pub(crate) fn of<'a>(&'a mut self, tables: &'a sb::Tables) -> NamesOf<'a> {
        NamesOf { index: self.rows.get_or_insert_with(|| index(tables)), tables }
    }
}

/// The names in tables.
pub(crate) struct NamesOf<'a> {
    index: &'a BTreeMap<u32, Vec<Uuid>>,
    tables: &'a sb::Tables,
}

impl Names for NamesOf<'_> {
    fn find(&self, datapath: u32, name: &str) -> Option<Known<'_>> {
        self.index.get(&datapath)?.iter().find_map(|uuid| {
            let row = self.tables.dns.get(uuid)?;
            let value = row.records.get(name)?;
            let is_owned =
                row.options.get("ovn-owned").is_some_and(|owned| owned.eq_ignore_ascii_case("true"));
            Some(Known { value, is_owned })
        })
    }
}

fn index(tables: &sb::Tables) -> BTreeMap<u32, Vec<Uuid>> {
    let mut index: BTreeMap<u32, Vec<Uuid>> = BTreeMap::new();
    for (uuid, row) in &tables.dns {
        for datapath in &row.datapaths {
            let key =
                tables.datapath_binding.get(datapath).and_then(|row| u32::try_from(row.tunnel_key).ok());
            if let Some(key) = key {
                index.entry(key).or_default().push(*uuid);
            }
        }
    }
    index
}
