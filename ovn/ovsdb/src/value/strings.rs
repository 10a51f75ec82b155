//! Texts that come again and again, kept once.

use super::Str;

/// The number of texts that are remembered; another one whose hash falls to the same place takes it over.
const TEXTS_MAX: usize = 1024;

/// Longer texts, in bytes, are not expected to come again.
const TEXT_BYTES_MAX: usize = 64;

/// The texts seen last, so that those that come again share their memory: the keys of maps are the same in each row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strings {
    /// By hash; empty or [`TEXTS_MAX`].
    places: Vec<Option<Str>>,
    last: Str,
}

impl Strings {
    /// The text, shared with the one given before if that was the same: columns of a row often say one thing twice.
    pub(crate) fn again(&mut self, text: &str) -> Str {
        if *self.last != *text {
            self.last = text.into();
        }
        self.last.clone()
    }

    /// The text, shared with others of it if it was seen lately.
    pub(crate) fn share(&mut self, text: &str) -> Str {
        if text.len() > TEXT_BYTES_MAX {
            return text.into();
        }
        if self.places.is_empty() {
            self.places.resize(TEXTS_MAX, None);
        }
        let place = &mut self.places[place_of(text)];
        match place {
            Some(known) if **known == *text => known.clone(),
            Some(_) | None => place.insert(text.into()).clone(),
        }
    }
}

/// Where a text is remembered: any function will do that spreads texts well and is quick.
fn place_of(text: &str) -> usize {
    let mut hash = text.len() as u64;
    let mut mix = |word: u64| {
        // The multiplier is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming, section 6.4).
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    };
    let (words, _) = text.as_bytes().as_chunks::<8>();
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    // The end, some of which a word before it may have had already.
    match (text.as_bytes().last_chunk::<8>(), text.as_bytes().last_chunk::<4>(), text.as_bytes()) {
        (Some(last), _, _) => mix(u64::from_le_bytes(*last)),
        (None, Some(last), [a, b, c, d, ..]) => {
            mix(u64::from(u32::from_le_bytes(*last)) << 32 | u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
        }
        (None, _, few) => mix(few.iter().fold(0, |word, octet| word << 8 | u64::from(*octet))),
    }
    usize::try_from(hash % TEXTS_MAX as u64).expect("it is below TEXTS_MAX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_comes_again_is_shared_and_what_is_remembered_is_bounded() {
        let mut strings = Strings::default();
        let first = strings.share("requested-chassis");
        assert!(Arc::ptr_eq(&first, &strings.share("requested-chassis")));
        for n in 0..10 * TEXTS_MAX {
            assert_eq!(&*strings.share(&n.to_string()), n.to_string());
        }
        assert_eq!(strings.places.len(), TEXTS_MAX);
        let twice = strings.again("0a:00:00:00:00:01");
        assert!(Arc::ptr_eq(&twice, &strings.again("0a:00:00:00:00:01")));
        assert_eq!(&*strings.again("p"), "p");
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert!(!Arc::ptr_eq(&strings.share(&long), &strings.share(&long)));
    }
}
