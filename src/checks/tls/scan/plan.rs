//! Which hello comes next: a state machine without network, clock or chance. It hands out asks, takes what became of them,
//! and ends with a [`Scan`].
//!
//! - Removal: offer a list, take out what the server chose, offer the rest, until it refuses. Each answer names a suite, which
//!   halving a list would not. Lists are dealt into chunks of at most 120, the popular suites evenly, and asked side by side.
//! - Alert `protocol_version` refuses a version at once. Any other alert refuses the list only, so the other lists follow.
//! - A reset, silence or nonsense decides nothing: the same question again, alone and after a pause, then `unknown`. A close
//!   without a word counts as a refusal only between two hellos that are answered, right before it and right after.
//! - At the end a suite known to work is offered as the last of a long list. If it is not taken, but alone it is, the server does not
//!   read long lists: everything again in short ones. If it does not answer any more, it limits rates or has died: what it
//!   refused since its last good answer is unknown.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::job::{Job, Purpose, What};
use super::seen::Scan;
use crate::proto::tls::hello::{Answer, Version, suites};

/// Suites in one hello; some servers fail above 128.
pub(super) const CHUNK: usize = 120;
/// Suites in one hello for a server that does not read long lists.
pub(super) const SHORT: usize = 24;
/// Connections made at most; one per suite, as some tools need, is less.
pub(super) const MOST: u32 = 800;
/// How often a question is asked that got no answer.
const TRIES: u32 = 3;
/// Questions in a row without any answer, after which it is asked whether the server is still there.
const SILENCE: u32 = 8;

/// A question on its way to the server.
#[derive(Clone, Debug)]
pub(in crate::checks::tls) struct Ask {
    /// Counts up from 1, in the order of sending.
    pub(super) id: u32,
    /// How long to wait before it is sent.
    pub(super) pause: Duration,
    pub(super) what: What,
    pub(super) job: Job,
    pub(super) tries: u32,
    /// The exchange right before it was answered, and nothing else is under way.
    pub(super) after_good: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Scan,
    Needle,
    Control,
    Done,
}

/// Where one version stands.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Lists not asked yet.
    pub(super) rest: Vec<Vec<u16>>,
    /// Lists being asked.
    pub(super) open: u32,
}

/// See the module.
#[derive(Debug)]
pub(in crate::checks::tls) struct Plan {
    pub(super) sni: Option<String>,
    pub(super) quick: VecDeque<Job>,
    pub(super) slow: VecDeque<(Job, u32)>,
    under_way: u32,
    pub(super) courses: BTreeMap<Version, Course>,
    pub(super) scan: Scan,
    /// Suites chosen by orders of ours: forwards, backwards.
    pub(super) orders: BTreeMap<Version, [Option<u16>; 2]>,
    pub(super) groups_begun: bool,
    pub(super) extras_begun: bool,
    /// Refusals of lists, by the number of the ask, for doubts at the end.
    pub(super) refusals: Vec<(u32, Job)>,
    pub(super) last_good: u32,
    silent: u32,
    pub(super) checking: bool,
    /// Closed on again, alone; whether that was a refusal, the check that is due will tell.
    pub(super) suspects: Vec<Ask>,
    pub(super) flaky: u32,
    pub(super) shares: bool,
    pub(super) short: bool,
    pub(super) stage: Stage,
    pub(super) needle: bool,
    pub(super) halted: Option<String>,
}

/// All suites of a version, the popular ones first.
fn all(version: Version) -> impl Iterator<Item = u16> {
    suites().iter().filter(move |suite| suite.is_tls13() == (version == Version::Tls13)).map(|suite| suite.number)
}

/// Short lists of a version, the popular suites first, without those known to be taken.
pub(super) fn short(version: Version, without: &[u16]) -> Vec<Vec<u16>> {
    let left: Vec<u16> = all(version).filter(|number| !without.contains(number)).collect();
    left.chunks(SHORT).map(<[u16]>::to_vec).collect()
}

/// The lists of suites for a version, the popular ones dealt evenly.
pub(super) fn dealt(version: Version) -> Vec<Vec<u16>> {
    let all: Vec<u16> = all(version).collect();
    let hands = all.len().div_ceil(CHUNK);
    let hand = |start: usize| all.iter().copied().skip(start).step_by(hands).collect();
    (0..hands).map(hand).collect()
}

