//! Entries by the cause and the decision that they name.

use alloc::vec::Vec;

use super::index::Index;
use super::name::{CauseId, EntryNumber};

const NONE: u32 = u32::MAX;

/// Newest first by cause: each entry is linked to the one before it that names
/// the same. A decision is a cause here.
#[derive(Clone, Debug, Default)]
pub(super) struct Causes {
    by_id: Index,
    causes: Vec<Cause>,
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Cause {
    id: CauseId,
    newest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    entry: EntryNumber,
    cause: u32,
    before: u32,
}

impl Causes {
    /// Whether an entry can still name two more.
    pub(super) fn has_room(&self) -> bool {
        self.links.len() < NONE as usize - 2
    }

    #[expect(clippy::cast_possible_truncation, reason = "`has_room` was asked")]
    pub(super) fn insert(&mut self, id: &CauseId, entry: EntryNumber) {
        let cause = self.find(id).unwrap_or_else(|| {
            let cause = self.causes.len() as u32;
            let newest = NONE;
            self.causes.push(Cause { id: *id, newest });
            self.by_id.insert(id.as_bytes(), cause);
            cause
        });
        let link = self.links.len() as u32;
        let newest = &mut self.causes[cause as usize].newest;
        let before = core::mem::replace(newest, link);
        self.links.push(Link {
            entry,
            cause,
            before,
        });
    }

    /// Takes out what an entry named, the newest of all.
    pub(super) fn undo(&mut self, entry: EntryNumber) {
        while let Some(link) = self.links.pop_if(|link| link.entry == entry) {
            let cause = &mut self.causes[link.cause as usize];
            cause.newest = link.before;
            if cause.newest == NONE {
                self.by_id.pop(cause.id.as_bytes(), link.cause);
                self.causes.pop();
            }
        }
    }

    /// Entries that name `id`, newest first, from the newest or from before an
    /// entry of the same list.
    pub(super) fn back(
        &self,
        id: &CauseId,
        before: Option<EntryNumber>,
    ) -> impl Iterator<Item = EntryNumber> + '_ {
        let newest = self.find(id).and_then(|cause| match before {
            None => self.link(self.causes[cause as usize].newest),
            Some(entry) => self.link(self.first_of(entry, cause)?.before),
        });
        let links = core::iter::successors(newest, |link| self.link(link.before));
        let mut last = None; // an entry may name one id twice
        links
            .map(|link| link.entry)
            .filter(move |&entry| last.replace(entry) != Some(entry))
    }

    /// The first link of an entry to a cause.
    fn first_of(&self, entry: EntryNumber, cause: u32) -> Option<&Link> {
        let first = self.links.partition_point(|link| link.entry < entry);
        let own = self.links[first..]
            .iter()
            .take_while(|link| link.entry == entry);
        own.into_iter().find(|link| link.cause == cause)
    }

    fn find(&self, id: &CauseId) -> Option<u32> {
        let is_named = |cause: u32| self.causes[cause as usize].id == *id;
        self.by_id.find(id.as_bytes(), is_named)
    }

    fn link(&self, link: u32) -> Option<Link> {
        self.links.get(link as usize).copied()
    }
}
