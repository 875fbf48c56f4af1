//! A case as planned: all that the engine, the judge and the reports need of a check, without where it stands in YAML.

use std::sync::Arc;
use std::time::Duration;

use super::{ControlGroup, Layout};
use crate::model::fact::parity;
use crate::model::target::Target;
use crate::model::{Args, Arm, BaselineRules, Capture, Expectation, Fault, GridCell, Place, Severity};
use crate::probe::{DynProbe, Family, Footprint, Host};
use crate::suite::allowed_targets::AllowedTargets;
use crate::suite::check::{Check, Eventually, OverIpv4};
use crate::suite::targets::{BuiltTarget, TargetList};

/// One case, planned. Of two arms everything but the arms themselves is as the suite is written.
#[derive(Clone)]
pub struct Case {
    /// Its suite.
    pub suite: Arc<str>,
    /// Case id.
    pub id: Arc<str>,
    /// Check id.
    pub check: Arc<str>,
    /// Its family.
    pub family: &'static Family,
    /// The network namespace it runs in; that of this process where it names none.
    pub netns: Option<Arc<str>>,
    /// Tags.
    pub tags: Arc<[String]>,
    /// Weight of a failure.
    pub severity: Severity,
    /// Where the check is written.
    pub at: Place,
    /// How its facts are compared.
    pub baseline: Arc<BaselineRules>,
    /// Why it is skipped, from `when`.
    pub skip: Option<String>,
    /// Convergence.
    pub eventually: Option<Eventually>,
    /// Further attempts.
    pub retries: u32,
    /// The wait before each of them; absent for one that grows.
    pub retry_delay: Option<Duration>,
    /// The target of the suite as written; of two arms, the old one.
    pub base: PlannedArm,
    /// The new target of an interleaved comparison.
    pub head: Option<PlannedArm>,
    /// The same over IPv4, of a check with `parity`; `base` is over IPv6 then.
    pub over_ipv4: Option<PlannedArm>,
    /// Positions in the plan of the cases that must pass first.
    pub needs: Vec<usize>,
    /// Values that other cases may use.
    pub captures: Arc<[Capture]>,
    /// Values of other cases that it uses, as `login.token`.
    pub uses: Vec<String>,
    /// Tables of targets that cases of other checks wait for.
    pub feeds: Vec<&'static str>,
    /// What finds its target, of a case that is planned before there is one.
    pub list: Option<Arc<TargetList>>,
    /// Its place among the cases of such a list, from 0.
    pub slot: usize,
    /// Its cell, of a check that is a grid.
    pub grid: Option<Arc<GridCell>>,
    /// What must be shown where it ends in silence: of each group one case must pass when it runs again.
    pub controls: Vec<ControlGroup>,
    /// Cases with the same name never run at the same time.
    pub serial: Option<Arc<str>>,
    /// The most cases that may be about one of its hosts at once.
    pub per_target: Option<usize>,
    /// Its limits: positions in those of the plan.
    pub limits: Vec<usize>,
    /// What it may break, where its suite says so.
    pub allowed_targets: Option<Arc<AllowedTargets>>,
    /// How it shares the machine.
    pub footprint: Footprint,
    /// When it runs: the latest footprint of itself and what it needs.
    pub stage: Footprint,
    /// Its rounds.
    pub layout: Layout,
    /// The longest one attempt may take.
    pub attempt: Duration,
    /// The longest all attempts may take.
    pub budget: Duration,
}

/// One arm of a case: the probe, and what must hold of what it observes.
#[derive(Clone)]
pub struct PlannedArm {
    /// The probe.
    pub probe: Arc<dyn DynProbe>,
    /// Expectations.
    pub expectations: Arc<[Expectation]>,
    /// Arguments that say something of a failure, secrets masked.
    pub args: Arc<Args>,
    /// Hash of what it measures.
    pub digest: Arc<str>,
    /// The hosts it is about.
    pub hosts: Arc<[Host]>,
    /// How long to wait for an unresponsive peer.
    pub patience: Option<Duration>,
}

