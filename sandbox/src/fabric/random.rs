//! A small seeded generator: the same seed gives the same faults, on every machine.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): 64 bits of state,
/// every output equally likely, more than good enough for choosing which frame is lost.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator for one use; `stream` tells apart the uses of one seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.draw();
        random
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly below `bound`; 0 when there is nothing to choose from.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }

    /// True with this probability. Draws nothing when the answer is certain, so that a fault that is off
    /// does not shift the choices of the others.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && ((self.draw() >> 11) as f64) / ((1u64 << 53) as f64) < probability
    }
}
