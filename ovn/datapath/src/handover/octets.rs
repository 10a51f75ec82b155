//! Values as octets: numbers in little-endian order, lists with their length in front, times relative to the moment of
//! writing.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use openflow::{BucketId, GroupId, Message, MeterId, PortNo, Version};
use packet::{BfdDiagnostic, BfdState, IpProto, MacAddr};

use super::HandOverError;

/// What is written.
#[derive(Debug)]
pub(crate) struct Out {
    octets: Vec<u8>,
    now: Instant,
}

impl Out {
    /// Nothing yet; `now` is the moment of writing.
    pub(crate) fn new(now: Instant) -> Self {
        Self { octets: Vec::new(), now }
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    pub(crate) fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// What is read.
#[derive(Debug)]
pub(crate) struct In<'a> {
    rest: &'a [u8],
    now: Instant,
}

impl<'a> In<'a> {
    /// `now` is the moment when these octets were written, as this process counts time.
    pub(crate) fn new(octets: &'a [u8], now: Instant) -> Self {
        Self { rest: octets, now }
    }

    /// The moment of writing.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn octets(&mut self, count: usize) -> Result<&'a [u8], HandOverError> {
        let (first, rest) =
            self.rest.split_at_checked(count).ok_or(HandOverError::Damaged("it ends too soon"))?;
        self.rest = rest;
        Ok(first)
    }
}

/// A value that can be handed over.
pub(crate) trait Kept: Sized {
    fn put(&self, out: &mut Out);

    /// Reads what [`Kept::put`] wrote.
    ///
    /// # Errors
    /// When the octets are none of this type.
    fn read(from: &mut In<'_>) -> Result<Self, HandOverError>;
}

/// Says how a type is kept: a struct by all its fields, an enum without data by the position of its variants, a newtype
/// by what it holds. A field or variant that is missing here does not compile.
macro_rules! kept {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl $crate::handover::Kept for $type {
            fn put(&self, out: &mut $crate::handover::Out) {
                let Self { $($field),* } = self;
                $($crate::handover::Kept::put($field, out);)*
            }

            fn read(from: &mut $crate::handover::In<'_>) -> Result<Self, $crate::handover::HandOverError> {
                // The fields are read in the order in which they are named.
                Ok(Self { $($field: $crate::handover::Kept::read(from)?),* })
            }
        }
    };
    ($type:ty => $($variant:ident),* $(,)?) => {
        impl $crate::handover::Kept for $type {
            fn put(&self, out: &mut $crate::handover::Out) {
                // All variants are named, so that a new one does not compile before it is here.
                match self {
                    $(Self::$variant => {})*
                }
                let all = [$(Self::$variant),*];
                let at = all.iter().position(|other| other == self);
                let at = at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
                $crate::handover::Kept::put(&at, out);
            }

            fn read(from: &mut $crate::handover::In<'_>) -> Result<Self, $crate::handover::HandOverError> {
                let at: u8 = $crate::handover::Kept::read(from)?;
                let wrong = $crate::handover::HandOverError::Damaged(stringify!($type));
                [$(Self::$variant),*].into_iter().nth(at.into()).ok_or(wrong)
            }
        }
    };
    ($type:ident($inner:ty)) => {
        impl $crate::handover::Kept for $type {
            fn put(&self, out: &mut $crate::handover::Out) {
                $crate::handover::Kept::put(&self.0, out);
            }

            fn read(from: &mut $crate::handover::In<'_>) -> Result<Self, $crate::handover::HandOverError> {
                Ok(Self(<$inner as $crate::handover::Kept>::read(from)?))
            }
        }
    };
}
pub(crate) use kept;

