//! Conditions that end a disruption before its time, looked at while it lasts.
//!
//! Only what cannot be undone any more counts: lower bounds of what is certain by now, which grow and never shrink. A probe without an
//! answer is certain once its timeout is over, so a condition is seen that much later than it is reached.

use std::time::{Duration, Instant};

use super::facts::{ABORT_REASON, ABORTED, ABORTED_AFTER};
use super::measure::{Measured, so_far};
use super::settings::Phases;
use super::stream::StreamConfig;
use super::streams::Streams;
use super::timers::{TIMERS, Timers};
use crate::model::count::counted;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Invalid, Text, Unit};
use crate::probe::Cx;

/// From one look to the next, while a look takes no time worth mentioning.
const LOOK: Duration = Duration::from_millis(20);
/// A look takes at most such a part of the time.
const SHARE: u32 = 20;

fields! { LONGER_FIELDS;
    const LONGER: Field<Duration> =
        Field::required("gt", FieldKind::Duration(0.001, 86400.0), "Longer than this is too long.");
}

fields! { MORE_FIELDS;
    const MORE: Field<u64> = Field::required("gt", FieldKind::Integer(0, 1_000_000_000), "More than this are too many.");
}

fields! { ABORT_FIELDS;
    const STREAM: Field<Option<Text>> =
        Field::optional("stream", FieldKind::Text, "Only this stream; any of them when left out.");
    const OUTAGE: Field<Option<Args>> = Field::optional(
        "outage",
        FieldKind::Group(LONGER_FIELDS),
        "The longest outage so far, one that goes on included, by its lower bound.",
    );
    const DOWNTIME: Field<Option<Args>> =
        Field::optional("downtime", FieldKind::Group(LONGER_FIELDS), "All outages so far together, by their lower bounds.");
    const IMPAIRED: Field<Option<Args>> = Field::optional(
        "impaired",
        FieldKind::Group(MORE_FIELDS),
        "Probes so far that failed or were answered late, in a row or not.",
    );
}

const CONDITION: FieldKind = FieldKind::Group(ABORT_FIELDS);

pub(super) const ABORT_IF: Field<Vec<Args>> = Field::optional(
    "abort_if",
    FieldKind::List(&CONDITION),
    "Ends the disruption at once, while it lasts, when the service is worse off than this: it is put back, and the check fails. One condition, or several of which \
     one is enough.",
);

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AbortCondition {
    stream: Option<String>,
    limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Outage(Duration),
    Downtime(Duration),
    Impaired(u64),
}

/// The conditions of a check, whose disruption lasts for `longest` at most.
pub(super) fn conditions(
    args: &Args,
    streams: &[StreamConfig],
    longest: Duration,
) -> Result<Vec<AbortCondition>, Invalid> {
    let timers = args.get(&TIMERS).as_ref().and_then(Timers::of);
    args.get(&ABORT_IF).iter().map(|group| condition(group, streams, longest, timers.as_ref())).collect()
}

fn condition(
    group: &Args,
    streams: &[StreamConfig],
    longest: Duration,
    timers: Option<&Timers>,
) -> Result<AbortCondition, Invalid> {
    let length = |field: &Field<Option<Args>>| group.get(field).map(|limit| limit.get(&LONGER));
    let limits = [
        length(&OUTAGE).map(Limit::Outage),
        length(&DOWNTIME).map(Limit::Downtime),
        group.get(&IMPAIRED).map(|limit| Limit::Impaired(limit.get(&MORE))),
    ];
    let mut limits = limits.into_iter().flatten();
    let (Some(limit), None) = (limits.next(), limits.next()) else {
        let help = "write one of `outage: {gt: 10s}`, `downtime: {gt: 10s}` and `impaired: {gt: 1000}`, or a list of such conditions";
        return Err(ABORT_IF.invalid("a condition is about one fact", help));
    };
    if let Limit::Outage(length) | Limit::Downtime(length) = limit
        && length >= longest
    {
        let message = format!(
            "{} is not reached: all is put back after {} at the latest",
            human(length.as_secs_f64()),
            human(longest.as_secs_f64())
        );
        return Err(ABORT_IF.invalid(message, "write a shorter time, or lengthen `observe`"));
    }
    if let (Limit::Outage(length) | Limit::Downtime(length), Some(timers)) = (limit, timers)
        && length.as_secs_f64() < timers.latest()
    {
        let message = format!("{} may be reached although all is well: {}", human(length.as_secs_f64()), timers.text());
        return Err(ABORT_IF.invalid(message, format!("allow more than {}", human(timers.latest()))));
    }
    let stream = group.get(&STREAM).map(Text::into_value);
    let known = |name: &String| streams.iter().any(|stream| stream.name.shown() == name);
    if let Some(name) = stream.as_ref().filter(|name| !known(name)) {
        let names: Vec<&str> = streams.iter().map(|stream| stream.name.shown()).collect();
        return Err(
            ABORT_IF.invalid(format!("there is no stream `{name}`"), format!("write one of {}", names.join(", ")))
        );
    }
    Ok(AbortCondition { stream, limit })
}

