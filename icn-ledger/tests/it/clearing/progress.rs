//! A clearing step by step: what is missing, what is posted, what goes back.

use std::collections::BTreeSet;

use icn_ledger::clearing::{CLEARED_MAX, Clearing, DueState, NotReady, Terms};
use icn_ledger::entry::{HOLD, PAYMENT};
use icn_ledger::query::Register;
use icn_ledger::{Authorized, Hold, Leg, LegId, Payment, Policy, Refusal};
use icn_types::id::{ChainId, RecordId, TopicId};
use icn_types::time::Timestamp;
use proptest::prelude::*;

use super::{Ring, body_of, cleared};
use crate::columns::cases;
use crate::holds::part;
use crate::market::{Market, NOW, amount};

fn missing(ring: &Ring) -> BTreeSet<ChainId> {
    match ring.progress().post() {
        Err(not_ready @ NotReady::Missing { .. }) => not_ready.waits_for(),
        other => panic!("expected that something is missing, found {other:?}"),
    }
}

/// The leg that reaches the payee of a member's due.
fn leg_of(ring: &Ring, payer: ChainId, resolve: RecordId) -> LegId {
    let dues = ring.clearing.dues();
    let at = dues.iter().position(|due| due.payer == payer).unwrap();
    part(resolve, u8::try_from(at).unwrap())
}

#[test]
fn a_due_is_held_then_sealed_then_posted_then_taken() {
    let mut ring = Ring::new();
    let [one, other, third] = ring.members;
    assert_eq!(ring.state(one), DueState::Unheld);
    assert_eq!(missing(&ring), BTreeSet::from(ring.members));
    let hold = ring.hold(one);
    assert_eq!(ring.state(one), DueState::Held { hold });
    ring.market.seal(one);
    assert_eq!(ring.state(one), DueState::Sealed { hold });
    for payer in [other, third] {
        assert!(missing(&ring).contains(&payer));
        ring.hold(payer);
        assert!(missing(&ring).contains(&payer), "no Seal covers it");
        ring.market.seal(payer);
    }
    let resolve = ring.post();
    let leg = leg_of(&ring, one, resolve);
    assert_eq!(ring.state(one), DueState::Posted { hold, leg });
    let ack = ring.market.ack(other, &[leg]);
    assert_eq!(ring.state(one), DueState::Taken { hold, leg, ack });
    ring.ack_all();
    assert_eq!(
        ring.members.map(|member| ring.market.posted(member)),
        [0; 3]
    );
    let is_taken = |payer| matches!(ring.state(payer), DueState::Taken { .. });
    assert!(ring.members.into_iter().all(is_taken));
}

#[test]
fn a_query_says_the_same_of_a_clearing_and_lists_its_entries() {
    use icn_ledger::query::{Order, PageSize};
    let mut ring = Ring::new();
    let mut expected = ring.hold_and_seal_all().to_vec();
    expected.push(ring.post());
    let mut register = Register::new();
    let query = register.query(&ring.market.stage.set, &ring.market.ledger);
    assert_eq!(query.clearing(&ring.clearing), ring.progress());
    let size = PageSize::new(10).unwrap();
    let page = query.by_cause(ring.clearing.cause(), Order::OldestFirst, None, size);
    let found: BTreeSet<RecordId> = page.rows.iter().map(|row| row.record).collect();
    assert_eq!(found, expected.into_iter().collect());
}

#[test]
fn asking_again_holds_and_posts_once() {
    let mut ring = Ring::new();
    let holds = ring.hold_and_seal_all();
    let resolve = ring.post();
    let len = ring.market.stage.records.len();
    assert_eq!(ring.members.map(|payer| ring.hold(payer)), holds);
    assert_eq!(ring.post(), resolve);
    ring.ack_all();
    assert_eq!(ring.post(), resolve, "when all is taken, too");
    assert_eq!(ring.market.stage.records.len(), len + 3, "but for the acks");
}

#[test]
fn what_is_given_up_goes_back_and_is_never_posted() {
    let mut ring = Ring::new();
    let [one, other, third] = ring.members;
    assert_eq!(ring.progress().give_up(), None, "nothing is set aside");
    let sealed = ring.hold(one);
    ring.market.seal(one);
    let held = ring.hold(other);
    let resolve = ring.give_up();
    for (payer, hold) in [(one, sealed), (other, held)] {
        assert_eq!(ring.state(payer), DueState::Void { hold, resolve });
    }
    assert_eq!(
        ring.progress().give_up(),
        None,
        "nothing is set aside any more"
    );
    let late = ring.hold(third);
    ring.market.seal(third);
    assert_eq!(ring.state(third), DueState::Sealed { hold: late });
    assert_eq!(ring.progress().post(), Err(NotReady::Void { resolve }));
    assert!(NotReady::Void { resolve }.waits_for().is_empty());
    let again = ring.give_up();
    assert_ne!(again, resolve);
    ring.ack_all();
    assert_eq!(
        ring.members.map(|member| ring.market.posted(member)),
        [0; 3]
    );
    let columns = ring.market.ledger.columns(&ring.market.stage.set);
    assert_eq!((columns.in_transit().len(), columns.held().len()), (0, 0));
}

