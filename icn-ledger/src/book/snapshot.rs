//! A book as rows: what a store keeps of it, and the same book out of them.
//!
//! A store keeps entries in [`Run`]s of about a page, each entry beside the
//! steps by which it changed positions, and a row per account and unit. Reading
//! a book back takes positions, lines and indexes as they stand there: transfers
//! are not read, no rule is applied and nothing is encoded. The ids of the
//! entries are computed all the same, so that bytes which are not this book are
//! noticed.
//!
//! Both directions are values: [`Book::changes`] says what a store lacks, and
//! [`Restore`](super::Restore) takes what a store holds.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;

use super::Book;
use super::cells::{CellKey, View};
use super::entry::Entry;
use super::error::RestoreError;
use super::limits::Limits;
use super::name::{AccountKey, EntryId, EntryNumber, UnitKey};
use super::request::Action;

/// A run takes no more entries when their bytes and steps reach so many bytes:
/// with its key it fits into a page of most stores.
const RUN_LEN: usize = 3_800;

/// Bytes that a step takes in a run, at most.
const STEP_LEN: usize = 14;

/// How far a store holds a book. Nothing of it at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    entries: u32,
    /// The first entry of the last run, which the next entries join.
    run: u32,
    head: Option<EntryId>,
}
canonical!(Saved { entries, run, head });

impl Saved {
    /// How many entries the store holds.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.entries
    }

    /// The id of the newest of them.
    #[must_use]
    pub const fn head(&self) -> Option<EntryId> {
        self.head
    }
}

/// What a store lacks of a book: all of it belongs into one commit, over what
/// lies under the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// How far the store holds the book then.
    pub saved: Saved,
    /// Runs by the number of their first entry, ascending. The first of them may
    /// be one that the store has, with further entries.
    pub runs: Vec<(EntryNumber, Run)>,
    /// Accounts that the entries touched.
    pub accounts: Vec<((AccountKey, UnitKey), AccountRow)>,
}

/// Where an account stands in a unit, for readers of the store. Sums are 128
/// bits wide, most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRow {
    position: [u8; 16],
    held_out: [u8; 16],
    held_in: [u8; 16],
    limits: Limits,
}
canonical!(AccountRow {
    position,
    held_out,
    held_in,
    limits
});

impl AccountRow {
    pub(super) const fn of(view: &View) -> Self {
        Self {
            position: view.position.to_be_bytes(),
            held_out: view.aside.out.to_be_bytes(),
            held_in: view.aside.into.to_be_bytes(),
            limits: view.limits,
        }
    }
}

/// Entries that follow each other, with the steps that each made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    bytes: Vec<u8>,
    steps: Vec<(CellKey, i64)>,
    /// Where bytes and steps of each entry end.
    ends: Vec<(usize, usize)>,
}

impl Run {
    /// Takes an entry; false when it belongs into the next run.
    fn push(&mut self, bytes: &[u8], steps: &[(CellKey, i64)]) -> bool {
        let len = |bytes: usize, steps: usize| bytes + steps * STEP_LEN;
        let (all_bytes, all_steps) = (self.bytes.len(), self.steps.len());
        let len = len(all_bytes, all_steps) + len(bytes.len(), steps.len());
        if !self.ends.is_empty() && len > RUN_LEN {
            return false;
        }
        self.bytes.extend_from_slice(bytes);
        self.steps.extend_from_slice(steps);
        self.ends.push((self.bytes.len(), self.steps.len()));
        true
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &[(CellKey, i64)])> {
        let mut start = (0, 0);
        self.ends.iter().map(move |&end| {
            let from = core::mem::replace(&mut start, end);
            (&self.bytes[from.0..end.0], &self.steps[from.1..end.1])
        })
    }
}

/// `[[bytes, [account in unit, change, ..]], ..]`, both of a step by number.
impl Encode for Run {
    fn encode(&self, w: &mut Writer) {
        w.array(self.ends.len());
        for (bytes, steps) in self.entries() {
            w.array(2);
            w.bytes(bytes);
            w.array(steps.len() * 2);
            for (cell, change) in steps {
                cell.encode(w);
                w.int(*change);
            }
        }
    }
}

impl Decode for Run {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut run = Self::default();
        for _ in 0..r.array()? {
            r.array_of(2)?;
            run.bytes.extend_from_slice(r.bytes()?);
            let odd = r.error(Reason::Count);
            let len = r.array()?;
            if !len.is_multiple_of(2) {
                return Err(odd);
            }
            for _ in 0..len / 2 {
                run.steps.push((CellKey::decode(r)?, r.int()?));
            }
            run.ends.push((run.bytes.len(), run.steps.len()));
        }
        Ok(run)
    }
}

