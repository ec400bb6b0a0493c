//! Columns over histories that nobody would write on purpose: forks, Seals
//! and re-opens at any place, by writers and a registrar who may lie.

use std::collections::BTreeMap;

use icn_ledger::entry::{ACK, NOTE, PAYMENT, REFUSE};
use icn_ledger::ledger::Refreshed;
use icn_ledger::remark::{Assertion, DISPUTE, Dispute, Outcome, PeriodClose, Remark, Ruling};
use icn_ledger::{Ack, Column, Entry, Ledger, LedgerEvent, LegId, LegRef, Note, Refuse};
use icn_types::authority::{Finality, Grant, Tip};
use icn_types::canon::{List, Writer};
use icn_types::hash::sha256;
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::record::Record;
use icn_types::set::{Added, Label, RecordSet};
use icn_types::sign::Signed;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::market::{Market, NOW, follow, leg, taking};

const GRANT: Grant = Grant {
    floor: -60,
    ceiling: 200,
    float: 25,
};

/// One step: what, who, to whom, how much or which.
pub(crate) type Step = (u8, u8, u8, u8);

/// A quarter of the usual number: a case is a whole history.
pub(crate) fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases / 4,
        ..usual
    }
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0_u8..18, 0_u8..4, 0_u8..4, any::<u8>()), 1..60)
}

/// A market with everything that later steps may name.
pub(crate) struct World {
    pub(crate) market: Market,
    legs: Vec<(ChainId, LegId)>,
    /// Records of the epoch in force, by chain, in the order of writing.
    tips: BTreeMap<ChainId, Vec<Option<Tip>>>,
    /// Position of the last row, by chain.
    sealed: BTreeMap<ChainId, Option<u64>>,
    seals: Vec<(RecordId, Option<Tip>)>,
    disputes: Vec<RecordId>,
}

impl World {
    pub(crate) fn play(steps: &[Step]) -> Self {
        let market = Market::with_grant(4, GRANT);
        let tips = market.chains.iter().map(|chain| (*chain, vec![None]));
        let mut world = Self {
            tips: tips.collect(),
            market,
            legs: Vec::new(),
            sealed: BTreeMap::new(),
            seals: Vec::new(),
            disputes: Vec::new(),
        };
        for step in steps {
            world.step(*step);
            world.market.feed();
        }
        world
    }

    fn step(&mut self, (what, who, whom, which): Step) {
        self.market.stage.set_time(u64::from(which % 16) * 10);
        let chain = self.market.chains[usize::from(who)];
        let other = self.market.chains[usize::from(whom)];
        match what {
            0..=4 => self.pay(chain, other, which, what == 4),
            5..=8 => self.answer(which, what == 8, what == 7),
            9 => {
                let set = &self.market.stage.set;
                let draft = self.market.ledger.draft_acks(set, &chain, NOW);
                self.follow_draft(chain, draft.ok().flatten());
            }
            10 | 11 => self.seal(chain, which, Finality::Open),
            12 => self.reopen(chain, which),
            13 => {
                let set = &self.market.stage.set;
                let draft = self.market.ledger.draft_cover(set, &chain, NOW);
                self.follow_draft(chain, draft.ok().flatten());
            }
            14 => self.name_a_seal(chain, which),
            15 => self.take_of_somebody_else(chain, which),
            16 => self.name_a_record(chain, whom, which),
            _ => self.remark(chain, other, which),
        }
    }

    /// Where to write: after the newest record, or a fork.
    fn prev(&self, chain: ChainId, which: u8, forks: bool) -> Option<Tip> {
        let tips = &self.tips[&chain];
        let newest = tips.len() - 1;
        tips[if forks {
            usize::from(which) % tips.len()
        } else {
            newest
        }]
    }

    fn wrote(&mut self, chain: ChainId, prev: Option<Tip>, head: RecordId) {
        let seq = prev.map_or(0, |tip| tip.seq + 1);
        let tips = self.tips.get_mut(&chain).unwrap();
        tips.push(Some(Tip { seq, head }));
    }

