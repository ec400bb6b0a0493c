//! What the audit log binds, and that no file can say otherwise.

use std::collections::BTreeSet;

use icn_events::audit::{
    AUDIT_LINE, AuditEvent, AuditLine, AuditLog, AuditReason, AuditRule, NotRecorded, Report,
    audit_chain, verify,
};
use icn_events::sheet::BadForm;
use icn_types::amount::Amount;
use icn_types::authority::{
    Act, Action, Close, DecisionTerms, Finality, Opening, Outcome, ProposalId, Ready, RollChange,
    Tip,
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
        let proposal = ProposalId::from_bytes([number; 32]);
        let pay = Action::Pay {
            payer: self.treasury,
            payee: self.account,
            unit: UNIT,
            amount: Amount::new(5).unwrap(),
        };
        let opening = Opening {
            proposal,
            record: RecordId::from_bytes([number; 32]),
            actions: List::new(vec![pay; actions]).unwrap(),
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

// The log.

#[test]
fn the_trail_of_a_proposal_leads_from_its_opening_to_its_entry() {
    let scene = Scene::played();
    let set = &scene.stage.set;
    let proposal = ProposalId::from_bytes([1; 32]);
    let trail: Vec<_> = scene.log.of_proposal(set, &proposal).collect();
    assert!(matches!(trail[0].line.event, AuditEvent::Opened { .. }));
    assert!(matches!(trail[1].line.event, AuditEvent::Closed { .. }));
    let AuditEvent::Paid { entry, ready, .. } = trail[3].line.event else {
        panic!("a payment");
    };
    assert_eq!(trail.len(), 4);
    assert!(scene.record(&entry).refs().contains(&ready));
    assert_eq!(scene.log.payment(set, &proposal, 1), Some(trail[3]));
    assert_eq!(scene.log.payment(set, &proposal, 2), None);
}

#[test]
fn a_line_is_caused_by_the_authority_record_that_it_follows_from() {
    let scene = Scene::played();
    let set = &scene.stage.set;
    for logged in scene.log.lines(set) {
        let content = set.record(logged.slot).content().unwrap();
        assert_eq!(content.cause(), logged.line.event.cause());
    }
    let cause = Some(RecordId::from_bytes([8; 32]));
    let draft = scene
        .log
        .draft(set, authored(1), cause, Timestamp::default());
    assert_eq!(draft.unwrap().content().cause(), cause);
}

#[test]
fn lines_come_in_the_order_of_the_chain_whatever_the_order_of_arrival() {
    let scene = Scene::played();
    let expected: Vec<_> = scene
        .log
        .lines(&scene.stage.set)
        .map(|logged| logged.id)
        .collect();
    assert_eq!(expected.len(), 8);
    let mut records = scene.stage.records.clone();
    records.reverse();
    let set = scene.stage.replay(&records);
    let mut log = AuditLog::new(scene.stage.domain(), scene.node);
    set.slots().for_each(|slot| drop(log.update(&set, slot)));
    let lines: Vec<_> = log.lines(&set).map(|logged| logged.id).collect();
    assert_eq!(lines, expected);
    assert_eq!(log.head(&set), scene.stage.tip(&scene.audit));
}

#[test]
fn a_clock_that_went_back_is_taken_to_stand() {
    let mut scene = Scene::new();
    scene.forced(authored(1), 50);
    let at = Timestamp::from_millis(20);
    let draft = scene
        .log
        .draft(&scene.stage.set, authored(2), None, at)
        .unwrap();
    assert_eq!(draft.header().at(), Timestamp::from_millis(50));
    let line: AuditLine = draft.content().read().unwrap();
    assert_eq!(line.recorded_at, Timestamp::from_millis(50));
}

#[test]
fn no_line_is_drafted_where_none_can_stand() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    let draft = |scene: &Scene, event| {
        let refused = scene
            .log
            .draft(&scene.stage.set, event, None, Timestamp::default());
        let refused = refused.unwrap_err();
        (refused, refused.code(), refused.fault())
    };
    scene.stage.submit(scene.stage.draft_after(
        &scene.audit,
        None,
        AUDIT_LINE,
        content(authored(1), 0),
    ));
    let waiting = (NotRecorded::Waiting, "audit.waiting", Fault::Caller);
    assert_eq!(draft(&scene, authored(2)), waiting);
    let entry = scene.pay(&decided, 0);
    scene.line(paid(&decided, 0, entry));
    let (refused, code, _) = draft(&scene, paid(&decided, 0, RecordId::from_bytes([6; 32])));
    assert_eq!(code, "audit.twice");
    assert_eq!(
        refused,
        NotRecorded::Invalid(Breach::Rule(AuditRule::Twice))
    );
    let audit = scene.audit;
    scene.stage.seal(&audit, Finality::Final);
    scene.tell();
    let place = (NotRecorded::Place, "audit.place", Fault::Rule);
    assert_eq!(draft(&scene, authored(3)), place);
}

fn content(event: AuditEvent, at: u64) -> Content {
    let recorded_at = Timestamp::from_millis(at);
    Content::new(Vec::new(), None, &AuditLine { event, recorded_at }).unwrap()
}

// The rules.

#[test]
fn time_does_not_go_back_on_an_audit_chain() {
    let mut scene = Scene::new();
    let first = scene.forced(authored(1), 5);
    let same = scene.forced(authored(2), 5);
    let back = scene.forced(authored(3), 4);
    assert!(scene.verdict(&first).is_valid() && scene.verdict(&same).is_valid());
    assert_eq!(scene.broken(&back), "audit.time");
}

#[test]
fn an_action_is_paid_once() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 2);
    let entry = RecordId::from_bytes([5; 32]);
    for action in [0, 1] {
        let line = scene.forced(paid(&decided, action, entry), 0);
        assert!(scene.verdict(&line).is_valid());
    }
    let twice = scene.forced(paid(&decided, 0, RecordId::from_bytes([6; 32])), 0);
    assert_eq!(scene.broken(&twice), "audit.twice");
}

