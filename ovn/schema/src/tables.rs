//! All typed rows of one database, kept up to date from the changes a replica reports.

use crate::{ColumnError, TypedRow};
use ovsdb::replica::MonitorTable;
use ovsdb::{Condition, Datum, Str, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rows of one table.
pub type Table<T> = BTreeMap<Uuid, Arc<T>>;

/// What became of one row: no `old` is an insertion, no `new` a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<T> {
    /// The row.
    pub uuid: Uuid,
    /// The row before.
    pub old: Option<Arc<T>>,
    /// The row after.
    pub new: Option<Arc<T>>,
}

/// Puts `new` in the place of the row and tells what changed; nothing if it was so already.
#[doc(hidden)]
pub fn replace<T: PartialEq>(table: &mut Table<T>, uuid: Uuid, new: Option<T>) -> Option<Delta<T>> {
    let new = new.map(Arc::new);
    let old = match &new {
        Some(new) => table.insert(uuid, new.clone()),
        None => table.remove(&uuid),
    };
    (old != new).then_some(Delta { uuid, old, new })
}

/// For each of `columns`, its place among those `asked` for; nothing where they are the same.
#[doc(hidden)]
pub fn places(columns: &[&str], asked: &[Str]) -> Option<Vec<Option<usize>>> {
    if asked.iter().map(|name| &**name).eq(columns.iter().copied()) {
        return None;
    }
    Some(columns.iter().map(|column| asked.iter().position(|name| **name == **column)).collect())
}

/// A monitor of these columns of all rows of a table.
#[doc(hidden)]
pub fn monitor(table: &str, columns: &[&str]) -> MonitorTable {
    let columns = columns.iter().copied().map(Str::from).collect();
    MonitorTable { table: table.into(), columns, condition: Condition::default() }
}

/// The typed row of some values, if there are any.
#[doc(hidden)]
pub fn typed<T: TypedRow>(
    uuid: Uuid,
    values: Option<&[Datum]>,
    selected: Option<&Vec<Option<usize>>>,
) -> Result<Option<T>, ColumnError> {
    match (values, selected) {
        (None, _) => Ok(None),
        (Some(values), None) => T::from_columns(uuid, values).map(Some),
        (Some(values), Some(selected)) => T::from_selected(uuid, selected, values).map(Some),
    }
}

/// Declares what a database has beside its rows: the schema, the table names, the store and its changes.
macro_rules! database {
    ($definition:literal, { $( $field:ident: $row:ident, )* }) => {
        /// The definition file.
        pub const DEFINITION: &str = include_str!($definition);

        /// What the definition file says.
        pub fn definition() -> &'static $crate::definition::Definition {
            static DEFINED: std::sync::LazyLock<$crate::definition::Definition> = std::sync::LazyLock::new(|| {
                $crate::notation::parse(DEFINITION).expect("the definition file passes the tests of this crate")
            });
            &DEFINED
        }

        /// The schema of the database.
        pub fn schema() -> &'static std::sync::Arc<ovsdb::DatabaseSchema> {
            static SCHEMA: std::sync::LazyLock<std::sync::Arc<ovsdb::DatabaseSchema>> =
                std::sync::LazyLock::new(|| $crate::schema_of(definition()));
            &SCHEMA
        }

        /// The tables, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each variant is a row's type, documented there")]
        pub enum TableId { $( $row, )* }

        impl TableId {
            /// All tables, in the order of the definition file.
            pub const ALL: &'static [Self] = &[ $( Self::$row, )* ];

            /// Name on the wire.
            pub fn name(self) -> &'static str {
                match self { $( Self::$row => <$row as $crate::TypedRow>::TABLE, )* }
            }

            /// The table of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|table| table.name() == name)
            }

            /// A monitor of all columns of all rows.
            pub fn monitor(self) -> ovsdb::replica::MonitorTable {
                self.monitor_columns(self.columns())
            }

            /// A monitor of some columns of all rows; [`Tables::with_monitors`] makes the store that fits.
            pub fn monitor_columns(self, columns: &[&str]) -> ovsdb::replica::MonitorTable {
                $crate::tables::monitor(self.name(), columns)
            }

            /// Names of the columns in the order of the row's fields.
            pub fn columns(self) -> &'static [&'static str] {
                match self { $( Self::$row => <$row as $crate::TypedRow>::COLUMNS, )* }
            }
        }

        /// Monitors of all columns of all tables.
        pub fn monitor_all() -> Vec<ovsdb::replica::MonitorTable> {
            TableId::ALL.iter().map(|table| table.monitor()).collect()
        }

        /// The rows of all tables.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Tables {
            $( #[doc = concat!("Rows of [`", stringify!($row), "`].")] pub $field: $crate::Table<$row>, )*
            /// For a table of which only some columns are monitored: the places of their values.
            selected: std::collections::BTreeMap<TableId, Vec<Option<usize>>>,
        }

        /// A change of one row.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Change {
            $( #[doc = concat!("A [`", stringify!($row), "`] came, changed or went.")] $row($crate::Delta<$row>), )*
        }

        impl Change {
            /// The table of the row.
            pub fn table(&self) -> TableId {
                match self { $( Self::$row(_) => TableId::$row, )* }
            }

            /// The row.
            pub fn uuid(&self) -> Uuid {
                match self { $( Self::$row(delta) => delta.uuid, )* }
            }
        }

        impl Tables {
            /// An empty store for a replica with these monitors: where one has not all columns, or in another order
            /// than [`TableId::columns`], the store knows; fields without a column keep their defaults.
            pub fn with_monitors(monitors: &[ovsdb::replica::MonitorTable]) -> Self {
                let mut tables = Self::default();
                for monitor in monitors {
                    let Some(table) = TableId::from_name(&monitor.table) else { continue };
                    if let Some(places) = $crate::tables::places(table.columns(), &monitor.columns) {
                        tables.selected.insert(table, places);
                    }
                }
                tables
            }

            /// Applies a change that a replica reports. Gives back what changed for us, if anything did and the
            /// table is one of ours.
            ///
            /// # Errors
            /// A value that its column cannot hold; the row stays as it was.
            pub fn apply(
                &mut self,
                change: &ovsdb::replica::RowChange,
            ) -> Result<Option<Change>, $crate::ColumnError> {
                self.replace(&change.table, change.uuid, change.new.as_deref())
            }

            /// Puts a row in the place of the one with the same UUID, or takes that away where `new` is `None`. Gives
            /// back what changed, if anything did and the table is one of ours.
            ///
            /// # Errors
            /// A value that its column cannot hold; the row stays as it was.
            pub fn replace(
                &mut self,
                table: &str,
                uuid: Uuid,
                new: Option<&[ovsdb::Datum]>,
            ) -> Result<Option<Change>, $crate::ColumnError> {
                let Some(table) = TableId::from_name(table) else { return Ok(None) };
                let selected = self.selected.get(&table);
                Ok(match table {
                    $( TableId::$row => {
                        let new = $crate::tables::typed(uuid, new, selected)?;
                        $crate::tables::replace(&mut self.$field, uuid, new).map(Change::$row)
                    } )*
                })
            }
        }
    };
}
pub(crate) use database;