    fn pay(&mut self, payer: ChainId, payee: ChainId, which: u8, forks: bool) {
        let prev = self.prev(payer, which, forks);
        let third = self.market.chains[usize::from(which) % 4];
        let mut legs = vec![(payee, u64::from(which % 30) + 1)];
        if third != payer && which.is_multiple_of(3) {
            legs.push((third, 3));
        }
        let mut payment = self.market.payment(&legs);
        let stated = Timestamp::from_millis(u64::from(which / 16) * 10);
        payment.effective = which.is_multiple_of(4).then_some(stated);
        let id = self
            .market
            .stage
            .write_after(&payer, prev, PAYMENT, &[], &payment);
        self.wrote(payer, prev, id);
        for (number, (payee, _)) in (0..).zip(legs) {
            self.legs.push((payee, leg(id, number)));
        }
    }

    fn answer(&mut self, which: u8, refuses: bool, forks: bool) {
        let Some(&(payee, sent)) = pick(&self.legs, which) else {
            return;
        };
        let payer = self.chain_of(sent.record);
        let prev = self.prev(payee, which, forks);
        let (refs, legs) = taking(&[sent]);
        let stage = &mut self.market.stage;
        let id = if refuses {
            let body = Refuse {
                legs: List::new(legs).unwrap(),
            };
            stage.write_after(&payee, prev, REFUSE, &refs, &body)
        } else {
            let body = Ack {
                legs: List::new(legs).unwrap(),
            };
            stage.write_after(&payee, prev, ACK, &refs, &body)
        };
        self.wrote(payee, prev, id);
        if refuses {
            self.legs.push((payer, leg(id, 0)));
        }
    }

    fn take_of_somebody_else(&mut self, chain: ChainId, which: u8) {
        let Some(&(_, sent)) = pick(&self.legs, which) else {
            return;
        };
        let prev = self.prev(chain, which, true);
        let (refs, legs) = taking(&[sent]);
        let body = Ack {
            legs: List::new(legs).unwrap(),
        };
        let id = self
            .market
            .stage
            .write_after(&chain, prev, ACK, &refs, &body);
        self.wrote(chain, prev, id);
    }

    /// Whatever it is, and wherever it lies.
    fn name_a_record(&mut self, chain: ChainId, whom: u8, which: u8) {
        let named: Vec<RecordId> = self
            .tips
            .values()
            .flatten()
            .flatten()
            .map(|tip| tip.head)
            .collect();
        let Some(&named) = pick(&named, which) else {
            return;
        };
        let prev = self.prev(chain, which, whom == 0);
        let stage = &mut self.market.stage;
        let id = stage.write_after(&chain, prev, NOTE, &[named], &Note::default());
        self.wrote(chain, prev, id);
    }

    /// The registrar is replaced after any record of the authority chain.
    pub(crate) fn recall(&mut self, which: u8) {
        let set = &self.market.stage.set;
        let authority = set
            .slots()
            .filter(|&slot| set.chain(slot) == set.authority());
        let valid = authority.filter(|&slot| set.verdict(slot).is_valid());
        let valid: Vec<RecordId> = valid.map(|slot| set.record(slot).id()).collect();
        let honoured = *pick(&valid, which).unwrap();
        self.market.stage.recall(honoured, &[]);
        self.market.feed();
    }

    fn follow_draft(&mut self, chain: ChainId, draft: Option<icn_types::record::Draft>) {
        let Some(draft) = draft else { return };
        let prev = draft.header().prev().map(|head| Tip {
            seq: draft.header().seq() - 1,
            head,
        });
        let id = self.market.stage.submit(draft);
        self.wrote(chain, prev, id);
    }

    /// A place that the registrar may seal, honest or not: the office asks
    /// only that rows do not fall behind.
    fn sealable(&self, chain: ChainId, which: u8) -> Option<Option<Tip>> {
        let last = self.sealed.get(&chain).copied().flatten();
        let tips = self.tips[&chain].iter().copied();
        let tips: Vec<_> = tips.filter(|tip| tip.map(|tip| tip.seq) >= last).collect();
        pick(&tips, which).copied()
    }

    fn seal(&mut self, chain: ChainId, which: u8, finality: Finality) {
        let Some(tip) = self.sealable(chain, which) else {
            return;
        };
        let id = self.market.stage.seal_at(&chain, tip, finality);
        self.sealed.insert(chain, tip.map(|tip| tip.seq));
        self.seals.push((id, tip));
    }

