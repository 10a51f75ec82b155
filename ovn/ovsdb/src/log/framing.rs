//! Records and their headers.

use serde_json::Value;
use sha1::{Digest, Sha1};

/// The most digits of a length: beyond what any machine can hold.
const LENGTH_DIGITS_MAX: usize = 15;
/// The hexadecimal digits of a SHA-1.
const HASH_DIGITS: usize = 40;

/// The most octets of a header and of the newline behind the text.
const HEADER_BYTES_MAX: usize = 80;

/// The SHA-1 of the octets of a record.
pub type Checksum = [u8; 20];

/// Which kind of database a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A log of transactions behind a schema.
    Standalone,
    /// What one server of a cluster remembers.
    Clustered,
}

impl Format {
    /// What a file that begins with `octets` holds; `None` if it is not of a database.
    pub fn of(octets: &[u8]) -> Option<Self> {
        [Self::Standalone, Self::Clustered].into_iter().find(|format| octets.starts_with(format.magic()))
    }

    /// How each header begins.
    const fn magic(self) -> &'static [u8] {
        match self {
            Self::Standalone => b"OVSDB JSON ",
            Self::Clustered => b"OVSDB CLUSTER ",
        }
    }
}

/// The octets of one record.
pub fn encode(json: &Value) -> Vec<u8> {
    encode_text(json.to_string().as_bytes())
}

/// The octets of one record that says this JSON text, which has no newline.
pub fn encode_text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + HEADER_BYTES_MAX);
    append_record(&mut out, text);
    out
}

/// Appends the octets of one record, which says this JSON text; gives the checksum in its header.
pub fn append_record(out: &mut Vec<u8>, text: &[u8]) -> Checksum {
    debug_assert!(!text.contains(&b'\n'), "JSON text has no newline");
    let checksum = Sha1::new().chain_update(text).chain_update(b"\n").finalize().into();
    out.extend_from_slice(Format::Standalone.magic());
    out.extend_from_slice(format!("{} ", text.len() + 1).as_bytes());
    out.extend_from_slice(&hex(&checksum));
    out.push(b'\n');
    out.extend_from_slice(text);
    out.push(b'\n');
    checksum
}

fn checksum_of(octets: &[u8]) -> Checksum {
    Sha1::digest(octets).into()
}

fn hex(checksum: &Checksum) -> [u8; HASH_DIGITS] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; HASH_DIGITS];
    for (pair, octet) in text.chunks_exact_mut(2).zip(checksum) {
        pair[0] = DIGITS[usize::from(octet >> 4)];
        pair[1] = DIGITS[usize::from(octet & 15)];
    }
    text
}

/// A file that cannot be used as it is. Offsets are octets from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no record.
    #[error("the file holds no record")]
    Empty,
    /// It is a file of a clustered database.
    #[error("the file is in clustered format, not in standalone format")]
    Clustered,
    /// It is a file of a standalone database.
    #[error("the file is in standalone format, not in clustered format")]
    Standalone,
    /// There is damage that a crash cannot explain: a valid record follows, or nothing precedes, or the last record
    /// was written to its end and is not what was written.
    #[error("bad record at offset {offset}: {what}{}", follows(.next_valid))]
    Damaged { offset: usize, what: String, next_valid: Option<usize> },
    /// A record is whole, but says what cannot be.
    #[error("record at offset {offset}: {what}")]
    Record { offset: usize, what: String },
    /// The rows break a promise of the schema.
    #[error("the database is inconsistent: {what}")]
    Inconsistent { what: String },
}

fn follows(next_valid: &Option<usize>) -> String {
    next_valid.map(|offset| format!(" (a valid record follows at offset {offset})")).unwrap_or_default()
}

/// The end of a file that was not written whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins: where the file is to be cut, and the next record goes.
    pub offset: usize,
    /// The number of octets lost.
    pub len: usize,
    /// What is wrong with them.
    pub what: String,
}

/// One whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where its header begins.
    pub offset: usize,
    /// The line of JSON, newline included.
    pub body: &'a [u8],
    /// The hash of these octets, which is that of the header.
    pub checksum: Checksum,
    /// Where the next record begins.
    pub end: usize,
}

