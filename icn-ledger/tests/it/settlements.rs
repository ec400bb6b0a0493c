//! Claims that a shared account pays: whoever was left with credit that does
//! not stand is made whole, once.

use icn_ledger::query::{Claim, ClaimState, Movement, Order, PageSize, Query, Register};
use icn_ledger::remark::DisputeRequest;
use icn_ledger::settle::SETTLEMENT;
use icn_ledger::{
    Authorized, DecisionRef, LedgerEvent, LedgerRule, Leg, LegId, LegRef, Refusal, Settlement,
    SettlementRequest,
};
use icn_types::authority::{
    Act, Action, Envelope, Finality, Grant, ProposalId, Seal, SealRow, Tip, envelope_key,
};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::testkit::stage::GRANT;

use crate::holds::{part, rest};
use crate::market::{Market, NOW, amount, follow, leg};
use crate::treasury::decide;

/// A member who bought for 40 beyond what was sealed, the shop that took it,
/// and a treasury with an envelope for losses.
#[derive(Clone)]
pub(crate) struct Loss {
    pub(crate) market: Market,
    pub(crate) member: ChainId,
    pub(crate) shop: ChainId,
    pub(crate) fund: Fund,
    /// The last record that will stand.
    pub(crate) sealed: Option<Tip>,
    pub(crate) claim: LegId,
}

/// A shared account that may pay any claim.
#[derive(Clone, Copy)]
pub(crate) struct Fund {
    pub(crate) chain: ChainId,
    pub(crate) ready: RecordId,
    number: u8,
    paid: u64,
}

impl Fund {
    /// Shared account number `number`, with 100 to spend.
    pub(crate) fn open(market: &mut Market, number: u8) -> Self {
        let key = market.stage.draw_key();
        let chain = market.topic().chain(Owner::Shared(number.into()));
        let chain = market.stage.open(chain, key, Some(GRANT));
        let envelope = Action::Envelope(Envelope {
            payer: chain,
            payee: None,
            unit: market.unit.id(),
            tranche: amount(100),
            tranches: 1,
            interval: 0,
        });
        let proposal = ProposalId::from_bytes([number; 32]);
        let ready = decide(market, proposal, &[envelope]);
        Self {
            chain,
            ready,
            number,
            paid: 0,
        }
    }

    /// The key of its next payment.
    pub(crate) fn key(&mut self, market: &Market) -> OperationKey {
        let proposal = ProposalId::from_bytes([self.number; 32]);
        self.paid += 1;
        envelope_key(market.stage.domain(), proposal, 0, self.paid - 1)
    }
}

/// What a settlement names.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) leg: (ChainId, u64),
    pub(crate) claim: LegId,
    pub(crate) open: RecordId,
    pub(crate) head: Option<RecordId>,
}

/// Writes a settlement, whether or not it follows the rules.
pub(crate) fn settle(market: &mut Market, fund: &mut Fund, named: Named) -> RecordId {
    let key = fund.key(market);
    settle_under(market, fund.chain, named, (fund.ready, 0, key))
}

pub(crate) fn settle_under(
    market: &mut Market,
    chain: ChainId,
    named: Named,
    (ready, action, key): (RecordId, u16, OperationKey),
) -> RecordId {
    let (refs, body) = settling(named, (ready, action, key));
    market.write(chain, SETTLEMENT, &refs, &body)
}

/// The body with the refs that it needs.
pub(crate) fn settling(
    named: Named,
    (ready, action, key): (RecordId, u16, OperationKey),
) -> (Vec<RecordId>, Settlement) {
    let mut refs = vec![named.claim.record, named.open, ready];
    refs.extend(named.head);
    refs.sort_unstable();
    refs.dedup();
    let at = |id: &RecordId| u16::try_from(refs.binary_search(id).unwrap()).unwrap();
    let body = Settlement {
        leg: Leg {
            payee: named.leg.0,
            amount: amount(named.leg.1),
        },
        claim: LegRef {
            reference: at(&named.claim.record),
            leg: named.claim.leg,
        },
        charge: at(&named.open),
        key,
        decision: DecisionRef {
            ready: at(&ready),
            action,
        },
        effective: None,
        memo: None,
    };
    (refs, body)
}

