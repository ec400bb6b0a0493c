//! Acts of a registrar, from the charter on: a chain that keeps every rule, and
//! a branch for each rule that one of them breaks.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::amount::Amount;
use icn_types::authority::{
    Act, Action, Close, Consent, DecisionTerms, Envelope, Finality, Open, Opening, Outcome,
    ProposalId, Raise, Ready, Release, RollChange, Seal, SealRow, Start, Tip,
};
use icn_types::canon::{List, Raw, to_bytes};
use icn_types::chain::Owner;
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, Digest, RecordId, UnitId};
use icn_types::key::{Inception, Keypair, MemberId, Signature, Signer as _};
use icn_types::record::{Content, Draft, Kind, Place, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::testkit::stage::{GRANT, Stage, key_of};
use icn_types::time::Timestamp;
use icn_types::verdict::Verdict;

use super::json::Json;
use super::{Case, File};

const UNIT: UnitId = UnitId::from_bytes([1; 32]);
const DONE: ProposalId = ProposalId::from_bytes([5; 32]);

pub(super) fn file() -> File {
    let told = Told::new();
    let (set, mut unnamed) = (&told.stage.set, 0);
    let cases = told.stage.records.iter().map(|record| {
        let id = record.id();
        let name = told.said.get(&id).copied().map_or_else(
            || {
                unnamed += 1;
                format!("step {unnamed}")
            },
            String::from,
        );
        let verdict = match set.verdict(set.find(&id).unwrap()) {
            _ if record.chain() != set.authority() => Json::Null,
            Verdict::Valid => Json::text("valid"),
            Verdict::Waiting => Json::text("waiting"),
            Verdict::Invalid(breach) => Json::text(breach.code()),
        };
        let claims = vec![
            ("id", Json::text(id)),
            ("record", Json::hex(&record.to_bytes())),
            ("verdict", verdict),
        ];
        Case::new(name, claims)
    });
    File {
        name: "authority.json",
        purpose: "records of one cooperative in the order of writing: every rule of the authority \
                  chain is broken on a branch of its own",
        cases: cases.collect(),
    }
}

#[test]
fn every_rule_of_the_authority_chain_is_broken() {
    let verdicts = file().cases.into_iter().filter_map(|case| {
        let (_, verdict) = case
            .claims
            .into_iter()
            .find(|(name, _)| *name == "verdict")?;
        match verdict {
            Json::Text(text) => Some(text),
            _ => None,
        }
    });
    let found: BTreeSet<String> = verdicts.collect();
    let shared = [
        "valid",
        "invalid.ended",
        "invalid.ref",
        "invalid.kind",
        "invalid.body",
    ];
    let rules = icn_types::set::AuthorityRule::ALL
        .iter()
        .map(|rule| rule.code());
    let expected: BTreeSet<String> = rules.chain(shared).map(String::from).collect();
    assert_eq!(found, expected);
}

/// Acts are rehearsed on a set that ends right before them: each alone, and
/// together with those that it follows.
#[test]
fn rehearsal_says_of_drafts_what_the_records_turn_out_to_be() {
    let told = Told::new();
    let (all, authority) = (&told.stage.set, told.stage.set.authority());
    let mut rehearsed: BTreeSet<(usize, String)> = BTreeSet::new();
    let of_authority = |record: &&Signed<Record>| record.chain() == authority;
    for record in told.stage.records.iter().filter(of_authority) {
        let slot = all.find(&record.id()).unwrap();
        for run in 1..=3 {
            let mut acts: Vec<Slot> = all.back(slot).take(run).collect();
            acts.reverse();
            let Some((set, drafts)) = told.before(&acts) else {
                continue;
            };
            let verdicts = acts.iter().map(|&act| all.verdict(act));
            let verdict = verdicts.fold(Verdict::Valid, |so_far, next| match so_far {
                Verdict::Valid => next,
                so_far => so_far,
            });
            assert_eq!(set.rehearse_all(&drafts), verdict, "{acts:?}");
            rehearsed.insert((run, format!("{verdict:?}")));
            if let [draft] = &drafts[..] {
                let mut set = set;
                set.insert(record.clone()).unwrap();
                assert_eq!(set.rehearse(draft), Verdict::Waiting, "its place is taken");
                assert_eq!(set.next_place(&authority), record.header().next_place());
            } else {
                let turned = drafts.iter().rev().cloned().collect::<Vec<_>>();
                assert_eq!(set.rehearse_all(&turned), Verdict::Waiting);
            }
        }
    }
    for run in 1..=3 {
        let found = rehearsed.iter().filter(|(of, _)| *of == run).count();
        assert!(found > 20, "{run}: {rehearsed:?}");
    }
}

impl Told {
    /// A set that ends right before some acts that follow each other, and these
    /// as drafts. `None` where a chain that forks has no next place, where
    /// somebody succeeds, and where one act names another.
    fn before(&self, acts: &[Slot]) -> Option<(RecordSet, Vec<Draft>)> {
        let all = &self.stage.set;
        let before: BTreeSet<Slot> = all.back(acts[0]).skip(1).collect();
        let is_before = |id| all.find(id).is_none_or(|named| before.contains(&named));
        let follows = |&slot: &Slot| {
            let record = all.record(slot);
            let has_place = record.prev().is_some() && record.kind() != Kind::RECALL;
            has_place && record.refs().iter().all(is_before)
        };
        acts.iter().all(follows).then_some(())?;
        let mut set = RecordSet::new(all.domain());
        for other in &self.stage.records {
            let slot = all.find(&other.id()).unwrap();
            if other.chain() != all.authority() || before.contains(&slot) {
                // What lies under an Open of another branch stays away.
                let _added = set.insert(other.clone());
            }
        }
        let draft = |&slot: &Slot| {
            let record = all.record(slot);
            let (header, content) = (record.header(), record.content()?.clone());
            Draft::new(*header.place(), header.kind(), header.at(), content)
        };
        let drafts = acts.iter().map(draft).collect::<Option<_>>();
        Some((set, drafts.unwrap()))
    }
}

struct Told {
    stage: Stage,
    said: BTreeMap<RecordId, &'static str>,
    /// The last act of the good chain: the others branch off here.
    root: RecordId,
}

/// What the good chain leaves behind.
struct Story {
    a: ChainId,
    b: ChainId,
    frozen: ChainId,
    receiver: Keypair,
    /// A decided receivership of `b` (action 0) and envelope (action 1).
    ready: RecordId,
    /// The close that made it ready.
    accepted: RecordId,
    rejected: RecordId,
    /// An opening that waits, and an accepted close whose timelock runs.
    waiting: RecordId,
    locked: RecordId,
}

impl Told {
    fn new() -> Self {
        let without =
            |charter: &mut icn_types::authority::Charter| charter.recovery = List::empty();
        let mut told = Self {
            stage: Stage::with_charter(1, 4, without),
            said: BTreeMap::new(),
            root: RecordId::from_bytes([0; 32]),
        };
        let story = told.good();
        told.root = told.stage.records.last().unwrap().id();
        told.opens(&story);
        told.seals(&story);
        told.others(&story);
        told.decisions(&story);
        told.shared_codes(&story);
        told.succession();
        told
    }

    fn say(&mut self, id: RecordId, what: &'static str) -> RecordId {
        assert_eq!(self.said.insert(id, what), None, "{what}");
        id
    }

    fn act(&mut self, act: &Act, refs: &[RecordId], what: &'static str) -> RecordId {
        let id = self.stage.act(act, refs);
        self.say(id, what)
    }

    /// An act on a branch of its own.
    fn branch(&mut self, act: &Act, refs: &[RecordId], what: &'static str) -> RecordId {
        self.after(self.root, act, refs, what)
    }

    fn after(
        &mut self,
        prev: RecordId,
        act: &Act,
        refs: &[RecordId],
        what: &'static str,
    ) -> RecordId {
        let id = self.stage.act_after(prev, act, refs);
        self.say(id, what)
    }

    fn good(&mut self) -> Story {
        let ledger = self.stage.ledger(UNIT);
        let [a, b, frozen] =
            [0, 1, 2].map(|member| self.stage.open_member(member, &ledger, Some(GRANT)));
        let note = Kind::new(67);
        self.stage.write(&a, note, &[], &1_u64);
        let seal = self.stage.seal(&a, Finality::Open);
        self.say(seal, "checkpoint");
        let raise = self.stage.raise(&a, -150);
        self.say(raise, "raise");
        let join = RollChange {
            join: List::new([self.newcomer(0)]).unwrap(),
            leave: List::empty(),
        };
        self.act(&Act::Roll(join), &[], "newcomer");
        let tip = self.stage.tip(&a);
        let open = self.stage.reopen(&a, tip, 0);
        self.say(open, "next open with the owner's consent");
        self.stage.write(&a, note, &[], &2_u64);
        let seal = self.stage.seal(&frozen, Finality::Final);
        self.say(seal, "final seal before the first record");
        let receiver = key_of(1, "receiver", 0);
        let envelope = Action::Envelope(Envelope {
            payer: b,
            payee: None,
            unit: UNIT,
            tranche: Amount::new(10).unwrap(),
            tranches: 4,
            interval: 100,
        });
        let actions = [self.stage.receivership(b, &receiver), envelope];
        let ready = self.stage.decide(DONE, &actions);
        self.say(ready, "ready");
        let accepted = self.close_of(&ready);
        self.stage.seal_at(&b, None, Finality::Final);
        let open = self.stage.receive(&b, None, &receiver, (ready, 0));
        self.say(open, "open for a receiver");
        self.stage.set_time(100);
        let release = Release {
            ready,
            action: 1,
            tranche: 1,
        };
        self.act(
            &Act::Release(release),
            &[ready],
            "release of the second tranche",
        );
        let [waiting, lost, locked] = [11, 12, 13].map(|number| {
            let opening = self.opening(number, 50);
            self.stage.act(&Act::Opening(opening), &[])
        });
        let close = Self::close(lost, Outcome::Rejected, 1);
        let rejected = self.act(&Act::Close(close), &[lost], "close that rejects");
        let close = Self::close(locked, Outcome::Accepted, 1);
        let locked = self.act(&Act::Close(close), &[locked], "close that accepts");
        Story {
            a,
            b,
            frozen,
            receiver,
            ready,
            accepted,
            rejected,
            waiting,
            locked,
        }
    }

    fn newcomer(&self, number: u64) -> Inception {
        let community = self.stage.members()[0].inception.community;
        let [key, recovery] =
            ["newcomer", "newcomer's recovery"].map(|role| key_of(1, role, number).public_key());
        Inception {
            community,
            key,
            recovery,
        }
    }

    fn close_of(&self, ready: &RecordId) -> RecordId {
        let set = &self.stage.set;
        match set.act(set.find(ready).unwrap()) {
            Some(Act::Ready(ready)) => ready.close,
            other => panic!("{other:?} is no ready"),
        }
    }

    fn opening(&self, number: u8, timelock: u64) -> Opening {
        let [one, two] = [1, 2].map(|byte| ChainId::from_bytes([byte; 32]));
        Opening {
            proposal: ProposalId::from_bytes([number; 32]),
            record: RecordId::from_bytes([number; 32]),
            actions: List::empty(),
            rule: Raw::of(&0_u64),
            roll: self.stage.set.office().unwrap().roll_digest(),
            terms: DecisionTerms {
                tellers: List::new([one, two]).unwrap(),
                needed: 1,
                period: 0,
                timelock,
            },
        }
    }

    fn close(opening: RecordId, outcome: Outcome, shuts: u8) -> Close {
        let shuts = (1..=shuts).map(|byte| RecordId::from_bytes([byte; 32]));
        Close {
            opening,
            outcome,
            shuts: List::new(shuts.collect::<Vec<_>>()).unwrap(),
            tally: Raw::of(&0_u64),
        }
    }

    /// The body of an Open that the owner's key, or another one, signs.
    fn open(&self, chain: &ChainId, start: Start, consenting: &Keypair) -> Open {
        let open = self.stage.open_of(chain);
        let chain = self.stage.set.open(&open).unwrap().chain;
        let key = key_of(1, "next", 0);
        self.stage
            .open_body(chain, &key, start, 0, Some(GRANT), consenting)
    }

    fn next(&self, chain: &ChainId, tip: Option<Tip>) -> Start {
        Start::After {
            prior: self.stage.open_of(chain),
            tip,
        }
    }

    fn opens(&mut self, story: &Story) {
        let Story {
            a,
            b,
            frozen,
            ready,
            ..
        } = *story;
        let key = self.stage.key(&a).clone();
        let open = self.open(&a, Start::First, &key);
        self.branch(&Act::Open(open), &[], "first open of an open chain");
        let start = self.next(&a, self.stage.tip(&a));
        let open = self.open(&a, start, &key);
        self.branch(&Act::Open(open), &[], "open without a final seal");
        let stranger = key_of(1, "stranger", 0);
        let start = self.next(&frozen, None);
        let open = self.open(&frozen, start, &stranger);
        self.branch(&Act::Open(open), &[], "open with somebody else's consent");
        let owner = self.stage.key(&frozen).clone();
        let open = self.open(&frozen, start, &owner);
        self.branch(&Act::Open(open), &[], "open after a final seal");
        let mut open = self.open(&frozen, start, &owner);
        let terms = to_bytes(&open.consent_terms(self.stage.domain()));
        let recovery = self.stage.recovery_key();
        open.consent = Consent::Recovery(recovery.sign(&terms).unwrap());
        self.branch(&Act::Open(open), &[], "open with the recovery key");
        let nobody = Owner::Member(MemberId::from_bytes([9; 32]), 0);
        let chain = self.stage.ledger(UNIT).chain(nobody);
        let open = self
            .stage
            .open_body(chain, &stranger, Start::First, 0, None, &stranger);
        self.branch(&Act::Open(open), &[], "open for nobody on the roll");
        let mut open = self.open(&frozen, start, &owner);
        open.consent = Consent::Decision { ready, action: 1 };
        self.branch(&Act::Open(open), &[ready], "receiver whom nobody appointed");
        let row = self.stage.seal_row(&b, None, Finality::Final);
        let seal = Act::Seal(Seal {
            rows: List::new([row]).unwrap(),
        });
        let sealed = self.branch(&seal, &[], "final seal of a received account");
        let chain = self.stage.set.open(&self.stage.open_of(&b)).unwrap().chain;
        let start = self.next(&b, None);
        let receiver = &story.receiver;
        let mut open = self
            .stage
            .open_body(chain, receiver, start, 0, Some(GRANT), receiver);
        self.after(
            sealed,
            &Act::Open(open.clone()),
            &[],
            "receiver who appoints a successor",
        );
        open.consent = Consent::Decision { ready, action: 0 };
        self.after(
            sealed,
            &Act::Open(open),
            &[ready],
            "receiver who is appointed twice",
        );
    }

    fn seals(&mut self, story: &Story) {
        let (a, frozen) = (story.a, story.frozen);
        let seal = |row: SealRow| {
            Act::Seal(Seal {
                rows: List::new([row]).unwrap(),
            })
        };
        let row = |told: &Self| told.stage.seal_row(&a, told.stage.tip(&a), Finality::Open);
        let good = row(self);
        self.branch(&seal(good), &[], "seal of a tip");
        let mut old = row(self);
        let open = self.stage.set.open(&old.open).unwrap();
        old.open = open.start.prior().unwrap();
        self.branch(&seal(old), &[], "seal of an epoch that is over");
        let low = self.stage.seal_row(&a, None, Finality::Open);
        self.branch(&seal(low), &[], "seal below the last one");
        let again = self.stage.seal_row(&frozen, None, Finality::Final);
        self.branch(&seal(again), &[], "seal after a final one");
        let mut forged = row(self);
        if let Some(sealed) = &mut forged.sealed {
            sealed.signature = Signature::from_bytes([1; 64]);
        }
        self.branch(&seal(forged), &[], "sealed header with a bad signature");
        let mut other = row(self);
        other.chain = story.b;
        other.open = self.stage.open_of(&story.b);
        self.branch(&seal(other), &[], "sealed header of another chain");
    }

    fn others(&mut self, story: &Story) {
        self.branch(&Act::Adopt, &[], "adopt of nothing");
        let refs = [story.ready];
        self.branch(&Act::Adopt, &refs, "adopt of a ready");
        let open = self.stage.open_of(&story.a);
        self.branch(&Act::Adopt, &[open], "adopt of the open in force");
        let raise = |open, floor| Act::Raise(Raise { open, floor });
        self.branch(&raise(open, -100), &[], "raise that raises nothing");
        let gone = RecordId::from_bytes([7; 32]);
        self.branch(&raise(gone, -500), &[], "raise of no epoch");
        let ids: Vec<MemberId> = self
            .stage
            .members()
            .iter()
            .map(|m| m.inception.id())
            .collect();
        let leave = |ids: &[MemberId]| {
            let leave = List::new(ids).unwrap();
            Act::Roll(RollChange {
                join: List::empty(),
                leave,
            })
        };
        self.branch(&leave(&ids[..1]), &[], "roll of four");
        self.branch(
            &leave(&ids[..2]),
            &[],
            "roll of three without recovery keys",
        );
        self.branch(
            &leave(&[MemberId::from_bytes([8; 32])]),
            &[],
            "stranger who leaves",
        );
        self.branch(&leave(&[]), &[], "roll change of nobody");
        let join = List::new([self.newcomer(0)]).unwrap();
        let twice = Act::Roll(RollChange {
            join,
            leave: List::empty(),
        });
        self.branch(&twice, &[], "member who joins twice");
    }

    fn decisions(&mut self, story: &Story) {
        let Story {
            ready,
            accepted,
            rejected,
            waiting,
            locked,
            ..
        } = *story;
        let mut opening = self.opening(20, 0);
        opening.roll = Digest::from_bytes([3; 32]);
        self.branch(&Act::Opening(opening), &[], "opening with another roll");
        let opening = Opening {
            proposal: DONE,
            ..self.opening(20, 0)
        };
        self.branch(&Act::Opening(opening), &[], "second opening of a proposal");
        let close = |opening, shuts| Act::Close(Self::close(opening, Outcome::Accepted, shuts));
        self.branch(&close(waiting, 1), &[waiting], "close of a waiting vote");
        self.branch(&close(waiting, 1), &[], "close that refs no opening");
        self.branch(&close(waiting, 2), &[waiting], "close with a Shut too many");
        let set = &self.stage.set;
        let Some(Act::Close(first)) = set.act(set.find(&rejected).unwrap()) else {
            panic!("a close");
        };
        self.branch(
            &close(first.opening, 1),
            &[first.opening],
            "second close of a vote",
        );
        let release = |tranche| {
            Act::Release(Release {
                ready,
                action: 1,
                tranche,
            })
        };
        self.branch(&release(2), &[ready], "release before its time");
        self.stage.set_time(149);
        let act = |close| Act::Ready(Ready { close });
        self.branch(&act(locked), &[locked], "ready before the timelock ends");
        self.stage.set_time(200);
        self.branch(&act(locked), &[locked], "ready after the timelock");
        self.branch(&act(locked), &[], "ready that refs no close");
        self.branch(&act(rejected), &[rejected], "ready of a rejected vote");
        self.branch(&act(accepted), &[accepted], "second ready of a vote");
        self.branch(&release(2), &[ready], "release in its time");
        self.branch(&release(3), &[ready], "release out of turn");
        self.branch(&release(2), &[], "release that refs no ready");
        let other = Act::Release(Release {
            ready,
            action: 0,
            tranche: 2,
        });
        self.branch(&other, &[ready], "release of no envelope");
    }

    fn shared_codes(&mut self, story: &Story) {
        let wrong = self.branch(&Act::Adopt, &[self.root], "adopt of a close");
        let raise = Act::Raise(Raise {
            open: self.stage.open_of(&story.a),
            floor: -500,
        });
        self.after(wrong, &raise, &[], "raise after an invalid act");
        self.branch(&raise, &[wrong], "raise that names an invalid act");
        let odd = |told: &mut Self, kind, what| {
            let before = told
                .stage
                .set
                .record(told.stage.set.find(&told.root).unwrap());
            let place = Place::Entry {
                topic: before.topic(),
                chain: before.chain(),
                epoch: before.epoch().unwrap(),
                seq: before.seq() + 1,
                prev: Some(told.root),
            };
            let content = Content::new(Vec::new(), None, &1_u64).unwrap();
            let draft = Draft::new(place, kind, Timestamp::default(), content).unwrap();
            let key = told.stage.registrar().clone();
            let id = told.stage.sign(draft, &key);
            told.say(id, what);
        };
        odd(self, Kind::new(31), "kind that does not exist");
        odd(self, Kind::SEAL, "seal that is a number");
    }

    /// A Recall that drops two Opens of one consent, and what its successor
    /// may adopt.
    fn succession(&mut self) {
        let ledger = self.stage.ledger(UNIT);
        let chain = ledger.chain(Owner::Member(self.stage.members()[3].inception.id(), 0));
        let key = self.stage.members()[3].key.clone();
        let open = self
            .stage
            .open_body(chain, &key, Start::First, 0, Some(GRANT), &key);
        let open = Act::Open(open);
        let one = self.branch(&open, &[], "open on a branch");
        self.stage.set_time(201);
        let other = self.branch(&open, &[], "its twin on another branch");
        let recall = self.stage.recall(self.root, &[one]);
        self.say(recall, "recall that takes over an open");
        let adopt = self.after(recall, &Act::Adopt, &[other], "adopt of a twin");
        self.after(
            adopt,
            &Act::Adopt,
            &[other],
            "adopt of a twin that is in force",
        );
        let charter = self.stage.records[0].id();
        let wrong = self.stage.recall(self.root, &[charter]);
        self.say(wrong, "recall that takes over a charter");
    }
}
