//! Arguments to settings, and the rules between them.

use std::time::Duration;

use super::disruptions::{KINDS, SSH, disruption, ssh};
use super::expected::Expected;
use super::fields::{
    BACKGROUND_LOSS, COMMAND_TIMEOUT, CONNECTION, ECHO, IDENTITY, INJECT, INTERVAL, ISOLATED, OBSERVE, PROBE,
    PROBE_TIMEOUT, PROXIES, READ_BACK, RESTORE, RUN, SETTLE, STEADY, STREAMS, VERIFY,
};
use super::proxies::ProxySettings;
use super::stream::{IdentityFact, StreamConfig};
use super::{exclusion, touched, writes};
use crate::guard::lock::LockKey;
use crate::guard::{CommandSpec, Disruption, FaultPlan, RestorePlan, Step};
use crate::model::argument::Argument;
use crate::model::{Arg, Args, Choices as _, DurationOr, Field, FieldRole, Invalid, NestedProbe, human_time};
use crate::probe::{Connection, Touched, open_ends};

/// The run asks to restore when `observe` is over; the guard waits for so much longer before it restores unasked.
const OVERTIME: Duration = Duration::from_secs(3);
/// Streams of one check.
const MOST_STREAMS: usize = 32;
/// Shortest interval of a stream whose probes are rounds of their own, each a task and a connection.
const SHORTEST_ROUND: Duration = Duration::from_millis(1);

/// The lengths of the phases, and what makes an outage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    pub(super) steady: Duration,
    pub(super) observe: Duration,
    /// Somebody ends it, before `observe` is over.
    pub(super) until_signal: bool,
    pub(super) settle: Duration,
    /// Failed probes in a row that make an outage; what the background loss demands when left out.
    pub(super) isolated: Option<u32>,
    /// Share of the probes that may fail when all is well.
    pub(super) background: f64,
}

impl Phases {
    pub(super) fn from_args(args: &Args, streams: &[StreamConfig]) -> Result<Self, Invalid> {
        let (observe, until_signal) = match args.get(&OBSERVE) {
            DurationOr::Duration(observe) => (observe, false),
            DurationOr::Word(_) => (open_ends::LONGEST, true),
        };
        if until_signal && !args.get(&INJECT).is_empty() {
            return Err(OBSERVE.invalid(
                "what is broken must be put back although nobody comes to end it",
                "write how long it lasts, such as `observe: 30s`, or leave `inject` out",
            ));
        }
        let phases = Self {
            until_signal,
            steady: args.get(&STEADY),
            observe,
            settle: args.get(&SETTLE),
            isolated: args.get(&ISOLATED),
            background: args.get(&BACKGROUND_LOSS),
        };
        if phases.settle > phases.observe {
            return Err(SETTLE.invalid(
                "`settle` is longer than `observe`, so nothing could ever count as recovered",
                "lengthen `observe`",
            ));
        }
        let longest = streams.iter().map(|stream| stream.interval).max().unwrap_or_default();
        if longest * 2 > phases.steady {
            return Err(STEADY.invalid(
                "`steady` has room for less than two probes",
                "lengthen `steady`, or shorten the probe's `interval`",
            ));
        }
        if longest * phases.isolated.unwrap_or(1) > phases.steady {
            return Err(ISOLATED.invalid(
                "`isolated` is more than `steady` has room for, so a service that stays away would pass for steady",
                "lower `isolated`, or lengthen `steady`",
            ));
        }
        Ok(phases)
    }

    /// One after the other, for people; `more` is what commands, restoring and waiting may take at most.
    pub(super) fn text(&self, disrupts: bool, more: Duration) -> String {
        let [steady, observe, settle] = [self.steady, self.observe, self.settle].map(human_time);
        let observe =
            if self.until_signal { "observe until a signal".to_owned() } else { format!("observe {observe}") };
        let (before, after) = if disrupts { ("inject, ", "restore, ") } else { ("", "") };
        format!(
            "phases: steady {steady}, {before}{observe}, {after}settle {settle}, steady {steady}; up to {} more where something hangs",
            human_time(more)
        )
    }

    /// All phases, commands not counted.
    pub(super) fn all(&self) -> Duration {
        self.steady * 2 + self.observe + self.settle
    }
}

/// The probes of a check, by the field they are written in and by name.
pub(super) fn probes(args: &Args) -> Vec<(&'static str, String, NestedProbe)> {
    let one = args.get(&PROBE).map(|probe| (PROBE.name(), PROBE.name().to_owned(), probe));
    let several = args.get(&STREAMS).into_iter().map(|(name, probe)| (STREAMS.name(), name, probe));
    one.into_iter().chain(several).collect()
}

/// Whether a stream reads back what it writes.
pub(super) fn reads_back(args: &Args) -> bool {
    probes(args).iter().any(|(_, _, probe)| probe.group.given(&READ_BACK))
}

