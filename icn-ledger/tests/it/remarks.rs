//! Remarks: assertions, period closes, disputes and outcomes.

use icn_ledger::query::{
    Dates, Disputed, Disputes, Found, Line, Order, PageSize, Query, Register, Ruled,
};
use icn_ledger::remark::{
    ASSERTION, Assertion, DISPUTE, Dispute, DisputeRequest, OUTCOME, Outcome, PERIOD_CLOSE,
    PeriodClose, RemarkRequest, Ruling,
};
use icn_ledger::{Authorized, Finality, LedgerEvent, LegId, LegRef, Refusal};
use icn_types::amount::Position;
use icn_types::authority::ProposalId;
use icn_types::canon::{List, Raw, Reason, from_bytes, to_bytes};
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Attachment;
use icn_types::set::Label;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::columns::{cases, steps};
use crate::market::{Market, NOW, leg};
use crate::queries::trade_step;

const SIZE: PageSize = PageSize::new(100).unwrap();

const fn millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A payment of 10 from the first of four accounts to the second, taken.
fn market() -> (Market, [ChainId; 4], LegId) {
    let mut market = Market::new(4);
    let chains = [0, 1, 2, 3].map(|number| market.chains[number]);
    let paid = leg(market.pay(chains[0], chains[1], 10), 0);
    market.ack(chains[1], &[paid]);
    (market, chains, paid)
}

fn assert_on(market: &mut Market, by: ChainId, about: RecordId, position: i64) -> RecordId {
    let set = &market.stage.set;
    let draft = market
        .ledger
        .draft_assertion(set, &by, about, position, NOW);
    market.submit(draft.unwrap())
}

fn close(market: &mut Market, chain: ChainId, until: u64) -> RecordId {
    let body = PeriodClose {
        until: millis(until),
    };
    let id = market.stage.write(&chain, PERIOD_CLOSE, &[], &body);
    market.feed();
    id
}

fn request(leg: LegId, mediator: ChainId) -> DisputeRequest {
    DisputeRequest {
        leg,
        evidence: List::empty(),
        mediator,
        memo: None,
    }
}

fn dispute(market: &mut Market, by: ChainId, leg: LegId, mediator: ChainId) -> RecordId {
    let request = request(leg, mediator);
    let set = &market.stage.set;
    let draft = market.ledger.draft_dispute(set, &by, &request, NOW);
    market.submit(draft.unwrap())
}

fn rule(market: &mut Market, by: ChainId, dispute: RecordId, ruling: Ruling) -> RecordId {
    let set = &market.stage.set;
    let draft = market
        .ledger
        .draft_outcome(set, &by, dispute, ruling, None, NOW);
    market.submit(draft.unwrap())
}

/// Writes what admission would refuse.
fn write_dispute(
    market: &mut Market,
    by: ChainId,
    named: LegRef,
    of: RecordId,
    mediator: ChainId,
) -> &'static str {
    let body = Dispute {
        leg: named,
        evidence: List::empty(),
        mediator,
        memo: None,
    };
    let id = market.stage.write(&by, DISPUTE, &[of], &body);
    market.feed();
    market.verdict(&id)
}

fn write_outcome(market: &mut Market, by: ChainId, reference: u16, of: RecordId) -> &'static str {
    let body = Outcome {
        dispute: reference,
        ruling: Ruling::Upheld,
        memo: None,
    };
    let id = market.stage.write(&by, OUTCOME, &[of], &body);
    market.feed();
    market.verdict(&id)
}

fn disputes(query: &Query<'_>, which: Disputes) -> Vec<Disputed> {
    let page = query.disputes(which, Order::OldestFirst, None, SIZE);
    assert!(page.next.is_none());
    page.rows
}

#[test]
fn assertion_that_is_off_by_one_atom_fails_and_ends_nothing() {
    let (mut market, [payer, payee, auditor, _], paid) = market();
    let first = assert_on(&mut market, auditor, paid.record, -10);
    let above = assert_on(&mut market, auditor, paid.record, -9);
    let below = assert_on(&mut market, auditor, paid.record, -11);
    let ack = market.tip(payee).unwrap().head;
    let other = assert_on(&mut market, auditor, ack, 10);
    market.pay(auditor, payer, 1);
    assert_eq!(market.posted(auditor), -1, "the epoch goes on");
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let page = query.assertions(Order::OldestFirst, None, SIZE);
    let found = |id| page.rows.iter().find(|row| row.record == id).unwrap().found;
    let actual = Position::new(-10);
    assert_eq!(found(first), Found::Holds);
    assert_eq!(found(above), Found::Fails { actual });
    assert_eq!(found(below), Found::Fails { actual });
    assert_eq!(found(other), Found::Holds);
    assert!(
        page.rows
            .iter()
            .all(|row| row.by == auditor && row.label == Label::Posted)
    );
    assert_eq!(page.rows.len(), 4);
}