macro_rules! numbers {
    ($($type:ident),*) => {
        $(impl Kept for $type {
            fn put(&self, out: &mut Out) {
                out.octets.extend_from_slice(&self.to_le_bytes());
            }

            fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
                let octets = from.octets(size_of::<$type>())?;
                Ok(Self::from_le_bytes(octets.try_into().expect("as many octets as were asked for")))
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, u128, i32, i64);

kept!(PortNo(u32));
kept!(GroupId(u32));
kept!(MeterId(u32));
kept!(BucketId(u32));
kept!(IpProto(u8));
kept!(BfdDiagnostic(u8));
kept!(MacAddr([u8; 6]));
kept!(BfdState => AdminDown, Down, Init, Up);
kept!(Version => Of10, Of13, Of14, Of15);
kept!(openflow::Role => NoChange, Equal, Primary, Secondary);
kept!(openflow::PacketInFormat => Standard, Nxt, Nxt2);

impl Kept for bool {
    fn put(&self, out: &mut Out) {
        u8::from(*self).put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok(u8::read(from)? != 0)
    }
}

impl Kept for usize {
    fn put(&self, out: &mut Out) {
        (*self as u64).put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Self::try_from(u64::read(from)?).map_err(|_| HandOverError::Damaged("a number is too great"))
    }
}

impl<T: Kept> Kept for Option<T> {
    fn put(&self, out: &mut Out) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok(if bool::read(from)? { Some(T::read(from)?) } else { None })
    }
}

impl<T: Kept> Kept for Box<T> {
    fn put(&self, out: &mut Out) {
        (**self).put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        T::read(from).map(Self::new)
    }
}

impl<T: Kept, const N: usize> Kept for [T; N] {
    fn put(&self, out: &mut Out) {
        self.iter().for_each(|value| value.put(out));
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let values: Vec<T> = (0..N).map(|_| T::read(from)).collect::<Result<_, _>>()?;
        Self::try_from(values).map_err(|_| HandOverError::Damaged("an array"))
    }
}

impl<A: Kept, B: Kept> Kept for (A, B) {
    fn put(&self, out: &mut Out) {
        self.0.put(out);
        self.1.put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok((A::read(from)?, B::read(from)?))
    }
}

impl<A: Kept, B: Kept, C: Kept> Kept for (A, B, C) {
    fn put(&self, out: &mut Out) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok((A::read(from)?, B::read(from)?, C::read(from)?))
    }
}

fn put_all<'a, T: Kept + 'a>(values: impl ExactSizeIterator<Item = &'a T>, out: &mut Out) {
    (values.len() as u64).put(out);
    values.for_each(|value| value.put(out));
}

/// Memory grows with what is read, not with the length that is announced.
fn take_all<T: Kept, C: FromIterator<T>>(from: &mut In<'_>) -> Result<C, HandOverError> {
    let count = u64::read(from)?;
    (0..count).map(|_| T::read(from)).collect()
}

impl<T: Kept> Kept for Vec<T> {
    fn put(&self, out: &mut Out) {
        put_all(self.iter(), out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        take_all(from)
    }
}

impl<T: Kept> Kept for VecDeque<T> {
    fn put(&self, out: &mut Out) {
        put_all(self.iter(), out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        take_all(from)
    }
}

impl<K: Kept + Ord, V: Kept> Kept for BTreeMap<K, V> {
    fn put(&self, out: &mut Out) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        take_all(from)
    }
}

impl Kept for String {
    fn put(&self, out: &mut Out) {
        self.len().put(out);
        out.octets.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let len = usize::read(from)?;
        let octets = from.octets(len)?;
        Self::from_utf8(octets.to_vec()).map_err(|_| HandOverError::Damaged("a text"))
    }
}

impl Kept for Duration {
    fn put(&self, out: &mut Out) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        u64::read(from).map(Self::from_nanos)
    }
}

/// Forwards or backwards from the moment of writing.
impl Kept for Instant {
    fn put(&self, out: &mut Out) {
        let later = *self >= out.now;
        later.put(out);
        let now = out.now;
        let distance = if later { *self - now } else { now - *self };
        distance.put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let (later, distance) = (bool::read(from)?, Duration::read(from)?);
        let time = if later { from.now.checked_add(distance) } else { from.now.checked_sub(distance) };
        time.ok_or(HandOverError::Damaged("a time"))
    }
}

/// The longest that a header of OpenFlow can say.
const MESSAGE_LEN_MAX: usize = u16::MAX as usize;

/// As OpenFlow 1.5 writes it.
impl Kept for Message {
    fn put(&self, out: &mut Out) {
        let octets = self.encode(Version::Of15);
        debug_assert!(octets.len() <= MESSAGE_LEN_MAX, "what is longer comes in parts");
        octets.len().put(out);
        out.octets.extend_from_slice(&octets);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let len = usize::read(from)?;
        let octets = from.octets(len)?;
        Self::decode(Version::Of15, octets).map_err(|_| HandOverError::Damaged("an OpenFlow message"))
    }
}