impl Loss {
    /// Nothing is sealed yet.
    pub(crate) fn new() -> Self {
        let mut market = Market::new(4);
        let (member, shop) = (market.chains[0], market.chains[1]);
        let fund = Fund::open(&mut market, 1);
        market.pay(member, shop, 5);
        let sealed = market.tip(member);
        let late = market.pay(member, shop, 40);
        market.ack(shop, &[leg(late, 0)]);
        Self {
            market,
            member,
            shop,
            fund,
            sealed,
            claim: leg(late, 0),
        }
    }

    /// A final Seal below the claim, and an Open that charges it.
    pub(crate) fn charged() -> Self {
        let mut loss = Self::new();
        loss.charge(40);
        loss
    }

    pub(crate) fn charge(&mut self, atoms: u64) -> RecordId {
        self.market.reopen(self.member, self.sealed, atoms)
    }

    pub(crate) fn named(&self) -> Named {
        Named {
            leg: (self.shop, 40),
            claim: self.claim,
            open: self.market.stage.open_of(&self.member),
            head: self.sealed.map(|tip| tip.head),
        }
    }

    /// Pays the claim as admission drafts it.
    fn settle(&mut self) -> RecordId {
        let request = self.request();
        match self.ask(&request) {
            Ok(Authorized::Draft(draft)) => self.market.submit(draft),
            other => panic!("expected a draft, found {other:?}"),
        }
    }

    fn request(&mut self) -> SettlementRequest {
        let key = self.fund.key(&self.market);
        SettlementRequest {
            claim: self.claim,
            key,
            decision: (self.fund.ready, 0),
            effective: None,
            memo: None,
            cause: None,
        }
    }

    fn ask(&self, request: &SettlementRequest) -> Result<Authorized, Refusal> {
        let (set, ledger) = (&self.market.stage.set, &self.market.ledger);
        ledger.authorize_settlement(set, &self.fund.chain, request, NOW)
    }

    /// Posted and contested of member, shop and fund.
    fn stands(&self) -> [(i128, i128); 3] {
        [self.member, self.shop, self.fund.chain].map(|chain| {
            let column = self.market.column(chain);
            (column.posted, column.contested)
        })
    }

    fn query<T>(&self, ask: impl FnOnce(&Query<'_>) -> T) -> T {
        let mut register = Register::new();
        ask(&register.query(&self.market.stage.set, &self.market.ledger))
    }

    fn state(&self) -> ClaimState {
        self.query(|query| {
            let claims = query.claims_of(&self.member).claims;
            let own = claims.iter().find(|claim| claim.leg == self.claim);
            own.map(|claim: &Claim| claim.state).unwrap()
        })
    }
}

#[test]
fn a_claim_is_paid_once_it_is_charged_and_its_payee_is_made_whole() {
    let mut loss = Loss::charged();
    assert_eq!(loss.stands(), [(-5, -40), (40, 0), (0, 0)]);
    assert_eq!(loss.market.spendable(loss.shop), 120, "floor and float");
    let settlement = loss.settle();
    assert_eq!(loss.market.verdict(&settlement), "valid");
    assert_eq!(loss.stands(), [(-5, -40), (40, 0), (-40, 0)]);
    let ack = loss.market.ack_all(loss.shop).unwrap();
    assert_eq!(loss.market.verdict(&ack), "valid");
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (-40, 40)]);
    assert_eq!(loss.market.column(loss.member).charged, 40, "for ever");
    assert_eq!(loss.market.spendable(loss.shop), 120, "not sealed yet");
    let seals = [
        loss.market.seal(loss.fund.chain),
        loss.market.seal(loss.member),
    ];
    loss.market.note(
        loss.shop,
        &[seals[0], settlement, seals[1], loss.sealed.unwrap().head],
    );
    assert_eq!(loss.market.spendable(loss.shop), 145, "all of it stands");
}

#[test]
fn a_settlement_is_told_as_one() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    let (claim, payer) = (loss.claim, loss.fund.chain);
    assert_eq!(
        loss.market.events.last(),
        Some(&LedgerEvent::Settled {
            settlement,
            claim,
            payer
        })
    );
    assert_eq!(
        loss.market.events.last().and_then(LedgerEvent::record),
        Some(settlement)
    );
    loss.market.ack(loss.shop, &[leg(settlement, 0)]);
    let told = |chain: ChainId| {
        loss.query(|query| {
            let size = PageSize::new(9).unwrap();
            let lines = query.lines(&chain, Order::NewestFirst, None, size);
            let line = lines.unwrap().rows.swap_remove(0);
            let other = line.counterparty;
            (line.movement, line.change(), line.position.get(), other)
        })
    };
    let (shop, fund) = (loss.shop, loss.fund.chain);
    assert_eq!(told(fund), (Movement::Settled, -40, -40, shop));
    assert_eq!(told(shop), (Movement::Compensated, 0, 40, fund));
}

