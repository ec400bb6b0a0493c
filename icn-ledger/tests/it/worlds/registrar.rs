//! The registrar, who sits at replica 0: Seals, Opens, decisions, raises.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::authority::{
    Act, Consent, FORMAT, Finality, Open, Raise, Seal, SealRow, Sealed, Start, Tip,
};
use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::key::{Keypair, Signature, Signer as _};
use icn_types::record::{Content, Draft, Place};
use icn_types::set::{Label, Slot};

use super::member::{Agreed, Cut};
use super::world::{Bug, World, public};

/// The last row of a chain in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastRow {
    pub(super) tip: Option<Tip>,
}

impl World {
    /// The registrar writes after its own last record.
    pub(super) fn act(&mut self, act: &Act, refs: Vec<RecordId>) -> RecordId {
        let id = self.sign_act(act, refs, self.authority_tip, 0);
        self.put(0, &id, true);
        let replica = &self.replicas[0];
        let slot = replica.set.find(&id);
        let verdict = slot.map(|slot| replica.verdict(slot));
        assert_eq!(verdict, Some("valid"), "seed {}: {act:?}", self.seed);
        self.authority_tip = id;
        self.spread(id, 0);
        self.fact(match act {
            Act::Open(_) => "open",
            Act::Seal(_) => "seal",
            Act::Raise(_) => "raise",
            Act::Ready(_) => "decision",
            Act::Release(_) => "release",
            _ => "other act",
        });
        id
    }

    pub(super) fn sign_act(
        &mut self,
        act: &Act,
        refs: Vec<RecordId>,
        prev: RecordId,
        later: u64,
    ) -> RecordId {
        let before = self.record(&prev);
        let place = Place::Entry {
            topic: before.topic(),
            chain: before.chain(),
            epoch: self.term,
            seq: before.seq() + 1,
            prev: Some(prev),
        };
        let (kind, body) = act.body();
        let content = Content::new(refs, None, &body).unwrap();
        let at = self.at().saturating_add(later);
        let draft = Draft::new(place, kind, at, content).unwrap();
        let key = self.registrar.clone();
        self.write(draft, &key)
    }

    /// Starts an epoch, with the owner's agreement.
    pub(super) fn open(&mut self, who: usize, start: Start, charged: u64, key: Keypair) {
        self.open_for(who, start, charged, key, None);
    }

    /// The same, with a decision in the place of the agreement if there is one.
    pub(super) fn open_for(
        &mut self,
        who: usize,
        start: Start,
        charged: u64,
        key: Keypair,
        decided: Option<Consent>,
    ) -> RecordId {
        let member = &self.members[who];
        let mut grant = member.grant;
        if self.has(Bug::NoFloat) {
            grant.float = 1_000_000;
        }
        if self.has(Bug::NoFloor) {
            grant.floor = -1_000_000;
        }
        let due = charged;
        let charged = if self.has(Bug::NoCharge) { 0 } else { due };
        let mut open = Open {
            chain: member.chain,
            key: public(&key),
            recovery: public(&key),
            format: FORMAT,
            start,
            charged,
            claims: (charged > 0).then(|| Digest::from_bytes([7; 32])),
            grant: Some(grant),
            consent: Consent::Current(Signature::from_bytes([0; 64])),
        };
        let terms = to_bytes(&open.consent_terms(self.domain));
        let owner = start.prior().map_or(&key, |prior| &self.keys[&prior]);
        let signature = owner.sign(&terms).unwrap();
        let is_received = start
            .prior()
            .is_some_and(|prior| self.received.contains_key(&prior));
        open.consent = match decided {
            Some(decided) => decided,
            // A receiver's key agrees to nothing; here it is the recovery key too.
            None if is_received => Consent::Recovery(signature),
            None => Consent::Current(signature),
        };
        let refs = match open.consent {
            Consent::Decision { ready, .. } => vec![ready],
            _ => Vec::new(),
        };
        self.members[who].agreed = Some(Agreed {
            start,
            key: public(&key),
        });
        let id = self.act(&Act::Open(open), refs);
        self.charges.insert(id, due);
        self.keys.insert(id, key);
        id
    }

    /// Seals an epoch for good at a head and starts the next one there.
    pub(super) fn reopen(&mut self, who: usize, head: Option<RecordId>, key: Keypair) {
        let prior = self.seat(who).unwrap();
        let row = self.row(who, prior, head, Finality::Final);
        self.seal(vec![row]);
        let charged = self.charge(who);
        let start = Start::After {
            prior,
            tip: self.tip(head),
        };
        self.open(who, start, charged, key);
    }

    pub(super) fn charge(&mut self, who: usize) -> u64 {
        let replica = &mut self.replicas[0];
        replica.refresh();
        let column = replica.ledger.columns(&replica.set);
        let charged = column.account(&self.members[who].id).charged;
        if charged > 0 {
            *self.facts.entry("charge").or_default() += 1;
        }
        u64::try_from(charged).unwrap()
    }

