//! Probes whose arguments wait for values that other checks capture.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::captured::CapturedValues;
use super::{Cx, DynProbe, Family, Footprint, ProbeFuture, Prober, RestoreOutcome, StreamSpec, Touched};
use crate::model::args::TextForm;
use crate::model::capture::text_of;
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
    pub(super) fn new(family: &Family, args: Args, target: String, planned: Arc<dyn DynProbe>) -> Self {
        Self { family: *family, args, target, planned, built: OnceLock::new() }
    }

    /// The probe with the values, which stay the same for all of a run.
    fn built(&self, values: &CapturedValues) -> Result<&Arc<dyn DynProbe>, Fault> {
        if let Some(built) = self.built.get() {
            return Ok(built);
        }
        let args = self.args.with_values(&mut |text, form| self.filled(text, form, values))?;
        // The messages of the family may hold the values.
        let probe = (self.family.build)(&args).map_err(|invalid| self.unfit(invalid.field))?;
        let same = probe.footprint() == self.planned.footprint() && probe.longest() == self.planned.longest();
        if !same || probe.scan() != self.planned.scan() || probe.touches() != self.planned.touches() {
            return Err(self.unfit(""));
        }
        Ok(self.built.get_or_init(|| probe))
    }

    /// A text with the values in place of their stand-ins.
    fn filled(&self, text: &Text, form: TextForm, values: &CapturedValues) -> Result<Text, Fault> {
        let missing = || self.fault("a value that it uses was not captured", MISSING);
        let value = match form {
            TextForm::Plain => {
                stand_in::replaced(text, |word| values.get(word).as_ref().and_then(text_of).ok_or_else(missing))
            }
            TextForm::Json => stand_in::replaced_in_json(text, |word| values.get(word).ok_or_else(missing)),
        }?;
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

const MISSING: &str = "see why the check that captures it did not pass";
const UNFIT: &str = "see what the check that captures it was told: a line break or a control character stands in no header and in no URL";

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
    fn breaks(&self) -> Vec<(&'static str, String)> {
        self.planned.breaks()
    }
    fn schedule(&self) -> Vec<String> {
        self.planned.schedule()
    }
    fn is_open_ended(&self) -> bool {
        self.planned.is_open_ended()
    }
    fn touches(&self) -> Vec<Touched> {
        self.planned.touches()
    }
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.planned.prepare()
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        match self.built(&cx.captured()) {
            Ok(probe) => Box::pin(async move {
                let ended = probe.run(cx).await;
                cx.mark_cut();
                ended
            }),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }
    }
    fn stream<'f>(&'f self, spec: &'f StreamSpec) -> ProbeFuture<'f, Option<Box<dyn Prober>>> {
        // Only a check can capture, and none of a family that is probed in a stream is built so late.
        match self.built.get() {
            Some(probe) => probe.stream(spec),
            None => Box::pin(std::future::ready(Ok(None))),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use crate::model::table::{facts, fields};
    use crate::model::{Arg, Args, Fact, Fault, Field, FieldKind, Invalid, Observation, Text, stand_in};
    use crate::probe::{CapturedValues, Cx, Family, Footprint, Probe};

    fields! { FIELDS;
        const SAY: Field<Text> = Field::required("say", FieldKind::Text, "What it says.");
    }
    facts! { FACTS;
        const SAID: Fact<String> = Fact::text("said", "What it said.");
    }

    /// Says what it is told to.
    struct Echo(Text);

    impl Probe for Echo {
        const SUMMARY: &'static str = "Says what it is told to.";
        const FIELDS: &'static [crate::model::FieldInfo] = FIELDS;
        const FACTS: &'static [crate::model::FactInfo] = FACTS;
        const TARGET_FIELD: (&'static str, Option<&'static str>) = ("say", None);

        fn from_args(args: &Args) -> Result<Self, Invalid> {
            let text = args.get(&SAY);
            if text.contains('!') { Err(SAY.invalid(format!("`{}`", &*text), "")) } else { Ok(Self(text)) }
        }
        fn target(&self) -> String {
            self.0.to_string()
        }
        fn footprint(&self) -> Footprint {
            Footprint::Quiet
        }
        fn longest(&self) -> Duration {
            Duration::from_secs(if self.0.contains("slowly") { 60 } else { 1 })
        }
        fn answered(_: &Observation) -> bool {
            true
        }
        async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
            cx.set(&SAID, self.0[..].to_owned());
            if self.0.contains("cut") {
                cx.partial(&SAID, "the rest is not kept");
            }
            Ok(())
        }
    }

    /// What a probe says with a value in its text, or why it says nothing.
    async fn said(value: Option<&str>) -> Result<String, String> {
        let word = stand_in::of("s", "login", "token");
        let text = Text::new(format!("a {word} b"), Some("a ${checks.login.token} b"));
        let args = Args(BTreeMap::from([("say", Arg::Text(text))]));
        let probe = Family::of::<Echo>("echo", "", "").probe(&args).unwrap();
        assert_eq!(probe.target(), "a ${checks.login.token} b");
        let values = Arc::<CapturedValues>::default();
        if let Some(value) = value {
            values.set(&word, value);
        }
        let mut seen = Observation::default();
        let end = Instant::now() + Duration::from_secs(1);
        let mut cx = Cx::new(&mut seen, FACTS, end, 0, CancellationToken::new()).with_captured(&values);
        let ended = probe.run(&mut cx).await.map_err(|fault| format!("{fault}; {}", fault.remedy));
        // It stays what it is, whatever is captured later.
        values.set(&word, "another");
        if ended.is_ok() {
            assert_eq!(probe.run(&mut cx).await, Ok(()));
        }
        ended.map(|()| seen.text("said").unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn a_probe_asks_with_the_value_unless_that_does_not_fit() {
        assert_eq!(said(Some("t0ken")).await, Ok("a t0ken b".to_owned()));
        for (value, why) in [
            (None, "a value that it uses was not captured"),
            (Some("secret!"), "a captured value does not fit in `say`"),
            (Some("secret slowly"), "a captured value does not fit here"),
        ] {
            let told = said(value).await.unwrap_err();
            assert!(told.contains(why) && !told.contains("secret"), "{value:?}: {told}");
        }
    }
    /// A piece of a secret at the end of what was cut is hidden only where the cut can be seen.
    #[tokio::test]
    async fn what_is_cut_beside_a_secret_has_its_mark() {
        for (text, shown, seen_as) in [
            ("cut hunt", Some("***"), "cut hunt…"),
            ("whole hunter22", Some("***"), "whole hunter22"),
            ("cut", None, "cut"),
        ] {
            let args = Args(BTreeMap::from([("say", Arg::Text(Text::new(text, shown)))]));
            let probe = Family::of::<Echo>("echo", "", "").probe(&args).unwrap();
            let mut seen = Observation::default();
            let end = Instant::now() + Duration::from_secs(1);
            let mut cx = Cx::new(&mut seen, FACTS, end, 0, CancellationToken::new());
            probe.run(&mut cx).await.unwrap();
            assert_eq!(seen.text("said"), Some(seen_as));
        }
        assert_eq!(said(Some("cut")).await, Ok("a cut b…".to_owned()));
    }
}
