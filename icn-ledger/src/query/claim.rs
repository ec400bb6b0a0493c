//! What accounts rely on and may not get: impaired credit, and claims.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::{Encode as _, Writer};
use icn_types::hash::Hasher;
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::set::{Label, Slot};

use crate::account::LegAt;
use crate::entry::Entry;
use crate::legs::{self, LegId, Part, Sent, Side, taken};
use crate::position::{self, Charge};
use crate::query::Query;
use crate::settle;

/// An account relies on credit that is in doubt. The account itself and
/// whoever it paid are not: a mark goes one step and no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Impairment {
    /// The account that took the credit in posted records.
    pub account: ChainId,
    /// The chain that sent it.
    pub source: ChainId,
    /// What is wrong with it.
    pub doubt: Doubt,
    /// How much of it, in atoms.
    pub atoms: u128,
}

/// What is wrong with credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the labels that are not posted")]
pub enum Doubt {
    /// Its record is posted and not sealed, on a chain that forks.
    OpenFork,
    /// Its record is contested.
    Contested,
    /// Its record is void.
    Void,
}

/// An acknowledged leg of a record that is not posted: somebody gave something
/// for it, so it is charged to its author for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The leg.
    pub leg: LegId,
    /// Whose chain acknowledged it.
    pub payee: ChainId,
    /// How much.
    pub amount: Amount,
    /// The acknowledgement.
    pub ack: RecordId,
    /// What the record of the leg counts as: void, as beyond a final Seal, or
    /// contested, so that a Seal may still post it.
    pub label: Label,
    /// How far it has come.
    pub state: ClaimState,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the way of a claim, step by step")]
pub enum ClaimState {
    /// Known; the next Open of its author has to charge it.
    Listed,
    /// The Open in force leaves its record out and charges enough for it, so
    /// that a shared account may pay it.
    Charged {
        /// That Open.
        open: RecordId,
    },
    /// Paid; its payee has not taken that yet.
    Paid {
        /// By this entry.
        settlement: RecordId,
    },
    /// Its payee was made whole.
    Settled {
        /// By this entry, whose account has the claim now.
        settlement: RecordId,
    },
}

/// The claims against one author.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Who is charged.
    pub author: ChainId,
    /// The claims, ascending by leg.
    pub claims: Vec<Claim>,
    /// What they add up to, in atoms.
    pub claimed: u128,
    /// What the Open in force charges, in atoms; none without an epoch.
    pub stated: Option<u64>,
    /// How the two compare: understated claims wait for the next Open.
    pub charge: Option<Charge>,
}

impl Claims {
    /// The hash of the list, which an Open states beside the charge; none of
    /// an empty list.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        let mut w = Writer::new();
        w.array(self.claims.len());
        for claim in &self.claims {
            w.array(3);
            claim.leg.record.encode(&mut w);
            claim.leg.leg.encode(&mut w);
            claim.amount.encode(&mut w);
        }
        let mut hasher = Hasher::new();
        hasher.update(b"icn/ledger/claims/v1");
        hasher.update(&w.into_bytes());
        (!self.claims.is_empty()).then(|| Digest::from_bytes(hasher.finish()))
    }
}

