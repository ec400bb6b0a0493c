//! Bundles: payments of several payers or in several units that belong
//! together, exchange between two units, and what of them is there.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::book::{self, Book, Limits};
use icn_ledger::bundle::{
    BundleRequest, Bundling, Due, Exchange, Terms, Through, authorize_bundle,
};
use icn_ledger::query::{
    Bundled, Bundles, Cursor, Order, Page, PageSize, Progress, Register, bundle, bundles, reconcile,
};
use icn_ledger::rate::{Conversion, Known, Rate};
use icn_ledger::split::split;
use icn_ledger::{
    Authorized, Finality, Ledger, LedgerEvent, LedgerRule, Policies, Policy, Refusal, Unit,
    UnitCode,
};
use icn_types::authority::Grant;
use icn_types::canon::{List, Reason, from_bytes, to_bytes};
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::set::Label;
use icn_types::testkit::stage::GRANT;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::columns::cases;
use crate::market::{Market, NOW, amount, follow, leg};
use crate::split::product;

const SIZE: PageSize = PageSize::new(100).unwrap();

/// No limit that an amount could reach.
const WIDE: Grant = Grant {
    floor: i64::MIN,
    ceiling: i64::MAX,
    float: i64::MAX as u64,
};

/// A cooperative with hours and euros. In both units: a payer, a payee, an
/// exchange account and one for what rounding leaves.
struct Fair {
    market: Market,
    euro: Unit,
    hours: [ChainId; 4],
    euros: [ChainId; 4],
}

impl Fair {
    fn new(grant: Grant) -> Self {
        let mut market = Market::with_grant(4, grant);
        let hours = market.chains.clone().try_into().unwrap();
        let euro = Unit {
            code: UnitCode::new("EUR").unwrap(),
            ..market.unit
        };
        let topic = market.stage.ledger(euro.id());
        let euros = core::array::from_fn(|at| market.stage.open_member(at, &topic, Some(grant)));
        market.feed();
        Self {
            market,
            euro,
            hours,
            euros,
        }
    }

    fn euros(&self) -> Ledger {
        follow(&self.market.stage.set, self.euro)
    }

    /// Hours for euros.
    fn exchange(&self, rate: (u64, u64), known: Known) -> Exchange {
        let [payer, _, takes, left] = self.hours;
        let [_, payee, gives, right] = self.euros;
        Exchange {
            rate: Rate::new(amount(rate.0), amount(rate.1)),
            known,
            payer,
            payee,
            through: Through { takes, gives },
            residue: match known {
                Known::Paid(_) => left,
                Known::Received(_) => right,
            },
        }
    }

    fn request(&mut self, terms: Terms) -> BundleRequest {
        BundleRequest {
            terms,
            key: self.market.key(),
            memo: None,
            cause: None,
        }
    }

    fn authorize(&self, request: &BundleRequest, payers: &[ChainId]) -> Result<Bundling, Refusal> {
        let (set, euros) = (&self.market.stage.set, self.euros());
        let ledgers = [&self.market.ledger, &euros];
        authorize_bundle(
            set,
            ledgers,
            &self.hours[0],
            request,
            payers,
            NOW,
            &Policies::NONE,
        )
    }

    /// Stores what is drafted and has everything acknowledged.
    fn store(&mut self, bundling: &Bundling) -> RecordId {
        let all = [&bundling.bundle].into_iter().chain(&bundling.payments);
        for one in all {
            if let Authorized::Draft(draft) = one {
                self.market.submit(draft.clone());
            }
        }
        bundling.bundle.id()
    }

    fn ack_all(&mut self) {
        for chain in self.hours {
            self.market.ack_all(chain);
        }
        for chain in self.euros {
            let set = &self.market.stage.set;
            if let Some(draft) = self.euros().draft_acks(set, &chain, NOW).unwrap() {
                self.market.submit(draft);
            }
        }
    }