#[test]
fn what_was_given_up_comes_about_under_another_date() {
    let mut ring = Ring::new();
    let [one, other, third] = ring.members;
    ring.hold(one);
    ring.give_up();
    ring.market.ack_all(one);
    let resolve = ring.market.tip(ring.office).unwrap().head;
    let seal = ring.market.seal(ring.office);
    ring.market.note(one, &[seal, resolve]);
    let owed = [(one, other, 50), (other, third, 50), (third, one, 50)];
    ring.clearing = cleared(&ring.market, ring.office, &owed, 2_000).remove(0);
    ring.hold_and_seal_all();
    ring.post();
    ring.ack_all();
    assert_eq!(
        ring.members.map(|member| ring.market.posted(member)),
        [0; 3]
    );
}

#[test]
fn a_posted_clearing_is_not_given_up() {
    let mut ring = Ring::new();
    ring.hold_and_seal_all();
    ring.post();
    assert_eq!(ring.progress().give_up(), None);
    ring.ack_all();
    assert_eq!(ring.progress().give_up(), None);
}

/// Whatever stands under the key of a hold and is not as the clearing says.
#[test]
fn another_entry_under_the_key_of_a_hold_is_none() {
    let ring = Ring::new();
    let [one, other, third] = ring.members;
    let right = body_of(&ring.request(one));
    let leg = |payee, atoms| Leg {
        payee,
        amount: amount(atoms),
    };
    let wrong = [
        Hold {
            leg: leg(other, 49),
            ..right.clone()
        },
        Hold {
            leg: leg(third, 50),
            ..right.clone()
        },
        Hold {
            resolver: third,
            ..right
        },
    ];
    let mut rings = Vec::new();
    for body in wrong {
        let mut ring = ring.clone();
        let record = ring.market.write(one, HOLD, &[], &body);
        rings.push((ring, record));
    }
    let mut ring = ring;
    let payment = Payment {
        key: ring.request(one).key,
        ..ring.market.payment(&[(other, 50)])
    };
    let record = ring.market.write(one, PAYMENT, &[], &payment);
    rings.push((ring, record));
    for (mut ring, record) in rings {
        assert_eq!(ring.market.verdict(&record), "valid");
        ring.market.seal(one);
        for payer in [other, third] {
            ring.hold(payer);
            ring.market.seal(payer);
        }
        assert_eq!(ring.state(one), DueState::Other { record });
        assert_eq!(missing(&ring), BTreeSet::from([one]));
        let (ledger, set) = (&ring.market.ledger, &ring.market.stage.set);
        let refused = ledger.authorize_hold(set, &one, &ring.request(one), NOW, &Policy::NONE);
        assert_eq!(refused, Err(Refusal::KeyConflict { first: record }));
        let request = ring.progress().give_up().unwrap();
        assert_eq!(request.holds.len(), 2, "only what belongs to it");
    }
}

#[test]
fn a_clearing_of_another_ledger_is_not_posted() {
    let mut ring = Ring::new();
    let terms = Terms {
        topic: TopicId::from_bytes([3; 32]),
        ..*ring.clearing.terms()
    };
    let input = ring.clearing.input();
    let reductions = ring.clearing.reductions().to_vec();
    ring.clearing = Clearing::new(terms, 0, input, reductions).unwrap();
    ring.hold_and_seal_all();
    assert_eq!(ring.progress().post(), Err(NotReady::Topic));
    assert!(NotReady::Topic.waits_for().is_empty());
    assert_eq!(ring.progress().give_up().unwrap().holds.len(), 3);
}

#[test]
fn a_hold_of_which_a_part_was_posted_counts_as_given_back() {
    let mut ring = Ring::new();
    let [one, ..] = ring.members;
    let [hold, ..] = ring.hold_and_seal_all();
    let resolve = ring.market.resolve(ring.office, &[(hold, 49)]);
    assert_eq!(ring.state(one), DueState::Void { hold, resolve });
    assert_eq!(ring.progress().post(), Err(NotReady::Void { resolve }));
}

