//! Agree: one table, equal digests, verified audits.

use std::fs;
use std::path::Path;

use icn_events::audit;
use icn_events::node::Node;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, Hex};

use crate::scenario::Party;
use crate::village::Village;

use super::{Disagreement, Fault, Story, signed};

impl Story<'_> {
    pub(super) fn agree(&mut self, folder: &Path) -> Result<(), Fault> {
        let page = self.page;
        page.heading("AGREE");
        self.wait("nothing is in transit and all agree", |village| {
            village.agrees() && is_settled(village)
        })?;
        if !self.village.rest()? {
            let what = "they never come to rest".to_owned();
            return Err(Box::new(Disagreement(what)));
        }
        self.wait("all agree at rest", |village| {
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