impl AbortCondition {
    /// When it ends the disruption, for people.
    pub(super) fn text(&self) -> String {
        let stream = self.stream.as_ref().map_or_else(|| "a stream".to_owned(), |name| format!("stream `{name}`"));
        let length = |most: Duration| human(most.as_secs_f64());
        match self.limit {
            Limit::Outage(most) => format!("aborts when {stream} was away for more than {}", length(most)),
            Limit::Downtime(most) => format!("aborts when {stream} was away for more than {} in all", length(most)),
            Limit::Impaired(most) => {
                format!("aborts when {stream} had more than {} failed or late", counted(most, "probe"))
            }
        }
    }
}

fn human(seconds: f64) -> String {
    Unit::Seconds.human(seconds)
}

/// A condition that was reached.
#[derive(Debug)]
pub(super) struct Aborted {
    /// When that was seen; seconds since it was looked for, which is since `inject` began.
    after: f64,
    wall: jiff::Timestamp,
    why: String,
}

/// Returns once a condition is reached for certain, by probes due from `steady` on; never without conditions.
pub(super) async fn reached(
    streams: &Streams,
    conditions: &[AbortCondition],
    (phases, longest): (&Phases, Duration),
    steady: f64,
) -> Aborted {
    let (mut wait, began_looking) = (LOOK, streams.now());
    loop {
        if conditions.is_empty() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(wait).await;
        let began = Instant::now();
        for (config, probes) in streams.certain() {
            let of_stream =
                |condition: &&AbortCondition| condition.stream.as_ref().is_none_or(|name| config.name.shown() == name);
            let mut conditions = conditions.iter().filter(of_stream).peekable();
            if conditions.peek().is_none() {
                continue;
            }
            let measured = so_far(probes, steady, (phases, longest), (config.interval, config.timeout));
            if let Some(why) = conditions.find_map(|condition| condition.limit.broken_by(&measured)) {
                let why = format!("stream `{}` {why}", config.name.shown());
                return Aborted { after: streams.now() - began_looking, wall: jiff::Timestamp::now(), why };
            }
        }
        wait = LOOK.max(began.elapsed() * SHARE);
    }
}

impl Limit {
    /// How a stream is worse off than this, if it is.
    fn broken_by(self, measured: &Measured) -> Option<String> {
        let longer = |lo: f64, most: Duration| lo > most.as_secs_f64();
        match self {
            Self::Outage(most) => longer(measured.outage.lo, most)
                .then(|| format!("was away for {}, above {}", human(measured.outage.lo), human(most.as_secs_f64()))),
            Self::Downtime(most) => longer(measured.downtime.lo, most).then(|| {
                format!("was away for {} in all, above {}", human(measured.downtime.lo), human(most.as_secs_f64()))
            }),
            Self::Impaired(most) => (measured.impaired > most)
                .then(|| format!("had {} failed or late, above {most}", counted(measured.impaired, "probe"))),
        }
    }
}

