//! Names of domains as octets (RFC 1035 sections 3.1 and 4.1.4).

use packet::DnsName;
use std::collections::HashMap;

/// The longest label.
const LABEL_MAX: usize = 63;
/// The longest name, with its dots.
const NAME_MAX: usize = 255;
/// The highest place that a pointer can name.
const POINTER_MAX: usize = 0x3fff;
/// What a pointer begins with.
const POINTER: u16 = 0xc000;

/// The labels of a name; none of what is none. A dot at the end is of no meaning.
fn labels(name: &str) -> Option<Vec<&str>> {
    let name = name.trim();
    let name = name.strip_suffix('.').unwrap_or(name);
    let labels: Vec<&str> = name.split('.').collect();
    let fit = labels.iter().all(|label| !label.is_empty() && label.len() <= LABEL_MAX);
    (fit && name.len() <= NAME_MAX).then_some(labels)
}

/// One name, which is not the root.
pub(super) fn plain(name: &str) -> Option<DnsName> {
    DnsName::from_text(name.trim()).filter(|name| name.octets() != [0])
}

/// Names with commas between, in which what was said before is not said again.
pub(super) fn compressed(names: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut said: HashMap<String, usize> = HashMap::new();
    'names: for name in names.split(',') {
        let labels = labels(name)?;
        for i in 0..labels.len() {
            let suffix = labels[i..].join(".");
            if let Some(place) = said.get(&suffix).and_then(|&place| u16::try_from(place).ok()) {
                out.extend((POINTER | place).to_be_bytes());
                continue 'names;
            }
            if out.len() <= POINTER_MAX {
                said.insert(suffix, out.len());
            }
            put_label(labels[i], &mut out);
        }
        out.push(0);
    }
    Some(out)
}

fn put_label(label: &str, out: &mut Vec<u8>) {
    out.push(label.len() as u8);
    out.extend(label.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_is_pointed_at() {
        assert_eq!(compressed("abc.com,xyz.abc.com").unwrap(), b"\x03abc\x03com\0\x03xyz\xc0\0");
        assert_eq!(compressed("a.b, c.b").unwrap(), b"\x01a\x01b\0\x01c\xc0\x02");
        assert_eq!(plain("a.bc.").unwrap().octets(), b"\x01a\x02bc\0");
        for bad in ["", ".", "a..b", &"x".repeat(64)] {
            assert_eq!(plain(bad), None, "{bad}");
        }
    }
}
