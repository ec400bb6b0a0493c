//! A clearing applied by half: each participant stays silent or forks at each
//! step, and so does the clearing chain. Nets are unchanged or all is posted.

use std::collections::BTreeSet;

use icn_ledger::Note;
use icn_ledger::clearing::{DueState, NotReady};
use icn_ledger::entry::NOTE;
use icn_types::authority::Tip;
use icn_types::id::{ChainId, RecordId};
use icn_types::index::Spread as _;

use super::Ring;
use crate::holds::{part, rest};
use crate::market::{Market, NOW, follow};

/// When a participant goes astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    BeforeHold,
    AfterHold,
    AfterSeal,
    AfterResolve,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It writes nothing any more.
    Silent,
    /// It writes nothing for a while, and goes on when all is over.
    Late,
    /// It writes a second record beside what it should, and a Seal leaves
    /// that one out, or the other one, or comes too late.
    Fork(Honoured),
}

/// Which branch the registrar seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Honoured {
    Right,
    Wrong,
    Neither,
}

const STEPS: [Step; 4] = [
    Step::BeforeHold,
    Step::AfterHold,
    Step::AfterSeal,
    Step::AfterResolve,
];

const WAYS: [Way; 5] = [
    Way::Silent,
    Way::Late,
    Way::Fork(Honoured::Right),
    Way::Fork(Honoured::Wrong),
    Way::Fork(Honoured::Neither),
];

const fn tip(seq: u64, head: RecordId) -> Option<Tip> {
    Some(Tip { seq, head })
}

impl Market {
    /// A note that is unlike any other.
    fn note_after(&mut self, chain: ChainId, prev: Option<Tip>) -> RecordId {
        let len = u64::try_from(self.stage.records.len()).unwrap();
        self.stage.set_time(len);
        let id = self.write_after(chain, prev, NOTE, &[], &Note::default());
        self.stage.set_time(0);
        id
    }
}

struct Play {
    ring: Ring,
    culprit: ChainId,
    step: Step,
    way: Way,
    /// The two branches of the culprit.
    branches: Option<[Option<Tip>; 2]>,
}

impl Play {
    fn new(culprit: usize, step: Step, way: Way) -> Self {
        let ring = Ring::new();
        Self {
            culprit: ring.members[culprit],
            ring,
            step,
            way,
            branches: None,
        }
    }

    fn title(&self) -> String {
        format!("{:?} {:?}", self.step, self.way)
    }

    /// Whether the culprit leaves the way at this step.
    fn strays(&self, member: ChainId, step: Step) -> bool {
        member == self.culprit && self.step == step
    }

    /// Whether it wrote nothing since.
    fn is_gone(&self, member: ChainId, step: Step) -> bool {
        let is_silent = matches!(self.way, Way::Silent | Way::Late);
        member == self.culprit && is_silent && self.step <= step
    }

    /// What holds at every moment for everybody, the culprit as well.
    fn check(&self) {
        for member in self.ring.members.into_iter().chain([self.ring.office]) {
            assert_eq!(self.ring.market.net(member), 0, "{}", self.title());
        }
    }

    fn hold_all(&mut self) {
        for member in self.ring.members {
            if self.is_gone(member, Step::BeforeHold) {
                continue;
            }
            if self.strays(member, Step::BeforeHold) {
                let [right, wrong] = [0, 1].map(|_| self.ring.market.note_after(member, None));
                let hold = self.ring.hold_after(member, tip(0, right));
                self.branches = Some([tip(1, hold), tip(0, wrong)]);
            } else {
                let hold = self.ring.hold(member);
                if self.strays(member, Step::AfterHold) && !self.is_gone(member, Step::AfterHold) {
                    let wrong = self.ring.market.note_after(member, None);
                    self.branches = Some([tip(0, hold), tip(0, wrong)]);
                }
            }
            self.check();
        }
    }

    fn seal_all(&mut self) {
        for member in self.ring.members {
            match (self.branches, self.way) {
                (Some([right, wrong]), Way::Fork(honoured)) if member == self.culprit => {
                    match honoured {
                        Honoured::Right => self.ring.market.seal_at(member, right),
                        Honoured::Wrong => self.ring.market.seal_at(member, wrong),
                        Honoured::Neither => continue,
                    };
                }
                _ => {
                    let head = self.ring.market.tip(member);
                    self.ring.market.seal_at(member, head);
                }
            }
            self.check();
        }
    }

    /// Beside the sealed hold, and twice above it.
    fn stray_after_seal(&mut self) {
        let member = self.culprit;
        if self.step != Step::AfterSeal || self.is_gone(member, self.step) {
            return;
        }
        self.ring.market.note_after(member, None);
        self.check();
        let hold = self.ring.market.tip(member);
        let above = [0, 1].map(|_| self.ring.market.note_after(member, hold));
        self.branches = Some(above.map(|id| tip(1, id)));
        self.check();
    }

