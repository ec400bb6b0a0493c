//! Claims that a shared account pays: whoever was left with credit that does
//! not stand is made whole, once.

mod admission;
mod amounts;
mod claims;

use icn_ledger::query::{Claim, ClaimState, Query, Register};
use icn_ledger::remark::DisputeRequest;
use icn_ledger::settle::SETTLEMENT;
use icn_ledger::{
    Authorized, DecisionRef, LedgerRule, Leg, LegId, LegRef, Refusal, Settlement, SettlementRequest,
};
use icn_types::authority::{Action, Envelope, Grant, ProposalId, Tip, envelope_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::testkit::stage::GRANT;

use crate::holds::part;
use crate::market::{Market, NOW, amount, leg};
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

    /// One more payment of the member, which the shop took.
    fn buy(&mut self, atoms: u64) -> LegId {
        let late = leg(self.market.pay(self.member, self.shop, atoms), 0);
        self.market.ack(self.shop, &[late]);
        late
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

/// A payment of two legs, both taken, before anything is sealed.
struct Twofold {
    market: Market,
    member: ChainId,
    shop: ChainId,
    fund: Fund,
    late: RecordId,
}

impl Twofold {
    /// 30 and 12 for one shop.
    fn new() -> Self {
        let mut market = Market::new(3);
        let (member, shop) = (market.chains[0], market.chains[1]);
        let fund = Fund::open(&mut market, 1);
        let late = market.post_two(member, (shop, 30), (shop, 12));
        market.ack(shop, &[leg(late, 0), leg(late, 1)]);
        Self {
            market,
            member,
            shop,
            fund,
            late,
        }
    }

    /// A claim for one of the legs, under the Open that charged it.
    const fn named(&self, number: u8, atoms: u64, open: RecordId) -> Named {
        Named {
            leg: (self.shop, atoms),
            claim: leg(self.late, number),
            open,
            head: None,
        }
    }
}

/// A hold of 50, of which the payee took the 30 that its resolver gave it.
struct Parted {
    market: Market,
    fund: Fund,
    payer: ChainId,
    payee: ChainId,
    resolver: ChainId,
    hold: RecordId,
    resolve: RecordId,
}

impl Parted {
    fn new() -> Self {
        let mut market = Market::new(3);
        let [payer, payee, resolver] = market.chains[..] else {
            panic!("three accounts");
        };
        let fund = Fund::open(&mut market, 1);
        let hold = market.hold(payer, (payee, 50), resolver);
        let resolve = market.resolve(resolver, &[(hold, 30)]);
        market.ack(payee, &[part(resolve, 0)]);
        Self {
            market,
            fund,
            payer,
            payee,
            resolver,
            hold,
            resolve,
        }
    }

    /// Pays the claim of whoever took one side of the Resolve, under the Open
    /// that charged it.
    fn settle(&mut self, (chain, claim): (ChainId, LegId), atoms: u64, open: RecordId) -> RecordId {
        let named = Named {
            leg: (chain, atoms),
            claim,
            open,
            head: None,
        };
        let settlement = settle(&mut self.market, &mut self.fund, named);
        assert_eq!(self.market.verdict(&settlement), "valid");
        let ack = self.market.ack_all(chain).unwrap();
        assert_eq!(self.market.verdict(&ack), "valid");
        settlement
    }

    /// The payee's part.
    fn taken(&self) -> (ChainId, LegId) {
        (self.payee, part(self.resolve, 0))
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
        let set = &loss.market.stage.set;
        let columns = loss.market.ledger.columns(set);
        columns.taken_by(set, &leg(id, 0)) == Some(drafted)
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
    loss.market.reopen(loss.fund.chain, tip, 0);
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
    let set = &loss.market.stage.set;
    let columns = loss.market.ledger.columns(set);
    assert_eq!(columns.taken_by(set, &leg(settlement, 0)), Some(ack));
    assert_eq!(columns.account(&loss.shop).incoming, 5, "that is more");
}
