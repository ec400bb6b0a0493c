//! The scenario file: who trades what with whom, checked before anything runs.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

/// The story that is told when no file is given.
pub(crate) const DEFAULT: &str = include_str!("scenario.toml");

/// Nodes of one story: fewer cannot be cut apart, more do not fit the table.
const MEMBERS: std::ops::RangeInclusive<usize> = 3..=5;

/// A checked scenario: every name is resolved, every number is in range.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) units: Vec<Unit>,
    pub(crate) members: Vec<Member>,
    pub(crate) partners: Vec<Partner>,
    pub(crate) treasury: Treasury,
    pub(crate) budget: Budget,
    /// One choice per member, in the order of `members`.
    pub(crate) votes: Vec<Option<Choice>>,
    pub(crate) trades: Vec<Trade>,
    /// The node whose link is cut.
    pub(crate) cut: usize,
}

#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) code: String,
    pub(crate) atoms: u64,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Floor in whole units.
    pub(crate) floor: i64,
}

#[derive(Debug)]
pub(crate) struct Partner {
    pub(crate) name: String,
    pub(crate) node: usize,
}

#[derive(Debug)]
pub(crate) struct Treasury {
    pub(crate) node: usize,
    pub(crate) floor: i64,
}

#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) proposer: usize,
    pub(crate) purpose: String,
    pub(crate) payee: Party,
    pub(crate) unit: usize,
    pub(crate) amount: u64,
}

#[derive(Debug)]
pub(crate) struct Trade {
    pub(crate) payer: usize,
    pub(crate) payee: usize,
    pub(crate) unit: usize,
    pub(crate) amount: u64,
    pub(crate) when: When,
}

/// Whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Member(usize),
    Partner(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Choice {
    Yes,
    No,
    Abstain,
    Veto,
}

/// Whether the link is up when a trade happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    Linked,
    Cut,
}

/// What is wrong with a scenario, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScenarioError {
    line: usize,
    message: String,
}

