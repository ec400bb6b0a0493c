//! The story: what the nodes do, told as it happens.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use futures::executor::block_on;
use icn_events::audit;
use icn_events::node::{Authored, Node};
use icn_governance::body::{Choice as Ballot, Proposal, Subject};
use icn_governance::governance::{Phase, Vote};
use icn_ledger::{Leg, PaymentRequest};
use icn_transport_quic::{QuicConfig, bind};
use icn_types::amount::Amount;
use icn_types::authority::{Action, Outcome, ProposalId, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::host::{Frame, Transport as _};
use icn_types::id::{ChainId, Hex, OperationKey, RecordId};
use icn_types::record::Attachment;

use crate::cast::{Cast, PERIOD, TIMELOCK};
use crate::page::{Ink, Page, bar};
use crate::scenario::{Choice, Party, Scenario, Trade, When};
use crate::village::Village;

type Fault = Box<dyn std::error::Error>;

/// Rounds that a cut lasts: time for each side to trade and seal.
const CUT_ROUNDS: usize = 120;

/// Teller of the whole story.
pub(crate) struct Story<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) cast: &'a Cast,
    pub(crate) page: Page,
    pub(crate) village: Village,
    steps: Steps,
}

/// Steps with a fixed operation key: done now, or found done.
#[derive(Default)]
struct Steps {
    executed: usize,
    found: usize,
}

/// The nodes did not agree within the bound.
#[derive(Debug)]
pub(crate) struct Disagreement(String);

impl std::error::Error for Disagreement {}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nodes do not agree: {}", self.0)
    }
}

impl<'a> Story<'a> {
    pub(crate) fn new(
        scenario: &'a Scenario,
        cast: &'a Cast,
        page: Page,
        village: Village,
    ) -> Self {
        Self {
            scenario,
            cast,
            page,
            village,
            steps: Steps::default(),
        }
    }

    pub(crate) fn tell(mut self, folder: &Path) -> Result<(), Fault> {
        self.who();
        let proposal = self.decide()?;
        self.pay(proposal)?;
        self.trade()?;
        self.split_and_heal()?;
        self.agree(folder)?;
        Ok(())
    }

    fn who(&self) {
        let page = self.page;
        println!("{}", page.ink(Ink::Heading, &self.scenario.name));
        page.heading("WHO");
        for (house, person) in self.village.houses.iter().zip(&self.cast.members) {
            page.line(&format!("{:<8} {}", house.name, person.inception.id()));
            page.line(&page.ink(
                Ink::Faint,
                &format!("         quic {}  {}", house.address, house.file.display()),
            ));
        }
        if self.village.resumed > 0 {
            page.line(&format!(
                "resumed from disk: {} records",
                self.village.resumed
            ));
        }
    }

    fn decide(&mut self) -> Result<ProposalId, Fault> {
        let page = self.page;
        let budget = &self.scenario.budget;
        let unit = &self.cast.units[budget.unit];
        page.heading("DECIDE");
        let payee = self.name_of(budget.payee);
        page.line(
            &format!(
                "{} proposes: pay {payee} {} for \"{}\"",
                self.scenario.members[budget.proposer].name, budget.amount, budget.purpose
            )
            .replace(
                &format!("{} for", budget.amount),
                &format!("{} {} for", budget.amount, unit.code.as_str()),
            ),
        );
        let proposal = self.proposal()?;
        let id = proposal.id();
        let (voice, times) = (self.cast.voice(budget.proposer), self.village.times());
        let authored = block_on(
            self.village.houses[budget.proposer]
                .node
                .propose(&voice, proposal, times),
        )?;
        self.steps.count(authored);
        self.wait("the opening reaches everybody", |village| {
            village
                .houses
                .iter()
                .all(|house| opening_of(&house.node, id).is_some())
        })?;
        let opening = opening_of(&self.village.houses[0].node, id).ok_or("the opening is gone")?;
        self.vote(opening)?;
        self.count(opening)?;
        self.show_vote(opening)?;
        Ok(id)
    }

    fn proposal(&self) -> Result<Proposal, Fault> {
        let budget = &self.scenario.budget;
        let unit = &self.cast.units[budget.unit];
        let atoms = budget
            .amount
            .checked_mul(unit.scale.get())
            .ok_or("budget is too large")?;
        let action = Action::Pay {
            payer: self.cast.account(budget.unit, Owner::Shared(0)),
            payee: self.cast.account_of(budget.unit, budget.payee),
            unit: unit.id(),
            amount: Amount::new(atoms)?,
        };
        Ok(Proposal {
            proposer: self.cast.members[budget.proposer].inception.id(),
            nonce: self.cast.draw("proposal", 0),
            subject: Subject::Actions(List::new([action])?),
            text: Attachment::new(&self.cast.draw("salt", 0), budget.purpose.as_bytes()),
        })
    }

