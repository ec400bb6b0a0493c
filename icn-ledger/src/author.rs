//! The author: the writer of one chain, who may write now.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::{Act, Open};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::judge::{Case, Rehearsal};
use icn_types::record::{Content, Draft, Place, REFS_MAX, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};

use crate::account::{Account, Delta, LegAt, Source, Terms};
use crate::columns::Transit;
use crate::entry::{Entry, TAKEN_MAX};
use crate::ledger::Ledger;
use crate::legs::{self, LegId, Side};
use crate::policy::{self, Policy};
use crate::position;
use crate::refusal::Refusal;
use crate::request::{Requested, ordered};
use crate::rule::LedgerRule;
use crate::rules;
use crate::settle;

/// The writer of one chain, who may write now.
pub(crate) struct Author<'a> {
    ledger: &'a Ledger,
    set: &'a RecordSet,
    chain: ChainId,
    epoch: RecordId,
    open: &'a Open,
    /// The chain after everything drafted so far.
    path: Rehearsal<'a, Account>,
    place: Place,
    at: Timestamp,
    /// Time of the last record, drafted or stored: the next one claims no
    /// earlier one.
    earliest: Timestamp,
    /// What each draft counts against a cap, at its time.
    drafted: Vec<(Timestamp, u128)>,
}

/// What legs that are taken together may share with no other of them.
#[derive(Default)]
struct Named {
    keys: BTreeMap<(ChainId, OperationKey), Slot>,
    claims: BTreeSet<LegAt>,
}

/// A record that would be Valid, and what it would change.
pub(crate) struct Written {
    pub(crate) draft: Draft,
    delta: Delta,
}

impl<'a> Author<'a> {
    pub(crate) fn of(
        ledger: &'a Ledger,
        set: &'a RecordSet,
        chain: ChainId,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let (epoch, open) = position::epoch(set, &chain).ok_or(Refusal::NoOpen)?;
        if open.chain.topic() != ledger.topic() {
            return Err(Refusal::NoOpen);
        }
        if set.fork(&chain).is_some() {
            return Err(Refusal::Forked);
        }
        if set.is_frozen(&chain) {
            return Err(Refusal::Frozen);
        }
        let tip = set.spine(&chain).last().copied();
        if let Some(tip) = tip {
            standing(ledger, set, tip, epoch)?;
        }
        let before = tip.map(|tip| set.record(tip));
        let earliest = before.map(Record::at).unwrap_or_default();
        let starts_after = open.start.tip().map(|tip| tip.head);
        match (before, starts_after) {
            (Some(before), _) if before.epoch() == Some(epoch) => {}
            (before, start) if before.map(Record::id) == start => {}
            (_, start) => {
                let record = start.unwrap_or(epoch);
                return Err(Refusal::Waiting { record });
            }
        }
        let place = Place::Entry {
            topic: ledger.topic(),
            chain,
            epoch,
            seq: before.map_or(0, |before| before.seq() + 1),
            prev: before.map(Record::id),
        };
        Ok(Self {
            ledger,
            set,
            chain,
            epoch,
            open,
            path: ledger.judge.rehearsal(set, tip),
            place,
            at: at.max(earliest),
            earliest,
            drafted: Vec::new(),
        })
    }

