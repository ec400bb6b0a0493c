//! In some worlds the registrar forks its chain: a Recall, and what the
//! successor adopts.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::authority::{
    Act, Close, Consent, Open, Ready, Recall, Release, Vote, VoteTerms, Voter,
};
use icn_types::canon::{List, to_bytes};
use icn_types::id::RecordId;
use icn_types::key::{Inception, Keypair, Signer as _};
use icn_types::record::{Content, Draft, Place};
use icn_types::set::{Seat, Slot};
use icn_types::topic::Topic;

use super::replica::Replica;
use super::world::{Bug, World, public};

impl World {
    /// The registrar writes its last acts once more beside themselves, and
    /// shows the two branches to different replicas.
    pub(super) fn fork_office(&mut self) {
        let set = &self.replicas[0].set;
        let tip = set.find(&self.authority_tip).unwrap();
        let mut path: Vec<RecordId> = set.back(tip).map(|slot| set.record(slot).id()).collect();
        path.reverse();
        let half = path.len() / 2;
        let room = path.len() - half - 1;
        let cut = half + self.chance.index(room).min(self.chance.index(room));
        let (honoured, dropped) = path.split_at(cut + 1);
        let (honoured, dropped) = (honoured.to_vec(), dropped.to_vec());
        if cut < self.members.len() + 1 {
            return;
        }
        self.forked_at = Some(self.record(&dropped[0]).seq());
        let mut twins: BTreeMap<RecordId, RecordId> = BTreeMap::new();
        let mut side: Vec<RecordId> = Vec::new();
        for id in dropped {
            if !side.is_empty() && !self.chance.percent(60) {
                continue;
            }
            let twin = |id: &RecordId| twins.get(id).copied().unwrap_or(*id);
            let act = match self.acts[&id].clone() {
                Act::Close(close) => Act::Close(Close {
                    opening: twin(&close.opening),
                    ..close
                }),
                Act::Ready(ready) => Act::Ready(Ready {
                    close: twin(&ready.close),
                }),
                Act::Release(release) => Act::Release(Release {
                    ready: twin(&release.ready),
                    ..release
                }),
                Act::Open(open) => Act::Open(Open {
                    consent: match open.consent {
                        Consent::Decision { ready, action } => Consent::Decision {
                            ready: twin(&ready),
                            action,
                        },
                        by => by,
                    },
                    ..open
                }),
                act => act,
            };
            let refs = self.record(&id).refs().iter().map(twin).collect();
            let prev = side.last().copied().unwrap_or(honoured[cut]);
            let other = self.sign_act(&act, refs, prev, 1);
            if let Some(key) = self.keys.get(&id).cloned() {
                self.keys.insert(other, key);
            }
            if let Some(ready) = self.received.get(&id) {
                self.received.insert(other, twin(ready));
            }
            twins.insert(id, other);
            side.push(other);
        }
        if self.chance.percent(60) {
            self.deaf = Some(self.chance.index(self.replicas.len() - 1) + 1);
        }
        for node in 0..self.replicas.len() {
            if self.deaf != Some(node) && self.chance.percent(60) {
                for id in honoured.iter().chain(&side) {
                    self.put(node, id, true);
                }
            }
        }
        self.fact("registrar forks");
    }

    /// More than two thirds replace the registrar. The successor collects
    /// first: it adopts every Open that it holds records of.
    pub(super) fn recall(&mut self) {
        for node in 1..self.replicas.len() {
            self.sync(node, 0, 100);
        }
        let replica = &self.replicas[0];
        let set = &replica.set;
        if set.fork(&set.authority()).is_none() {
            return;
        }
        let mut honoured = *set.spine(&set.authority()).last().unwrap();
        let own = set.find(&self.authority_tip).unwrap();
        if self.chance.percent(30) {
            honoured = own;
        }
        let inside: BTreeSet<Slot> = set.back(honoured).collect();
        let opens = set
            .slots()
            .filter(|slot| !inside.contains(slot) && replica.is_valid(*slot));
        let is_open = |id: &RecordId| matches!(self.acts.get(id), Some(Act::Open(_)));
        let mut adopted: Vec<RecordId> = opens
            .map(|slot| set.record(slot).id())
            .filter(|id| is_open(id) && self.is_used(replica, id))
            .collect();
        if self.has(Bug::NoAdoption) {
            adopted.clear();
        }
        let honoured = set.record(honoured).id();
        let successor = self.chance.key();
        let draft = self.draft_recall(honoured, &adopted, &successor);
        let id = self.write(draft, &successor);
        assert!(self.put(0, &id, true), "a recall is well-formed");
        let replica = &self.replicas[0];
        let verdict = replica.verdict(replica.set.find(&id).unwrap());
        assert_eq!(verdict, "valid", "seed {}", self.seed);
        (self.registrar, self.term, self.authority_tip) = (successor, id, id);
        self.recalled = true;
        self.spread(id, 0);
        self.fact("recall");
        if !adopted.is_empty() {
            self.fact("recall that adopts");
        }
    }