    fn vote(&mut self, opening: RecordId) -> Result<(), Fault> {
        for (member, choice) in self.scenario.votes.iter().enumerate() {
            let Some(choice) = choice else { continue };
            let ballot = match choice {
                Choice::Yes => Ballot::Yes,
                Choice::No => Ballot::No,
                Choice::Abstain => Ballot::Abstain,
                Choice::Veto => Ballot::Veto,
            };
            let (voice, times) = (self.cast.voice(member), self.village.times());
            let authored = block_on(
                self.village.houses[member]
                    .node
                    .vote(&voice, opening, ballot, times),
            )?;
            self.steps.count(authored);
        }
        Ok(())
    }

    /// Once the ballots are everywhere, a week passes in a moment, then a day.
    fn count(&mut self, opening: RecordId) -> Result<(), Fault> {
        if !self.village.all(|node| is_decided(node, opening)) {
            self.wait("every node has the ballots", Village::agrees)?;
            self.village.sleep(PERIOD);
            self.wait("the vote is certified", |village| {
                village.all(|node| is_certified(node, opening))
            })?;
            self.village.sleep(TIMELOCK);
        }
        self.wait("the decision may take effect", |village| {
            village.all(|node| is_decided(node, opening))
        })
    }

    fn show_vote(&self, opening: RecordId) -> Result<(), Fault> {
        let page = self.page;
        let node = &self.village.houses[0].node;
        let vote: Vote<'_> = node
            .governance()
            .vote(node.set(), &opening)
            .ok_or("the vote is gone")?;
        let tally = vote.tally.ok_or("the vote has no tally")?;
        let of = self.cast.members.len();
        for (word, count) in [
            ("yes", tally.yes()),
            ("no", tally.no()),
            ("abstain", tally.abstain()),
            ("veto", tally.veto()),
        ] {
            let count = usize::try_from(count)?;
            if count > 0 {
                page.line(&format!("{word:<8} {} {count} of {of}", bar(count, of)));
            }
        }
        let (outcome, close) = match vote.phase {
            Phase::Closed { close, outcome } => (outcome, close),
            Phase::Ready { close, .. } => (Outcome::Accepted, close),
            _ => return Err("the vote is not closed".into()),
        };
        let confirmed = self.village.houses.iter().filter(|house| {
            house
                .node
                .governance()
                .recount(house.node.set(), &close)
                .is_some_and(|recount| recount.is_confirmed())
        });
        let terms = &vote.frozen.opening().terms;
        let ink = if outcome == Outcome::Accepted {
            Ink::Good
        } else {
            Ink::Bad
        };
        page.line(&format!(
            "{}; counted by {} of {} tellers, recount confirmed by {} of {of} nodes",
            page.ink(ink, &format!("{outcome:?}")),
            terms.needed,
            terms.tellers.len(),
            confirmed.count(),
        ));
        Ok(())
    }

    fn pay(&mut self, proposal: ProposalId) -> Result<(), Fault> {
        let page = self.page;
        let budget = &self.scenario.budget;
        let unit = &self.cast.units[budget.unit];
        let (treasury, payee) = (
            self.cast.account(budget.unit, Owner::Shared(0)),
            self.cast.account_of(budget.unit, budget.payee),
        );
        let key = operation_key(self.cast.domain(), proposal, 0);
        page.heading("PAY");
        if !self.is_accepted(proposal) {
            page.line("nothing was accepted, so nothing is paid");
            return Ok(());
        }
        let unit_id = unit.id();
        self.wait("the budget is paid, acknowledged and recorded", |village| {
            village.houses.iter().all(|house| {
                let paid = house
                    .node
                    .ledger(&unit_id)
                    .and_then(|ledger| ledger.payment(house.node.set(), &treasury, &key));
                let taken = house.node.ledger(&unit_id).is_some_and(|ledger| {
                    ledger.positions(house.node.set(), &treasury).outgoing == 0
                });
                paid.is_some()
                    && taken
                    && house
                        .node
                        .audit()
                        .payment(house.node.set(), &proposal, 0)
                        .is_some()
            })
        })?;
        let node = &self.village.houses[self.scenario.treasury.node].node;
        let posted = |chain: &ChainId| {
            node.ledger(&unit_id)
                .map_or(0, |ledger| ledger.positions(node.set(), chain).posted.get())
        };
        let code = unit.code.as_str();
        page.line(&format!(
            "{:<9} {:>7} {code}",
            "Treasury",
            signed(unit, posted(&treasury))
        ));
        page.line(&format!(
            "{:<9} {:>7} {code}",
            self.name_of(budget.payee),
            signed(unit, posted(&payee))
        ));
        let line = node
            .audit()
            .payment(node.set(), &proposal, 0)
            .ok_or("the audit line is gone")?;
        let entry = node
            .ledger(&unit_id)
            .and_then(|ledger| ledger.payment(node.set(), &treasury, &key))
            .ok_or("the entry is gone")?;
        page.line(&format!(
            "audit line {}: proposal {} -> entry {}",
            node.set().record(line.slot).seq(),
            Hex(&proposal.as_bytes()[..6]),
            Hex(&entry.as_bytes()[..6])
        ));
        Ok(())
    }

