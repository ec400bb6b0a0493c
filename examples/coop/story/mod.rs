//! The story: what the nodes do, told as it happens.

mod ending;
mod money;
mod vote;

use std::path::Path;

use icn_events::node::{Authored, Node};
use icn_types::authority::ProposalId;
use icn_types::id::{Hex, RecordId};

use crate::cast::Cast;
use crate::page::{Ink, Page};
use crate::scenario::{Party, Scenario};
use crate::village::Village;

type Fault = Box<dyn std::error::Error>;

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
        self.wait(
            "others know where each node's chains end",
            Village::is_confirmed,
        )?;
        let proposal = self.decide()?;
        self.pay(proposal)?;
        self.trade()?;
        self.split_and_heal()?;
        self.agree(folder)?;
        Ok(())
    }

    fn who(&self) {
        let page = self.page;
        page.title(&self.scenario.name);
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

fn signed(unit: &icn_ledger::Unit, atoms: i128) -> String {
    if atoms > 0 {
        format!("+{}", unit.show(atoms))
    } else {
        unit.show(atoms).to_string()
    }
}
