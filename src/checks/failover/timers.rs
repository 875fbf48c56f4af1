//! How long an outage may take by the timers that the network is configured with.
//!
//! A limit from timers must never fail a network that keeps them, so it is what they take at most, and an allowance for what comes
//! after detection: the switch itself, the neighbours that learn of it, and the interval of the probes on either side.

use std::time::Duration;

use super::facts::{GAP, HI, OUTAGE_BOUNDS, S_OUTAGE};
use super::fields::{CONNECTION, INTERVAL};
use super::settings;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Invalid, NestedProbe, Unit};
use crate::probe::{Connection, DerivedExpectation};

/// Share of what the timers take that is allowed beyond it, and the least that is.
const ALLOWANCE: f64 = 0.1;
const LEAST_ALLOWANCE: f64 = 0.1;
/// Facts of which a limit below what the timers take would fail although they are kept.
const BOUNDED: &[&str] = &[OUTAGE_BOUNDS.info.name, HI.info.name, GAP.info.name, S_OUTAGE.info.name];

fields! { VRRP_FIELDS;
    const ADVERT: Field<Duration> = Field::required(
        "advert",
        FieldKind::Duration(0.01, 255.0),
        "Time between two advertisements of the master.",
    );
    const PRIORITY: Field<u32> = Field::required(
        "priority",
        FieldKind::Integer(1, 254),
        "Priority of the successor, which takes over.",
    );
    const VERSION: Field<u32> = Field::default(
        "version",
        FieldKind::Integer(2, 3),
        "3",
        "Version of VRRP. In version 2 the skew is a part of a second, in version 3 of `advert`.",
    );
}

fields! { BFD_FIELDS;
    const TX: Field<Duration> = Field::required(
        "tx",
        FieldKind::Duration(0.001, 60.0),
        "Time between two packets, as both ends agreed on it: the longer of what one sends and the other takes.",
    );
    const MULTIPLIER: Field<u32> = Field::default(
        "multiplier",
        FieldKind::Integer(1, 255),
        "3",
        "Packets in a row that are missed until the session is down.",
    );
}

fields! { BGP_FIELDS;
    const HOLD: Field<Duration> =
        Field::required("hold", FieldKind::Duration(3.0, 65535.0), "Hold time that both ends agreed on: the shorter of theirs.");
}

fields! { TIMER_FIELDS;
    const VRRP: Field<Option<Args>> =
        Field::optional("vrrp", FieldKind::Group(VRRP_FIELDS), "A router of VRRP goes, and its successor takes over.");
    const BFD: Field<Option<Args>> =
        Field::optional("bfd", FieldKind::Group(BFD_FIELDS), "BFD sees that a neighbour is gone.");
    const BGP: Field<Option<Args>> =
        Field::optional("bgp", FieldKind::Group(BGP_FIELDS), "BGP sees that a neighbour is gone, by its hold time.");
}

pub(super) const TIMERS: Field<Option<Args>> = Field::optional(
    "timers",
    FieldKind::Group(TIMER_FIELDS),
    "The timers that are configured. What they take at most, with an allowance, is the limit of `outage` where the check gives none; of several \
     the one that detects first counts.",
);

/// How long detection takes by one timer, seconds.
#[derive(Clone, Debug, PartialEq)]
struct Detection {
    soonest: f64,
    latest: f64,
    /// Its name, and how that is reckoned.
    name: &'static str,
    arithmetic: String,
}

/// The timers of a check: the one that detects first, and the others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Timers {
    first: Detection,
    slower: Vec<Detection>,
}

fn human(seconds: f64) -> String {
    Unit::Seconds.human(seconds)
}

/// RFC 9568, section 6.1: the successor waits for `3 x advert + skew` after the last advertisement, which came within `advert` before
/// the end of the master.
fn vrrp(args: &Args) -> Detection {
    let advert = args.get(&ADVERT).as_secs_f64();
    let share = f64::from(256 - args.get(&PRIORITY).min(256)) / 256.0;
    let skew = if args.get(&VERSION) == 2 { share } else { share * advert };
    let latest = 3.0 * advert + skew;
    let arithmetic = format!("3 x {} advert + {} skew", human(advert), human(skew));
    Detection { soonest: latest - advert, latest, name: "vrrp", arithmetic }
}

/// RFC 5880, section 6.8.4: down when nothing came for `multiplier x tx`. The last packet came within `tx` before the end: with jitter
/// they are sent after 75 to 100 % of it, never later.
fn bfd(args: &Args) -> Detection {
    let (tx, multiplier) = (args.get(&TX).as_secs_f64(), args.get(&MULTIPLIER));
    let latest = f64::from(multiplier) * tx;
    Detection { soonest: latest - tx, latest, name: "bfd", arithmetic: format!("{multiplier} x {} tx", human(tx)) }
}

