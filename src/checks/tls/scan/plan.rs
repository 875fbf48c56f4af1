//! Which hello comes next: a state machine without network, clock or chance. It hands out attempts, takes their answers, and
//! ends with a [`ScanResult`]. What an answer leads to stands in `suite_enumeration`, `groups`, `properties` and `finish`.
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

use super::question::{Purpose, Request, ScanQuestion};
use super::result::{ScanResult, describe};
use crate::proto::tls::hello::{HelloAnswer, Version, suites};

/// Suites in one hello; some servers fail above 128.
pub(super) const LONG_LIST: usize = 120;
/// Suites in one hello for a server that does not read long lists.
pub(super) const SHORT_LIST: usize = 24;
/// Connections made at most; one for each suite, as some tools need, would be fewer.
pub(super) const MAX_CONNECTIONS: u32 = 800;
/// How often a question is asked that got no answer.
const MAX_TRIES: u32 = 3;
/// Questions in a row without any answer, after which it is asked whether the server is still there.
const MAX_SILENT: u32 = 8;

/// A question on its way to the server, over one connection.
#[derive(Clone, Debug)]
pub(in crate::checks::tls) struct Attempt {
    /// Counts up from 1, in the order of sending.
    pub(super) id: u32,
    /// How long to wait before it is sent.
    pub(super) pause: Duration,
    pub(super) request: Request,
    pub(super) question: ScanQuestion,
    pub(super) tries: u32,
    /// The exchange right before it was answered, and nothing else is under way.
    pub(super) after_good: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Scan,
    EndOfLongList,
    StillAnswers,
    Done,
}

/// The lists of suites of one version.
#[derive(Debug, Default)]
pub(super) struct SuiteLists {
    /// Not asked yet.
    pub(super) unasked: Vec<Vec<u16>>,
    /// Being asked.
    pub(super) pending: u32,
}

/// The state of a scan.
#[derive(Debug)]
pub(in crate::checks::tls) struct Plan {
    pub(super) sni: Option<String>,
    /// Asked as soon as there is room.
    pub(super) queue: VecDeque<ScanQuestion>,
    /// Asked with nothing else under way, each with its tries so far.
    pub(super) alone: VecDeque<(ScanQuestion, u32)>,
    under_way: u32,
    pub(super) suite_lists: BTreeMap<Version, SuiteLists>,
    pub(super) scan: ScanResult,
    /// Suites chosen by orders of ours: forwards, backwards.
    pub(super) suite_orders: BTreeMap<Version, [Option<u16>; 2]>,
    pub(super) groups_begun: bool,
    pub(super) properties_begun: bool,
    /// Refused questions by the attempt, for doubts at the end.
    pub(super) refusals: Vec<(u32, ScanQuestion)>,
    pub(super) last_good: u32,
    silent: u32,
    pub(super) checking_alive: bool,
    /// Closed on again, alone; whether that was a refusal, the check that is due will tell.
    pub(super) suspects: Vec<Attempt>,
    pub(super) flaky: u32,
    /// Hellos of TLS 1.3 have key shares: this server cannot ask for them.
    pub(super) key_shares: bool,
    pub(super) in_short_lists: bool,
    pub(super) stage: Stage,
    pub(super) reads_long_lists: bool,
    pub(super) halted: Option<String>,
}

/// All suites of a version, the popular ones first.
fn all(version: Version) -> impl Iterator<Item = u16> {
    suites().iter().filter(move |suite| suite.is_tls13() == (version == Version::Tls13)).map(|suite| suite.number)
}

/// Short lists of a version, the popular suites first, without those known to be taken.
pub(super) fn short_lists(version: Version, without: &[u16]) -> Vec<Vec<u16>> {
    let left: Vec<u16> = all(version).filter(|number| !without.contains(number)).collect();
    left.chunks(SHORT_LIST).map(<[u16]>::to_vec).collect()
}

/// Long lists of a version, the popular suites dealt evenly among them.
pub(super) fn long_lists(version: Version) -> Vec<Vec<u16>> {
    let all: Vec<u16> = all(version).collect();
    let lists = all.len().div_ceil(LONG_LIST);
    let list = |start: usize| all.iter().copied().skip(start).step_by(lists).collect();
    (0..lists).map(list).collect()
}