    fn seal(&mut self, mut rows: Vec<SealRow>) {
        rows.sort_by_key(|row| row.chain);
        let rows = List::new(rows).unwrap();
        self.act(&Act::Seal(Seal { rows }), Vec::new());
    }

    fn row(
        &self,
        who: usize,
        open: RecordId,
        head: Option<RecordId>,
        finality: Finality,
    ) -> SealRow {
        let sealed = head.map(|head| Sealed {
            header: self.record(&head).header().clone(),
            signature: *self.record(&head).signature(),
        });
        SealRow {
            chain: self.members[who].id,
            open,
            sealed,
            finality,
        }
    }

    fn tip(&self, head: Option<RecordId>) -> Option<Tip> {
        head.map(|head| Tip {
            seq: self.record(&head).seq(),
            head,
        })
    }

    /// The current Open of an account at the registrar's replica.
    fn seat(&self, who: usize) -> Option<RecordId> {
        let seat = self.replicas[0].set.office()?.seat(&self.members[who].id)?;
        Some(seat.open())
    }

    /// The last row of each chain in force.
    pub(super) fn last_rows(&self) -> BTreeMap<ChainId, LastRow> {
        let replica = &self.replicas[0];
        let set = &replica.set;
        let mut rows = BTreeMap::new();
        let path = set.spine(&set.authority()).iter();
        for &slot in path.take_while(|&&slot| replica.is_valid(slot)) {
            let record = set.record(slot);
            match self.acts.get(&record.id()) {
                Some(Act::Seal(seal)) => {
                    for row in &seal.rows {
                        rows.insert(row.chain, LastRow { tip: row.tip() });
                    }
                }
                Some(Act::Adopt | Act::Recall(_)) => {
                    let mut opens: Vec<_> = record
                        .refs()
                        .iter()
                        .map(|id| (self.record(id).seq(), *id))
                        .collect();
                    opens.sort_unstable();
                    for (_, id) in opens {
                        if let Some(Act::Open(open)) = self.acts.get(&id)
                            && open.start.prior().is_some()
                        {
                            let tip = open.start.tip();
                            rows.insert(open.chain.id(), LastRow { tip });
                        }
                    }
                }
                _ => {}
            }
        }
        rows
    }

    /// What the registrar does when it looks at its replica.
    pub(super) fn keep_office(&mut self) {
        if !self.in_office() {
            return; // no act before a Recall
        }
        self.adopt_late();
        let rows: Vec<SealRow> = (0..self.members.len())
            .filter_map(|who| self.tend(who))
            .collect();
        if !rows.is_empty() && self.chance.percent(80) {
            for row in &rows {
                if row.is_final() {
                    let cut = self.chance.pick(&[Cut::Frozen, Cut::Removed]);
                    let who = self
                        .members
                        .iter()
                        .position(|member| member.id == row.chain);
                    self.members[who.unwrap()].cut = Some(cut);
                    self.fact(match cut {
                        Cut::Frozen => "freeze",
                        Cut::Removed => "removal",
                    });
                }
            }
            self.seal(rows);
        }
        if self.chance.percent(15) {
            self.decide_budget();
        }
        if self.chance.percent(15) {
            self.release();
        }
        if self.chance.percent(8) {
            self.raise();
        }
        if self.chance.percent(if self.will_fork { 40 } else { 10 }) {
            let who = self.chance.index(self.members.len());
            let member = &self.members[who];
            if member.is_honest() && member.next_key.is_none() && member.cut != Some(Cut::Removed) {
                self.members[who].next_key = Some(self.chance.key());
                self.fact("asked for a new key");
            }
        }
    }

    /// Whether the registrar's chain goes on where its writer left it.
    pub(super) fn in_office(&self) -> bool {
        let set = &self.replicas[0].set;
        let own = set.find(&self.authority_tip).unwrap();
        set.fork(&set.authority()).is_none() && set.on_spine(own)
    }

    /// Looks after one account. Answers with a row for the next Seal.
    fn tend(&mut self, who: usize) -> Option<SealRow> {
        let (open, chain) = (self.seat(who)?, self.members[who].id);
        let replica = &self.replicas[0];
        let set = &replica.set;
        let last = self.last_rows().get(&chain).and_then(|row| row.tip);
        let spine = set.spine(&chain);
        let lineage = self.lineage(open);
        let good: Vec<RecordId> = spine
            .iter()
            .filter(|&&slot| replica.is_valid(slot))
            .take_while(|&&slot| lineage.contains(&set.record(slot).epoch().unwrap()))
            .map(|&slot| set.record(slot).id())
            .collect();
        if set.is_frozen(&chain) {
            self.unfreeze(who, open, last);
            return None;
        }
        let is_bad = |&&slot: &&Slot| {
            set.record(slot).epoch() == Some(open)
                && !matches!(replica.verdict(slot), "valid" | "waiting")
        };
        let (bad, forked) = (
            spine.iter().any(|slot| is_bad(&slot)),
            replica.forked(&chain),
        );
        if (bad || forked) && self.chance.percent(40) {
            self.resolve(who, open, &good, last, bad);
            return None;
        }
        if bad || forked {
            return None;
        }
        if self.members[who].next_key.is_some() && self.members[who].is_honest() {
            if self.chance.percent(60) {
                self.rotate(who, &good);
            }
            return None;
        }
        let head = *good.last()?;
        let moved = self.tip(Some(head)).map(|tip| tip.seq) > last.map(|tip| tip.seq);
        if !moved || self.record(&head).epoch() != Some(open) || !self.chance.percent(60) {
            return None;
        }
        let finality = if self.chance.percent(6) {
            Finality::Final
        } else {
            Finality::Open
        };
        Some(self.row(who, open, Some(head), finality))
    }