/// RFC 4271, section 4.4: down when nothing came for the hold time. Keepalives come within a third of it.
fn bgp(args: &Args) -> Detection {
    let hold = args.get(&HOLD).as_secs_f64();
    Detection { soonest: hold * 2.0 / 3.0, latest: hold, name: "bgp", arithmetic: format!("{} hold time", human(hold)) }
}

impl Timers {
    /// Those of the field; `None` where it names none.
    pub(super) fn of(timers: &Args) -> Option<Self> {
        let known = [timers.get(&VRRP).map(|args| vrrp(&args)), timers.get(&BFD).map(|args| bfd(&args))];
        let mut known: Vec<Detection> =
            known.into_iter().chain([timers.get(&BGP).map(|args| bgp(&args))]).flatten().collect();
        known.sort_by(|a, b| a.latest.total_cmp(&b.latest));
        let mut known = known.into_iter();
        Some(Self { first: known.next()?, slower: known.collect() })
    }

    /// How long detection takes at most, seconds.
    pub(super) fn latest(&self) -> f64 {
        self.first.latest
    }

    /// Which timer it is, and how long that takes.
    pub(super) fn text(&self) -> String {
        let Detection { soonest, latest, name, arithmetic } = &self.first;
        let slower = self.slower.iter().map(|other| format!("{} after {}", other.name, human(other.latest)));
        let slower = slower.collect::<Vec<_>>().join(" and ");
        let before = if slower.is_empty() { slower } else { format!(", before {slower}") };
        format!("{name}: {arithmetic} = {} at most, {} at least{before}", human(*latest), human(*soonest))
    }
}

/// Timers of which none is named would set no limit, in silence.
pub(super) fn check(args: &Args) -> Result<(), Invalid> {
    match args.get(&TIMERS) {
        Some(timers) if Timers::of(&timers).is_none() => Err(TIMERS.invalid(
            "it names no timer",
            "write one, such as `timers: {bfd: {tx: 50ms, multiplier: 3}}`, or leave it out",
        )),
        _ => Ok(()),
    }
}

/// What is expected by the timers of a check. Of a connection that is kept nothing is: TCP waits longer and longer before it sends
/// again, and so beyond the outage.
pub(super) fn expectations(args: &Args) -> Vec<DerivedExpectation> {
    let Some(timers) = args.get(&TIMERS).as_ref().and_then(Timers::of) else { return Vec::new() };
    let all = settings::probes(args);
    let is_kept = |probe: &NestedProbe| probe.group.get(&CONNECTION) == Connection::Keep;
    let interval = all.iter().map(|(_, _, probe)| probe.group.get(&INTERVAL).as_secs_f64()).fold(0.0, f64::max);
    let allowance = (timers.first.latest * ALLOWANCE).max(LEAST_ALLOWANCE);
    // In whole milliseconds, as a suite would write it.
    let limit = ((timers.first.latest + allowance + 2.0 * interval) * 1e3).ceil() / 1e3;
    let why = format!("timers: {}; + {} allowance + 2 x {} interval", timers.text(), human(allowance), human(interval));
    let of_fact = |fact: String| DerivedExpectation {
        expect: format!("{fact}: {{lt: {limit}s}}"),
        why: why.clone(),
        range: (timers.first.soonest, timers.first.latest),
        bounded: BOUNDED,
    };
    if !all.iter().any(|(_, _, probe)| is_kept(probe)) {
        return vec![of_fact(OUTAGE_BOUNDS.info.name.to_owned())];
    }
    let judged = all.iter().filter(|(_, _, probe)| !is_kept(probe));
    judged.map(|(_, name, _)| of_fact(format!("streams.{name}.outage"))).collect()
}

#[cfg(test)]
mod tests {
    use super::{TIMERS, Timers, expectations};
    use crate::model::{Arg, Args};
    use crate::plan::Settings;
    use crate::testing::{args, load, planned};

