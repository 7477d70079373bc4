//! Numbers that are the same in every run: SplitMix64 (Steele, Lea and Flood, 2014).

#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From 0 to 1, 1 excluded.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// `count` cards: so many of each kind as given for each `per` cards, at least one of each, the rest of the
    /// default kind; shuffled. Rates are kept exactly, rare kinds too.
    pub fn deck<T: Copy + Default>(&mut self, count: usize, per: usize, kinds: &[(T, usize)]) -> Vec<T> {
        let mut deck: Vec<T> = Vec::with_capacity(count);
        for (kind, wanted) in kinds {
            deck.extend(std::iter::repeat_n(*kind, (wanted * count).div_ceil(per)));
        }
        deck.resize(count, T::default());
        for at in (1..count).rev() {
            deck.swap(at, self.below(at + 1));
        }
        deck
    }
}