/// The records of a file, one after the other.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    format: Format,
    octets: &'a [u8],
    offset: usize,
    tail: Option<Tail>,
}

impl<'a> Frames<'a> {
    /// Reads a file of this format from its start.
    pub fn new(octets: &'a [u8], format: Format) -> Self {
        Self { format, octets, offset: 0, tail: None }
    }

    /// The next record; `None` at the end, where [`Frames::tail`] tells whether something was
    /// dropped.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'a>>, LogError> {
        if self.tail.is_some() || (self.offset == self.octets.len() && self.offset > 0) {
            return Ok(None);
        }
        if self.octets.is_empty() {
            return Err(LogError::Empty);
        }
        match (self.format, Format::of(self.octets)) {
            (Format::Standalone, Some(Format::Clustered)) => return Err(LogError::Clustered),
            (Format::Clustered, Some(Format::Standalone)) => return Err(LogError::Standalone),
            (Format::Standalone | Format::Clustered, _) => {}
        }
        match frame_at(self.format, self.octets, self.offset) {
            Ok(frame) => {
                self.offset = frame.end;
                Ok(Some(frame))
            }
            Err(what) => {
                let (offset, what) = (self.offset, what.to_owned());
                let next_valid = valid_after(self.format, self.octets, offset);
                if next_valid.is_some() || offset == 0 || !is_torn(self.format, &self.octets[offset..]) {
                    return Err(LogError::Damaged { offset, what, next_valid });
                }
                self.tail = Some(Tail { offset, len: self.octets.len() - offset, what });
                Ok(None)
            }
        }
    }

    /// The end of the file that was dropped, once [`Frames::next_frame`] has said `None`.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Where the valid records read so far end.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// The record that begins at `offset`, or what is wrong there.
fn frame_at(format: Format, octets: &[u8], offset: usize) -> Result<Frame<'_>, &'static str> {
    let rest = octets.get(offset..).unwrap_or_default();
    let rest = rest.strip_prefix(format.magic()).ok_or("no record header")?;
    let digits = rest.iter().take(LENGTH_DIGITS_MAX).take_while(|octet| octet.is_ascii_digit()).count();
    let (length, rest) = rest.split_at(digits);
    if length.is_empty() || length.starts_with(b"0") {
        return Err("no length in the record header");
    }
    let length = number(length);
    let rest = rest.strip_prefix(b" ").ok_or("no space after the length in the record header")?;
    let (hash, rest) = rest.split_at_checked(HASH_DIGITS).ok_or("the record header is cut short")?;
    let rest = rest.strip_prefix(b"\n").ok_or("no newline after the record header")?;
    let (body, rest) = rest.split_at_checked(length).ok_or("the record is cut short")?;
    let checksum = checksum_of(body);
    if hex(&checksum) != hash {
        return Err("the record does not have the checksum of its header");
    }
    Ok(Frame { offset, body, checksum, end: octets.len() - rest.len() })
}

fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0usize, |n, digit| n * 10 + usize::from(digit - b'0'))
}

/// Whether the end of a file is what a crash leaves of a record that was being written: its beginning, and after that
/// nothing, or what a file system gives for octets that it never got to write. A record whose last octet is there was
/// written to its end, since the newline is nowhere else in it: should such a one be bad, it is not for that.
fn is_torn(format: Format, rest: &[u8]) -> bool {
    let written = rest.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    let unwritten = written < rest.len();
    let mut rest = &rest[..written];
    let magic = format.magic();
    if rest.len() < magic.len() {
        return magic.starts_with(rest);
    }
    let Some(after) = rest.strip_prefix(magic) else { return false };
    let digits = after.iter().take(LENGTH_DIGITS_MAX).take_while(|octet| octet.is_ascii_digit()).count();
    let length = number(&after[..digits]);
    rest = &after[digits..];
    let Some(after) = rest.strip_prefix(b" ") else { return rest.is_empty() };
    let digits = after.iter().take(HASH_DIGITS).take_while(|octet| octet.is_ascii_hexdigit()).count();
    rest = &after[digits..];
    let Some(body) = rest.strip_prefix(b"\n") else { return rest.is_empty() };
    digits == HASH_DIGITS && !body.contains(&b'\n') && (unwritten || body.len() < length)
}