    fn timers(kinds: &[(&'static str, &[(&'static str, f64)])]) -> Arg {
        let number = |(name, value): &(&'static str, f64)| {
            let whole = matches!(*name, "priority" | "multiplier" | "version");
            #[expect(clippy::cast_possible_truncation, reason = "test data")]
            (*name, if whole { Arg::Integer(*value as i64) } else { Arg::Number(*value) })
        };
        let group = |fields: &[(&'static str, f64)]| Arg::Group(Args(fields.iter().map(number).collect()));
        Arg::Group(Args(kinds.iter().map(|(name, fields)| (*name, group(fields))).collect()))
    }

    fn text(kinds: &[(&'static str, &[(&'static str, f64)])]) -> String {
        let timers = args([(TIMERS.name(), timers(kinds))], &[]).get(&TIMERS);
        Timers::of(&timers.unwrap()).unwrap().text()
    }

    #[test]
    fn the_arithmetic_is_that_of_the_rfcs() {
        // Measured: 2.39 s to 3.42 s, probes 10 ms apart.
        assert_eq!(
            text(&[("vrrp", &[("advert", 1.0), ("priority", 150.0)])]),
            "vrrp: 3 x 1 s advert + 414.1 ms skew = 3.414 s at most, 2.414 s at least"
        );
        let tenth = text(&[("vrrp", &[("advert", 0.1), ("priority", 156.0)])]);
        assert!(tenth.ends_with("= 339.1 ms at most, 239.1 ms at least"), "{tenth}");
        let two = text(&[("vrrp", &[("advert", 3.0), ("priority", 128.0), ("version", 2.0)])]);
        assert!(two.contains("+ 500 ms skew = 9.5 s at most, 6.5 s"), "{two}");
        // Measured: 0.13 s to 0.15 s.
        assert_eq!(text(&[("bfd", &[("tx", 0.05)])]), "bfd: 3 x 50 ms tx = 150 ms at most, 100 ms at least");
        // Measured: 6.04 s.
        assert_eq!(text(&[("bgp", &[("hold", 9.0)])]), "bgp: 9 s hold time = 9 s at most, 6 s at least");
    }

    #[test]
    fn what_detects_first_counts() {
        let both = text(&[("bgp", &[("hold", 9.0)]), ("bfd", &[("tx", 0.3), ("multiplier", 5.0)])]);
        assert_eq!(both, "bfd: 5 x 300 ms tx = 1.5 s at most, 1.2 s at least, before bgp after 9 s");
    }

    fn suite(streams: &str, timers: &str, expect: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "checks:\n  - id: a\n    failover: {{{streams}, timers: {{{timers}}}, observe: 20s}}\n    expect: {{after.outages: 0{expect}}}\n"
        );
        let plan = planned(load(crate::checks::FAMILIES, &text, &[]), None, &Settings::default())?;
        let of_outage = |path: &str| path.contains("outage") && !path.starts_with("after");
        let all = plan.cases[0].base.expectations.iter().filter(|one| of_outage(&one.path));
        Ok(all.map(|one| format!("{one} ({})", one.origin.derivation().unwrap_or_default())).collect())
    }

    const ONE: &str = "probe: {icmp: {host: 192.0.2.1}, interval: 20ms}";
    const VRRP: &str = "vrrp: {advert: 1s, priority: 150}";

    #[test]
    fn a_check_without_a_limit_has_that_of_its_timers() {
        let why = "timers: vrrp: 3 x 1 s advert + 414.1 ms skew = 3.414 s at most, 2.414 s at least; + 341.4 ms allowance + 2 x 20 ms interval";
        assert_eq!(suite(ONE, VRRP, "").unwrap(), [format!("outage lt 3.796s ({why})")]);
        for own in ["outage: {lt: 5s}", "outage.hi: {lt: 5s}"] {
            let all = suite(ONE, VRRP, &format!(", {own}")).unwrap();
            assert!(all.len() == 1 && all[0].contains("lt 5s ()"), "the limit of the suite wins: {all:?}");
        }
        let below = suite(ONE, VRRP, ", outage: {gt: 1s}").unwrap();
        assert_eq!(below.len(), 2, "the other side is no limit: {below:?}");
    }

    /// TCP goes on to wait for longer than the outage took.
    #[test]
    fn a_connection_that_is_kept_has_no_limit_by_timers() {
        let streams =
            "streams: {ping: {icmp: {host: 192.0.2.1}}, kept: {tcp: {host: 192.0.2.1, port: 7}, connection: keep}}";
        let all = suite(streams, VRRP, "").unwrap();
        assert!(all.len() == 1 && all[0].starts_with("streams.ping.outage lt 3.776s"), "{all:?}");
        let own = suite(streams, VRRP, ", outage: {lt: 8s}").unwrap();
        assert!(own.len() == 1 && own[0].starts_with("outage lt 8s"), "{own:?}");
        assert!(expectations(&Args::default()).is_empty());
    }

    #[test]
    fn timers_without_a_timer_are_an_error() {
        let why = suite(ONE, "", "").unwrap_err();
        assert!(why.contains("it names no timer"), "{why}");
    }

    #[test]
    fn a_limit_that_timers_break_is_an_error() {
        for (limit, why) in [
            ("outage: {lt: 3s}", "`outage` less than 3s would hold by chance: it may take from 2.414 s to 3.414 s"),
            ("outage.hi: {le: 2s}", "`outage.hi` at most 2s would not hold: it takes 2.414 s at least"),
            ("streams.probe.outage: {lt: 1s}", "`streams.probe.outage` less than 1s would not hold"),
        ] {
            let errors = suite(ONE, VRRP, &format!(", {limit}")).err().unwrap_or_default();
            assert!(errors.contains(why) && errors.contains("allow more than 3.414 s"), "{limit}: {errors}");
        }
        for limit in ["outage: {lt: 3500ms}", "outage.lo: {ge: 1s}", "downtime: {lt: 1s}", "outages: {le: 1}"] {
            assert!(suite(ONE, VRRP, &format!(", {limit}")).is_ok(), "{limit}");
        }
    }
}
