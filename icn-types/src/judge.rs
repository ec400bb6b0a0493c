//! The judge: verdicts about the records of one topic, for every domain crate
//! in the same way.
//!
//! A record waits while anything that it relies on is missing, even if
//! something else is already known to be wrong. From then on its verdict is a
//! fixed function of the record and its ancestors, so every replica comes to
//! the same one in any order of arrival.
//!
//! A domain supplies [`Rules`]: a state per chain, one function that judges a
//! record against the state before it, and one that applies what was judged.

mod parts;
mod rehearsal;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::authority::{FORMAT, Open};
use crate::id::{ChainId, RecordId, TopicId};
use crate::record::{Content, Header, Place};
use crate::set::{RecordSet, Slot};
use crate::verdict::{Breach, NeedsUpgrade, Verdict};

pub use parts::{ChainTip, Parts};
pub use rehearsal::Rehearsal;

/// The rules of one topic.
pub trait Rules {
    /// What a chain's records add up to.
    type State: Clone + Debug;
    /// What one record changes.
    type Delta;
    /// What whoever keeps sums of its own wants to know of a Valid record.
    type Effect;
    /// The rule that a record can break.
    type Rule: Copy + Debug;

    /// State of a chain before its first record.
    fn start(&self) -> Self::State;

    /// Judges one record whose ancestors are all here and Valid, given the
    /// state after the record before it.
    ///
    /// # Errors
    /// The [`Breach`] when it breaks a rule.
    fn judge(
        &self,
        case: &Case<'_>,
        state: &Self::State,
    ) -> Result<Self::Delta, Breach<Self::Rule>>;

    /// Applies what [`judge`](Self::judge) allowed. Cannot fail.
    fn apply(&self, slot: Slot, delta: Self::Delta, state: &mut Self::State) -> Self::Effect;
}

/// A record that has come to its verdict, with its effect if it is Valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided<E> {
    /// The record.
    pub slot: Slot,
    /// What a Valid one does.
    pub effect: Option<E>,
}

/// One record before the judge, with what it may be judged by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Case<'a> {
    /// The set; only ancestors of the record may be looked at.
    pub set: &'a RecordSet,
    /// The signed part of the record.
    pub header: &'a Header,
    /// Its content.
    pub content: &'a Content,
    /// The Open of its epoch, which is Valid.
    pub open: &'a Open,
    /// The last stored record before it.
    pub prev: Option<Slot>,
    /// The records that it refs, in the order of its refs.
    named: Cow<'a, [Slot]>,
    /// The epoch of the draft that it follows, if it follows one.
    drafted: Option<RecordId>,
}

impl<'a> Case<'a> {
    /// A case from its parts. Only the judge knows that what it relies on is
    /// here and Valid; whoever makes one answers for that.
    #[must_use]
    pub fn new(
        set: &'a RecordSet,
        header: &'a Header,
        content: &'a Content,
        open: &'a Open,
        prev: Option<Slot>,
    ) -> Self {
        let named = content.refs().iter().map_while(|id| set.find(id));
        Self {
            set,
            header,
            content,
            open,
            prev,
            named: named.collect(),
            drafted: None,
        }
    }

    /// The same case after a draft of this epoch, if there is one, that follows
    /// the last stored record.
    #[must_use]
    pub fn after_draft(self, epoch: Option<RecordId>) -> Self {
        Self {
            drafted: epoch,
            ..self
        }
    }

    /// The chain that the record lies on.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        match *self.header.place() {
            Place::Entry { chain, .. } | Place::Succession { chain, .. } => chain,
            Place::Founding => self.set.authority(),
        }
    }

    /// The records it refs, in the order of its refs.
    pub fn refs(&self) -> impl Iterator<Item = Slot> {
        self.named.iter().copied()
    }

    /// The record that the content refs at this position.
    #[must_use]
    pub fn reference(&self, at: usize) -> Option<Slot> {
        self.named.get(at).copied()
    }

    /// Whether this record is the first of its epoch.
    #[must_use]
    pub fn starts_epoch(&self) -> bool {
        let Some(epoch) = self.header.epoch() else {
            return true;
        };
        match self.drafted {
            Some(drafted) => drafted != epoch,
            None => !self.set.goes_on(epoch, self.prev),
        }
    }
}

/// Most records beside the spines after which a judge keeps a state.
const BESIDE_MAX: usize = 16;

