//! A line a value, a blank line between rows.

use super::{Style, Table};

/// Columns that headings are filled up to.
const HEADING_WIDTH: usize = 20;

pub(super) fn print(table: &Table, style: &Style, out: &mut String) {
    super::head(table, out);
    for (index, row) in table.rows.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        for (heading, cell) in table.headings.iter().zip(row) {
            if style.headings {
                out.push_str(&format!("{heading:HEADING_WIDTH$}: "));
            }
            out.push_str(&cell.text(style.cells));
            out.push('\n');
        }
    }
}
