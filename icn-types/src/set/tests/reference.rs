//! The rules of spines and canonical sets once more, slowly and from the
//! records alone: nothing is remembered, nothing is moved on from.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::super::{Canonical, RecordSet, Slot};
use crate::authority::Seal;
use crate::id::{ChainId, RecordId};
use crate::record::{Kind, Record};

/// A row as it stands on an authority path.
#[derive(Clone, Copy, Debug)]
struct Row {
    by: RecordId,
    open: RecordId,
    head: Option<RecordId>,
    is_final: bool,
}

pub(super) struct Reference<'a> {
    /// Looked at only for bodies of Opens that are read already.
    set: &'a RecordSet,
    authority: ChainId,
    records: BTreeMap<RecordId, &'a Record>,
    valid: BTreeSet<RecordId>,
}

/// What follows from a set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) spines: BTreeMap<ChainId, Vec<RecordId>>,
    pub(super) forks: BTreeMap<ChainId, (RecordId, RecordId)>,
    pub(super) sealed: BTreeMap<ChainId, usize>,
    pub(super) canonical: BTreeMap<RecordId, bool>,
    pub(super) heads: BTreeMap<RecordId, BTreeSet<RecordId>>,
}

/// The picture that the set itself draws.
pub(super) fn drawn(set: &RecordSet) -> Picture {
    drawn_of(&set.canonical())
}

/// The same where the canonical part is known.
pub(super) fn drawn_of(canonical: &Canonical<'_>) -> Picture {
    let set = canonical.set();
    let id = |slot| set.id(slot);
    let bare: BTreeSet<Slot> = set.bare().collect();
    let chains = || set.chains().map(|(chain, _)| chain);
    Picture {
        spines: chains()
            .map(|chain| (chain, set.spine(&chain).iter().map(|&s| id(s)).collect()))
            .collect(),
        forks: chains()
            .filter_map(|chain| set.fork(&chain).map(|(a, b)| (chain, (id(a), id(b)))))
            .collect(),
        sealed: chains()
            .filter(|chain| *chain != set.authority())
            .map(|chain| (chain, set.sealed_len(&chain)))
            .collect(),
        canonical: canonical
            .slots()
            .map(|slot| (id(slot), !bare.contains(&slot)))
            .collect(),
        heads: set
            .slots()
            .filter(|&slot| set.verdict(slot).is_valid() && set.record(slot).kind() == Kind::SEAL)
            .map(|slot| (id(slot), set.effective_heads(slot).map(id).collect()))
            .collect(),
    }
}

impl<'a> Reference<'a> {
    /// Of the set, only its records and their verdicts are looked at.
    pub(super) fn new(set: &'a RecordSet) -> Self {
        let valid = set.slots().filter(|&slot| set.verdict(slot).is_valid());
        Self {
            set,
            authority: set.authority(),
            records: set
                .slots()
                .map(|slot| (set.record(slot).id(), set.record(slot)))
                .collect(),
            valid: valid.map(|slot| set.record(slot).id()).collect(),
        }
    }

    pub(super) fn picture(&self) -> Picture {
        let (path, fork) = self.authority_spine();
        let in_force: Vec<_> = path
            .iter()
            .take_while(|id| self.valid.contains(*id))
            .copied()
            .collect();
        let mut picture = Picture {
            spines: BTreeMap::new(),
            forks: BTreeMap::new(),
            sealed: BTreeMap::new(),
            canonical: BTreeMap::new(),
            heads: BTreeMap::new(),
        };
        let chains: BTreeSet<ChainId> = self.records.values().map(|r| r.chain()).collect();
        for chain in chains {
            let (path, children) = if chain == self.authority {
                (path.clone(), fork.clone())
            } else {
                let rows = self.rows(&chain, &in_force);
                let last = (0..rows.len())
                    .rev()
                    .find(|&row| self.is_effective(&rows, row));
                let head = last.and_then(|last| rows[last].head);
                let ended = rows[..last.map_or(0, |last| last + 1)]
                    .iter()
                    .filter(|row| row.is_final && row.head == head)
                    .map(|row| row.open)
                    .collect();
                picture.sealed.insert(chain, self.path(head).len());
                self.spine(chain, head, &ended)
            };
            picture.spines.insert(chain, path);
            if let [low, high, ..] = children[..] {
                picture.forks.insert(chain, (low, high));
            }
        }
        picture.canonical = self.canonical(&picture);
        for id in &self.valid {
            if self.records[id].kind() == Kind::SEAL {
                picture.heads.insert(*id, self.heads(*id));
            }
        }
        picture
    }

