//! Reading octets without running past the end, and writing them.

use crate::ErrorCode;

/// Where in a message something is wrong, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {offset}: {what} ({code})")]
pub struct Malformed {
    /// From the start of the message.
    pub offset: usize,
    /// What was expected there.
    pub what: &'static str,
    /// The error to answer with.
    pub code: ErrorCode,
}

pub(super) type Result<T> = std::result::Result<T, Malformed>;

/// A cursor over a part of a message.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    /// Offset of the first of `data` in the message.
    at: usize,
    /// The error for a part that is too short.
    short: ErrorCode,
}

macro_rules! integers {
    ($($name:ident $octets:literal;)*) => {
        impl Reader<'_> {
            $(pub(super) fn $name(&mut self) -> Result<$name> {
                Ok($name::from_be_bytes(self.array::<$octets>()?))
            })*
        }
    };
}
integers! { u8 1; u16 2; u32 4; u64 8; u128 16; }

impl<'a> Reader<'a> {
    pub(super) const fn new(data: &'a [u8], short: ErrorCode) -> Self {
        Self { data, at: 0, short }
    }

    pub(super) const fn len(&self) -> usize {
        self.data.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The same octets, where running short is another error.
    pub(super) fn with_short(mut self, short: ErrorCode) -> Self {
        self.short = short;
        self
    }

    /// An error about the octets that come next.
    pub(super) const fn bad(&self, code: ErrorCode, what: &'static str) -> Malformed {
        Malformed { offset: self.at, what, code }
    }

    /// An error of length about the octets that come next.
    pub(super) const fn bad_len(&self, what: &'static str) -> Malformed {
        self.bad(self.short, what)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.data.split_at_checked(n) else {
            return Err(self.bad_len("more octets"));
        };
        self.data = rest;
        self.at += n;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("take gives as many octets as asked for"))
    }

    /// The next `n` octets as a cursor of their own.
    pub(super) fn sub(&mut self, n: usize) -> Result<Self> {
        let at = self.at;
        Ok(Self { data: self.take(n)?, at, short: self.short })
    }

    /// Octets without meaning.
    pub(super) fn skip(&mut self, n: usize) -> Result<()> {
        self.take(n).map(drop)
    }

    /// As [`Self::skip`], but where the message ends early that is all right.
    pub(super) fn skip_up_to(&mut self, n: usize) {
        let n = n.min(self.data.len());
        self.data = &self.data[n..];
        self.at += n;
    }

    /// Octets that are zero, so that a later version may give them meaning.
    pub(super) fn zeros(&mut self, n: usize) -> Result<()> {
        let before = self.clone();
        match self.take(n)?.iter().all(|&b| b == 0) {
            true => Ok(()),
            false => Err(before.bad(ErrorCode::MUST_BE_ZERO, "zeros")),
        }
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.at += self.data.len();
        std::mem::take(&mut self.data)
    }

    pub(super) const fn peek(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn end(&self, what: &'static str) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(self.bad_len(what)) }
    }
}

/// Writing big-endian numbers at the end of a vector.
pub(super) trait Put {
    fn put_u8(&mut self, n: u8);
    fn put_u16(&mut self, n: u16);
    fn put_u32(&mut self, n: u32);
    fn put_u64(&mut self, n: u64);
    fn put_u128(&mut self, n: u128);
    fn put(&mut self, octets: &[u8]);
    fn zeros(&mut self, n: usize);
    /// Zeros until the length from `start` is a multiple of 8.
    fn pad8(&mut self, start: usize);
    /// Puts the length from `start` into the two octets at `at`; what does not fit is the largest number, which
    /// no reader accepts (senders keep messages below 64 KiB).
    fn patch_len(&mut self, at: usize, start: usize);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, n: u8) {
        self.push(n);
    }

    fn put_u16(&mut self, n: u16) {
        self.extend_from_slice(&n.to_be_bytes());
    }

    fn put_u32(&mut self, n: u32) {
        self.extend_from_slice(&n.to_be_bytes());
    }

    fn put_u64(&mut self, n: u64) {
        self.extend_from_slice(&n.to_be_bytes());
    }

    fn put_u128(&mut self, n: u128) {
        self.extend_from_slice(&n.to_be_bytes());
    }

    fn put(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }

    fn zeros(&mut self, n: usize) {
        self.resize(self.len() + n, 0);
    }

    fn pad8(&mut self, start: usize) {
        let len = self.len() - start;
        self.zeros(len.next_multiple_of(8) - len);
    }

    fn patch_len(&mut self, at: usize, start: usize) {
        let len = u16::try_from(self.len() - start).unwrap_or(u16::MAX);
        self[at..at + 2].copy_from_slice(&len.to_be_bytes());
    }
}
