//! Forks: positions that one key used twice, of which the audit log is to tell.
//!
//! A position counts where its records follow the same one. What stands above
//! them on either branch proves nothing more.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::id::RecordId;
use icn_types::set::{RecordSet, Slot};

use crate::audit::{AuditEvent, AuditLog};

/// Each position by the first of its records that was stored.
#[derive(Debug, Default)]
pub(super) struct Forks {
    known: BTreeSet<Slot>,
    /// Those of which the log does not tell yet.
    untold: BTreeSet<Slot>,
    /// The last line of the log that was looked at.
    seen: Option<Slot>,
}

impl Forks {
    /// The forks of a set. Looks only at records that
    /// [have siblings](RecordSet::all_siblings).
    pub(super) fn of(set: &RecordSet) -> Self {
        let mut forks = Self::default();
        for siblings in set.all_siblings() {
            let mut epochs: BTreeMap<RecordId, Vec<Slot>> = BTreeMap::new();
            for &slot in siblings {
                if let Some(epoch) = set.record(slot).epoch() {
                    epochs.entry(epoch).or_default().push(slot);
                }
            }
            let twins = epochs.into_values().filter(|slots| slots.len() > 1);
            forks
                .known
                .extend(twins.filter_map(|slots| slots.into_iter().min()));
        }
        forks.untold.clone_from(&forks.known);
        forks
    }

    /// Takes note of a record that was stored.
    pub(super) fn note(&mut self, set: &RecordSet, slot: Slot) {
        if let Some(first) = twins(set, slot).min() {
            let first = first.min(slot);
            self.known.insert(first);
            self.untold.insert(first);
        }
    }

    /// Drops what the log tells of, and takes all up again where a line that
    /// told left its spine.
    pub(super) fn strike(&mut self, set: &RecordSet, log: &AuditLog) {
        if self.seen.is_some_and(|line| !set.on_spine(line)) {
            self.untold.clone_from(&self.known);
        }
        self.seen = set.spine(&log.chain_id()).last().copied();
        self.untold.retain(|&first| !is_told(set, log, first));
    }

    /// What the log is to tell, oldest first: the two lowest ids of each
    /// position. Where nobody could check the key it tells nothing.
    pub(super) fn due(&self, set: &RecordSet, log: &AuditLog) -> impl Iterator<Item = AuditEvent> {
        let untold = self.untold.iter().copied();
        untold
            .filter(|&first| is_opened(set, first) && !is_told(set, log, first))
            .filter_map(|first| {
                let mut ids: Vec<RecordId> = position(set, first).collect();
                ids.sort_unstable();
                let [low, high, ..] = ids[..] else {
                    return None;
                };
                Some(AuditEvent::Evidence { low, high })
            })
    }
}

/// The other records at the position of this one, in the same epoch.
fn twins(set: &RecordSet, slot: Slot) -> impl Iterator<Item = Slot> {
    let epoch = set.record(slot).epoch();
    let others = set.siblings(slot);
    others.filter(move |&other| epoch.is_some() && set.record(other).epoch() == epoch)
}

fn position(set: &RecordSet, first: Slot) -> impl Iterator<Item = RecordId> {
    let all = std::iter::once(first).chain(twins(set, first));
    all.map(|slot| set.id(slot))
}

fn is_told(set: &RecordSet, log: &AuditLog, first: Slot) -> bool {
    position(set, first).any(|id| log.is_evidence(set, &id))
}

/// Whether the record that states the key is Valid.
fn is_opened(set: &RecordSet, slot: Slot) -> bool {
    let epoch = set.record(slot).epoch();
    let opened = epoch.and_then(|epoch| set.find(&epoch));
    opened.is_some_and(|opened| set.verdict(opened).is_valid())
}

#[cfg(test)]
mod tests {
    use icn_types::authority::{Consent, Start};
    use icn_types::chain::Owner;
    use icn_types::id::{ChainId, UnitId};
    use icn_types::key::{PeerId, Signature, Signer as _};
    use icn_types::record::Kind;
    use icn_types::testkit::stage::Stage;
    use icn_types::time::Timestamp;

