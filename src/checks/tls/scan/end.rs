//! The end of a scan: does the server still answer, did it read long lists, and what follows if not.

use std::collections::BTreeSet;

use super::job::{Job, Purpose};
use super::plan::{CHUNK, Plan, SHORT, Stage, short};
use super::seen::{Scan, Standing};
use crate::proto::tls::hello::{Version, suites};

/// Asks that may be under way before one that was answered; what was refused so shortly before the end is in doubt.
const OVERLAP: u32 = 16;
/// Answers only at another try: from so many on, together with a tenth of all, the connection itself is in doubt.
const FLAKY: u32 = 3;

impl Plan {
    /// Nothing is under way or waiting: the next stage.
    pub(super) fn advance(&mut self) {
        self.stage = match self.stage {
            _ if self.halted.is_some() => Stage::Done,
            Stage::Scan if self.scan.suites.is_empty() => {
                if self.none_was_read() {
                    return;
                }
                Stage::Done
            }
            Stage::Scan => {
                let last = if self.short { self.control(Purpose::Needle) } else { self.needle() };
                self.quick.extend(last);
                Stage::Needle
            }
            Stage::Needle if self.needle => Stage::Done,
            Stage::Needle => {
                self.quick.extend(self.control(Purpose::Control));
                Stage::Control
            }
            Stage::Control | Stage::Done => Stage::Done,
        };
        if self.stage == Stage::Done {
            self.doubt();
        }
    }

    /// No list was taken, and perhaps none was read: begins again with short ones.
    fn none_was_read(&mut self) -> bool {
        let open = self.refused_versions();
        if self.short || open.is_empty() {
            return false;
        }
        self.short = true;
        for version in open.into_iter().rev() {
            self.begin(version, short(version, &[]));
        }
        true
    }

    /// It answers, but does not find what it knows in a long list: what it refused is asked again in short ones.
    pub(super) fn again_in_short_lists(&mut self) {
        if self.short {
            return;
        }
        (self.short, self.stage) = (true, Stage::Scan);
        self.scan.note(format!(
            "the server does not read lists of {CHUNK} suites to their end: all again, {SHORT} at a time"
        ));
        for version in self.refused_versions() {
            let taken = self.scan.suites.get(&version).cloned().unwrap_or_default();
            self.begin(version, short(version, &taken));
            self.open_rest(version);
        }
    }

    /// Versions of which lists were refused by something else than the version.
    fn refused_versions(&self) -> BTreeSet<Version> {
        let version = |job: &Job| match job {
            Job::Suites { version, .. } => Some(*version),
            _ => None,
        };
        self.refusals.iter().filter_map(|(_, job)| version(job)).collect()
    }

    /// A suite that works, last in a long list of those that do not.
    fn needle(&self) -> Option<Job> {
        let version = self.scan.newest(Version::Tls12).or_else(|| self.scan.newest(Version::Tls13))?;
        let taken = self.scan.suites.get(&version)?;
        let hay = suites().iter().map(|suite| suite.number).filter(|number| !taken.contains(number));
        let suites = hay.take(CHUNK - 1).chain(taken.first().copied()).collect();
        Some(Job::Once { purpose: Purpose::Needle, version, suites })
    }

    /// What worked before, alone.
    pub(super) fn control(&self, purpose: Purpose) -> Option<Job> {
        let version = self.scan.newest(Version::Tls13)?;
        let suites = self.scan.suites.get(&version)?.clone();
        Some(Job::Once { purpose, version, suites })
    }

    /// After a server that stopped answering: what it refused lately may be no refusal.
    fn doubt(&mut self) {
        let Some(why) = self.halted.clone() else { return };
        self.scan.halves = self.scan.halves.filter(|takes| *takes);
        self.scan.large = self.scan.large.filter(|takes| *takes);
        for (id, job) in std::mem::take(&mut self.refusals) {
            if id + OVERLAP > self.last_good {
                match &job {
                    Job::Groups { version, .. } => {
                        self.scan.whole_groups.remove(version);
                    }
                    Job::Once { purpose: Purpose::Deflate, .. } => self.scan.compression = None,
                    _ => {}
                }
                self.give_up(&job, &why);
            }
        }
    }

    /// The result. Call it when [`Plan::next`] has nothing and nothing is under way.
    pub(in crate::checks::tls) fn finish(mut self) -> Scan {
        for version in self.courses.keys().copied().collect::<Vec<_>>() {
            let open = self.scan.open_suites.contains(&version) || !self.done(version);
            let standing = match (self.scan.suites.contains_key(&version), open) {
                (true, _) => Standing::Offered,
                (false, true) => Standing::Unknown,
                (false, false) => Standing::Refused,
            };
            self.scan.versions.insert(version, standing);
        }
        if self.scan.suites.is_empty() {
            self.scan.versions.clear();
        }
        if self.flaky >= FLAKY && self.flaky * 10 >= self.scan.connections {
            let (flaky, all) = (self.flaky, self.scan.connections);
            self.scan.unknown.push(format!(
                "the connection itself: {flaky} questions over {all} connections were answered only at another try"
            ));
        }
        self.scan.conclude();
        self.scan
    }
}