    fn draft_recall(&self, honoured: RecordId, adopted: &[RecordId], successor: &Keypair) -> Draft {
        let terms = to_bytes(&VoteTerms {
            domain: self.domain,
            honoured,
            successor: public(successor),
        });
        let sign = |key: &Keypair| key.sign(&terms).unwrap();
        let votes: Vec<Vote> = if self.people.len() < 4 {
            vec![Vote {
                voter: Voter::Key(0),
                signature: sign(&self.council),
            }]
        } else {
            let enough = self.people.len() * 2 / 3 + 1;
            let vote = |(person, key): &(Inception, Keypair)| Vote {
                voter: Voter::Member(person.id()),
                signature: sign(key),
            };
            self.people.iter().take(enough).map(vote).collect()
        };
        let recall = Act::Recall(Recall {
            successor: public(successor),
            votes: List::new(votes).unwrap(),
        });
        let before = self.record(&honoured);
        let place = Place::Succession {
            topic: Topic::Authority(self.domain).id(),
            chain: before.chain(),
            seq: before.seq() + 1,
            prev: honoured,
        };
        let (kind, body) = recall.body();
        let content = Content::new(adopted.to_vec(), None, &body).unwrap();
        Draft::new(place, kind, self.at(), content).unwrap()
    }

    /// Opens of the dropped branch that became known after the Recall. One
    /// may make room for the next.
    pub(super) fn adopt_late(&mut self) {
        if !self.recalled || self.has(Bug::NoAdoption) {
            return;
        }
        while self.in_office()
            && let Some((open, what)) = self.late_open()
        {
            self.act(&Act::Adopt, vec![open]);
            self.fact(what);
        }
    }

    fn late_open(&self) -> Option<(RecordId, &'static str)> {
        let replica = &self.replicas[0];
        let set = &replica.set;
        let rows = self.last_rows();
        set.slots().find_map(|slot| {
            let id = set.record(slot).id();
            let Some(Act::Open(open)) = self.acts.get(&id) else {
                return None;
            };
            let chain = open.chain.id();
            let in_force = set.office().and_then(|office| office.seat(&chain));
            let in_force = in_force.map(Seat::open);
            let follows = open.start.prior() == in_force;
            let replaces = || {
                in_force.is_some_and(|other| {
                    self.are_twins(open, &other) && !self.is_needed(replica, &other)
                })
            };
            let last = rows.get(&chain).and_then(|row| row.tip);
            let goes_on = open.start.tip().map(|tip| tip.seq) >= last.map(|tip| tip.seq);
            let fits = !set.on_spine(slot) && goes_on && (follows || replaces());
            let is_late = in_force != Some(id) && replica.is_valid(slot);
            let what = if follows { "adopt" } else { "adopt of a twin" };
            (fits && is_late && self.is_needed(replica, &id)).then_some((id, what))
        })
    }

    /// Whether somebody wrote under an Open or under one that goes back to it.
    fn is_needed(&self, replica: &Replica, open: &RecordId) -> bool {
        let set = &replica.set;
        let goes_back = |id: &RecordId| match self.acts.get(id) {
            Some(Act::Open(next)) => next.start.prior() == Some(*open),
            _ => false,
        };
        self.is_used(replica, open)
            || set.slots().any(|slot| {
                let id = set.record(slot).id();
                goes_back(&id) && self.is_needed(replica, &id)
            })
    }

    /// Whether an Open carries the same consent as another.
    fn are_twins(&self, open: &Open, other: &RecordId) -> bool {
        let terms = |open: &Open| open.consent_terms(self.domain);
        matches!(&self.acts[other], Act::Open(other) if terms(other) == terms(open))
    }

    /// Whether somebody wrote under an Open, or under one that follows it.
    fn is_used(&self, replica: &Replica, open: &RecordId) -> bool {
        let set = &replica.set;
        set.slots().any(|slot| {
            let record = set.record(slot);
            let id = record.id();
            if record.chain() != set.authority() {
                return record.epoch() == Some(*open);
            }
            let follows =
                |next: &Act| matches!(next, Act::Open(next) if next.start.prior() == Some(*open));
            self.acts.get(&id).is_some_and(follows)
                && replica.is_valid(slot)
                && self.is_used(replica, &id)
        })
    }
}