    fn trade(&mut self) -> Result<(), Fault> {
        self.page.heading("TRADE");
        self.trades(When::Linked)?;
        self.wait("every node has the trades", Village::agrees)
    }

    /// One node is cut off and both sides go on, while a stranger and a
    /// hostile peer send rubbish.
    fn split_and_heal(&mut self) -> Result<(), Fault> {
        let page = self.page;
        page.heading("SPLIT AND HEAL");
        let cut = self.scenario.cut;
        let name = &self.cast.members[cut].name;
        if self.is_traded(When::Cut) {
            for trade in self
                .scenario
                .trades
                .iter()
                .filter(|trade| trade.when == When::Cut)
            {
                self.tell_trade(trade, "found done");
            }
            self.steps.found += self
                .scenario
                .trades
                .iter()
                .filter(|trade| trade.when == When::Cut)
                .count();
            return self.wait("every node has the trades", Village::agrees);
        }
        self.village.link(cut, false)?;
        page.line(&format!("link of {name} is down"));
        self.trades(When::Cut)?;
        self.disturb()?;
        let agreed_before = self.village.agrees();
        page.line(&format!(
            "nodes agree: {}",
            if agreed_before { "yes" } else { "no" }
        ));
        self.village.link(cut, true)?;
        self.wait("the nodes agree again", Village::agrees)?;
        page.line(&format!(
            "link of {name} is up again; nodes agree: {}",
            page.ink(Ink::Good, "yes")
        ));
        Ok(())
    }

    /// Rubbish over UDP from nobody, and over a proper link from somebody.
    fn disturb(&mut self) -> Result<(), Fault> {
        let stranger = UdpSocket::bind("127.0.0.1:0")?;
        let hostile = self.cast.hostile.clone();
        let peers: Vec<_> = self
            .village
            .houses
            .iter()
            .map(|house| house.transport.local_peer())
            .collect();
        let endpoint = bind(QuicConfig::new(
            hostile,
            "127.0.0.1:0".parse()?,
            peers.clone(),
            self.cast.draw("dial", 99),
        ))?;
        for (house, peer) in self.village.houses.iter().zip(&peers) {
            endpoint.add_peer(*peer, house.address)?;
        }
        for round in 0..CUT_ROUNDS {
            let rubbish = self.cast.draw("rubbish", round);
            for (house, peer) in self.village.houses.iter().zip(&peers) {
                stranger.send_to(&rubbish.repeat(1 + round % 30), house.address)?;
                // Refused until the link is up, and that is fine.
                let _refused = block_on(endpoint.send(*peer, Frame::new(&rubbish)));
            }
            self.village.round()?;
        }
        block_on(endpoint.close());
        self.page.line(&format!(
            "a stranger and a hostile peer sent rubbish to every node; all go on{}",
            if self.village.faults() > 0 {
                ", and name the peer"
            } else {
                ""
            }
        ));
        Ok(())
    }

    fn trades(&mut self, when: When) -> Result<(), Fault> {
        let trades: Vec<(usize, &Trade)> = self
            .scenario
            .trades
            .iter()
            .enumerate()
            .filter(|(_, trade)| trade.when == when)
            .collect();
        for (number, trade) in trades {
            let unit = &self.cast.units[trade.unit];
            let payer = self.cast.account_of(trade.unit, Party::Member(trade.payer));
            let payee = self.cast.account_of(trade.unit, Party::Member(trade.payee));
            let atoms = trade
                .amount
                .checked_mul(unit.scale.get())
                .ok_or("trade is too large")?;
            let request = PaymentRequest {
                legs: List::new([Leg {
                    payee,
                    amount: Amount::new(atoms)?,
                }])?,
                key: self.trade_key(number),
                decision: None,
                effective: None,
                memo: None,
                cause: None,
            };
            let times = self.village.times();
            let node = &mut self.village.houses[trade.payer].node;
            let authored = block_on(node.pay(&unit.id(), &payer, &request, times))?;
            self.steps.count(authored);
            self.tell_trade(
                trade,
                if matches!(authored, Authored::New(_)) {
                    "signed"
                } else {
                    "found done"
                },
            );
        }
        Ok(())
    }