impl std::error::Error for ScenarioError {}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Scenario {
    /// Reads and checks a scenario.
    pub(crate) fn parse(text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| ScenarioError {
            line: error.span().map_or(1, |span| line_of(text, &span)),
            message: error.message().to_owned(),
        })?;
        Check { text, file: &file }.scenario()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    unit: Vec<RawUnit>,
    member: Vec<RawMember>,
    #[serde(default)]
    partner: Vec<RawPartner>,
    treasury: RawTreasury,
    budget: RawBudget,
    #[serde(default)]
    vote: Vec<RawVote>,
    #[serde(default)]
    trade: Vec<RawTrade>,
    cut: RawCut,
}

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnit {
    code: Text,
    atoms: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMember {
    name: Text,
    floor: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPartner {
    name: Text,
    at: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTreasury {
    at: Text,
    floor: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBudget {
    proposer: Text,
    purpose: Text,
    payee: Text,
    unit: Text,
    amount: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVote {
    member: Text,
    choice: Choice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrade {
    payer: Text,
    payee: Text,
    unit: Text,
    amount: Text,
    when: When,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCut {
    node: Text,
}

struct Check<'a> {
    text: &'a str,
    file: &'a File,
}

impl Check<'_> {
    fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let file = self.file;
        self.sizes()?;
        let units = file
            .unit
            .iter()
            .map(|unit| self.unit(unit))
            .collect::<Result<_, _>>()?;
        let members = file
            .member
            .iter()
            .map(|member| {
                Ok(Member {
                    name: self.name(&member.name)?,
                    floor: self.floor(&member.floor)?,
                })
            })
            .collect::<Result<_, ScenarioError>>()?;
        let partners = file
            .partner
            .iter()
            .map(|partner| {
                Ok(Partner {
                    name: self.name(&partner.name)?,
                    node: self.member(&partner.at)?,
                })
            })
            .collect::<Result<_, ScenarioError>>()?;
        Ok(Scenario {
            name: file.name.get_ref().clone(),
            units,
            members,
            partners,
            treasury: Treasury {
                node: self.member(&file.treasury.at)?,
                floor: self.floor(&file.treasury.floor)?,
            },
            budget: self.budget()?,
            votes: self.votes()?,
            trades: file
                .trade
                .iter()
                .map(|trade| self.trade(trade))
                .collect::<Result<_, _>>()?,
            cut: self.member(&file.cut.node)?,
        })
    }

    fn sizes(&self) -> Result<(), ScenarioError> {
        if !MEMBERS.contains(&self.file.member.len()) {
            let message = format!("{} members, but a story has 3 to 5", self.file.member.len());
            return Err(self.wrong(&self.file.name, message));
        }
        let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
        let names = self.file.member.iter().map(|member| &member.name);
        for name in names.chain(self.file.partner.iter().map(|partner| &partner.name)) {
            if seen.insert(name.get_ref(), ()).is_some() {
                return Err(self.wrong(name, format!("{} is named twice", name.get_ref())));
            }
        }
        Ok(())
    }

    fn unit(&self, unit: &RawUnit) -> Result<Unit, ScenarioError> {
        let atoms = *unit.atoms.get_ref();
        if !(1..=1_000_000_000).contains(&atoms) {
            return Err(self.wrong(
                &unit.atoms,
                "atoms must be between 1 and 1000000000".to_owned(),
            ));
        }
        Ok(Unit {
            code: self.name(&unit.code)?,
            atoms,
        })
    }

    fn budget(&self) -> Result<Budget, ScenarioError> {
        let budget = &self.file.budget;
        let amount = self.amount(&budget.amount)?;
        let floor = self.floor(&self.file.treasury.floor)?;
        if amount > floor.unsigned_abs() {
            let message = format!("the treasury may not go below {floor}");
            return Err(self.wrong(&budget.amount, message));
        }
        Ok(Budget {
            proposer: self.member(&budget.proposer)?,
            purpose: budget.purpose.get_ref().clone(),
            payee: self.party(&budget.payee)?,
            unit: self.unit_named(&budget.unit)?,
            amount,
        })
    }

    fn votes(&self) -> Result<Vec<Option<Choice>>, ScenarioError> {
        let mut votes = vec![None; self.file.member.len()];
        for vote in &self.file.vote {
            let member = self.member(&vote.member)?;
            if votes[member].replace(vote.choice).is_some() {
                return Err(self.wrong(
                    &vote.member,
                    format!("{} votes twice", vote.member.get_ref()),
                ));
            }
        }
        Ok(votes)
    }

    fn trade(&self, trade: &RawTrade) -> Result<Trade, ScenarioError> {
        let (payer, payee) = (self.member(&trade.payer)?, self.member(&trade.payee)?);
        if payer == payee {
            return Err(self.wrong(&trade.payee, "payer and payee are the same".to_owned()));
        }
        let (unit, amount) = (self.unit_named(&trade.unit)?, self.amount(&trade.amount)?);
        Ok(Trade {
            payer,
            payee,
            unit,
            amount,
            when: trade.when,
        })
    }

    fn name(&self, text: &Text) -> Result<String, ScenarioError> {
        let name = text.get_ref();
        let fits =
            (1..=11).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            Ok(name.clone())
        } else {
            Err(self.wrong(text, format!("{name:?} is not 1 to 11 letters or digits")))
        }
    }

    fn member(&self, text: &Text) -> Result<usize, ScenarioError> {
        let found = self
            .file
            .member
            .iter()
            .position(|member| member.name.get_ref() == text.get_ref());
        found.ok_or_else(|| self.wrong(text, format!("{} is no member", text.get_ref())))
    }

    fn party(&self, text: &Text) -> Result<Party, ScenarioError> {
        let partner = self
            .file
            .partner
            .iter()
            .position(|partner| partner.name.get_ref() == text.get_ref());
        match partner {
            Some(partner) => Ok(Party::Partner(partner)),
            None => self.member(text).map(Party::Member),
        }
    }

    fn unit_named(&self, text: &Text) -> Result<usize, ScenarioError> {
        let found = self
            .file
            .unit
            .iter()
            .position(|unit| unit.code.get_ref() == text.get_ref());
        found.ok_or_else(|| self.wrong(text, format!("{} is no unit", text.get_ref())))
    }

    fn amount(&self, text: &Text) -> Result<u64, ScenarioError> {
        match text.get_ref().parse::<u64>() {
            Ok(amount) if (1..=1_000_000_000).contains(&amount) => Ok(amount),
            _ => Err(self.wrong(
                text,
                "an amount is a whole number from 1 to 1000000000".to_owned(),
            )),
        }
    }

    fn floor(&self, text: &Text) -> Result<i64, ScenarioError> {
        match text.get_ref().parse::<i64>() {
            Ok(floor) if (-1_000_000_000..=0).contains(&floor) => Ok(floor),
            _ => Err(self.wrong(
                text,
                "a floor is a whole number from -1000000000 to 0".to_owned(),
            )),
        }
    }

    fn wrong<T>(&self, at: &Spanned<T>, message: String) -> ScenarioError {
        ScenarioError {
            line: line_of(self.text, &at.span()),
            message,
        }
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes()
        .take(span.start)
        .filter(|&byte| byte == b'\n')
        .count()
        + 1
}
