//! The ledger: one unit in one domain, followed record by record.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::slice;

use icn_types::id::{ChainId, Digest, DomainId, OperationKey, RecordId, TopicId};
use icn_types::judge::{Decided, Judge};
use icn_types::record::Content;
use icn_types::set::{RecordSet, Slot};
use icn_types::verdict::{Breach, NeedsUpgrade, Verdict};

use crate::account::Account;
use crate::beside::Beside;
use crate::columns::Columns;
use crate::decided::{self, Drawn};
use crate::digest;
use crate::entry::Entry;
use crate::event::LedgerEvent;
use crate::legs::{LegId, resolved, taken};
use crate::position::{self, Charge, Finality, Positions};
use crate::reliance;
use crate::remark::Remark;
use crate::rule::LedgerRule;
use crate::rules::LedgerRules;
use crate::unit::Unit;

/// The accounts of one unit.
///
/// It holds verdicts and sums, never records: every call takes the same
/// [`RecordSet`], and [`update`](Self::update) hears of each record that the
/// set added or completed, once, in the order of adding.
///
/// While chains only grow, a record costs what it names, whatever the number
/// of accounts and the length of history. A fork, a Seal or Recall that moves a
/// spine, or a record that makes one beside a spine canonical makes the next
/// [`refresh`](Self::refresh) count anew; any other record beside a spine does
/// not, however many there are.
#[derive(Clone, Debug)]
pub struct Ledger {
    unit: Unit,
    pub(crate) judge: Judge<LedgerRules>,
    /// None while labels may have moved and nobody counted anew.
    columns: Option<Columns>,
    /// The bends of its topic that the columns are of, and all that the set had
    /// then.
    bends: (u64, u64),
    /// What the columns count beside the spines.
    beside: Beside,
    /// Records with a verdict, in the order of decision; it only grows.
    decided: Vec<Slot>,
    /// How often labels may have moved.
    relabelled: u64,
}

/// What a ledger consists of that follows from the records.
pub(crate) struct Restored {
    pub(crate) unit: Unit,
    pub(crate) judge: Judge<LedgerRules>,
    /// None where labels may be others in the set.
    pub(crate) columns: Option<Columns>,
    pub(crate) beside: Beside,
    pub(crate) decided: Vec<Slot>,
    pub(crate) relabelled: u64,
}

/// What [`Ledger::refresh`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it counted or it did not")]
pub enum Refreshed {
    /// The columns were up to date.
    Nothing,
    /// All columns were counted anew; any of them may differ from before.
    Anew,
}

impl Ledger {
    /// A ledger that has seen nothing.
    #[must_use]
    pub fn new(domain: DomainId, unit: Unit) -> Self {
        let rules = LedgerRules::of(domain, &unit);
        let topic = rules.topic;
        Self {
            unit,
            judge: Judge::new(rules, topic),
            columns: Some(Columns::default()),
            bends: (0, 0),
            beside: Beside::new(topic),
            decided: Vec::new(),
            relabelled: 0,
        }
    }

    /// The ledger of everything in a set, counted. Linear in the set.
    #[must_use]
    pub fn of(set: &RecordSet, unit: Unit) -> Self {
        let mut ledger = Self::new(set.domain(), unit);
        for slot in set.slots() {
            ledger.update(set, slot);
        }
        ledger.refresh(set);
        ledger
    }

    /// The unit.
    #[must_use]
    pub const fn unit(&self) -> &Unit {
        &self.unit
    }