    fn tell_trade(&self, trade: &Trade, what: &str) {
        let (payer, payee) = (
            &self.cast.members[trade.payer].name,
            &self.cast.members[trade.payee].name,
        );
        let code = self.cast.units[trade.unit].code.as_str();
        self.page.line(&format!(
            "{payer} pays {payee} {} {code}: {what}",
            trade.amount
        ));
    }

    fn trade_key(&self, number: usize) -> OperationKey {
        OperationKey::from_bytes(self.cast.draw("trade", number))
    }

    fn is_traded(&self, when: When) -> bool {
        self.scenario
            .trades
            .iter()
            .enumerate()
            .filter(|(_, trade)| trade.when == when)
            .all(|(number, trade)| {
                let node = &self.village.houses[trade.payer].node;
                let payer = self.cast.account_of(trade.unit, Party::Member(trade.payer));
                let ledger = node.ledger(&self.cast.units[trade.unit].id());
                ledger.is_some_and(|ledger| {
                    ledger
                        .payment(node.set(), &payer, &self.trade_key(number))
                        .is_some()
                })
            })
    }

    fn is_accepted(&self, proposal: ProposalId) -> bool {
        let node = &self.village.houses[0].node;
        let decision = opening_of(node, proposal)
            .and_then(|opening| node.set().office()?.decision(&opening)?.ready());
        decision.is_some()
    }

    fn agree(&mut self, folder: &Path) -> Result<(), Fault> {
        let page = self.page;
        page.heading("AGREE");
        self.wait("nothing is in transit and all agree", |village| {
            village.agrees() && is_settled(village)
        })?;
        self.village.rounds(3)?;
        self.wait("all still agree", |village| {
            village.agrees() && is_settled(village)
        })?;
        let rows = self.balances();
        let mut head = vec!["account".to_owned(), "unit".to_owned()];
        head.extend(self.village.houses.iter().map(|house| house.name.clone()));
        page.table(&head, &rows);
        for (unit, definition) in self.cast.units.iter().enumerate() {
            self.same_everywhere(
                &format!("{} set digest", definition.code.as_str()),
                |node| {
                    node.ledger(&self.cast.units[unit].id()).map(|ledger| {
                        Hex(&node.set_digest(ledger.topic()).as_bytes()[..8]).to_string()
                    })
                },
            )?;
            self.same_everywhere(
                &format!("{} label digest", definition.code.as_str()),
                |node| {
                    let ledger = node.ledger(&self.cast.units[unit].id())?;
                    Some(Hex(&ledger.label_digest(node.set()).as_bytes()[..8]).to_string())
                },
            )?;
        }
        self.verify_audits(folder)?;
        page.line(&format!(
            "{} steps executed, {} found done",
            self.steps.executed, self.steps.found
        ));
        Ok(())
    }

    /// One row per account and unit, one column per node, then the sums.
    fn balances(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for (number, unit) in self.cast.units.iter().enumerate() {
            let mut accounts: Vec<(String, ChainId)> = (0..self.cast.members.len())
                .map(|member| {
                    (
                        self.cast.members[member].name.clone(),
                        self.cast.account_of(number, Party::Member(member)),
                    )
                })
                .collect();
            if number == self.scenario.budget.unit {
                accounts.push((
                    "Treasury".to_owned(),
                    self.cast.account(number, Owner::Shared(0)),
                ));
                accounts.extend((0..self.scenario.partners.len()).map(|partner| {
                    (
                        self.scenario.partners[partner].name.clone(),
                        self.cast.account_of(number, Party::Partner(partner)),
                    )
                }));
            }
            let code = unit.code.as_str();
            let mut sums = vec![0_i128; self.village.houses.len()];
            for (name, chain) in accounts {
                let mut row = vec![name, code.to_owned()];
                for (house, sum) in self.village.houses.iter().zip(&mut sums) {
                    let ledger = house.node.ledger(&unit.id());
                    let posted = ledger.map_or(0, |ledger| {
                        ledger.positions(house.node.set(), &chain).posted.get()
                    });
                    *sum += posted;
                    row.push(signed(unit, posted));
                }
                rows.push(row);
            }
            let mut row = vec!["sum".to_owned(), code.to_owned()];
            row.extend(sums.into_iter().map(|sum| signed(unit, sum)));
            rows.push(row);
        }
        rows
    }

