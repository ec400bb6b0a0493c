//! The outline of a set: where its records stand, without what they say.

use alloc::vec::Vec;

use super::RecordSet;
use super::admission::Epoch;
use super::arena::Slot;

/// Room of a chain in a page: its id and its topic.
pub(super) const CHAIN_LEN: usize = 64;
/// Room of a record: its id, the slot of the record before it, the number of its
/// chain, and the slot of the Open of its epoch. Slots are counted from 1; 0 is
/// none.
pub(super) const ROW_LEN: usize = 44;

/// Where the records of a set stand, without what they say, in pages of bytes.
///
/// For whoever keeps a set in a store and wants to open it without reading every
/// record again: [`Sketch`](super::Sketch) puts the set together from these pages
/// and the few records whose content is asked for. The bytes are a snapshot of
/// one set for the same code; they never travel.
///
/// A page is `[chains, rows]`, both as 4 bytes, then the chains that begin in it,
/// each `[id, topic]`, then its rows in the order of storing, each `[id, prev,
/// chain, epoch]`: the record before it by its slot, counted from 1, or 0; a chain
/// by its number, counted from 0 over all pages; and an epoch by the slot of its
/// Open, or 0 on the authority chain. All numbers are big-endian.
///
/// ```
/// use icn_types::record::Kind;
/// use icn_types::set::Sketch;
/// use icn_types::testkit::stage::Stage;
///
/// let mut stage = Stage::new(1, 4);
/// let chain = stage.open_member(0, &stage.governance(), None);
/// let note = stage.write(&chain, Kind::new(67), &[], &1_u64);
/// let last = stage.write(&chain, Kind::new(67), &[], &2_u64);
/// let set = &stage.set;
///
/// let mut sketch = Sketch::new(set.domain());
/// for page in set.outline().pages() {
///     sketch.page(&page)?;
/// }
/// // The authority chain is judged again; the ends of chains can be gone on from.
/// let last = set.find(&last).unwrap();
/// for &slot in set.spine(&set.authority()).iter().chain([&last]) {
///     sketch.body(slot.index(), &set.record(slot).to_bytes())?;
/// }
/// let opened = sketch.finish()?;
///
/// let topic = stage.governance().id();
/// assert_eq!(opened.canonical().digest(topic), set.canonical().digest(topic));
/// assert_eq!(opened.record(last), set.record(last));
/// assert!(!opened.missed());
/// // Nobody has said what the first note says: this is not it.
/// let note = opened.find(&note).unwrap();
/// assert!(!opened.is_at_hand(note) && opened.record(note) != set.record(note));
/// assert!(opened.missed());
/// # Ok::<(), icn_types::set::OutlineError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    set: &'a RecordSet,
}

impl RecordSet {
    /// The outline of this set. Looks at no record's content.
    #[must_use]
    pub const fn outline(&self) -> Outline<'_> {
        Outline { set: self }
    }
}

impl<'a> Outline<'a> {
    /// Records in a page; in the last one there may be fewer. So a page is never
    /// longer than 216 KiB and 8 bytes.
    pub const ROWS: usize = 2048;

    /// How many pages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len().div_ceil(Self::ROWS)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The page with this number, from 0. O(1) in the set.
    ///
    /// Pages with all their records stay as they are while the set grows, so
    /// whoever wrote them writes again from the last one on.
    #[must_use]
    pub fn page(&self, number: usize) -> Option<Vec<u8>> {
        let first = number.checked_mul(Self::ROWS)?;
        let rows = self.set.len().checked_sub(first)?.min(Self::ROWS);
        if rows == 0 {
            return None;
        }
        let end = first + rows;
        let chains = self.set.spines.starting_from(first);
        let later = self.set.spines.starting_from(end).len();
        let chains = &chains[..chains.len() - later];
        let mut page = Vec::with_capacity(8 + chains.len() * CHAIN_LEN + rows * ROW_LEN);
        for count in [chains.len(), rows] {
            page.extend(u32::try_from(count).ok()?.to_be_bytes());
        }
        for spine in chains {
            page.extend(spine.chain.as_bytes());
            page.extend(spine.topic.as_bytes());
        }
        for slot in (first..end).map_while(|index| self.set.slot(index)) {
            self.row(slot, &mut page);
        }
        Some(page)
    }

    fn row(&self, slot: Slot, page: &mut Vec<u8>) {
        let node = self.set.arena.node(slot);
        let epoch = node
            .epoch
            .and_then(|number| self.set.arena.numbered_epoch(number));
        let number = |slot: Option<Slot>| slot.map_or(0, Slot::number);
        page.extend(self.set.id(slot).as_bytes());
        page.extend(number(node.prev).to_be_bytes());
        page.extend(node.spine.number().to_be_bytes());
        page.extend(number(epoch.map(Epoch::slot)).to_be_bytes());
    }

    /// All pages, in their order. Each is made when it is asked for.
    pub fn pages(self) -> impl Iterator<Item = Vec<u8>> + 'a {
        (0..self.len()).map_while(move |number| self.page(number))
    }
}
