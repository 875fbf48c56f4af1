//! What is registered of a family: its tables, its modes and its constructor.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::cut_marked::CutMarked;
use super::late::LateProbe;
use super::{
    Cx, DerivedExpectation, Diagnosis, DynProbe, Failure, Footprint, Grid, PhaseInfo, Probe, ProbeFuture, Prober,
    RestoreOutcome, StreamSpec, Touched,
};
use crate::model::text::MASK;
use crate::model::{Args, FactInfo, FieldInfo, Invalid, Observation};

/// A way of looking that fields of a check switch on. Modes add up.
#[derive(Clone, Copy)]
pub struct Mode {
    /// How a suite switches it on (`load`, `dnssec: validate`), for messages and docs.
    pub with: &'static str,
    /// An entry to write that switches it on, where that is not how `with` begins.
    pub example: Option<&'static str>,
    /// Whether the fields of a check do.
    pub applies: fn(&Args) -> bool,
    /// Default expectations beside those of its facts; of a fact that has one already, this one instead.
    pub adds: Option<&'static str>,
    /// Facts with a default that it cannot produce.
    pub lacks: &'static [&'static str],
    /// Facts that no check without it can have.
    pub facts: &'static [FactInfo],
    /// Why it cannot be made over IPv4 and IPv6 in turn (`parity`).
    pub no_parity: Option<&'static str>,
}

impl Mode {
    /// A mode that adds facts.
    #[must_use]
    pub const fn of(with: &'static str, applies: fn(&Args) -> bool, facts: &'static [FactInfo]) -> Self {
        Self { with, example: None, applies, adds: None, lacks: &[], facts, no_parity: None }
    }

    /// The same mode, with an entry that switches it on.
    #[must_use]
    pub const fn example(self, entry: &'static str) -> Self {
        Self { example: Some(entry), ..self }
    }

    /// An entry that switches it on, as a suite would write it: the beginning of `with`, up to where that goes on in words.
    #[must_use]
    pub fn entry(&self) -> &'static str {
        let mut depth = 0_usize;
        let end = self.with.char_indices().find(|(at, c)| {
            match c {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            *c == '`' || (depth == 0 && (*c == ',' || self.with[*at..].starts_with(" or ")))
        });
        self.example.unwrap_or_else(|| end.map_or(self.with, |(at, _)| &self.with[..at]))
    }

    /// The same mode with more default expectations, as a suite would write them.
    #[must_use]
    pub const fn adds(self, expectations: &'static str) -> Self {
        Self { adds: Some(expectations), ..self }
    }

    /// The same mode, which cannot be made over IPv4 and IPv6 in turn, for this reason.
    #[must_use]
    pub const fn no_parity(self, why: &'static str) -> Self {
        Self { no_parity: Some(why), ..self }
    }

    /// The same mode, which cannot produce these facts.
    #[must_use]
    pub const fn lacks(self, facts: &'static [&'static str]) -> Self {
        Self { lacks: facts, ..self }
    }
}

/// Rules between fields that hold whatever their values are. The probe checks them; the schema is told by these.
#[derive(Clone, Copy, Debug, Default)]
pub struct FieldRules {
    /// Fields that do not stand together.
    pub exclusive: &'static [&'static [&'static str]],
    /// Fields of which at least one must stand.
    pub any: &'static [&'static [&'static str]],
    /// Fields that stand only with others.
    pub with: &'static [(&'static str, &'static [&'static str])],
}

/// Stands before what is meant by a word that is off.
const OFF: &str = "off: ";

/// Words of other tools, each with what a suite writes in its place: a key, a whole entry (`verify: false`), or behind `!` why
/// there is none. They are no part of the language; who writes one is told the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Synonyms {
    /// Of the family itself, such as `ping`; behind one, the fields that it says beside: `ping6 ip_version=ipv6`.
    pub names: &'static [&'static str],
    /// Of its fields.
    pub fields: &'static [(&'static str, &'static str)],
    /// Of its facts.
    pub facts: &'static [(&'static str, &'static str)],
    /// Options of the commands that others ask by, each with what `probe` takes: `-m SECONDS` has a value, which stands for `{}` in
    /// `timeout={}s`. Nothing where there is nothing to say, a reason behind `!` where it cannot be said, and behind `?` what
    /// holds unless the line says otherwise.
    pub options: &'static [(&'static str, &'static str)],
}

