//! What lines and entries claim is what the authority chain says.

use icn_types::record::{Draft, Place};

use super::*;

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
fn an_envelope_is_drawn_on_and_anything_else_is_paid() {
    let mut scene = Scene::new();
    let decided = scene.decide_envelope(1);
    let entries = [0, 0].map(|action| scene.pay(&decided, action));
    for entry in entries {
        scene.line(drawn(&decided, 0, entry));
    }
    let report = verify(&scene.export(), None).unwrap();
    let told: Vec<_> = report
        .payments
        .iter()
        .map(|payment| payment.entry)
        .collect();
    assert_eq!(told, entries);
    scene.line(drawn(&decided, 0, RecordId::from_bytes([9; 32])));
    assert_eq!(refused(&scene.export()).1, AuditReason::EntryMissing);

    let mut scene = Scene::new();
    let decided = scene.decide_envelope(1);
    let entry = scene.pay(&decided, 0);
    scene.line(paid(&decided, 0, entry));
    assert_eq!(refused(&scene.export()).1, AuditReason::Action);
    let reason = super::told(|scene, decided| {
        let entry = scene.pay(&decided, 0);
        drawn(&decided, 0, entry)
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
fn an_entry_lies_in_the_unit_of_the_action() {
    let mut scene = Scene::new();
    let other = UnitId::from_bytes([2; 32]);
    let (proposal, opening) = scene.opening_in(other, 1, 1);
    let decided = scene.accept(proposal, opening);
    let entry = scene.pay(&decided, 0);
    scene.line(paid(&decided, 0, entry));
    assert_eq!(refused(&scene.export()).1, AuditReason::EntryPayer);
}

#[test]
fn an_entry_lies_in_the_topic_and_on_the_chain_of_its_open() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    let (topic, chain) = (scene.stage.ledger(UNIT).id(), scene.treasury);
    let elsewhere = [
        (scene.stage.governance().id(), chain),
        (topic, scene.account),
    ];
    for (topic, chain) in elsewhere {
        let place = Place::Entry {
            topic,
            chain,
            epoch: scene.stage.open_of(&scene.treasury),
            seq: 0,
            prev: None,
        };
        let content = Content::new(vec![decided.ready], None, &0_u64).unwrap();
        let draft = Draft::new(place, PAYMENT, Timestamp::default(), content).unwrap();
        let entry = draft.sign(scene.stage.key(&scene.treasury)).unwrap();
        let mut scene = Scene::new();
        assert_eq!(scene.decide(1, 1).ready, decided.ready);
        scene.line(paid(&decided, 0, entry.id()));
        let mut lines = lines(&scene.export());
        lines.push(format!("entry {}", Hex(&entry.to_bytes())));
        assert_eq!(
            refused(&summed(&lines)),
            (lines.len(), AuditReason::EntryEpoch)
        );
    }
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
