//! Look-up by name in constant time, whoever chose the names.
//!
//! A hash table of buckets of one cache line each. Names are spread without a
//! secret, so that equal inputs cost equal time in every run; whoever grinds
//! names into one bucket only fills it, and what finds no room is kept in an
//! ordered map. The worst case is that map, never a long search.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hint::black_box;

/// A key whose bits can be spread over a table.
pub trait Spread: Clone + Ord {
    /// Equal keys give equal numbers, other keys mostly others.
    fn spread(&self) -> u32;
}

impl Spread for [u8; 32] {
    fn spread(&self) -> u32 {
        spread_bytes(self)
    }
}

/// [`Spread::spread`] of a key that is nothing but bytes.
#[must_use]
#[inline]
pub fn spread_bytes(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks();
    let folded = words.iter().fold(0_u64, |folded, word| {
        folded.rotate_left(23) ^ u64::from_le_bytes(*word)
    });
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mixed(match rest {
        [] => folded,
        _ => folded.rotate_left(23) ^ u64::from_le_bytes(last),
    })
}

/// Every bit of the number moves half of the answer: the finalizer of
/// MurmurHash3 (Appleby 2011). Names may differ in few bits only, as counted
/// operation keys do.
const fn mixed(mut number: u64) -> u32 {
    number ^= number >> 33;
    number = number.wrapping_mul(0xff51_afd7_ed55_8ccd);
    number ^= number >> 33;
    number = number.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^= number >> 33;
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl<A: Spread, B: Spread> Spread for (A, B) {
    fn spread(&self) -> u32 {
        self.0.spread().rotate_left(16) ^ self.1.spread()
    }
}

/// Room of a bucket.
const ROOM: usize = 7;

/// How full buckets are on average when the table doubles. One in twenty has
/// turned a key away then.
const FILL: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket {
    spreads: [u32; ROOM],
    numbers: [u32; ROOM],
    len: u8,
    has_spilled: bool,
}

impl Bucket {
    fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        let entries = self.spreads.into_iter().zip(self.numbers);
        entries.take(usize::from(self.len))
    }

    /// Whether a key with this spread may lie here. Looks at all places: where
    /// it could stop is as good as random, and a processor that guesses wrong
    /// waits for the memory that it could have gone on without.
    fn may_hold(&self, spread: u32) -> bool {
        self.spreads
            .iter()
            .fold(false, |found, &other| found | (other == spread))
    }

    /// Whether there was room.
    fn push(&mut self, spread: u32, number: u32) -> bool {
        let at = usize::from(self.len);
        let (Some(free), Some(place)) = (self.spreads.get_mut(at), self.numbers.get_mut(at)) else {
            return false;
        };
        (*free, *place) = (spread, number);
        self.len += 1;
        true
    }
}

/// Numbers by key. The keys themselves lie with whatever the numbers mean, and
/// a look-up asks there whether it found the right one.
///
/// Finding and adding cost O(1), O(log n) for keys that were ground to meet.
#[derive(Clone, Debug)]
pub struct Index<K> {
    /// Two to some power of them, or none.
    buckets: Vec<Bucket>,
    /// Keys that found no room.
    spilled: BTreeMap<K, usize>,
    len: usize,
}