    /// Asks with both units at hand.
    fn ask<T>(&self, question: impl FnOnce(&[&icn_ledger::query::Query<'_>]) -> T) -> T {
        let (set, mut euros) = (&self.market.stage.set, self.euros());
        euros.refresh(set);
        let (mut one, mut other) = (Register::new(), Register::new());
        let hours = one.query(set, &self.market.ledger);
        question(&[&hours, &other.query(set, &euros)])
    }

    fn bundle(&self, id: RecordId) -> Bundled {
        self.ask(|both| bundle(both, &id)).unwrap()
    }

    fn links(&self, which: Bundles) -> Vec<RecordId> {
        let page =
            self.ask(|both| reconcile(both[0], both[1], which, Order::OldestFirst, None, SIZE));
        page.rows.iter().map(|row| row.record).collect()
    }

    fn posted(&self) -> [i128; 8] {
        let euros = self.euros();
        let columns = euros.columns(&self.market.stage.set);
        core::array::from_fn(|at| match at.checked_sub(4) {
            None => self.market.posted(self.hours[at]),
            Some(at) => columns.account(&self.euros[at]).posted,
        })
    }
}

fn paid(atoms: u64) -> Known {
    Known::Paid(amount(atoms))
}

fn draft_of(authorized: &Authorized) -> icn_types::record::Draft {
    match authorized {
        Authorized::Draft(draft) => draft.clone(),
        Authorized::Again(id) => panic!("expected a draft, found {id}"),
    }
}

/// Everything that is due from an account, paid under the key of the bundle.
fn pay_due(market: &mut Market, id: RecordId, terms: &Terms, payer: ChainId) -> RecordId {
    let request = terms.request(id, &payer).unwrap().unwrap();
    let authorized = market.authorize(payer, &request).unwrap();
    market.submit(draft_of(&authorized))
}

/// A payment of a host's own that names a bundle.
fn pay_for(market: &mut Market, id: RecordId, payer: ChainId, leg: (ChainId, u64)) -> RecordId {
    let mut request = market.request(&[leg]);
    request.cause = Some(id);
    let draft = draft_of(&market.authorize(payer, &request).unwrap());
    market.submit(draft)
}

/// Three members share a bill of the fourth.
fn bill(fair: &Fair, whole: u64) -> Terms {
    let shares = split(amount(whole), &[2, 2, 3]).unwrap();
    let dues = (0..3).map(|at| Due {
        payer: fair.hours[at],
        payee: fair.hours[3],
        amount: shares[at].unwrap(),
    });
    Terms::Dues(List::new(dues.collect::<Vec<_>>()).unwrap())
}

#[test]
fn a_shared_bill_is_complete_once_the_last_payer_has_paid() {
    let mut fair = Fair::new(GRANT);
    let terms = bill(&fair, 40);
    let request = fair.request(terms.clone());
    let stated = fair.authorize(&request, &[]).unwrap();
    let id = fair.store(&stated);
    let by = fair.hours[0];
    let told = LedgerEvent::Bundled { bundle: id, by };
    assert!(fair.market.events.contains(&told));
    for (at, left) in [(0, [0, 11, 17]), (2, [0, 11, 0]), (1, [0, 0, 0])] {
        let before = fair.bundle(id);
        assert_eq!(before.progress(), Progress::Incomplete);
        pay_due(&mut fair.market, id, &terms, fair.hours[at]);
        let row = fair.bundle(id);
        let found: Vec<_> = row.dues.iter().map(|owed| owed.left()).collect();
        assert_eq!(found, left);
    }
    let row = fair.bundle(id);
    assert_eq!(row.progress(), Progress::Complete);
    let paid = row.dues[0].paid.as_ref().unwrap();
    assert_eq!(paid.finality, Some(Finality::Local));
    assert_eq!((paid.sent, paid.taken), (12, 0));
    fair.market.ack_all(fair.hours[3]);
    let row = fair.bundle(id);
    let paid = row.dues[0].paid.as_ref().unwrap();
    assert_eq!(paid.finality, Some(Finality::Acknowledged));
    assert_eq!((paid.sent, paid.taken, paid.returned), (12, 12, 0));
    assert_eq!(fair.market.posted(fair.hours[3]), 40);
    assert_eq!((row.by, row.label, row.date), (by, Label::Posted, NOW));
}

#[test]
fn an_exchange_is_one_request_and_its_residue_is_named() {
    let mut fair = Fair::new(GRANT);
    let terms = fair.exchange((30, 7), paid(100));
    let request = fair.request(Terms::Exchange(terms));
    let payers = [terms.payer, terms.through.gives];
    let bundling = fair.authorize(&request, &payers).unwrap();
    let id = fair.store(&bundling);
    for payment in &bundling.payments {
        assert_eq!(draft_of(payment).content().cause(), Some(id));
    }
    assert_eq!(fair.links(Bundles::Only(Progress::Complete)), [id]);
    fair.ack_all();
    // 100 buy 23 and a third of an atom: 1 atom was not needed for them.
    assert_eq!(fair.posted(), [-100, 0, 99, 1, 0, 23, -23, 0]);
    let row = fair.bundle(id);
    let units: Vec<_> = row
        .dues
        .iter()
        .map(|owed| owed.paid.as_ref().unwrap().unit)
        .collect();
    let hours = fair.market.unit.id();
    assert_eq!(units, [hours, hours, fair.euro.id()]);
    let again = fair.authorize(&request, &payers).unwrap();
    assert_eq!(again.bundle, Authorized::Again(id));
    for (again, first) in again.payments.iter().zip(&bundling.payments) {
        assert_eq!(*again, Authorized::Again(first.id()));
    }
}

#[test]
fn half_an_exchange_is_listed_as_unmatched_and_asked_for() {
    let mut fair = Fair::new(GRANT);
    let terms = fair.exchange((3, 2), paid(30));
    let request = fair.request(Terms::Exchange(terms));
    let half = fair.authorize(&request, &[terms.payer]).unwrap();
    let id = fair.store(&half);
    assert_eq!(fair.links(Bundles::Only(Progress::Incomplete)), [id]);
    assert!(fair.links(Bundles::Only(Progress::Complete)).is_empty());
    let row = fair.bundle(id);
    assert_eq!(
        row.dues.iter().map(|owed| owed.left()).collect::<Vec<_>>(),
        [0, 20]
    );

    // Whoever writes the exchange account finds it there and pays its side.
    let gives = terms.through.gives;
    let asked = fair.ask(|both| {
        [0, 1].map(|at| {
            both[at]
                .due_from(&gives, Order::NewestFirst, None, SIZE)
                .rows
                .len()
        })
    });
    assert_eq!(
        asked,
        [1, 0],
        "the bundle stands in the ledger of the payer"
    );
    let other = row.terms.request(id, &gives).unwrap().unwrap();
    let (euros, set) = (fair.euros(), &fair.market.stage.set);
    let draft = draft_of(
        &euros
            .authorize(set, &gives, &other, NOW, &Policy::NONE)
            .unwrap(),
    );
    fair.market.submit(draft);
    assert_eq!(fair.links(Bundles::Only(Progress::Complete)), [id]);
}

#[test]
fn one_unit_alone_sees_its_side_of_an_exchange_and_calls_it_incomplete() {
    let mut fair = Fair::new(GRANT);
    let terms = fair.exchange((3, 2), paid(30));
    let request = fair.request(Terms::Exchange(terms));
    let all = fair.authorize(&request, &[terms.payer, terms.through.gives]);
    let id = fair.store(&all.unwrap());
    let alone = fair.ask(|both| bundle(&both[..1], &id)).unwrap();
    assert_eq!(alone.progress(), Progress::Incomplete);
    assert_eq!(alone.dues[0].left(), 0);
    assert_eq!(alone.dues[1].paid, None);
    let elsewhere = fair.ask(|both| bundle(&both[1..], &id));
    assert_eq!(elsewhere, None, "the bundle stands in the other ledger");
}

#[test]
fn too_much_and_something_else_disagree_and_strangers_count_nothing() {
    let mut fair = Fair::new(GRANT);
    let terms = bill(&fair, 14);
    let request = fair.request(terms.clone());
    let [a, b, c, shop] = fair.hours;
    let id = fair.store(&fair.authorize(&request, &[a, b, c]).unwrap());
    assert_eq!(fair.bundle(id).progress(), Progress::Complete);
    pay_for(&mut fair.market, id, shop, (a, 1));
    assert_eq!(fair.bundle(id).progress(), Progress::Complete);
    let stray = pay_for(&mut fair.market, id, b, (a, 1));
    let row = fair.bundle(id);
    assert_eq!(
        (row.progress(), row.strays),
        (Progress::Disagreeing, vec![leg(stray, 0)])
    );

    let request = fair.request(terms);
    let id = fair.store(&fair.authorize(&request, &[a]).unwrap());
    pay_for(&mut fair.market, id, a, (shop, 1));
    let row = fair.bundle(id);
    assert_eq!(
        (row.progress(), row.strays.len()),
        (Progress::Disagreeing, 0)
    );
    assert_eq!(row.dues[0].left(), 0);
}

#[test]
fn what_is_sent_back_is_due_again() {
    let mut fair = Fair::new(GRANT);
    let terms = bill(&fair, 14);
    let request = fair.request(terms);
    let [a, b, c, shop] = fair.hours;
    let bundling = fair.authorize(&request, &[a, b, c]).unwrap();
    let id = fair.store(&bundling);
    let sent = bundling.payments.iter().map(|one| leg(one.id(), 0));
    let [first, second, third] = sent.collect::<Vec<_>>()[..] else {
        panic!("three payments");
    };
    fair.market.refuse(shop, &[first]);
    fair.market.ack(shop, &[second, third]);
    fair.market.refund(shop, third, 5);
    let row = fair.bundle(id);
    assert_eq!(row.progress(), Progress::Incomplete);
    assert_eq!(
        row.dues.iter().map(|owed| owed.left()).collect::<Vec<_>>(),
        [4, 0, 5]
    );
    let paid = row.dues[2].paid.as_ref().unwrap();
    assert_eq!(
        (paid.sent, paid.taken, paid.returned, paid.kept()),
        (6, 6, 5, 1)
    );
    for (payer, atoms) in [(a, 4), (c, 5)] {
        pay_for(&mut fair.market, id, payer, (shop, atoms));
    }
    assert_eq!(fair.bundle(id).progress(), Progress::Complete);
}

#[test]
fn a_contested_payment_pays_nothing() {
    let mut fair = Fair::new(GRANT);
    let terms = bill(&fair, 14);
    let request = fair.request(terms);
    let a = fair.hours[0];
    let payers = [fair.hours[1], fair.hours[2]];
    let id = fair.store(&fair.authorize(&request, &payers).unwrap());
    let before = fair.market.tip(a);
    let Some(due) = fair.bundle(id).dues.first().map(|owed| owed.due) else {
        panic!("a due");
    };
    pay_for(&mut fair.market, id, a, (due.payee, due.amount.get()));
    assert_eq!(fair.bundle(id).progress(), Progress::Complete);
    pay_for(&mut fair.market, id, a, (payers[0], 1));
    assert_eq!(fair.bundle(id).progress(), Progress::Disagreeing);
    fair.market.pay_after(a, before, payers[0], 1);
    let row = fair.bundle(id);
    assert_eq!(row.progress(), Progress::Incomplete);
    let paid = row.dues[0].paid.as_ref().unwrap();
    assert_eq!((paid.sent, paid.unposted, paid.finality), (0, 4, None));
}

#[test]
fn a_bundle_is_authored_whole_or_not_at_all() {
    let mut fair = Fair::new(GRANT);
    let terms = fair.exchange((1, 1), paid(80));
    let request = fair.request(Terms::Exchange(terms));
    let payers = [terms.payer, terms.through.gives];
    let [_, payee, ..] = fair.hours;
    fair.market.pay(terms.payer, payee, 30);
    let refused = fair.authorize(&request, &payers);
    assert_eq!(refused, Err(Refusal::Limit { spendable: 70 }));

    let stranger = fair.hours[1];
    let nobody = fair.authorize(&request, &[stranger]).unwrap_err();
    assert_eq!(nobody, Refusal::NoDue { payer: stranger });
    assert_eq!(nobody.code(), "authorize.due");

    let small = fair.exchange((81, 1), paid(80));
    let small = fair.request(Terms::Exchange(small));
    let refused = fair.authorize(&small, &payers);
    assert_eq!(refused, Err(Refusal::Rule(LedgerRule::BundleRate)));
    let (ledger, set) = (&fair.market.ledger, &fair.market.stage.set);
    let alone = authorize_bundle(
        set,
        [ledger],
        &fair.hours[0],
        &request,
        &payers[1..],
        NOW,
        &Policies::NONE,
    );
    assert_eq!(alone, Err(Refusal::NoOpen), "no ledger of the other unit");
}

/// No payment could carry it out, so nobody is asked for one. A record that says
/// so is as Valid as before.
#[test]
fn a_due_that_no_leg_could_pay_is_not_stated() {
    let mut fair = Fair::new(GRANT);
    fair.euro.min_leg = amount(5);
    let topic = fair.market.stage.ledger(fair.euro.id());
    for (at, euros) in fair.euros.iter_mut().enumerate() {
        *euros = fair.market.stage.open_member(at, &topic, Some(GRANT));
    }
    fair.market.feed();
    let stated = |fair: &mut Fair, paid_hours| {
        let terms = fair.exchange((1, 1), paid(paid_hours));
        fair.request(Terms::Exchange(terms))
    };
    let small = stated(&mut fair, 4);
    let refusal = Refusal::SmallDue {
        payer: fair.euros[2],
        amount: amount(4),
        least: amount(5),
    };
    assert_eq!(fair.authorize(&small, &[]), Err(refusal));
    assert_eq!(
        (refusal.code(), refusal.fault()),
        ("authorize.small_due", Fault::Caller)
    );
    let (set, euros, by) = (&fair.market.stage.set, fair.euros(), fair.hours[0]);
    let item = |request: &BundleRequest| Item {
        chain: by,
        request: request.clone().into(),
        at: NOW,
    };
    let both = [&fair.market.ledger, &euros];
    let batch = authorize_all(set, both, Batch::Atomic, &[item(&small)], &Policies::NONE);
    assert_eq!(batch, [Err(refusal)]);
    let enough = stated(&mut fair, 5);
    assert!(fair.authorize(&enough, &[]).is_ok());

    // Who keeps no euros cannot tell, and what is stored is not judged by it.
    let (set, hours) = (&fair.market.stage.set, &fair.market.ledger);
    let alone = hours.authorize_bundle(set, &by, &small, NOW).unwrap();
    let id = fair.market.submit(draft_of(&alone));
    assert_eq!(fair.market.verdict(&id), "valid");
    let again = fair.authorize(&small, &[]).unwrap();
    assert_eq!(again.bundle, Authorized::Again(id));

    // In the unit of its own ledger it is told at once.
    let dues = Terms::Dues(List::of([(0, 5), (1, 4)].map(|(payer, atoms)| Due {
        payer: fair.euros[payer],
        payee: fair.euros[3],
        amount: amount(atoms),
    })));
    let request = fair.request(dues);
    let (set, euros) = (&fair.market.stage.set, fair.euros());
    let refused = euros.authorize_bundle(set, &fair.euros[0], &request, NOW);
    let payer = fair.euros[1];
    let small = matches!(refused, Err(Refusal::SmallDue { payer: one, .. }) if one == payer);
    assert!(small, "{refused:?}");
}

#[test]
fn a_key_bundles_once() {
    let mut fair = Fair::new(GRANT);
    let dinner = Some(RecordId::from_bytes([7; 32]));
    let request = BundleRequest {
        cause: dinner,
        ..fair.request(bill(&fair, 14))
    };
    let by = fair.hours[0];
    let id = fair.store(&fair.authorize(&request, &[]).unwrap());
    assert_eq!(fair.bundle(id).cause, dinner);
    let (ledger, set) = (&fair.market.ledger, &fair.market.stage.set);
    let again = ledger.authorize_bundle(set, &by, &request, NOW);
    assert_eq!(again, Ok(Authorized::Again(id)));
    let conflict = Err(Refusal::KeyConflict { first: id });
    let other = BundleRequest {
        terms: bill(&fair, 15),
        ..request
    };
    assert_eq!(ledger.authorize_bundle(set, &by, &other, NOW), conflict);
    let other = BundleRequest {
        cause: None,
        ..request.clone()
    };
    assert_eq!(ledger.authorize_bundle(set, &by, &other, NOW), conflict);
    let mut payment = fair.market.request(&[(fair.hours[1], 1)]);
    payment.key = request.key;
    assert_eq!(fair.market.authorize(by, &payment), conflict);
    let items = [Item {
        chain: by,
        request: request.into(),
        at: NOW,
    }];
    let (ledger, set) = (&fair.market.ledger, &fair.market.stage.set);
    let answers = authorize_all(set, [ledger], Batch::Atomic, &items, &Policies::NONE);
    assert_eq!(answers, [Ok(Authorized::Again(id))]);
}

#[test]
fn links_of_two_ledgers_are_listed_by_date_in_pages_without_gaps() {
    let mut fair = Fair::new(WIDE);
    let mut expected = Vec::new();
    for millis in 1..=7 {
        fair.market.stage.set_time(millis);
        let terms = Terms::Exchange(fair.exchange((3, 2), paid(30)));
        let request = fair.request(terms);
        let (set, at) = (&fair.market.stage.set, Timestamp::from_millis(millis));
        // Some stand in the one ledger, some in the other.
        let euros = fair.euros();
        let (ledger, by) = match millis % 2 {
            0 => (&fair.market.ledger, fair.hours[1]),
            _ => (&euros, fair.euros[1]),
        };
        let stated = ledger.authorize_bundle(set, &by, &request, at).unwrap();
        expected.push(fair.market.submit(draft_of(&stated)));
    }
    let request = fair.request(bill(&fair, 14));
    let bill = fair.store(&fair.authorize(&request, &[]).unwrap());
    assert_eq!(fair.links(Bundles::All), expected, "a bill links nothing");
    let all = fair.ask(|both| bundles(both, Bundles::All, Order::OldestFirst, None, SIZE));
    assert_eq!(all.rows.len(), 8);
    assert!(all.rows.iter().any(|row| row.record == bill));
    let payer = fair.hours[0];
    let owed = [bill, expected[1], expected[3], expected[5]];
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let links = |after, size| {
            fair.ask(|both| reconcile(both[0], both[1], Bundles::All, order, after, size))
        };
        assert_eq!(paged(order, links), expected);
        let due = |after, size| fair.ask(|both| both[0].due_from(&payer, order, after, size));
        assert_eq!(paged(order, due), owed);
    }
}

/// All rows of a listing in pages of three, oldest first.
fn paged(
    order: Order,
    listing: impl Fn(Option<Cursor>, PageSize) -> Page<Bundled>,
) -> Vec<RecordId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = listing(after, PageSize::new(3).unwrap());
        found.extend(page.rows.iter().map(|row| row.record));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if order == Order::NewestFirst {
        found.reverse();
    }
    found
}