    fn reopen(&mut self, chain: ChainId, which: u8) {
        let Some(tip) = self.sealable(chain, which) else {
            return;
        };
        let charged = self.market.column(chain).charged;
        let charged = u64::try_from(charged).unwrap();
        self.market.stage.reopen(&chain, tip, charged);
        self.sealed.insert(chain, tip.map(|tip| tip.seq));
        self.tips.insert(chain, vec![tip]);
    }

    fn name_a_seal(&mut self, chain: ChainId, which: u8) {
        let Some(&(seal, Some(tip))) = pick(&self.seals, which) else {
            return;
        };
        let prev = self.prev(chain, which, false);
        let refs = [seal, tip.head];
        let stage = &mut self.market.stage;
        let id = stage.write_after(&chain, prev, NOTE, &refs, &Note::default());
        self.wrote(chain, prev, id);
    }

    /// Most of these follow the rules.
    fn remark(&mut self, chain: ChainId, mediator: ChainId, which: u8) {
        let sent = pick(&self.legs, which).map(|(_, leg)| *leg);
        let dispute = pick(&self.disputes, which).copied();
        let (remark, about) = match (which % 4, sent, dispute) {
            (0, Some(sent), _) => {
                let remark = Assertion {
                    reference: 0,
                    position: 0,
                };
                (Remark::Assertion(remark), Some(sent.record))
            }
            (1, Some(sent), _) => {
                let leg = LegRef {
                    reference: 0,
                    leg: sent.leg,
                };
                let dispute = Dispute {
                    leg,
                    evidence: List::empty(),
                    mediator,
                    memo: None,
                };
                (Remark::Dispute(dispute), Some(sent.record))
            }
            (2, _, Some(dispute)) => {
                let outcome = Outcome {
                    dispute: 0,
                    ruling: Ruling::Settled,
                    memo: None,
                };
                (Remark::Outcome(outcome), Some(dispute))
            }
            _ => {
                let until = Timestamp::from_millis(u64::from(which));
                (Remark::Close(PeriodClose { until }), None)
            }
        };
        let prev = self.prev(chain, which, false);
        let (kind, body) = Entry::Remark(remark).body();
        let refs: Vec<RecordId> = about.into_iter().collect();
        let stage = &mut self.market.stage;
        let id = stage.write_after(&chain, prev, kind, &refs, &body);
        if kind == DISPUTE {
            self.disputes.push(id);
        }
        self.wrote(chain, prev, id);
    }

    fn chain_of(&self, id: RecordId) -> ChainId {
        let set = &self.market.stage.set;
        set.record(set.find(&id).unwrap()).chain()
    }

    /// The records in an order that follows from `salt`, without those that
    /// `keep` drops.
    pub(crate) fn shuffled(&self, salt: u64, keep: impl Fn(u8) -> bool) -> Vec<&Signed<Record>> {
        let mut records: Vec<_> = self
            .market
            .stage
            .records
            .iter()
            .map(|record| {
                let mut bytes = record.id().as_bytes().to_vec();
                bytes.extend_from_slice(&salt.to_be_bytes());
                (sha256(&bytes), record)
            })
            .filter(|(lot, _)| keep(lot[0]))
            .collect();
        records.sort_unstable_by_key(|(lot, _)| *lot);
        records.into_iter().map(|(_, record)| record).collect()
    }

    /// Another replica that hears of records one by one, and whose maintained
    /// columns equal counted ones after each.
    pub(crate) fn replica(&self, records: Vec<&Signed<Record>>) -> (RecordSet, Ledger) {
        let set = RecordSet::new(self.market.stage.domain());
        let ledger = Ledger::new(self.market.stage.domain(), self.market.unit);
        tell((set, ledger), records)
    }

    /// The replica of whoever writes this account and of the registrar.
    fn alone(&self, account: usize) -> (RecordSet, Ledger) {
        let chains = [
            self.market.chains[account],
            self.market.stage.set.authority(),
        ];
        let records = self.market.stage.records.iter();
        self.replica(
            records
                .filter(|record| chains.contains(&record.chain()))
                .collect(),
        )
    }