impl<K: Spread> Index<K> {
    /// An index of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            spilled: BTreeMap::new(),
            len: 0,
        }
    }

    /// The number of `key`; `is` tells whether a number is that of `key`.
    pub fn find(&self, key: &K, is: impl Fn(usize) -> bool) -> Option<usize> {
        self.find_spread(key, key.spread(), is)
    }

    /// [`find`](Self::find) with the spread of the key at hand.
    pub(crate) fn find_spread(
        &self,
        key: &K,
        spread: u32,
        is: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let bucket = self.buckets.get(self.place(spread))?;
        if bucket.may_hold(spread) {
            let is_it = |&(other, number): &(u32, u32)| other == spread && is(number as usize);
            if let Some((_, number)) = bucket.entries().find(is_it) {
                return Some(number as usize);
            }
        }
        if bucket.has_spilled {
            return self.spilled.get(key).copied();
        }
        None
    }

    /// Begins to read what [`find`](Self::find) will read for `key`, and does
    /// not wait for it. Changes nothing but what lies in the processor's caches.
    pub fn warm(&self, key: &K) {
        let bucket = self.buckets.get(self.place(key.spread()));
        black_box(bucket.map(|bucket| bucket.len));
    }

    /// Adds a key that is not there yet.
    pub fn insert(&mut self, key: &K, number: usize) {
        self.insert_spread(key, key.spread(), number);
    }

    /// [`insert`](Self::insert) with the spread of the key at hand.
    pub(crate) fn insert_spread(&mut self, key: &K, spread: u32, number: usize) {
        if self.len >= self.buckets.len() * FILL {
            self.grow((self.buckets.len() * 2).max(1));
        }
        self.len += 1;
        self.put(key, spread, number);
    }

    fn put(&mut self, key: &K, spread: u32, number: usize) {
        let place = self.place(spread);
        let Some(bucket) = self.buckets.get_mut(place) else {
            return;
        };
        if u32::try_from(number).is_ok_and(|number| bucket.push(spread, number)) {
            return;
        }
        bucket.has_spilled = true;
        self.spilled.insert(key.clone(), number);
    }

    const fn place(&self, spread: u32) -> usize {
        spread as usize & self.buckets.len().wrapping_sub(1)
    }

    /// What lies in the table, as its spread and its number, bucket by bucket.
    /// With [`spilled`](Self::spilled) it is all that there is, and
    /// [`restore`](Self::restore) makes the same index of it without the keys.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.buckets.iter().flat_map(Bucket::entries)
    }

    /// Keys that found no room in the table, ascending.
    pub fn spilled(&self) -> impl ExactSizeIterator<Item = (&K, usize)> {
        self.spilled.iter().map(|(key, number)| (key, *number))
    }

    /// The index whose [`entries`](Self::entries) and
    /// [`spilled`](Self::spilled) these are. Costs O(n).
    ///
    /// `None` when an entry finds no room, so that they are those of no index.
    #[must_use]
    pub fn restore(
        entries: &[(u32, u32)],
        spilled: impl ExactSizeIterator<Item = (K, usize)>,
    ) -> Option<Self> {
        let mut index = Self::new();
        let len = entries.len() + spilled.len();
        if len > 0 {
            index.reserve(len);
        }
        index.len = len;
        for &(spread, number) in entries {
            let place = index.place(spread);
            let bucket = index.buckets.get_mut(place)?;
            bucket.push(spread, number).then_some(())?;
        }
        for (key, number) in spilled {
            let place = index.place(key.spread());
            index.buckets.get_mut(place)?.has_spilled = true;
            index.spilled.insert(key, number);
        }
        Some(index)
    }

    /// The index of `len` keys that are all here at once; `key` tells each by its
    /// number, from 0. Takes less time than to add them one by one: it goes through
    /// the table once, region by region, and waits for no bucket.
    ///
    /// # Errors
    /// The number of a key that an earlier number has too.
    pub fn of<'a>(len: usize, key: impl Fn(usize) -> Option<&'a K>) -> Result<Self, usize>
    where
        K: 'a,
    {
        let mut index = Self::new();
        index.reserve(len);
        let mut spreads = Vec::with_capacity(len);
        spreads.extend((0..len).map_while(&key).map(K::spread));
        for (spread, number) in index.by_region(spreads) {
            if index.push_alone(spread, number) {
                continue;
            }
            let Some(new) = key(number) else {
                continue;
            };
            let is = |other: usize| key(other) == Some(new);
            if index.find_spread(new, spread, is).is_some() {
                return Err(number);
            }
            index.insert_spread(new, spread, number);
        }
        Ok(index)
    }

    /// Adds a key without a look at it, if there is room for it and no key there
    /// that looks like it. Whether it did.
    fn push_alone(&mut self, spread: u32, number: usize) -> bool {
        let place = self.place(spread);
        let (Some(bucket), Ok(number)) = (self.buckets.get_mut(place), u32::try_from(number))
        else {
            return false;
        };
        let is_alone = !bucket.has_spilled && !bucket.may_hold(spread);
        let is_pushed = is_alone && bucket.push(spread, number);
        self.len += usize::from(is_pushed);
        is_pushed
    }

    /// Spreads with their numbers, those together that lie near each other in the
    /// table.
    fn by_region(&self, spreads: Vec<u32>) -> Vec<(u32, usize)> {
        /// Of a million keys a region is 64 KiB, so that it stays in a processor's
        /// nearest caches while it is filled.
        const REGIONS: usize = 256;
        let width = self.buckets.len().div_ceil(REGIONS).max(1);
        let region = |spread| (self.place(spread) / width).min(REGIONS - 1);
        let mut ends = [0; REGIONS];
        for &spread in &spreads {
            ends[region(spread)] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            (*count, end) = (end, end + *count);
        }
        let mut sorted = Vec::new();
        sorted.resize(spreads.len(), (0, 0));
        for (number, spread) in spreads.into_iter().enumerate() {
            let at = &mut ends[region(spread)];
            sorted[*at] = (spread, number);
            *at += 1;
        }
        sorted
    }

    /// Makes room for so many more keys at once. Where there is no such room it
    /// does nothing.
    fn reserve(&mut self, more: usize) {
        let full = self.len.saturating_add(more).div_ceil(FILL);
        let buckets = full.checked_next_power_of_two().unwrap_or(usize::MAX);
        let Some(new) = buckets.checked_sub(self.buckets.len()) else {
            return;
        };
        if self.buckets.try_reserve_exact(new).is_ok() {
            self.grow(buckets);
        }
    }

    /// A table of so many buckets, two to some power of them. Each bucket shares
    /// its keys with new ones, so all of them find room.
    fn grow(&mut self, buckets: usize) {
        let before = self.buckets.len();
        self.buckets.resize(buckets, Bucket::default());
        for place in 0..before {
            let shared = core::mem::take(&mut self.buckets[place]);
            for (spread, number) in shared.entries() {
                let place = self.place(spread);
                self.buckets[place].push(spread, number);
            }
        }
        for (key, number) in core::mem::take(&mut self.spilled) {
            self.put(&key, key.spread(), number);
        }
    }
}

