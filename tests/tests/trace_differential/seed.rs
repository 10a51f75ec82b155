//! Random choices that a number determines, so that a failure can be made again.

/// A source of choices.
pub(crate) struct Seed(u64);

impl Seed {
    /// Equal numbers make equal choices.
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }

    /// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`, which is not zero.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.number() % count as u64) as usize
    }

    /// True in `percent` of a hundred times.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of several texts.
    pub(crate) fn text(&mut self, items: &[&str]) -> String {
        (*self.pick(items)).to_owned()
    }
}

/// How many networks one run looks at; more are asked for by a variable of the environment.
pub(crate) fn networks() -> u64 {
    from_environment("TRACE_NETWORKS", 2)
}

/// How many packets are sent through each of them.
pub(crate) fn packets() -> usize {
    from_environment("TRACE_PACKETS", 120) as usize
}

#[expect(clippy::disallowed_methods, reason = "a test may be told to look longer")]
fn from_environment(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