impl Plan {
    /// A plan for a server named `sni`.
    pub(in crate::checks::tls) fn new(sni: Option<String>) -> Self {
        let mut plan = Self {
            sni,
            queue: VecDeque::new(),
            alone: VecDeque::new(),
            under_way: 0,
            suite_lists: BTreeMap::new(),
            scan: ScanResult::default(),
            suite_orders: BTreeMap::new(),
            groups_begun: false,
            properties_begun: false,
            refusals: Vec::new(),
            last_good: 0,
            silent: 0,
            checking_alive: false,
            suspects: Vec::new(),
            flaky: 0,
            key_shares: false,
            in_short_lists: false,
            stage: Stage::Scan,
            reads_long_lists: false,
            halted: None,
        };
        // Newest first: most servers take it, so its answers lead on soonest.
        for version in Version::ALL.into_iter().rev() {
            plan.begin(version, long_lists(version));
        }
        plan
    }

    pub(super) fn begin(&mut self, version: Version, lists: Vec<Vec<u16>>) {
        let mut lists = lists.into_iter();
        let Some(left) = lists.next() else { return };
        self.suite_lists.entry(version).or_default().unasked = lists.collect();
        self.enqueue_list(version, left);
    }

    /// The next question, if one may be sent now. `None` while answers are awaited, and for good when all is done.
    pub(in crate::checks::tls) fn next(&mut self) -> Option<Attempt> {
        if self.queue.is_empty() && self.alone.is_empty() && self.under_way == 0 {
            self.next_stage();
        }
        if self.scan.connections >= MAX_CONNECTIONS {
            self.halt(&format!("{MAX_CONNECTIONS} connections were not enough"));
        }
        let (question, tries) = match self.queue.pop_front() {
            Some(question) => (question, 0),
            // What went wrong beside others is tried again alone.
            None if self.under_way == 0 => self.alone.pop_front()?,
            None => return None,
        };
        let after_good = self.under_way == 0 && self.last_good == self.scan.connections;
        self.under_way += 1;
        self.scan.connections += 1;
        let pause = if tries == 0 { Duration::ZERO } else { Duration::from_millis(50 << (2 * tries.min(3))) };
        let request = question.request(self.sni.as_deref(), self.key_shares);
        Some(Attempt { id: self.scan.connections, pause, request, question, tries, after_good })
    }

    /// Takes the answer to an attempt.
    pub(in crate::checks::tls) fn record_answer(&mut self, attempt: Attempt, answer: HelloAnswer) {
        self.under_way -= 1;
        if self.scan.suites.is_empty() {
            self.keep_refusal(&answer);
        }
        match answer {
            // The connection broke before the group was named.
            HelloAnswer::Flight(flight)
                if matches!(attempt.question, ScanQuestion::Groups { .. }) && flight.cut_short() =>
            {
                self.unanswered(attempt, &HelloAnswer::Flight(flight));
            }
            HelloAnswer::Flight(flight) => {
                self.count_answer(&attempt);
                self.last_good = self.last_good.max(attempt.id);
                self.hello_accepted(attempt, &flight);
            }
            // internal_error may be the server's load.
            HelloAnswer::Alert(alert) if alert.0 != 80 || attempt.tries + 1 >= MAX_TRIES => {
                self.count_answer(&attempt);
                self.refused(attempt, alert.0);
            }
            HelloAnswer::Closed if attempt.tries > 0 && attempt.question.is_question() => self.suspect(attempt),
            other => self.unanswered(attempt, &other),
        }
        self.enqueue_follow_ups();
    }

    /// Takes the chain of a [`Request::CertificateProbe`].
    pub(in crate::checks::tls) fn record_chain(&mut self, attempt: &Attempt, chain: &[Vec<u8>]) {
        self.under_way -= 1;
        self.count_answer(attempt);
        self.last_good = self.last_good.max(attempt.id);
        if let ScanQuestion::CertificateProbe { sni, .. } = attempt.question {
            self.scan.record_chain(chain, sni, Version::Tls13);
        }
    }

    /// Asks nothing more; the rest is unknown. For a caller whose time is up.
    pub(in crate::checks::tls) fn halt(&mut self, why: &str) {
        if self.halted.is_none() {
            self.halted = Some(why.to_owned());
        }
        let queued = self.queue.drain(..).collect::<Vec<_>>();
        let alone = self.alone.drain(..).map(|(question, _)| question).collect::<Vec<_>>();
        for question in queued.into_iter().chain(alone) {
            self.give_up(&question, why);
        }
        for version in Version::ALL {
            self.enqueue_unasked(version);
        }
    }

    /// A question whose connection is given up by the caller.
    pub(in crate::checks::tls) fn abandon(&mut self, attempt: &Attempt, why: &str) {
        self.under_way -= 1;
        self.give_up(&attempt.question, why);
    }
}