    use crate::audit::audit_chain;

    use super::*;

    const NOTE: Kind = Kind::new(67);

    struct Scene {
        stage: Stage,
        log: AuditLog,
        forks: Forks,
        told: usize,
    }

    impl Scene {
        fn new() -> Self {
            let mut stage = Stage::new(1, 4);
            let node = PeerId::new(stage.draw_key().public_key());
            let key = stage.draw_key();
            stage.open(audit_chain(stage.domain(), node), key, None);
            Self {
                log: AuditLog::new(stage.domain(), node),
                stage,
                forks: Forks::default(),
                told: 0,
            }
        }

        /// What is due once everything that was written is known, both to who
        /// followed it and to who opens on it now.
        fn due(&mut self) -> Vec<AuditEvent> {
            let set = &self.stage.set;
            for record in &self.stage.records[self.told..] {
                let slot = set.find(&record.id()).unwrap();
                self.log.update(set, slot);
                self.forks.note(set, slot);
            }
            self.told = self.stage.records.len();
            self.forks.strike(set, &self.log);
            let due: Vec<AuditEvent> = self.forks.due(set, &self.log).collect();
            let afresh = Forks::of(set);
            assert_eq!(afresh.due(set, &self.log).collect::<Vec<_>>(), due);
            due
        }

        fn fork(&mut self, chain: &ChainId) -> AuditEvent {
            let tip = self.stage.tip(chain);
            let mut ids = [1_u64, 2].map(|body| {
                let stage = &mut self.stage;
                stage.write_after(chain, tip, NOTE, &[], &body)
            });
            ids.sort_unstable();
            let [low, high] = ids;
            AuditEvent::Evidence { low, high }
        }

        fn line(&mut self, event: AuditEvent) {
            self.due();
            let at = Timestamp::default();
            let draft = self.log.draft(&self.stage.set, event, None, at).unwrap();
            self.stage.submit(draft);
        }
    }

    #[test]
    fn fork_is_due_until_a_line_tells_of_it_and_again_once_that_line_does_not_stand() {
        let mut scene = Scene::new();
        let topic = scene.stage.ledger(UnitId::from_bytes([1; 32]));
        let accounts = [0, 1].map(|member| scene.stage.open_member(member, &topic, None));
        assert_eq!(scene.due(), []);
        let first = scene.fork(&accounts[0]);
        assert_eq!(scene.due(), [first]);
        scene.line(AuditEvent::Authored {
            record: RecordId::from_bytes([1; 32]),
        });
        let log = scene.log.chain_id();
        let before = scene.stage.tip(&log);
        scene.line(first);
        assert_eq!(scene.due(), []);
        let second = scene.fork(&accounts[1]);
        assert_eq!(scene.due(), [second]);
        // The log itself is cut back to before its line.
        scene.stage.reopen(&log, before, 0);
        assert_eq!(scene.due(), [first, second]);
        scene.line(second);
        assert_eq!(scene.due(), [first]);
    }

    /// Nobody could check the key that an Invalid Open states.
    #[test]
    fn fork_under_an_open_that_is_not_valid_is_not_told_of() {
        let mut scene = Scene::new();
        let (key, forged) = (scene.stage.draw_key(), Signature::from_bytes([7; 64]));
        let chain = scene
            .stage
            .ledger(UnitId::from_bytes([1; 32]))
            .chain(Owner::Shared(0));
        let mut open = scene
            .stage
            .open_body(chain, &key, Start::First, 0, None, &key);
        open.consent = Consent::Current(forged);
        let open = scene.stage.open_as(open, &key, &[]);
        let slot = scene.stage.set.find(&open).unwrap();
        assert!(!scene.stage.set.verdict(slot).is_valid());
        let fork = scene.fork(&chain.id());
        let AuditEvent::Evidence { low, high } = fork else {
            panic!("a fork is evidence");
        };
        let set = &scene.stage.set;
        let [low, high] = [low, high].map(|id| set.find(&id).unwrap());
        assert!(set.equivocation(low, high).is_ok());
        assert_eq!(scene.due(), []);
    }
}
