//! Reading octets in order without ever running past the end.

use crate::Malformed;

/// A place in a slice of octets. Each read either advances or says where the octets ended, so that
/// no parser needs a length check of its own.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    octets: &'a [u8],
    offset: usize,
    layer: &'static str,
}

impl<'a> Cursor<'a> {
    /// Begins at the first of `octets`; `layer` is the protocol named in errors.
    pub fn new(layer: &'static str, octets: &'a [u8]) -> Self {
        Self { octets, offset: 0, layer }
    }

    /// How many octets have been read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The octets not yet read.
    pub fn rest(&self) -> &'a [u8] {
        &self.octets[self.offset..]
    }

    /// An error about the octet at `offset`.
    pub fn error_at(&self, offset: usize, what: &'static str) -> Malformed {
        Malformed { layer: self.layer, offset, what }
    }

    /// The next `N` octets.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let Some((head, _)) = self.rest().split_first_chunk::<N>() else {
            return Err(self.error_at(self.octets.len(), "the octets end here"));
        };
        self.offset += N;
        Ok(*head)
    }

    /// The next `len` octets.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let Some((head, _)) = self.rest().split_at_checked(len) else {
            return Err(self.error_at(self.octets.len(), "the octets end here"));
        };
        self.offset += len;
        Ok(head)
    }

    /// One octet.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[octet]| octet)
    }

    /// Two octets, big-endian.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four octets, big-endian.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_reported_where_it_is() {
        let mut cursor = Cursor::new("test", &[1, 2, 3]);
        assert_eq!(cursor.u16(), Ok(0x0102));
        assert_eq!(cursor.u16(), Err(Malformed { layer: "test", offset: 3, what: "the octets end here" }));
        assert_eq!(cursor.u8(), Ok(3));
        assert_eq!(cursor.rest(), &[] as &[u8]);
    }
}
