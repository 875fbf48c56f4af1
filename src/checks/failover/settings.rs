//! Arguments to settings, and the rules between them.

use std::time::Duration;

use super::disruptions::{KINDS, disruption};
use super::exclusion;
use super::expected::Expected;
use super::fields::{
    COMMAND_TIMEOUT, INJECT, INTERVAL, ISOLATED, OBSERVE, PROBE, PROBE_TIMEOUT, RESTORE, RUN, SETTLE, STEADY, VERIFY,
};
use super::stream::{IN_FLIGHT, StreamConfig};
use crate::guard::lock::LockKey;
use crate::guard::{CommandSpec, FaultPlan, RestorePlan, Step};
use crate::model::argument::Argument;
use crate::model::{Arg, Args, Field, FieldRole, Invalid, NestedProbe};

/// The run asks to restore when `observe` is over; the guard waits for so much longer before it restores unasked.
const OVERTIME: Duration = Duration::from_secs(3);
/// Probes of one round at most; each is kept for the arithmetic.
const MOST_PROBES: f64 = 1e6;

/// The lengths of the phases, and what makes an outage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    pub(super) steady: Duration,
    pub(super) observe: Duration,
    pub(super) settle: Duration,
    pub(super) isolated: u32,
}

impl Phases {
    pub(super) fn from_args(args: &Args, stream: &StreamConfig) -> Result<Self, Invalid> {
        let phases = Self {
            steady: args.get(&STEADY),
            observe: args.get(&OBSERVE),
            settle: args.get(&SETTLE),
            isolated: args.get(&ISOLATED),
        };
        if phases.settle > phases.observe {
            return Err(SETTLE.invalid(
                "`settle` is longer than `observe`, so nothing could ever count as recovered",
                "lengthen `observe`",
            ));
        }
        if stream.interval * 2 > phases.steady {
            return Err(STEADY.invalid(
                "`steady` has room for less than two probes",
                "lengthen `steady`, or shorten the probe's `interval`",
            ));
        }
        if stream.interval * phases.isolated > phases.steady {
            return Err(ISOLATED.invalid(
                "`isolated` is more than `steady` has room for, so a service that stays away would pass for steady",
                "lower `isolated`, or lengthen `steady`",
            ));
        }
        if phases.all().as_secs_f64() / stream.interval.as_secs_f64() > MOST_PROBES {
            return Err(PROBE.invalid(
                format!("this makes more than {MOST_PROBES} probes"),
                "lengthen the probe's `interval`, or shorten `observe`",
            ));
        }
        Ok(phases)
    }

    /// All phases, commands not counted.
    pub(super) fn all(&self) -> Duration {
        self.steady * 2 + self.observe + self.settle
    }
}

/// What nobody else on this host may break at the same time.
pub(super) fn exclusive(args: &Args, plan: &FaultPlan) -> Vec<LockKey> {
    let NestedProbe { family, args: nested, .. } = args.get(&PROBE);
    crate::checks::family(family).map_or_else(Vec::new, |family| exclusion::keys(family, &nested, plan))
}

/// The nested probe.
pub(super) fn stream(args: &Args) -> Result<StreamConfig, Invalid> {
    let NestedProbe { family: name, args: mut nested, group, expected } = args.get(&PROBE);
    let family = crate::checks::family(name).ok_or_else(|| {
        PROBE.invalid(format!("this build has no probe `{name}`"), "see `shakedown explain failover`")
    })?;
    // A family that repeats would make one probe of the stream a series of its own.
    for field in family.fields.iter().filter(|field| field.has(FieldRole::Repetition)) {
        nested.0.insert(field.name, Arg::Integer(1));
    }
    let probe =
        family.probe(&nested).map_err(|invalid| PROBE.invalid(format!("{name}: {}", invalid.message), invalid.help))?;
    let (interval, patience) = (group.get(&INTERVAL), group.get(&PROBE_TIMEOUT));
    if interval.is_zero() || patience.as_secs_f64() / interval.as_secs_f64() > IN_FLIGHT as f64 {
        return Err(PROBE.invalid(
            format!(
                "with {patience:?} of patience every {interval:?}, more than {IN_FLIGHT} probes would be in flight"
            ),
            "shorten the probe's `timeout`, or lengthen its `interval`",
        ));
    }
    let expected = Expected::of(&expected);
    Ok(StreamConfig { probe, interval, patience, expected })
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

/// How to inject the fault and to put it back.
pub(super) fn fault(args: &Args, phases: &Phases) -> Result<FaultPlan, Invalid> {
    let verify = args.get(&VERIFY).map(|group| command(&group, &VERIFY)).transpose()?;
    let restore = args.get(&RESTORE).map(|group| command(&group, &RESTORE)).transpose()?;
    let (group, hold) = (args.get(&INJECT), phases.observe + OVERTIME);
    let built_in = disruption(&group, &INJECT, hold, restore.is_some())?;
    let step = match (built_in, group.given(&RUN)) {
        (Some(_), true) => {
            return Err(INJECT.invalid("`run` beside a built-in disruption: which of both?", "write one of them"));
        }
        (Some(disruption), false) => Step::BuiltIn(disruption),
        (None, true) if restore.is_none() => {
            let message = "nothing undoes what the command of `inject` breaks";
            return Err(
                INJECT.invalid(message, "write the command that does, as `restore: {run: [program, argument, …]}`")
            );
        }
        (None, true) => Step::Run(command(&group, &INJECT)?),
        (None, false) => {
            let kinds: Vec<String> = KINDS.iter().map(|kind| format!("`{}`", kind.name)).collect();
            let help = format!("write `run: [program, argument, …]`, or one of {}", kinds.join(", "));
            return Err(INJECT.invalid("it breaks nothing", help));
        }
    };
    Ok(FaultPlan { inject: vec![step], restore: RestorePlan { restore, verify }, hold })
}
