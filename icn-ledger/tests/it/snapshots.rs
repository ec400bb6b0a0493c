//! Snapshots: what is read back is the ledger that was written, and stays so.
//! Every market compares them after its records; here is what is left to say,
//! and what is to say of forks is beside it, in `forked`.

use std::collections::BTreeSet;

use icn_ledger::entry::{NOTE, PAYMENT};
use icn_ledger::query::{PageSize, Register};
use icn_ledger::snapshot::RestoreError;
use icn_ledger::{
    Authorized, HoldRequest, Ledger, LedgerEvent, LegId, Note, Policy, Refusal, ResolveRequest,
    Unit,
};
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Draft, Record};
use icn_types::set::{RecordSet, Sketch, Slot};
use icn_types::sign::Signed;
use icn_types::verdict::Breach;
use proptest::prelude::*;

use crate::hold_admission::{holding, resolving};
use crate::market::{Market, NOW, amount, leg};
use crate::quarantine::write_newer_format;

/// The ledger read back, if it can be written down now.
pub(crate) fn again(ledger: &Ledger, set: &RecordSet, unit: Unit) -> Option<Ledger> {
    let pages = ledger.snapshot(set)?;
    let same = Ledger::restore(set, unit, &pages).unwrap();
    assert_same(ledger, &same, set);
    assert_eq!(same.snapshot(set).as_ref(), Some(&pages));
    assert_eq!(same.live(set), ledger.live(set));
    Some(same)
}

/// Everything that a ledger answers.
pub(crate) fn assert_same(one: &Ledger, other: &Ledger, set: &RecordSet) {
    assert_eq!(one.columns(set), other.columns(set));
    assert_eq!(one.label_digest(set), other.label_digest(set));
    assert_eq!(one.decided(), other.decided());
    assert_eq!(one.needs_upgrade(), other.needs_upgrade());
    let waiting = |ledger: &Ledger| {
        let waiting = ledger.waiting().map(|(id, slots)| (id, slots.to_vec()));
        waiting.collect::<Vec<_>>()
    };
    assert_eq!(waiting(one), waiting(other));
    for slot in set.slots() {
        assert_eq!(one.verdict(slot), other.verdict(slot));
    }
    for (chain, topic) in set.chains() {
        if topic != one.topic() {
            continue;
        }
        assert_eq!(one.positions(set, &chain), other.positions(set, &chain));
        assert_eq!(one.charge(set, &chain), other.charge(set, &chain));
        let incoming = one.columns(set).incoming(chain).collect::<Vec<_>>();
        assert!(other.columns(set).incoming(chain).eq(incoming));
        let unresolved = one.columns(set).unresolved(chain).collect::<Vec<_>>();
        assert!(other.columns(set).unresolved(chain).eq(unresolved));
    }
}

/// A ledger read back, over a set that has only the bodies of what is live.
#[derive(Clone, Debug)]
pub(crate) struct Away {
    pub(crate) set: RecordSet,
    pub(crate) ledger: Ledger,
}

impl Away {
    /// None where the ledger has no snapshot.
    pub(crate) fn of(ledger: &Ledger, set: &RecordSet) -> Option<Self> {
        let (outline, pages) = (set.outline(), ledger.snapshot(set)?);
        let mut sketch = Sketch::new(set.domain());
        for page in outline.pages() {
            sketch.page(&page).unwrap();
        }
        let mut at_hand = ledger.live(set);
        let is_act = |slot: &Slot| set.chain(*slot) == set.authority();
        at_hand.extend(set.slots().filter(is_act).chain(set.bare()));
        for slot in at_hand {
            let bytes = set.record(slot).to_bytes();
            sketch.body(slot.index(), &bytes).unwrap();
        }
        let set = sketch.finish().unwrap();
        let ledger = Ledger::restore(&set, *ledger.unit(), &pages).unwrap();
        assert!(!set.missed(), "nothing is read to read a ledger back");
        Some(Self { set, ledger })
    }

    /// What the ledger learns of records. None where it would have had to read
    /// something that is not at hand: then nothing that it says counts.
    pub(crate) fn hear(&mut self, records: &[Signed<Record>]) -> Option<Vec<LedgerEvent>> {
        let added = records.iter().map(|record| self.set.insert(record.clone()));
        let added: Result<Vec<_>, _> = added.collect();
        let mut events = Vec::new();
        for added in added.ok()? {
            events.extend(self.ledger.update(&self.set, added.slot()));
        }
        self.ledger.refresh(&self.set);
        (!self.set.missed()).then_some(events)
    }