impl<K: Spread> Default for Index<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Values by key, numbered from 0 in the order added; none is removed.
///
/// Costs are those of [`Index`]; by number a value is at hand.
#[derive(Clone, Debug)]
pub struct Directory<K, V> {
    index: Index<K>,
    entries: Vec<(K, V)>,
}

impl<K: Spread, V> Directory<K, V> {
    /// A directory of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            index: Index::new(),
            entries: Vec::new(),
        }
    }

    /// The directory of all of these, numbered in this order. Takes less time than
    /// to add them one by one.
    ///
    /// # Errors
    /// The number of a key that stands there before.
    pub fn of(entries: Vec<(K, V)>) -> Result<Self, usize> {
        if entries.is_empty() {
            return Ok(Self::new());
        }
        let key = |number| entries.get(number).map(|(key, _)| key);
        let index = Index::of(entries.len(), key)?;
        Ok(Self { index, entries })
    }

    /// The number of a key.
    #[must_use]
    pub fn find(&self, key: &K) -> Option<usize> {
        self.find_spread(key, key.spread())
    }

    fn find_spread(&self, key: &K, spread: u32) -> Option<usize> {
        let is = |number| matches!(self.entries.get(number), Some((known, _)) if known == key);
        self.index.find_spread(key, spread, is)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.at(self.find(key)?)
    }

    /// The value of a key, to be changed.
    #[must_use]
    pub fn of_mut(&mut self, key: &K) -> Option<&mut V> {
        let number = self.find(key)?;
        self.at_mut(number)
    }

    /// The key with a number.
    #[must_use]
    pub fn key(&self, number: usize) -> Option<&K> {
        self.entries.get(number).map(|(key, _)| key)
    }

    /// The value with a number.
    #[must_use]
    pub fn at(&self, number: usize) -> Option<&V> {
        self.entries.get(number).map(|(_, value)| value)
    }

    /// The value with a number, to be changed.
    #[must_use]
    pub fn at_mut(&mut self, number: usize) -> Option<&mut V> {
        self.entries.get_mut(number).map(|(_, value)| value)
    }

    /// Gives a key this value, instead of the one that it may have had;
    /// answers with its number.
    pub fn insert(&mut self, key: K, value: V) -> usize {
        let spread = key.spread();
        if let Some(number) = self.find_spread(&key, spread) {
            self.entries[number].1 = value;
            return number;
        }
        self.push(key, spread, value)
    }

    /// The number of a key, which has a value from now on.
    pub fn number(&mut self, key: &K) -> usize
    where
        V: Default,
    {
        let spread = key.spread();
        match self.find_spread(key, spread) {
            Some(number) => number,
            None => self.push(key.clone(), spread, V::default()),
        }
    }

    fn push(&mut self, key: K, spread: u32, value: V) -> usize {
        let number = self.entries.len();
        self.index.insert_spread(&key, spread, number);
        self.entries.push((key, value));
        number
    }

    /// Keys and values in the order of their numbers.
    pub fn iter(&self) -> core::slice::Iter<'_, (K, V)> {
        self.entries.iter()
    }
}