    /// The same author at another time.
    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.at = at.max(self.earliest);
        self
    }

    /// The account after everything drafted so far.
    pub(crate) fn account(&self) -> &Account {
        self.path.state()
    }

    /// The record, if it would be Valid.
    pub(crate) fn draft(
        &self,
        refs: Vec<RecordId>,
        cause: Option<RecordId>,
        entry: &Entry,
    ) -> Result<Draft, Refusal> {
        let written = self.write(refs, cause, entry)?;
        Ok(written.draft)
    }

    /// The same, with what it changes.
    pub(crate) fn write(
        &self,
        refs: Vec<RecordId>,
        cause: Option<RecordId>,
        entry: &Entry,
    ) -> Result<Written, Refusal> {
        let missing = refs.iter().copied().find(|id| self.set.find(id).is_none());
        let (kind, body) = entry.body();
        let content = Content::new(refs, cause, &body).ok_or(Refusal::Invalid)?;
        let draft = Draft::new(self.place, kind, self.at, content).ok_or(Refusal::Invalid)?;
        let judge = &self.ledger.judge;
        match judge.rehearse_on(self.set, &draft, &self.path) {
            Ok(delta) => Ok(Written { draft, delta }),
            Err(Verdict::Waiting) => Err(Refusal::Waiting {
                record: missing.unwrap_or(self.epoch),
            }),
            Err(Verdict::Invalid(Breach::Rule(LedgerRule::LimitFloor))) => Err(Refusal::Limit {
                spendable: self.spendable(&draft),
            }),
            Err(Verdict::Invalid(Breach::Rule(LedgerRule::LimitGrant))) => Err(Refusal::NoGrant),
            Err(Verdict::Invalid(Breach::Rule(LedgerRule::SettleCharge))) => {
                Err(Refusal::Uncharged)
            }
            Err(Verdict::Invalid(Breach::Rule(rule))) => Err(Refusal::Rule(rule)),
            Err(Verdict::Invalid(_) | Verdict::Valid) => Err(Refusal::Invalid),
        }
    }

    /// Goes on after a record that nobody has signed yet. `slot` is where it
    /// would be stored.
    pub(crate) fn follow(&mut self, written: Written, slot: Slot) -> Draft {
        let Written { draft, delta } = written;
        self.earliest = draft.header().at();
        let counted = policy::counted(&delta.entry);
        self.drafted.push((self.earliest, counted));
        let judge = &self.ledger.judge;
        judge.follow(&mut self.path, &draft, delta, slot);
        self.place = Place::Entry {
            topic: self.ledger.topic(),
            chain: self.chain,
            epoch: self.epoch,
            seq: draft.header().seq() + 1,
            prev: Some(draft.header().id()),
        };
        draft
    }

    /// What a draft may spend, given what it names.
    fn spendable(&self, draft: &Draft) -> u128 {
        let (set, path) = (self.set, &self.path);
        let (header, content) = (draft.header(), draft.content());
        let case = Case::new(set, header, content, self.open, path.stored());
        let case = case.after_draft(path.drafted());
        let terms = rules::terms(&case, self.account());
        let bounds = terms.bounds(self.open);
        bounds.map_or(0, |bounds| self.account().sums(&terms).spendable(&bounds))
    }

    /// The Release that shows how much of an envelope may be paid.
    fn release(&self, (ready, action): (RecordId, u16)) -> Option<RecordId> {
        self.ledger.drawn(self.set, &ready, action)?.release
    }

    /// The record of a request, if it would be Valid and within the author's own
    /// policy.
    pub(crate) fn grant<R: Requested>(
        &self,
        request: &R,
        policy: &Policy,
    ) -> Result<Written, Refusal> {
        let written = self.valid(request)?;
        let atoms = policy::counted(&written.delta.entry);
        policy.admit(self.at, self.sent(), atoms)?;
        Ok(written)
    }

    /// What the chain counts against a cap, newest first: of drafts, and then
    /// of Valid records on its spine.
    fn sent(&self) -> impl Iterator<Item = (Timestamp, u128)> + '_ {
        let spine = self.set.spine(&self.chain).iter().rev();
        let stored = spine.map(|&slot| {
            let record = self.set.record(slot);
            let valid = self.ledger.verdict(slot).is_valid();
            let entry = valid.then(|| Entry::of(record)).flatten();
            (record.at(), entry.as_ref().map_or(0, policy::counted))
        });
        self.drafted.iter().rev().copied().chain(stored)
    }

    /// The record of a request, if it would be Valid. A raise of the epoch is
    /// named along, and so are Seals where the limit needs them.
    fn valid<R: Requested>(&self, request: &R) -> Result<Written, Refusal> {
        for party in request.parties() {
            position::of_ledger(self.ledger, self.set, &party)?;
        }
        let mut refs = request.refs();
        let decision = request.decision();
        refs.extend(decision.and_then(|decision| self.release(decision)));
        refs.extend(self.raise());
        let plain = self.write_request(request, refs.clone());
        if let Err(Refusal::Limit { .. }) = plain {
            let cover = self.cover(REFS_MAX.saturating_sub(refs.len()));
            if !cover.is_empty() {
                refs.extend(cover);
                return self.write_request(request, refs);
            }
        }
        plain
    }

    fn write_request<R: Requested>(
        &self,
        request: &R,
        refs: Vec<RecordId>,
    ) -> Result<Written, Refusal> {
        let refs = ordered(refs);
        let entry = request.entry(&refs)?;
        self.write(refs, request.cause(), &entry)
    }

    /// The raise of the epoch that the chain has not named yet.
    fn raise(&self) -> Option<RecordId> {
        let floor = self.set.office()?.seat(&self.chain)?.floor()?;
        let has_begun = self.place_follows_epoch();
        let known = if has_begun {
            self.account().floor()
        } else {
            self.open.grant.map(|grant| grant.floor)
        };
        if known.is_none_or(|known| known <= floor) {
            return None;
        }
        let acts = self.set.spine(&self.set.authority()).iter().rev().copied();
        acts.map(|slot| (slot, self.set.act(slot)))
            .take_while(|(slot, _)| self.set.id(*slot) != self.epoch)
            .find_map(|(slot, act)| match act {
                Some(Act::Raise(raise)) if raise.open == self.epoch && raise.floor == floor => {
                    Some(self.set.id(slot))
                }
                _ => None,
            })
    }

    fn place_follows_epoch(&self) -> bool {
        let stored = || self.set.record(self.path.stored()?).epoch();
        self.path.drafted().or_else(stored) == Some(self.epoch)
    }

    /// Legs that the account may take, up to its ceiling.
    pub(crate) fn takeable(&self) -> Result<Vec<LegId>, Refusal> {
        let grant = self.open.grant.ok_or(Refusal::NoGrant)?;
        let mut room =
            i128::from(grant.ceiling) - self.account().sums(&Terms::default()).position();
        let mut named = Named::default();
        let mut chosen = Vec::new();
        for (leg, transit) in self.ledger.columns(self.set).incoming(self.chain) {
            let atoms = self.lift(leg, &transit);
            let fits = atoms == 0 || atoms <= room;
            if fits && self.may_take(&mut named, leg, &transit) {
                room -= atoms;
                chosen.push(leg);
            }
            if chosen.len() == TAKEN_MAX {
                break;
            }
        }
        Ok(chosen)
    }

    /// How much higher the account stands with a leg in transit.
    fn lift(&self, leg: LegId, transit: &Transit) -> i128 {
        let slot = self.set.find(&leg.record);
        match slot.and_then(|slot| settle::find(self.set, slot)) {
            Some(_) => 0,
            None => i128::from(transit.amount.get()),
        }
    }

    /// Whether a leg in transit can be taken, and nobody forks whom it comes
    /// from.
    fn may_take(&self, named: &mut Named, leg: LegId, transit: &Transit) -> bool {
        let (set, account) = (self.set, self.account());
        let Some(slot) = set.find(&leg.record) else {
            return false;
        };
        let record = set.record(slot);
        if [transit.payer, record.chain()]
            .iter()
            .any(|chain| set.fork(chain).is_some())
        {
            return false;
        }
        let mut is_first = |key, slot| {
            let answered = account.answered(self.set, transit.payer, key);
            let first = named.keys.entry((transit.payer, key));
            *first.or_insert_with(|| answered.unwrap_or(slot)) == slot
        };
        let at = LegAt { slot, leg: leg.leg };
        match Entry::of(record) {
            Some(Entry::Payment(payment)) => is_first(payment.key, slot) && !account.has_taken(at),
            Some(Entry::Refund(refund)) => is_first(refund.key, slot) && !account.has_taken(at),
            Some(Entry::Settlement(settlement)) => {
                let claim = settle::claim_at(set, slot, &settlement);
                let claim = claim.filter(|claim| account.has_kept(*claim));
                is_first(settlement.key, slot)
                    && claim.is_some_and(|claim| named.claims.insert(claim))
            }
            Some(Entry::Refuse(refuse)) => {
                let original = refuse.legs.get(usize::from(leg.leg));
                let original = original.and_then(|leg| legs::named(set, slot, leg));
                original.is_some_and(|(original, _)| set.on_spine(original))
                    && !account.has_taken(at)
            }
            Some(Entry::Resolve(resolve)) => {
                let part = legs::part(set, slot, &resolve, leg.leg);
                part.is_some_and(|part| {
                    (part.side == Side::Payer || is_first(part.terms.key, part.hold))
                        && !account.has_taken(part.side.of_hold(part.hold))
                })
            }
            _ => false,
        }
    }

    /// Seals and heads above unsealed credit of the account, at most `room`.
    pub(crate) fn cover(&self, room: usize) -> Vec<RecordId> {
        let mut uncovered: BTreeMap<ChainId, Vec<Slot>> = BTreeMap::new();
        let resolves = self.account().resolves();
        let resolves = resolves.filter(|resolve| !self.is_named(*resolve));
        for source in self.account().uncovered().chain(resolves) {
            let chain = self.set.chain(source.slot);
            uncovered.entry(chain).or_default().push(source.slot);
        }
        let mut refs = BTreeSet::new();
        for (chain, sources) in uncovered {
            let Some((seal, head)) = self.set.newest_seal(&chain) else {
                continue;
            };
            let helps = sources.iter().any(|&slot| self.set.on_path(slot, head));
            if !helps || !self.ledger.verdict(head).is_valid() {
                continue;
            }
            if refs.len() + 2 > room {
                break;
            }
            refs.insert(self.set.id(seal));
            refs.insert(self.set.id(head));
        }
        refs.into_iter().collect()
    }

    /// Whether the account named a Seal over a record before.
    fn is_named(&self, source: Source) -> bool {
        let chain = self.set.chain(source.slot);
        let mut heads = self.account().cover(&chain).iter().rev();
        heads.any(|&head| self.set.on_path(source.slot, head))
    }
}

/// Whether the chain can go on after its last record.
fn standing(ledger: &Ledger, set: &RecordSet, tip: Slot, epoch: RecordId) -> Result<(), Refusal> {
    let record = set.record(tip);
    match ledger.verdict(tip) {
        Verdict::Waiting => Err(Refusal::Waiting {
            record: record.id(),
        }),
        Verdict::Invalid(_) if record.epoch() == Some(epoch) => Err(Refusal::Ended {
            record: record.id(),
        }),
        Verdict::Valid | Verdict::Invalid(_) => Ok(()),
    }
}