#[test]
fn nobody_but_the_node_writes_its_log() {
    let mut scene = Scene::new();
    let topic = icn_events::audit::audit_topic(scene.stage.domain(), scene.node);
    let key = scene.stage.draw_key();
    let chain = scene.stage.open(topic.chain(Owner::Shared(0)), key, None);
    let line = AuditLine {
        event: authored(1),
        recorded_at: Timestamp::default(),
    };
    let id = scene.stage.write(&chain, AUDIT_LINE, &[], &line);
    scene.tell();
    assert_eq!(scene.broken(&id), "audit.owner");
    assert_eq!(scene.log.lines(&scene.stage.set).count(), 0);
}

#[test]
fn an_audit_chain_holds_nothing_but_audit_lines() {
    let mut scene = Scene::new();
    let audit = scene.audit;
    let other = scene.stage.write(&audit, PAYMENT, &[], &1_u64);
    scene.tell();
    assert_eq!(scene.broken(&other), "invalid.kind");
    let mut scene = Scene::new();
    let unread = scene.stage.write(&audit, AUDIT_LINE, &[], &1_u64);
    scene.tell();
    assert_eq!(scene.broken(&unread), "invalid.body");
}

// The bytes.

#[test]
fn the_bytes_of_events_do_not_change() {
    let (proposal, id) = (
        ProposalId::from_bytes([1; 32]),
        RecordId::from_bytes([2; 32]),
    );
    let (p, r) = (
        format!("5820{}", "01".repeat(32)),
        format!("5820{}", "02".repeat(32)),
    );
    let high = RecordId::from_bytes([3; 32]);
    let h = format!("5820{}", "03".repeat(32));
    let outcome = Outcome::Rejected;
    let cases = [
        (
            AuditEvent::Opened {
                proposal,
                opening: id,
            },
            format!("8300{p}{r}"),
        ),
        (
            AuditEvent::Closed {
                proposal,
                close: id,
                outcome,
            },
            format!("8401{p}{r}01"),
        ),
        (
            AuditEvent::Paid {
                proposal,
                action: 7,
                ready: id,
                entry: high,
            },
            format!("8502{p}07{r}{h}"),
        ),
        (AuditEvent::Authored { record: id }, format!("8203{r}")),
        (
            AuditEvent::Evidence { low: id, high },
            format!("8304{r}{h}"),
        ),
    ];
    for (event, expected) in cases {
        let recorded_at = Timestamp::from_millis(9);
        let bytes = canon::to_bytes(&AuditLine { event, recorded_at });
        let tag: String = Hex(b"icn/events/audit-line/v1").to_string();
        assert_eq!(Hex(&bytes).to_string(), format!("837818{tag}{expected}09"));
        assert_eq!(
            canon::from_bytes(&bytes),
            Ok(AuditLine { event, recorded_at })
        );
    }
}

