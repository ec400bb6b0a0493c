//! Numbers by names of 32 bytes.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// Names in one bucket: with their tags they fill one cache line.
const WIDTH: usize = 8;

/// Names per bucket at which the table grows.
const FILL: usize = 4;

/// Marks a free place.
const FREE: u32 = u32::MAX;

/// Finds the number of a name in one step however many there are.
///
/// A name lies in the bucket that its tag chooses, its home. One that finds its
/// home full lies next door, in the other bucket of the pair; one that finds the
/// pair full lies in a tree. Names that came by chance hardly ever do. Whoever
/// makes up names that share a home gets the tree, which is slower by a logarithm
/// and no more. Nothing is random: the same names give the same table everywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// An even number of them: 2 to the power of `bits`, or none.
    buckets: Vec<Bucket>,
    bits: u32,
    /// Names that lie in buckets.
    len: usize,
    /// The others, by tag and name.
    beside: BTreeMap<(u32, [u8; 32]), u32>,
}

/// Taken places come first.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    tags: [u32; WIDTH],
    numbers: [u32; WIDTH],
}

impl Bucket {
    const EMPTY: Self = Self {
        tags: [0; WIDTH],
        numbers: [FREE; WIDTH],
    };

    // Neither of these stops early: where it would stop is as good as random,
    // and a processor that guesses wrong waits for the memory that it could have
    // gone on without.

    fn len(&self) -> usize {
        self.numbers
            .iter()
            .filter(|&&number| number != FREE)
            .count()
    }

    fn has(&self, tag: u32) -> bool {
        self.tags
            .iter()
            .fold(false, |found, &there| found | (there == tag))
    }

    const fn is_full(&self) -> bool {
        self.numbers[WIDTH - 1] != FREE
    }

    fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        let entries = self.tags.into_iter().zip(self.numbers);
        entries.take_while(|&(_, number)| number != FREE)
    }

    fn find(&self, tag: u32, is_named: impl Fn(u32) -> bool) -> Option<u32> {
        if !self.has(tag) {
            return None;
        }
        let mut entries = self.entries();
        let found = entries.find(|&(there, number)| there == tag && is_named(number));
        found.map(|(_, number)| number)
    }

    /// Whether there was room.
    fn push(&mut self, tag: u32, number: u32) -> bool {
        let len = self.len();
        if len == WIDTH {
            return false;
        }
        (self.tags[len], self.numbers[len]) = (tag, number);
        true
    }

    /// Takes out the first entry of which `is_it` holds.
    fn pop(&mut self, is_it: impl Fn((u32, u32)) -> bool) -> Option<(u32, u32)> {
        let at = self.entries().position(is_it)?;
        let last = self.len() - 1;
        self.tags.swap(at, last);
        self.numbers.swap(at, last);
        let number = core::mem::replace(&mut self.numbers[last], FREE);
        Some((self.tags[last], number))
    }
}

impl Index {
    /// The number of `name`; `is_named` says whether a candidate has that name.
    pub(super) fn find(&self, name: &[u8; 32], is_named: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag(name);
        let home = self.place(tag);
        let bucket = self.buckets.get(home)?;
        let found = bucket.find(tag, &is_named);
        if found.is_none() && bucket.is_full() {
            return self.find_astray(home, tag, name, is_named);
        }
        found
    }

    /// The number of a name whose home is full of others.
    #[cold]
    fn find_astray(
        &self,
        home: usize,
        tag: u32,
        name: &[u8; 32],
        is_named: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let bucket = self.buckets.get(home ^ 1)?;
        let found = bucket.find(tag, is_named);
        if found.is_none() && bucket.is_full() {
            return self.beside.get(&(tag, *name)).copied();
        }
        found
    }

    /// Adds a name that is not there yet, with a number below [`FREE`].
    pub(super) fn insert(&mut self, name: &[u8; 32], number: u32) {
        if self.len >= self.buckets.len() * FILL {
            self.grow();
        }
        self.put(name, number);
    }

