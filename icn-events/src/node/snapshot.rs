//! The snapshot: what a lean node starts from instead of its history.
//!
//! It says where the records of the set stand, which of them are to be at hand, and
//! what the ledgers add up to. All of it follows from the journal up to some
//! position, and is believed as far as the journal is: who can write to the store
//! can write both.

use std::collections::BTreeSet;

use icn_ledger::Ledger;
use icn_types::attested::RunningHash;
use icn_types::canon::{List, to_bytes};
use icn_types::hash::Hasher;
use icn_types::host::{Batch, LimitError, Store};
use icn_types::id::ChainId;
use icn_types::set::{BesideParts, RecordSet, Slot};

use super::books::Books;
use super::derived::clear;
use super::error::NodeError;
use super::pages;
use super::positions::Positions;
use super::schema::{LedgerPages, PAGES, Page, SNAPSHOT, Snapshot};

/// The way in which pages are written. With another number, or in another version
/// of the code, whose rules may be others, a node reads its whole history and writes
/// them anew.
pub(super) const EDITION: u16 = 2;

/// Bytes of pages that are written in one commit.
const BYTES_PER_COMMIT: usize = 16 << 20;

/// What became of a snapshot that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it was written or it was not")]
pub enum Saved {
    /// It is in the store.
    Written,
    /// There is none, because the charter or a ledger needs newer code.
    NotNow,
}

/// What a snapshot is made of.
pub(super) struct Parts<'a> {
    pub(super) set: &'a RecordSet,
    /// What is known beside its spines.
    pub(super) beside: BesideParts,
    pub(super) books: &'a Books,
    pub(super) positions: &'a Positions,
    /// Own accounts, with the milliseconds that their caps look back.
    pub(super) capped: Vec<(ChainId, u64)>,
    /// Over all records of the journal.
    pub(super) hash: RunningHash,
}

/// A snapshot that is to be written: the row that says what it is, and its pages.
pub(super) struct Drawn(Snapshot, Vec<Page>);

/// Writes a snapshot in place of the last one. Cut short, there is none.
pub(super) async fn write(store: &dyn Store, drawn: Option<Drawn>) -> Result<Saved, NodeError> {
    let batches = match &drawn {
        Some(Drawn(snapshot, pages)) => batches(snapshot, pages)?,
        None => Vec::new(),
    };
    clear(store, &SNAPSHOT).await?;
    clear(store, &PAGES).await?;
    for batch in batches {
        store.commit(batch).await?;
    }
    Ok(drawn.map_or(Saved::NotNow, |_| Saved::Written))
}

/// The commits that write a snapshot, its pages first.
fn batches(snapshot: &Snapshot, pages: &[Page]) -> Result<Vec<Batch>, LimitError> {
    let (mut batches, mut batch, mut len) = (Vec::new(), Batch::new(), 0);
    for (number, page) in (0..).zip(pages) {
        if len >= BYTES_PER_COMMIT {
            batches.push(std::mem::take(&mut batch));
            len = 0;
        }
        len += page.0.len();
        PAGES.put(&mut batch, &number, page)?;
    }
    SNAPSHOT.put(&mut batch, &(), snapshot)?;
    batches.push(batch);
    Ok(batches)
}

impl Parts<'_> {
    /// `None` where newer code is needed. Void if the set
    /// [missed](RecordSet::missed) a record.
    pub(super) fn draw(&self) -> Option<Drawn> {
        let ledgers = self.books.ledgers.values();
        let mut upgrades = ledgers.filter_map(Ledger::needs_upgrade);
        let upgrade = self.set.needs_upgrade().or_else(|| upgrades.next());
        upgrade.is_none().then_some(())?;
        let mut all = Vec::new();
        let mut add = |mut pages: Vec<Page>| {
            let count = u32::try_from(pages.len());
            all.append(&mut pages);
            count.ok()
        };
        let outline = self.set.outline().pages().map(Page);
        let at_hand: Vec<[u8; 4]> = self.at_hand().into_iter().map(pages::number).collect();
        let BesideParts { canonical, awaited } = &self.beside;
        let canonical = canonical.iter();
        let canonical = canonical.map(|(topic, slot)| pages::named(topic.as_bytes(), *slot));
        let awaited = awaited.iter();
        let awaited = awaited.map(|(record, slot)| pages::named(record.as_bytes(), *slot));
        let again = self.positions.again().iter().map(pages::again);
        let (outline, at_hand, canonical, awaited, again) = (
            add(outline.collect())?,
            add(pages::write(&at_hand))?,
            add(pages::write(&canonical.collect::<Vec<_>>()))?,
            add(pages::write(&awaited.collect::<Vec<_>>()))?,
            add(pages::write(&again.collect::<Vec<_>>()))?,
        );
        let mut ledgers = Vec::new();
        for (unit, ledger) in &self.books.ledgers {
            let pages = ledger.snapshot(self.set)?.into_iter().map(Page);
            ledgers.push(LedgerPages {
                unit: *unit,
                pages: add(pages.collect())?,
            });
        }
        let mut snapshot = Snapshot {
            edition: EDITION,
            records: self.set.len() as u64,
            hash: self.hash,
            outline,
            at_hand,
            canonical,
            awaited,
            again,
            ledgers: List::new(ledgers).ok()?,
            digest: [0; 32],
        };
        snapshot.digest = digest(&snapshot, &all);
        Some(Drawn(snapshot, all))
    }

    /// All records but those that only ledgers read. Of these the ones that ledgers
    /// read again; those that lack their content; and what stands beside a spine or
    /// beside others, as far as it is canonical, proves a fork or awaits another.
    fn at_hand(&self) -> BTreeSet<Slot> {
        let is_other = |&slot: &Slot| self.books.ledger_in(self.set.topic(slot)).is_none();
        let mut at_hand: BTreeSet<Slot> = self.set.slots().filter(is_other).collect();
        at_hand.extend(self.set.bare());
        at_hand.extend(self.set.all_siblings().flatten());
        at_hand.extend(self.beside.canonical.iter().map(|(_, slot)| *slot));
        at_hand.extend(self.beside.awaited.iter().map(|(_, slot)| *slot));
        for ledger in self.books.ledgers.values() {
            at_hand.append(&mut ledger.live(self.set));
        }
        for (chain, millis) in &self.capped {
            self.look_back(chain, *millis, &mut at_hand);
        }
        at_hand
    }

    /// Adds the last records of a chain up to the first that is older than that.
    fn look_back(&self, chain: &ChainId, millis: u64, at_hand: &mut BTreeSet<Slot>) {
        let here = |slot: &&Slot| self.set.is_at_hand(**slot);
        let at = |slot: Slot| self.set.record(slot).at().as_millis();
        let path = self.set.spine(chain).iter().rev().take_while(here);
        let mut since = None;
        for &slot in path {
            at_hand.insert(slot);
            let newest = *since.get_or_insert_with(|| at(slot));
            if newest.saturating_sub(at(slot)) >= millis {
                break;
            }
        }
    }
}

/// SHA-256 over the version of the code, what the row says beside it, and all
/// pages, each after its length.
pub(super) fn digest(snapshot: &Snapshot, pages: &[Page]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    let undigested = Snapshot {
        digest: [0; 32],
        ..snapshot.clone()
    };
    hasher.update(&to_bytes(&undigested));
    for Page(page) in pages {
        hasher.update(&(page.len() as u64).to_be_bytes());
        hasher.update(page);
    }
    hasher.finish()
}