#[test]
fn a_claim_goes_from_listed_to_charged_to_paid_to_settled() {
    let mut loss = Loss::new();
    loss.charge(0);
    assert_eq!(loss.state(), ClaimState::Listed);
    loss.charge(39);
    assert_eq!(loss.state(), ClaimState::Listed, "not enough for it");
    let open = loss.charge(40);
    assert_eq!(loss.state(), ClaimState::Charged { open });
    assert_eq!(loss.query(|query| query.impairments().len()), 1);
    let settlement = loss.settle();
    assert_eq!(loss.state(), ClaimState::Paid { settlement });
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.state(), ClaimState::Settled { settlement });
    assert_eq!(loss.query(|query| query.impairments().len()), 0);
    let claims = loss.query(|query| query.claims_of(&loss.member));
    assert_eq!(claims.claimed, 40, "charged for ever");
}

#[test]
fn charges_are_told_of_as_many_claims_as_they_pay() {
    let mut loss = Loss::new();
    let late = loss.market.pay(loss.member, loss.shop, 30);
    loss.market.ack(loss.shop, &[leg(late, 0)]);
    let open = loss.charge(69);
    let claims = loss.query(|query| query.claims_of(&loss.member).claims);
    let states: Vec<ClaimState> = claims.iter().map(|claim| claim.state).collect();
    assert_eq!(states.len(), 2);
    assert_eq!(states[0], ClaimState::Charged { open });
    assert_eq!(states[1], ClaimState::Listed);
}

#[test]
fn claims_against_an_account_are_paid_up_to_its_charge() {
    let mut loss = Loss::new();
    let late = loss.market.pay(loss.member, loss.shop, 30);
    loss.market.ack(loss.shop, &[leg(late, 0)]);
    loss.charge(69);
    let first = loss.named();
    let second = Named {
        leg: (loss.shop, 30),
        claim: leg(late, 0),
        ..first
    };
    for (named, verdict) in [(first, "valid"), (second, "settle.charge")] {
        let settlement = settle(&mut loss.market, &mut loss.fund, named);
        assert_eq!(loss.market.verdict(&settlement), verdict);
    }
}

/// Admission says what is missing, and writes nothing.
#[test]
fn what_is_no_charged_claim_is_not_paid() {
    let mut loss = Loss::new();
    let request = loss.request();
    assert_eq!(loss.ask(&request), Err(Refusal::NoClaim), "it stands");
    let tip = loss.market.tip(loss.member);
    loss.market
        .stage
        .seal_at(&loss.member, loss.sealed, Finality::Final);
    loss.market.feed();
    assert_eq!(loss.ask(&request), Err(Refusal::Uncharged), "no next Open");
    assert_ne!(tip, loss.sealed);
    let mut loss = Loss::new();
    for charged in [0, 39] {
        loss.charge(charged);
        assert_eq!(loss.ask(&request), Err(Refusal::Uncharged));
    }
    loss.charge(40);
    let nothing = SettlementRequest {
        claim: leg(loss.claim.record, 1),
        ..request
    };
    assert_eq!(loss.ask(&nothing), Err(Refusal::NoClaim));
    let unknown = SettlementRequest {
        claim: leg(RecordId::from_bytes([0; 32]), 0),
        ..request
    };
    assert_eq!(loss.ask(&unknown), Err(Refusal::NoClaim));
    let undecided = SettlementRequest {
        key: OperationKey::from_bytes([0; 32]),
        ..request
    };
    let decided = Refusal::Rule(LedgerRule::PayDecision);
    assert_eq!(loss.ask(&undecided), Err(decided));
    let settlement = loss.settle();
    let other = loss.request();
    let paid = Err(Refusal::Settled { by: settlement });
    assert_eq!(loss.ask(&other), paid, "in transit");
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.ask(&other), paid);
}

