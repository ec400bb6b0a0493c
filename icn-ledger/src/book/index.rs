//! Numbers by names of 32 bytes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Names in one bucket: with their tags they fill one cache line.
const WIDTH: usize = 8;

/// Names per bucket at which the table grows.
const FILL: usize = 4;

/// Marks a free place.
const FREE: u32 = u32::MAX;

/// Finds the number of a name in one step however many there are.
///
/// A name lies in the bucket that its tag chooses. One that finds its bucket
/// full lies in a tree instead, so whoever makes up names that share a bucket
/// gets a tree, which is slower by a logarithm and no more. Nothing is random:
/// the same names give the same table everywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    buckets: Vec<Bucket>,
    /// The number of buckets is 2 to this power, once there are any.
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

    /// Whether there was room.
    fn push(&mut self, tag: u32, number: u32) -> bool {
        let len = self.len();
        if len == WIDTH {
            return false;
        }
        (self.tags[len], self.numbers[len]) = (tag, number);
        true
    }
}

impl Index {
    /// The number of `name`; `is_named` says whether a candidate has that name.
    pub(super) fn find(&self, name: &[u8; 32], is_named: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag(name);
        let bucket = self.buckets.get(self.place(tag))?;
        if bucket.has(tag) {
            let mut named = bucket.numbers.iter().zip(&bucket.tags);
            let is_it = |number| number != FREE && is_named(number);
            let found = named.find(|&(&number, &there)| there == tag && is_it(number));
            if let Some((&number, _)) = found {
                return Some(number);
            }
        }
        // A name lies beside a full bucket only.
        if bucket.numbers[WIDTH - 1] == FREE {
            return None;
        }
        self.beside.get(&(tag, *name)).copied()
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
        let place = self.place(tag);
        if self.buckets[place].push(tag, number) {
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
        let place = self.place(tag);
        let bucket = &mut self.buckets[place];
        let len = bucket.len();
        let Some(at) = bucket.numbers.iter().position(|&there| there == number) else {
            return;
        };
        bucket.tags.swap(at, len - 1);
        bucket.numbers.swap(at, len - 1);
        bucket.numbers[len - 1] = FREE;
        self.len -= 1;
        if len == WIDTH {
            self.refill(place);
        }
    }

    /// A name lies beside a full bucket only, so one moves in when a place
    /// becomes free.
    fn refill(&mut self, place: usize) {
        // Tags are in the order of their buckets.
        let first = (place as u64) << (u32::BITS - self.bits);
        let first = (u32::try_from(first).unwrap_or(u32::MAX), [0; 32]);
        let next = self.beside.range(first..).next();
        if let Some((&(tag, name), &number)) = next
            && self.place(tag) == place
        {
            self.beside.remove(&(tag, name));
            self.put(&name, number);
        }
    }

    /// Doubles the table. Tags are in order of their buckets, so each bucket
    /// becomes two neighbours.
    fn grow(&mut self) {
        if self.buckets.is_empty() {
            self.buckets.push(Bucket::EMPTY);
            return;
        }
        self.bits += 1;
        let mut buckets = Vec::with_capacity(self.buckets.len() * 2);
        for bucket in &self.buckets {
            let mut halves = [Bucket::EMPTY; 2];
            for (&tag, &number) in bucket.tags.iter().zip(&bucket.numbers) {
                if number != FREE {
                    halves[self.place(tag) & 1].push(tag, number);
                }
            }
            buckets.extend(halves);
        }
        self.buckets = buckets;
        for ((_, name), number) in core::mem::take(&mut self.beside) {
            self.put(&name, number);
        }
    }

    fn place(&self, tag: u32) -> usize {
        ((u64::from(tag) << self.bits) >> 32) as usize
    }
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
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Index, WIDTH, tag};

    /// Names that share a tag: found by trying, as an attacker would.
    fn twins(len: usize) -> Vec<[u8; 32]> {
        let mut name = [0; 32];
        // The last word alone decides, and one multiplication undoes another:
        // the tag is the low half after a shift by half, so words that differ
        // by the same difference in both halves of the product share it.
        let inverse = inverse_of(0x9e37_79b9_7f4a_7c15);
        (0..len as u64)
            .map(|step| {
                let product = (step << 32) | step;
                name[24..].copy_from_slice(&product.wrapping_mul(inverse).to_be_bytes());
                name
            })
            .collect()
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
    fn names_numbered_by_hand_spread_over_the_buckets() {
        let names = spread(5000);
        check(&names);
        let mut index = Index::default();
        (0..)
            .zip(&names)
            .for_each(|(number, name)| index.insert(name, number));
        assert!(index.beside.len() < 200, "{}", index.beside.len());
    }

    #[test]
    fn names_made_to_share_a_bucket_go_to_the_tree() {
        let names = twins(1000);
        assert!(names.iter().all(|name| tag(name) == tag(&names[0])));
        check(&names);
        let mut index = Index::default();
        (0..)
            .zip(&names)
            .for_each(|(number, name)| index.insert(name, number));
        assert_eq!(index.beside.len(), 1000 - WIDTH);
        assert!(index.buckets.len() < 8, "they do not make the table grow");
    }

    #[test]
    fn a_name_beside_moves_in_when_its_bucket_has_room() {
        let names = [twins(20), spread(60)].concat();
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
            shared in 0_usize..100,
        ) {
            names.extend(twins(shared));
            names.sort();
            names.dedup();
            check(&names);
        }
    }
}
