//! The auditor: what the audit log of this node is to tell, each once.
//!
//! What is due follows from the set and the log, so that a line that could not
//! be written follows later, and none is written twice. An entry that carries
//! out a decision comes together with its line or not at all: both are signed
//! before either is taken in.

use std::collections::BTreeSet;

use icn_types::authority::{Action, envelope_key};
use icn_types::id::RecordId;
use icn_types::key::PublicKey;
use icn_types::record::Draft;
use icn_types::set::Decision;
use icn_types::time::{Times, Timestamp};

use crate::audit::AuditEvent;

use super::duty::ReadyAction;
use super::error::NodeError;
use super::{DUTIES_PER_STEP, Node, SharedSigner, Unsigned, Work};

/// Lines that may be missing about decisions when one of them is carried out;
/// with more the steps catch up first.
const MISSING_MAX: usize = DUTIES_PER_STEP;

/// The Ready and the number of the action that a request carries out.
pub(super) type Decided = Option<(RecordId, u16)>;

/// An entry that carries out an action of a decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    ready: RecordId,
    action: u16,
    entry: RecordId,
}

impl Carried {
    /// What an entry carries out, if anything.
    pub(super) fn by(decided: Decided, entry: RecordId) -> Option<Self> {
        decided.map(|(ready, action)| Self {
            ready,
            action,
            entry,
        })
    }
}

impl Node {
    /// Writes the lines that are due. One that is not signed follows in a later
    /// step.
    pub(super) fn write_audit_lines(
        &mut self,
        times: Times,
        work: &mut Work,
    ) -> Result<(), NodeError> {
        for _ in 0..DUTIES_PER_STEP {
            let Some((line, signer)) = self.audit_duty(times.now, &work.mute) else {
                break;
            };
            self.sound()?;
            match line.sign(&*signer) {
                Ok(line) => self.take_own(line, times, work)?,
                Err(error) => work.mute(signer.public_key(), error),
            }
        }
        Ok(())
    }

    /// Record what was opened, closed and paid, and who forked, each once.
    fn audit_duty(&self, now: Timestamp, mute: &[PublicKey]) -> Option<(Draft, SharedSigner)> {
        let log = self.audit();
        let signer = self.auditor()?;
        (!mute.contains(&signer.public_key())).then_some(())?;
        let pending = self.pending();
        let due = pending.flat_map(|(opening, decision)| self.unrecorded(opening, decision));
        let mut due = due.chain(self.forks.due(self.set(), log));
        let draft = due.find_map(|event| log.draft(self.set(), event, None, now).ok())?;
        Some((draft, signer.clone()))
    }

    /// The signer of this node's audit log, if that takes a line now: it has an
    /// epoch in force, does not fork, and its owner did not agree to end it.
    pub(super) fn auditor(&self) -> Option<&SharedSigner> {
        let log = self.audit().chain_id();
        self.set().next_place(&log)?;
        (!self.agreed.rests(self.set(), &log)).then_some(())?;
        self.signer_of(&log)
    }

    /// The lines without which these entries are not written: what the log does
    /// not tell of their decisions yet, then one for each. `None` while the log
    /// takes none.
    pub(super) fn lines_with(&self, carried: &[Carried], now: Timestamp) -> Option<Unsigned> {
        if carried.is_empty() {
            return Some(Unsigned::new());
        }
        let signer = self.auditor()?;
        let (mut told, mut openings) = (Vec::new(), BTreeSet::new());
        for one in carried {
            let decision = self.set().decision_of(&one.ready)?;
            let opening = self.opening_of(decision)?;
            if openings.insert(opening) {
                told.extend(self.unrecorded(&opening, decision));
            }
        }
        (told.len() <= MISSING_MAX).then_some(())?;
        let own = carried.iter().filter_map(|one| self.told_by(one));
        told.extend(own.filter(|event| self.is_due(event)));
        let lines = self.audit().draft_all(self.set(), &told, now).ok()?;
        let with_signer = |line| (line, signer.clone());
        Some(lines.into_iter().map(with_signer).collect())
    }

    fn opening_of(&self, decision: &Decision) -> Option<RecordId> {
        let office = self.set().office()?;
        office.opening_of(&decision.opening().proposal)
    }

    fn told_by(&self, carried: &Carried) -> Option<AuditEvent> {
        let Carried {
            ready,
            action,
            entry,
        } = *carried;
        let opening = self.set().decision_of(&ready)?.opening();
        let proposal = opening.proposal;
        match opening.actions.get(usize::from(action))? {
            Action::Envelope(_) => Some(AuditEvent::Drawn {
                proposal,
                action,
                ready,
                entry,
            }),
            _ => Some(AuditEvent::Paid {
                proposal,
                action,
                ready,
                entry,
            }),
        }
    }

    /// What the audit log does not tell of a vote yet.
    pub(super) fn unrecorded(&self, opening: &RecordId, decision: &Decision) -> Vec<AuditEvent> {
        let proposal = decision.opening().proposal;
        let opened = AuditEvent::Opened {
            proposal,
            opening: *opening,
        };
        let closed = decision
            .close()
            .map(|(close, _, outcome)| AuditEvent::Closed {
                proposal,
                close,
                outcome,
            });
        let actions = || self.actions_of(decision).into_iter().flatten();
        let paid = actions().filter_map(|ready| {
            let entry = self.entry_of(&ready)?;
            Some(AuditEvent::Paid {
                proposal,
                action: ready.number,
                ready: ready.ready,
                entry,
            })
        });
        let told = std::iter::once(opened).chain(closed).chain(paid);
        let due = told.filter(|event| self.is_due(event));
        due.chain(actions().flat_map(|ready| self.undrawn(&ready)))
            .collect()
    }

    fn is_due(&self, event: &AuditEvent) -> bool {
        !self.audit().is_recorded(self.set(), event)
    }

    /// What drew on an envelope and has no line yet, oldest first. The newest
    /// that has one ends the search.
    fn undrawn(&self, ready: &ReadyAction) -> Vec<AuditEvent> {
        let set = self.set();
        let Action::Envelope(envelope) = ready.action else {
            return Vec::new();
        };
        let ledger = self.ledger(&envelope.unit);
        let drawn = ledger.and_then(|ledger| {
            let drawn = ledger.drawn(set, &ready.ready, ready.number)?;
            Some((ledger, drawn.payments))
        });
        let Some((ledger, payments)) = drawn else {
            return Vec::new();
        };
        let event = |payment| {
            let key = envelope_key(set.domain(), ready.proposal, ready.number, payment);
            Some(AuditEvent::Drawn {
                proposal: ready.proposal,
                action: ready.number,
                ready: ready.ready,
                entry: ledger.payment(set, &envelope.payer, &key)?,
            })
        };
        let newest_first = (0..payments).rev().map_while(event);
        let mut due: Vec<AuditEvent> = newest_first
            .take_while(|event| self.is_due(event))
            .collect();
        due.reverse();
        due
    }
}
