//! Which lines are Valid.

use super::*;

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
fn an_entry_draws_on_an_envelope_once_and_others_draw_on_the_same() {
    let mut scene = Scene::new();
    let decided = scene.decide_envelope(1);
    let entries = [5, 6].map(|number| RecordId::from_bytes([number; 32]));
    for entry in entries {
        let event = drawn(&decided, 0, entry);
        assert!(!scene.log.is_recorded(&scene.stage.set, &event));
        let line = scene.forced(event, 0);
        assert!(scene.verdict(&line).is_valid());
        assert!(scene.log.is_recorded(&scene.stage.set, &event));
    }
    let twice = scene.forced(drawn(&decided, 0, entries[0]), 0);
    assert_eq!(scene.broken(&twice), "audit.twice");
}

#[test]
fn log_knows_of_what_it_told() {
    let mut scene = Scene::new();
    let decided = scene.decide(1, 1);
    let entry = RecordId::from_bytes([5; 32]);
    let Decided {
        proposal,
        opening,
        close,
        ..
    } = decided;
    let outcome = Outcome::Accepted;
    let events = [
        AuditEvent::Opened { proposal, opening },
        AuditEvent::Closed {
            proposal,
            close,
            outcome,
        },
        paid(&decided, 0, entry),
    ];
    for (at, event) in events.iter().enumerate() {
        let told = |event| scene.log.is_recorded(&scene.stage.set, event);
        assert!(!events[at..].iter().any(told));
        scene.line(*event);
        assert!(scene.log.is_recorded(&scene.stage.set, event));
    }
    scene.line(authored(1));
    assert!(!scene.log.is_recorded(&scene.stage.set, &authored(1)));
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