#[test]
fn assertion_names_an_entry_of_the_ledger() {
    let (mut market, [payer, _, one, other], paid) = market();
    let open = market.stage.open_of(&payer);
    for (chain, reference, about) in [(one, 1, paid.record), (other, 0, open)] {
        let body = Assertion {
            reference,
            position: 0,
        };
        let id = market.stage.write(&chain, ASSERTION, &[about], &body);
        market.feed();
        assert_eq!(market.verdict(&id), "assert.ref");
    }
}

#[test]
fn period_is_closed_once_and_periods_rise() {
    let mut market = Market::new(1);
    let chain = market.chains[0];
    let first = close(&mut market, chain, 100);
    let next = close(&mut market, chain, 101);
    let tip = market.tip(chain);
    market.reopen(chain, tip, 0);
    let again = close(&mut market, chain, 101);
    assert_eq!(market.verdict(&first), "valid");
    assert_eq!(market.verdict(&next), "valid");
    assert_eq!(market.verdict(&again), "close.order", "over all epochs");
}

#[test]
fn nobody_closes_a_period_that_is_not_over() {
    let market = Market::new(1);
    let chain = market.chains[0];
    let set = &market.stage.set;
    let asked = |until, at| {
        market
            .ledger
            .draft_close(set, &chain, millis(until), millis(at))
    };
    let refused = asked(101, 100).unwrap_err();
    assert_eq!(refused, Refusal::Future { until: millis(101) });
    assert_eq!(refused.code(), "authorize.future");
    assert!(asked(100, 100).is_ok());
}

/// One account with payments dated 10 and 20, a close at 20, and then payments
/// dated 15 and 30.
fn closed() -> (Market, ChainId) {
    let mut market = Market::new(2);
    let (chain, other) = (market.chains[0], market.chains[1]);
    let pay = |market: &mut Market, date, atoms| {
        let mut payment = market.payment(&[(other, atoms)]);
        payment.effective = Some(millis(date));
        market.post(chain, &[], &payment);
    };
    pay(&mut market, 10, 1);
    pay(&mut market, 20, 2);
    close(&mut market, chain, 20);
    pay(&mut market, 15, 4);
    pay(&mut market, 30, 8);
    (market, chain)
}

#[test]
fn late_line_counts_and_is_reported_in_the_next_period() {
    let (market, chain) = closed();
    assert_eq!(market.posted(chain), -15, "nothing is refused");
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let period = |from, until| {
        let (from, until) = (millis(from), millis(until));
        let dates = Dates { from, until };
        query.statement_by_date(&chain, dates, None, SIZE).unwrap()
    };
    let told = |lines: &[Line]| -> Vec<_> {
        let told = lines.iter().map(|line| (line.amount.get(), line.is_late()));
        told.collect()
    };
    let (first, next) = (period(0, 20), period(21, 40));
    assert_eq!(told(&first.lines), [(1, false), (2, false)]);
    assert_eq!(first.closing, Position::new(-3));
    assert_eq!(told(&next.lines), [(4, true), (8, false)]);
    assert_eq!(
        (next.opening, next.closing),
        (first.closing, Position::new(-15))
    );
    let late = &next.lines[0];
    assert_eq!((late.stated, late.date), (millis(15), millis(21)));
    let all = query.by_date(Dates::ALL, Order::OldestFirst, None, SIZE);
    let dates: Vec<_> = all.rows.iter().map(|row| row.date.as_millis()).collect();
    assert_eq!(dates, [0, 10, 20, 21, 30], "the close itself claims 0");
}

#[test]
fn closed_period_is_final_once_its_close_is_sealed() {
    let (mut market, chain) = closed();
    let finality = |market: &Market, date| {
        let mut register = Register::new();
        let query = register.query(&market.stage.set, &market.ledger);
        query.position_on(&chain, millis(date)).finality
    };
    assert_eq!(finality(&market, 20), Finality::Local);
    market.seal(chain);
    assert_eq!(finality(&market, 20), Finality::Sealed);
    assert_eq!(finality(&market, 21), Finality::Local);
}

#[test]
fn either_side_disputes_a_leg_and_nobody_else() {
    let (mut market, [payer, payee, stranger, mediator], paid) = market();
    dispute(&mut market, payer, paid, mediator);
    dispute(&mut market, payee, paid, mediator);
    let note = market.note(payer, &[]);
    let leg = |reference, leg| LegRef { reference, leg };
    let code = |by, named, of| write_dispute(&mut market.clone(), by, named, of, mediator);
    assert_eq!(code(stranger, leg(0, 0), paid.record), "dispute.leg");
    assert_eq!(code(payer, leg(0, 1), paid.record), "dispute.leg");
    assert_eq!(code(payer, leg(0, 0), note), "dispute.leg");
    assert_eq!(code(payer, leg(1, 0), paid.record), "dispute.ref");
    assert_eq!(code(payer, leg(0, 0), paid.record), "valid");
}