#[test]
fn a_leg_that_its_payee_left_or_refused_is_no_claim() {
    let mut loss = Loss::new();
    let [left, refused] = [20, 10].map(|atoms| {
        let id = loss.market.pay(loss.member, loss.shop, atoms);
        leg(id, 0)
    });
    loss.market.refuse(loss.shop, &[refused]);
    loss.charge(100);
    for claim in [left, refused] {
        let request = SettlementRequest {
            claim,
            ..loss.request()
        };
        assert_eq!(loss.ask(&request), Err(Refusal::NoClaim));
    }
}

#[test]
fn a_claim_of_a_chain_that_forks_waits_for_a_seal() {
    let mut loss = Loss::new();
    let twin = loss
        .market
        .pay_after(loss.member, loss.sealed, loss.shop, 1);
    assert_eq!(loss.market.verdict(&twin), "valid");
    let request = loss.request();
    assert_eq!(loss.state(), ClaimState::Listed);
    assert_eq!(loss.ask(&request), Err(Refusal::Uncharged));
}

#[test]
fn a_settlement_that_is_asked_for_again_is_the_first_one() {
    let mut loss = Loss::charged();
    let request = loss.request();
    let Ok(Authorized::Draft(draft)) = loss.ask(&request) else {
        panic!("a draft");
    };
    let first = loss.market.submit(draft);
    assert_eq!(loss.ask(&request), Ok(Authorized::Again(first)));
    loss.market.ack_all(loss.shop);
    loss.market.seal(loss.member);
    loss.charge(50);
    assert_eq!(
        loss.ask(&request),
        Ok(Authorized::Again(first)),
        "whatever Open is in force by now"
    );
    let conflict = Err(Refusal::KeyConflict { first });
    let other = SettlementRequest {
        claim: leg(loss.claim.record, 1),
        ..request
    };
    assert_eq!(loss.ask(&other), conflict);
    let caused = SettlementRequest {
        cause: Some(first),
        ..request
    };
    assert_eq!(loss.ask(&caused), conflict);
}

/// A payment out of the same envelope took the key.
#[test]
fn a_key_of_a_payment_is_none_of_a_settlement() {
    let mut loss = Loss::charged();
    let request = loss.request();
    let (ready, to) = (loss.fund.ready, (loss.shop, 1));
    let paid = loss
        .market
        .pay_decided(loss.fund.chain, &[ready], to, (0, request.key));
    assert_eq!(loss.market.verdict(&paid), "valid");
    let conflict = Err(Refusal::KeyConflict { first: paid });
    assert_eq!(loss.ask(&request), conflict);
}

#[test]
fn two_shared_accounts_make_a_shop_whole_once() {
    let mut loss = Loss::charged();
    let mut other = Fund::open(&mut loss.market, 2);
    let first = loss.settle();
    let named = loss.named();
    let second = settle(&mut loss.market, &mut other, named);
    assert_eq!(loss.market.verdict(&second), "valid", "it cannot know");
    let tip = loss.market.tip(loss.shop);
    let both = [leg(first, 0), leg(second, 0)];
    let at_once = loss.market.ack(loss.shop, &both);
    assert_eq!(loss.market.verdict(&at_once), "ack.settled");
    loss.market.reopen(loss.shop, tip, 0);
    let drafted = loss.market.ack_all(loss.shop).unwrap();
    let taken = [first, second].map(|id| {
        let columns = loss.market.ledger.columns(&loss.market.stage.set);
        columns.taken_by(&leg(id, 0)) == Some(drafted)
    });
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let left = if taken[0] { second } else { first };
    assert_eq!(loss.market.ack_all(loss.shop), None, "the other is left");
    let back = loss.market.refuse(loss.shop, &[leg(left, 0)]);
    assert_eq!(loss.market.verdict(&back), "valid");
    assert_eq!(loss.market.posted(loss.shop), 45);
}

#[test]
fn a_settlement_that_comes_back_may_be_paid_again() {
    let mut loss = Loss::charged();
    let first = loss.settle();
    let back = loss.market.refuse(loss.shop, &[leg(first, 0)]);
    assert_eq!(loss.stands()[1], (40, 0), "the claim is still the shop's");
    let named = loss.named();
    let tip = loss.market.tip(loss.fund.chain);
    let too_early = settle(&mut loss.market, &mut loss.fund.clone(), named);
    assert_eq!(loss.market.verdict(&too_early), "settle.twice");
    let open = loss.market.reopen(loss.fund.chain, tip, 0);
    assert!(loss.market.stage.set.find(&open).is_some());
    loss.market.ack(loss.fund.chain, &[leg(back, 0)]);
    assert_eq!(loss.stands()[2], (0, 0));
    let again = loss.settle();
    assert_eq!(loss.market.verdict(&again), "valid");
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (-40, 40)]);
}