/// Verdicts about the records of one topic.
///
/// Tell it of every record that the set added or completed. Judging a record
/// at the end of its spine, or of one of the branches that grew last, costs its own
/// rule; any other one beside a spine costs a fold over its chain.
#[derive(Debug, Clone)]
pub struct Judge<R: Rules> {
    rules: R,
    topic: TopicId,
    /// By slot.
    judged: Vec<Judged<R>>,
    waiting: BTreeMap<RecordId, Vec<Slot>>,
    /// Records beside their spines after which a state is kept, oldest first.
    beside: VecDeque<Slot>,
    /// Records that may now be decided, the next one last.
    todo: Vec<Slot>,
    /// Room for the refs of the record that is judged.
    named: Vec<Slot>,
    /// How much of the set's own verdicts was taken note of.
    heard: usize,
    upgrade: Option<NeedsUpgrade>,
}

/// What is known of one record.
#[derive(Debug, Clone)]
struct Judged<R: Rules> {
    verdict: Verdict<R::Rule>,
    /// The state of its chain, at the end of one. Boxed: it moves from record
    /// to record.
    chain: Option<Box<ChainState<R::State>>>,
}

#[derive(Debug, Clone)]
struct ChainState<S> {
    state: S,
    /// The epoch that an Invalid record ended.
    ended: Option<RecordId>,
}

/// How the records stand that a record names.
#[derive(Clone, Copy)]
struct Standing {
    open_is_valid: bool,
    refs_are_valid: bool,
}

/// What stands in the way of a verdict.
enum Blocked {
    By(RecordId),
    ByFormat(NeedsUpgrade),
}

impl<R: Rules> Judge<R> {
    /// A judge that has seen nothing.
    #[must_use]
    pub const fn new(rules: R, topic: TopicId) -> Self {
        Self {
            rules,
            topic,
            judged: Vec::new(),
            waiting: BTreeMap::new(),
            beside: VecDeque::new(),
            todo: Vec::new(),
            named: Vec::new(),
            heard: 0,
            upgrade: None,
        }
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &R {
        &self.rules
    }

    /// The topic whose records are judged.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.topic
    }

    /// Verdict about a record of the topic.
    #[must_use]
    pub fn verdict(&self, slot: Slot) -> Verdict<R::Rule> {
        let judged = self.judged.get(slot.index());
        judged.map_or(Verdict::Waiting, |judged| judged.verdict)
    }