    fn path(&self, head: Option<RecordId>) -> Vec<RecordId> {
        let mut path: Vec<_> =
            core::iter::successors(head, |id| self.records.get(id).and_then(|r| r.prev()))
                .collect();
        path.reverse();
        path
    }

    fn spine(
        &self,
        chain: ChainId,
        head: Option<RecordId>,
        ended: &BTreeSet<RecordId>,
    ) -> (Vec<RecordId>, Vec<RecordId>) {
        let mut path = self.path(head);
        loop {
            let last = path.last().copied();
            let children: Vec<RecordId> = self
                .records
                .values()
                .filter(|r| r.chain() == chain && r.prev() == last)
                .filter(|r| r.kind() != Kind::RECALL)
                .filter(|r| last != head || !r.epoch().is_some_and(|open| ended.contains(&open)))
                .map(|r| r.id())
                .collect();
            match children[..] {
                [only] => path.push(only),
                _ => return (path, children),
            }
        }
    }

    fn authority_spine(&self) -> (Vec<RecordId>, Vec<RecordId>) {
        let is_recall = |id: &RecordId| self.records[id].kind() == Kind::RECALL;
        let best = self
            .valid
            .iter()
            .copied()
            .filter(is_recall)
            .max_by_key(|id| {
                let depth = self
                    .path(Some(*id))
                    .iter()
                    .filter(|id| is_recall(id))
                    .count();
                (depth, core::cmp::Reverse(*id))
            });
        self.spine(self.authority, best, &BTreeSet::new())
    }

    /// Rows of one chain, as the Valid records of a path wrote them.
    fn rows(&self, chain: &ChainId, path: &[RecordId]) -> Vec<Row> {
        let mut rows = Vec::new();
        for by in path {
            let record = self.records[by];
            match record.kind() {
                Kind::SEAL => {
                    let seal: Seal = record.content().unwrap().read().unwrap();
                    let of_chain = seal.rows.iter().filter(|row| row.chain == *chain);
                    rows.extend(of_chain.map(|row| Row {
                        by: *by,
                        open: row.open,
                        head: row.sealed.as_ref().map(|sealed| sealed.header.id()),
                        is_final: row.is_final(),
                    }));
                }
                Kind::ADOPT | Kind::RECALL => rows.extend(self.adopted(chain, record)),
                _ => {}
            }
        }
        rows
    }

    fn adopted(&self, chain: &ChainId, record: &Record) -> Vec<Row> {
        let mut opens: Vec<&Record> = record.refs().iter().map(|id| self.records[id]).collect();
        opens.sort_by_key(|open| (open.seq(), open.id()));
        let mut rows = Vec::new();
        for open in opens {
            let body = self.set.open(&open.id()).unwrap();
            if let Some(prior) = body.start.prior().filter(|_| body.chain.id() == *chain) {
                rows.push(Row {
                    by: record.id(),
                    open: prior,
                    head: body.start.tip().map(|tip| tip.head),
                    is_final: true,
                });
            }
        }
        rows
    }

    /// Its head is stored, and runs through the heads of all earlier rows.
    fn is_effective(&self, rows: &[Row], row: usize) -> bool {
        let head = rows[row].head;
        if head.is_some_and(|head| !self.records.contains_key(&head)) {
            return false;
        }
        let path = self.path(head);
        rows[..row]
            .iter()
            .all(|earlier| earlier.head.is_none_or(|head| path.contains(&head)))
    }

    fn heads(&self, seal: RecordId) -> BTreeSet<RecordId> {
        let path = self.path(Some(seal));
        let chains: BTreeSet<ChainId> = self.records.values().map(|r| r.chain()).collect();
        let mut heads = BTreeSet::new();
        for chain in chains {
            let rows = self.rows(&chain, &path);
            heads.extend(
                (0..rows.len())
                    .filter(|&row| rows[row].by == seal && self.is_effective(&rows, row))
                    .filter_map(|row| rows[row].head),
            );
        }
        heads
    }

    fn canonical(&self, picture: &Picture) -> BTreeMap<RecordId, bool> {
        let mut todo: Vec<RecordId> = picture.spines.values().flatten().copied().collect();
        todo.extend(picture.forks.values().flat_map(|(low, high)| [*low, *high]));
        let mut canonical = BTreeMap::new();
        while let Some(id) = todo.pop() {
            let Some(record) = self.records.get(&id) else {
                continue;
            };
            if canonical.insert(id, record.content().is_some()).is_none() {
                todo.extend(record.prev());
                todo.extend(record.epoch());
                todo.extend(record.refs());
            }
        }
        canonical
    }
}