/// What was paid back of the claim counts as paid back of the settlement, and
/// goes to whoever lost it.
#[test]
fn a_settled_leg_is_paid_back_to_who_settled_it() {
    let mut loss = Loss::charged();
    let before = loss.market.refund(loss.shop, loss.claim, 15);
    let settlement = loss.settle();
    loss.market.ack(loss.shop, &[leg(settlement, 0)]);
    let tip = loss.market.tip(loss.shop);
    let of_claim = loss.market.refund(loss.shop, loss.claim, 1);
    assert_eq!(loss.market.verdict(&of_claim), "refund.source");
    loss.market.reopen(loss.shop, tip, 0);
    let too_much = loss.market.refund(loss.shop, leg(settlement, 0), 26);
    assert_eq!(loss.market.verdict(&too_much), "refund.sum");
    loss.market.reopen(loss.shop, tip, 0);
    let all = loss.market.refund(loss.shop, leg(settlement, 0), 25);
    assert_eq!(loss.market.verdict(&all), "valid");
    assert_eq!(loss.market.column(loss.member).incoming, 15);
    assert_eq!(loss.market.column(loss.fund.chain).incoming, 25);
    assert_eq!(loss.market.verdict(&before), "valid");
}

#[test]
fn a_settlement_is_disputed_like_any_leg() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    loss.market.ack(loss.shop, &[leg(settlement, 0)]);
    let request = |mediator| DisputeRequest {
        leg: leg(settlement, 0),
        evidence: List::empty(),
        mediator,
        memo: None,
    };
    let (set, ledger) = (&loss.market.stage.set, &loss.market.ledger);
    let by = |chain, mediator| ledger.draft_dispute(set, chain, &request(mediator), NOW);
    assert!(by(&loss.fund.chain, loss.member).is_ok());
    assert!(by(&loss.shop, loss.member).is_ok());
    let stranger = Err(Refusal::Rule(LedgerRule::DisputeLeg));
    assert_eq!(by(&loss.member, loss.market.chains[2]), stranger);
}

/// A shop at its ceiling takes no more credit, but a settlement is no more.
#[test]
fn a_settlement_is_taken_above_the_ceiling() {
    let mut loss = Loss::charged();
    let tip = loss.market.tip(loss.shop);
    let ceiling = Grant {
        ceiling: 30,
        ..GRANT
    };
    loss.market
        .stage
        .reopen_with(&loss.shop, tip, 0, Some(ceiling));
    loss.market.feed();
    let settlement = loss.settle();
    let ack = loss.market.ack_all(loss.shop).unwrap();
    assert_eq!(loss.market.verdict(&ack), "valid");
    let columns = loss.market.ledger.columns(&loss.market.stage.set);
    assert_eq!(columns.taken_by(&leg(settlement, 0)), Some(ack));
    assert_eq!(columns.account(&loss.shop).incoming, 5, "that is more");
}

/// Of several legs of one record only the paid one changes its source.
#[test]
fn one_leg_of_a_record_is_settled_and_the_other_keeps_its_doubt() {
    let mut market = Market::new(3);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let mut fund = Fund::open(&mut market, 1);
    let late = market.post_two(member, (shop, 30), (shop, 12));
    market.ack(shop, &[leg(late, 0), leg(late, 1)]);
    let open = market.reopen(member, None, 42);
    let named = |number, atoms| Named {
        leg: (shop, atoms),
        claim: leg(late, number),
        open,
        head: None,
    };
    let swapped = settle(&mut market, &mut fund.clone(), named(1, 30));
    assert_eq!(market.verdict(&swapped), "settle.leg");
    market.reopen(fund.chain, None, 0);
    let settlement = settle(&mut market, &mut fund, named(0, 30));
    market.ack(shop, &[leg(settlement, 0)]);
    let seal = market.seal(fund.chain);
    market.note(shop, &[seal, settlement]);
    assert_eq!(market.spendable(shop), 100 + 30 + 12);
    let more = market.pay(shop, member, 30 + 100 + 13);
    assert_eq!(market.verdict(&more), "limit.floor");
}

