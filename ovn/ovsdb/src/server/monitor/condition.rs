//! Which rows a monitor sees: those that satisfy any of its clauses (ovsdb-server(7), `monitor_cond`).
//!
//! A client may give thousands of clauses (a chassis wants the rows of each datapath it has), and each changed row
//! is tested for each client. Comparisons for equality are therefore looked up, not tried one by one.

use crate::{Clause, ColumnId, Datum, Function, Matcher, OvsdbError, TableLayout, Uuid};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The clauses of one table.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// Some request wants all rows.
    everything: bool,
    /// The JSON texts of the clauses; equal for conditions that mean the same.
    texts: BTreeSet<String>,
    key: String,
    equal: BTreeMap<ColumnId, HashSet<Datum>>,
    /// The clauses that are not in `equal`.
    others: Vec<Matcher>,
}

impl Condition {
    /// Adds the rows that the `where` member of one request wants; all if it is absent or empty.
    pub(super) fn add(&mut self, json: Option<&Value>, table: &TableLayout) -> Result<(), OvsdbError> {
        let condition = json.map(|json| crate::Condition::from_json(json, table, None)).transpose()?;
        let clauses = condition.map(|condition| condition.clauses).unwrap_or_default();
        self.everything |= clauses.is_empty();
        let mut others = crate::Condition::default();
        for clause in clauses {
            if !self.texts.insert(clause.to_json().to_string()) {
                continue;
            }
            match &clause {
                Clause::Constant(true) => self.everything = true,
                Clause::Constant(false) => {}
                Clause::Compare { column, function: Function::Equal, arg } => {
                    let column = table.column_id(column).expect("parsed for this table");
                    self.equal.entry(column).or_default().insert(arg.clone());
                }
                Clause::Compare { .. } => others.clauses.push(clause),
            }
        }
        if !others.clauses.is_empty() {
            self.others.push(others.matcher(table).expect("parsed for this table"));
        }
        self.key = if self.everything { "*".to_owned() } else { self.texts.iter().cloned().collect() };
        Ok(())
    }

    /// Equal for conditions that mean the same.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn holds(&self, uuid: Uuid, row: &[Datum]) -> bool {
        let equal = |(column, wanted): (&ColumnId, &HashSet<Datum>)| match column {
            ColumnId::Uuid => wanted.contains(&Datum::scalar(uuid)),
            ColumnId::At(index) => row.get(*index).is_some_and(|datum| wanted.contains(datum)),
        };
        self.everything
            || self.equal.iter().any(equal)
            || self.others.iter().any(|matcher| matcher.any(uuid, row))
    }
}
