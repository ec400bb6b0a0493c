//! A line about a fork is worth the proof that the file brings with it.

use icn_types::canon::to_bytes;
use icn_types::record::{Draft, Place};
use icn_types::set::{Equivocation, NoProof};
use icn_types::sign::Signed;

use super::*;

/// Two records after the same one, lower id first.
type Fork = (RecordId, RecordId);

impl Scene {
    /// Some chain's writer goes on twice from the same record.
    fn fork(&mut self, chain: ChainId) -> Fork {
        let tip = self.stage.tip(&chain);
        let both = [1_u64, 2].map(|body| {
            let stage = &mut self.stage;
            stage.write_after(&chain, tip, PAYMENT, &[], &body)
        });
        sorted(both)
    }

    /// Two forks, of which the log tells.
    fn forked() -> (Self, [Fork; 2]) {
        let mut scene = Self::new();
        let forks = [scene.treasury, scene.account].map(|chain| scene.fork(chain));
        for fork in forks {
            scene.line(evidence(fork));
        }
        (scene, forks)
    }

    fn proof(&self, (one, other): Fork) -> Equivocation {
        let set = &self.stage.set;
        let [one, other] = [one, other].map(|id| set.find(&id).unwrap());
        set.equivocation(one, other).unwrap()
    }
}

fn sorted(mut ids: [RecordId; 2]) -> Fork {
    ids.sort_unstable();
    ids.into()
}

const fn evidence((low, high): Fork) -> AuditEvent {
    AuditEvent::Evidence { low, high }
}

fn hex(proof: &Equivocation) -> String {
    format!("proof {}", Hex(&to_bytes(proof)))
}

/// The refusal of the file about two forks after an edit of its lines from the
/// first proof on; lines are counted from there.
fn changed(edit: impl FnOnce(&Scene, &mut Vec<String>)) -> (usize, AuditReason) {
    let (scene, _) = Scene::forked();
    let mut all = lines(&scene.export());
    let proofs = first(&all, "proof");
    let mut rest = all.split_off(proofs);
    edit(&scene, &mut rest);
    all.append(&mut rest);
    let (line, reason) = refused(&summed(&all));
    (line.abs_diff(proofs), reason)
}

#[test]
fn evidence_is_proved_by_two_headers_under_one_key() {
    let (scene, forks) = Scene::forked();
    let text = scene.export();
    let report = verify(&text, scene.stage.tip(&scene.audit)).unwrap();
    assert_eq!((report.lines, report.payments), (2, Vec::new()));
    let shown: Vec<String> = lines(&text)
        .into_iter()
        .filter(|line| line.starts_with("proof "))
        .collect();
    assert_eq!(shown, forks.map(|fork| hex(&scene.proof(fork))));
}

#[test]
fn a_fork_of_the_registrar_is_proved_under_the_charter_and_under_a_recall() {
    let mut scene = Scene::new();
    let charter = scene.stage.set.domain();
    let charter = RecordId::from_bytes(*charter.as_bytes());
    let honoured = scene.stage.open_of(&scene.audit);
    let join = |scene: &mut Scene, after, chain| {
        let row = scene.stage.seal_row(chain, None, Finality::Open);
        let rows = List::new([row]).unwrap();
        let seal = Act::Seal(icn_types::authority::Seal { rows });
        scene.stage.act_after(after, &seal, &[])
    };
    let (treasury, account) = (scene.treasury, scene.account);
    let of_charter = [&treasury, &account].map(|chain| join(&mut scene, honoured, chain));
    let recall = scene.stage.recall(honoured, &[]);
    let of_recall = [&treasury, &account].map(|chain| join(&mut scene, recall, chain));
    for (fork, epoch) in [(of_charter, charter), (of_recall, recall)] {
        assert_eq!(scene.record(&fork[0]).epoch(), Some(epoch));
        scene.line(evidence(sorted(fork)));
    }
    assert_eq!(verify(&scene.export(), None).unwrap().lines, 2);
}

#[test]
fn a_fork_that_is_not_proved_is_refused() {
    let missing = AuditReason::ProofMissing;
    assert_eq!(changed(|_, proofs| drop(proofs.remove(1))).1, missing);
    assert_eq!(changed(|_, proofs| drop(proofs.remove(0))).1, missing);
    assert_eq!(changed(|_, proofs| proofs.swap(0, 1)).1, missing);
    // Two records that are no fork have no proof.
    let mut scene = Scene::new();
    let both = [1_u64, 2].map(|body| {
        let account = scene.account;
        scene.stage.write(&account, PAYMENT, &[], &body)
    });
    scene.line(evidence(sorted(both)));
    let text = scene.export();
    let line = first(&lines(&text), "line") + 1;
    assert_eq!(refused(&text), (line, missing));
}

