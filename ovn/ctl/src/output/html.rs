//! An HTML table; a row's UUID is an anchor, other UUIDs are links to it.

use super::{Style, Table};
use ovsdb::Uuid;

/// Length of a UUID in text, and of the part that is shown.
const UUID_LENGTH: usize = 36;
const UUID_SHOWN: usize = 8;

pub(super) fn print(table: &Table, style: &Style, out: &mut String) {
    out.extend(table.time.iter().map(|time| format!("{time}\n")));
    out.push_str("<table border=1>\n");
    out.extend(table.caption.iter().map(|caption| format!("    <caption>{}</caption>\n", linked(caption))));
    if style.headings {
        row("th", table.headings.iter().map(|heading| escape(heading)), out);
    }
    for cells in &table.rows {
        let cells = table.headings.iter().zip(cells).map(|(heading, cell)| {
            let text = cell.text(style.cells);
            if heading == "_uuid" { anchor(&text) } else { linked(&text) }
        });
        row("td", cells, out);
    }
    out.push_str("</table>\n");
}

fn row(tag: &str, cells: impl Iterator<Item = String>, out: &mut String) {
    out.push_str("  <tr>\n");
    for cell in cells {
        out.push_str(&format!("    <{tag}>{cell}</{tag}>\n"));
    }
    out.push_str("  </tr>\n");
}

fn anchor(text: &str) -> String {
    let shown = &text[..text.floor_char_boundary(UUID_SHOWN)];
    format!("<a name=\"{}\">{}</a>", escape(text), escape(shown))
}

/// Puts a link around each UUID in `text`.
fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match rest.get(..UUID_LENGTH) {
            Some(uuid) if uuid.parse::<Uuid>().is_ok() => {
                out.push_str(&format!("<a href=\"#{uuid}\">{}</a>", &uuid[..UUID_SHOWN]));
                rest = &rest[UUID_LENGTH..];
            }
            _ => {
                let (letter, others) = rest.split_at(next.len_utf8());
                out.push_str(&escape(letter));
                rest = others;
            }
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
