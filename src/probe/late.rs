//! Probes whose arguments wait for values that other checks capture.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use url::Url;

use super::captured::CapturedValues;
use super::{Cx, DynProbe, Family, Footprint, ProbeFuture, RestoreOutcome};
use crate::model::{Args, FactInfo, Fault, Observation, Text, stand_in};

/// A probe that is built when it runs. Until then one with stand-ins answers for it: values change no more than texts, so all
/// that the planner asks is settled by then, and what a value would change of it is refused.
pub(super) struct LateProbe {
    family: Family,
    /// With stand-ins.
    args: Args,
    target: String,
    planned: Arc<dyn DynProbe>,
    built: OnceLock<Arc<dyn DynProbe>>,
}

impl LateProbe {
    /// The probe of `family` that is called `target`; `planned` is the one with stand-ins.
    pub(super) fn new(family: Family, args: Args, target: String, planned: Arc<dyn DynProbe>) -> Self {
        Self { family, args, target, planned, built: OnceLock::new() }
    }

    /// The probe with the values, which stay the same for all of a run.
    fn built(&self, values: &CapturedValues) -> Result<&Arc<dyn DynProbe>, Fault> {
        if let Some(built) = self.built.get() {
            return Ok(built);
        }
        let args = self.args.with_values(&mut |field, text| self.filled((field, text), values))?;
        // The messages of the family may hold the values.
        let probe = (self.family.build)(&args).map_err(|invalid| self.unfit(invalid.field))?;
        let same = probe.footprint() == self.planned.footprint() && probe.longest() == self.planned.longest();
        if !same || probe.scan() != self.planned.scan() {
            return Err(self.unfit(""));
        }
        Ok(self.built.get_or_init(|| probe))
    }

    /// A text with the values in place of their stand-ins.
    fn filled(&self, (field, text): (&'static str, &Text), values: &CapturedValues) -> Result<Text, Fault> {
        let missing = || self.fault("a value that it uses was not captured", MISSING);
        let value =
            stand_in::replaced(text, |word| values.get(word).map(|value| value.to_string()).ok_or_else(missing))?;
        // A value must not lead to another server than the one that the suite names.
        if let Some(planned) = server(text)
            && server(&value).as_ref() != Some(&planned)
        {
            return Err(self.unfit(field));
        }
        Ok(Text::new(value, Some(text.shown())))
    }

    /// A value that the family refuses.
    fn unfit(&self, field: &str) -> Fault {
        let place = if field.is_empty() { "here".to_owned() } else { format!("in `{field}`") };
        self.fault(format!("a captured value does not fit {place}"), UNFIT)
    }

    fn fault(&self, detail: impl Into<String>, remedy: &str) -> Fault {
        Fault::local("ask with captured values", &self.target, detail, remedy)
    }
}

/// Scheme, host and port of a URL; `None` for any other text.
fn server(text: &str) -> Option<(String, String, Option<u16>)> {
    let url = Url::parse(text).ok()?;
    Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()))
}

const MISSING: &str = "see why the check that captures it did not pass";
const UNFIT: &str = "see what the check that captures it was told: a line break, a control character or another host stands in no header or URL";

impl DynProbe for LateProbe {
    fn target(&self) -> String {
        self.target.clone()
    }
    fn footprint(&self) -> Footprint {
        self.planned.footprint()
    }
    fn longest(&self) -> Duration {
        self.planned.longest()
    }
    fn facts(&self) -> &'static [FactInfo] {
        self.planned.facts()
    }
    fn answered(&self, observation: &Observation) -> bool {
        self.planned.answered(observation)
    }
    fn watches(&self) -> bool {
        self.planned.watches()
    }
    fn is_cpu_bound(&self) -> bool {
        self.planned.is_cpu_bound()
    }
    fn scan(&self) -> Option<String> {
        self.planned.scan()
    }
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.planned.prepare()
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        match self.built(&cx.captured()) {
            Ok(probe) => probe.run(cx),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }
    }
    fn investigate<'f>(&'f self, cx: &'f mut Cx<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>> {
        match self.built.get() {
            Some(probe) => probe.investigate(cx),
            None => Box::pin(std::future::ready(())),
        }
    }
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, RestoreOutcome> {
        match self.built.get() {
            Some(probe) => probe.restore(cx),
            // It never ran.
            None => Box::pin(std::future::ready(Ok(RestoreOutcome::Nothing))),
        }
    }
}
