//! The streams of a check together: they begin and end together, on one clock.

use std::time::Duration;

use super::facts::{BACKGROUND, STEADY_BEFORE};
use super::isolated::Background;
use super::outage::{ProbeResult, conclusive, longest_unsent_run};
use super::settings::Phases;
use super::stream::{Finished, ProbeStream, StreamConfig};
use crate::model::count::counted;
use crate::model::{Fault, Unit};
use crate::net::open_loop::Clock;
use crate::probe::{Cx, Watch};

/// From one look at whether this process ran to the next.
const LOOK: Duration = Duration::from_millis(200);

/// Running streams.
pub(super) struct Streams {
    clock: Clock,
    started: jiff::Timestamp,
    all: Vec<ProbeStream>,
}

impl Streams {
    /// Rehearses all, then starts them.
    pub(super) async fn start(configs: &[StreamConfig], cx: &mut Cx<'_>) -> Result<Self, Fault> {
        let mut rehearsed = Vec::with_capacity(configs.len());
        for config in configs {
            rehearsed.push(config.rehearsed(cx).await?);
        }
        let (clock, started, seed) = (Clock::start(), jiff::Timestamp::now(), cx.seed());
        let mut all = Vec::with_capacity(configs.len());
        for (number, config) in (0..).zip(rehearsed) {
            all.push(ProbeStream::start(config, clock, seed.wrapping_add(number)).await?);
        }
        Ok(Self { clock, started, all })
    }

    /// Seconds since their start.
    pub(super) fn now(&self) -> f64 {
        self.clock.seconds()
    }

    /// When they started.
    pub(super) fn started(&self) -> jiff::Timestamp {
        self.started
    }

    /// A phase ends here; seconds since the start.
    pub(super) fn cut(&self) -> f64 {
        self.all.iter().for_each(ProbeStream::cut);
        self.now()
    }

    /// Seconds between two moments in which the process did not run.
    pub(super) fn unwatched(&self, watch: &Watch, from: f64, until: f64) -> f64 {
        let moment = |seconds: f64| self.clock.started() + Duration::from_secs_f64(seconds.max(0.0));
        watch.not_run(moment(from), moment(until)).as_secs_f64()
    }

    /// Ends when this process did not run for a while after `from`: it was stopped, or the machine slept.
    pub(super) async fn interrupted(&self, watch: &Watch, from: f64) {
        while self.unwatched(watch, from, self.now()) <= 0.0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether all were steady until `until`: nothing is injected otherwise. A share of losses that the suite allows is none of a
    /// disruption.
    pub(super) async fn steady(
        &self,
        until: f64,
        phases: &Phases,
        disrupts: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), Fault> {
        let mut background = 0.0_f64;
        for stream in &self.all {
            let probes = stream.results(until).await;
            let seen = Background::of(&conclusive(&probes, stream.config.timeout.as_secs_f64()));
            background = background.max(seen.share());
            let unsent = longest_unsent_run(&probes);
            if seen.sent > 0 && seen.share() <= phases.background && seen.lost < seen.sent && unsent == 0 {
                continue;
            }
            cx.set(&STEADY_BEFORE, false);
            return Err(unsteady(stream, &probes, seen, (phases, disrupts)));
        }
        cx.set(&STEADY_BEFORE, true);
        cx.set(&BACKGROUND, background);
        Ok(())
    }

    /// What is certain by now of each.
    pub(super) fn certain(&self) -> impl Iterator<Item = (&StreamConfig, Vec<ProbeResult>)> {
        self.all.iter().map(|stream| (&stream.config, stream.certain()))
    }

    /// Ends all, and gives what each saw until `until`.
    pub(super) async fn finish(self, until: f64) -> Result<Vec<(StreamConfig, Finished)>, Fault> {
        let mut all = Vec::with_capacity(self.all.len());
        for stream in self.all {
            let config = stream.config.clone();
            all.push((config, stream.finish(until).await?));
        }
        Ok(all)
    }
}

/// Why there was no steady state.
fn unsteady(
    stream: &ProbeStream,
    probes: &[ProbeResult],
    seen: Background,
    (phases, disrupts): (&Phases, bool),
) -> Fault {
    let (loss, fault) = stream.first_errors();
    let answered = probes.iter().filter(|probe| probe.is_answered()).map(ProbeResult::count).sum::<u64>();
    if let (0, Some(fault)) = (answered, &fault) {
        return fault.clone();
    }
    let late = probes.iter().filter(|probe| probe.late).map(ProbeResult::count).sum::<u64>();
    let unknown = || match (late, probes.is_empty()) {
        (_, true) => "no probe was sent".to_owned(),
        (0, _) if answered > 0 => "the others were not answered".to_owned(),
        (0, _) => "nothing came back".to_owned(),
        (late, _) => format!("{} came after their `timeout`", counted(late, "answer")),
    };
    let why = loss.or_else(|| fault.map(|fault| fault.to_string())).unwrap_or_else(unknown);
    let allowed = match phases.background {
        none if none <= 0.0 => String::new(),
        share => format!(", and {} of them may fail", Unit::Ratio.human(share)),
    };
    let all = counted(probes.iter().map(ProbeResult::count).sum::<u64>(), "probe");
    let and = if disrupts { "nothing was injected" } else { "so no outage could be told from that" };
    let lossy = seen.lost > 0 && seen.share() <= 0.2;
    let remedy = if lossy {
        "make the service healthy first; when answers are merely slow, raise the probe's `timeout`; on a path that always loses some, \
         allow that share with `background_loss`"
    } else {
        "make the service healthy first; when answers are merely slow, raise the probe's `timeout`"
    };
    Fault::local(
        "check the steady state",
        stream.config.probe.target(),
        format!("was not steady before: {answered} of {all} answered ({why}){allowed}; {and}"),
        remedy,
    )
}
