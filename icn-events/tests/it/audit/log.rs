//! Drafts of lines and the way back from a decision to its entry.

use super::*;

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