#[test]
fn evidence_names_the_lower_id_first() {
    let (low, high) = (RecordId::from_bytes([2; 32]), RecordId::from_bytes([3; 32]));
    for (low, high) in [(high, low), (low, low)] {
        let bytes = canon::to_bytes(&AuditEvent::Evidence { low, high });
        let error = canon::from_bytes::<AuditEvent>(&bytes).unwrap_err();
        assert_eq!(error.reason().code(), "audit.evidence.order");
    }
    let error = canon::from_bytes::<AuditEvent>(&[0x81, 0x05]).unwrap_err();
    assert_eq!(error.reason().code(), "audit.event");
}

// The file.

#[test]
fn an_honest_file_proves_every_payment() {
    let scene = Scene::played();
    let report = verify(&scene.export(), None).unwrap();
    assert_eq!(
        (report.domain, report.node),
        (scene.stage.domain(), scene.node)
    );
    assert_eq!(
        (report.lines, report.head),
        (8, scene.stage.tip(&scene.audit))
    );
    let payments: Vec<_> = report
        .payments
        .iter()
        .map(|payment| (payment.proposal.as_bytes()[0], payment.action))
        .collect();
    assert_eq!(payments, [(1, 0), (2, 0), (1, 1)]);
    let entry = scene.record(&report.payments[0].entry);
    assert_eq!((entry.chain(), entry.seq()), (scene.treasury, 0));
}

#[test]
fn an_empty_log_verifies() {
    let report = verify(&Scene::new().export(), None).unwrap();
    assert_eq!((report.lines, report.head), (0, None));
}

#[test]
fn comments_change_no_report() {
    let text = Scene::played().export();
    let mut lines = lines(&text);
    lines.insert(5, "# for the auditor".to_owned());
    assert_eq!(verify(&summed(&lines), None), verify(&text, None));
}

#[test]
fn different_logs_have_different_digests() {
    let mut scene = Scene::played();
    let digest = |scene: &Scene| verify(&scene.export(), None).unwrap().digest;
    let mut digests = BTreeSet::from([digest(&scene)]);
    scene.line(authored(1));
    assert!(digests.insert(digest(&scene)));
    scene.decide(3, 1);
    assert!(digests.insert(digest(&scene)));
}

#[test]
fn an_old_head_lies_on_a_longer_log() {
    let mut scene = Scene::played();
    let known = scene.stage.tip(&scene.audit);
    scene.line(authored(1));
    let text = scene.export();
    assert!(verify(&text, known).is_ok());
    assert!(verify(&text, scene.stage.tip(&scene.audit)).is_ok());
    let forged = known.map(|tip| Tip {
        head: RecordId::from_bytes([1; 32]),
        ..tip
    });
    assert_eq!(refused_with(&text, forged).1, AuditReason::Head);
}

#[test]
fn a_cut_off_end_is_found_by_whoever_knows_the_head() {
    let scene = Scene::played();
    let mut lines = lines(&scene.export());
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    lines.remove(last);
    let text = summed(&lines);
    assert_eq!(verify(&text, None).unwrap().lines, 7);
    let known = scene.stage.tip(&scene.audit);
    assert_eq!(
        refused_with(&text, known),
        (lines.len() + 1, AuditReason::Head)
    );
}

#[test]
fn a_cut_off_end_is_found_by_a_seal() {
    let mut scene = Scene::played();
    let audit = scene.audit;
    scene.stage.seal(&audit, Finality::Open);
    let mut lines = lines(&scene.export());
    assert!(verify(&summed(&lines), None).is_ok());
    let seal = lines
        .iter()
        .rposition(|line| line.starts_with("record "))
        .unwrap();
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    lines.remove(last);
    assert_eq!(refused(&summed(&lines)), (seal + 1, AuditReason::Sealed));
}

#[test]
fn a_new_epoch_goes_on_with_the_log() {
    let mut scene = Scene::played();
    let (audit, tip) = (scene.audit, scene.stage.tip(&scene.audit));
    scene.stage.reopen(&audit, tip, 0);
    scene.line(authored(1));
    assert_eq!(verify(&scene.export(), tip).unwrap().lines, 9);
}