impl Plan {
    /// A plan for a server named `sni`.
    pub(in crate::checks::tls) fn new(sni: Option<String>) -> Self {
        let mut plan = Self {
            sni,
            quick: VecDeque::new(),
            slow: VecDeque::new(),
            under_way: 0,
            courses: BTreeMap::new(),
            scan: Scan::default(),
            orders: BTreeMap::new(),
            groups_begun: false,
            extras_begun: false,
            refusals: Vec::new(),
            last_good: 0,
            silent: 0,
            checking: false,
            suspects: Vec::new(),
            flaky: 0,
            shares: false,
            short: false,
            stage: Stage::Scan,
            needle: false,
            halted: None,
        };
        // Newest first: most servers take it, so its answers lead on soonest.
        for version in Version::ALL.into_iter().rev() {
            plan.begin(version, dealt(version));
        }
        plan
    }

    pub(super) fn begin(&mut self, version: Version, lists: Vec<Vec<u16>>) {
        let mut lists = lists.into_iter();
        let Some(left) = lists.next() else { return };
        self.courses.entry(version).or_default().rest = lists.collect();
        self.list(version, left);
    }

    /// The next question, if one may be sent now. `None` while answers are awaited, and for good when all is done.
    pub(in crate::checks::tls) fn next(&mut self) -> Option<Ask> {
        if self.quick.is_empty() && self.slow.is_empty() && self.under_way == 0 {
            self.advance();
        }
        if self.scan.connections >= MOST {
            self.halt(&format!("{MOST} connections were not enough"));
        }
        let (job, tries) = match self.quick.pop_front() {
            Some(job) => (job, 0),
            // What went wrong beside others is tried again alone.
            None if self.under_way == 0 => self.slow.pop_front()?,
            None => return None,
        };
        let after_good = self.under_way == 0 && self.last_good == self.scan.connections;
        self.under_way += 1;
        self.scan.connections += 1;
        let pause = if tries == 0 { Duration::ZERO } else { Duration::from_millis(50 << (2 * tries.min(3))) };
        let what = job.what(self.sni.as_deref(), self.shares);
        Some(Ask { id: self.scan.connections, pause, what, job, tries, after_good })
    }

    /// Takes what became of an ask.
    pub(in crate::checks::tls) fn settle(&mut self, ask: Ask, answer: Answer) {
        self.under_way -= 1;
        if self.scan.suites.is_empty() {
            self.rebuffed(&answer);
        }
        match answer {
            // The connection broke before the group was named.
            Answer::Flight(flight) if matches!(ask.job, Job::Groups { .. }) && flight.cut_short() => {
                self.lost(ask, &Answer::Flight(flight));
            }
            Answer::Flight(flight) => {
                self.answered(&ask);
                self.last_good = self.last_good.max(ask.id);
                self.chosen(ask, &flight);
            }
            // internal_error may be the server's load.
            Answer::Alert(alert) if alert.0 != 80 || ask.tries + 1 >= TRIES => {
                self.answered(&ask);
                self.refused(ask, alert.0);
            }
            Answer::Closed if ask.tries > 0 && ask.job.is_question() => self.suspect(ask),
            other => self.lost(ask, &other),
        }
        self.spread();
    }

    /// Takes the chain of a [`What::Serve`].
    pub(in crate::checks::tls) fn settle_chain(&mut self, ask: &Ask, chain: &[Vec<u8>]) {
        self.under_way -= 1;
        self.answered(ask);
        self.last_good = self.last_good.max(ask.id);
        if let Job::Served { sni, .. } = ask.job {
            self.scan.show(chain, sni, Version::Tls13);
        }
    }

    /// Nothing more is asked; what is left is unknown. For a caller whose time is up.
    pub(in crate::checks::tls) fn halt(&mut self, why: &str) {
        if self.halted.is_none() {
            self.halted = Some(why.to_owned());
        }
        let quick = self.quick.drain(..).collect::<Vec<_>>();
        let slow = self.slow.drain(..).map(|(job, _)| job).collect::<Vec<_>>();
        for job in quick.into_iter().chain(slow) {
            self.give_up(&job, why);
        }
        for version in Version::ALL {
            self.open_rest(version);
        }
    }

