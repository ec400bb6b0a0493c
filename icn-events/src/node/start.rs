//! The start: a snapshot and the records behind it, read back.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::{Ledger, Unit};
use icn_types::attested::Reading;
use icn_types::host::{Key, RowError, StoreError};
use icn_types::id::{RecordId, TopicId, UnitId};
use icn_types::set::{Beside, BesideParts, OutlineError, RecordSet, Sketch, Slot};

use super::books::Books;
use super::derived::Derived;
use super::error::NodeError;
use super::journal::{End, rows};
use super::open::Opened;
use super::pages;
use super::positions::Positions;
use super::replay::Unread;
use super::schema::{PAGES, Page, RECORDS, SNAPSHOT, Snapshot};
use super::settings::NodeSettings;
use super::snapshot::{EDITION, digest};

/// Records that are read at once.
const RECORDS_PER_READ: usize = 256;

/// Why a node does not start from its snapshot.
enum Without {
    /// There is none of this edition.
    Absent,
    /// It is damaged, or of another journal or genesis; or what came since asks for
    /// records that are not at hand.
    Unfit,
    Failed(NodeError),
}

impl From<StoreError> for Without {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RowError> for Without {
    fn from(_: RowError) -> Self {
        Self::Unfit
    }
}

impl From<OutlineError> for Without {
    fn from(_: OutlineError) -> Self {
        Self::Unfit
    }
}

impl From<icn_ledger::snapshot::RestoreError> for Without {
    fn from(_: icn_ledger::snapshot::RestoreError) -> Self {
        Self::Unfit
    }
}

impl From<NodeError> for Without {
    /// Whoever reads the whole history finds the same, or what is to blame for it.
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Record { .. }
            | NodeError::Restore(_)
            | NodeError::Gap { .. }
            | NodeError::Row(_) => Self::Unfit,
            error => Self::Failed(error),
        }
    }
}

/// What a node opens from the snapshot in its store and the records behind it, and
/// how many positions the snapshot takes in. `None` where the whole history is to
/// be read.
///
/// # Errors
/// [`NodeError`] of a store that fails or belongs to another domain.
pub(super) async fn start(settings: &NodeSettings) -> Result<Option<(Opened, u64)>, NodeError> {
    let unread = Unread::of(&*settings.store, settings.genesis.domain()).await?;
    match start_from(&unread, settings).await {
        Ok(start) => Ok(Some(start)),
        Err(Without::Absent | Without::Unfit) => Ok(None),
        Err(Without::Failed(error)) => Err(error),
    }
}

async fn start_from(
    unread: &Unread<'_>,
    settings: &NodeSettings,
) -> Result<(Opened, u64), Without> {
    let stored = Stored::read(unread).await?;
    let written = unread.written().ok_or(Without::Absent)?;
    let saved = stored.positions.len();
    let Restored {
        set,
        mut beside,
        mut ledgers,
    } = stored.open(unread, &settings.units).await?;
    let mut reading = Reading::after(set, stored.snapshot.hash);
    let behind = unread.range(saved, u64::MAX, |bytes| reading.take(bytes));
    let behind = behind.await?;
    let fresh = once(&behind);
    let set = reading.finish(written).ok_or(Without::Unfit)?;
    for &slot in &fresh {
        beside.update(&set, slot);
    }
    // The first peer would have the whole set walked over.
    beside.known(&set).ok_or(Without::Unfit)?;
    ledgers
        .values_mut()
        .for_each(|ledger| follow(ledger, &set, &fresh));
    let books = Books::without_registers(&set, ledgers, settings.transport.local_peer());
    let mut positions = stored.positions;
    behind.iter().for_each(|slot| positions.note(slot.index()));
    let derived = Derived::kept(unread.store(), &set, &books, positions.len()).await?;
    let is_whole = !set.missed() && set.len() as u64 == positions.records();
    let derived = derived.filter(|_| is_whole).ok_or(Without::Unfit)?;
    let opened = Opened {
        end: End::new(positions.len(), written),
        set,
        beside,
        positions,
        books,
        derived,
    };
    Ok((opened, saved))
}

/// Each of the records once: in the set that has them all they are whole.
fn once(behind: &[Slot]) -> Vec<Slot> {
    let mut told = BTreeSet::new();
    let behind = behind.iter().copied();
    behind.filter(|slot| told.insert(*slot)).collect()
}

/// Tells a ledger of the records behind a snapshot.
fn follow(ledger: &mut Ledger, set: &RecordSet, fresh: &[Slot]) {
    for &slot in fresh {
        ledger.update(set, slot);
    }
    ledger.refresh(set);
}

/// Whether the snapshot of a store says what its journal gives, up to where it was
/// written: so too where there is none. Reads those records again.
///
/// # Errors
/// [`NodeError`] of a store that fails.
pub(super) async fn agrees(unread: &Unread<'_>, units: &[Unit]) -> Result<bool, NodeError> {
    match compare(unread, units).await {
        Ok(agrees) => Ok(agrees),
        Err(Without::Absent) => Ok(true),
        Err(Without::Unfit) => Ok(false),
        Err(Without::Failed(error)) => Err(error),
    }
}

async fn compare(unread: &Unread<'_>, units: &[Unit]) -> Result<bool, Without> {
    let stored = Stored::read(unread).await?;
    let restored = stored.open(unread, units).await?;
    let mut reading = Reading::new(unread.domain());
    let end = stored.positions.len();
    unread.range(0, end, |bytes| reading.take(bytes)).await?;
    let set = reading.finish(stored.snapshot.hash).ok_or(Without::Unfit)?;
    let pages = stored.outline.iter().map(|Page(page)| page);
    let Restored {
        set: lean,
        mut beside,
        ledgers,
    } = restored;
    let as_replayed = |unit: &Unit| {
        let ledger = ledgers.get(&unit.id());
        ledger.is_some_and(|ledger| are_equal((&lean, ledger), (&set, &Ledger::of(&set, *unit))))
    };
    Ok(set.outline().pages().eq(pages.cloned())
        && beside.parts(&lean) == Beside::new().parts(&set)
        && units.iter().all(as_replayed)
        && !lean.missed())
}

