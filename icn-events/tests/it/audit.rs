//! What the audit log binds, and that no file can say otherwise.

use std::collections::BTreeSet;

use icn_events::audit::{
    AUDIT_LINE, AuditEvent, AuditLine, AuditLog, AuditReason, AuditRule, NotRecorded, Report,
    audit_chain, verify,
};
use icn_events::sheet::BadForm;
use icn_types::amount::Amount;
use icn_types::authority::{
    Act, Action, Close, DecisionTerms, Envelope, Finality, Opening, Outcome, ProposalId, Ready,
    RollChange, Tip,
};
use icn_types::canon::{self, List, Raw};
use icn_types::chain::Owner;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, Hex, RecordId, UnitId};
use icn_types::key::{PeerId, Signer as _};
use icn_types::record::{Content, Kind, Record};
use icn_types::set::Refusal;
use icn_types::testkit::stage::{GRANT, Stage};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};
use proptest::prelude::*;

mod bytes;
mod claims;
mod file;
mod log;
mod proofs;
mod rules;

use crate::text::{first, flipped, lines, summed};

const UNIT: UnitId = UnitId::from_bytes([1; 32]);
const PAYMENT: Kind = Kind::new(64);

/// A cooperative with a treasury, one account, and a node that keeps a log.
struct Scene {
    stage: Stage,
    log: AuditLog,
    told: usize,
    treasury: ChainId,
    account: ChainId,
    audit: ChainId,
    node: PeerId,
}

/// A proposal that was accepted and may be carried out.
#[derive(Clone, Copy)]
struct Decided {
    proposal: ProposalId,
    opening: RecordId,
    close: RecordId,
    ready: RecordId,
}

impl Scene {
    fn new() -> Self {
        let mut stage = Stage::new(1, 4);
        let ledger = stage.ledger(UNIT);
        let key = stage.draw_key();
        let treasury = stage.open(ledger.chain(Owner::Shared(0)), key, Some(GRANT));
        let account = stage.open_member(0, &ledger, Some(GRANT));
        let node = PeerId::new(stage.draw_key().public_key());
        let key = stage.draw_key();
        let audit = stage.open(audit_chain(stage.domain(), node), key, None);
        let log = AuditLog::new(stage.domain(), node);
        Self {
            stage,
            log,
            told: 0,
            treasury,
            account,
            audit,
            node,
        }
    }

    /// Two proposals decided, of which the first pays two actions, told in
    /// full, with one line at the end that no entry belongs to.
    fn played() -> Self {
        let mut scene = Self::new();
        let one = scene.decide(1, 2);
        let two = scene.decide(2, 1);
        for decided in [one, two] {
            scene.tell_of(&decided);
        }
        for (decided, action) in [(one, 0), (two, 0), (one, 1)] {
            let entry = scene.pay(&decided, action);
            scene.line(paid(&decided, action, entry));
        }
        let record = one.close;
        scene.line(AuditEvent::Authored { record });
        scene
    }

    fn opening(&mut self, number: u8, actions: usize) -> (ProposalId, RecordId) {
        self.opening_in(UNIT, number, actions)
    }

    fn opening_in(&mut self, unit: UnitId, number: u8, actions: usize) -> (ProposalId, RecordId) {
        let pay = Action::Pay {
            payer: self.treasury,
            payee: self.account,
            unit,
            amount: Amount::new(5).unwrap(),
        };
        self.opening_of(number, vec![pay; actions])
    }

    fn opening_of(&mut self, number: u8, actions: Vec<Action>) -> (ProposalId, RecordId) {
        let proposal = ProposalId::from_bytes([number; 32]);
        let opening = Opening {
            proposal,
            record: RecordId::from_bytes([number; 32]),
            actions: List::new(actions).unwrap(),
            rule: Raw::of(&0_u64),
            roll: self.stage.set.office().unwrap().roll_digest(),
            terms: DecisionTerms {
                tellers: List::new([self.account]).unwrap(),
                needed: 1,
                period: 0,
                timelock: 0,
            },
        };
        (proposal, self.stage.act(&Act::Opening(opening), &[]))
    }

    fn close(&mut self, opening: RecordId, outcome: Outcome) -> RecordId {
        let close = Close {
            opening,
            outcome,
            shuts: List::new([opening]).unwrap(),
            tally: Raw::of(&0_u64),
        };
        self.stage.act(&Act::Close(close), &[opening])
    }

    fn decide(&mut self, number: u8, actions: usize) -> Decided {
        let (proposal, opening) = self.opening(number, actions);
        self.accept(proposal, opening)
    }

    /// An envelope that is released at once.
    fn decide_envelope(&mut self, number: u8) -> Decided {
        let envelope = Envelope {
            payer: self.treasury,
            payee: Some(self.account),
            unit: UNIT,
            tranche: Amount::new(5).unwrap(),
            tranches: 1,
            interval: 0,
        };
        let (proposal, opening) = self.opening_of(number, vec![Action::Envelope(envelope)]);
        self.accept(proposal, opening)
    }

