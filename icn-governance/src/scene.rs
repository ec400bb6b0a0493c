//! A cooperative that votes, for tests: members and tellers with open chains,
//! and writers who are honest or not.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::authority::{Act, Action, Close, Opening, Outcome, Ready};
use icn_types::canon::{List, Raw};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId, UnitId};
use icn_types::key::MemberId;
use icn_types::record::Record;
use icn_types::set::RecordSet;
use icn_types::sign::Signed;
use icn_types::testkit::stage::{Stage, key_of};
use icn_types::time::Timestamp;
use icn_types::topic::Topic;
use icn_types::verdict::Verdict;

use crate::author::Drafted;
use crate::body::{
    BALLOT, Ballot, Choice, PROPOSAL, Proposal, RECEIPT, Receipt, SHUT, Shut, Subject,
};
use crate::charter::Rules;
use crate::governance::{Event, Governance};
use crate::rule::Rule;
use crate::tally::Tally;

pub(crate) const PERIOD: u64 = 1_000;
pub(crate) const TIMELOCK: u64 = 500;

pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) governance: Governance,
    pub(crate) members: Vec<ChainId>,
    pub(crate) tellers: Vec<ChainId>,
    pub(crate) events: Vec<Event>,
    seen: usize,
    nonce: u8,
}

pub(crate) fn rules(tellers: u32, needed: u8) -> Rules {
    Rules {
        text: Rule::majority(),
        budget: Rule::majority_of_roll(),
        receivership: Rule::two_thirds_of_roll(),
        tellers: List::new((0..tellers).collect::<Vec<_>>()).unwrap(),
        needed,
        period: PERIOD,
        timelock: TIMELOCK,
    }
}

impl Scene {
    pub(crate) fn new(members: usize, tellers: u32, needed: u8) -> Self {
        Self::with_rules(members, &rules(tellers, needed))
    }

    pub(crate) fn with_rules(members: usize, rules: &Rules) -> Self {
        let mut stage = Stage::with_rules(7, members, rules);
        let topic = stage.governance();
        let chains = (0..members)
            .map(|member| stage.open_member(member, &topic, None))
            .collect();
        let tellers = rules
            .tellers
            .iter()
            .map(|&number| {
                let key = key_of(7, "teller", u64::from(number));
                stage.open(topic.chain(Owner::Teller(number)), key, None)
            })
            .collect();
        let governance = Governance::new(stage.domain());
        let mut scene = Self {
            stage,
            governance,
            members: chains,
            tellers,
            events: Vec::new(),
            seen: 0,
            nonce: 0,
        };
        scene.sync();
        scene
    }

    /// Tells the governance of everything written since.
    pub(crate) fn sync(&mut self) {
        for record in &self.stage.records[self.seen..] {
            let slot = self.stage.set.find(&record.id()).unwrap();
            self.events
                .extend(self.governance.update(&self.stage.set, slot));
        }
        self.seen = self.stage.records.len();
    }

    pub(crate) const fn set(&self) -> &RecordSet {
        &self.stage.set
    }

    pub(crate) fn member(&self, number: usize) -> MemberId {
        self.stage.members()[number].inception.id()
    }

    /// A device of a member besides the first.
    pub(crate) fn second_device(&mut self, member: usize) -> ChainId {
        let key = key_of(7, "device", member as u64);
        let owner = Owner::Member(self.member(member), 1);
        let chain = self.stage.governance().chain(owner);
        let chain = self.stage.open(chain, key, None);
        self.sync();
        chain
    }

    pub(crate) fn text(&mut self, member: usize) -> Proposal {
        self.nonce += 1;
        Proposal {
            proposer: self.member(member),
            nonce: [self.nonce; 32],
            subject: Subject::Text,
            text: None,
        }
    }

    pub(crate) fn budget(&mut self, member: usize) -> Proposal {
        let unit = UnitId::from_bytes([9; 32]);
        let ledger = Topic::Ledger(self.stage.domain(), unit);
        let pay = Action::Pay {
            payer: ledger.chain(Owner::Shared(0)).id(),
            payee: ledger.chain(Owner::Member(self.member(member), 0)).id(),
            unit,
            amount: icn_types::amount::Amount::new(40).unwrap(),
        };
        Proposal {
            subject: Subject::Actions(List::new([pay]).unwrap()),
            ..self.text(member)
        }
    }

    pub(crate) fn propose(&mut self, chain: usize, proposal: &Proposal) -> RecordId {
        let chain = self.members[chain];
        let id = self.stage.write(&chain, PROPOSAL, &[], proposal);
        self.sync();
        id
    }

    /// The Opening that an honest registrar would write.
    pub(crate) fn opening(&self, record: RecordId, proposal: &Proposal) -> Opening {
        let rules = self.governance.rules_in(self.set()).unwrap();
        Opening {
            proposal: proposal.id(),
            record,
            actions: List::new(proposal.subject.actions().to_vec()).unwrap(),
            rule: Raw::of(rules.rule(&proposal.subject)),
            roll: self.set().office().unwrap().roll_digest(),
            terms: rules.terms(self.stage.domain()).unwrap(),
        }
    }

    /// Proposes a text and opens it.
    pub(crate) fn open_text(&mut self) -> RecordId {
        let proposal = self.text(0);
        self.open(&proposal)
    }

