//! Comma-separated values, RFC 4180 with line feeds.

use super::{Style, Table};

pub(super) fn print(table: &Table, style: &Style, out: &mut String) {
    super::head(table, out);
    if style.headings {
        line(table.headings.iter().cloned(), out);
    }
    for row in &table.rows {
        line(row.iter().map(|cell| cell.text(style.cells)), out);
    }
}

fn line(cells: impl Iterator<Item = String>, out: &mut String) {
    for (column, cell) in cells.enumerate() {
        if column > 0 {
            out.push(',');
        }
        if cell.contains(['\n', '"', ',']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push('\n');
}