    /// The topic that its chains lie in.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.judge.topic()
    }

    /// Takes note of a record that the set added or completed, of whatever
    /// topic, and answers with what it learned.
    pub fn update(&mut self, set: &RecordSet, slot: Slot) -> Vec<LedgerEvent> {
        let mut events = Vec::new();
        let before = self.relabelled;
        // What a record of another topic names does not count for it here.
        let is_own = set.topic(slot) == self.topic();
        if !self.is_of(set) || (is_own && self.is_moved_by(set, slot)) {
            self.relabel();
        }
        self.note_bends(set);
        for decided in self.judge.update(set, slot) {
            self.decided.push(decided.slot);
            self.learn(set, decided, &mut events);
        }
        self.beside.arrive(set, slot);
        if is_own && self.judge.verdict(slot).is_waiting() {
            self.beside.wait(set, slot);
        }
        if self.relabelled != before {
            events.insert(0, LedgerEvent::Relabelled);
        }
        events
    }

    /// Whether no spine of this topic moved since the ledger heard of the set.
    fn is_of(&self, set: &RecordSet) -> bool {
        let (own, all) = self.bends;
        set.bends() == all || set.bends_in(&self.topic()) == own
    }

    fn note_bends(&mut self, set: &RecordSet) {
        if set.bends() != self.bends.1 {
            self.bends = (set.bends_in(&self.topic()), set.bends());
        }
    }

    /// Whether a record of this topic makes another set of records canonical
    /// than the columns are of. While nobody counted, any record that is beside
    /// a spine or names one may.
    fn is_moved_by(&self, set: &RecordSet, slot: Slot) -> bool {
        if set.is_straight() {
            false
        } else if self.columns.is_some() {
            self.beside.is_moved_by(set, slot)
        } else {
            let mut named = set.record(slot).refs().iter().filter_map(|id| set.find(id));
            !set.on_spine(slot) || named.any(|named| !set.on_spine(named))
        }
    }

    fn learn(&mut self, set: &RecordSet, decided: Decided<Entry>, events: &mut Vec<LedgerEvent>) {
        let slot = decided.slot;
        if let Some(entry) = &decided.effect {
            self.post(set, slot, entry);
            announce(set, slot, entry, events);
        }
        let record = set.record(slot);
        match self.judge.verdict(slot) {
            Verdict::Valid => {}
            Verdict::Invalid(Breach::Ended) | Verdict::Waiting => {}
            Verdict::Invalid(breach) => events.push(LedgerEvent::Convicted {
                record: record.id(),
                chain: record.chain(),
                breach,
            }),
        }
    }

    /// Counts a Valid record. One that is not canonical counts nothing.
    fn post(&mut self, set: &RecordSet, slot: Slot, entry: &Entry) {
        let Some(columns) = &mut self.columns else {
            return;
        };
        let counted = if set.is_straight() || set.on_spine(slot) {
            columns.post(set, slot, entry)
        } else {
            (!self.beside.contains(slot)).then_some(())
        };
        if counted.is_none() {
            self.relabel();
        }
    }

    fn relabel(&mut self) {
        self.columns = None;
        self.relabelled = self.relabelled.wrapping_add(1);
    }

    /// Records of the topic with a verdict, each after those that it relies
    /// on, in the order in which this ledger decided them; it only grows.
    #[must_use]
    pub fn decided(&self) -> &[Slot] {
        &self.decided
    }

    /// A number that changes whenever labels may have moved.
    pub(crate) const fn relabelled(&self) -> u64 {
        self.relabelled
    }

    /// Counts anew if labels may have moved. Linear in the set then, nothing
    /// otherwise.
    pub fn refresh(&mut self, set: &RecordSet) -> Refreshed {
        if self.counted(set).is_some() {
            return Refreshed::Nothing;
        }
        let canonical = set.canonical();
        self.columns = Some(Columns::of(&canonical, &self.judge));
        self.beside.count(&canonical);
        self.note_bends(set);
        Refreshed::Anew
    }

    /// The columns, where they are counted.
    pub(crate) fn counted(&self, set: &RecordSet) -> Option<&Columns> {
        self.columns.as_ref().filter(|_| self.is_of(set))
    }

    pub(crate) const fn beside(&self) -> &Beside {
        &self.beside
    }

    /// A ledger from its parts, which has heard of the set as it is now.
    pub(crate) fn restored(set: &RecordSet, parts: Restored) -> Self {
        let Restored {
            unit,
            judge,
            columns,
            beside,
            decided,
            relabelled,
        } = parts;
        let mut ledger = Self {
            relabelled: relabelled.wrapping_add(u64::from(columns.is_none())),
            columns,
            bends: (0, 0),
            unit,
            judge,
            beside,
            decided,
        };
        ledger.note_bends(set);
        ledger
    }

    fn count(&self, set: &RecordSet) -> Columns {
        Columns::of(&set.canonical(), &self.judge)
    }

    /// Columns of the canonical set. Borrowed, unless labels moved since the
    /// last [`refresh`](Self::refresh).
    #[must_use]
    pub fn columns(&self, set: &RecordSet) -> Cow<'_, Columns> {
        let counted = self.counted(set).map(Cow::Borrowed);
        counted.unwrap_or_else(|| Cow::Owned(self.count(set)))
    }

    /// The same counted from nothing: what the maintained ones must equal.
    #[must_use]
    pub fn recount(&self, set: &RecordSet) -> Columns {
        self.count(set)
    }

    /// Verdict about a record of the topic.
    #[must_use]
    pub fn verdict(&self, slot: Slot) -> Verdict<LedgerRule> {
        self.judge.verdict(slot)
    }

    /// The first epoch met that needs newer code; totals are incomplete then.
    #[must_use]
    pub const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.judge.needs_upgrade()
    }

    /// Records that wait, by the record that each waits for first.
    pub fn waiting(&self) -> impl Iterator<Item = (RecordId, &[Slot])> {
        self.judge.waiting()
    }

    /// Where one account stands. O(log n) in its records, while columns are
    /// [borrowed](Self::columns).
    #[must_use]
    pub fn positions(&self, set: &RecordSet, chain: &ChainId) -> Positions {
        position::of(self, set, chain)
    }

    /// How the charge in the Open in force compares with what is claimed.
    /// `None` for a chain without an epoch.
    #[must_use]
    pub fn charge(&self, set: &RecordSet, chain: &ChainId) -> Option<Charge> {
        position::charge(self, set, chain)
    }

    /// How final one leg is. `None` for a leg that no posted record sent.
    #[must_use]
    pub fn finality(&self, set: &RecordSet, leg: &LegId) -> Option<Finality> {
        position::finality(self, set, leg)
    }

    /// The label digest: equal on replicas with equal canonical sets. Linear
    /// in the set.
    #[must_use]
    pub fn label_digest(&self, set: &RecordSet) -> Digest {
        digest::labels(&set.canonical(), &self.judge, &self.columns(set))
    }

    /// The payment, hold, refund, settlement or bundle that a chain made under an
    /// operation key, on its spine.
    #[must_use]
    pub fn payment(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        key: &OperationKey,
    ) -> Option<RecordId> {
        let first = self.account(set, chain).operation(key)?;
        Some(set.id(first))
    }

    /// How far the payer of an envelope has come with it: action `number` of
    /// the decision that `ready` lets take effect. `None` for anything else.
    #[must_use]
    pub fn drawn(&self, set: &RecordSet, ready: &RecordId, number: u16) -> Option<Drawn> {
        decided::drawn(self, set, ready, number)
    }

    /// Whether credit of an account waits for a Seal, so that the next one may
    /// make it spendable. O(1) for a chain that does not fork.
    #[must_use]
    pub fn waits_for_seal(&self, set: &RecordSet, chain: &ChainId) -> bool {
        self.account(set, chain).uncovered().next().is_some()
    }

    /// The account at the end of a chain's spine.
    pub(crate) fn account(&self, set: &RecordSet, chain: &ChainId) -> Cow<'_, Account> {
        let end = self.end(set, chain);
        match end.and_then(|end| self.judge.state_at(end)) {
            Some(account) => Cow::Borrowed(account),
            None => Cow::Owned(self.judge.state(set, end)),
        }
    }

    /// The last record on the spine of a chain of this topic that has a verdict.
    pub(crate) fn end(&self, set: &RecordSet, chain: &ChainId) -> Option<Slot> {
        let is_decided = |slot| !self.judge.verdict(slot).is_waiting();
        reliance::decided(set.spine(chain), is_decided)
            .last()
            .copied()
    }
}