    /// Whether where accounts stand is what it is with all bodies at hand, as far
    /// as nothing had to be read that is not.
    pub(crate) fn stands_like(&self, ledger: &Ledger, set: &RecordSet) -> bool {
        let own = |topic| topic == ledger.topic();
        let chains = set.chains().filter(|(_, topic)| own(*topic));
        let is_same = chains.into_iter().all(|(chain, _)| {
            let here = self.ledger.positions(&self.set, &chain);
            self.set.missed() || here == ledger.positions(set, &chain)
        });
        let verdicts = |slot: Slot| self.ledger.verdict(slot) == ledger.verdict(slot);
        is_same
            && (self.set.missed()
                || *self.ledger.columns(&self.set) == *ledger.columns(set)
                    && set.slots().all(verdicts))
    }
}

/// What somebody writes in the ordinary run of things, if there is anything to
/// write, as their own node would.
pub(crate) type Wish = (u8, usize, usize, u64);

pub(crate) fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0_u8..8, 0_usize..4, 1_usize..4, 1_u64..40);
    proptest::collection::vec(wish, 20..60)
}

fn drafted(authorized: Result<Authorized, Refusal>) -> Option<Draft> {
    match authorized {
        Ok(Authorized::Draft(draft)) => Some(draft),
        _ => None,
    }
}

fn unless_forked(drafted: Result<Option<Draft>, Refusal>) -> Option<Draft> {
    match drafted {
        Err(Refusal::Forked) => None,
        drafted => drafted.unwrap(),
    }
}

/// A request that either ledger can be asked.
pub(crate) enum Asked {
    Payment(icn_ledger::PaymentRequest),
    Hold(HoldRequest),
    Resolve(ResolveRequest),
    Acks,
    Refusal(LegId),
    Cover,
}

impl Asked {
    pub(crate) fn of(market: &mut Market, (what, who, whom, atoms): Wish) -> Option<Self> {
        let chain = market.chains[who];
        let payee = market.chains[(who + whom) % 4];
        let resolver = market.chains[(who + whom + 1) % 4];
        let columns = market.ledger.columns(&market.stage.set).into_owned();
        Some(match what {
            0 => Self::Payment(market.request(&[(payee, atoms)])),
            1 if payee != resolver && chain != resolver => {
                Self::Payment(market.request(&[(payee, atoms), (resolver, 1)]))
            }
            2 => Self::Hold(holding(market, payee, atoms, resolver)),
            3 => {
                let (hold, held) = columns.unresolved(chain).next()?;
                Self::Resolve(resolving(&[(hold, atoms.min(held.amount.get()))]))
            }
            4 => Self::Refusal(columns.incoming(chain).next()?.0),
            5 => Self::Cover,
            _ => Self::Acks,
        })
    }

    /// What a market drafts, and so does whoever is away.
    pub(crate) fn drafted_alike(
        &self,
        market: &Market,
        away: Option<&Away>,
        chain: &ChainId,
    ) -> Option<Draft> {
        let draft = self.draft(&market.ledger, &market.stage.set, chain);
        if let Some(away) = away {
            assert_eq!(self.draft(&away.ledger, &away.set, chain), draft);
        }
        draft
    }