    pub(crate) fn open(&mut self, proposal: &Proposal) -> RecordId {
        let record = self.propose(0, proposal);
        let opening = self.opening(record, proposal);
        self.act(&Act::Opening(opening), &[])
    }

    pub(crate) fn act(&mut self, act: &Act, refs: &[RecordId]) -> RecordId {
        let id = self.stage.act(act, refs);
        self.sync();
        id
    }

    pub(crate) fn vote(&mut self, member: usize, opening: RecordId, choice: Choice) -> RecordId {
        let chain = self.members[member];
        self.vote_on(&chain, opening, choice, &[])
    }

    /// A ballot that names `replaced`.
    pub(crate) fn vote_on(
        &mut self,
        chain: &ChainId,
        opening: RecordId,
        choice: Choice,
        replaced: &[RecordId],
    ) -> RecordId {
        let refs: Vec<RecordId> = replaced.iter().copied().chain([opening]).collect();
        let ballot = Ballot { opening, choice };
        let id = self.stage.write(chain, BALLOT, &refs, &ballot);
        self.sync();
        id
    }

    pub(crate) fn acknowledge(&mut self, teller: usize, ballots: &[RecordId]) -> RecordId {
        let chain = self.tellers[teller];
        self.acknowledge_on(&chain, ballots)
    }

    pub(crate) fn acknowledge_on(&mut self, chain: &ChainId, ballots: &[RecordId]) -> RecordId {
        let positions = (0..u16::MAX).take(ballots.len()).collect();
        let receipt = Receipt::new(positions).unwrap();
        let id = self.stage.write(chain, RECEIPT, ballots, &receipt);
        self.sync();
        id
    }

    pub(crate) fn shut(&mut self, teller: usize, opening: RecordId) -> RecordId {
        let chain = self.tellers[teller];
        self.stage.set_time(PERIOD);
        let id = self
            .stage
            .write(&chain, SHUT, &[opening], &Shut { opening });
        self.sync();
        id
    }

    pub(crate) fn close(
        &mut self,
        opening: RecordId,
        shuts: &[RecordId],
        outcome: Outcome,
        tally: Tally,
    ) -> RecordId {
        let shuts: BTreeSet<RecordId> = shuts.iter().copied().collect();
        let close = Close {
            opening,
            outcome,
            shuts: List::new(shuts.into_iter().collect::<Vec<_>>()).unwrap(),
            tally: Raw::of(&tally),
        };
        self.act(&Act::Close(close), &[opening])
    }

    pub(crate) fn ready(&mut self, close: RecordId) -> RecordId {
        self.act(&Act::Ready(Ready { close }), &[close])
    }

    /// Signs what an honest author drafted.
    pub(crate) fn submit(&mut self, drafted: Drafted) -> RecordId {
        let id = match drafted {
            Drafted::New(draft) => self.stage.submit(*draft),
            Drafted::Again(id) => panic!("{id} was written before"),
        };
        self.sync();
        id
    }

    /// Every teller acknowledges all there is.
    pub(crate) fn acknowledge_all(&mut self) {
        for chain in self.tellers.clone() {
            while let Some(draft) =
                crate::author::draft_receipts(self.set(), &self.governance, &chain, now(0)).unwrap()
            {
                self.submit(Drafted::New(draft));
            }
        }
    }

    /// Acknowledged, shut by everybody and closed by an honest registrar.
    pub(crate) fn finish(&mut self, opening: RecordId) -> RecordId {
        self.acknowledge_all();
        for teller in 0..self.tellers.len() {
            self.shut(teller, opening);
        }
        self.finish_rest(opening)
    }

    /// Closed by an honest registrar.
    pub(crate) fn finish_rest(&mut self, opening: RecordId) -> RecordId {
        let close = crate::author::draft_close(self.set(), &self.governance, &opening, now(PERIOD))
            .unwrap();
        self.submit(close)
    }

    pub(crate) fn verdict(&self, id: &RecordId) -> Verdict<crate::rules::VoteRule> {
        self.governance.verdict(self.set().find(id).unwrap())
    }

    pub(crate) fn is_valid(&self, id: &RecordId) -> bool {
        self.verdict(id).is_valid()
    }

    pub(crate) fn broken(&self, id: &RecordId) -> &'static str {
        match self.verdict(id) {
            Verdict::Invalid(breach) => breach.code(),
            other => panic!("expected a breach, found {other:?}"),
        }
    }

    /// A replica that got the same records in another order.
    pub(crate) fn replica<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Signed<Record>>,
    ) -> (RecordSet, Governance) {
        let mut set = RecordSet::new(self.stage.domain());
        let mut governance = Governance::new(self.stage.domain());
        let mut left: Vec<&Signed<Record>> = records.into_iter().collect();
        loop {
            let before = left.len();
            left.retain(|record| match set.insert((*record).clone()) {
                Ok(added) => {
                    governance.update(&set, added.slot());
                    false
                }
                Err(_) => true,
            });
            if left.len() == before || left.is_empty() {
                return (set, governance);
            }
        }
    }
}

pub(crate) const fn now(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A tally of whole members.
pub(crate) fn figures(yes: u128, no: u128, abstain: u128, veto: u128, eligible: u128) -> Tally {
    Tally::new(yes, no, abstain, veto, eligible).unwrap()
}
