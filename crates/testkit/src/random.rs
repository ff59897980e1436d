//! Choices that a seed decides, for tests that compare two implementations.

/// A generator of numbers (SplitMix64): the same seed gives the same numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    ///
    /// # Panics
    /// If the bound is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of these values.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let bound = u64::try_from(from.len()).expect("a few");
        &from[usize::try_from(self.below(bound)).expect("a few")]
    }

    /// Whether it is one of so many cases.
    ///
    /// # Panics
    /// If there are none.
    pub const fn is_one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// In half of all cases one of these values, if there are any.
    pub fn perhaps<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if self.is_one_in(2) || from.is_empty() { None } else { Some(self.pick(from).clone()) }
    }
}
