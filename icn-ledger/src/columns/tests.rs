use icn_types::id::DomainId;

use super::*;

const A: ChainId = ChainId::from_bytes([1; 32]);
const B: ChainId = ChainId::from_bytes([2; 32]);
const BY: RecordId = RecordId::from_bytes([9; 32]);

const fn leg(number: u8) -> LegId {
    LegId {
        record: RecordId::from_bytes([5; 32]),
        leg: number,
    }
}

fn sent(atoms: u64) -> Sent {
    Sent {
        payer: A,
        payee: B,
        amount: Amount::new(atoms).unwrap(),
    }
}

/// A record in the order of arrival.
fn slot(number: usize) -> Slot {
    let set = RecordSet::new(DomainId::from_bytes([1; 32]));
    set.slot_ahead(number).unwrap()
}

fn arrive(columns: &mut Columns, leg: LegId, by: RecordId) {
    let number = columns.legs.find(slot(7), &leg).unwrap();
    columns.arrive(number, by).unwrap();
}

/// One leg in transit, one that was taken, and a hold.
fn columns(in_transit: LegId, by: RecordId, hold: RecordId) -> Columns {
    let mut columns = Columns::default();
    columns.send(slot(7), leg(0), sent(10));
    columns.send(slot(7), in_transit, sent(20));
    arrive(&mut columns, leg(0), by);
    let held = Held {
        payer: A,
        payee: B,
        resolver: B,
        amount: Amount::new(5).unwrap(),
        expires: None,
    };
    columns.held.insert(hold, held);
    columns
}

fn some() -> Columns {
    columns(leg(1), BY, BY)
}

#[test]
fn columns_are_equal_in_accounts_transit_legs_taken_and_holds() {
    let other = RecordId::from_bytes([8; 32]);
    let mut contested = some();
    contested.change(A, |column| column.contested += 1);
    for (what, different) in [
        ("account", contested),
        ("leg in transit", columns(leg(2), BY, BY)),
        ("taker", columns(leg(1), other, BY)),
        ("hold", columns(leg(1), BY, other)),
    ] {
        assert!(different != some(), "another {what} goes unnoticed");
    }
}

#[test]
fn columns_are_equal_in_any_order_of_arrival() {
    let other = LegId { record: BY, leg: 0 };
    let in_order = |legs: [(usize, LegId); 2]| {
        let mut columns = Columns::default();
        for (at, leg) in legs {
            columns.send(slot(at), leg, sent(10));
        }
        columns
    };
    let (here, there) = (
        in_order([(3, leg(0)), (7, other)]),
        in_order([(3, other), (7, leg(0))]),
    );
    assert!(here == there);
    assert!(here != in_order([(3, leg(0)), (7, leg(1))]));
}

#[test]
fn a_sum_tells_whatever_appears_or_vanishes() {
    assert_eq!(Columns::default().sum(), 0);
    assert_eq!(some().sum(), 5, "the hold was set aside by nobody");
    let mut columns = some();
    columns.change(A, |column| column.posted -= 5);
    assert_eq!(columns.sum(), 0);
    columns.change(B, |column| column.contested += 7);
    assert_eq!(columns.sum(), 7);
}

/// Sends legs, takes some of them, and tells how many are still looked through.
fn looked_through(sent_legs: u8, taken: u8) -> usize {
    let mut columns = Columns::default();
    for number in 0..sent_legs {
        columns.send(slot(7), leg(number), sent(1));
    }
    for number in 0..taken {
        arrive(&mut columns, leg(number), BY);
    }
    assert_eq!(columns.in_transit().len(), usize::from(sent_legs - taken));
    columns.open.legs.len()
}

#[test]
fn taken_legs_are_swept_when_four_more_than_half_were_taken() {
    assert_eq!(looked_through(20, 14), 20);
    assert_eq!(looked_through(20, 15), 5);
    assert_eq!(looked_through(20, 20), 5, "too few to sweep again");
    assert_eq!(looked_through(200, 105), 95);
    assert_eq!(looked_through(200, 156), 95);
    assert_eq!(looked_through(200, 157), 43);
}