impl Book {
    /// What a store lacks that holds the book as far as `saved`; none when it
    /// holds all of it. Cost is linear in the further entries.
    ///
    /// # Errors
    /// [`RestoreError::Head`] when the store holds something else than the first
    /// entries of this book.
    pub fn changes(&self, saved: &Saved) -> Result<Option<Changes>, RestoreError> {
        let len = self.log.len();
        let last = saved.entries.checked_sub(1).map(EntryNumber::new);
        let known = last.filter(|last| last.index() < len);
        if known != last || saved.head != known.map(|last| self.log.id(last)) {
            return Err(RestoreError::Head);
        }
        if saved.entries as usize == len {
            return Ok(None);
        }
        let runs = self.runs(saved);
        let run = runs.last().map_or(saved.run, |(first, _)| first.get());
        let saved_now = Saved {
            entries: entries_of(len),
            run,
            head: self.head(),
        };
        let touched = self.touched(numbers(saved.entries, len));
        let account = |key: CellKey| {
            let (cell, view) = (self.cells.of(key), self.cells.view(key));
            ((cell.account, cell.unit), AccountRow::of(&view))
        };
        Ok(Some(Changes {
            saved: saved_now,
            runs,
            accounts: touched.into_iter().map(account).collect(),
        }))
    }

    /// Runs of the entries that the store lacks, from the last one that it has.
    fn runs(&self, saved: &Saved) -> Vec<(EntryNumber, Run)> {
        let mut runs = Vec::new();
        let (mut first, mut run) = (saved.run, Run::default());
        let mut steps = Vec::new();
        for number in numbers(saved.run, self.log.len()) {
            steps.clear();
            let own = self.cells.of_entry(number).iter();
            steps.extend(own.map(|step| (step.cell, narrow(self.cells.change(step)))));
            let bytes = self.log.bytes(number);
            if run.push(bytes, &steps) {
                continue;
            }
            // The store may have this one as it is.
            if number.get() > saved.entries {
                runs.push((EntryNumber::new(first), run));
            }
            (first, run) = (number.get(), Run::default());
            run.push(bytes, &steps);
        }
        runs.push((EntryNumber::new(first), run));
        runs
    }

    /// What some of the entries changed, be it limits or what is set aside.
    fn touched(&self, entries: impl Iterator<Item = EntryNumber>) -> BTreeSet<CellKey> {
        let mut touched = BTreeSet::new();
        for number in entries {
            let steps = self.cells.of_entry(number);
            touched.extend(steps.iter().map(|step| step.cell));
            if steps.is_empty() {
                touched.extend(self.touched_without_steps(number));
            }
        }
        touched
    }

    fn touched_without_steps(&self, number: EntryNumber) -> impl Iterator<Item = CellKey> {
        let entry = self.entry(number).and_then(|entry| entry.read().ok());
        let parts = |(account, unit)| self.cells.find(account, unit);
        let (one, other) = match entry {
            Some(Entry::Opening(opening)) => {
                let account = self.account_key(&opening.name);
                (
                    account.and_then(|account| parts((account, opening.unit))),
                    None,
                )
            }
            Some(Entry::Request(request)) => match request.action {
                Action::Hold(hold) => (
                    parts((hold.payer, hold.unit)),
                    parts((hold.payee, hold.unit)),
                ),
                Action::Resolve(resolve) => {
                    let hold = self.holds.find(resolve.hold);
                    (hold.map(|hold| hold.payer), hold.map(|hold| hold.payee))
                }
                Action::LimitChange(change) => (parts((change.account, change.unit)), None),
                Action::Transfer(_) | Action::Refund(_) | Action::Close(_) => (None, None),
            },
            Some(Entry::Unit(_)) | None => (None, None),
        };
        one.into_iter().chain(other)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "numbers are 32 bits wide")]
const fn entries_of(len: usize) -> u32 {
    len as u32
}

fn numbers(from: u32, len: usize) -> impl Iterator<Item = EntryNumber> {
    (from..entries_of(len)).map(EntryNumber::new)
}

/// A step moves one amount, which has 63 bits.
#[expect(clippy::cast_possible_truncation, reason = "one amount")]
const fn narrow(change: i128) -> i64 {
    change as i64
}