impl<K: Spread, V> Default for Directory<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, K: Spread, V> IntoIterator for &'a Directory<K, V> {
    type Item = &'a (K, V);
    type IntoIter = core::slice::Iter<'a, (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Directory, Index, ROOM, Spread};

    /// All of them meet in one bucket.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Ground(u32);

    impl Spread for Ground {
        fn spread(&self) -> u32 {
            7
        }
    }

    #[test]
    fn keys_that_meet_in_one_bucket_are_all_found() {
        let keys: Vec<Ground> = (0..500).map(Ground).collect();
        let mut index = Index::new();
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(index.find(key, |at| keys[at] == *key), None);
            index.insert(key, number);
        }
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(index.find(key, |at| keys[at] == *key), Some(number));
        }
        assert_eq!(index.spilled.len(), keys.len() - ROOM);
    }

    #[test]
    fn counted_names_spread() {
        let names = (0..4096_u32).map(|number| {
            let mut name = [0; 32];
            name[28..].copy_from_slice(&number.to_be_bytes());
            name
        });
        let mut index = Index::new();
        for (number, name) in names.enumerate() {
            index.insert(&name, number);
        }
        assert!(index.spilled.len() < 200, "{} spilled", index.spilled.len());
    }

    #[test]
    fn a_key_with_two_numbers_has_no_index() {
        for (keys, second) in [([1, 2, 1], 2), ([2, 1, 1], 2), ([1, 1, 2], 1)] {
            let keys = keys.map(Ground);
            let twice = Index::of(keys.len(), |at| keys.get(at));
            assert_eq!(twice.map(|_| ()), Err(second));
        }
        let keys: Vec<Ground> = (0..20).chain([19]).map(Ground).collect();
        let twice = Index::of(keys.len(), |at| keys.get(at));
        assert_eq!(twice.map(|_| ()), Err(20), "also where keys find no room");
    }

    /// The index that is read back, and its table as text.
    fn again<K: Spread + std::fmt::Debug>(index: &Index<K>) -> (Index<K>, bool) {
        let entries: Vec<_> = index.entries().collect();
        let spilled = index.spilled().map(|(key, number)| (key.clone(), number));
        let restored = Index::restore(&entries, spilled).unwrap();
        let is_same = std::format!("{restored:?}") == std::format!("{index:?}");
        (restored, is_same)
    }

    #[test]
    fn an_index_is_read_back_with_all_that_spilled() {
        let mut ground = Index::new();
        for number in 0..100 {
            assert!(again(&ground).1, "with {number} keys");
            ground.insert(&Ground(u32::try_from(number).unwrap()), number);
        }
        assert!(ground.spilled().len() > 90);
        let (restored, _) = again(&ground);
        let find = |number: u32| restored.find(&Ground(number), |at| at == number as usize);
        assert!((0..100).all(|number| find(number) == Some(number as usize)));
        assert_eq!(find(100), None);
    }

    #[test]
    fn entries_that_find_no_room_are_of_no_index() {
        let crowded = [(0, 1); ROOM + 1];
        assert!(Index::<Ground>::restore(&crowded[..ROOM], core::iter::empty()).is_some());
        assert!(Index::<Ground>::restore(&crowded, core::iter::empty()).is_none());
    }

    proptest! {
        #[test]
        fn an_index_of_all_keys_is_the_one_that_they_make_one_by_one(len in 0_u32..3000) {
            let keys: Vec<[u8; 32]> = (0..len).map(|number| {
                let mut key = [0; 32];
                key[..4].copy_from_slice(&number.to_be_bytes());
                key
            }).collect();
            let mut one_by_one = Index::new();
            for (number, key) in keys.iter().enumerate() {
                one_by_one.insert(key, number);
            }
            let at_once = Index::of(keys.len(), |at| keys.get(at)).unwrap();
            prop_assert_eq!(at_once.len, one_by_one.len);
            prop_assert_eq!(&at_once.spilled, &one_by_one.spilled);
            let entries = |index: &Index<_>| {
                let entries = index.buckets.iter().map(|bucket| bucket.entries().collect());
                entries.collect::<Vec<Vec<_>>>()
            };
            if len > 0 {
                prop_assert_eq!(entries(&at_once).len(), entries(&one_by_one).len());
            }
            for (number, key) in keys.iter().enumerate() {
                prop_assert_eq!(at_once.find(key, |at| keys[at] == *key), Some(number));
            }
        }

        #[test]
        fn an_index_of_any_keys_is_read_back_as_it_lay(
            keys in proptest::collection::btree_set(0_u16.., 0..300),
        ) {
            let mut index = Index::new();
            for key in keys {
                let mut name = [0; 32];
                name[..2].copy_from_slice(&key.to_be_bytes());
                index.insert(&name, key.into());
            }
            let (mut restored, is_same) = again(&index);
            prop_assert!(is_same);
            index.insert(&[255; 32], 7);
            restored.insert(&[255; 32], 7);
            prop_assert!(again(&restored).1);
            prop_assert_eq!(std::format!("{restored:?}"), std::format!("{index:?}"));
        }

        #[test]
        fn a_directory_is_an_ordered_map_in_the_order_added(
            inserts in prop::collection::vec((any::<(u8, bool)>(), any::<u16>()), 0..300),
        ) {
            let (mut directory, mut model) = (Directory::new(), BTreeMap::new());
            for ((low, high), value) in inserts {
                let mut key = [0_u8; 32];
                (key[31], key[0]) = (low, u8::from(high));
                let known = model.len();
                let number = directory.insert(key, value);
                let (expected, last) = model.entry(key).or_insert((known, value));
                *last = value;
                prop_assert_eq!(number, *expected);
                prop_assert_eq!(directory.at(number), Some(&value));
                prop_assert_eq!(directory.key(number), Some(&key));
            }
            for (key, (number, value)) in &model {
                prop_assert_eq!(directory.find(key), Some(*number));
                prop_assert_eq!(directory.get(key), Some(value));
            }
            prop_assert_eq!(directory.get(&[9; 32]), None);
            prop_assert_eq!(directory.iter().count(), model.len());
        }
    }
}
