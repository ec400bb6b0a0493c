//! Holds, parts and refunds as a host is told about them.

use icn_ledger::Finality;
use icn_ledger::query::{Doubt, Line, Movement, Order, PageSize, Query, Register};
use icn_types::amount::Position;
use icn_types::authority::Tip;
use icn_types::id::{ChainId, RecordId};
use icn_types::set::Label;

use crate::holds::{part, rest};
use crate::market::{Market, leg};

fn size() -> PageSize {
    PageSize::new(50).unwrap()
}

fn told(query: &Query<'_>, chain: &ChainId) -> Vec<(Movement, i128, Position)> {
    let page = query.lines(chain, Order::OldestFirst, None, size());
    let lines = page.unwrap().rows;
    let of = |line: &Line| (line.movement, line.change(), line.position);
    lines.iter().map(of).collect()
}

fn three() -> (Market, [ChainId; 3]) {
    let market = Market::new(3);
    let chains = [market.chains[0], market.chains[1], market.chains[2]];
    (market, chains)
}

#[test]
fn lines_show_what_was_held_taken_regained_and_refunded() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let open = market.hold(a, (b, 7), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    market.ack(b, &[part(resolve, 0)]);
    market.ack(a, &[rest(resolve, 0)]);
    let refund = market.refund(b, part(resolve, 0), 10);
    market.ack(a, &[leg(refund, 0)]);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let at = Position::new;
    assert_eq!(
        told(&query, &a),
        [
            (Movement::Held, -50, at(-50)),
            (Movement::Held, -7, at(-57)),
            (Movement::Regained, 20, at(-37)),
            (Movement::Received, 10, at(-27)),
        ]
    );
    assert_eq!(
        told(&query, &b),
        [
            (Movement::Received, 30, at(30)),
            (Movement::Refunded, -10, at(20)),
        ]
    );
    assert!(told(&query, &z).is_empty(), "a Resolve moves others' money");
    for chain in [a, b] {
        let statement = query.statement(&chain, 0, u64::MAX, None, size()).unwrap();
        assert_eq!(statement.check(), Ok(()));
        assert_eq!(statement.closing.get(), market.posted(chain));
    }
    let balance = query.trial_balance();
    assert_eq!(
        (balance.held(), balance.in_transit(), balance.sum()),
        (7, 0, 0)
    );
    let listed = [hold, open, resolve, refund].map(|id| query.entry(&id).unwrap());
    assert_eq!(
        listed.map(|listed| listed.finality),
        [
            Finality::Local,
            Finality::Local,
            Finality::Acknowledged,
            Finality::Acknowledged
        ]
    );
}

#[test]
fn a_part_is_impaired_and_claimed_from_whoever_forked() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let [one, two] = [30, 0].map(|part| market.resolve_after(z, None, &[(hold, part)]));
    market.ack(b, &[part(one, 0)]);
    market.ack(a, &[rest(two, 0)]);
    let tip = |head: RecordId| Some(Tip { seq: 0, head });
    market.seal_at(z, tip(one));
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let claims = query.claims();
    assert_eq!(claims.len(), 1);
    assert_eq!((claims[0].author, claims[0].claimed), (z, 50));
    assert_eq!(claims[0].claims[0].leg, rest(two, 0));
    assert_eq!(claims[0].claimed, market.column(z).charged);
    let marks: Vec<_> = query
        .impairments()
        .iter()
        .map(|mark| (mark.account, mark.source, mark.doubt, mark.atoms))
        .collect();
    assert_eq!(marks, [(a, z, Doubt::Void, 50)]);
    let lines = query.lines(&a, Order::NewestFirst, None, size()).unwrap();
    assert_eq!(lines.rows[0].label, Label::Void);
}

#[test]
fn a_part_of_a_dropped_hold_is_claimed_from_its_payer() {
    let (mut market, [a, b, z]) = three();
    let kept = market.pay_after(a, None, b, 1);
    let hold = market.hold_after(a, None, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let tip = |head: RecordId| Some(Tip { seq: 0, head });
    market.ack_after(a, tip(hold), &[rest(resolve, 0)]);
    market.ack(b, &[part(resolve, 0)]);
    market.seal_at(a, tip(kept));
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let claims = query.claims();
    assert_eq!(claims.len(), 1, "the rest never left the payer");
    assert_eq!((claims[0].author, claims[0].claimed), (a, 30));
    assert_eq!(claims[0].claimed, market.column(a).charged);
    let lines = query.lines(&b, Order::NewestFirst, None, size()).unwrap();
    assert_eq!(lines.rows[0].label, Label::Void, "the hold says");
}
