//! Rows by the text of a column.

use ovsdb::{Str, Uuid};
use std::collections::{BTreeSet, HashMap};

/// An index of one column of one table; rows whose value is not one string are not in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    rows: HashMap<Str, BTreeSet<Uuid>>,
    texts: HashMap<Uuid, Str>,
}

impl Names {
    /// Puts a row under its text, or takes it out.
    pub(super) fn put(&mut self, row: Uuid, text: Option<&str>) {
        if let Some(old) = self.texts.remove(&row)
            && let Some(rows) = self.rows.get_mut(&old)
        {
            rows.remove(&row);
        }
        if let Some(text) = text {
            let text = Str::from(text);
            self.rows.entry(text.clone()).or_default().insert(row);
            self.texts.insert(row, text);
        }
    }

    /// The rows with this text.
    pub(super) fn get(&self, text: &str) -> Vec<Uuid> {
        self.rows.get(text).into_iter().flatten().copied().collect()
    }
}
