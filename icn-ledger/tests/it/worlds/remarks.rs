//! Remarks: who says something about money, truly or not.

use icn_ledger::bundle::{BundleRequest, Due, Terms};
use icn_ledger::remark::{
    Assertion, Dispute, DisputeRequest, Outcome, PeriodClose, Remark, RemarkRequest, Ruling,
};
use icn_ledger::{Entry, LegId, LegRef};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::time::Timestamp;

use super::authors::Answer;
use super::world::World;
use crate::market::amount;

const RULINGS: [Ruling; 4] = [
    Ruling::Upheld,
    Ruling::Reversed,
    Ruling::Settled,
    Ruling::WrittenOff,
];

impl World {
    /// Asks to make a remark.
    pub(super) fn remark(&mut self, who: usize) -> Answer {
        if self.chance.percent(20) {
            return self.bundle(who);
        }
        let ruling = self.ruling(who).filter(|_| self.chance.percent(70));
        let Some(request) = ruling.or_else(|| self.wanted_remark(who)) else {
            return Ok(None);
        };
        let (chain, at) = (self.members[who].id, self.at());
        let replica = self.home(who);
        let answer = replica
            .ledger
            .authorize_remark(&replica.set, &chain, &request, at)?;
        Ok(self.drafted(answer))
    }

    fn wanted_remark(&mut self, who: usize) -> Option<RemarkRequest> {
        let own = self.members[who].id;
        match self.chance.below(3) {
            0 => Some(RemarkRequest::Assert {
                about: self.entry_of(who, |_, _| true)?,
                position: i64::try_from(self.chance.between(0, 40)).unwrap() - 20,
            }),
            1 => Some(RemarkRequest::Close {
                until: Timestamp::from_millis(self.at().as_millis().saturating_sub(1)),
            }),
            _ => Some(RemarkRequest::Dispute(DisputeRequest {
                leg: LegId {
                    record: self.entry_of(who, |payer, entry| {
                        let Entry::Payment(payment) = entry else {
                            return false;
                        };
                        payer == own || payment.legs[0].payee == own
                    })?,
                    leg: 0,
                },
                evidence: List::default(),
                mediator: self.other(who),
                memo: None,
            })),
        }
    }

    /// How a dispute ended that the member was asked to end.
    fn ruling(&mut self, who: usize) -> Option<RemarkRequest> {
        let own = self.members[who].id;
        let dispute = self.entry_of(who, |_, entry| {
            matches!(entry, Entry::Remark(Remark::Dispute(dispute)) if dispute.mediator == own)
        })?;
        Some(RemarkRequest::Rule {
            dispute,
            ruling: self.chance.pick(&RULINGS),
            memo: None,
        })
    }

    fn bundle(&mut self, who: usize) -> Answer {
        let dues = [self.members[who].id, self.other(who)].map(|payer| Due {
            payer,
            payee: self.members[(who + 2) % self.members.len()].id,
            amount: amount(self.chance.between(1, 9)),
        });
        let request = BundleRequest {
            terms: Terms::Dues(List::new(dues).unwrap()),
            key: self.key_of(who),
            memo: None,
            cause: None,
        };
        let (chain, at) = (self.members[who].id, self.at());
        let replica = self.home(who);
        let answer = replica
            .ledger
            .authorize_bundle(&replica.set, &chain, &request, at)?;
        Ok(self.drafted(answer))
    }

    /// A remark that nobody allowed, about anything.
    pub(super) fn forge_remark(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
    ) -> (&'static str, RecordId) {
        let about = self.chance.pick(&self.order);
        let remark = match self.chance.below(4) {
            0 => Remark::Assertion(Assertion {
                reference: 0,
                position: 7,
            }),
            1 => Remark::Close(PeriodClose { until: self.at() }),
            2 => Remark::Dispute(Dispute {
                leg: LegRef {
                    reference: 0,
                    leg: 0,
                },
                evidence: List::default(),
                mediator: self.other(who),
                memo: None,
            }),
            _ => Remark::Outcome(Outcome {
                dispute: 0,
                ruling: self.chance.pick(&RULINGS),
                memo: None,
            }),
        };
        let (kind, body) = Entry::Remark(remark).body();
        let id = self.forge(who, epoch, prev, kind, vec![about], &body);
        ("byzantine remark", id)
    }

    /// Some entry that the member's replica holds, by its author and what it
    /// says.
    fn entry_of(
        &mut self,
        who: usize,
        is_wanted: impl Fn(ChainId, &Entry) -> bool,
    ) -> Option<RecordId> {
        let set = &self.home(who).set;
        let held = self.entries.iter().filter(|(id, entry)| {
            let slot = set.find(id);
            slot.is_some_and(|slot| is_wanted(set.chain(slot), entry))
        });
        let held: Vec<RecordId> = held.map(|(id, _)| *id).collect();
        (!held.is_empty()).then(|| self.chance.pick(&held))
    }
}