/// The first valid record that begins behind `offset`. JSON text has no newline inside, so no
/// value in a record can look like one.
fn valid_after(format: Format, octets: &[u8], offset: usize) -> Option<usize> {
    let mut from = offset + 1;
    while let Some(step) = octets.get(from..).and_then(|rest| find(rest, format.magic())) {
        if frame_at(format, octets, from + step).is_ok() {
            return Some(from + step);
        }
        from += step + 1;
    }
    None
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> Vec<u8> {
        [json!({"name": "x"}), json!({"a": "é\n"}), json!({"b": [1, 2]})].iter().flat_map(encode).collect()
    }

    fn read(octets: &[u8]) -> Result<(usize, Option<Tail>), LogError> {
        let mut frames = Frames::new(octets, Format::Standalone);
        let mut n = 0;
        while frames.next_frame()?.is_some() {
            n += 1;
        }
        Ok((n, frames.tail().cloned()))
    }

    #[test]
    fn records_look_as_upstream_writes_them() {
        insta::assert_snapshot!(String::from_utf8_lossy(&file()), @r#"
        OVSDB JSON 13 a72d5e14983cb834bd74e4fa05c079a890bf1837
        {"name":"x"}
        OVSDB JSON 13 0ba93368c88612cfde0b99b4c4f9058888c80ffc
        {"a":"é\n"}
        OVSDB JSON 12 e77204542d113dd21dbfaa9ea45399b05488c937
        {"b":[1,2]}
        "#);
    }

    #[test]
    fn every_truncation_drops_the_cut_record_only() {
        let file = file();
        let starts: Vec<usize> = (0..file.len())
            .filter(|at| file[*at..].starts_with(b"OVSDB JSON "))
            .chain([file.len()])
            .collect();
        for len in 0..file.len() {
            let whole = starts.iter().filter(|start| **start <= len).count() - 1;
            match read(&file[..len]) {
                Ok((n, tail)) => {
                    assert_eq!(n, whole, "{len}");
                    assert_eq!(tail.as_ref().map_or(len, |tail| tail.offset), starts[whole]);
                    assert_eq!(tail.map_or(0, |tail| tail.len), len - starts[whole]);
                }
                Err(error) => assert!(whole == 0, "{len}: {error}"),
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_with_its_offset() {
        let file = file();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut file = file.clone();
                file[at] ^= 1 << bit;
                match read(&file) {
                    Err(LogError::Damaged { offset, next_valid, .. }) => {
                        assert!(offset <= at && next_valid.is_none_or(|next| next > at));
                    }
                    other => panic!("flip of bit {bit} at {at}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn an_end_that_was_never_written_is_dropped() {
        let file = file();
        let last = (0..file.len()).rev().find(|at| file[*at..].starts_with(b"OVSDB JSON ")).unwrap();
        for len in last..file.len() {
            for zeros in [1, 4096] {
                let mut file = file[..len].to_vec();
                file.resize(len + zeros, 0);
                let (n, tail) = read(&file).unwrap();
                assert_eq!(
                    (n, tail.map(|tail| (tail.offset, tail.len))),
                    (2, Some((last, len - last + zeros)))
                );
            }
        }
    }

    #[test]
    fn files_that_are_no_log_are_refused() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "the file holds no record"),
            (b"OVSDB CLUSTER 5 x", "the file is in clustered format, not in standalone format"),
            (b"SQLite format 3\0", "bad record at offset 0: no record header"),
            (
                b"OVSDB JSON 99999999999999999999 ",
                "bad record at offset 0: no space after the length in the record header",
            ),
        ];
        for (octets, words) in cases {
            assert_eq!(read(octets).map_err(|e| e.to_string()), Err(words.to_owned()));
        }
    }
}