/// Whether two ledgers say the same, each of the set that it follows.
fn are_equal(one: (&RecordSet, &Ledger), other: (&RecordSet, &Ledger)) -> bool {
    let ((lean, one), (set, other)) = (one, other);
    let mut chains = set.chains().map(|(chain, _)| chain);
    one.columns(lean) == other.columns(set)
        && waiting(one) == waiting(other)
        && set
            .slots()
            .all(|slot| one.verdict(slot) == other.verdict(slot))
        && chains.all(|chain| one.positions(lean, &chain) == other.positions(set, &chain))
}

/// What waits, in whatever order it came to.
fn waiting(ledger: &Ledger) -> BTreeMap<RecordId, BTreeSet<Slot>> {
    let waiting = ledger.waiting();
    waiting
        .map(|(id, slots)| (id, slots.iter().copied().collect()))
        .collect()
}

/// What a snapshot was made of.
struct Restored {
    set: RecordSet,
    beside: Beside,
    ledgers: BTreeMap<UnitId, Ledger>,
}

/// A snapshot as its store holds it.
struct Stored {
    snapshot: Snapshot,
    positions: Positions,
    outline: Vec<Page>,
    /// Records that are to be at hand, ascending.
    at_hand: Vec<usize>,
    canonical: Vec<Page>,
    awaited: Vec<Page>,
    ledgers: BTreeMap<UnitId, Vec<Page>>,
}

impl Stored {
    async fn read(unread: &Unread<'_>) -> Result<Self, Without> {
        let store = unread.store();
        let found = store.read(&[SNAPSHOT.key(&())]).await?.pop().flatten();
        let snapshot = SNAPSHOT.decode_value(&found.ok_or(Without::Absent)?)?;
        if snapshot.edition != EDITION {
            return Err(Without::Absent);
        }
        let pages = rows(store, &PAGES).await?.into_iter();
        let pages: Vec<Page> = pages.map(|(_, page)| page).collect();
        let is_whole = digest(&snapshot, &pages) == snapshot.digest;
        let stored = is_whole.then(|| Self::of(snapshot, pages)).flatten();
        stored.ok_or(Without::Unfit)
    }

    fn of(snapshot: Snapshot, pages: Vec<Page>) -> Option<Self> {
        let mut pages = pages.into_iter();
        let mut take = |count: u32| -> Vec<Page> { pages.by_ref().take(count as usize).collect() };
        let outline = take(snapshot.outline);
        let at_hand = take(snapshot.at_hand);
        let (canonical, awaited) = (take(snapshot.canonical), take(snapshot.awaited));
        let again = take(snapshot.again);
        let again = pages::read(&again).filter_map(pages::of_again);
        let ledgers = snapshot.ledgers.iter();
        Some(Self {
            positions: Positions::with_again(snapshot.records, again)?,
            outline,
            at_hand: pages::read(&at_hand).map(pages::index).collect(),
            canonical,
            awaited,
            ledgers: ledgers.map(|of| (of.unit, take(of.pages))).collect(),
            snapshot,
        })
    }

    /// The set as it was, with the records at hand that are to be, and what goes
    /// with it.
    async fn open(&self, unread: &Unread<'_>, units: &[Unit]) -> Result<Restored, Without> {
        let set = self.set(unread).await?;
        let beside = self.beside(&set).ok_or(Without::Unfit)?;
        let restored = units.iter().map(|unit| {
            let pages = self.ledgers.get(&unit.id()).ok_or(Without::Unfit)?;
            let pages = pages.iter().map(|Page(page)| page);
            Ok((unit.id(), Ledger::restore(&set, *unit, pages)?))
        });
        let ledgers: Result<_, Without> = restored.collect();
        Ok(Restored {
            ledgers: ledgers?,
            set,
            beside,
        })
    }

    fn beside(&self, set: &RecordSet) -> Option<Beside> {
        let named = |row| pages::of_named(set, row);
        let canonical = pages::read(&self.canonical).map(|row| {
            let (topic, slot) = named(row)?;
            Some((TopicId::from_bytes(topic), slot))
        });
        let awaited = pages::read(&self.awaited).map(|row| {
            let (record, slot) = named(row)?;
            Some((RecordId::from_bytes(record), slot))
        });
        let parts = BesideParts {
            canonical: canonical.collect::<Option<_>>()?,
            awaited: awaited.collect::<Option<_>>()?,
        };
        Some(Beside::restored(set, parts))
    }

    async fn set(&self, unread: &Unread<'_>) -> Result<RecordSet, Without> {
        let mut sketch = Sketch::new(unread.domain());
        sketch.reserve(usize::try_from(self.snapshot.records).unwrap_or_default());
        for Page(page) in &self.outline {
            sketch.page(page)?;
        }
        for records in self.at_hand.chunks(RECORDS_PER_READ) {
            let positions = records.iter().map(|&record| self.positions.whole(record));
            let keys: Vec<Key> = positions.map(|position| RECORDS.key(&position)).collect();
            let rows = unread.store().read(&keys).await?;
            for (&record, row) in records.iter().zip(rows) {
                sketch.body(record, RECORDS.canonical(&row.ok_or(Without::Unfit)?)?)?;
            }
        }
        Ok(sketch.finish()?)
    }
}
