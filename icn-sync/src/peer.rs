//! What a replica remembers of a peer: nothing that decides what is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use icn_types::id::{ChainId, Digest, RecordId, TopicId};
use icn_types::time::Ticks;

use crate::clock::VectorClock;
use crate::config::{Budget, Config, millis};
use crate::wire::Trace;

/// One peer of the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) link: Link,
    pub(crate) score: Score,
    /// Bytes of clocks that were sent to it lately.
    pub(crate) clocks: Spent,
    /// Bytes of answers that were sent to it lately. Apart from the clocks:
    /// these come first in an exchange and would leave nothing for answers.
    pub(crate) answers: Spent,
    /// Records beside stored ones that it brought lately.
    pub(crate) forks: Spent,
    /// It did not answer a request. Others are asked without waiting for it.
    pub(crate) shirks: bool,
}

/// Whether there is a connection, and what was said on it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Link {
    #[default]
    Down,
    Up(BTreeMap<TopicId, Session>),
}

impl Peer {
    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    pub(crate) fn session(&mut self, topic: TopicId) -> Option<&mut Session> {
        match &mut self.link {
            Link::Up(sessions) => sessions.get_mut(&topic),
            Link::Down => None,
        }
    }

    /// It brought something new of a topic. Any topic may need a record of the
    /// authority topic, so every open request counts as served.
    pub(crate) fn progress(&mut self, topic: TopicId) {
        if let Link::Up(sessions) = &mut self.link {
            for (of, session) in sessions {
                session.progress |= *of == topic || session.unanswered > 0;
            }
        }
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = (&TopicId, &Session)> {
        let sessions = match &self.link {
            Link::Up(sessions) => Some(sessions),
            Link::Down => None,
        };
        sessions.into_iter().flatten()
    }
}

/// The exchange about one topic over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Whether the peer is known to follow the topic.
    follows: bool,
    /// The digest was sent before the peer was heard about the topic.
    is_unheard: bool,
    /// When to send the clock's digest next.
    pub(crate) due: Ticks,
    pause: u64,
    /// Both sides confirmed to hold everything of the other.
    is_settled: bool,
    /// The peer's clock while its pages arrive.
    pub(crate) reading: Option<Reading>,
    /// A clock of the peer of which nothing is missing here.
    pub(crate) covered: Option<Digest>,
    /// The last clock that both sides are known to have held.
    pub(crate) agreed: Option<Arc<VectorClock>>,
    /// Requests without an answer.
    pub(crate) unanswered: usize,
    /// Whether something was stored since the last exchange began.
    pub(crate) progress: bool,
    /// Chains were passed over while their Opens are on their way.
    pub(crate) held_back: bool,
    /// What the next request will name.
    pub(crate) wants: Wants,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wants {
    pub(crate) ids: Vec<RecordId>,
    pub(crate) chains: Vec<Trace>,
}

/// How much of a peer's clock was read, and what the comparison found.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) digest: Digest,
    /// The clock that the peer's rows are told apart from.
    pub(crate) base: Option<Digest>,
    pub(crate) place: Place,
    /// Something is missing here.
    pub(crate) lacks: bool,
    /// Something may be missing at the peer.
    pub(crate) peer_lacks: bool,
}

/// The page that must come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Rows(Option<ChainId>),
    Strays(Option<RecordId>),
}

impl Session {
    pub(crate) fn new(now: Ticks, config: &Config) -> Self {
        Self {
            follows: false,
            is_unheard: false,
            due: now,
            pause: millis(config.exchange_first),
            is_settled: false,
            reading: None,
            covered: None,
            agreed: None,
            unanswered: 0,
            progress: false,
            held_back: false,
            wants: Wants::default(),
        }
    }

    /// The digest is sent now and next after a pause, a longer one if nothing
    /// differed since it was last sent, or if the peer never spoke of the topic.
    pub(crate) fn asked(&mut self, now: Ticks, config: &Config) {
        let in_vain = core::mem::replace(&mut self.is_unheard, !self.follows);
        if core::mem::take(&mut self.is_settled) || in_vain {
            let longest = millis(config.exchange_longest);
            self.pause = self.pause.saturating_mul(2).min(longest);
        }
        self.due = now.saturating_add(self.pause);
        self.reading = None;
        self.unanswered = 0;
    }

    /// The digest of the last clock that both sides held.
    pub(crate) fn base(&self) -> Option<Digest> {
        self.agreed.as_ref().map(|clock| clock.digest())
    }

    pub(crate) const fn follows(&self) -> bool {
        self.follows
    }

    /// The peer spoke of the topic.
    pub(crate) fn heard(&mut self, now: Ticks, config: &Config) {
        if !core::mem::replace(&mut self.follows, true) {
            self.is_unheard = false;
            self.stirred(now, config);
        }
    }

    /// Both sides are known to hold everything of the other.
    pub(crate) const fn settled(&mut self) {
        self.is_settled = true;
    }

    /// Something differs or is new: the pause starts small again.
    pub(crate) fn stirred(&mut self, now: Ticks, config: &Config) {
        self.is_settled = false;
        self.pause = millis(config.exchange_first);
        self.due = self.due.min(now.saturating_add(self.pause));
    }
}

/// What a peer used up of a budget; it comes back with time and outlives the
/// connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    amount: u64,
    since: Ticks,
}

impl Spent {
    /// Whether the peer may use up more. The last use may go beyond the budget,
    /// so that nothing is too large for it.
    pub(crate) fn leaves_room(&mut self, now: Ticks, budget: Budget) -> bool {
        let elapsed = now.since(self.since).as_millis();
        let back = elapsed.saturating_mul(u128::from(budget.per_second)) / 1000;
        if back > 0 {
            let back = u64::try_from(back).unwrap_or(u64::MAX);
            self.amount = self.amount.saturating_sub(back);
            self.since = now;
        }
        self.amount < budget.most
    }

    pub(crate) const fn add(&mut self, amount: u64) {
        self.amount = self.amount.saturating_add(amount);
    }
}

/// Fault points of one peer; they fade with time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    points: u32,
    since: Ticks,
    muted_until: Option<Ticks>,
}

impl Score {
    /// Adds points. Answers whether the peer is now to be muted.
    pub(crate) fn add(&mut self, weight: u32, now: Ticks, config: &Config) -> bool {
        let fading = millis(config.fault_forgotten).max(1);
        let elapsed = now.since(self.since).as_millis() / u128::from(fading);
        let forgotten = u32::try_from(elapsed).unwrap_or(u32::MAX);
        if forgotten > 0 || self.points == 0 {
            self.since = now;
        }
        self.points = self.points.saturating_sub(forgotten).saturating_add(weight);
        let mutes = self.points >= config.faults_max && self.muted_until.is_none();
        if mutes {
            self.muted_until = Some(now.saturating_add(millis(config.muted_for)));
        }
        mutes
    }

    pub(crate) fn is_muted(&mut self, now: Ticks) -> bool {
        match self.muted_until {
            Some(until) if until > now => true,
            Some(_) => {
                *self = Self::default();
                false
            }
            None => false,
        }
    }

    pub(crate) const fn muted_until(&self) -> Option<Ticks> {
        self.muted_until
    }
}
