//! Clearing: what is solved, what a clearing proves, and how it is carried out.

mod attacks;
mod progress;
mod solver;
mod values;

pub(crate) use values::{Stated, faulty};

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::clearing::{
    Cleared, Clearing, DueState, Obligation, ObligationId, Reduction, Terms, solve,
};
use icn_ledger::entry::HOLD;
use icn_ledger::{Authorized, Hold, HoldRequest, Policy, Refusal, ResolveRequest};
use icn_types::authority::Tip;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, RecordId, TopicId};
use icn_types::time::Timestamp;

use crate::market::{Market, NOW, amount};

/// An account by number; higher numbers are not higher chains.
fn account(number: usize) -> ChainId {
    ChainId::from_bytes(sha256(&u64::try_from(number).unwrap().to_be_bytes()))
}

fn invoice(number: usize) -> ObligationId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
    ObligationId::from_bytes(bytes)
}

fn owes(number: usize, debtor: usize, creditor: usize, atoms: u64) -> Obligation {
    Obligation {
        id: invoice(number),
        debtor: account(debtor),
        creditor: account(creditor),
        amount: amount(atoms),
    }
}

/// Debtor, creditor and atoms of each, numbered from 0.
pub(crate) fn owed(list: &[(usize, usize, u64)]) -> Vec<Obligation> {
    let one = |(at, &(debtor, creditor, atoms))| owes(at, debtor, creditor, atoms);
    list.iter().enumerate().map(one).collect()
}

/// The account of a clearing chain.
fn office() -> ChainId {
    ChainId::from_bytes([0xee; 32])
}

pub(crate) fn terms() -> Terms {
    Terms {
        topic: TopicId::from_bytes([7; 32]),
        resolver: office(),
        expires: Timestamp::from_millis(1_000),
    }
}

pub(crate) fn reduce(obligation: Obligation, atoms: u64) -> Reduction {
    Reduction {
        obligation,
        by: amount(atoms),
    }
}

/// What everybody would have more by reductions: nothing but zeros.
fn nets(reductions: &[Reduction]) -> BTreeMap<ChainId, i128> {
    let mut nets: BTreeMap<ChainId, i128> = BTreeMap::new();
    for Reduction { obligation, by } in reductions {
        *nets.entry(obligation.debtor).or_default() -= i128::from(by.get());
        *nets.entry(obligation.creditor).or_default() += i128::from(by.get());
    }
    nets
}

fn by_invoice<'c>(
    clearings: impl IntoIterator<Item = &'c Clearing>,
) -> BTreeMap<ObligationId, u64> {
    let mut sums = BTreeMap::new();
    for one in clearings.into_iter().flat_map(Clearing::reductions) {
        *sums.entry(one.obligation.id).or_default() += one.by.get();
    }
    sums
}

/// Whether the obligations allow these reductions and no way round takes more
/// away: up along obligations of which something is left, down along those that
/// are reduced.
pub(crate) fn is_largest(obligations: &[Obligation], reductions: &[Reduction]) -> bool {
    let mut left: BTreeMap<ObligationId, u64> = BTreeMap::new();
    left.extend(obligations.iter().map(|one| (one.id, one.amount.get())));
    for one in reductions {
        assert!(obligations.contains(&one.obligation));
        let left = left.get_mut(&one.obligation.id).unwrap();
        *left = left.checked_sub(one.by.get()).unwrap();
    }
    let mut gains: BTreeMap<ChainId, i64> = BTreeMap::new();
    let mut steps = BTreeSet::new();
    for one in obligations {
        gains.insert(one.debtor, 0);
        gains.insert(one.creditor, 0);
        let left = left[&one.id];
        if left > 0 {
            steps.insert((one.debtor, one.creditor, 1));
        }
        if left < one.amount.get() {
            steps.insert((one.creditor, one.debtor, -1));
        }
    }
    for _ in 0..=gains.len() {
        let mut is_raised = false;
        for (from, to, gain) in &steps {
            let raised = gains[from] + gain;
            if raised > gains[to] {
                gains.insert(*to, raised);
                is_raised = true;
            }
        }
        if !is_raised {
            return true;
        }
    }
    false
}

