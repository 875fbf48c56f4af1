//! Lengths between an own stamp and a kernel receive stamp, safe against steps of the wall clock.
//!
//! The kernel stamps arrivals on the wall clock, lengths belong on the monotonic one. Each reading therefore takes both
//! and keeps their offset: slewing moves the two alike, so a changed offset means that the wall clock was set.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Offsets closer than this are equal; covers what reading two clocks one after the other costs.
const SLACK: i128 = 100_000;
/// A reading with its two clocks closer together than this is good enough.
const TIGHT: Duration = Duration::from_micros(5);
/// Readings tried for a tight one; a busy host may interrupt any of them.
const TRIES: usize = 3;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Monotonic clock.
    mono: Duration,
    /// Wall clock minus monotonic clock, nanoseconds.
    offset: i128,
}

/// Who stamped an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The kernel, when the packet came in.
    Kernel,
    /// This process, when it got to read the packet.
    User,
}

/// A length of time, and whose clock ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredTime {
    /// How long it was.
    pub length: Duration,
    /// Who says so. What the kernel says does not depend on when this process got its turn.
    pub stamp: Stamp,
}

impl MeasuredTime {
    /// By the kernel's clock.
    #[must_use]
    pub const fn by_kernel(length: Duration) -> Self {
        Self { length, stamp: Stamp::Kernel }
    }

    /// By this process, which may have been late.
    #[must_use]
    pub const fn by_user(length: Duration) -> Self {
        Self { length, stamp: Stamp::User }
    }
}

impl ClockReading {
    /// The clocks now.
    #[must_use]
    pub fn now() -> Self {
        let mut best = Self::once();
        for _ in 1..TRIES {
            if best.0 <= TIGHT {
                break;
            }
            let again = Self::once();
            if again.0 < best.0 {
                best = again;
            }
        }
        best.1
    }

    fn once() -> (Duration, Self) {
        let before = clock(ClockId::CLOCK_MONOTONIC);
        let wall = clock(ClockId::CLOCK_REALTIME);
        let after = clock(ClockId::CLOCK_MONOTONIC);
        let width = after.saturating_sub(before);
        let middle = before + width / 2;
        (width, Self { mono: before, offset: nanos(wall) - nanos(middle) })
    }

    /// The clocks `nanos` later by the monotonic one, if none is set in between: a moment for who keeps many, in eight bytes.
    #[must_use]
    pub fn after(self, nanos: u64) -> Self {
        Self { mono: self.mono + Duration::from_nanos(nanos), ..self }
    }

    /// The moment that the kernel stamped `wall` (wall clock), which must lie between this reading and `later`.
    #[must_use]
    pub fn at_stamp(self, later: Self, wall: Duration) -> Option<Self> {
        let mono = u64::try_from(nanos(wall) - self.offset).ok().map(Duration::from_nanos)?;
        let steady = (later.offset - self.offset).abs() <= SLACK;
        (steady && mono >= self.mono && mono <= later.mono).then_some(Self { mono, ..self })
    }

    /// How long before this reading the kernel stamped an arrival `wall` (wall clock), which came after the reading `before`; `None`
    /// where the wall clock was set in between.
    #[must_use]
    pub fn since_stamp(self, before: Self, wall: Duration) -> Option<Duration> {
        let ago = nanos(self.mono) + self.offset - nanos(wall);
        // The stamp is newer than a reading that took long.
        let ago = u64::try_from(ago.max(0)).ok().filter(|_| ago >= -SLACK)?;
        ((self.offset - before.offset).abs() <= SLACK).then_some(Duration::from_nanos(ago))
    }