/// The hold falls, so its payer owes the payee's part.
#[test]
fn a_part_of_a_dropped_hold_is_settled() {
    let mut market = Market::new(3);
    let [payer, payee, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let mut fund = Fund::open(&mut market, 1);
    let hold = market.hold(payer, (payee, 50), resolver);
    let resolve = market.resolve(resolver, &[(hold, 30)]);
    market.ack(payee, &[part(resolve, 0)]);
    let open = market.reopen(payer, None, 30);
    let named = Named {
        leg: (payee, 30),
        claim: part(resolve, 0),
        open,
        head: None,
    };
    let settlement = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&settlement), "valid");
    let ack = market.ack_all(payee).unwrap();
    assert_eq!(market.verdict(&ack), "valid");
    assert_eq!((market.posted(payee), market.spendable(payee)), (30, 120));
    assert_eq!(market.column(fund.chain).contested, 30);
    let seal = market.seal(fund.chain);
    market.note(payee, &[seal, settlement]);
    assert_eq!(market.spendable(payee), 130);
    // A Seal over the Resolve finds nothing any more that it could seal.
    let seal = market.seal(resolver);
    market.note(payee, &[seal, resolve]);
    assert_eq!(market.spendable(payee), 130);
}

/// The hold stands and the Resolve falls, so the resolver owes what both sides
/// took by it.
#[test]
fn both_parts_of_a_dropped_resolve_are_settled() {
    let mut market = Market::new(3);
    let [payer, payee, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let mut fund = Fund::open(&mut market, 1);
    let hold = market.hold(payer, (payee, 50), resolver);
    let resolve = market.resolve(resolver, &[(hold, 30)]);
    market.ack(payee, &[part(resolve, 0)]);
    market.ack(payer, &[rest(resolve, 0)]);
    // The payee's part waits for a Seal over its hold, and is sealed by none.
    let seal = market.seal(payer);
    market.note(payee, &[seal, hold]);
    let open = market.reopen(resolver, None, 50);
    let mut pay = |chain, claim: LegId, atoms| {
        let named = Named {
            leg: (chain, atoms),
            claim,
            open,
            head: None,
        };
        let id = settle(&mut market, &mut fund, named);
        assert_eq!(market.verdict(&id), "valid");
        let ack = market.ack_all(chain).unwrap();
        assert_eq!(market.verdict(&ack), "valid");
    };
    pay(payee, part(resolve, 0), 30);
    pay(payer, rest(resolve, 0), 20);
    let seal = market.seal(fund.chain);
    let head = market.tip(fund.chain).unwrap().head;
    market.note(payee, &[seal, head]);
    market.note(payer, &[seal, head]);
    assert_eq!(market.spendable(payee), 130);
    assert_eq!(market.spendable(payer), 70);
    assert_eq!(market.column(resolver).contested, -50);
    assert_eq!(market.column(fund.chain).contested, 50);
}

/// An Open of another chain, or one that the record came after, charges
/// nothing of it.
#[test]
fn only_an_open_that_leaves_the_record_out_shows_a_claim() {
    let mut loss = Loss::new();
    let before = loss.market.stage.open_of(&loss.member);
    loss.charge(40);
    let good = loss.named();
    let shop = loss.market.stage.open_of(&loss.shop);
    let cases = [
        (Named { open: shop, ..good }, "settle.open"),
        (
            Named {
                open: before,
                ..good
            },
            "settle.stands",
        ),
        (
            Named {
                open: loss.fund.ready,
                ..good
            },
            "settle.open",
        ),
        (Named { head: None, ..good }, "settle.head"),
    ];
    for (named, code) in cases {
        let id = settle(&mut loss.market, &mut loss.fund.clone(), named);
        assert_eq!(loss.market.verdict(&id), code);
        loss.market.reopen(loss.fund.chain, None, 0);
    }
    let id = settle(&mut loss.market, &mut loss.fund, good);
    assert_eq!(loss.market.verdict(&id), "valid");
}

/// A payment on the path that the Open starts at stands, however it is charged.
#[test]
fn what_an_open_lets_stand_is_no_claim() {
    let mut loss = Loss::new();
    let tip = loss.market.tip(loss.member);
    let open = loss.market.reopen(loss.member, tip, 40);
    let named = Named {
        open,
        head: tip.map(|tip| tip.head),
        ..loss.named()
    };
    let id = settle(&mut loss.market, &mut loss.fund, named);
    assert_eq!(loss.market.verdict(&id), "settle.stands");
}

/// An account that was charged cannot pay what it is charged with.
#[test]
fn a_shared_account_does_not_settle_its_own_claims() {
    let mut market = Market::new(2);
    let shop = market.chains[0];
    let mut fund = Fund::open(&mut market, 1);
    let (ready, key) = (fund.ready, fund.key(&market));
    let late = market.pay_decided(fund.chain, &[ready], (shop, 40), (0, key));
    market.ack(shop, &[leg(late, 0)]);
    let open = market.reopen(fund.chain, None, 40);
    fund.paid = 0;
    let named = Named {
        leg: (shop, 40),
        claim: leg(late, 0),
        open,
        head: None,
    };
    let own = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&own), "settle.own");
    let mut other = Fund::open(&mut market, 2);
    let id = settle(&mut market, &mut other, named);
    assert_eq!(market.verdict(&id), "valid");
}