#[test]
fn a_line_beyond_a_final_seal_is_refused() {
    let mut scene = Scene::played();
    let (audit, before) = (scene.audit, scene.stage.tip(&scene.audit));
    let late = scene.line(authored(1));
    let late = format!("line {}", scene.hex(&late));
    scene.stage.seal_at(&audit, before, Finality::Final);
    scene.tell();
    let mut lines = lines(&scene.export());
    let after = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap()
        + 1;
    assert!(!lines.contains(&late));
    lines.insert(after, late);
    assert_eq!(refused(&summed(&lines)), (after + 1, AuditReason::Beside));
}

#[test]
fn a_dropped_line_is_found() {
    let text = Scene::played().export();
    let all = lines(&text);
    let last = all
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    for dropped in (0..all.len()).filter(|at| *at != last) {
        let mut lines = all.clone();
        lines.remove(dropped);
        refused(&summed(&lines));
    }
    let (line, reason) = edited(|lines| {
        let at = first(lines, "line");
        lines.remove(at + 2);
    });
    assert_eq!(
        (line, reason),
        (first(&all, "line") + 3, AuditReason::Follow)
    );
}

#[test]
fn swapped_and_repeated_lines_are_found() {
    let all = lines(&Scene::played().export());
    for at in 0..all.len() {
        let mut swapped = all.clone();
        if at + 1 < all.len() {
            swapped.swap(at, at + 1);
            let (line, _) = refused(&summed(&swapped));
            assert!(line > 0);
        }
        let mut repeated = all.clone();
        repeated.insert(at, all[at].clone());
        let (line, _) = refused(&summed(&repeated));
        assert!(line >= at.min(2) + 1);
    }
    let (line, reason) = edited(|lines| {
        let at = first(lines, "line");
        lines.insert(at, lines[at].clone());
    });
    assert_eq!(
        (line, reason),
        (first(&all, "line") + 2, AuditReason::Follow)
    );
    let (line, reason) = edited(|lines| {
        let at = first(lines, "record");
        lines.insert(at, lines[at].clone());
    });
    assert_eq!(
        (line, reason),
        (first(&all, "record") + 2, AuditReason::RecordTwice)
    );
}

#[test]
fn the_form_of_the_file_is_checked() {
    let form = |bad| AuditReason::Form(bad);
    assert_eq!(refused("icn genesis 1\n").1, form(BadForm::Header));
    assert_eq!(
        edited(|lines| lines.push("member 00".to_owned())).1,
        form(BadForm::Word)
    );
    assert_eq!(
        edited(|lines| lines.push("entry 0".to_owned())).1,
        form(BadForm::Hex)
    );
    let text = Scene::played().export();
    let changed = text.replacen("sum ", "#\nsum ", 1);
    assert_eq!(refused(&changed).1, form(BadForm::Sum));
}

#[test]
fn domain_and_node_come_first() {
    let (line, reason) = edited(|lines| drop(lines.remove(1)));
    assert_eq!((line, reason), (2, AuditReason::Domain));
    let (line, reason) = edited(|lines| drop(lines.remove(2)));
    assert_eq!((line, reason), (3, AuditReason::Node));
    let (line, reason) = edited(|lines| lines[2].push('z'));
    assert_eq!(line, 3);
    assert!(matches!(reason, AuditReason::NodeKey(_)));
}

#[test]
fn the_log_of_another_domain_or_node_is_refused() {
    let (line, reason) = edited(|lines| lines[1] = format!("domain {}", "00".repeat(32)));
    assert_eq!((line, reason), (4, AuditReason::Refused(Refusal::Domain)));
    let other = PeerId::new(Scene::new().stage.draw_key().public_key());
    let (_, reason) = edited(|lines| lines[2] = format!("node {other}"));
    assert_eq!(reason, AuditReason::Elsewhere);
}

#[test]
fn a_file_without_a_charter_is_refused() {
    let (line, reason) = edited(|lines| lines.truncate(3));
    assert_eq!((line, reason), (4, AuditReason::Charter));
}

#[test]
fn authority_lines_and_entries_keep_their_order() {
    let (line, reason) = edited(|lines| {
        let record = lines[first(lines, "record")].clone();
        lines.push(record);
    });
    assert_eq!(reason, AuditReason::Order);
    assert_eq!(line, lines(&Scene::played().export()).len() + 1);
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let (_, reason) = edited(|lines| lines.push("entry 1801".to_owned()));
    assert!(matches!(reason, AuditReason::Bytes(_)));
    let scene = Scene::played();
    let record = scene.record(&scene.stage.tip(&scene.audit).unwrap().head);
    let bare = Record::bare(record.header().clone(), *record.signature());
    let line = format!("entry {}", Hex(&bare.claim().to_bytes()));
    assert_eq!(edited(|lines| lines.push(line)).1, AuditReason::Bare);
}

