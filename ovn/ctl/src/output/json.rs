//! One JSON object a table: `headings`, and `data` as on the wire whatever `--data` says.

use super::{Style, Table};
use serde_json::{Value, json};

pub(super) fn print(table: &Table, style: &Style, out: &mut String) {
    let data: Vec<Vec<Value>> =
        table.rows.iter().map(|row| row.iter().map(super::Cell::json).collect()).collect();
    let mut value = json!({ "data": data, "headings": table.headings });
    for (name, words) in [("caption", &table.caption), ("time", &table.time)] {
        if let Some(words) = words {
            value[name] = words.as_str().into();
        }
    }
    out.push_str(&text(&value, style.pretty));
    out.push('\n');
}

/// JSON as the clients print it: members in the order of their names, indented if `is_pretty`.
pub fn text(value: &Value, is_pretty: bool) -> String {
    if !is_pretty {
        return value.to_string();
    }
    let mut out = String::new();
    pretty(value, 0, &mut out);
    out
}

/// The text of a string as in JSON, with its quotes.
fn escape(text: &str) -> String {
    Value::from(text).to_string()
}

/// Two blanks a level; a closing bracket stays on the last line. The depth is what the parser of messages let through.
fn pretty(value: &Value, level: usize, out: &mut String) {
    let indent = |level: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', level * 2));
    };
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(level + 1, out);
                pretty(element, level + 1, out);
            }
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(level + 1, out);
                out.push_str(&escape(name));
                out.push_str(": ");
                pretty(member, level + 1, out);
            }
            out.push('}');
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            out.push_str(&value.to_string());
        }
    }
}