    /// From this reading to an arrival stamped `kernel` (wall clock) and read at `now`.
    #[must_use]
    pub fn elapsed(self, now: Self, kernel: Option<Duration>) -> (Duration, Stamp) {
        let user = now.mono.saturating_sub(self.mono);
        let by_kernel = kernel
            .filter(|_| (now.offset - self.offset).abs() <= SLACK)
            .map(|wall| nanos(wall) - now.offset - nanos(self.mono))
            .filter(|length| *length >= 0 && *length <= nanos(user) + SLACK)
            .and_then(|length| u64::try_from(length).ok());
        match by_kernel {
            Some(length) => (Duration::from_nanos(length), Stamp::Kernel),
            None => (user, Stamp::User),
        }
    }
}

fn nanos(length: Duration) -> i128 {
    i128::try_from(length.as_nanos()).unwrap_or(i128::MAX)
}

/// Neither clock can fail on a supported system; zero would only turn kernel stamps off.
fn clock(id: ClockId) -> Duration {
    clock_gettime(id).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ClockReading, Stamp};

    const EPOCH: i128 = 1_700_000_000_000_000_000;

    fn reading(mono_us: u64, step_us: i128) -> ClockReading {
        ClockReading { mono: Duration::from_micros(mono_us), offset: EPOCH + step_us * 1000 }
    }

    fn wall(mono_us: u64) -> Duration {
        Duration::from_nanos(u64::try_from(EPOCH).unwrap()) + Duration::from_micros(mono_us)
    }

    #[test]
    fn a_kernel_stamp_leaves_out_the_wait_of_this_process() {
        let (length, stamp) = reading(1_000, 0).elapsed(reading(9_000, 3), Some(wall(2_000)));
        assert_eq!(stamp, Stamp::Kernel);
        assert_eq!(length, Duration::from_micros(997), "the later offset is 3 us larger");
    }

    #[test]
    fn a_step_of_the_wall_clock_falls_back_to_the_own_stamp() {
        for step in [-5_000_000, 5_000_000, 200] {
            let (length, stamp) = reading(1_000, 0).elapsed(reading(9_000, step), Some(wall(2_000)));
            assert_eq!((length, stamp), (Duration::from_millis(8), Stamp::User), "step {step}");
        }
    }

    #[test]
    fn impossible_stamps_are_not_believed() {
        let sent = reading(1_000, 0);
        assert_eq!(sent.elapsed(reading(9_000, 0), Some(wall(500))).1, Stamp::User, "before it was sent");
        assert_eq!(sent.elapsed(reading(9_000, 0), Some(wall(20_000))).1, Stamp::User, "after it was read");
        assert_eq!(sent.elapsed(reading(9_000, 0), None), (Duration::from_millis(8), Stamp::User));
    }

    #[test]
    fn a_departure_is_believed_within_its_call_alone() {
        let (before, after) = (reading(1_000, 0), reading(1_020, 0));
        assert_eq!(before.at_stamp(after, wall(1_007)), Some(reading(1_007, 0)));
        assert_eq!(before.at_stamp(after, wall(999)), None, "an earlier packet");
        assert_eq!(before.at_stamp(after, wall(1_021)), None, "a later one");
        assert_eq!(before.at_stamp(reading(1_020, 5_000), wall(1_007)), None, "the clock was set");
    }

    #[test]
    fn an_arrival_was_so_long_ago_unless_the_clock_was_set() {
        let (before, now) = (reading(1_000, 0), reading(9_000, 3));
        assert_eq!(now.since_stamp(before, wall(2_000)), Some(Duration::from_micros(7_003)));
        assert_eq!(now.since_stamp(before, wall(9_020)), Some(Duration::ZERO), "the two clocks are not read at once");
        assert_eq!(now.since_stamp(before, wall(9_500)), None, "after it was read");
        for step in [-5_000_000, 5_000_000, 200] {
            assert_eq!(reading(9_000, step).since_stamp(before, wall(2_000)), None, "step {step}");
        }
    }

    #[test]
    fn two_readings_agree_about_the_offset() {
        let (a, b) = (ClockReading::now(), ClockReading::now());
        assert!(b.mono >= a.mono);
        assert!(a.offset > 0, "the wall clock is ahead of the time since boot");
    }
}