#[test]
fn mediator_is_neither_side_and_has_an_account() {
    let (mut market, [payer, payee, ..], paid) = market();
    let named = LegRef {
        reference: 0,
        leg: 0,
    };
    for side in [payer, payee] {
        let code = write_dispute(&mut market.clone(), payee, named, paid.record, side);
        assert_eq!(code, "dispute.mediator");
    }
    let nobody = ChainId::from_bytes([9; 32]);
    let request = request(paid, nobody);
    let set = &market.stage.set;
    let refused = market.ledger.draft_dispute(set, &payee, &request, NOW);
    let refused = refused.unwrap_err();
    assert_eq!(refused, Refusal::NoAccount { chain: nobody });
    assert_eq!(refused.code(), "authorize.account");
    let code = write_dispute(&mut market, payee, named, paid.record, nobody);
    assert_eq!(code, "valid", "whose account that is decides nothing");
}

#[test]
fn mediator_alone_ends_a_dispute_and_once() {
    let (mut market, [payer, payee, stranger, mediator], paid) = market();
    let opened = dispute(&mut market, payee, paid, mediator);
    let code =
        |market: &Market, by, reference, of| write_outcome(&mut market.clone(), by, reference, of);
    assert_eq!(code(&market, stranger, 0, opened), "outcome.mediator");
    assert_eq!(code(&market, payer, 0, opened), "outcome.mediator");
    assert_eq!(code(&market, mediator, 0, paid.record), "outcome.dispute");
    assert_eq!(code(&market, mediator, 1, opened), "outcome.dispute");
    rule(&mut market, mediator, opened, Ruling::Settled);
    assert_eq!(code(&market, mediator, 0, opened), "outcome.twice");
    let tip = market.tip(mediator);
    market.reopen(mediator, tip, 0);
    assert_eq!(
        code(&market, mediator, 0, opened),
        "outcome.twice",
        "in all epochs"
    );
}

#[test]
fn disputes_are_listed_open_and_ended_with_what_they_led_to() {
    let (mut market, [payer, payee, _, mediator], paid) = market();
    let mut first = request(paid, mediator);
    let photo = Attachment::new(&[1; 32], b"photo").unwrap();
    first.evidence = List::new([photo]).unwrap();
    let set = &market.stage.set;
    let draft = market.ledger.draft_dispute(set, &payer, &first, NOW);
    let first = market.submit(draft.unwrap());
    let second = dispute(&mut market, payee, paid, mediator);
    let proposal = ProposalId::from_bytes([7; 32]);
    let ruling = Ruling::Escalated(proposal);
    let outcome = rule(&mut market, mediator, first, ruling);

    // The money moves by an ordinary payment that names the dispute.
    let mut back = market.request(&[(payer, 10)]);
    back.cause = Some(first);
    let Ok(Authorized::Draft(draft)) = market.authorize(payee, &back) else {
        panic!("within the limit");
    };
    let back = market.submit(draft);

    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let open = disputes(&query, Disputes::Open);
    assert_eq!(
        open.iter().map(|row| row.record).collect::<Vec<_>>(),
        [second]
    );
    let ended = disputes(&query, Disputes::Ended);
    let [row] = &ended[..] else {
        panic!("one has ended");
    };
    assert_eq!((row.record, row.by, row.leg), (first, payer, paid));
    assert_eq!((row.payer, row.payee, row.amount.get()), (payer, payee, 10));
    assert_eq!((row.mediator, &row.evidence[..]), (mediator, &[photo][..]));
    assert_eq!(
        row.ruled
            .map(|Ruled { record, ruling, .. }| (record, ruling)),
        Some((outcome, ruling))
    );
    assert_eq!(disputes(&query, Disputes::All).len(), 2);
    let led_to = query.by_cause(first, Order::OldestFirst, None, SIZE);
    assert_eq!(
        led_to.rows.iter().map(|row| row.record).collect::<Vec<_>>(),
        [back]
    );
    let told = |event: &LedgerEvent| event.record();
    assert!(market.events.iter().any(|event| {
        matches!(event, LedgerEvent::Ruled { dispute, .. } if *dispute == first)
            && told(event) == Some(outcome)
    }));
    assert!(market.events.iter().any(|event| {
        matches!(event, LedgerEvent::Disputed { mediator: by, .. } if *by == mediator)
            && told(event) == Some(second)
    }));
}