    /// Reads what inserting names will read. These reads wait for memory all at
    /// once, where each insertion would wait for its own.
    pub(super) fn touch<'a>(&self, names: impl Iterator<Item = &'a [u8; 32]>) {
        let first = |name| self.buckets.get(self.place(tag(name)));
        let seen = names
            .filter_map(first)
            .fold(0, |sum, bucket| sum ^ bucket.tags[0]);
        core::hint::black_box(seen);
    }

    fn put(&mut self, name: &[u8; 32], number: u32) {
        let tag = tag(name);
        let home = self.place(tag);
        if self.buckets[home].push(tag, number) || self.buckets[home ^ 1].push(tag, number) {
            self.len += 1;
        } else {
            self.beside.insert((tag, *name), number);
        }
    }

    /// Takes a name out that is there with this number.
    pub(super) fn pop(&mut self, name: &[u8; 32], number: u32) {
        let tag = tag(name);
        if self.beside.remove(&(tag, *name)).is_some() {
            return;
        }
        let home = self.place(tag);
        let is_it = |(_, there)| there == number;
        for place in [home, home ^ 1] {
            if self.buckets[place].pop(is_it).is_some() {
                self.len -= 1;
                self.refill(place);
                return;
            }
        }
    }

    /// A name lies next door to a full home only, and beside a full pair only: so
    /// others move in when a place of a bucket becomes free. Of two neighbours one
    /// at most has names next door, for it is full and the other was not.
    fn refill(&mut self, place: usize) {
        let bits = self.bits;
        let is_at_home = |(tag, _)| place_of(tag, bits) == place;
        if let Some((tag, number)) = self.buckets[place ^ 1].pop(is_at_home) {
            self.buckets[place].push(tag, number);
        }
        // Tags are in the order of their pairs.
        let pair = place >> 1;
        let first = (pair as u64) << (u32::BITS + 1 - bits);
        let first = (u32::try_from(first).unwrap_or(u32::MAX), [0; 32]);
        let next = self.beside.range(first..).next();
        if let Some((&(tag, name), &number)) = next
            && self.place(tag) >> 1 == pair
        {
            self.beside.remove(&(tag, name));
            self.put(&name, number);
        }
    }

    /// Doubles the table. Tags are in order of their buckets, so each bucket
    /// becomes a pair, which has room for all that were at home in it.
    fn grow(&mut self) {
        self.bits += 1;
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::EMPTY; 2];
            return;
        }
        let mut buckets = Vec::with_capacity(self.buckets.len() * 2);
        for pair in self.buckets.chunks_exact(2) {
            let mut parts = [Bucket::EMPTY; 4];
            for (tag, number) in pair.iter().flat_map(Bucket::entries) {
                let home = self.place(tag) % 4;
                if !parts[home].push(tag, number) {
                    parts[home ^ 1].push(tag, number);
                }
            }
            buckets.extend(parts);
        }
        self.buckets = buckets;
        for ((_, name), number) in core::mem::take(&mut self.beside) {
            self.put(&name, number);
        }
    }

    fn place(&self, tag: u32) -> usize {
        place_of(tag, self.bits)
    }
}

/// The home of a tag among 2 to the power of `bits` buckets.
fn place_of(tag: u32, bits: u32) -> usize {
    ((u64::from(tag) << bits) >> 32) as usize
}