/// A settlement that falls is a claim itself, against the account that wrote it.
#[test]
fn a_settlement_that_falls_is_settled_by_another_account() {
    let mut loss = Loss::charged();
    let fallen = loss.settle();
    loss.market.ack_all(loss.shop);
    let fund = loss.fund.chain;
    let open = loss.market.reopen(fund, None, 40);
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (0, 0)]);
    assert_eq!(loss.market.column(fund).charged, 40);
    let again = {
        let named = loss.named();
        loss.fund.paid = 0;
        settle(&mut loss.market, &mut loss.fund, named)
    };
    assert_eq!(loss.market.verdict(&again), "valid", "on its other path");
    assert_eq!(loss.market.ack_all(loss.shop), None, "but the shop is paid");
    let mut other = Fund::open(&mut loss.market, 2);
    let named = Named {
        claim: leg(fallen, 0),
        open,
        head: None,
        ..loss.named()
    };
    let second = settle(&mut loss.market, &mut other, named);
    assert_eq!(loss.market.verdict(&second), "valid");
    let ack = loss.market.ack_all(loss.shop).unwrap();
    assert_eq!(loss.market.verdict(&ack), "valid");
    assert_eq!(loss.market.posted(loss.shop), 45);
    let column = loss.market.column(other.chain);
    assert_eq!((column.posted, column.contested), (-40, 40));
}

/// A Recall drops the Seal and the Open that left the record out, so that it
/// stands again. The shop has what the fund paid and nothing twice; what the
/// member paid after all is the fund's.
#[test]
fn a_settled_leg_that_stands_again_is_not_paid_twice() {
    let mut loss = Loss::new();
    let honoured = last_act(&loss.market);
    loss.charge(40);
    let settlement = loss.settle();
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (-40, 40)]);
    loss.market.stage.recall(honoured, &[]);
    loss.market.feed();
    assert_eq!(loss.stands(), [(-45, 0), (45, 0), (-40, 40)]);
    assert_eq!(loss.market.column(loss.member).charged, 0);
    assert!(loss.query(|query| query.claims_of(&loss.member).claims.is_empty()));
    let request = loss.request();
    let by = settlement;
    assert_eq!(loss.ask(&request), Err(Refusal::Settled { by }));
    let refund = loss.market.refund(loss.shop, loss.claim, 1);
    assert_eq!(loss.market.verdict(&refund), "refund.source");
}

#[test]
fn what_was_settled_of_a_record_that_stands_again_is_sealed_no_more() {
    let mut market = Market::new(3);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let mut fund = Fund::open(&mut market, 1);
    let (honoured, opened) = (last_act(&market), market.stage.open_of(&member));
    let late = market.post_two(member, (shop, 30), (shop, 12));
    market.ack(shop, &[leg(late, 0), leg(late, 1)]);
    let named = Named {
        leg: (shop, 30),
        claim: leg(late, 0),
        open: market.reopen(member, None, 42),
        head: None,
    };
    let settlement = settle(&mut market, &mut fund, named);
    market.ack(shop, &[leg(settlement, 0)]);
    market.stage.recall(honoured, &[]);
    market.feed();
    let seal = seal_under(&mut market, member, opened, late);
    market.note(shop, &[seal, late]);
    assert_eq!(market.spendable(shop), 132, "12, and 20 of the settlement");
}

