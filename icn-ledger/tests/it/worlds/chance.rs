//! Chance from one seed: SHA-256 over the seed and a counter.

use icn_types::hash::sha256;
use icn_types::key::Keypair;

#[derive(Clone, Debug)]
pub(super) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn bytes(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.seed.to_be_bytes());
        bytes[8..].copy_from_slice(&self.drawn.to_be_bytes());
        sha256(&bytes)
    }

    /// A number from `0..end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let mut low = [0; 8];
        low.copy_from_slice(&self.bytes()[..8]);
        u64::from_be_bytes(low) % end
    }

    /// A number from `from..=to`.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// A position in something of this length.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len.try_into().unwrap())).unwrap()
    }

    /// True so often in a hundred times.
    pub(super) fn percent(&mut self, of_100: u64) -> bool {
        self.below(100) < of_100
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }

    pub(super) fn key(&mut self) -> Keypair {
        Keypair::from_seed(&self.bytes())
    }
}