#[test]
fn each_word_is_for_its_own_chain() {
    let (_, reason) = edited(|lines| {
        let (line, entry) = (first(lines, "line"), first(lines, "entry"));
        lines[line] = lines[entry].replacen("entry", "record", 1);
    });
    assert_eq!(reason, AuditReason::Elsewhere);
    let (_, reason) = edited(|lines| {
        let (line, entry) = (first(lines, "line"), first(lines, "entry"));
        lines[line] = lines[entry].replacen("entry", "line", 1);
    });
    assert_eq!(reason, AuditReason::Elsewhere);
}

#[test]
fn an_authority_record_must_be_valid() {
    let unknown = RecordId::from_bytes([9; 32]);
    let empty = Act::Roll(RollChange {
        join: List::empty(),
        leave: List::empty(),
    });
    for (refs, expected) in [(&[][..], "roll.member"), (&[unknown], "audit.file.waiting")] {
        let mut scene = Scene::new();
        let id = scene.stage.act(&empty, refs);
        let mut lines = lines(&scene.export());
        lines.push(format!("record {}", scene.hex(&id)));
        let (line, reason) = refused(&summed(&lines));
        assert_eq!((line, reason.code()), (lines.len(), expected));
    }
}

#[test]
fn an_audit_line_must_be_valid() {
    let mut scene = Scene::new();
    scene.forced(authored(1), 5);
    scene.forced(authored(2), 4);
    let (_, reason) = refused(&scene.export());
    let back = Breach::Rule(AuditRule::Time);
    assert_eq!(
        (reason, reason.code()),
        (AuditReason::InvalidLine(back), "audit.time")
    );
    let mut scene = Scene::new();
    let (audit, unknown) = (scene.audit, RecordId::from_bytes([9; 32]));
    scene.stage.write(&audit, AUDIT_LINE, &[unknown], &0_u64);
    assert_eq!(refused(&scene.export()).1, AuditReason::Waiting);
}

#[test]
fn a_line_names_decisions_that_the_authority_chain_holds() {
    let nothing = RecordId::from_bytes([9; 32]);
    let reason = told(|_, decided| AuditEvent::Opened {
        proposal: decided.proposal,
        opening: decided.close,
    });
    assert_eq!(reason, AuditReason::Opening);
    let reason = told(|_, decided| AuditEvent::Closed {
        proposal: decided.proposal,
        close: decided.close,
        outcome: Outcome::Rejected,
    });
    assert_eq!(reason, AuditReason::Close);
    for ready in [0, 1] {
        let reason = told(|_, decided| AuditEvent::Paid {
            proposal: decided.proposal,
            action: 0,
            ready: [nothing, decided.close][ready],
            entry: nothing,
        });
        assert_eq!(reason, AuditReason::Ready);
    }
}

#[test]
fn a_line_names_the_proposal_of_its_decision() {
    let other = ProposalId::from_bytes([7; 32]);
    let events: [fn(ProposalId, Decided) -> AuditEvent; 3] = [
        |proposal, decided| AuditEvent::Opened {
            proposal,
            opening: decided.opening,
        },
        |proposal, decided| AuditEvent::Closed {
            proposal,
            close: decided.close,
            outcome: Outcome::Accepted,
        },
        |proposal, decided| {
            paid(
                &Decided {
                    proposal,
                    ..decided
                },
                0,
                decided.close,
            )
        },
    ];
    for event in events {
        let reason = told(|_, decided| event(other, decided));
        assert_eq!(reason, AuditReason::Proposal);
    }
}

#[test]
fn a_line_pays_an_action_of_its_proposal() {
    let reason = told(|scene, decided| {
        let entry = scene.pay(&decided, 1);
        paid(&decided, 1, entry)
    });
    assert_eq!(reason, AuditReason::Action);
}

#[test]
fn an_entry_pays_one_action() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 2);
    let entry = scene.pay(&decided, 0);
    scene.line(paid(&decided, 0, entry));
    scene.line(paid(&decided, 1, entry));
    assert_eq!(refused(&scene.export()).1, AuditReason::EntryTwice);
}

