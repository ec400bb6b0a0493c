//! Claims that a shared account settles, from the loss to the payee who is made
//! whole, through nodes.

use futures::executor::block_on;
use icn_events::audit::{AuditEvent, verify};
use icn_events::node::{AuthorError, Authored, Node};
use icn_governance::body::{Choice, Proposal, Subject};
use icn_ledger::query::ClaimState;
use icn_ledger::{Column, Finality, LegId, SettlementRequest};
use icn_types::amount::Amount;
use icn_types::authority::{Action, Envelope};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, RecordId};
use icn_types::topic::Topic;

use super::coop::{Registrar, Village};
use super::epochs::{forked, go_on, grant};
use super::faults::Moment;
use super::{budget, hours, propose_and_vote};

const HOUR: i128 = 3_600;

/// Bob paid Charlie an hour that does not stand. A shared account may pay for
/// losses by the decision under `ready`.
struct Loss {
    village: Village,
    claim: LegId,
    fund: ChainId,
    ready: RecordId,
}

/// The registrar froze Bob's account while it was cut off. Bob, who did not
/// know, paid, and Charlie took it.
fn beyond_a_final_seal(seed: u64) -> (Village, LegId) {
    let mut village = Village::new(seed, 3);
    let (unit, bob, charlie) = (
        village.coop.hours,
        village.coop.hours_of(1),
        village.coop.hours_of(2),
    );
    village.rounds(10);
    village.cut_off_registrar();
    let times = village.times();
    block_on(village.nodes[0].freeze(&bob, times)).unwrap();
    let request = hours(charlie, 1, 1);
    let late = block_on(village.nodes[1].pay(&unit, &bob, &request, times)).unwrap();
    village.until("charlie takes it", |v| v.posted(2, unit, charlie) == HOUR);
    for member in [1, 2] {
        village
            .network
            .reconnect(village.peer(0), village.peer(member));
    }
    village.until("nodes agree", |v| {
        v.agree() && v.nodes[0].set().find(&late.id()).is_some()
    });
    let record = late.id();
    (village, LegId { record, leg: 0 })
}

impl Loss {
    /// Members decide that their fund pays for losses.
    fn of((mut village, claim): (Village, LegId)) -> Self {
        let unit = village.coop.hours;
        let registrar = Registrar::join(&village);
        let fund = Topic::Ledger(village.coop.domain(), unit).chain(Owner::Shared(1));
        registrar.open_shared(&mut village, fund, grant(10));
        let fund = fund.id();
        let envelope = Action::Envelope(Envelope {
            payer: fund,
            payee: None,
            unit,
            tranche: Amount::new(36_000).unwrap(),
            tranches: 1,
            interval: 0,
        });
        let proposal = Proposal {
            subject: Subject::Actions(List::new([envelope]).unwrap()),
            ..budget(&village)
        };
        let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
        let ready = |v: &Village| {
            let office = v.nodes[0].set().office()?;
            office.decision(&opening)?.ready()
        };
        village.until("ready", |v| ready(v).is_some());
        let ready = ready(&village).unwrap();
        Self {
            village,
            claim,
            fund,
            ready,
        }
    }

    /// A request under the next key of the fund.
    fn request(&self) -> SettlementRequest {
        let node = &self.village.nodes[0];
        let ledger = node.ledger(&self.village.coop.hours).unwrap();
        SettlementRequest {
            claim: self.claim,
            key: ledger.drawn(node.set(), &self.ready, 0).unwrap().next,
            decision: (self.ready, 0),
            effective: None,
            memo: None,
            cause: None,
        }
    }

    fn settle(&mut self, request: &SettlementRequest) -> Result<Authored, AuthorError> {
        settle(&mut self.village, &self.fund, request)
    }
}

fn settle(
    village: &mut Village,
    fund: &ChainId,
    request: &SettlementRequest,
) -> Result<Authored, AuthorError> {
    let (unit, times) = (village.coop.hours, village.times());
    block_on(village.nodes[0].settle(&unit, fund, request, times))
}

/// What a node shows of the accounts of Bob, Charlie and the fund.
fn columns(village: &Village, node: usize, fund: ChainId) -> [Column; 3] {
    let (node, coop) = (&village.nodes[node], &village.coop);
    let columns = node.ledger(&coop.hours).unwrap().columns(node.set());
    [coop.hours_of(1), coop.hours_of(2), fund].map(|chain| columns.account(&chain))
}

fn column(posted: i128, contested: i128, charged: u128) -> Column {
    let mut column = Column::default();
    (column.posted, column.contested, column.charged) = (posted, contested, charged);
    column
}