    /// Posts all or gives up. Whether it was posted.
    fn resolve(&mut self) -> bool {
        let is_posted = match self.ring.progress().post() {
            Ok(request) => {
                self.ring.resolve(&request).unwrap();
                true
            }
            Err(not_ready @ NotReady::Missing { .. }) => {
                let culprit = BTreeSet::from([self.culprit]);
                assert_eq!(not_ready.waits_for(), culprit, "{}", self.title());
                self.ring.give_up();
                false
            }
            Err(other) => panic!("{}: {other:?}", self.title()),
        };
        self.check();
        is_posted
    }

    fn take_all(&mut self) {
        for member in self.ring.members {
            if self.is_gone(member, Step::AfterResolve) {
                continue;
            }
            if self.strays(member, Step::AfterResolve) {
                self.take_and_fork(member);
            } else if self.ring.market.stage.set.fork(&member).is_none() {
                self.take(member);
            }
            self.check();
        }
    }

    /// What an honest member acknowledges, if it may write.
    fn take(&mut self, member: ChainId) {
        let (ledger, set) = (&self.ring.market.ledger, &self.ring.market.stage.set);
        if let Ok(Some(draft)) = ledger.draft_acks(set, &member, NOW)
            && member != self.culprit
        {
            self.ring.market.submit(draft);
        } else if member == self.culprit {
            self.take_as_culprit(member);
        }
    }

    /// The same above whatever branch of the culprit stands.
    fn take_as_culprit(&mut self, member: ChainId) {
        let set = &self.ring.market.stage.set;
        let head = set.spine(&member).last().map(|&slot| set.record(slot));
        let prev = head.map(|head| Tip {
            seq: head.seq(),
            head: head.id(),
        });
        let columns = self.ring.market.ledger.columns(set);
        let legs: Vec<_> = columns.incoming(member).map(|(leg, _)| leg).collect();
        drop(columns);
        if !legs.is_empty() {
            self.ring.market.ack_after(member, prev, &legs);
        }
    }

    fn take_and_fork(&mut self, member: ChainId) {
        let hold = self.ring.market.tip(member);
        let columns = self.ring.market.ledger.columns(&self.ring.market.stage.set);
        let legs: Vec<_> = columns.incoming(member).map(|(leg, _)| leg).collect();
        drop(columns);
        let right = self.ring.market.ack_after(member, hold, &legs);
        let wrong = self.ring.market.note_after(member, hold);
        self.branches = Some([tip(1, right), tip(1, wrong)]);
    }

    /// Whoever was late goes on, the registrar settles what is open, and the
    /// clearing chain gives back what came too late.
    fn end(&mut self, is_posted: bool) {
        if self.way == Way::Late && self.step == Step::BeforeHold {
            self.ring.hold(self.culprit);
            self.check();
        }
        if let (Some([right, wrong]), Way::Fork(honoured)) = (self.branches, self.way) {
            let member = self.culprit;
            let honoured = if honoured == Honoured::Wrong {
                wrong
            } else {
                right
            };
            self.ring.market.seal_at(member, honoured);
            self.check();
        }
        if !is_posted && let Some(request) = self.ring.progress().give_up() {
            self.ring.resolve(&request).unwrap();
            self.check();
        }
        let office = self.ring.office;
        self.ring.market.seal(office);
        for member in self.ring.members {
            if member != self.culprit || self.way != Way::Silent {
                self.take(member);
                self.check();
            }
        }
    }

    fn run(&mut self) -> bool {
        self.hold_all();
        self.seal_all();
        self.stray_after_seal();
        let is_posted = self.resolve();
        self.take_all();
        self.end(is_posted);
        is_posted
    }

    /// All legs are posted or none, and who kept to it stands where it stood.
    fn assert_whole(&self, is_posted: bool) {
        let title = self.title();
        let progress = self.ring.progress();
        let count =
            |of: fn(&DueState) -> bool| progress.dues.iter().filter(|one| of(&one.state)).count();
        let posted =
            count(|state| matches!(state, DueState::Posted { .. } | DueState::Taken { .. }));
        assert_eq!(posted, if is_posted { 3 } else { 0 }, "{title}");
        assert_eq!(
            count(|state| matches!(state, DueState::Held { .. } | DueState::Sealed { .. })),
            0,
            "{title}: something is still set aside"
        );
        for member in self.ring.members {
            if member != self.culprit {
                assert_eq!(self.ring.market.posted(member), 0, "{title}");
            }
        }
    }

