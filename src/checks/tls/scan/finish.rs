//! The end of a scan: does the server still answer, did it read long lists, and what follows if not.

use std::collections::BTreeSet;

use super::plan::{LONG_LIST, Plan, SHORT_LIST, Stage, short_lists};
use super::question::{Purpose, ScanQuestion};
use super::result::{ScanResult, VersionSupport};
use crate::model::count::counted;
use crate::proto::tls::hello::{Version, suites};

/// Attempts that may be under way before one that was answered; a refusal so shortly before the end is in doubt.
const OVERLAP: u32 = 16;
/// Answers only at another try: from so many on, together with a tenth of all, the connection itself is in doubt.
const FLAKY: u32 = 3;

impl Plan {
    /// Nothing is under way or waiting: the next stage.
    pub(super) fn next_stage(&mut self) {
        self.stage = match self.stage {
            _ if self.halted.is_some() => Stage::Done,
            Stage::Scan if self.scan.suites.is_empty() => {
                if self.begin_in_short_lists() {
                    return;
                }
                Stage::Done
            }
            Stage::Scan => {
                let last =
                    if self.in_short_lists { self.known_good(Purpose::EndOfLongList) } else { self.end_of_long_list() };
                self.queue.extend(last);
                Stage::EndOfLongList
            }
            Stage::EndOfLongList if self.reads_long_lists => Stage::Done,
            Stage::EndOfLongList => {
                self.queue.extend(self.known_good(Purpose::StillAnswers));
                Stage::StillAnswers
            }
            Stage::StillAnswers | Stage::Done => Stage::Done,
        };
        if self.stage == Stage::Done {
            self.doubt_late_refusals();
        }
    }

    /// No list was taken, and perhaps none was read: begins again with short ones.
    fn begin_in_short_lists(&mut self) -> bool {
        let open = self.refused_versions();
        if self.in_short_lists || open.is_empty() {
            return false;
        }
        self.in_short_lists = true;
        for version in open.into_iter().rev() {
            self.begin(version, short_lists(version, &[]));
        }
        true
    }

    /// It answers, but does not find what it knows in a long list: what it refused is asked again in short ones.
    pub(super) fn repeat_in_short_lists(&mut self) {
        if self.in_short_lists {
            return;
        }
        (self.in_short_lists, self.stage) = (true, Stage::Scan);
        self.scan.note(format!(
            "the server does not read lists of {LONG_LIST} suites to their end: all again, {SHORT_LIST} at a time"
        ));
        for version in self.refused_versions() {
            let taken = self.scan.suites.get(&version).cloned().unwrap_or_default();
            self.begin(version, short_lists(version, &taken));
            self.enqueue_unasked(version);
        }
    }

    /// Versions of which lists were refused by something else than the version.
    fn refused_versions(&self) -> BTreeSet<Version> {
        let version = |question: &ScanQuestion| match question {
            ScanQuestion::Suites { version, .. } => Some(*version),
            _ => None,
        };
        self.refusals.iter().filter_map(|(_, question)| version(question)).collect()
    }

    /// A suite that works, last in a long list of those that do not.
    fn end_of_long_list(&self) -> Option<ScanQuestion> {
        let version = self.scan.newest(Version::Tls12).or_else(|| self.scan.newest(Version::Tls13))?;
        let taken = self.scan.suites.get(&version)?;
        let hay = suites().iter().map(|suite| suite.number).filter(|number| !taken.contains(number));
        let suites = hay.take(LONG_LIST - 1).chain(taken.first().copied()).collect();
        Some(ScanQuestion::Property { purpose: Purpose::EndOfLongList, version, suites })
    }

    /// Suites that were taken before, and nothing else.
    pub(super) fn known_good(&self, purpose: Purpose) -> Option<ScanQuestion> {
        let version = self.scan.newest(Version::Tls13)?;
        let suites = self.scan.suites.get(&version)?.clone();
        Some(ScanQuestion::Property { purpose, version, suites })
    }

    /// When the server stopped answering: its last refusals may be none.
    fn doubt_late_refusals(&mut self) {
        let Some(why) = self.halted.clone() else { return };
        self.scan.split_hello = self.scan.split_hello.filter(|takes| *takes);
        self.scan.large_hello = self.scan.large_hello.filter(|takes| *takes);
        for (id, question) in std::mem::take(&mut self.refusals) {
            if id + OVERLAP > self.last_good {
                match &question {
                    ScanQuestion::Groups { version, .. } => {
                        self.scan.complete_groups.remove(version);
                    }
                    ScanQuestion::Property { purpose: Purpose::Compression, .. } => self.scan.compression = None,
                    _ => {}
                }
                self.give_up(&question, &why);
            }
        }
    }

    /// The result. Call it when [`Plan::next`] has nothing and nothing is under way.
    pub(in crate::checks::tls) fn finish(mut self) -> ScanResult {
        for version in self.suite_lists.keys().copied().collect::<Vec<_>>() {
            let open = self.scan.incomplete_suites.contains(&version) || !self.lists_done(version);
            let support = match (self.scan.suites.contains_key(&version), open) {
                (true, _) => VersionSupport::Offered,
                (false, true) => VersionSupport::Unknown,
                (false, false) => VersionSupport::Refused,
            };
            self.scan.versions.insert(version, support);
        }
        if self.scan.suites.is_empty() {
            self.scan.versions.clear();
        }
        if self.flaky >= FLAKY && self.flaky * 10 >= self.scan.connections {
            let (flaky, all) = (self.flaky, self.scan.connections);
            self.scan.unknown.push(format!(
                "the connection itself: {} over {} got an answer only at another try",
                counted(flaky, "question"),
                counted(all, "connection")
            ));
        }
        self.scan.conclude();
        self.scan
    }
}