/// The names of the streams.
pub(super) fn names(args: &Args) -> Vec<String> {
    probes(args).into_iter().map(|(_, name, _)| name).collect()
}

/// What nobody else on this host may break at the same time.
pub(super) fn exclusive(args: &Args, plan: &FaultPlan) -> Vec<LockKey> {
    let all = probes(args);
    let known = all.iter().filter_map(|(_, _, probe)| Some((crate::checks::family(probe.family)?, &probe.args)));
    exclusion::keys(known, plan)
}

/// What a check that does `plan` touches.
pub(super) fn touched(args: &Args, streams: &[StreamConfig], plan: &FaultPlan) -> Vec<Touched> {
    let asked = probes(args);
    let hosts = asked
        .iter()
        .zip(streams)
        .flat_map(|((_, name, probe), stream)| touched::of_stream(name, probe, &stream.probe.target()));
    hosts.chain(plan.inject.iter().filter_map(Step::built_in).flat_map(touched::of_disruption)).collect()
}

/// The streams.
pub(super) fn streams(args: &Args) -> Result<Vec<StreamConfig>, Invalid> {
    let all = probes(args);
    if all.is_empty() {
        let help = "write `probe: {tcp: {host: HOST, port: PORT}}`, or several by name below `streams`";
        return Err(PROBE.invalid("nothing asks the service", help));
    }
    if all.len() > MOST_STREAMS {
        let message = format!("there are {} streams, and at most {MOST_STREAMS} fit into one check", all.len());
        return Err(STREAMS.invalid(message, "leave some out, or make another check of them"));
    }
    for (_, name, _) in &all {
        let fits = name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let twice = all.iter().filter(|(_, other, _)| other == name).count() > 1;
        let taken = name == "row" || super::facts::columns().any(|column| column == name);
        if !fits || taken || twice || name.is_empty() {
            let why = match (twice, taken) {
                (true, _) => "two streams have it".to_owned(),
                (_, true) => format!("`streams.{name}` is a fact of all streams"),
                _ => "it stands in the names of facts".to_owned(),
            };
            let help = "choose another one of up to 32 letters, digits, `-` and `_`, such as `web`";
            return Err(STREAMS.invalid(format!("`{name}` cannot be the name of a stream: {why}"), help));
        }
    }
    all.into_iter().map(|(field, name, probe)| stream(field, name, probe)).collect()
}

/// One stream.
fn stream(field: &'static str, name: String, probe: NestedProbe) -> Result<StreamConfig, Invalid> {
    let NestedProbe { family: family_name, args: mut nested, group, expected } = probe;
    let invalid = |message: String, help: &str| Invalid::at(field, message, help);
    let Some(family) = crate::checks::family(family_name) else {
        return Err(invalid(format!("this build has no probe `{family_name}`"), "see `shakedown explain failover`"));
    };
    // A family that repeats would make one probe of the stream a series of its own.
    for field in family.fields.iter().filter(|field| field.has(FieldRole::Repetition)) {
        nested.0.insert(field.name, Arg::Integer(1));
    }
    let writes = writes::writes(family, &nested, &group).map_err(|(message, help)| invalid(message, &help))?;
    let built = writes.as_ref().map_or_else(|| family.probe(&nested), |writes| Ok(writes.sample()));
    let probe = built.map_err(|wrong| invalid(format!("{family_name}: {}", wrong.message), &wrong.help))?;
    let (interval, timeout) = (group.get(&INTERVAL), group.get(&PROBE_TIMEOUT));
    if interval < SHORTEST_ROUND {
        return Err(invalid(
            format!("an `interval` of {} is too short", human_time(interval)),
            "let it be 1ms or longer",
        ));
    }
    let (connection, echo) = (group.get(&CONNECTION), group.get(&ECHO));
    if connection == Connection::Keep && !matches!(family_name, "tcp" | "http") {
        let message = format!("`{family_name}` has no connection to keep (`connection: {}`)", connection.word());
        return Err(invalid(message, "leave `connection` out: it is for tcp and http"));
    }
    if connection == Connection::Keep && family_name == "tcp" && group.get(&IDENTITY).is_some() {
        let help = "leave `identity` out: what the server sends before the first echo tells who it is";
        return Err(invalid("a session has no facts for `identity`".to_owned(), help));
    }
    if echo && family_name != "udp" {
        let help = "leave `echo` out; a tcp session (`connection: keep`) expects an echo by itself";
        return Err(invalid(format!("`echo` is for udp, this is `{family_name}`"), help));
    }
    let identity = group.get(&IDENTITY).map(|path| IdentityFact::of(family.facts, &path)).transpose();
    let identity = identity.map_err(|why| {
        let help = format!("`shakedown explain {family_name}` lists its facts");
        invalid(format!("`identity`: {why} in `{family_name}`"), &help)
    })?;
    let expected = Expected::of(&expected);
    Ok(StreamConfig { name: name.into(), probe, interval, timeout, connection, echo, identity, expected, writes })
}