    /// In whatever order a replica heard of it.
    fn assert_agreement(&self) {
        let stage = &self.ring.market.stage;
        let expected = self.ring.market.ledger.label_digest(&stage.set);
        let len = stage.records.len();
        for order in 0..6_u32 {
            let mut records: Vec<_> = stage.records.iter().collect();
            match order {
                0 => records.reverse(),
                1 | 2 => records.rotate_left(len * usize::try_from(order).unwrap() / 3),
                _ => records.sort_by_key(|record| {
                    (record.id().spread() ^ order.wrapping_mul(0x9e37_79b9)).wrapping_mul(order)
                }),
            }
            let set = stage.replay(records);
            let ledger = follow(&set, self.ring.market.unit);
            assert_eq!(ledger.label_digest(&set), expected, "{}", self.title());
            let progress = ledger.clearing(&set, &self.ring.clearing);
            assert_eq!(progress, self.ring.progress(), "{}", self.title());
        }
    }
}

#[test]
fn whoever_is_silent_or_forks_leaves_every_net_or_all_is_posted() {
    let mut outcomes = BTreeSet::new();
    for culprit in 0..3 {
        for step in STEPS {
            for way in WAYS {
                let mut play = Play::new(culprit, step, way);
                let is_posted = play.run();
                play.assert_whole(is_posted);
                play.assert_agreement();
                outcomes.insert((step, format!("{way:?}"), is_posted));
            }
        }
    }
    let in_vain = outcomes.iter().filter(|(.., is_posted)| !is_posted);
    let in_vain: Vec<_> = in_vain
        .map(|(step, way, _)| (*step, way.as_str()))
        .collect();
    let expected = [
        (Step::BeforeHold, "Fork(Neither)"),
        (Step::BeforeHold, "Fork(Wrong)"),
        (Step::BeforeHold, "Late"),
        (Step::BeforeHold, "Silent"),
        (Step::AfterHold, "Fork(Neither)"),
        (Step::AfterHold, "Fork(Wrong)"),
    ];
    assert_eq!(in_vain, expected);
    assert_eq!(outcomes.len(), STEPS.len() * WAYS.len());
}

/// Why a hold has to be sealed first: its payer could take it away by a fork
/// after all is posted, and leave whoever it owes with less.
#[test]
fn hold_that_no_seal_covers_could_be_taken_away_and_is_not_posted() {
    let mut ring = Ring::new();
    let [culprit, other, third] = ring.members;
    let holds = ring.members.map(|payer| ring.hold(payer));
    ring.market.seal(other);
    ring.market.seal(third);
    let not_ready = ring.progress().post().unwrap_err();
    assert_eq!(not_ready.waits_for(), BTreeSet::from([culprit]));

    let mut careless = ring.clone();
    for (ring, is_posted) in [(&mut careless, true), (&mut ring, false)] {
        if is_posted {
            let all = holds.map(|hold| (hold, 50));
            ring.market.resolve(ring.office, &all);
        } else {
            ring.give_up();
        }
        let beside = ring.market.note_after(culprit, None);
        ring.market.seal_at(culprit, tip(0, beside));
        for member in [other, third] {
            ring.market.ack_all(member);
        }
    }
    let nets = |ring: &Ring| ring.members.map(|member| ring.market.net(member));
    assert_eq!(nets(&careless), [50, -50, 0], "its creditor bears it");
    assert_eq!(nets(&ring), [0; 3]);
}

/// Nobody but the clearing chain bears what it does twice.
#[test]
fn clearing_chain_that_forks_owes_what_it_gave_twice() {
    let mut ring = Ring::new();
    let holds = ring.hold_and_seal_all();
    let all: Vec<_> = holds.iter().map(|hold| (*hold, 50)).collect();
    let none: Vec<_> = holds.iter().map(|hold| (*hold, 0)).collect();
    let [one, other, third] = ring.members;
    let posts = ring.market.resolve_after(ring.office, None, &all);
    let early = ring.market.ack(other, &[part(posts, 0)]);
    assert_eq!(ring.market.verdict(&early), "valid");
    let voids = ring.market.resolve_after(ring.office, None, &none);
    let set = &ring.market.stage.set;
    assert!(set.fork(&ring.office).is_some());
    let nobody = ring.market.ledger.draft_acks(set, &third, NOW);
    assert_eq!(nobody, Ok(None), "the honest wait for a Seal");

    ring.market.seal_at(ring.office, tip(0, voids));
    for (number, member) in (0..).zip([one, other, third]) {
        let ack = ring.market.ack(member, &[rest(voids, number)]);
        assert_eq!(ring.market.verdict(&ack), "valid");
    }
    let nets = [one, other, third, ring.office].map(|chain| ring.market.net(chain));
    assert_eq!(nets, [0, 50, 0, -50]);
    assert_eq!(ring.market.column(ring.office).charged, 50);
}