    /// The first epoch met that needs newer code, or the charter if that does;
    /// totals are incomplete then.
    #[must_use]
    pub const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.upgrade
    }

    /// Records that wait, by the record that each waits for first.
    pub fn waiting(&self) -> impl Iterator<Item = (RecordId, &[Slot])> {
        self.waiting
            .iter()
            .map(|(id, slots)| (*id, slots.as_slice()))
    }

    /// State of a chain after `slot`, or before its first record.
    #[must_use]
    pub fn state(&self, set: &RecordSet, slot: Option<Slot>) -> R::State {
        let Some(slot) = slot else {
            return self.rules.start();
        };
        match self.chain_at(slot) {
            Some(chain) => chain.state.clone(),
            None => self.fold(set, slot).state,
        }
    }

    /// State at the tip of a path, without a copy, where it is at hand.
    #[must_use]
    pub fn state_at(&self, slot: Slot) -> Option<&R::State> {
        self.chain_at(slot).map(|chain| &chain.state)
    }

    /// Takes note of a record that the set added or completed, and decides
    /// what can now be decided. Answers with the newly decided records of the
    /// topic, each after those it relies on.
    pub fn update(&mut self, set: &RecordSet, slot: Slot) -> Vec<Decided<R::Effect>> {
        self.hear(set, slot);
        core::iter::from_fn(|| self.decide_next(set)).collect()
    }

    /// Takes note of a record that the set added or completed. What can now be
    /// decided [`decide_next`](Self::decide_next) decides.
    pub fn hear(&mut self, set: &RecordSet, slot: Slot) {
        let others = self.todo.len();
        for &judged in set.judged().get(self.heard..).unwrap_or_default() {
            let released = self.released(set, judged);
            self.todo.extend(released);
        }
        self.heard = set.judged().len();
        self.upgrade = self.upgrade.or_else(|| set.needs_upgrade());
        if set.topic(slot) == self.topic {
            self.awake(set, slot);
            self.todo.push(slot);
        }
        self.todo[others..].reverse();
    }

    /// A record that came whole waits no more for its own content.
    fn awake(&mut self, set: &RecordSet, slot: Slot) {
        if self.waiting.is_empty() {
            return;
        }
        let id = set.id(slot);
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.retain(|&waits| waits != slot);
            if waiting.is_empty() {
                self.waiting.remove(&id);
            }
        }
    }

    /// The next decided record of the topic after those it relies on, until there
    /// is none that can be decided.
    pub fn decide_next(&mut self, set: &RecordSet) -> Option<Decided<R::Effect>> {
        while let Some(slot) = self.todo.pop() {
            if !self.verdict(slot).is_waiting() {
                continue;
            }
            match self.decide(set, slot) {
                Ok(effect) => {
                    let released = self.released(set, slot);
                    self.todo.extend(released);
                    return Some(Decided { slot, effect });
                }
                Err(Blocked::By(id)) => self.waiting.entry(id).or_default().push(slot),
                Err(Blocked::ByFormat(upgrade)) => self.upgrade = self.upgrade.or(Some(upgrade)),
            }
        }
        None
    }

    /// Records that waited for this one.
    fn released(&mut self, set: &RecordSet, slot: Slot) -> Vec<Slot> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let waited = self.waiting.remove(&set.id(slot));
        waited.unwrap_or_default()
    }

    /// What is known of a record, in a table that grows with the set.
    fn place(&mut self, slot: Slot) -> &mut Judged<R> {
        if self.judged.len() <= slot.index() {
            let unknown = || Judged {
                verdict: Verdict::Waiting,
                chain: None,
            };
            self.judged.resize_with(slot.index() + 1, unknown);
        }
        &mut self.judged[slot.index()]
    }

    fn chain_at(&self, slot: Slot) -> Option<&ChainState<R::State>> {
        self.judged.get(slot.index())?.chain.as_deref()
    }

    /// Comes to the verdict about a record; answers with the effect of a Valid one.
    fn decide(&mut self, set: &RecordSet, slot: Slot) -> Result<Option<R::Effect>, Blocked> {
        let mut named = core::mem::take(&mut self.named);
        named.clear();
        let effect = self.decide_with(set, slot, &mut named);
        self.named = named;
        effect
    }

    fn decide_with(
        &mut self,
        set: &RecordSet,
        slot: Slot,
        named: &mut Vec<Slot>,
    ) -> Result<Option<R::Effect>, Blocked> {
        let record = set.record(slot);
        let content = record.content().ok_or_else(|| Blocked::By(record.id()))?;
        let (header, prev) = (record.header(), set.prev(slot));
        if header.prev().is_some() && prev.is_none() {
            return Err(Blocked::By(record.id()));
        }
        let (open, standing) = self.open_of(set, header, content, prev, named)?;
        let mut chain = self.take(set, slot);
        let case = Case {
            set,
            header,
            content,
            open,
            prev,
            named: Cow::Borrowed(named),
            drafted: None,
        };
        let (verdict, effect) = match self.weigh(&case, &chain, standing) {
            Ok(delta) => {
                let effect = self.rules.apply(slot, delta, &mut chain.state);
                (Verdict::Valid, Some(effect))
            }
            Err(breach) => {
                chain.ended = record.epoch();
                (Verdict::Invalid(breach), None)
            }
        };
        *self.place(slot) = Judged {
            verdict,
            chain: Some(chain),
        };
        self.keep_beside(set, slot);
        Ok(effect)
    }

    /// Lets go of the oldest state beside the spines where there are many: who
    /// writes branches without end takes no room without end.
    fn keep_beside(&mut self, set: &RecordSet, slot: Slot) {
        if set.on_spine(slot) {
            return;
        }
        self.beside.push_back(slot);
        if self.beside.len() > BESIDE_MAX
            && let Some(oldest) = self.beside.pop_front()
            && !set.on_spine(oldest)
        {
            self.place(oldest).chain = None;
        }
    }

    /// Everything decided: what is left is the order of precedence.
    fn weigh(
        &self,
        case: &Case<'_>,
        chain: &ChainState<R::State>,
        standing: Standing,
    ) -> Result<R::Delta, Breach<R::Rule>> {
        if !standing.open_is_valid {
            return Err(Breach::Open);
        }
        if chain.ended.is_some() && chain.ended == case.header.epoch() {
            return Err(Breach::Ended);
        }
        if !standing.refs_are_valid {
            return Err(Breach::Ref);
        }
        self.rules.judge(case, &chain.state)
    }

    /// The Open of a record whose ancestors are all here and decided; adds the
    /// records that it refs to `named`.
    fn open_of<'s>(
        &self,
        set: &'s RecordSet,
        header: &Header,
        content: &Content,
        prev: Option<Slot>,
        named: &mut Vec<Slot>,
    ) -> Result<(&'s Open, Standing), Blocked> {
        let own = || Blocked::By(header.id());
        let open_id = header.epoch().ok_or_else(own)?;
        if let Some(prev) = prev {
            self.standing(set, prev)?;
        }
        let opened = set.opened_after(prev, &open_id);
        let (opened_by, open) = opened.ok_or(Blocked::By(open_id))?;
        let opening = set.verdict(opened_by);
        if opening.is_waiting() {
            return Err(Blocked::By(open_id));
        }
        let open_is_valid = opening.is_valid();
        let mut refs_are_valid = true;
        for id in content.refs() {
            let slot = set.find(id).ok_or(Blocked::By(*id))?;
            refs_are_valid &= self.standing(set, slot)?;
            named.push(slot);
        }
        if open_is_valid && open.format > FORMAT {
            return Err(Blocked::ByFormat(NeedsUpgrade {
                format: open.format,
                since: open_id,
            }));
        }
        Ok((
            open,
            Standing {
                open_is_valid,
                refs_are_valid,
            },
        ))
    }

    /// Whether a named record is Valid; blocked while that is not known.
    fn standing(&self, set: &RecordSet, slot: Slot) -> Result<bool, Blocked> {
        let (waiting, valid) = if set.chain(slot) == set.authority() {
            let verdict = set.verdict(slot);
            (verdict.is_waiting(), verdict.is_valid())
        } else if set.topic(slot) == self.topic {
            let verdict = self.verdict(slot);
            (verdict.is_waiting(), verdict.is_valid())
        } else {
            (false, false) // a topic that this one may not rely on
        };
        if waiting {
            Err(Blocked::By(set.id(slot)))
        } else {
            Ok(valid)
        }
    }

    /// The state before `slot`, moved on from the record before it; copied by a
    /// new fold where another child took it already. What lies beside the end of
    /// what is decided of a spine leaves a copy there, from which the spine goes on
    /// one day.
    fn take(&mut self, set: &RecordSet, slot: Slot) -> Box<ChainState<R::State>> {
        let prev = set.prev(slot);
        let end = prev.filter(|&prev| !set.on_spine(slot) && self.is_end(set, prev));
        let kept = prev.and_then(|prev| self.judged.get_mut(prev.index()));
        let chain = match kept.and_then(|judged| judged.chain.take()) {
            Some(chain) => chain,
            None => Box::new(self.before(set, prev)),
        };
        if let Some(end) = end {
            self.place(end).chain = Some(chain.clone());
        }
        chain
    }

    /// Whether what is decided of a spine ends with this record.
    fn is_end(&self, set: &RecordSet, slot: Slot) -> bool {
        let spine = set.spine(&set.chain(slot));
        let seq = usize::try_from(set.seq(slot)).ok();
        let next = seq.and_then(|seq| spine.get(seq + 1));
        set.on_spine(slot) && next.is_none_or(|&next| self.verdict(next).is_waiting())
    }

    fn before(&self, set: &RecordSet, prev: Option<Slot>) -> ChainState<R::State> {
        prev.map_or_else(
            || ChainState {
                state: self.rules.start(),
                ended: None,
            },
            |prev| self.fold(set, prev),
        )
    }

    /// The state after `slot`, from the chain's first record on.
    fn fold(&self, set: &RecordSet, slot: Slot) -> ChainState<R::State> {
        let mut path: Vec<Slot> = set.back(slot).collect();
        path.reverse();
        let mut chain = ChainState {
            state: self.rules.start(),
            ended: None,
        };
        for slot in path {
            let record = set.record(slot);
            let (Some(content), Some(epoch)) = (record.content(), record.epoch()) else {
                continue;
            };
            let Some(open) = set.open(&epoch) else {
                continue;
            };
            match self.verdict(slot) {
                Verdict::Valid => {
                    let case = Case::new(set, record.header(), content, open, set.prev(slot));
                    if let Ok(delta) = self.rules.judge(&case, &chain.state) {
                        self.rules.apply(slot, delta, &mut chain.state);
                    }
                }
                Verdict::Invalid(_) => chain.ended = Some(epoch),
                Verdict::Waiting => {}
            }
        }
        chain
    }
}

#[cfg(test)]
mod tests;