#[test]
fn terms_have_one_spelling() {
    let fair = Fair::new(GRANT);
    for terms in [
        Terms::Exchange(fair.exchange((3, 2), paid(30))),
        Terms::Exchange(fair.exchange((3, 2), Known::Received(amount(30)))),
        bill(&fair, 14),
    ] {
        let bytes = to_bytes(&terms);
        assert_eq!(from_bytes::<Terms>(&bytes), Ok(terms));
    }
    let pair = |number| to_bytes(&List::<u64, 0, 2>::new([number, 1]).unwrap());
    let other = pair(2);
    let error = from_bytes::<Terms>(&other).unwrap_err();
    assert_eq!(error.reason(), Reason::Value("bundle.terms"));
    let known = from_bytes::<Known>(&pair(2)).unwrap_err();
    assert_eq!(known.reason(), Reason::Value("rate.known"));
}

/// Where the same accounts stand when a plain book exchanges.
fn in_a_book(fair: &Fair, conversion: &Conversion) -> [i128; 8] {
    let mut book = Book::new();
    let units = [fair.market.unit, fair.euro].map(|unit| book.define(unit).unwrap());
    let names = ["payer", "payee", "through", "residue"].map(|name| name.parse().unwrap());
    let [payer, payee, through, residue] = names.each_ref().map(|name| {
        let [key, _] = units.map(|unit| book.open(name, unit, Limits::UNBOUNDED).unwrap());
        key
    });
    let [paid_in, received_in] = units;
    let exchange = book::Exchange {
        payer,
        payee,
        through,
        residue,
        paid_in,
        received_in,
    };
    let key = OperationKey::from_bytes([1; 32]);
    let transfer = exchange.transfer(conversion);
    book.post(&book::Request::new(key, NOW, transfer)).unwrap();
    let accounts = [payer, payee, through, residue];
    core::array::from_fn(|at| {
        let standing = book.standing(accounts[at % 4], units[at / 4]).unwrap();
        standing.position.get()
    })
}