/// Spreads names that people number by hand, too. It does not stop anybody who
/// looks for names with one tag; the tree does.
fn tag(name: &[u8; 32]) -> u32 {
    let mut mixed = 0_u64;
    for word in name.chunks_exact(8) {
        let word = word.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        mixed = (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 32;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    let low = mixed as u32;
    low
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Index, WIDTH, tag};

    /// Names that share a tag, as an attacker would make them.
    fn twins(tag: u32, len: u64) -> Vec<[u8; 32]> {
        (0..len).map(|step| twin(tag, step)).collect()
    }

    fn twin(tag: u32, step: u64) -> [u8; 32] {
        // The last word alone decides, and one multiplication undoes another:
        // the tag is the low half after a shift by half, so words that differ
        // by the same difference in both halves of the product share it.
        let product = (step << 32) | (step ^ u64::from(tag));
        let word = product.wrapping_mul(inverse_of(0x9e37_79b9_7f4a_7c15));
        let mut name = [0; 32];
        name[24..].copy_from_slice(&word.to_be_bytes());
        name
    }

    /// Names numbered by hand.
    fn spread(len: u64) -> Vec<[u8; 32]> {
        let name = |number: u64| {
            let mut name = [0; 32];
            name[24..].copy_from_slice(&number.to_be_bytes());
            name
        };
        (1..=len).map(name).collect()
    }

    /// The inverse of an odd number modulo 2^64.
    fn inverse_of(odd: u64) -> u64 {
        (0..6).fold(odd, |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)))
        })
    }

    fn check(names: &[[u8; 32]]) {
        let mut index = Index::default();
        let find = |index: &Index, name: &[u8; 32]| {
            index.find(name, |number| names[number as usize] == *name)
        };
        for (number, name) in (0..).zip(names) {
            assert_eq!(find(&index, name), None);
            index.insert(name, number);
            assert_eq!(find(&index, name), Some(number));
        }
        for (number, name) in (0..).zip(names) {
            assert_eq!(find(&index, name), Some(number));
        }
        let numbers = 0..u32::try_from(names.len()).unwrap();
        for number in numbers.rev() {
            let name = |number| &names[number as usize];
            index.pop(name(number), number);
            assert_eq!(find(&index, name(number)), None);
            for number in (0..number).rev().take(20) {
                assert_eq!(find(&index, name(number)), Some(number));
            }
        }
        assert_eq!((index.len, index.beside.len()), (0, 0));
    }

    #[test]
    fn names_numbered_by_hand_hardly_ever_go_to_the_tree() {
        let names = spread(8000); // the table is about to grow
        check(&names);
        let mut index = Index::default();
        (0..)
            .zip(&names)
            .for_each(|(number, name)| index.insert(name, number));
        assert!(index.beside.len() < 20, "{}", index.beside.len());
    }

    #[test]
    fn names_made_to_share_a_bucket_go_to_the_tree() {
        let names = twins(7, 1000);
        assert!(names.iter().all(|name| tag(name) == 7));
        check(&names);
        let mut index = Index::default();
        (0..)
            .zip(&names)
            .for_each(|(number, name)| index.insert(name, number));
        assert_eq!(index.beside.len(), 1000 - 2 * WIDTH);
        assert!(index.buckets.len() <= 8, "they do not make the table grow");
    }

    #[test]
    fn a_name_beside_moves_in_when_its_bucket_has_room() {
        let names = [twins(7, 20), spread(60)].concat();
        let mut index = Index::default();
        let number = |at: usize| u32::try_from(at).unwrap();
        (0..)
            .zip(&names)
            .for_each(|(number, name)| index.insert(name, number));
        for (gone, name) in names.iter().enumerate() {
            index.pop(name, number(gone));
            for (at, name) in names.iter().enumerate() {
                let found = index.find(name, |number| names[number as usize] == *name);
                assert_eq!(found, (at > gone).then_some(number(at)));
            }
        }
    }

    proptest! {
        #[test]
        fn the_table_answers_as_a_map(
            mut names in prop::collection::vec(any::<[u8; 32]>(), 0..300),
            shared in 0_u64..100,
        ) {
            names.extend(twins(0, shared));
            names.sort();
            names.dedup();
            check(&names);
        }

        /// Most names are at home in one of three neighbouring pairs.
        #[test]
        fn names_that_come_and_go_are_found_while_they_are_there(
            steps in prop::collection::vec(
                (prop_oneof![4 => 0_u32..6, 1 => 6_u32..32], 0_u64..20),
                0..300,
            ),
        ) {
            let name = |(home, step): (u32, u64)| twin(home << 27, step);
            let mut index = Index::default();
            let mut model = BTreeMap::new();
            for (number, step) in (0..).zip(&steps) {
                match model.remove(step) {
                    Some(known) => index.pop(&name(*step), known),
                    None => {
                        index.insert(&name(*step), number);
                        model.insert(*step, number);
                    }
                }
                for (home, other) in (0..6).flat_map(|home| [(home, step.1), (home, 0)]) {
                    let found = index.find(&name((home, other)), |number| {
                        steps[number as usize] == (home, other)
                    });
                    prop_assert_eq!(found, model.get(&(home, other)).copied());
                }
            }
            for (step, number) in &model {
                let found = index.find(&name(*step), |number| steps[number as usize] == *step);
                prop_assert_eq!(found, Some(*number));
            }
            prop_assert_eq!(index.len + index.beside.len(), model.len());
        }
    }
}