/// Charlie has the hour, the fund paid it and has the claim on Bob.
fn settled() -> [Column; 3] {
    [
        column(0, -HOUR, HOUR.unsigned_abs()),
        column(HOUR, 0, 0),
        column(-HOUR, HOUR, 0),
    ]
}

fn claim_state(village: &Village, node: usize) -> ClaimState {
    let query = village.nodes[node].query(&village.coop.hours).unwrap();
    let claims = query.claims_of(&village.coop.hours_of(1)).claims;
    let [claim] = &claims[..] else {
        panic!("one claim: {claims:?}");
    };
    claim.state
}

/// Entries that a node's audit log tells of, as a stranger reads them.
fn told(node: &Node) -> Vec<RecordId> {
    let text = node.audit().export(node.set()).unwrap();
    let report = verify(&text, node.audit().head(node.set())).unwrap();
    report.payments.iter().map(|paid| paid.entry).collect()
}

fn is_settled_once_and_its_payee_made_whole(lost: (Village, LegId)) {
    let mut loss = Loss::of(lost);
    assert_eq!(claim_state(&loss.village, 0), ClaimState::Listed);
    let request = loss.request();
    let early = loss.settle(&request).unwrap_err();
    assert_eq!(early.code(), "authorize.uncharged");
    go_on(&mut loss.village);
    let state = claim_state(&loss.village, 2);
    assert!(matches!(state, ClaimState::Charged { .. }), "{state:?}");
    let done = loss.settle(&request).unwrap();
    let Authored::New(settlement) = done else {
        panic!("{done:?}");
    };
    let audit = loss.village.nodes[0].audit();
    let is_line = |event| matches!(event, AuditEvent::Drawn { entry, .. } if entry == settlement);
    let mut lines = audit.lines(loss.village.nodes[0].set());
    assert!(
        lines.any(|logged| is_line(logged.line.event)),
        "in one commit"
    );
    drop(lines);
    let fund = loss.fund;
    loss.village
        .until("charlie took it, and it is sealed", |v| {
            let of_settlement = LegId {
                record: settlement,
                leg: 0,
            };
            let is_sealed = |node: &Node| {
                let ledger = node.ledger(&v.coop.hours).unwrap();
                ledger.finality(node.set(), &of_settlement) == Some(Finality::Sealed)
            };
            v.agree()
                && v.nodes.iter().all(is_sealed)
                && v.nodes.iter().all(|node| told(node) == [settlement])
        });
    let again = Authored::Again(settlement);
    for is_reopened in [false, true] {
        if is_reopened {
            (0..3).for_each(|member| loss.village.reopen(member));
        }
        let (village, all) = (&loss.village, 0..3);
        for node in all {
            assert_eq!(columns(village, node, fund), settled());
            assert_eq!(
                claim_state(village, node),
                ClaimState::Settled { settlement }
            );
            assert_eq!(told(&village.nodes[node]), [settlement]);
            let query = village.nodes[node].query(&village.coop.hours).unwrap();
            assert_eq!(query.trial_balance().sum(), 0);
            assert_eq!(query.impairments(), []);
        }
        assert!(village.agree() && village.labels_agree());
        let before = village.nodes[0].set().len();
        assert_eq!(loss.settle(&request).unwrap(), again);
        let twice = loss.request();
        let twice = loss.settle(&twice).unwrap_err();
        assert_eq!(twice.code(), "authorize.settled");
        assert_eq!(
            loss.village.nodes[0].set().len(),
            before,
            "nothing is written"
        );
    }
}

#[test]
fn claim_beyond_a_final_seal_is_settled_once_and_its_payee_made_whole() {
    is_settled_once_and_its_payee_made_whole(beyond_a_final_seal(126));
}

#[test]
fn claim_on_a_branch_is_settled_once_and_its_payee_made_whole() {
    is_settled_once_and_its_payee_made_whole(forked(127));
}

#[test]
fn claim_is_settled_once_whichever_way_the_commit_fails() {
    let mut loss = Loss::of(beyond_a_final_seal(126));
    go_on(&mut loss.village);
    let (fund, request) = (loss.fund, loss.request());
    let before = Moment::of(126, &loss.village);
    let trial = before.trial(0, |village, store| village.open_on(0, store));
    let ask = |village: &mut Village| Ok(vec![settle(village, &fund, &request)?]);
    trial.is_carried_out_once(ask, |village, done| {
        let settlement = done[0].id();
        assert_eq!(told(&village.nodes[0]), [settlement], "in one commit");
        village.until("charlie took it", |v| {
            (0..3).all(|node| columns(v, node, fund) == settled())
        });
    });
}