fn atoms() -> impl Strategy<Value = u64> {
    prop_oneof![1..100_u64, 1..1_u64 << 31, 1..1_u64 << 62]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn both_sides_of_an_exchange_fit_the_rate_to_the_atom(
        (a, b) in (atoms(), atoms()),
        known in (any::<bool>(), atoms()),
    ) {
        let mut fair = Fair::new(WIDE);
        let known = if known.0 { paid(known.1) } else { Known::Received(amount(known.1)) };
        let terms = fair.exchange((a, b), known);
        let request = fair.request(Terms::Exchange(terms));
        let authorized = fair.authorize(&request, &[terms.payer, terms.through.gives]);
        let Ok(conversion) = terms.conversion() else {
            prop_assert_eq!(authorized, Err(Refusal::Rule(LedgerRule::BundleRate)));
            return Ok(());
        };
        let id = fair.store(&authorized.unwrap());
        fair.ack_all();
        let posted = fair.posted();
        prop_assert_eq!(posted, in_a_book(&fair, &conversion));
        prop_assert_eq!(posted[..4].iter().sum::<i128>(), 0);
        prop_assert_eq!(posted[4..].iter().sum::<i128>(), 0);
        let [payer, _, takes, left, _, payee, gives, right] = posted.map(i128::unsigned_abs);
        // What the exchange account took is what it gave, up to less than an
        // atom of either unit, which stays with it.
        let (took, gave) = (product(takes, b.into()), product(gives, a.into()));
        let rest = product(conversion.remainder.into(), 1);
        prop_assert_eq!(crate::split::difference(took, gave), Some(rest));
        prop_assert!(conversion.remainder < a.min(b));
        match known {
            Known::Paid(paid) => {
                prop_assert_eq!(payer, u128::from(paid.get()));
                prop_assert_eq!((left + takes, right), (payer, 0));
            }
            Known::Received(received) => {
                prop_assert_eq!(payee, u128::from(received.get()));
                prop_assert_eq!((right + payee, left), (gives, 0));
            }
        }
        prop_assert_eq!(fair.bundle(id).progress(), Progress::Complete);
    }

    #[test]
    fn a_bundle_is_as_far_as_its_payments_in_any_order_of_arrival(
        came in prop::sample::subsequence(vec![0, 1, 2, 3, 4], 0..=5),
        order in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let mut fair = Fair::new(GRANT);
        let terms = fair.exchange((3, 2), paid(31));
        let request = fair.request(Terms::Exchange(terms));
        let payers = [terms.payer, terms.through.gives];
        let before = fair.market.stage.records.len();
        let id = fair.store(&fair.authorize(&request, &payers).unwrap());
        fair.ack_all();
        let (known, new) = fair.market.stage.records.split_at(before);
        let mut set = icn_types::set::RecordSet::new(fair.market.stage.domain());
        for record in known {
            set.insert(record.clone()).unwrap();
        }
        let mut left: Vec<_> = order.iter().filter(|at| came.contains(at)).filter_map(|&at| new.get(at)).collect();
        loop {
            let count = left.len();
            left.retain(|record| set.insert((*record).clone()).is_err());
            if left.len() == count {
                break;
            }
        }
        let (hours, euros) = (Ledger::of(&set, fair.market.unit), Ledger::of(&set, fair.euro));
        let (mut one, mut other) = (Register::new(), Register::new());
        let both = [&one.query(&set, &hours), &other.query(&set, &euros)];
        let found = bundle(&both, &id);
        prop_assert_eq!(found.is_some(), set.find(&id).is_some());
        if let Some(found) = found {
            let has = |at: usize| set.find(&new[at].id()).is_some();
            let expected = if has(1) && has(2) { Progress::Complete } else { Progress::Incomplete };
            prop_assert_eq!(found.progress(), expected);
            prop_assert_eq!(found.dues[0].left() == 0, has(1));
            prop_assert_eq!(found.dues[2].left() == 0, has(2));
        }
    }
}