    fn same_everywhere(
        &self,
        what: &str,
        of: impl Fn(&Node) -> Option<String>,
    ) -> Result<(), Fault> {
        let found: Vec<Option<String>> = self
            .village
            .houses
            .iter()
            .map(|house| of(&house.node))
            .collect();
        match found.first() {
            Some(Some(first)) if found.iter().all(|other| other.as_ref() == Some(first)) => {
                self.page
                    .line(&format!("{what:<22} {first}  on every node"));
                Ok(())
            }
            _ => Err(Box::new(Disagreement(format!("{what} differs: {found:?}")))),
        }
    }

    /// Each node's log, written to a file and verified from nothing but it.
    fn verify_audits(&self, folder: &Path) -> Result<(), Fault> {
        for house in &self.village.houses {
            let text = house.node.audit().export(house.node.set())?;
            let file = folder.join(format!("{}.audit", house.name.to_lowercase()));
            fs::write(&file, &text)?;
            let report = audit::verify(
                &fs::read_to_string(&file)?,
                house.node.audit().head(house.node.set()),
            )?;
            self.page.line(&format!(
                "audit of {:<8} verified: {} lines, {} payment",
                house.name,
                report.lines,
                report.payments.len()
            ));
        }
        Ok(())
    }

    fn name_of(&self, party: Party) -> String {
        match party {
            Party::Member(member) => self.scenario.members[member].name.clone(),
            Party::Partner(partner) => self.scenario.partners[partner].name.clone(),
        }
    }

    fn wait(&mut self, what: &str, done: impl Fn(&Village) -> bool) -> Result<(), Fault> {
        if self.village.until(done)? {
            return Ok(());
        }
        Err(Box::new(Disagreement(format!(
            "{what} never came; {}",
            self.differences()
        ))))
    }

    /// What each node holds of every topic.
    fn differences(&self) -> String {
        let mut rows = String::new();
        for topic in self.village.shared_topics() {
            for house in &self.village.houses {
                let clock = house.node.set().canonical().rows(topic);
                let heads: Vec<String> = clock
                    .iter()
                    .map(|row| {
                        row.tip
                            .map_or_else(|| "-".to_owned(), |tip| tip.seq.to_string())
                    })
                    .collect();
                rows.push_str(&format!(
                    "\n  topic {} at {:<8} {}",
                    Hex(&topic.as_bytes()[..4]),
                    house.name,
                    heads.join(" ")
                ));
            }
        }
        rows
    }
}

impl Steps {
    const fn count(&mut self, authored: Authored) {
        match authored {
            Authored::New(_) => self.executed += 1,
            Authored::Again(_) => self.found += 1,
        }
    }
}

fn opening_of(node: &Node, proposal: ProposalId) -> Option<RecordId> {
    let mut decisions = node.set().office()?.decisions();
    decisions
        .find(|(_, decision)| decision.opening().proposal == proposal)
        .map(|(opening, _)| *opening)
}

fn is_certified(node: &Node, opening: RecordId) -> bool {
    let office = node.set().office();
    let decision = office.and_then(|office| office.decision(&opening));
    decision.is_some_and(|decision| decision.close().is_some())
}

/// Certified, and if accepted also ready.
fn is_decided(node: &Node, opening: RecordId) -> bool {
    let decision = node
        .set()
        .office()
        .and_then(|office| office.decision(&opening));
    decision.is_some_and(|decision| match decision.close() {
        Some((close, _, outcome)) => {
            let recount = node.governance().recount(node.set(), &close);
            recount.is_some_and(|recount| recount.is_confirmed())
                && (outcome != Outcome::Accepted || decision.ready().is_some())
        }
        None => false,
    })
}

fn is_settled(village: &Village) -> bool {
    village.houses.iter().all(|house| {
        let topics: Vec<_> = house.node.set().chains().collect();
        topics.iter().all(|(chain, _)| {
            house.node.ledgers().all(|ledger| {
                let positions = ledger.positions(house.node.set(), chain);
                positions.outgoing == 0 && positions.incoming == 0
            })
        })
    })
}

fn signed(unit: &icn_ledger::Unit, atoms: i128) -> String {
    if atoms > 0 {
        format!("+{}", unit.show(atoms))
    } else {
        unit.show(atoms).to_string()
    }
}