impl Synonyms {
    /// What to write in place of a word of `table`, which may be written in any case and with `-` for `_`.
    #[must_use]
    pub fn find(table: &'static [(&'static str, &'static str)], word: &str) -> Option<&'static str> {
        Self::row(table, word).map(|instead| instead.strip_prefix(OFF).unwrap_or(instead))
    }

    /// Whether what [`Self::find`] gives is meant by the word where it is off, as `verify: false` means what `insecure: true` does.
    #[must_use]
    pub fn is_meant_off(table: &'static [(&'static str, &'static str)], word: &str) -> bool {
        Self::row(table, word).is_some_and(|instead| instead.starts_with(OFF))
    }

    fn row(table: &'static [(&'static str, &'static str)], word: &str) -> Option<&'static str> {
        let word = plain(word);
        let find = |word: &str| table.iter().find(|(known, _)| *known == word).map(|(_, instead)| *instead);
        // `probe_duration_seconds` of Prometheus, `periodSeconds` of Kubernetes.
        let stem = word.strip_prefix("probe_").unwrap_or(&word);
        find(&word).or_else(|| find(stem.strip_suffix("_seconds").unwrap_or(stem)))
    }

    /// Whether others call the family so.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.said_by(word).is_some()
    }

    /// The fields that a name of the family says beside; `None` if others do not call it so.
    #[must_use]
    pub fn said_by(&self, word: &str) -> Option<impl Iterator<Item = (&'static str, &'static str)>> {
        let word = plain(word);
        let mut found = self.names.iter().find(|name| name.split(' ').next() == Some(word.as_str()))?.split(' ');
        found.next();
        Some(found.filter_map(|field| field.split_once('=')))
    }
}

/// A word in small letters, with `_` between its parts: `statusCode` and `status-code` are `status_code`.
#[must_use]
pub fn plain(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut lower = false;
    for c in word.trim().chars().take(64) {
        if c.is_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        if matches!(c, '-' | ' ') { out.push('_') } else { out.extend(c.to_lowercase()) }
    }
    out
}

/// A registered family: its tables and its constructor.
#[derive(Clone, Copy)]
pub struct Family {
    /// Key in the suite.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// Fields a suite may write.
    pub fields: &'static [FieldInfo],
    /// Facts it can record.
    pub facts: &'static [FactInfo],
    /// See [`Probe::MODES`].
    pub modes: &'static [Mode],
    /// See [`Probe::STREAMS`].
    pub streams: bool,
    /// See [`Probe::MUST_EXPECT`].
    pub must_expect: &'static [&'static str],
    /// See [`Probe::GRID`].
    pub grid: Option<Grid>,
    /// See [`Probe::NO_PARITY`].
    pub no_parity: Option<&'static str>,
    /// See [`Probe::FIELD_RULES`].
    pub field_rules: FieldRules,
    /// See [`Probe::SYNONYMS`].
    pub synonyms: Synonyms,
    /// Shown by `explain`.
    pub readme: &'static str,
    /// A suite that plans without errors.
    pub example: &'static str,
    /// See [`Probe::TARGET_FIELD`].
    pub target_field: (&'static str, Option<&'static str>),
    /// See [`Probe::DIAGNOSED_BY`].
    pub diagnosed_by: &'static [&'static str],
    /// See [`Probe::PHASES`].
    pub phases: &'static [PhaseInfo],
    /// See [`Probe::timed_by_hand`].
    pub timed_by_hand: fn(&str, Option<&str>) -> Option<String>,
    /// See [`Probe::derives`].
    pub derives: fn(&Args) -> Vec<DerivedExpectation>,
    /// See [`Probe::diagnose`].
    pub diagnose: fn(&Failure<'_>) -> Option<Diagnosis>,
    /// Builds a probe.
    pub build: fn(&Args) -> Result<Arc<dyn DynProbe>, Invalid>,
}

impl Family {
    /// Whether a check with these fields has the fact `name`, so that its default can be in force.
    #[must_use]
    pub fn produces(&self, args: &Args, name: &str) -> bool {
        let lacking = self.modes.iter().any(|mode| mode.lacks.contains(&name) && (mode.applies)(args));
        !lacking && self.required_mode(args, name).is_none()
    }