#[test]
fn a_payment_without_its_entry_is_refused() {
    let reason = told(|_, decided| paid(&decided, 0, RecordId::from_bytes([9; 32])));
    assert_eq!(reason, AuditReason::EntryMissing);
    let all = lines(&Scene::played().export());
    let (line, reason) = edited(|lines| {
        let at = first(lines, "entry");
        lines.swap(at, at + 1);
    });
    assert_eq!(
        (line, reason),
        (first(&all, "line") + 5, AuditReason::EntryMissing)
    );
}

#[test]
fn an_entry_that_no_line_names_is_refused() {
    let mut scene = Scene::played();
    let decided = scene.decide(3, 1);
    let entry = scene.pay(&decided, 0);
    let mut lines = lines(&scene.export());
    lines.push(format!("entry {}", scene.hex(&entry)));
    assert_eq!(
        refused(&summed(&lines)),
        (lines.len(), AuditReason::EntryUnnamed)
    );
}

#[test]
fn an_entry_of_another_account_pays_nothing() {
    let reason = paid_by(|scene, decided| {
        let account = scene.account;
        scene
            .stage
            .write(&account, PAYMENT, &[decided.ready], &0_u64)
    });
    assert_eq!(reason, AuditReason::EntryPayer);
}

#[test]
fn an_entry_refs_the_ready_of_its_line() {
    let reason = paid_by(|scene, decided| {
        let treasury = scene.treasury;
        scene
            .stage
            .write(&treasury, PAYMENT, &[decided.close], &0_u64)
    });
    assert_eq!(reason, AuditReason::EntryReady);
}

#[test]
fn an_authority_record_is_no_entry() {
    let reason = paid_by(|_, decided| decided.close);
    assert_eq!(reason, AuditReason::EntryEpoch);
}

#[test]
fn a_forged_entry_is_refused() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    // What the treasury would have signed, under a signature of its own chain
    // that belongs to another record.
    let entry = scene.pay(&decided, 0);
    scene.line(paid(&decided, 0, entry));
    let other = scene.pay(&decided, 1);
    let forged = scene.hex(&entry).replace(
        &Hex(scene.record(&entry).signature().as_bytes()).to_string(),
        &Hex(scene.record(&other).signature().as_bytes()).to_string(),
    );
    let mut lines = lines(&scene.export());
    let at = first(&lines, "entry");
    lines[at] = format!("entry {forged}");
    assert_eq!(
        refused(&summed(&lines)),
        (at + 1, AuditReason::EntrySignature)
    );
}

/// One played file for the properties, which only read it.
fn played() -> &'static (String, Report) {
    static PLAYED: std::sync::OnceLock<(String, Report)> = std::sync::OnceLock::new();
    PLAYED.get_or_init(|| {
        let text = Scene::played().export();
        let report = verify(&text, None).unwrap();
        (text, report)
    })
}

proptest! {
    #[test]
    fn reading_never_panics_on_any_text(text in "(icn audit 1\n)?(\\PC|\n){0,200}") {
        prop_assert!(verify(&text, None).is_err());
    }

    /// With the old sum or one that a forger computed anew.
    #[test]
    fn a_changed_character_is_refused_and_its_line_named(
        line in any::<prop::sample::Index>(),
        at in any::<usize>(),
        sums_up in any::<bool>(),
    ) {
        let (text, _) = played();
        let mut lines = lines(text);
        let line = line.index(lines.len());
        lines[line] = flipped(&lines[line], at);
        let changed = if sums_up {
            summed(&lines)
        } else {
            format!("{}\n{}\n", lines.join("\n"), text.lines().last().unwrap())
        };
        let (named, _) = refused(&changed);
        // Another domain or node is found at its first record.
        if !lines[line].starts_with("domain ") && !lines[line].starts_with("node ") {
            prop_assert_eq!(named, line + 1);
        }
    }

    #[test]
    fn a_mangled_file_is_refused(
        cut in any::<prop::sample::Index>(),
        put in "\\PC{0,8}",
        len in 0_usize..40,
    ) {
        let (text, report) = played();
        let (from, to) = (cut.index(text.len()), (cut.index(text.len()) + len).min(text.len()));
        let mangled = format!("{}{put}{}", &text[..from], &text[to..]);
        match verify(&mangled, None) {
            Ok(same) => prop_assert!(same == *report && mangled.trim_end() == text.trim_end()),
            Err(error) => prop_assert!(mangled != *text && error.line > 0),
        }
    }
}
