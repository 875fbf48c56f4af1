//! A case as the planner takes it.

use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::Span;
use super::targets::TargetList;
use crate::model::{Args, BaselineRules, Capture, Expectation, GridCell, Place, Severity};
use crate::probe::{DynProbe, Family, Host};

/// A case: one cell of a check's matrix, typed and built.
#[derive(Clone)]
pub struct Check {
    /// Case id.
    pub id: Arc<str>,
    /// Check id.
    pub check: Arc<str>,
    /// Its family.
    pub family: &'static Family,
    /// The probe; of a check with `parity`, that over IPv6.
    pub probe: Arc<dyn DynProbe>,
    /// The same check over IPv4, of one with `parity`.
    pub over_ipv4: Option<OverIpv4>,
    /// Arguments that say something of a failure, secrets masked.
    pub args: Arc<Args>,
    /// The network namespace it runs in, if the suite names one.
    pub netns: Option<Arc<str>>,
    /// Tags.
    pub tags: Arc<[String]>,
    /// Ids of checks that must pass first.
    pub needs: Arc<[String]>,
    /// Values that other checks may use.
    pub captures: Arc<[Capture]>,
    /// Values of other checks that it uses: `login.token`.
    pub uses: Arc<[Reference]>,
    /// Tables of targets that other checks may look at.
    pub tables: Vec<&'static str>,
    /// What finds its targets, of a check whose cases are known only then.
    pub list: Option<Arc<TargetList>>,
    /// Its place among the cases of such a list, from 0.
    pub slot: usize,
    /// The check that shows its host can be reached.
    pub control: Option<Reference>,
    /// Accepted outcomes that need one.
    pub silent: Vec<&'static str>,
    /// Accepted outcomes that show nothing of the host.
    pub elsewhere: Vec<&'static str>,
    /// How long to wait for an unresponsive peer.
    pub patience: Option<Duration>,
    /// Where `expect` is written, for the planner's errors.
    pub expect_span: Span,
    /// The hosts it is about.
    pub hosts: Arc<[Host]>,
    /// Key and value of its cell, as its id has them.
    pub cell: Vec<(String, String)>,
    /// Its cell, of a check that is a grid.
    pub grid: Option<Arc<GridCell>>,
    /// Why it is skipped, from `when`.
    pub skip: Option<String>,
    /// Expectations.
    pub expectations: Arc<[Expectation]>,
    /// Convergence.
    pub eventually: Option<Eventually>,
    /// Further attempts.
    pub retries: u32,
    /// The wait before each of them, if the suite gives one.
    pub retry_delay: Option<Duration>,
    /// Checks with the same name never run at the same time.
    pub serial: Option<Arc<str>>,
    /// The most checks that may be about one of its hosts at once.
    pub per_target: Option<usize>,
    /// Rounds that count.
    pub rounds: u32,
    /// Measurements in a round.
    pub samples: u32,
    /// Weight of a failure.
    pub severity: Severity,
    /// Bound of the whole check, if the suite gives one.
    pub budget: Option<Duration>,
    /// How its facts are compared.
    pub baseline: Arc<BaselineRules>,
    /// Hash of what it looks at.
    pub digest: Arc<str>,
    /// Whether it names a variable that `--against` overrides.
    pub differs: bool,
    /// Where the check is written.
    pub at: Place,
    /// Where `needs` is written, for the planner's errors.
    pub needs_span: Span,
    /// Where the check is written.
    pub span: Span,
}

/// One side of a check with `parity`: what is another over IPv4.
#[derive(Clone)]
pub struct OverIpv4 {
    /// The probe.
    pub probe: Arc<dyn DynProbe>,
    /// Arguments that say something of a failure, secrets masked.
    pub args: Arc<Args>,
    /// The host it is about, by its IPv4 addresses.
    pub hosts: Arc<[Host]>,
}

/// The name of another check, and where it is written.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Check or cell.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// `eventually:`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eventually {
    /// How long it may take.
    pub within: Duration,
    /// Between the starts of attempts.
    pub every: Duration,
}