    fn draft(&self, ledger: &Ledger, set: &RecordSet, chain: &ChainId) -> Option<Draft> {
        match self {
            Self::Payment(request) => {
                drafted(ledger.authorize(set, chain, request, NOW, &Policy::NONE))
            }
            Self::Hold(request) => {
                drafted(ledger.authorize_hold(set, chain, request, NOW, &Policy::NONE))
            }
            Self::Resolve(request) => drafted(ledger.authorize_resolve(set, chain, request, NOW)),
            Self::Acks => unless_forked(ledger.draft_acks(set, chain, NOW)),
            Self::Refusal(leg) => ledger.draft_refusal(set, chain, *leg, NOW).ok(),
            Self::Cover => unless_forked(ledger.draft_cover(set, chain, NOW)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Payments, acknowledgements, refusals, holds, Resolves and Seals, drafted by
    /// a node that has the bodies of live records only.
    #[test]
    fn ordinary_run_reads_live_records_only(
        wishes in wishes(),
        opened in 0_usize..8,
    ) {
        let mut market = Market::new(4);
        let (mut away, mut written) = (None, 0);
        for (number, wish) in wishes.into_iter().enumerate() {
            if number == opened {
                away = Away::of(&market.ledger, &market.stage.set);
            }
            let (chain, heard) = (market.chains[wish.1], market.stage.records.len());
            let asked = Asked::of(&mut market, wish);
            let draft = asked.and_then(|asked| asked.drafted_alike(&market, away.as_ref(), &chain));
            if let Some(draft) = draft {
                market.submit(draft);
                written += usize::from(away.is_some());
            }
            if wish.3 % 4 == 0 {
                market.seal(chain);
            }
            if let Some(away) = &mut away {
                away.hear(&market.stage.records[heard..]);
                prop_assert!(away.stands_like(&market.ledger, &market.stage.set));
                prop_assert!(!away.set.missed(), "{wish:?} read what is not live");
            }
        }
        prop_assert!(away.is_some() && written > 0);
    }
}

/// How a page begins: with a tag and its number.
const HEAD_LEN: usize = b"icn/ledger/snapshot/v2".len() + 4;

/// A market in which everything is under way, and what happens in it next.
struct Scene {
    set: RecordSet,
    ledger: Ledger,
    pages: Vec<Vec<u8>>,
    market: Market,
}

impl Scene {
    fn new() -> Self {
        let mut market = Market::new(6);
        let [a, b, c, d, e, f] = *market.chains.clone() else {
            panic!("six members");
        };
        let paid = market.post_two(a, (b, 10), (c, 5));
        market.ack(b, &[leg(paid, 0)]);
        market.refuse(c, &[leg(paid, 1)]);
        let other = market.pay(c, a, 7);
        market.seal(a);
        market.ack(a, &[leg(other, 0)]);
        market.refund(b, leg(paid, 0), 3);
        let (first, second) = (market.hold(a, (b, 20), c), market.hold(a, (d, 6), c));
        market.resolve(c, &[(first, 12)]);
        market.pay(d, d, 1);
        market.note(d, &[]);
        market.note(e, &[RecordId::from_bytes([7; 32])]);
        market.pay(a, c, 2);
        let forks = [1, 2, 3].map(|atoms| market.pay_after(f, None, b, atoms));
        market.ack(b, &[leg(forks[0], 0)]);
        let (set, ledger) = (market.stage.set.clone(), market.ledger.clone());
        let pages = ledger.snapshot(&set).unwrap();
        market.resolve(c, &[(second, 6)]);
        for chain in [a, b, c] {
            market.seal(chain);
            market.ack_all(chain);
        }
        let tip = market.tip(d);
        market.reopen(d, tip, 0);
        market.ack_all(d);
        let draft = market.ledger.draft_cover(&market.stage.set, &b, NOW);
        market.submit(draft.unwrap().unwrap());
        Self {
            set,
            ledger,
            pages,
            market,
        }
    }

    fn restore<P: AsRef<[u8]>>(
        &self,
        pages: impl IntoIterator<Item = P>,
    ) -> Result<Ledger, RestoreError> {
        Ledger::restore(&self.set, self.market.unit, pages)
    }

    /// Everything that can be asked, now and after what happens next.
    fn ask(&self, mut ledger: Ledger) {
        self.questions(&ledger, &self.set);
        let set = &self.market.stage.set;
        for slot in set.slots().skip(self.set.len()) {
            ledger.update(set, slot);
        }
        self.questions(&ledger, set);
        ledger.refresh(set);
    }

    /// Answers do not matter, but that there are any.
    fn questions(&self, ledger: &Ledger, set: &RecordSet) {
        fn asked<T>(_: T) {}
        let mut register = Register::new();
        let query = register.query(set, ledger);
        asked(query.quarantine(None, PageSize::new(500).unwrap()));
        for &chain in &self.market.chains {
            asked(query.claims_of(&chain));
            asked(ledger.positions(set, &chain));
            asked(ledger.charge(set, &chain));
            asked(ledger.draft_acks(set, &chain, NOW));
            asked(ledger.draft_cover(set, &chain, NOW));
        }
        asked(ledger.label_digest(set));
        asked(ledger.recount(set));
        asked(ledger.live(set));
        asked(ledger.snapshot(set));
        for slot in set.slots() {
            for number in 0..2 {
                asked(ledger.finality(set, &leg(set.id(slot), number)));
            }
        }
    }
}

#[test]
fn everything_under_way_is_read_back() {
    let scene = Scene::new();
    let restored = scene.restore(&scene.pages).unwrap();
    assert_same(&scene.ledger, &restored, &scene.set);
    let slots = scene.set.slots();
    let words: BTreeSet<_> = slots
        .map(|slot| match restored.verdict(slot) {
            icn_types::verdict::Verdict::Valid => "valid",
            icn_types::verdict::Verdict::Waiting => "waiting",
            icn_types::verdict::Verdict::Invalid(breach) => breach.code(),
        })
        .collect();
    assert_eq!(
        words,
        BTreeSet::from(["valid", "waiting", "pay.self", "invalid.ended"])
    );
    scene.ask(restored);
}

#[test]
fn pages_that_are_cut_off_say_so() {
    let scene = Scene::new();
    let [page] = &*scene.pages else {
        panic!("one page");
    };
    let short = RestoreError::Short { page: 0 };
    assert_eq!(scene.restore::<&[u8]>([]).unwrap_err(), short);
    for len in 0..page.len() {
        let error = scene.restore([&page[..len]]).unwrap_err();
        let is_named = match error {
            RestoreError::Page { page: 0 } => len < HEAD_LEN,
            RestoreError::Short { page } => len >= HEAD_LEN && page < 2,
            _ => false,
        };
        assert!(is_named, "{len} bytes: {error}");
    }
}

#[test]
fn pages_that_do_not_belong_together_say_so() {
    let scene = Scene::new();
    let page = &scene.pages[0];
    let longer = [&page[..], &[0]].concat();
    let error = scene.restore([&longer]).unwrap_err();
    assert_eq!(error, RestoreError::Long { page: 0 });
    let error = scene.restore([page, page]).unwrap_err();
    assert_eq!(error, RestoreError::Long { page: 1 });
    let mut second = page.clone();
    second[HEAD_LEN - 1] = 1;
    let error = scene.restore([&second]).unwrap_err();
    assert_eq!(error, RestoreError::Page { page: 0 });
    let set = &scene.set;
    let unit = Unit {
        min_leg: amount(2),
        ..scene.market.unit
    };
    let error = Ledger::restore(set, unit, &scene.pages).unwrap_err();
    let topic = scene.ledger.topic();
    assert_eq!(error, RestoreError::Ledger { topic });
    let empty = RecordSet::new(set.domain());
    let error = Ledger::restore(&empty, scene.market.unit, &scene.pages).unwrap_err();
    let records = u32::try_from(set.len()).unwrap();
    assert_eq!(error, RestoreError::Set { records });
}

#[test]
fn set_in_another_order_is_another_set() {
    let scene = Scene::new();
    let mut records: Vec<_> = scene.market.stage.records.iter().collect();
    records.reverse();
    let mut set = RecordSet::new(scene.set.domain());
    while set.len() < scene.set.len() {
        let ready = |record: &&Signed<Record>| scene.set.find(&record.id()).is_some();
        records.retain(|record| !ready(record) || set.insert((*record).clone()).is_err());
    }
    let error = Ledger::restore(&set, scene.market.unit, &scene.pages).unwrap_err();
    assert!(matches!(error, RestoreError::Set { .. }));
}

#[test]
fn damaged_page_is_an_error_or_a_ledger_that_can_be_asked() {
    let scene = Scene::new();
    let page = &scene.pages[0];
    let (mut refused, mut read) = (BTreeSet::new(), 0);
    for at in 0..page.len() {
        let mut damaged = page.clone();
        damaged[at] ^= 1 << (at * 5 % 8);
        match scene.restore([&damaged]) {
            Err(error) => {
                refused.insert(error.code());
            }
            Ok(ledger) => {
                read += 1;
                if at % 3 == 0 {
                    scene.ask(ledger);
                }
            }
        }
    }
    assert!(read > 100, "{read} of {} are read", page.len());
    let all = [
        "snapshot.ledger",
        "snapshot.page",
        "snapshot.row",
        "snapshot.set",
        "snapshot.short",
    ];
    assert_eq!(refused, BTreeSet::from(all));
}

#[test]
fn errors_are_those_of_the_environment() {
    for error in [
        RestoreError::Page { page: 1 },
        RestoreError::Short { page: 1 },
        RestoreError::Long { page: 1 },
        RestoreError::Row { page: 1 },
    ] {
        assert_eq!(error.fault(), Fault::Environment);
        assert!(error.to_string().contains("page 1"), "{error}");
    }
}

#[test]
fn every_breach_is_found_by_its_code() {
    let own = [
        Breach::Open,
        Breach::Ended,
        Breach::Ref,
        Breach::Kind,
        Breach::Body,
    ];
    let rules = icn_ledger::LedgerRule::ALL.map(Breach::Rule);
    for breach in own.into_iter().chain(rules) {
        let found = Breach::of_code(breach.code(), &icn_ledger::LedgerRule::ALL);
        assert_eq!(found, Some(breach));
        assert!(breach.code().len() <= 32, "longer than its room in a row");
    }
}

/// Writes a record that nobody hears of before it is sent.
pub(crate) fn kept_back<T>(
    market: &mut Market,
    write: impl FnOnce(&mut Market) -> T,
) -> Signed<Record> {
    let set = market.stage.set.clone();
    write(market);
    market.stage.set = set;
    market.stage.records.pop().unwrap()
}

/// Three members, and a payment of the first to the second that comes late.
fn with_a_late_payment() -> (Market, [ChainId; 3], Signed<Record>) {
    let mut market = Market::new(3);
    let [a, b, c] = *market.chains.clone() else {
        panic!("three members");
    };
    let payment = market.payment(&[(b, 10)]);
    let late = kept_back(&mut market, |market| {
        market.stage.write(&a, PAYMENT, &[], &payment);
    });
    (market, [a, b, c], late)
}

#[test]
fn record_that_waits_goes_on_waiting_after_a_restart() {
    let (mut market, [_, b, c], late) = with_a_late_payment();
    let naming = market.note(b, &[late.id()]);
    let following = market.stage.write(&c, NOTE, &[naming], &Note::default());
    market.feed();
    let set = &market.stage.set;
    let pages = market.ledger.snapshot(set).unwrap();
    let live = market.ledger.live(set);
    assert!(
        [naming, following]
            .iter()
            .all(|id| live.contains(&set.find(id).unwrap()))
    );
    let mut restored = Ledger::restore(set, market.unit, &pages).unwrap();
    market.stage.set.insert(late.clone()).unwrap();
    market.stage.records.push(late.clone());
    market.feed();
    let set = &market.stage.set;
    restored.update(set, set.find(&late.id()).unwrap());
    assert_same(&market.ledger, &restored, set);
    let decided = restored.decided().iter().rev().take(3);
    let decided: Vec<_> = decided.map(|slot| set.id(*slot)).collect();
    assert_eq!(decided, [following, naming, late.id()]);
    again(&restored, set, market.unit).unwrap();
}

#[test]
fn record_that_waits_and_what_it_goes_on_from_are_live() {
    let (mut market, [_, b, c], late) = with_a_late_payment();
    market.pay(b, c, 5);
    let decided = market.note(b, &[]);
    let waiting = [market.ack(b, &[leg(late.id(), 0)]), market.note(b, &[])];
    let (set, ledger) = (&market.stage.set, &market.ledger);
    let live = ledger.live(set);
    let is_live = |id: &RecordId| live.contains(&set.find(id).unwrap());
    assert!([decided, waiting[0], waiting[1]].iter().all(is_live));
    let mut away = Away::of(ledger, set).unwrap();
    assert!(away.stands_like(ledger, set));
    assert!(!away.set.missed());
    market.stage.set.insert(late.clone()).unwrap();
    market.stage.records.push(late.clone());
    market.feed();
    assert!(away.hear(&[late]).is_some_and(|events| events.len() == 2));
    assert!(away.stands_like(&market.ledger, &market.stage.set));
    assert!(!away.set.missed());
    assert_eq!(market.posted(b), 5);
}

#[test]
fn last_record_of_a_chain_that_nobody_here_can_judge_is_live() {
    let mut market = Market::new(1);
    let (_, ids) = write_newer_format(&mut market, 1);
    let set = &market.stage.set;
    let live = market.ledger.live(set);
    let tip = ids.last().and_then(|id| set.find(id)).unwrap();
    assert!(live.contains(&tip));
    again(&market.ledger, set, market.unit).unwrap();
}

#[test]
fn records_that_came_later_are_told_to_a_ledger_that_is_read_back() {
    let scene = Scene::new();
    let set = &scene.market.stage.set;
    let mut restored = Ledger::restore(set, scene.market.unit, &scene.pages).unwrap();
    for slot in set.slots().skip(scene.set.len()) {
        restored.update(set, slot);
    }
    restored.refresh(set);
    assert_same(&scene.market.ledger, &restored, set);
}