    /// Why a check with these fields cannot be made over IPv4 and IPv6 in turn, if it cannot.
    #[must_use]
    pub fn refuses_parity(&self, args: &Args) -> Option<&'static str> {
        let mut modes = self.modes.iter().filter(|mode| (mode.applies)(args));
        self.no_parity.or_else(|| modes.find_map(|mode| mode.no_parity))
    }

    /// A probe with these arguments. What it is called, and what is wrong with it, is told of the arguments as they are shown.
    pub fn probe(&self, args: &Args) -> Result<Arc<dyn DynProbe>, Invalid> {
        if !args.holds_secret() {
            return (self.build)(args);
        }
        let shown = (self.build)(&args.masked());
        let waits = args.holds_stand_in();
        let probe = match ((self.build)(args), &shown) {
            (Ok(probe), _) => probe,
            (Err(Invalid { field, .. }), _) if waits => {
                let help = "write the value itself: this must be known before anything is sent";
                return Err(Invalid::at(field, "a captured value cannot stand here", help));
            }
            (Err(_), Err(invalid)) => return Err(invalid.clone()),
            (Err(Invalid { field, .. }), Ok(_)) => {
                let message = "the value with the secret in it does not fit";
                return Err(Invalid::at(field, message, "see `shakedown explain`"));
            }
        };
        let target = shown.map_or_else(|_| MASK.to_owned(), |shown| shown.target());
        if waits {
            return Ok(Arc::new(LateProbe::new(self, args.clone(), target, probe)));
        }
        Ok(Arc::new(MaskedProbe { probe, target, holds_secret: true }))
    }

    /// How to switch on the fact `name`, if these fields leave it off.
    #[must_use]
    pub fn required_mode(&self, args: &Args, name: &str) -> Option<&'static str> {
        let mut needs = None;
        for mode in self.modes.iter().filter(|mode| mode.facts.iter().any(|fact| fact.name == name)) {
            if (mode.applies)(args) {
                return None;
            }
            needs = needs.or(Some(mode.entry()));
        }
        needs
    }

    /// The registration of `P` under `name`, with what its folder says of it: README and example.
    #[must_use]
    pub const fn of<P: Probe>(name: &'static str, readme: &'static str, example: &'static str) -> Self {
        Self {
            name,
            summary: P::SUMMARY,
            fields: P::FIELDS,
            facts: P::FACTS,
            modes: P::MODES,
            streams: P::STREAMS,
            must_expect: P::MUST_EXPECT,
            grid: P::GRID,
            no_parity: P::NO_PARITY,
            field_rules: P::FIELD_RULES,
            synonyms: P::SYNONYMS,
            readme,
            example,
            target_field: P::TARGET_FIELD,
            diagnosed_by: P::DIAGNOSED_BY,
            phases: P::PHASES,
            timed_by_hand: P::timed_by_hand,
            derives: P::derives,
            diagnose: P::diagnose,
            build: build::<P>,
        }
    }
}

/// A probe whose arguments hold what people are not shown, and what it is called without that.
struct MaskedProbe {
    probe: Arc<dyn DynProbe>,
    target: String,
    /// Its peer may echo one.
    holds_secret: bool,
}

impl DynProbe for MaskedProbe {
    fn target(&self) -> String {
        self.target.clone()
    }
    fn footprint(&self) -> Footprint {
        self.probe.footprint()
    }
    fn longest(&self) -> Duration {
        self.probe.longest()
    }
    fn facts(&self) -> &'static [FactInfo] {
        self.probe.facts()
    }
    fn answered(&self, observation: &Observation) -> bool {
        self.probe.answered(observation)
    }
    fn watches(&self) -> bool {
        self.probe.watches()
    }
    fn is_cpu_bound(&self) -> bool {
        self.probe.is_cpu_bound()
    }
    fn scan(&self) -> Option<String> {
        self.probe.scan()
    }
    fn breaks(&self) -> Vec<(&'static str, String)> {
        self.probe.breaks()
    }
    fn schedule(&self) -> Vec<String> {
        self.probe.schedule()
    }
    fn is_open_ended(&self) -> bool {
        self.probe.is_open_ended()
    }
    fn touches(&self) -> Vec<Touched> {
        self.probe.touches()
    }
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.probe.prepare()
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        if !self.holds_secret {
            return self.probe.run(cx);
        }
        Box::pin(async move {
            let ended = self.probe.run(cx).await;
            cx.mark_cut();
            ended
        })
    }
    fn stream<'f>(&'f self, spec: &'f StreamSpec) -> ProbeFuture<'f, Option<Box<dyn Prober>>> {
        if !self.holds_secret {
            return self.probe.stream(spec);
        }
        Box::pin(async move {
            let (prober, facts) = (self.probe.stream(spec).await?, self.probe.facts());
            Ok(prober.map(|prober| Box::new(CutMarked { prober, facts }) as Box<dyn Prober>))
        })
    }
    fn investigate<'f>(&'f self, cx: &'f mut Cx<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>> {
        self.probe.investigate(cx)
    }
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, RestoreOutcome> {
        self.probe.restore(cx)
    }
}

/// The same probe, which is called `target`.
#[must_use]
pub fn called(probe: Arc<dyn DynProbe>, target: String) -> Arc<dyn DynProbe> {
    Arc::new(MaskedProbe { probe, target, holds_secret: false })
}

fn build<P: Probe>(args: &Args) -> Result<Arc<dyn DynProbe>, Invalid> {
    Ok(Arc::new(P::from_args(args)?))
}