/// No honest clearing chain does so; whoever takes it over ends it.
#[test]
fn what_was_posted_alone_is_followed_by_the_others() {
    let mut ring = Ring::new();
    let [_, second, _] = ring.hold_and_seal_all();
    let first = ring.market.resolve(ring.office, &[(second, 50)]);
    assert_eq!(ring.progress().give_up(), None);
    let request = ring.progress().post().unwrap();
    assert_eq!(request.holds.len(), 2);
    assert_ne!(ring.resolve(&request).unwrap(), first);
    ring.ack_all();
    assert_eq!(
        ring.members.map(|member| ring.market.posted(member)),
        [0; 3]
    );
}

proptest! {
    #![proptest_config(cases())]

    /// Of each clearing some participants hold and others do not.
    #[test]
    fn whoever_takes_part_nobody_stands_elsewhere_afterwards(
        owed in proptest::collection::vec((0..6_usize, 1..6_usize, 1..15_u64), 4..24),
        absent in 0..6_usize,
        is_kept in any::<bool>(),
    ) {
        let mut market = Market::new(7);
        let (members, office) = (market.chains[..6].to_vec(), market.chains[6]);
        let list: Vec<_> = owed
            .iter()
            .map(|(from, step, atoms)| (members[*from], members[(from + step) % 6], *atoms))
            .collect();
        for clearing in cleared(&market, office, &list, 1_000) {
            for payer in clearing.participants() {
                if payer == members[absent] && !is_kept {
                    continue;
                }
                for request in clearing.holds(&payer) {
                    let (ledger, set) = (&market.ledger, &market.stage.set);
                    // Above what it may spend it is absent, too.
                    let none = Policy::NONE;
                    let answer = ledger.authorize_hold(set, &payer, &request, NOW, &none);
                    if let Ok(answer) = answer {
                        market.carry_out(answer);
                    }
                }
                market.seal(payer);
            }
            let (ledger, set) = (&market.ledger, &market.stage.set);
            let progress = ledger.clearing(set, &clearing);
            if let Some(request) = progress.post().ok().or_else(|| progress.give_up()) {
                let answer = ledger.authorize_resolve(set, &office, &request, NOW).unwrap();
                market.carry_out(answer);
            }
            for chain in &members {
                prop_assert_eq!(market.net(*chain), 0);
            }
        }
        for chain in &members {
            market.ack_all(*chain);
        }
        for chain in &members {
            prop_assert_eq!(market.posted(*chain), 0);
        }
    }
}

#[test]
fn as_many_dues_as_there_may_be_are_posted_by_one_resolve() {
    let mut market = Market::new(13);
    let (members, office) = (market.chains[..12].to_vec(), market.chains[12]);
    // Everybody owes everybody else, but for two pairs: 12 * 11 - 4.
    let is_apart = |(from, to): &(usize, usize)| from % 6 < 2 && from.abs_diff(*to) == 6;
    let pairs = (1..12).flat_map(|step| (0..12).map(move |at| (at, (at + step) % 12)));
    let pairs = pairs.filter(|pair| !is_apart(pair));
    let owed: Vec<_> = pairs
        .map(|(from, to)| (members[from], members[to], 2))
        .collect();
    assert_eq!(owed.len(), CLEARED_MAX);
    let [clearing] = &cleared(&market, office, &owed, 1_000)[..] else {
        panic!("one clearing");
    };
    assert_eq!(clearing.dues().len(), CLEARED_MAX);
    for payer in clearing.participants() {
        for request in clearing.holds(&payer) {
            let (ledger, set) = (&market.ledger, &market.stage.set);
            let answer = ledger
                .authorize_hold(set, &payer, &request, NOW, &Policy::NONE)
                .unwrap();
            market.carry_out(answer);
        }
        market.seal(payer);
    }
    let (ledger, set) = (&market.ledger, &market.stage.set);
    let request = ledger.clearing(set, clearing).post().unwrap();
    let answer = ledger
        .authorize_resolve(set, &office, &request, NOW)
        .unwrap();
    assert!(matches!(answer, Authorized::Draft(_)));
    market.carry_out(answer);
    for payee in clearing.participants() {
        market.ack_all(payee);
        assert_eq!(market.net(payee), 0);
    }
    let taken = market.ledger.clearing(&market.stage.set, clearing);
    let is_taken = |state| matches!(state, DueState::Taken { .. });
    assert!(taken.dues.iter().all(|one| is_taken(one.state)));
    assert_eq!(clearing.terms().expires, Timestamp::from_millis(1_000));
}