impl Plan {
    /// Asks as soon as there is room; after a halt, nothing.
    pub(super) fn enqueue(&mut self, question: ScanQuestion) {
        match self.halted.clone() {
            Some(why) => self.give_up(&question, &why),
            None => self.queue.push_back(question),
        }
    }

    /// Asks alone.
    pub(super) fn enqueue_alone(&mut self, question: ScanQuestion) {
        match self.halted.clone() {
            Some(why) => self.give_up(&question, &why),
            None => self.alone.push_back((question, 0)),
        }
    }

    fn count_answer(&mut self, attempt: &Attempt) {
        self.silent = 0;
        self.flaky += u32::from(attempt.tries > 0);
    }

    /// Until a hello is taken, keeps the most telling answer.
    fn keep_refusal(&mut self, answer: &HelloAnswer) {
        let weight = |answer: &HelloAnswer| match answer {
            HelloAnswer::Flight(_) => 6,
            HelloAnswer::Alert(_) => 5,
            HelloAnswer::NotTls(_) => 4,
            HelloAnswer::Closed => 3,
            HelloAnswer::Reset => 2,
            HelloAnswer::Unconnected(_) => 1,
            HelloAnswer::Timeout => 0,
        };
        if self.scan.refusal.as_ref().is_none_or(|known| weight(answer) > weight(known)) {
            self.scan.refusal = Some(answer.clone());
        }
    }

    fn unanswered(&mut self, attempt: Attempt, answer: &HelloAnswer) {
        self.silent += 1;
        let why = describe(answer);
        if let Some(halted) = self.halted.clone() {
            self.give_up(&attempt.question, &halted);
        } else if attempt.tries + 1 < MAX_TRIES {
            self.alone.push_back((attempt.question, attempt.tries + 1));
        } else {
            self.give_up(&attempt.question, &why);
        }
        if self.silent >= MAX_SILENT && !self.check_alive() {
            self.halt(&format!("no answer to {MAX_SILENT} questions in a row ({why})"));
        }
    }

    /// Closed on again. That is a refusal only by a server that still answers what it took before.
    fn suspect(&mut self, attempt: Attempt) {
        if self.halted.is_none() && self.check_alive() {
            self.suspects.push(attempt);
        } else {
            self.silent = 0;
            self.refused(attempt, 0);
        }
    }

    /// Asks next whether the server still answers; false when nothing is known that it would answer.
    fn check_alive(&mut self) -> bool {
        if self.checking_alive || self.halted.is_some() {
            return true;
        }
        let known_good = self.known_good(Purpose::StillAnswers);
        self.checking_alive = known_good.is_some();
        self.alone.extend(known_good.map(|question| (question, 0)));
        self.alone.rotate_right(usize::from(self.checking_alive));
        self.checking_alive
    }

    /// A question that stays open.
    pub(super) fn give_up(&mut self, question: &ScanQuestion, why: &str) {
        match question {
            ScanQuestion::Property { purpose: Purpose::StillAnswers, .. } => {
                self.checking_alive = false;
                let why = format!("the server does not answer any more ({why})");
                for suspect in std::mem::take(&mut self.suspects) {
                    self.give_up(&suspect.question, &why);
                }
                if self.halted.is_none() {
                    self.halt(&why);
                }
                return;
            }
            ScanQuestion::Property { purpose: Purpose::EndOfLongList, .. } => return,
            // That such a hello is not answered is what is asked. Whether others are, the end of the scan tells.
            ScanQuestion::Property { purpose: Purpose::SplitHello, .. } if self.halted.is_none() => {
                self.scan.split_hello = Some(false);
                self.scan.note(format!("a hello in two TCP segments: {why}"));
                return;
            }
            ScanQuestion::Property { purpose: Purpose::LargeHello, .. } if self.halted.is_none() => {
                self.scan.large_hello = Some(false);
                self.scan.note(format!("a hello larger than a segment: {why}"));
                return;
            }
            ScanQuestion::Suites { version, left } => {
                let (version, left) = (*version, left.clone());
                self.list_ended(version);
                if self.halted.is_none() && left.len() > SHORT_LIST && self.scan.suites.contains_key(&version) {
                    // One suite may be what the server trips over.
                    self.enqueue_pieces(version, &left);
                    return;
                }
                self.scan.incomplete_suites.insert(version);
                if let Some(lists) = self.suite_lists.get_mut(&version)
                    && !self.scan.suites.contains_key(&version)
                {
                    // The version is unknown already; more silence would not make it better known.
                    lists.unasked.clear();
                }
            }
            _ => {}
        }
        self.scan.unknown.push(format!("{} ({why})", question.subject()));
    }
}
