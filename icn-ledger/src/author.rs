//! The author: the writer of one chain, who may write now.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::{Act, Open};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::judge::Case;
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};

use crate::account::{Account, LegAt, Terms};
use crate::columns::Transit;
use crate::entry::{Entry, TAKEN_MAX};
use crate::ledger::Ledger;
use crate::legs::{self, LegId, Side};
use crate::position;
use crate::refusal::Refusal;
use crate::request::{Request, ordered};
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
    account: Cow<'a, Account>,
    place: Place,
    at: Timestamp,
}

/// What legs that are taken together may share with no other of them.
#[derive(Default)]
struct Named {
    keys: BTreeMap<(ChainId, OperationKey), Slot>,
    claims: BTreeSet<LegAt>,
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
            account: ledger.account(set, &chain),
            place,
            at,
        })
    }

    /// The record, if it would be Valid.
    pub(crate) fn draft(
        &self,
        refs: Vec<RecordId>,
        cause: Option<RecordId>,
        entry: &Entry,
    ) -> Result<Draft, Refusal> {
        let missing = refs.iter().copied().find(|id| self.set.find(id).is_none());
        let (kind, body) = entry.body();
        let content = Content::new(refs, cause, &body).ok_or(Refusal::Invalid)?;
        let draft = Draft::new(self.place, kind, self.at, content).ok_or(Refusal::Invalid)?;
        match self.ledger.judge.rehearse(self.set, &draft) {
            Verdict::Valid => Ok(draft),
            Verdict::Waiting => Err(Refusal::Waiting {
                record: missing.unwrap_or(self.epoch),
            }),
            Verdict::Invalid(Breach::Rule(LedgerRule::LimitFloor)) => Err(Refusal::Limit {
                spendable: self.spendable(&draft),
            }),
            Verdict::Invalid(Breach::Rule(LedgerRule::LimitGrant)) => Err(Refusal::NoGrant),
            Verdict::Invalid(Breach::Rule(LedgerRule::SettleCharge)) => Err(Refusal::Uncharged),
            Verdict::Invalid(Breach::Rule(rule)) => Err(Refusal::Rule(rule)),
            Verdict::Invalid(_) => Err(Refusal::Invalid),
        }
    }

    /// What a draft may spend, given what it names.
    fn spendable(&self, draft: &Draft) -> u128 {
        let prev = draft.header().prev().and_then(|id| self.set.find(&id));
        let case = Case::new(self.set, draft.header(), draft.content(), self.open, prev);
        let terms = rules::terms(&case, &self.account);
        let bounds = terms.bounds(self.open);
        bounds.map_or(0, |bounds| self.account.sums(&terms).spendable(&bounds))
    }

    /// The Release that shows how much of an envelope may be paid.
    pub(crate) fn release(&self, (ready, action): (RecordId, u16)) -> Option<RecordId> {
        self.ledger.drawn(self.set, &ready, action)?.release
    }

    /// The record of a request, if it would be Valid.
    pub(crate) fn write<R: Request>(
        &self,
        request: &R,
        refs: Vec<RecordId>,
    ) -> Result<Draft, Refusal> {
        let refs = ordered(refs);
        let entry = request.entry(&refs)?;
        self.draft(refs, request.cause(), &entry)
    }

    /// The raise of the epoch that the chain has not named yet.
    pub(crate) fn raise(&self) -> Option<RecordId> {
        let floor = self.set.office()?.seat(&self.chain)?.floor()?;
        let has_begun = self.place_follows_epoch();
        let known = if has_begun {
            self.account.floor()
        } else {
            self.open.grant.map(|grant| grant.floor)
        };
        if known.is_none_or(|known| known <= floor) {
            return None;
        }
        let acts = self.set.spine(&self.set.authority()).iter().rev().copied();
        acts.map(|slot| (slot, self.set.act(slot)))
            .take_while(|(slot, _)| self.set.record(*slot).id() != self.epoch)
            .find_map(|(slot, act)| match act {
                Some(Act::Raise(raise)) if raise.open == self.epoch && raise.floor == floor => {
                    Some(self.set.record(slot).id())
                }
                _ => None,
            })
    }

    fn place_follows_epoch(&self) -> bool {
        let tip = self.set.spine(&self.chain).last();
        tip.is_some_and(|&tip| self.set.record(tip).epoch() == Some(self.epoch))
    }

    /// Legs that the account may take, up to its ceiling.
    pub(crate) fn takeable(&self) -> Result<Vec<LegId>, Refusal> {
        let grant = self.open.grant.ok_or(Refusal::NoGrant)?;
        let mut room = i128::from(grant.ceiling) - self.account.sums(&Terms::default()).position();
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
        let (set, account) = (self.set, &self.account);
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
        for source in self.account.uncovered() {
            let chain = self.set.record(source.slot).chain();
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
            refs.insert(self.set.record(seal).id());
            refs.insert(self.set.record(head).id());
        }
        refs.into_iter().collect()
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