#[test]
fn a_settled_part_that_waited_for_its_resolve_alone_is_sealed_no_more() {
    let mut market = Market::new(3);
    let [payer, payee, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let mut fund = Fund::open(&mut market, 1);
    let hold = market.hold(payer, (payee, 50), resolver);
    let resolve = market.resolve(resolver, &[(hold, 30)]);
    market.ack(payee, &[part(resolve, 0)]);
    let seal = market.seal(payer);
    market.note(payee, &[seal, hold]);
    let (honoured, opened) = (last_act(&market), market.stage.open_of(&resolver));
    let named = Named {
        leg: (payee, 30),
        claim: part(resolve, 0),
        open: market.reopen(resolver, None, 30),
        head: None,
    };
    let settlement = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&settlement), "valid");
    market.ack(payee, &[leg(settlement, 0)]);
    market.stage.recall(honoured, &[]);
    market.feed();
    let seal = seal_under(&mut market, resolver, opened, resolve);
    market.note(payee, &[seal, resolve]);
    assert_eq!(market.spendable(payee), 120, "20 of the settlement");
}

/// Sealed credit gives way like any other, here of a Seal that a Recall drops.
#[test]
fn credit_that_was_sealed_under_a_dropped_seal_is_replaced_too() {
    let mut market = Market::new(4);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let mut fund = Fund::open(&mut market, 1);
    let honoured = last_act(&market);
    let [one, two] = [40, 30].map(|atoms| market.pay_after(member, None, shop, atoms));
    let at = |head| Some(Tip { seq: 0, head });
    let dropped = market.seal_at(member, at(one));
    market.ack(shop, &[leg(one, 0)]);
    market.note(shop, &[dropped, one]);
    assert_eq!(market.spendable(shop), 140);
    market.stage.recall(honoured, &[]);
    let open = market.reopen(member, at(two), 40);
    assert_eq!(market.column(member).charged, 40);
    let named = Named {
        leg: (shop, 40),
        claim: leg(one, 0),
        open,
        head: Some(two),
    };
    let settlement = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&settlement), "valid");
    market.ack(shop, &[leg(settlement, 0)]);
    assert_eq!(market.posted(shop), 40);
    assert_eq!(market.spendable(shop), 120, "until it is sealed again");
    let seal = market.seal(fund.chain);
    market.note(shop, &[seal, settlement]);
    assert_eq!(market.spendable(shop), 140);
}

/// Seals the first record of a chain under an Open that counts again.
fn seal_under(market: &mut Market, chain: ChainId, open: RecordId, head: RecordId) -> RecordId {
    let row = market
        .stage
        .seal_row(&chain, Some(Tip { seq: 0, head }), Finality::Open);
    let rows = List::new([SealRow { open, ..row }]).unwrap();
    let id = market.stage.act(&Act::Seal(Seal { rows }), &[]);
    market.feed();
    id
}

#[test]
fn a_settlement_that_a_forking_payee_refused_takes_nothing_over() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    let tip = loss.market.tip(loss.shop);
    loss.market.refuse(loss.shop, &[leg(settlement, 0)]);
    loss.market.pay_after(loss.shop, tip, loss.member, 1);
    assert_eq!(loss.stands(), [(-5, -40), (40, 40), (-40, 0)]);
}

fn last_act(market: &Market) -> RecordId {
    let authority = market.stage.set.authority();
    let mut acts = market.stage.records.iter().rev();
    let last = acts.find(|record| record.chain() == authority);
    last.unwrap().id()
}

#[test]
fn settlements_count_alike_in_any_order_of_arrival() {
    let mut loss = Loss::charged();
    let first = loss.settle();
    let back = loss.market.refuse(loss.shop, &[leg(first, 0)]);
    loss.market.ack(loss.fund.chain, &[leg(back, 0)]);
    loss.settle();
    loss.market.ack_all(loss.shop);
    let expected = loss.market.ledger.label_digest(&loss.market.stage.set);
    let records = &loss.market.stage.records;
    for turn in 0..records.len() {
        let turned = records[turn..].iter().chain(&records[..turn]).rev();
        let set = loss.market.stage.replay(turned);
        let ledger = follow(&set, loss.market.unit);
        assert_eq!(ledger.label_digest(&set), expected);
        assert_eq!(ledger.recount(&set).sum(), 0);
    }
}
