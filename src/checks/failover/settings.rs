//! Arguments to settings, and the rules between them.

use std::time::Duration;

use super::stream::{Aim, IN_FLIGHT};
use crate::guard::{Order, Plan};
use crate::model::{Arg, Args, FieldRole, Invalid};

/// Probes of one round at most; each is kept for the arithmetic.
const MOST_SHOTS: f64 = 1e6;

/// The lengths of the phases, and what makes an outage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    pub(super) steady: Duration,
    pub(super) observe: Duration,
    pub(super) settle: Duration,
    pub(super) isolated: u32,
}

impl Phases {
    pub(super) fn from_args(args: &Args, aim: &Aim) -> Result<Self, Invalid> {
        let phases = Self {
            steady: args.wait("steady"),
            observe: args.wait("observe"),
            settle: args.wait("settle"),
            isolated: args.unsigned("isolated").unwrap_or(1),
        };
        if phases.settle > phases.observe {
            return Err(Invalid::at(
                "settle",
                "`settle` is longer than `observe`, so nothing could ever count as recovered",
                "lengthen `observe`",
            ));
        }
        if aim.interval * 2 > phases.steady {
            return Err(Invalid::at(
                "steady",
                "`steady` has room for less than two probes",
                "lengthen `steady`, or shorten the probe's `interval`",
            ));
        }
        if phases.all().as_secs_f64() / aim.interval.as_secs_f64() > MOST_SHOTS {
            return Err(Invalid::at(
                "probe",
                format!("this makes more than {MOST_SHOTS} probes"),
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

/// The nested probe.
pub(super) fn aim(args: &Args) -> Result<Aim, Invalid> {
    let Some(Arg::Probe { family: name, args: nested, group }) = args.raw("probe") else {
        return Err(Invalid::at("probe", "there is no probe", "write probe: {tcp: {host: …, port: …}}"));
    };
    let family = crate::checks::family(name).ok_or_else(|| {
        Invalid::at("probe", format!("this build has no probe `{name}`"), "see `shakedown explain failover`")
    })?;
    let mut nested = nested.clone();
    // A family that repeats would make one probe of the stream a series of its own.
    for field in family.fields.iter().filter(|field| field.has(FieldRole::Repetition)) {
        nested.0.insert(field.name, Arg::Integer(1));
    }
    let probe = (family.build)(&nested)
        .map_err(|invalid| Invalid::at("probe", format!("{name}: {}", invalid.message), invalid.help))?;
    let (interval, patience) = (group.wait("interval"), group.wait("timeout"));
    if interval.is_zero() || patience.as_secs_f64() / interval.as_secs_f64() > IN_FLIGHT as f64 {
        return Err(Invalid::at(
            "probe",
            format!(
                "with {patience:?} of patience every {interval:?}, more than {IN_FLIGHT} probes would be on their way"
            ),
            "shorten the probe's `timeout`, or lengthen its `interval`",
        ));
    }
    Ok(Aim { probe, interval, patience })
}

/// The command of group `name`.
fn order(args: &Args, name: &'static str) -> Result<Order, Invalid> {
    let empty = Args::default();
    let group = args.group(name).unwrap_or(&empty);
    let run = group.texts("run");
    if run.first().is_none_or(String::is_empty) {
        return Err(Invalid::at(name, "the command is empty", "write run: [program, argument, …]"));
    }
    // Said outright, because the guard runs it and may outlive us.
    Ok(Order { run, cwd: std::env::current_dir().ok(), timeout: group.wait("timeout") })
}

/// What to inject, and how to put it back.
pub(super) fn orders(args: &Args) -> Result<(Order, Plan), Invalid> {
    let verify = if args.has("verify") { Some(order(args, "verify")?) } else { None };
    Ok((order(args, "inject")?, Plan { restore: order(args, "restore")?, verify }))
}