/// Sets the facts of a check with conditions: whether one was reached, and when.
pub(super) fn record(cx: &mut Cx<'_>, aborted: Option<&Aborted>) {
    cx.set(&ABORTED, aborted.is_some());
    let Some(Aborted { after, wall, why }) = aborted else { return };
    let reason = format!("aborted after {}, at {}: {why} (`abort_if`)", human(*after), wall.strftime("%H:%M:%S UTC"));
    cx.decide();
    cx.set(&ABORTED_AFTER, *after);
    cx.note(reason.clone());
    cx.set(&ABORT_REASON, reason);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AbortCondition, LOOK, Limit, conditions};
    use crate::checks::failover::fields::ABORT_IF;
    use crate::checks::failover::measure::so_far;
    use crate::checks::failover::outage::{ProbeOutcome, ProbeResult};
    use crate::checks::failover::settings::Phases;
    use crate::checks::failover::tests::{StubProbe, config};
    use crate::model::{Arg, Args, Invalid};
    use crate::probe::ProbeFailure;
    use crate::testing::{args, text};

    fn of(entries: Vec<Vec<(&'static str, Arg)>>) -> Result<Vec<AbortCondition>, Invalid> {
        let groups = entries.into_iter().map(|entry| Arg::Group(Args(entry.into_iter().collect())));
        let args = args([(ABORT_IF.name(), Arg::List(groups.collect()))], &[]);
        conditions(&args, &[config(StubProbe::Stalls)], Duration::from_secs(30))
    }

    fn longer(seconds: f64) -> Arg {
        Arg::Group(args([("gt", Arg::Number(seconds))], &[]))
    }

    #[test]
    fn a_condition_is_about_one_fact_of_a_stream_that_is_there() {
        let more = Arg::Group(args([("gt", Arg::Integer(5))], &[]));
        let known = config(StubProbe::Stalls).name.shown().to_owned();
        let of_stream = vec![("stream", text(&known)), ("impaired", more.clone())];
        let all = of(vec![vec![("outage", longer(10.0))], of_stream]).unwrap();
        assert_eq!(
            all.iter().map(|one| one.limit).collect::<Vec<_>>(),
            [Limit::Outage(Duration::from_secs(10)), Limit::Impaired(5)]
        );
        assert_eq!(all[1].stream.as_deref(), Some(&*known));
        for (entry, why) in [
            (vec![], "about one fact"),
            (vec![("outage", longer(1.0)), ("impaired", more)], "about one fact"),
            (vec![("outage", longer(30.0))], "30 s is not reached: all is put back after 30 s"),
            (vec![("downtime", longer(40.0))], "is not reached"),
            (vec![("outage", longer(1.0)), ("stream", text("wep"))], "no stream `wep`"),
        ] {
            let message = of(vec![entry]).unwrap_err().message;
            assert!(message.contains(why), "{why}: {message}");
        }
    }

    /// One letter a probe, 10 ms apart, the first five of them steady.
    fn seen(picture: &str, isolated: Option<u32>) -> super::Measured {
        let probe = |(number, letter): (usize, char)| {
            let sent = number as f64 * 0.01;
            let (outcome, latency) = match letter {
                'x' => (ProbeOutcome::Failed(ProbeFailure::Lost), 0.3),
                _ => (ProbeOutcome::Answered, 0.001),
            };
            ProbeResult::new(sent, sent, sent + latency, outcome)
        };
        let second = Duration::from_secs(1);
        let phases =
            Phases { steady: second, observe: second, settle: LOOK, isolated, background: 0.0, until_signal: false };
        let probes = picture.chars().enumerate().map(probe).collect();
        so_far(probes, 0.05, (&phases, second * 30), (Duration::from_millis(10), Duration::from_millis(300)))
    }

    #[test]
    fn only_what_is_certain_reaches_a_limit() {
        let open = seen(".....xxxxxxxxxxx", None);
        for (limit, text) in [
            (Limit::Outage(Duration::from_millis(90)), Some("was away for 99 ms, above 90 ms")),
            (Limit::Outage(Duration::from_millis(100)), None),
            (Limit::Downtime(Duration::from_millis(90)), Some("was away for 99 ms in all")),
            (Limit::Impaired(10), Some("had 11 probes failed or late, above 10")),
            (Limit::Impaired(11), None),
        ] {
            let broken = limit.broken_by(&open);
            assert!(
                broken.as_deref().unwrap_or_default().starts_with(text.unwrap_or_default()),
                "{limit:?}: {broken:?}"
            );
            assert_eq!(broken.is_some(), text.is_some(), "{limit:?}: {broken:?}");
        }
        let several = seen(".....xxxx....xxxxxx....", None);
        let near = |seconds: f64, want: f64| (seconds - want).abs() < 1e-6;
        assert!(near(several.outage.lo, 0.049) && near(several.downtime.lo, 0.078), "{several:?}");
        let isolated = seen(".....xxxx....xxxxxx....", Some(7));
        assert!(near(isolated.outage.lo, 0.0), "isolated losses are none: {isolated:?}");
    }
}