/// The command of the group of `field`.
fn command<T: Argument>(group: &Args, field: &Field<T>) -> Result<CommandSpec, Invalid> {
    let run = group.get(&RUN);
    if run.first().is_none_or(|program| program.is_empty()) {
        return Err(field.invalid("the command is empty", "write run: [program, argument, …]"));
    }
    // Said outright, because the guard runs it and may outlive us.
    let command = CommandSpec { run, cwd: std::env::current_dir().ok(), timeout: group.get(&COMMAND_TIMEOUT) };
    match command.exposed() {
        None => Ok(command),
        Some(word) => Err(field.invalid(
            format!("the argument `{word}` holds a secret, which every user of this host could read in the list of processes"),
            "write a script, run: [sh, -c, '… \"$TOKEN\" …'], where the variable TOKEN is in its environment, or ${TOKEN} in the script; \
             and let the script hand it on by standard input or a file, as in curl -K -",
        )),
    }
}

/// How to inject the fault and to put it back; `None` of a check that only watches.
pub(super) fn fault(args: &Args, phases: &Phases, proxies: &ProxySettings) -> Result<Option<FaultPlan>, Invalid> {
    let verify = args.get(&VERIFY).map(|group| command(&group, &VERIFY)).transpose()?;
    let restore = args.get(&RESTORE).map(|group| command(&group, &RESTORE)).transpose()?;
    let groups = args.get(&INJECT);
    if groups.is_empty() {
        if !args.get(&PROXIES).is_empty() {
            let help = "write `inject: {proxy: {NAME: {latency: 200ms}}}`, or leave it out";
            return Err(PROXIES.invalid("there is nothing to impair without `inject`", help));
        }
        return match (restore, verify) {
            (None, None) => Ok(None),
            (Some(_), _) => {
                Err(RESTORE.invalid("there is nothing to restore without `inject`", "write `inject`, or leave it out"))
            }
            _ => Err(VERIFY.invalid("there is nothing to verify without `inject`", "write `inject`, or leave it out")),
        };
    }
    // What the first step has the kernel end by itself must outlast the commands of later ones.
    let commands = groups.iter().filter(|group| group.given(&RUN)).map(|group| group.get(&COMMAND_TIMEOUT));
    let hold = phases.observe + OVERTIME;
    let far = groups.iter().filter_map(|group| group.get(&SSH)).map(|args| ssh::longest(&args));
    let longest = hold + commands.chain(far).sum::<Duration>();
    let steps = groups.iter().map(|group| step(group, longest, restore.is_some(), proxies));
    let inject = steps.collect::<Result<Vec<Step>, Invalid>>()?;
    let impairments: Vec<_> = inject.iter().filter_map(Step::built_in).filter_map(Disruption::of_proxies).collect();
    let streams: Vec<NestedProbe> = probes(args).into_iter().map(|(_, _, probe)| probe).collect();
    let blind = proxies.check_streams(&impairments, &streams);
    blind.map_err(|(message, help)| INJECT.invalid(message, help))?;
    let needs = |step: &Step| step.built_in().is_none_or(|disruption| disruption.inverse().is_none());
    if restore.is_some() && !inject.iter().any(needs) {
        let message = "what undoes a built-in disruption is known without it";
        return Err(RESTORE.invalid(message, "leave it out; `verify` may say when everything is back"));
    }
    Ok(Some(FaultPlan { inject, restore: RestorePlan { restore, verify }, hold }))
}

/// One thing to break. `hold` is for what the kernel ends by itself.
fn step(group: &Args, hold: Duration, has_restore: bool, proxies: &ProxySettings) -> Result<Step, Invalid> {
    let built_in = disruption(group, &INJECT, hold, has_restore, proxies)?;
    match (built_in, group.given(&RUN)) {
        (Some(_), true) => Err(INJECT
            .invalid("`run` beside a built-in disruption: which of both?", "write one of them, or a list of both")),
        (Some(disruption), false) => Ok(Step::BuiltIn(disruption)),
        (None, true) if !has_restore => Err(INJECT.invalid(
            "nothing undoes what the command of `inject` breaks",
            "write the command that does, as `restore: {run: [program, argument, …]}`",
        )),
        (None, true) => command(group, &INJECT).map(Step::Run),
        (None, false) => {
            let kinds: Vec<String> = KINDS.iter().map(|kind| format!("`{}`", kind.name)).collect();
            let help = format!("write `run: [program, argument, …]`, or one of {}", kinds.join(", "));
            Err(INJECT.invalid("it breaks nothing", help))
        }
    }
}
