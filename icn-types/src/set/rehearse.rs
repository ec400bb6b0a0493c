//! Rehearsal: what authority records would be worth, before they are signed.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::slice;

use crate::authority::{Act, Open};
use crate::id::RecordId;
use crate::record::Draft;
use crate::verdict::{Breach, Verdict};

use super::RecordSet;
use super::arena::Slot;
use super::decisions::Frozen;
use super::office::{Office, Path};
use super::registry::{View, link_rows, new_rows};
use super::rows::{Row, RowIndex};
use super::rule::AuthorityRule;

impl RecordSet {
    /// The verdict that a draft of the registrar in office would get at the
    /// end of the authority chain. Waiting when it stands elsewhere, as a
    /// Recall does, or when a record that it names is not here or not decided.
    ///
    /// The first Invalid record ends a registrar's epoch, so a registrar asks
    /// before it signs what others brought. Costs what the rule of the kind
    /// costs.
    #[must_use]
    pub fn rehearse(&self, draft: &Draft) -> Verdict<AuthorityRule> {
        self.rehearse_all(slice::from_ref(draft))
    }

    /// The same of drafts that follow each other: Valid when all of them would
    /// be, else what the first of the others would get. A draft that names one
    /// before it waits.
    ///
    /// A registrar that writes a Seal and the Open after it asks about both
    /// before it signs either. More than one draft costs a copy of the office:
    /// linear in the chains and votes of the domain.
    #[must_use]
    pub fn rehearse_all(&self, drafts: &[Draft]) -> Verdict<AuthorityRule> {
        let end = self.next_place(&self.authority);
        let (Some(office), Some(mut end)) = (self.office(), end) else {
            return Verdict::Waiting;
        };
        let mut rehearsal = Rehearsal {
            office: Cow::Borrowed(office),
            path: Drafted::after(self.registry.view(&self.arena)),
        };
        for (number, draft) in drafts.iter().enumerate() {
            if *draft.header().place() != end {
                return Verdict::Waiting;
            }
            let act = match self.act_of(draft) {
                Ok(act) => act,
                Err(verdict) => return verdict,
            };
            if let Err(rule) = rehearsal.check(draft, &act) {
                return Verdict::Invalid(Breach::Rule(rule));
            }
            let (next, slot) = (draft.header().next_place(), self.slot_ahead(number));
            let (Some(next), Some(slot)) = (next, slot) else {
                return Verdict::Waiting;
            };
            if number + 1 < drafts.len() {
                rehearsal.follow(draft, &act, slot);
            }
            end = next;
        }
        Verdict::Valid
    }

    /// What a draft says, if everything that it names is Valid.
    fn act_of(&self, draft: &Draft) -> Result<Act, Verdict<AuthorityRule>> {
        if self.spine(&self.authority).last().copied() != self.tip {
            return Err(Verdict::Invalid(Breach::Ended));
        }
        let mut refs_are_valid = true;
        for id in draft.content().refs() {
            let verdict = self.find(id).map(|slot| self.verdict(slot));
            match verdict {
                None | Some(Verdict::Waiting) => return Err(Verdict::Waiting),
                Some(verdict) => refs_are_valid &= verdict.is_valid(),
            }
        }
        if !refs_are_valid {
            return Err(Verdict::Invalid(Breach::Ref));
        }
        match Act::read(draft.header().kind(), draft.content()) {
            Ok(Some(act)) => Ok(act),
            Ok(None) => Err(Verdict::Invalid(Breach::Kind)),
            Err(_) => Err(Verdict::Invalid(Breach::Body)),
        }
    }
}

/// The authority chain as it would stand after drafts.
struct Rehearsal<'a> {
    office: Cow<'a, Office>,
    path: Drafted<'a>,
}

/// What is stored, with what drafts add to it.
struct Drafted<'a> {
    stored: View<'a>,
    rows: Vec<Row>,
    opens: BTreeMap<RecordId, (u64, Open)>,
}

impl<'a> Drafted<'a> {
    const fn after(stored: View<'a>) -> Self {
        Self {
            stored,
            rows: Vec::new(),
            opens: BTreeMap::new(),
        }
    }
}

impl Path for Drafted<'_> {
    fn open(&self, id: &RecordId) -> Option<(u64, &Open)> {
        let drafted = self.opens.get(id).map(|(seq, open)| (*seq, open));
        drafted.or_else(|| self.stored.open(id))
    }

    fn readied(&self, ready: &RecordId) -> Option<&Frozen> {
        self.stored.readied(ready)
    }

    fn row(&self, index: RowIndex) -> &Row {
        let ahead = self.stored.rows().ahead(index);
        let drafted = ahead.and_then(|ahead| self.rows.get(ahead));
        drafted.unwrap_or_else(|| self.stored.row(index))
    }
}

impl Rehearsal<'_> {
    fn check(&self, draft: &Draft, act: &Act) -> Result<(), AuthorityRule> {
        self.office.check(&self.path, &draft.unsigned(), act)
    }

    /// Takes in a draft that passed, as if it were stored at `slot`.
    fn follow(&mut self, draft: &Draft, act: &Act, slot: Slot) {
        let Self { office, path } = self;
        let record = draft.unsigned();
        let rows = new_rows(path, &record, act);
        let rows = link_rows(office, rows, |_, _, row| {
            let index = path.stored.rows().index_ahead(path.rows.len())?;
            path.rows.push(Row::new(slot, row));
            Some(index)
        });
        if let Act::Open(open) = act {
            path.opens.insert(record.id(), (record.seq(), open.clone()));
        }
        office.to_mut().apply(path, &record, act, &rows);
    }
}
