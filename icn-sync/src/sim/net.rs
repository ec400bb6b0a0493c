//! Frames under way between peers, with loss, delay and repetition.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::key::PeerId;
use icn_types::time::Ticks;

/// Numbers that follow from a seed (splitmix64). For tests, not for keys.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// An index below `len`; 0 when `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// True in `permille` of 1000 draws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }
}

/// How a network treats frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weather {
    /// Frames of 1000 that are lost.
    pub lost: u64,
    /// Frames of 1000 that arrive twice.
    pub doubled: u64,
    /// Shortest time under way, in milliseconds.
    pub delay_min: u64,
    /// Longest time under way; frames overtake each other.
    pub delay_max: u64,
}

impl Weather {
    /// Nothing is lost, doubled or overtaken.
    #[must_use]
    pub const fn fair() -> Self {
        Self::new(0, 0, 10, 10)
    }

    /// Frames of 1000 lost and doubled, and the range of delays in
    /// milliseconds.
    #[must_use]
    pub const fn new(lost: u64, doubled: u64, delay_min: u64, delay_max: u64) -> Self {
        Self {
            lost,
            doubled,
            delay_min,
            delay_max,
        }
    }
}

/// A frame at its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// When it arrives.
    pub at: Ticks,
    /// Who sent it.
    pub from: PeerId,
    /// Who gets it.
    pub to: PeerId,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// Frames under way.
#[derive(Clone, Debug)]
pub struct Net {
    rng: Rng,
    weather: Weather,
    under_way: BTreeMap<(Ticks, u64), Delivery>,
    sent: u64,
    bytes: u64,
    cut: BTreeSet<(PeerId, PeerId)>,
}

impl Net {
    /// An empty network.
    #[must_use]
    pub const fn new(seed: u64, weather: Weather) -> Self {
        Self {
            rng: Rng::new(seed),
            weather,
            under_way: BTreeMap::new(),
            sent: 0,
            bytes: 0,
            cut: BTreeSet::new(),
        }
    }

    /// From now on frames are treated like this.
    pub const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Takes a frame on its way.
    pub fn send(&mut self, now: Ticks, from: PeerId, to: PeerId, bytes: Vec<u8>) {
        self.bytes += bytes.len() as u64;
        let copies = 1 + u64::from(self.rng.chance(self.weather.doubled));
        for _ in 0..copies {
            self.sent += 1;
            if self.rng.chance(self.weather.lost) || self.cut.contains(&pair(from, to)) {
                continue;
            }
            let spread = self
                .weather
                .delay_max
                .saturating_sub(self.weather.delay_min)
                + 1;
            let delay = self.weather.delay_min + self.rng.below(spread);
            let at = now.saturating_add(delay);
            let delivery = Delivery {
                at,
                from,
                to,
                bytes: bytes.clone(),
            };
            self.under_way.insert((at, self.sent), delivery);
        }
    }

    /// When the next frame arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Ticks> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// The next frame that has arrived by `now`.
    pub fn receive(&mut self, now: Ticks) -> Option<Delivery> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Loses every frame between two peers until [`heal`](Self::heal).
    pub fn cut(&mut self, one: PeerId, other: PeerId) {
        self.cut.insert(pair(one, other));
    }

    /// Ends every cut.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// Frames given to the network so far, copies included.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.sent
    }

    /// Bytes given to the network so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn pair(one: PeerId, other: PeerId) -> (PeerId, PeerId) {
    (one.min(other), one.max(other))
}