    fn accept(&mut self, proposal: ProposalId, opening: RecordId) -> Decided {
        let close = self.close(opening, Outcome::Accepted);
        let ready = self.stage.act(&Act::Ready(Ready { close }), &[close]);
        Decided {
            proposal,
            opening,
            close,
            ready,
        }
    }

    /// A ledger-like record of the treasury under a decision.
    fn pay(&mut self, decided: &Decided, action: u16) -> RecordId {
        let chain = self.treasury;
        self.stage.write(&chain, PAYMENT, &[decided.ready], &action)
    }

    fn tell_of(&mut self, decided: &Decided) {
        let Decided {
            proposal,
            opening,
            close,
            ..
        } = *decided;
        self.line(AuditEvent::Opened { proposal, opening });
        self.line(AuditEvent::Closed {
            proposal,
            close,
            outcome: Outcome::Accepted,
        });
    }

    /// The log takes note of everything written.
    fn tell(&mut self) {
        for record in &self.stage.records[self.told..] {
            let slot = self.stage.set.find(&record.id()).unwrap();
            self.log.update(&self.stage.set, slot);
        }
        self.told = self.stage.records.len();
    }

    fn line(&mut self, event: AuditEvent) -> RecordId {
        self.tell();
        let at = Timestamp::from_millis(self.told as u64);
        let draft = self.log.draft(&self.stage.set, event, None, at).unwrap();
        let id = self.stage.submit(draft);
        self.tell();
        id
    }

    /// A line that the log itself would not draft.
    fn forced(&mut self, event: AuditEvent, at: u64) -> RecordId {
        let recorded_at = Timestamp::from_millis(at);
        let chain = self.audit;
        let id = self
            .stage
            .write(&chain, AUDIT_LINE, &[], &AuditLine { event, recorded_at });
        self.tell();
        id
    }

    fn verdict(&self, id: &RecordId) -> Verdict<AuditRule> {
        self.log.verdict(self.stage.set.find(id).unwrap())
    }

    fn broken(&self, id: &RecordId) -> &'static str {
        match self.verdict(id) {
            Verdict::Invalid(breach) => breach.code(),
            other => panic!("expected a breach, found {other:?}"),
        }
    }

    fn export(&self) -> String {
        self.log.export(&self.stage.set).unwrap()
    }

    fn record(&self, id: &RecordId) -> &Record {
        self.stage.set.record(self.stage.set.find(id).unwrap())
    }

    fn hex(&self, id: &RecordId) -> String {
        Hex(&self.record(id).to_bytes()).to_string()
    }
}

fn paid(decided: &Decided, action: u16, entry: RecordId) -> AuditEvent {
    AuditEvent::Paid {
        proposal: decided.proposal,
        action,
        ready: decided.ready,
        entry,
    }
}

fn drawn(decided: &Decided, action: u16, entry: RecordId) -> AuditEvent {
    AuditEvent::Drawn {
        proposal: decided.proposal,
        action,
        ready: decided.ready,
        entry,
    }
}

fn authored(number: u8) -> AuditEvent {
    AuditEvent::Authored {
        record: RecordId::from_bytes([number; 32]),
    }
}

/// Line from 1 and reason of a refusal.
fn refused(text: &str) -> (usize, AuditReason) {
    refused_with(text, None)
}

fn refused_with(text: &str, known: Option<Tip>) -> (usize, AuditReason) {
    let error = verify(text, known).unwrap_err();
    assert_eq!(error.code(), error.reason.code());
    assert_eq!(error.fault(), Fault::Peer);
    assert!(!error.reason.to_string().contains('\n'));
    (usize::try_from(error.line).unwrap(), error.reason)
}

/// The refusal of the played file after an edit, with a sum that fits.
fn edited(edit: impl FnOnce(&mut Vec<String>)) -> (usize, AuditReason) {
    let mut lines = lines(&Scene::played().export());
    edit(&mut lines);
    refused(&summed(&lines))
}

/// The refusal of a log whose only line is `event`, told after one decision.
fn told(event: impl FnOnce(&mut Scene, Decided) -> AuditEvent) -> AuditReason {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    let event = event(&mut scene, decided);
    scene.line(event);
    let text = scene.export();
    let (line, reason) = refused(&text);
    assert_eq!(line, first(&lines(&text), "line") + 1);
    reason
}

/// The refusal of an entry written by `write`, which a good line names.
fn paid_by(write: impl FnOnce(&mut Scene, Decided) -> RecordId) -> AuditReason {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    let entry = write(&mut scene, decided);
    scene.line(paid(&decided, 0, entry));
    let text = scene.export();
    let (line, reason) = refused(&text);
    assert_eq!(line, first(&lines(&text), "entry") + 1);
    reason
}
