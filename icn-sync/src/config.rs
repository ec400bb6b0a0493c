//! Settings of one replica. None of them decides what is stored or what is
//! valid; they only delay, bound or spare work.

use core::time::Duration;

/// First pause between two clock exchanges with one peer. Two seconds keep a
/// healed partition short while an idle pair sends under 100 bytes per second.
pub const EXCHANGE_FIRST: Duration = Duration::from_secs(2);

/// Longest pause, reached by doubling while peers confirm that nothing differs.
pub const EXCHANGE_LONGEST: Duration = Duration::from_secs(60);

/// How long a peer may take to answer a request before others are asked too.
/// One first pause: the next exchange would notice the gap anyway.
pub const ANSWER_WITHIN: Duration = EXCHANGE_FIRST;

/// Bytes of records in one answer. Four full frames: one megabyte in flight
/// per peer fills a 100 Mbit/s link with 80 ms of delay.
pub const ANSWER_LEN: usize = 1024 * 1024;

/// Bytes of answers that one peer may get before it has to wait, and as many of
/// clocks: the records of a middling cooperative, so that a cold start is not
/// slowed.
pub const BUDGET_LEN: u64 = 64 * 1024 * 1024;

/// Bytes of each that a peer may get per second in the long run: 16 Mbit/s.
pub const BUDGET_PER_SECOND: u64 = 2 * 1024 * 1024;

/// Records beside stored ones that one peer may bring before it has to wait.
/// Each costs a fold over its chain.
pub const FORKS_MAX: u64 = 256;

/// Records beside stored ones that a peer may bring per second in the long run.
pub const FORKS_PER_SECOND: u64 = 4;

/// Early records kept per topic, and their bytes.
pub const EARLY_PER_TOPIC: usize = 1024;

/// Bytes of early records kept per topic.
pub const EARLY_LEN_PER_TOPIC: usize = 4 * 1024 * 1024;

/// Early records kept per peer, so that one peer cannot use up the room.
pub const EARLY_PER_PEER: usize = 256;

/// Fault points at which a peer is no longer listened to. One forged record
/// costs this much, a frame that cannot be read a fifth.
pub const FAULTS_MAX: u32 = 100;

/// Time after which one fault point is forgotten: a hundred in ten minutes.
pub const FAULT_FORGOTTEN: Duration = Duration::from_secs(6);

/// How long a peer above the bound is not listened to.
pub const MUTED_FOR: Duration = Duration::from_secs(600);

/// Settings of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// First pause between clock exchanges. Default [`EXCHANGE_FIRST`].
    pub exchange_first: Duration,
    /// Longest pause between clock exchanges. Default [`EXCHANGE_LONGEST`].
    pub exchange_longest: Duration,
    /// Time that a peer has to answer. Default [`ANSWER_WITHIN`].
    pub answer_within: Duration,
    /// Bytes of records in one answer. Default [`ANSWER_LEN`].
    pub answer_len: usize,
    /// Bytes of answers, and bytes of clocks, that one peer may get.
    pub budget: Budget,
    /// How many records beside stored ones one peer may bring.
    pub forks: Budget,
    /// Early records kept per topic. Default [`EARLY_PER_TOPIC`].
    pub early_per_topic: usize,
    /// Bytes of early records kept per topic. Default [`EARLY_LEN_PER_TOPIC`].
    pub early_len_per_topic: usize,
    /// Early records kept per peer. Default [`EARLY_PER_PEER`].
    pub early_per_peer: usize,
    /// Fault points at which a peer is muted. Default [`FAULTS_MAX`].
    pub faults_max: u32,
    /// Time after which one point is forgotten. Default [`FAULT_FORGOTTEN`].
    pub fault_forgotten: Duration,
    /// How long a peer stays muted. Default [`MUTED_FOR`].
    pub muted_for: Duration,
}

/// What a peer may use up: so much at once, and so much per second in the long
/// run. What goes beyond waits for a later exchange; nothing is lost by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct Budget {
    /// How much at once.
    pub most: u64,
    /// How much comes back per second.
    pub per_second: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            exchange_first: EXCHANGE_FIRST,
            exchange_longest: EXCHANGE_LONGEST,
            answer_within: ANSWER_WITHIN,
            answer_len: ANSWER_LEN,
            budget: Budget {
                most: BUDGET_LEN,
                per_second: BUDGET_PER_SECOND,
            },
            forks: Budget {
                most: FORKS_MAX,
                per_second: FORKS_PER_SECOND,
            },
            early_per_topic: EARLY_PER_TOPIC,
            early_len_per_topic: EARLY_LEN_PER_TOPIC,
            early_per_peer: EARLY_PER_PEER,
            faults_max: FAULTS_MAX,
            fault_forgotten: FAULT_FORGOTTEN,
            muted_for: MUTED_FOR,
        }
    }
}

impl Config {
    /// The same with other pauses between clock exchanges.
    #[must_use]
    pub const fn with_exchange(mut self, first: Duration, longest: Duration) -> Self {
        self.exchange_first = first;
        self.exchange_longest = longest;
        self
    }

    /// The same with another time to answer.
    #[must_use]
    pub const fn with_answer_within(mut self, within: Duration) -> Self {
        self.answer_within = within;
        self
    }

    /// The same with another length of answers, in bytes.
    #[must_use]
    pub const fn with_answer_len(mut self, len: usize) -> Self {
        self.answer_len = len;
        self
    }

    /// The same with another budget of what is sent to a peer. Default
    /// [`BUDGET_LEN`] and [`BUDGET_PER_SECOND`].
    #[must_use]
    pub const fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The same with another budget of records beside stored ones. Default
    /// [`FORKS_MAX`] and [`FORKS_PER_SECOND`].
    #[must_use]
    pub const fn with_forks(mut self, forks: Budget) -> Self {
        self.forks = forks;
        self
    }

    /// The same with other bounds of early records: per topic in number and
    /// bytes, and per peer in number.
    #[must_use]
    pub const fn with_early(mut self, per_topic: usize, len: usize, per_peer: usize) -> Self {
        self.early_per_topic = per_topic;
        self.early_len_per_topic = len;
        self.early_per_peer = per_peer;
        self
    }

    /// The same with other consequences of faults.
    #[must_use]
    pub const fn with_faults(mut self, max: u32, forgotten: Duration, muted: Duration) -> Self {
        self.faults_max = max;
        self.fault_forgotten = forgotten;
        self.muted_for = muted;
        self
    }
}

/// Whole milliseconds of a pause, the unit of ticks.
pub(crate) fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}
