//! Pay, trade, split and heal.

use std::net::UdpSocket;

use futures::executor::block_on;
use icn_events::node::Authored;
use icn_ledger::{Leg, PaymentRequest};
use icn_transport_quic::{QuicConfig, bind};
use icn_types::amount::Amount;
use icn_types::authority::{ProposalId, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::host::{Frame, Transport as _};
use icn_types::id::{ChainId, Hex, OperationKey};

use crate::page::Ink;
use crate::scenario::{Party, Trade, When};
use crate::village::Village;

use super::{Fault, Story, opening_of, signed};

/// Rounds that a cut lasts: time for each side to trade and seal.
const CUT_ROUNDS: usize = 120;

impl Story<'_> {
    pub(super) fn pay(&mut self, proposal: ProposalId) -> Result<(), Fault> {
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

    pub(super) fn trade(&mut self) -> Result<(), Fault> {
        self.page.heading("TRADE");
        self.trades(When::Linked)?;
        self.wait("every node has the trades", Village::agrees)
    }

    /// One node is cut off and both sides go on, while a stranger and a
    /// hostile peer send rubbish.
    pub(super) fn split_and_heal(&mut self) -> Result<(), Fault> {
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
}