fn remarked(
    id: RecordId,
    chain: ChainId,
    content: &Content,
    remark: &Remark,
) -> Option<LedgerEvent> {
    match remark {
        Remark::Dispute(dispute) => Some(LedgerEvent::Disputed {
            dispute: id,
            by: chain,
            mediator: dispute.mediator,
        }),
        Remark::Outcome(outcome) => Some(LedgerEvent::Ruled {
            outcome: id,
            dispute: *content.refs().get(usize::from(outcome.dispute))?,
            ruling: outcome.ruling,
        }),
        Remark::Bundle(_) => Some(LedgerEvent::Bundled {
            bundle: id,
            by: chain,
        }),
        Remark::Assertion(_) | Remark::Close(_) => None,
    }
}

fn announce(set: &RecordSet, slot: Slot, entry: &Entry, events: &mut Vec<LedgerEvent>) {
    let record = set.record(slot);
    let (id, chain) = (record.id(), record.chain());
    let Some(content) = record.content() else {
        return;
    };
    match entry {
        Entry::Payment(_) => events.push(LedgerEvent::Paid {
            payment: id,
            payer: chain,
        }),
        Entry::Ack(ack) => {
            events.extend(
                taken(content, &ack.legs).map(|leg| LedgerEvent::Acknowledged {
                    ack: id,
                    leg,
                    payee: chain,
                }),
            );
        }
        Entry::Refuse(refuse) => {
            events.extend(
                taken(content, &refuse.legs).map(|leg| LedgerEvent::Refused {
                    refusal: id,
                    leg,
                    payee: chain,
                }),
            );
        }
        Entry::Hold(_) => events.push(LedgerEvent::Held {
            hold: id,
            payer: chain,
        }),
        Entry::Resolve(resolve) => {
            events.extend(
                resolved(content, resolve).map(|hold| LedgerEvent::Resolved {
                    resolve: id,
                    hold,
                    resolver: chain,
                }),
            );
        }
        Entry::Refund(refund) => {
            let original = taken(content, slice::from_ref(&refund.original));
            events.extend(original.map(|original| LedgerEvent::Refunded {
                refund: id,
                original,
                payer: chain,
            }));
        }
        Entry::Settlement(settlement) => {
            let claim = settlement.claim(content.refs());
            events.extend(claim.map(|claim| LedgerEvent::Settled {
                settlement: id,
                claim,
                payer: chain,
            }));
        }
        Entry::Note(_) => {}
        Entry::Remark(remark) => events.extend(remarked(id, chain, content, remark)),
    }
}
