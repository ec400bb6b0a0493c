//! A registrar who lies, and one who does nothing.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::AuthorError;
use icn_governance::author::{Drafted, Refusal, draft_close, draft_opening};
use icn_governance::body::Choice;
use icn_ledger::{Leg, PaymentRequest};
use icn_types::amount::Amount;
use icn_types::authority::{Act, Outcome, Ready, Recall, Vote, VoteTerms, Voter, operation_key};
use icn_types::canon::{List, to_bytes};
use icn_types::id::RecordId;
use icn_types::key::{Keypair, Signer as _};
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::sign::Signed;
use icn_types::time::Timestamp;

use super::coop::{Registrar, Village};
use super::{budget, opening_of};

/// A village whose registrar is none of its nodes.
fn village(seed: u64, count: usize) -> (Village, Registrar) {
    let mut village = Village::new(seed, count);
    let coop = &village.coop;
    let transport = Arc::new(village.network.join(coop.members[0].peer()));
    let store = Arc::new(village.stores[0].clone());
    let settings = coop.plain(0, store, transport);
    let settings = settings.with_signer(Arc::new(coop.treasury_key.clone()));
    village.nodes[0] = block_on(settings.open()).unwrap();
    let registrar = Registrar::join(&village);
    (village, registrar)
}

/// What an honest registrar would write now.
fn honest(village: &mut Village, draft: impl Fn(&Village) -> Option<Drafted>) -> Act {
    for _ in 0..100 {
        if let Some(Drafted::New(draft)) = draft(village) {
            let act = Act::read(draft.header().kind(), draft.content());
            return act.unwrap().unwrap();
        }
        village.round();
    }
    panic!("nothing to write");
}

/// A budget that two of three members reject, and a Ready for it.
fn false_decision(village: &mut Village, registrar: &Registrar) -> [RecordId; 2] {
    let proposal = budget(village);
    let id = proposal.id();
    let (times, voice) = (village.times(), village.coop.voice_of(0));
    block_on(village.nodes[0].propose(&voice, proposal, times)).unwrap();
    let opening = honest(village, |v| {
        let node = &v.nodes[0];
        draft_opening(node.set(), node.governance(), &id, v.times().now).ok()
    });
    let opening = registrar.act_on(village, &opening, Vec::new());
    village.until("nodes agree", Village::agree);
    for (member, choice) in [Choice::Yes, Choice::No, Choice::No]
        .into_iter()
        .enumerate()
    {
        let (times, voice) = (village.times(), village.coop.voice_of(member));
        block_on(village.nodes[member].vote(&voice, opening, choice, times)).unwrap();
    }
    let close = honest(village, |v| {
        let node = &v.nodes[0];
        draft_close(node.set(), node.governance(), &opening, v.times().now).ok()
    });
    let Act::Close(mut close) = close else {
        panic!("a certificate");
    };
    assert_eq!(close.outcome, Outcome::Rejected);
    close.outcome = Outcome::Accepted;
    let close = registrar.act_on(village, &Act::Close(close), vec![opening]);
    village.rounds(10);
    let ready = registrar.act_on(village, &Act::Ready(Ready { close }), vec![close]);
    [close, ready]
}

#[test]
fn certificate_that_the_ballots_deny_is_paid_by_nobody() {
    let (mut village, registrar) = village(73, 3);
    let [close, ready] = false_decision(&mut village, &registrar);
    village.rounds(50);
    assert!(village.agree());
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    for node in &village.nodes {
        let set = node.set();
        let recount = node.governance().recount(set, &close).unwrap();
        assert!(!recount.is_confirmed());
        assert!(set.spine(&treasury).is_empty());
        assert!(
            node.audit()
                .payment(set, &budget(&village).id(), 0)
                .is_none()
        );
    }
    let amount = Amount::new(5_000).unwrap();
    let payee = village.coop.supplier();
    let request = PaymentRequest {
        legs: List::new([Leg { payee, amount }]).unwrap(),
        key: operation_key(village.coop.domain(), budget(&village).id(), 0),
        decision: Some((ready, 0)),
        effective: None,
        memo: None,
        cause: None,
    };
    let times = village.times();
    let asked = block_on(village.nodes[0].pay(&credits, &treasury, &request, times));
    let Err(AuthorError::Vote(Refusal::NotConfirmed(_))) = asked else {
        panic!("{asked:?}");
    };
}

/// Three of four members put the office into other hands, after everything that
/// was written in it.
fn recall(village: &Village, successor: &Keypair) -> Signed<Record> {
    let set = village.nodes[0].set();
    let honoured = set.record(set.office_tip().unwrap());
    let terms = to_bytes(&VoteTerms {
        domain: set.domain(),
        honoured: honoured.id(),
        successor: successor.public_key(),
    });
    let votes = village.coop.members[..3].iter().map(|person| Vote {
        voter: Voter::Member(person.inception.id()),
        signature: person.key.sign(&terms).unwrap(),
    });
    let act = Act::Recall(Recall {
        successor: successor.public_key(),
        votes: List::new(votes.collect::<Vec<_>>()).unwrap(),
    });
    let place = Place::Succession {
        topic: honoured.topic(),
        chain: honoured.chain(),
        seq: honoured.seq() + 1,
        prev: honoured.id(),
    };
    let (kind, body) = act.body();
    let content = Content::new(Vec::new(), None, &body).unwrap();
    let now = Timestamp::from_millis(village.now);
    let draft = Draft::new(place, kind, now, content).unwrap();
    draft.sign(successor).unwrap()
}

#[test]
fn registrar_who_does_nothing_is_replaced_without_its_help() {
    let (mut village, guest) = village(74, 4);
    let proposal = budget(&village);
    let id = proposal.id();
    let (times, voice) = (village.times(), village.coop.voice_of(0));
    block_on(village.nodes[0].propose(&voice, proposal, times)).unwrap();
    village.rounds(50);
    assert!((0..4).all(|node| opening_of(&village, node, id).is_none()));

    let successor = Keypair::from_seed(&[74; 32]);
    let store = Arc::new(village.stores[3].clone());
    let settings = village.coop.settings(3, store, &village.network);
    let settings = settings.with_signer(Arc::new(successor.clone()));
    village.nodes[3] = block_on(settings.open()).unwrap();
    guest.tell(village.peer(1), &[recall(&village, &successor)]);
    village.until("the successor opens the vote", |v| {
        (0..4).all(|node| opening_of(v, node, id).is_some())
    });
    let opening = opening_of(&village, 0, id).unwrap();
    for member in 0..3 {
        let (times, voice) = (village.times(), village.coop.voice_of(member));
        let vote = village.nodes[member].vote(&voice, opening, Choice::Yes, times);
        block_on(vote).unwrap();
    }
    let (credits, supplier) = (village.coop.credits, village.coop.supplier());
    village.until("the supplier is paid everywhere", |v| {
        (0..4).all(|node| v.posted(node, credits, supplier) == 5_000) && v.agree()
    });
    for node in &village.nodes {
        assert_eq!(node.set().registrar(), Some(successor.public_key()));
    }
}