    /// A question whose connection is given up by the caller.
    pub(in crate::checks::tls) fn abandon(&mut self, ask: &Ask, why: &str) {
        self.under_way -= 1;
        self.give_up(&ask.job, why);
    }
}

impl Plan {
    /// Asks as soon as there is room; nothing more after a halt.
    pub(super) fn push(&mut self, job: Job) {
        match self.halted.clone() {
            Some(why) => self.give_up(&job, &why),
            None => self.quick.push_back(job),
        }
    }

    /// Asks alone.
    pub(super) fn push_slow(&mut self, job: Job) {
        match self.halted.clone() {
            Some(why) => self.give_up(&job, &why),
            None => self.slow.push_back((job, 0)),
        }
    }

    fn answered(&mut self, ask: &Ask) {
        self.silent = 0;
        self.flaky += u32::from(ask.tries > 0);
    }

    /// Until a hello is taken, the most telling of what was said instead.
    fn rebuffed(&mut self, answer: &Answer) {
        let tells = |answer: &Answer| match answer {
            Answer::Flight(_) => 6,
            Answer::Alert(_) => 5,
            Answer::NotTls(_) => 4,
            Answer::Closed => 3,
            Answer::Reset => 2,
            Answer::Unconnected(_) => 1,
            Answer::Timeout => 0,
        };
        if self.scan.rebuff.as_ref().is_none_or(|known| tells(answer) > tells(known)) {
            self.scan.rebuff = Some(answer.clone());
        }
    }

    fn lost(&mut self, ask: Ask, answer: &Answer) {
        self.silent += 1;
        let why = super::extra::reason(answer);
        if let Some(halted) = self.halted.clone() {
            self.give_up(&ask.job, &halted);
        } else if ask.tries + 1 < TRIES {
            self.slow.push_back((ask.job, ask.tries + 1));
        } else {
            self.give_up(&ask.job, &why);
        }
        if self.silent >= SILENCE && !self.check() {
            self.halt(&format!("no answer to {SILENCE} questions in a row ({why})"));
        }
    }

    /// Closed on again. Only a server that answers what it took before refuses by that.
    fn suspect(&mut self, ask: Ask) {
        if self.halted.is_none() && self.check() {
            self.suspects.push(ask);
        } else {
            self.silent = 0;
            self.refused(ask, 0);
        }
    }

    /// Asks next whether the server is still there; false when nothing is known that it would answer.
    fn check(&mut self) -> bool {
        if self.checking || self.halted.is_some() {
            return true;
        }
        let control = self.control(Purpose::Control);
        self.checking = control.is_some();
        self.slow.extend(control.map(|control| (control, 0)));
        self.slow.rotate_right(usize::from(self.checking));
        self.checking
    }

    /// A question that stays open.
    pub(super) fn give_up(&mut self, job: &Job, why: &str) {
        match job {
            Job::Once { purpose: Purpose::Control, .. } => {
                self.checking = false;
                let why = format!("the server does not answer any more ({why})");
                for suspect in std::mem::take(&mut self.suspects) {
                    self.give_up(&suspect.job, &why);
                }
                if self.halted.is_none() {
                    self.halt(&why);
                }
                return;
            }
            Job::Once { purpose: Purpose::Needle, .. } => return,
            // That such a hello is not answered is what is asked. Whether others are, the end of the scan tells.
            Job::Once { purpose: Purpose::Halves, .. } if self.halted.is_none() => {
                self.scan.halves = Some(false);
                self.scan.note(format!("a hello in two TCP segments: {why}"));
                return;
            }
            Job::Once { purpose: Purpose::Large, .. } if self.halted.is_none() => {
                self.scan.large = Some(false);
                self.scan.note(format!("a hello larger than a segment: {why}"));
                return;
            }
            Job::Suites { version, left } => {
                let (version, left) = (*version, left.clone());
                self.closed(version);
                if self.halted.is_none() && left.len() > SHORT && self.scan.suites.contains_key(&version) {
                    // One suite may be what the server trips over.
                    self.pieces(version, &left);
                    return;
                }
                self.scan.open_suites.insert(version);
                if let Some(course) = self.courses.get_mut(&version)
                    && !self.scan.suites.contains_key(&version)
                {
                    // The version is unknown already; more silence would not make it better known.
                    course.rest.clear();
                }
            }
            _ => {}
        }
        self.scan.unknown.push(format!("{} ({why})", job.says()));
    }
}