    /// An Open and the ones that it follows: a Seal names heads under these.
    fn lineage(&self, open: RecordId) -> BTreeSet<RecordId> {
        let prior = |open: &RecordId| match self.acts.get(open) {
            Some(Act::Open(open)) => open.start.prior(),
            _ => None,
        };
        std::iter::successors(Some(open), prior).collect()
    }

    /// An owner signs an Open only where its own last record is, or where a
    /// cut of the very epoch that it writes is.
    fn agrees(&self, who: usize, prior: RecordId, head: Option<RecordId>) -> bool {
        let member = &self.members[who];
        let own = match &member.agreed {
            Some(agreed) => agreed.start.tip().map(|tip| tip.head),
            None => member.tip,
        };
        let is_cut = member.cut.is_some() && member.agreed.is_none() && member.epoch == Some(prior);
        !member.is_honest() || own == head || is_cut
    }

    fn unfreeze(&mut self, who: usize, prior: RecordId, last: Option<Tip>) {
        let head = last.map(|tip| tip.head);
        let removed = self.members[who].cut == Some(Cut::Removed);
        if removed && !self.has(Bug::NoAdoption) && self.chance.percent(30) {
            self.appoint(who, prior, last);
            return;
        }
        if removed || self.has(Bug::NoAdoption) || !self.agrees(who, prior, head) {
            return;
        }
        if self.chance.percent(30) {
            let charged = self.charge(who);
            let key = self.chance.key();
            self.members[who].next_key = None;
            self.open(who, Start::After { prior, tip: last }, charged, key);
            self.fact("unfreeze");
        }
    }

    /// Settles a fork or an Invalid record: a final Seal on a branch that is
    /// all Valid, and an Open that states the charge.
    fn resolve(
        &mut self,
        who: usize,
        open: RecordId,
        good: &[RecordId],
        last: Option<Tip>,
        bad: bool,
    ) {
        let mut head = good.last().copied();
        let replica = &self.replicas[0];
        let set = &replica.set;
        if !bad && self.chance.percent(60) {
            let canonical = set.canonical();
            let branches: Vec<RecordId> = canonical
                .slots()
                .filter(|&slot| {
                    let record = set.record(slot);
                    record.chain() == self.members[who].id
                        && record.epoch() == Some(open)
                        && canonical.label(slot) == Label::Contested
                        && set.back(slot).all(|slot| replica.is_valid(slot))
                })
                .map(|slot| set.record(slot).id())
                .collect();
            if !branches.is_empty() {
                head = Some(self.chance.pick(&branches));
            }
        }
        let seq = self.tip(head).map(|tip| tip.seq);
        let Some(Act::Open(body)) = self.acts.get(&open) else {
            return;
        };
        let from = body.start.tip().map(|tip| tip.seq);
        if self.members[who].is_honest() && !self.agrees(who, open, head) {
            return;
        }
        if seq >= last.map(|tip| tip.seq) && seq >= from {
            let key = self.chance.key();
            self.reopen(who, head, key);
            self.fact(if bad {
                "invalid record settled"
            } else {
                "fork settled"
            });
        }
    }

    /// A new key, at the head that the owner named.
    fn rotate(&mut self, who: usize, good: &[RecordId]) {
        let member = &self.members[who];
        let head = match &member.agreed {
            Some(agreed) => agreed.start.tip().map(|tip| tip.head),
            None => member.tip,
        };
        let is_known = good.last().copied() == head;
        if let Some(key) = member.next_key.clone().filter(|_| is_known) {
            self.members[who].next_key = None;
            self.reopen(who, head, key);
            self.fact("rotation");
        }
    }

    fn raise(&mut self) {
        let who = self.chance.index(self.members.len());
        let office = self.replicas[0].set.office();
        let seat = office.and_then(|office| office.seat(&self.members[who].id));
        let Some((open, Some(floor))) = seat.map(|seat| (seat.open(), seat.floor())) else {
            return;
        };
        let floor = floor - 50;
        self.act(&Act::Raise(Raise { open, floor }), Vec::new());
    }
}