#[test]
fn dispute_whose_outcome_is_contested_is_open() {
    let (mut market, [_, payee, stranger, mediator], paid) = market();
    let opened = dispute(&mut market, payee, paid, mediator);
    let before = market.tip(mediator);
    rule(&mut market, mediator, opened, Ruling::Reversed);
    market.pay_after(mediator, before, stranger, 1);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    assert_eq!(disputes(&query, Disputes::Open).len(), 1);
    assert!(disputes(&query, Disputes::Ended).is_empty());
}

#[test]
fn remarks_need_no_grant_and_move_nothing() {
    let (mut market, [payer, payee, auditor, mediator], paid) = market();
    let before = market.ledger.recount(&market.stage.set);
    for chain in [payee, auditor, mediator] {
        let tip = market.tip(chain);
        market.stage.reopen_with(&chain, tip, 0, None);
        market.feed();
    }
    let opened = dispute(&mut market, payee, paid, mediator);
    rule(&mut market, mediator, opened, Ruling::WrittenOff);
    assert_on(&mut market, auditor, paid.record, -10);
    close(&mut market, auditor, 5);
    assert_eq!(market.ledger.recount(&market.stage.set), before);
    assert_eq!(market.posted(payer), -10);
}

#[test]
fn ruling_that_nobody_knows_is_no_body() {
    let all = [
        Ruling::Upheld,
        Ruling::Reversed,
        Ruling::Settled,
        Ruling::WrittenOff,
        Ruling::Escalated(ProposalId::from_bytes([1; 32])),
    ];
    for ruling in all {
        assert_eq!(from_bytes::<Ruling>(&to_bytes(&ruling)), Ok(ruling));
    }
    for bytes in [&[0x81, 0x04][..], &[0x81, 0x05], &[0x82, 0x00, 0x00]] {
        let error = from_bytes::<Ruling>(bytes).unwrap_err();
        assert_eq!(error.reason(), Reason::Value("outcome.ruling"));
    }
    assert!(from_bytes::<Raw>(&[0x81, 0x04]).is_ok());
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever is written after a close, and however it is dated.
    #[test]
    fn closed_period_never_moves(steps in steps()) {
        let mut market = Market::new(4);
        let mut register = Register::new();
        let mut periods = Vec::new();
        for step in steps {
            let before = market.stage.records.len();
            trade_step(&mut market, step);
            let chain = market.chains[usize::from(step.1)];
            let until = millis(u64::from(step.3 % 16) * 10);
            if step.0 == 6 && market.stage.records.len() > before {
                let query = register.query(&market.stage.set, &market.ledger);
                periods.push((chain, until, query.position_on(&chain, until).position));
            }
        }
        let query = register.query(&market.stage.set, &market.ledger);
        for (chain, until, position) in periods {
            prop_assert_eq!(query.position_on(&chain, until).position, position);
        }
    }
}

/// The remark as it stands is the name under which it is made.
#[test]
fn same_remark_is_made_once_on_a_chain() {
    let (mut market, [payer, payee, stranger, mediator], paid) = market();
    let make = |market: &mut Market, by, request: &RemarkRequest| {
        let set = &market.stage.set;
        match market.ledger.authorize_remark(set, &by, request, NOW) {
            Ok(Authorized::Draft(draft)) => Ok((market.submit(draft), true)),
            Ok(Authorized::Again(first)) => Ok((first, false)),
            Err(refusal) => Err(refusal.code()),
        }
    };
    let asserting = |position| RemarkRequest::Assert {
        about: paid.record,
        position,
    };
    let disputing = RemarkRequest::Dispute(request(paid, mediator));
    let (dispute, _) = make(&mut market, payer, &disputing).unwrap();
    let ruling = |ruling| RemarkRequest::Rule {
        dispute,
        ruling,
        memo: None,
    };
    let closing = RemarkRequest::Close { until: NOW };
    for (by, request) in [
        (stranger, asserting(-10)),
        (stranger, asserting(-11)),
        (payer, asserting(-10)),
        (payee, disputing.clone()),
        (payee, closing),
        (mediator, ruling(Ruling::Upheld)),
    ] {
        let (first, is_new) = make(&mut market, by, &request).unwrap();
        assert!(is_new, "{request:?}");
        assert_eq!(market.verdict(&first), "valid");
        market.note(by, &[]);
        assert_eq!(make(&mut market, by, &request), Ok((first, false)));
    }
    assert_eq!(make(&mut market, payer, &disputing), Ok((dispute, false)));
    let other = make(&mut market, mediator, &ruling(Ruling::Settled));
    assert_eq!(other, Err("outcome.twice"));
}
