//! Columns under headings, each as wide as its widest value.

use super::{Style, Table};

pub(super) fn print(table: &Table, style: &Style, out: &mut String) {
    super::head(table, out);
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(|cell| cell.text(style.cells)).collect()).collect();
    let widths: Vec<usize> = table
        .headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let widest = cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
            let limit = if style.max_column_width == 0 { usize::MAX } else { style.max_column_width };
            let heading = if style.headings { heading.len() } else { 0 };
            widest.min(limit).max(heading)
        })
        .collect();
    if style.headings {
        line(table.headings.iter().map(String::as_str), &widths, out);
        let dashes: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        line(dashes.iter().map(String::as_str), &widths, out);
    }
    for row in &cells {
        line(row.iter().map(String::as_str), &widths, out);
    }
}

/// Widths count octets, as the peers' do. No line ends in blanks, not even those of its last cell.
fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize], out: &mut String) {
    for (column, (cell, &width)) in cells.zip(widths).enumerate() {
        if column > 0 {
            out.push(' ');
        }
        let shown = &cell[..cell.floor_char_boundary(width)];
        out.push_str(shown);
        out.extend(std::iter::repeat_n(' ', width - shown.len()));
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}