/// Three members who owe each other 50 in a ring, and the chain that clears it.
#[derive(Clone)]
struct Ring {
    market: Market,
    members: [ChainId; 3],
    office: ChainId,
    clearing: Clearing,
}

impl Ring {
    fn new() -> Self {
        let market = Market::new(4);
        let [one, other, third, office] = market.chains[..] else {
            panic!("four accounts");
        };
        let members = [one, other, third];
        let owed = [(one, other, 50), (other, third, 60), (third, one, 70)];
        Self {
            clearing: cleared(&market, office, &owed, 1_000).remove(0),
            market,
            members,
            office,
        }
    }

    /// The one due of a member.
    fn request(&self, payer: ChainId) -> HoldRequest {
        self.clearing.holds(&payer).remove(0)
    }

    fn hold(&mut self, payer: ChainId) -> RecordId {
        let request = self.request(payer);
        let (ledger, set) = (&self.market.ledger, &self.market.stage.set);
        let answer = ledger
            .authorize_hold(set, &payer, &request, NOW, &Policy::NONE)
            .unwrap();
        self.market.carry_out(answer)
    }

    /// Sets the due of a member aside after any record of its chain.
    fn hold_after(&mut self, payer: ChainId, prev: Option<Tip>) -> RecordId {
        let request = self.request(payer);
        let body = body_of(&request);
        self.market.write_after(payer, prev, HOLD, &[], &body)
    }

    fn hold_and_seal_all(&mut self) -> [RecordId; 3] {
        self.members.map(|payer| {
            let hold = self.hold(payer);
            self.market.seal(payer);
            hold
        })
    }

    fn progress(&self) -> Cleared {
        let (ledger, set) = (&self.market.ledger, &self.market.stage.set);
        ledger.clearing(set, &self.clearing)
    }

    fn state(&self, payer: ChainId) -> DueState {
        self.progress().of(&payer).next().unwrap().state
    }

    fn resolve(&mut self, request: &ResolveRequest) -> Result<RecordId, Refusal> {
        let (ledger, set) = (&self.market.ledger, &self.market.stage.set);
        let answer = ledger.authorize_resolve(set, &self.office, request, NOW)?;
        Ok(self.market.carry_out(answer))
    }

    fn post(&mut self) -> RecordId {
        let request = self.progress().post().unwrap();
        self.resolve(&request).unwrap()
    }

    fn give_up(&mut self) -> RecordId {
        let request = self.progress().give_up().unwrap();
        self.resolve(&request).unwrap()
    }

    fn ack_all(&mut self) {
        for member in self.members {
            self.market.ack_all(member);
        }
    }
}

fn body_of(request: &HoldRequest) -> Hold {
    Hold {
        leg: request.leg,
        resolver: request.resolver,
        key: request.key,
        decision: None,
        expires: request.expires,
        effective: request.effective,
        memo: request.memo,
    }
}

/// The clearings of what the accounts of a market owe.
fn cleared(
    market: &Market,
    office: ChainId,
    owed: &[(ChainId, ChainId, u64)],
    expires: u64,
) -> Vec<Clearing> {
    let terms = Terms {
        topic: market.topic().id(),
        resolver: office,
        expires: Timestamp::from_millis(expires),
    };
    let obligation = |(at, &(debtor, creditor, atoms))| Obligation {
        id: invoice(at),
        debtor,
        creditor,
        amount: amount(atoms),
    };
    let owed: Vec<_> = owed.iter().enumerate().map(obligation).collect();
    let solution = solve(terms, market.unit.min_leg, &owed).unwrap();
    assert!(solution.left_out().is_empty());
    solution.clearings().to_vec()
}

impl Market {
    /// Writes what was admitted, if it was not before.
    fn carry_out(&mut self, answer: Authorized) -> RecordId {
        match answer {
            Authorized::Draft(draft) => self.submit(draft),
            Authorized::Again(id) => id,
        }
    }

    /// Where an account stands with what is on its way to it or set aside of it:
    /// nothing of a clearing changes that.
    fn net(&self, chain: ChainId) -> i128 {
        let column = self.column(chain);
        let beside = i128::try_from(column.held + column.incoming).unwrap();
        column.posted + column.contested + beside
    }
}