    /// One replica after another one told it everything.
    fn merged(
        &self,
        one: &(RecordSet, Ledger),
        (theirs, _): &(RecordSet, Ledger),
    ) -> (RecordSet, Ledger) {
        let records = self.market.stage.records.iter();
        let theirs = records.filter(|record| theirs.find(&record.id()).is_some());
        tell(one.clone(), theirs.rev().collect())
    }
}

/// A replica after it heard of records one by one.
fn tell(
    (mut set, mut ledger): (RecordSet, Ledger),
    mut left: Vec<&Signed<Record>>,
) -> (RecordSet, Ledger) {
    loop {
        let before = left.len();
        left.retain(|record| {
            let Ok(added) = set.insert((*record).clone()) else {
                return true;
            };
            if !matches!(added, Added::Known(_)) {
                ledger.update(&set, added.slot());
            }
            let recounted = ledger.recount(&set);
            assert_eq!(*ledger.columns(&set), recounted);
            assert_eq!(recounted.sum(), 0);
            ledger.refresh(&set);
            false
        });
        if left.len() == before {
            return (set, ledger);
        }
    }
}

/// What two replicas compare.
fn digests((set, ledger): &(RecordSet, Ledger)) -> (Digest, Digest) {
    (
        set.canonical().digest(ledger.topic()),
        ledger.label_digest(set),
    )
}

fn pick<T>(items: &[T], which: u8) -> Option<&T> {
    (!items.is_empty()).then(|| &items[usize::from(which) % items.len()])
}

proptest! {
    #![proptest_config(cases())]

    /// Checked inside: after every record the maintained columns equal counted
    /// ones, and posted + contested + in transit = 0.
    #[test]
    fn equal_sets_have_equal_columns_and_digests_in_any_order(
        steps in steps(),
        salt in any::<u64>(),
    ) {
        let world = World::play(&steps);
        let (set, ledger) = world.replica(world.shuffled(salt, |_| true));
        let market = &world.market;
        prop_assert_eq!(set.len(), market.stage.set.len());
        prop_assert_eq!(
            ledger.label_digest(&set),
            market.ledger.label_digest(&market.stage.set)
        );
        prop_assert_eq!(ledger.recount(&set), market.ledger.recount(&market.stage.set));
        let late = follow(&set, market.unit);
        prop_assert_eq!(late.label_digest(&set), ledger.label_digest(&set));
    }

    /// Whatever is missing: value neither appears nor vanishes, and a verdict
    /// that is reached early stays.
    #[test]
    fn value_is_conserved_over_any_part_of_a_history(
        steps in steps(),
        salt in any::<u64>(),
        share in 1..=u8::MAX,
    ) {
        let world = World::play(&steps);
        let (part, ledger) = world.replica(world.shuffled(salt, |lot| lot <= share));
        prop_assert_eq!(ledger.recount(&part).sum(), 0);
        let market = &world.market;
        for slot in part.slots() {
            let whole = market.stage.set.find(&part.record(slot).id()).unwrap();
            let verdict = ledger.verdict(slot);
            prop_assert!(verdict.is_waiting() || verdict == market.ledger.verdict(whole));
        }
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent(steps in steps()) {
        let world = World::play(&steps);
        let [a, b, c, d] = [0, 1, 2, 3].map(|account| world.alone(account));
        let (ab, cd) = (world.merged(&a, &b), world.merged(&c, &d));
        let all = world.merged(&ab, &cd);
        prop_assert_eq!(digests(&ab), digests(&world.merged(&b, &a)));
        prop_assert_eq!(digests(&all), digests(&world.merged(&cd, &ab)));
        let one_by_one = world.merged(&world.merged(&ab, &c), &d);
        prop_assert_eq!(digests(&all), digests(&one_by_one));
        for known in [&ab, &all] {
            prop_assert_eq!(digests(&all), digests(&world.merged(&all, known)));
        }
        let market = &world.market;
        let written = (market.stage.set.clone(), market.ledger.clone());
        prop_assert_eq!(digests(&all), digests(&written));
    }

    /// A canonical set that was exchanged counts as the one it was taken from.
    #[test]
    fn the_canonical_part_alone_has_the_same_labels(steps in steps()) {
        let world = World::play(&steps);
        let stage = &world.market.stage;
        let canonical = stage.set.canonical();
        let ids: Vec<RecordId> = canonical.slots().map(|slot| stage.set.record(slot).id()).collect();
        let part = stage.replay(stage.records.iter().filter(|record| ids.contains(&record.id())));
        let ledger = follow(&part, world.market.unit);
        prop_assert_eq!(ledger.label_digest(&part), world.market.ledger.label_digest(&stage.set));
    }
}

#[test]
fn accounts_are_zero_before_anything_happened() {
    let market = Market::new(1);
    let nobody = ChainId::from_bytes([9; 32]);
    assert_eq!(market.column(market.chains[0]), Column::default());
    assert_eq!(market.column(nobody), Column::default());
    let positions = market.ledger.positions(&market.stage.set, &nobody);
    assert_eq!(positions.posted.get(), 0);
    assert_eq!(positions.limits, None);
}

#[test]
fn a_leg_that_both_branches_of_a_payee_took_is_counted_once() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    let sent = leg(payment, 0);
    let one = market.ack_after(b, None, &[sent]);
    let tip = Some(Tip { seq: 0, head: one });
    assert_eq!(market.posted(b), 10);
    market.note(b, &[]);
    let (posted, contested) = (market.posted(b), market.column(b).contested);
    assert_eq!((posted, contested), (0, 10), "b forks");
    market.seal_at(b, tip);
    assert_eq!((market.posted(b), market.column(b).contested), (10, 0));
}