#[test]
fn a_proof_of_which_no_line_tells_is_refused() {
    let unnamed = AuditReason::ProofUnnamed;
    let again = changed(|_, proofs| proofs.insert(1, proofs[0].clone()));
    assert_eq!(again, (2, unnamed));
    let more = changed(|_, proofs| proofs.insert(2, proofs[0].clone()));
    assert_eq!(more, (3, unnamed));
}

#[test]
fn a_proof_comes_after_the_entries() {
    let early = changed(|scene, proofs| {
        let entry = scene.hex(&scene.stage.tip(&scene.audit).unwrap().head);
        proofs.insert(2, format!("entry {entry}"));
    });
    assert_eq!(early, (3, AuditReason::Order));
}

#[test]
fn a_proof_is_signed_twice_by_the_key_of_its_epoch() {
    let forged = changed(|scene, proofs| {
        let [one, other] = [&scene.treasury, &scene.account].map(|chain| {
            let (low, _) = scene.stage.set.fork(chain).unwrap();
            Hex(scene.stage.set.record(low).signature().as_bytes()).to_string()
        });
        proofs[0] = proofs[0].replace(&one, &other);
    });
    assert_eq!(forged, (1, AuditReason::Proof(NoProof::Signature)));
    assert_eq!(forged.1.code(), "proof.signature");
}

#[test]
fn a_proof_lies_under_an_epoch_in_the_file() {
    let mut other = Scene::new();
    let key = other.stage.draw_key();
    let topic = other.stage.ledger(UNIT);
    let chain = other.stage.open(topic.chain(Owner::Shared(7)), key, None);
    let fork = other.fork(chain);
    let unknown = changed(|_, proofs| proofs[0] = hex(&other.proof(fork)));
    assert_eq!(unknown, (1, AuditReason::ProofEpoch));
}

/// A key that writes two chains might sign such headers for one of them under
/// the epoch of the other; no set would take them.
#[test]
fn a_proof_lies_on_the_chain_of_its_epoch() {
    let elsewhere = changed(|scene, proofs| {
        let both = [1_u64, 2].map(|body| {
            let place = Place::Entry {
                topic: scene.stage.ledger(UNIT).id(),
                chain: scene.account,
                epoch: scene.stage.open_of(&scene.treasury),
                seq: 0,
                prev: None,
            };
            let content = Content::new(Vec::new(), None, &body).unwrap();
            let draft = Draft::new(place, PAYMENT, Timestamp::default(), content).unwrap();
            draft.sign(scene.stage.key(&scene.treasury)).unwrap()
        });
        let [one, other]: [Signed<Record>; 2] = both;
        proofs[0] = hex(&Equivocation::between(&one, &other).unwrap());
    });
    assert_eq!(elsewhere, (1, AuditReason::ProofEpoch));
}

#[test]
fn a_proof_can_be_read() {
    let garbled = changed(|_, proofs| {
        let half = proofs[0].len() / 2;
        proofs[0].truncate(half - half % 2);
    });
    assert!(matches!(garbled, (1, AuditReason::Bytes(_))), "{garbled:?}");
}

#[test]
fn a_fork_is_told_of_once() {
    let mut scene = Scene::new();
    let fork = scene.fork(scene.account);
    assert!(!scene.log.is_recorded(&scene.stage.set, &evidence(fork)));
    scene.line(evidence(fork));
    let third = RecordId::from_bytes([0; 32]);
    for id in [fork.0, fork.1] {
        let event = evidence(sorted([third, id]));
        assert!(scene.log.is_recorded(&scene.stage.set, &event));
        let at = Timestamp::default();
        let refused = scene.log.draft(&scene.stage.set, event, None, at);
        assert_eq!(refused.unwrap_err().code(), "audit.twice");
    }
    let twice = scene.forced(evidence(fork), u64::MAX);
    assert_eq!(scene.broken(&twice), "audit.twice");
}

#[test]
fn drafts_that_follow_each_other_know_of_those_before() {
    let (one, other) = (fork_of(1, 2), fork_of(3, 4));
    let scene = Scene::new();
    let at = Timestamp::from_millis(9);
    let draft = |events: &[AuditEvent]| scene.log.draft_all(&scene.stage.set, events, at);
    let drafts = draft(&[evidence(one), evidence(other), authored(1)]).unwrap();
    assert_eq!(drafts[1].header().prev(), Some(drafts[0].header().id()));
    assert_eq!(drafts[2].header().seq(), 2);
    assert!(draft(&[]).unwrap().is_empty());
    for twice in [[one, one], [one, fork_of(2, 5)]] {
        let error = draft(&twice.map(evidence)).unwrap_err();
        assert_eq!(error.code(), "audit.twice");
    }
}

const fn fork_of(low: u8, high: u8) -> Fork {
    (
        RecordId::from_bytes([low; 32]),
        RecordId::from_bytes([high; 32]),
    )
}