impl PlannedArm {
    fn of(check: &Check) -> Self {
        Self {
            probe: Arc::clone(&check.probe),
            expectations: Arc::clone(&check.expectations),
            args: Arc::clone(&check.args),
            digest: Arc::clone(&check.digest),
            hosts: Arc::clone(&check.hosts),
            patience: check.patience,
        }
    }

    /// The side over IPv4 of a check with `parity`.
    fn over_ipv4(check: &Check, side: &OverIpv4) -> Self {
        let OverIpv4 { probe, args, hosts } = side.clone();
        Self { probe, args, hosts, ..Self::of(check) }
    }
}

/// Evidence of a check with `parity` that is of IPv4 begins so.
pub const OVER_IPV4: &str = "over IPv4";
/// The same of IPv6.
pub const OVER_IPV6: &str = "over IPv6";

/// The wait before the first retry; it doubles with each further one, to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Case {
    /// How long the retry after `attempts` attempts waits: as long as the suite says, else what is gone in a moment needs one,
    /// and anything else longer and longer.
    #[must_use]
    pub fn wait_to_retry(&self, attempts: u32) -> Duration {
        let growing = || FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT);
        self.retry_delay.unwrap_or_else(growing)
    }

    /// The name of `other` beside this case: its id, with its suite where that is another one.
    #[must_use]
    pub fn name_of(&self, other: &Self) -> String {
        if self.suite == other.suite { other.id.to_string() } else { format!("{}/{}", other.suite, other.id) }
    }

    /// Whether it captures a value, or uses one.
    #[must_use]
    pub fn is_chained(&self) -> bool {
        !self.captures.is_empty() || !self.uses.is_empty() || self.finds_or_waits()
    }

    /// Whether it finds targets for others, or others find its own.
    #[must_use]
    pub fn finds_or_waits(&self) -> bool {
        !self.feeds.is_empty() || self.list.is_some()
    }

    /// Whether a line of the plan stands for it: of the cases of a list, the first speaks for all.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.slot == 0
    }

    /// The most cases that its line of the plan stands for.
    #[must_use]
    pub fn most(&self) -> usize {
        self.list.as_ref().map_or(1, |list| list.most)
    }

    /// What finds its target, among what it needs.
    #[must_use]
    pub fn found_by(&self, cases: &[Self]) -> Option<usize> {
        let list = self.list.as_ref()?;
        let finds = |other: &Self| *other.check == *list.check && other.suite == self.suite;
        self.needs.iter().copied().find(|need| cases.get(*need).is_some_and(finds))
    }

    /// The case as it is where no target is known: in the place of all cases of its list.
    #[must_use]
    pub fn without_target(&self) -> Self {
        let id = self.list.as_ref().map_or_else(|| self.id.to_string(), |list| list.id(None));
        Self { id: id.into(), ..self.clone() }
    }

    /// The case for a target that was found. What was planned holds for it too, or it is a fault.
    pub fn at_target(&self, target: &Target) -> Result<Self, Fault> {
        let Some(list) = &self.list else { return Ok(self.clone()) };
        let BuiltTarget { probe, args, hosts, modes } = list.built(target)?;
        let (label, planned) = (target.label(), &self.base.probe);
        let scan = probe.scan().filter(|_| planned.scan().is_none());
        if let Some(why) = scan {
            let remedy = "write the targets in the suite: a scan is known before anything is sent";
            return Err(Fault::local(list.operation(), label, format!("it would be a scan: it {why}"), remedy));
        }
        if let Some(denied) = self.denied(&*probe) {
            let remedy = "add it to `allowed_targets` of the suite, if it may be broken";
            return Err(Fault::local(list.operation(), label, format!("it would touch {denied}"), remedy));
        }
        let same = probe.footprint() == planned.footprint() && probe.longest() <= planned.longest();
        if !same || modes != list.modes {
            let detail = "with this target the check would be another one than was planned";
            let remedy = "write the targets in the suite, or leave out what depends on them";
            return Err(Fault::local(list.operation(), label, detail, remedy));
        }
        let digest = list.digest(&self.base.digest, &label).into();
        let base = PlannedArm { probe, args: Arc::new(args), digest, hosts, ..self.base.clone() };
        Ok(Self { id: list.id(Some(&label)).into(), base, ..self.clone() })
    }

    /// Whether an arm of it needs much CPU time.
    #[must_use]
    pub fn is_cpu_bound(&self) -> bool {
        self.arms().any(|arm| arm.probe.is_cpu_bound())
    }

    /// A case that is not laid out in time yet, and of which nothing is linked to others.
    pub(super) fn new(suite: &Arc<str>, check: &Check, head: Option<&Check>) -> Self {
        // Neighbours would add their noise to what is compared.
        let timed = check.expectations.iter().any(|one| one.info.name == parity::RATIO.info.name);
        let least = if head.is_some() || timed { Footprint::Noisy } else { Footprint::Quiet };
        let footprint = check.probe.footprint().max(least);
        Self {
            suite: Arc::clone(suite),
            id: Arc::clone(&check.id),
            check: Arc::clone(&check.check),
            family: check.family,
            netns: check.netns.clone(),
            tags: Arc::clone(&check.tags),
            severity: check.severity,
            at: check.at.clone(),
            baseline: Arc::clone(&check.baseline),
            skip: check.skip.clone().or_else(|| head?.skip.clone()),
            eventually: check.eventually,
            retries: check.retries,
            retry_delay: check.retry_delay,
            base: PlannedArm::of(check),
            head: head.map(PlannedArm::of),
            over_ipv4: check.over_ipv4.as_ref().map(|side| PlannedArm::over_ipv4(check, side)),
            needs: Vec::new(),
            feeds: Vec::new(),
            list: check.list.clone(),
            slot: check.slot,
            grid: check.grid.clone(),
            captures: Arc::clone(&check.captures),
            uses: check.uses.iter().map(|used| used.name.clone()).collect(),
            controls: Vec::new(),
            serial: check.serial.clone(),
            per_target: check.per_target,
            limits: Vec::new(),
            allowed_targets: None,
            footprint,
            stage: footprint,
            layout: Layout::default(),
            attempt: Duration::ZERO,
            budget: Duration::ZERO,
        }
    }

    /// The arm the verdict is about: of two, the new target.
    #[must_use]
    pub fn subject(&self) -> &PlannedArm {
        self.head.as_ref().unwrap_or(&self.base)
    }

    /// All its arms.
    pub fn arms(&self) -> impl Iterator<Item = &PlannedArm> {
        [&self.base].into_iter().chain(&self.head).chain(&self.over_ipv4)
    }

    /// Something that it would touch and that its suite does not allow.
    #[must_use]
    pub fn touches_denied(&self) -> Option<String> {
        self.arms().find_map(|arm| self.denied(&*arm.probe))
    }

    fn denied(&self, probe: &dyn DynProbe) -> Option<String> {
        let allowed = self.allowed_targets.as_ref()?;
        probe.touches().into_iter().find(|touched| !allowed.allows(&touched.names)).map(|touched| touched.what)
    }

    /// The arm a round is of: of two IP versions, `base` is over IPv4.
    #[must_use]
    pub fn arm(&self, arm: Option<Arm>) -> &PlannedArm {
        match (arm, &self.over_ipv4) {
            (Some(Arm::Base), Some(over_ipv4)) => over_ipv4,
            (Some(Arm::Head), _) => self.subject(),
            _ => &self.base,
        }
    }

    /// How a round is marked. What a check with `parity` shows over IPv6 is what it shows, as of any check.
    #[must_use]
    pub fn mark(&self, arm: Option<Arm>) -> Option<Arm> {
        arm.filter(|arm| self.over_ipv4.is_none() || *arm == Arm::Base)
    }

    /// What an arm is called in evidence; nothing where there is no other, or where the other is what is old.
    #[must_use]
    pub fn label(&self, arm: Option<Arm>) -> &'static str {
        match (arm, self.over_ipv4.is_some()) {
            (Some(Arm::Base), true) => OVER_IPV4,
            (Some(Arm::Head), true) => OVER_IPV6,
            (Some(Arm::Base), false) => "old target",
            _ => "",
        }
    }

    /// How many metrics its family has.
    #[must_use]
    pub fn metrics(&self) -> usize {
        self.family.facts.iter().filter(|fact| fact.better.is_some() && !self.baseline.ignores(fact.name)).count()
    }
}