#[test]
fn the_digest_tells_labels_columns_and_transit_apart() {
    let mut digests = Vec::new();
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let mut take = |market: &Market| digests.push(market.ledger.label_digest(&market.stage.set));
    take(&market);
    let payment = market.pay(a, b, 1);
    take(&market);
    market.ack(b, &[leg(payment, 0)]);
    take(&market);
    market.note(a, &[]);
    take(&market);
    market.pay_after(
        a,
        Some(Tip {
            seq: 0,
            head: payment,
        }),
        b,
        1,
    );
    take(&market);
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 5);
}

#[test]
fn a_record_that_names_a_branch_makes_it_count_in_its_own_topic_only() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    let little = market.pay(a, b, 1);
    let branches = [
        market.ack_after(b, None, &[leg(little, 0)]),
        market.note(b, &[]),
    ];
    assert!(market.stage.set.fork(&b).is_some());
    let tip = Some(Tip {
        seq: 0,
        head: branches[0],
    });
    let above = market.ack_after(b, tip, &[leg(payment, 0)]);
    assert_eq!(market.verdict(&above), "valid");
    assert_eq!(market.column(a).outgoing, 10, "nobody needs the branch");
    let governance = market.stage.governance();
    let member = market.stage.open_member(0, &governance, None);
    let kind = icn_types::record::Kind::new(32);
    market.stage.write(&member, kind, &[above], &0_u64);
    market.feed();
    assert_eq!(
        market.column(a).outgoing,
        10,
        "who follows money alone never hears of it"
    );
    market.note(a, &[above]);
    assert_eq!(market.column(a).outgoing, 0);
    assert_eq!(market.column(b).contested, 11);
}

#[test]
fn only_what_bends_a_chain_relabels() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.ack(b, &[leg(payment, 0)]);
    market.seal(a);
    let relabels = |market: &Market| {
        let events = market.events.iter();
        events
            .filter(|event| **event == LedgerEvent::Relabelled)
            .count()
    };
    assert_eq!(relabels(&market), 0);
    market.pay_after(b, None, a, 1);
    assert_eq!(relabels(&market), 1);
}

/// Entries of all kinds that move something, and nobody forks.
fn peaceful() -> Market {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let payment = market.post_two(a, (b, 10), (c, 20));
    market.ack(b, &[leg(payment, 0)]);
    let returned = market.refuse(c, &[leg(payment, 1)]);
    market.ack(a, &[leg(returned, 0)]);
    market.refund(b, leg(payment, 0), 4);
    let hold = market.hold(a, (b, 30), c);
    market.resolve(c, &[(hold, 10)]);
    market.ack_all(a);
    market.ack_all(b);
    market
}

