//! Whether a sample was taken late: by this process, which may have had no turn when what it waited for was there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::heartbeat::{Attention, Heartbeat, STALL};

/// Shorter delays are noise of any machine: no sample is marked for them.
const NOISE: Duration = Duration::from_millis(5);
/// Delays below this share of a sample change it too little to matter.
const SHARE: u32 = 20;

/// Watches the process and the runtime that measurements run on.
#[derive(Clone, Debug, Default)]
pub enum Watch {
    /// Nothing is known, and nobody late.
    #[default]
    Nobody,
    /// By this heartbeat.
    By(Arc<Heartbeat>),
    /// Always so late: for tests of what comes of it.
    Always(Duration),
}

impl Watch {
    /// By this heartbeat.
    #[must_use]
    pub fn by(heartbeat: Heartbeat) -> Self {
        Self::By(Arc::new(heartbeat))
    }

    /// How much of the time between two moments was not watched, see [`Heartbeat::missed`].
    #[must_use]
    pub fn missed(&self, from: Instant, until: Instant) -> Duration {
        match self {
            Self::Nobody => Duration::ZERO,
            Self::By(heartbeat) => heartbeat.missed(from, until),
            Self::Always(length) => Some(*length).filter(|length| *length > STALL).unwrap_or_default(),
        }
    }

    /// How much of it this process did not run at all, see [`Heartbeat::not_run`]: what has threads of its own watched the rest.
    #[must_use]
    pub fn not_run(&self, from: Instant, until: Instant) -> Duration {
        match self {
            Self::By(heartbeat) => heartbeat.not_run(from, until),
            Self::Nobody | Self::Always(_) => self.missed(from, until),
        }
    }

    /// Something is timed from now on, until the value is dropped.
    fn attention(&self) -> Option<Attention> {
        match self {
            Self::By(heartbeat) => Some(heartbeat.attention()),
            Self::Nobody | Self::Always(_) => None,
        }
    }

    fn late(&self, from: Instant, until: Instant) -> Duration {
        match self {
            Self::Nobody => Duration::ZERO,
            Self::By(heartbeat) => heartbeat.late(from, until),
            Self::Always(length) => *length,
        }
    }
}

/// How late this process was since a measurement began.
pub(super) struct Lateness {
    watch: Watch,
    since: Instant,
    attention: Option<Attention>,
}

impl Lateness {
    pub(super) fn unknown() -> Self {
        Self::from_now(&Watch::default())
    }

    pub(super) fn from_now(watch: &Watch) -> Self {
        Self { watch: watch.clone(), since: Instant::now(), attention: watch.attention() }
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What is timed has stamps of its own: of delays only stalls count from now on.
    pub(super) fn inattentive(&mut self) {
        self.attention = None;
    }

    /// Whether a delay of this process may be a part of `sample` that counts. A sample cannot hold more delay than it is
    /// long, so that short ones are never spoiled.
    pub(super) fn affects(&self, sample: Duration) -> bool {
        if sample <= NOISE {
            return false;
        }
        let late = self.watch.late(self.since, Instant::now()).min(sample);
        late > NOISE && late * SHARE > sample
    }
}

#[cfg(test)]
mod tests {
    use super::{Lateness, Watch};
    use crate::net::heartbeat::Heartbeat;

    /// Beats are close together for as long as somebody times something by them, and no longer.
    #[test]
    fn attention_is_paid_until_nothing_is_timed() {
        let watch = Watch::by(Heartbeat::start().unwrap());
        let Watch::By(heartbeat) = &watch else { panic!() };
        let mut stamped = Lateness::from_now(&watch);
        let other = Lateness::from_now(&watch);
        assert_eq!(heartbeat.attentive(), 2);
        stamped.inattentive();
        assert_eq!(heartbeat.attentive(), 1);
        drop(other);
        assert_eq!(heartbeat.attentive(), 0);
        drop(stamped);
        assert_eq!(heartbeat.attentive(), 0);
    }
}