impl Query<'_> {
    /// The claims against one author, none of them for whoever owes nobody.
    /// Linear in the records beside the spines.
    #[must_use]
    pub fn claims_of(&self, author: &ChainId) -> Claims {
        let mut all = self.claims().into_iter();
        let known = all.find(|claims| claims.author == *author);
        known.unwrap_or_else(|| self.claims_against(*author, Vec::new()))
    }

    /// Accounts that rely on credit in doubt, ascending by account and source.
    /// Linear in the records beside the spines, and in the accounts for each
    /// chain that forks.
    #[must_use]
    pub fn impairments(&self) -> Vec<Impairment> {
        let mut sums: BTreeMap<(ChainId, ChainId, Doubt), u128> = BTreeMap::new();
        for (leg, sent, label) in self.unposted_legs() {
            let doubt = match label {
                Label::Posted => continue,
                Label::Contested => Doubt::Contested,
                Label::Void => Doubt::Void,
            };
            if self.posted_ack(&leg).is_some() && self.settled_by(&leg, &sent.payee).is_none() {
                let sum = sums.entry((sent.payee, sent.payer, doubt)).or_default();
                *sum += u128::from(sent.amount.get());
            }
        }
        for ((account, source), atoms) in self.unsealed_of_forks() {
            sums.insert((account, source, Doubt::OpenFork), atoms);
        }
        let mark = |((account, source, doubt), atoms)| Impairment {
            account,
            source,
            doubt,
            atoms,
        };
        sums.into_iter().map(mark).collect()
    }

    /// Claims by author, ascending; authors whose Open charges more than
    /// anybody claims are not among them. Linear in the records beside the
    /// spines.
    #[must_use]
    pub fn claims(&self) -> Vec<Claims> {
        let unposted = self.unposted_acks();
        let mut by_author: BTreeMap<ChainId, BTreeMap<LegId, Claim>> = BTreeMap::new();
        for (leg, sent, label) in self.unposted_legs() {
            let ack = self
                .posted_ack(&leg)
                .or_else(|| unposted.get(&leg).copied());
            if let Some(ack) = ack {
                let claim = Claim {
                    leg,
                    payee: sent.payee,
                    amount: sent.amount,
                    ack,
                    label,
                    state: self.paid_state(&leg, &sent.payee),
                };
                by_author.entry(sent.payer).or_default().insert(leg, claim);
            }
        }
        by_author
            .into_iter()
            .map(|(author, claims)| self.claims_against(author, claims.into_values().collect()))
            .collect()
    }

    fn claims_against(&self, author: ChainId, mut claims: Vec<Claim>) -> Claims {
        self.charge(&author, &mut claims);
        let seat = self.set.office().and_then(|office| office.seat(&author));
        Claims {
            author,
            claimed: claims
                .iter()
                .map(|claim| u128::from(claim.amount.get()))
                .sum(),
            claims,
            stated: seat.map(|seat| seat.charged()),
            charge: self.ledger.charge(self.set, &author),
        }
    }

    /// Marks which claims the Open in force charges: as many as its charge has
    /// room for beside those that were paid, ascending.
    fn charge(&self, author: &ChainId, claims: &mut [Claim]) {
        let Some((open, body)) = position::epoch(self.set, author) else {
            return;
        };
        let is_listed = |claim: &Claim| claim.state == ClaimState::Listed;
        let paid = claims.iter().filter(|claim| !is_listed(claim));
        let paid: u128 = paid.map(|claim| u128::from(claim.amount.get())).sum();
        let mut room = u128::from(body.charged).saturating_sub(paid);
        for claim in claims.iter_mut().filter(|claim| is_listed(claim)) {
            let atoms = u128::from(claim.amount.get());
            let fallen = settle::fallen(self.set, &claim.leg);
            if atoms <= room
                && fallen.is_some_and(|slot| settle::is_left_out(self.set, &open, slot))
            {
                room -= atoms;
                claim.state = ClaimState::Charged { open };
            }
        }
    }

    fn paid_state(&self, claim: &LegId, payee: &ChainId) -> ClaimState {
        if let Some(settlement) = self.settled_by(claim, payee) {
            return ClaimState::Settled { settlement };
        }
        let first = (*claim, RecordId::from_bytes([0; 32]));
        let of_claim = self.register.settlements.range(first..);
        let mut by = of_claim
            .take_while(|(of, _)| of == claim)
            .map(|(_, id)| *id);
        let in_transit = by.find(|&record| {
            let leg = LegId { record, leg: 0 };
            self.columns.transit(self.set, &leg).is_some()
        });
        in_transit.map_or(ClaimState::Listed, |settlement| ClaimState::Paid {
            settlement,
        })
    }

    /// The settlement that the payee of a claim took.
    fn settled_by(&self, claim: &LegId, payee: &ChainId) -> Option<RecordId> {
        let leg = LegAt {
            slot: self.set.find(&claim.record)?,
            leg: claim.leg,
        };
        let account = self.ledger.account(self.set, payee);
        let by = account.settlements().replaced(leg)?;
        Some(self.set.id(by))
    }

    /// Legs of Valid canonical records that are not posted, and parts of holds
    /// that are not; each out of the account that owes it then.
    fn unposted_legs(&self) -> impl Iterator<Item = (LegId, Sent, Label)> {
        self.unposted().flat_map(|(slot, label, entry)| {
            let (by, legs) = match &entry {
                Entry::Hold(hold) => {
                    let state = self.ledger.account(self.set, &hold.resolver);
                    let by = state.resolved(slot).unwrap_or(slot);
                    (by, self.parts(by, |part| part.hold == slot))
                }
                Entry::Resolve(_) => (slot, self.parts(slot, |_| true)),
                _ => (slot, legs::sent(self.set, slot, &entry).collect()),
            };
            let record = self.set.id(by);
            let legs = legs.into_iter();
            legs.map(move |(leg, sent)| (LegId { record, leg }, sent, label))
        })
    }

    /// Parts that a Resolve sends, out of the account of the hold's author
    /// where the hold is not posted, else of its own.
    fn parts(&self, by: Slot, which: impl Fn(&Part) -> bool) -> Vec<(u8, Sent)> {
        let record = self.set.record(by);
        let Some(Entry::Resolve(resolve)) = Entry::of(record) else {
            return Vec::new();
        };
        let parts = legs::parts(self.set, by, &resolve).filter(|(_, part)| which(part));
        parts
            .filter_map(
                |(leg, part)| match (self.set.on_spine(part.hold), part.side) {
                    (true, _) => {
                        let payer = record.chain();
                        Some((leg, Sent { payer, ..part.sent }))
                    }
                    (false, Side::Payee) => Some((leg, part.sent)),
                    (false, Side::Payer) => None,
                },
            )
            .collect()
    }

    /// What acknowledgements take that are not posted.
    fn unposted_acks(&self) -> BTreeMap<LegId, RecordId> {
        let mut taken_by = BTreeMap::new();
        for (slot, _, entry) in self.unposted() {
            let record = self.set.record(slot);
            if let (Entry::Ack(ack), Some(content)) = (&entry, record.content()) {
                for leg in taken(content, &ack.legs) {
                    let by = taken_by.entry(leg).or_insert_with(|| record.id());
                    *by = record.id().min(*by);
                }
            }
        }
        taken_by
    }

    fn unposted(&self) -> impl Iterator<Item = (Slot, Label, Entry)> {
        self.register
            .beside
            .iter()
            .filter(|(slot, _)| self.ledger.verdict(**slot).is_valid())
            .filter_map(|(&slot, &label)| Some((slot, label, Entry::of(self.set.record(slot))?)))
    }

    /// The posted acknowledgement of a leg; a refusal is none.
    fn posted_ack(&self, leg: &LegId) -> Option<RecordId> {
        let by = self.columns.taken_by(self.set, leg)?;
        let entry = Entry::of(self.set.record(self.set.find(&by)?))?;
        matches!(entry, Entry::Ack(_)).then_some(by)
    }

    /// Credit from posted records that no Seal covers on chains that fork, by
    /// account and chain.
    fn unsealed_of_forks(&self) -> BTreeMap<(ChainId, ChainId), u128> {
        let topic = self.ledger.topic();
        let chains = || self.set.chains().filter(move |(_, of)| *of == topic);
        let forked = chains().filter(|(chain, _)| self.set.fork(chain).is_some());
        let mut sums = BTreeMap::new();
        for (source, _) in forked {
            let first = self.set.spine(&source).get(self.set.sealed_len(&source));
            let (Some(&first), Some(number)) = (first, self.set.chain_number(&source)) else {
                continue; // all of it is sealed
            };
            for (account, _) in chains() {
                let state = self.ledger.account(self.set, &account);
                let plain = state.unsealed(number, first, Slot::LAST);
                let parts = state.parts(number).iter();
                let parts = parts.map(|part| (part.hold, part.amount));
                let atoms: i128 = plain
                    .chain(parts.filter(|(hold, _)| hold.slot >= first))
                    .filter(|(from, _)| self.set.on_spine(from.slot))
                    .map(|(_, atoms)| atoms)
                    .sum();
                if atoms > 0 {
                    sums.insert((account, source), atoms.unsigned_abs());
                }
            }
        }
        sums
    }
}