#[test]
fn records_that_bend_no_chain_leave_nothing_to_count_anew() {
    let market = peaceful();
    let set = &market.stage.set;
    let mut ledger = Ledger::new(set.domain(), market.unit);
    for slot in set.slots() {
        ledger.update(set, slot);
        assert_eq!(ledger.refresh(set), Refreshed::Nothing);
    }
    assert_eq!(*ledger.columns(set), ledger.recount(set));
}

#[test]
fn only_the_parties_of_an_entry_see_their_column_move() {
    let market = peaceful();
    let set = &market.stage.set;
    let mut ledger = Ledger::new(set.domain(), market.unit);
    let mut moved = 0;
    for slot in set.slots() {
        let before = ledger.columns(set).into_owned();
        ledger.update(set, slot);
        let parties: Vec<ChainId> = icn_ledger::parties(set, slot).collect();
        for chain in &market.chains {
            if ledger.columns(set).account(chain) != before.account(chain) {
                moved += 1;
                assert!(parties.contains(chain));
            }
        }
    }
    assert!(moved > 10, "{moved} is too few to tell");
}

#[test]
fn the_digest_is_the_hash_of_rows_that_anybody_can_write() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let payment = market.payment(&[(b, 1), (c, 2), (b, 4)]);
    let payment = market.post(a, &[], &payment);
    market.ack(b, &[leg(payment, 0)]);
    market.hold(a, (c, 7), b);
    let branches = [30, 40].map(|atoms| market.pay_after(b, market.tip(b), c, atoms));
    market.ack(c, &[leg(branches[0], 0)]);
    market.pay(c, a, 1000);
    market.note(a, &[RecordId::from_bytes([9; 32])]);
    let column = market.column(b);
    assert_eq!((column.contested, column.charged), (-30, 30));
    let digest = market.ledger.label_digest(&market.stage.set);
    assert_eq!(*digest.as_bytes(), sha256(&rows(&market)));
}

/// What the label digest is the hash of, put together from public answers.
fn rows(market: &Market) -> Vec<u8> {
    let set = &market.stage.set;
    let canonical = set.canonical();
    let mut labels: Vec<(RecordId, &str)> = canonical
        .slots()
        .map(|slot| (slot, set.record(slot)))
        .filter(|(_, record)| record.topic() == market.ledger.topic())
        .map(|(slot, record)| match market.verdict(&record.id()) {
            "valid" => match canonical.label(slot) {
                Label::Posted => (record.id(), "posted"),
                Label::Contested => (record.id(), "contested"),
                Label::Void => (record.id(), "void"),
            },
            word => (record.id(), word),
        })
        .collect();
    labels.sort_unstable();
    let columns = market.ledger.columns(set);
    let mut w = Writer::new();
    w.array(labels.len());
    for (record, word) in labels {
        w.array(2);
        w.bytes(record.as_bytes());
        w.text(word);
    }
    w.array(columns.accounts().len());
    for (chain, column) in columns.accounts() {
        w.array(4);
        w.bytes(chain.as_bytes());
        w.bytes(&column.posted.to_be_bytes());
        w.bytes(&column.contested.to_be_bytes());
        w.bytes(&column.charged.to_be_bytes());
    }
    w.array(columns.in_transit().len());
    for (leg, transit) in columns.in_transit() {
        w.array(5);
        w.bytes(leg.record.as_bytes());
        w.uint(u64::from(leg.leg));
        w.bytes(transit.payer.as_bytes());
        w.bytes(transit.payee.as_bytes());
        w.uint(transit.amount.get());
    }
    w.array(columns.held().len());
    for (hold, held) in columns.held() {
        w.array(5);
        w.bytes(hold.as_bytes());
        w.bytes(held.payer.as_bytes());
        w.bytes(held.payee.as_bytes());
        w.bytes(held.resolver.as_bytes());
        w.uint(held.amount.get());
    }
    let mut bytes = b"icn/ledger/label-digest/v1".to_vec();
    bytes.extend(w.into_bytes());
    bytes
}
