//! Suites by removal: what an answer to a list of them leads to.

use super::plan::{Attempt, Plan, SHORT_LIST, Stage};
use super::question::{Purpose, ScanQuestion};
use crate::proto::tls::hello::{Flight, HelloAnswer, Suite, Version, suite, suite_name};

impl Plan {
    /// The server took a hello.
    pub(super) fn hello_accepted(&mut self, attempt: Attempt, flight: &Flight) {
        let Some(hello) = &flight.hello else { return };
        match attempt.question {
            ScanQuestion::Suites { version, .. } if hello.version != version => {
                // It took an older version instead, which refuses this one.
                if !self.scan.suites.contains_key(&version) {
                    self.drop_version(version);
                }
                self.list_ended(version);
            }
            ScanQuestion::Suites { version, left } if !left.contains(&hello.suite) => {
                self.unoffered_suite(version, &left, hello.suite);
            }
            ScanQuestion::Suites { version, left } => {
                match flight.alert {
                    None => {
                        self.scan.record_flight(flight, true);
                        self.suite_accepted(version, hello.suite, flight.group());
                    }
                    Some(alert) => {
                        let (version, suite) = (version.word(), suite_name(hello.suite));
                        self.scan.note(format!(
                            "{version}: the server chose {suite}, and then gave up with {}",
                            alert.word()
                        ));
                        self.enqueue_unasked(hello.version);
                    }
                }
                let left: Vec<u16> = left.into_iter().filter(|number| *number != hello.suite).collect();
                self.list_ended(version);
                if !left.is_empty() {
                    self.enqueue_list(version, left);
                }
            }
            // A suite that was not offered, where a refusal is due: see `unoffered_suite`.
            ScanQuestion::Groups { version, suites, .. } if !suites.contains(&hello.suite) => self.groups_done(version),
            // Some look for a group only after the suite.
            ScanQuestion::Groups { version, .. } if flight.alert.is_some() => self.groups_done(version),
            ScanQuestion::Groups { version, suites, left, certificate_curve } => {
                self.scan.record_flight(flight, true);
                self.group_accepted(version, suites, left, certificate_curve, flight.group());
            }
            ScanQuestion::CertificateProbe { .. } => {}
            ScanQuestion::Property { purpose: Purpose::StillAnswers, .. } => {
                self.checking_alive = false;
                for suspect in std::mem::take(&mut self.suspects) {
                    self.clear_suspect(suspect, attempt.id);
                }
                if self.stage == Stage::StillAnswers {
                    self.repeat_in_short_lists();
                }
            }
            ScanQuestion::Property { purpose: Purpose::EndOfLongList, version, .. } => {
                let taken = self.scan.suites.get(&version);
                self.reads_long_lists = taken.is_some_and(|taken| taken.contains(&hello.suite));
            }
            ScanQuestion::Property { purpose, version, suites } => {
                self.property_accepted(&purpose, version, &suites, flight);
            }
        }
    }

    /// The server answers, right after it closed on `suspect`. If it did so right before as well, the close was a refusal.
    fn clear_suspect(&mut self, suspect: Attempt, check: u32) {
        if suspect.after_good && suspect.id + 1 == check {
            self.refused(suspect, 0);
        } else {
            self.alone.push_front((suspect.question, suspect.tries));
        }
    }

    /// The server refused; `alert` is 0 for a close.
    pub(super) fn refused(&mut self, attempt: Attempt, alert: u8) {
        let doubt = attempt.question.clone();
        match attempt.question {
            ScanQuestion::Suites { version, left } => {
                let taken = self.scan.suites.contains_key(&version);
                if alert == 70 && !taken {
                    self.drop_version(version);
                    self.list_ended(version);
                    return;
                }
                // It may only mind the empty list of shares, or not know how to ask for one.
                if version == Version::Tls13 && !taken && !self.key_shares {
                    self.key_shares = true;
                    self.list_ended(version);
                    self.enqueue_list(version, left);
                    return;
                }
                if alert == 115 && left.iter().copied().any(srp) {
                    self.unknown_srp_user(version, left);
                    return;
                }
                self.list_ended(version);
                self.refused_list(version);
            }
            ScanQuestion::Groups { version, .. } => {
                self.groups_done(version);
            }
            ScanQuestion::Property { purpose: Purpose::EndOfLongList, .. } => return,
            ScanQuestion::Property { purpose: Purpose::StillAnswers, .. } => {
                self.give_up(&doubt, "it refuses what it took before");
                return;
            }
            ScanQuestion::Property { purpose, .. } => {
                self.property_refused(&purpose, alert);
                if self.scan.fallback == Some(true) && purpose == Purpose::FallbackScsv {
                    return;
                }
            }
            ScanQuestion::CertificateProbe { .. } => {}
        }
        self.refusals.push((attempt.id, doubt));
    }

    /// One list was refused, so the others may not be. A server that closes on everything, long and short, and never said a word
    /// of TLS, is not asked for the rest.
    fn refused_list(&mut self, version: Version) {
        let mute = self.scan.suites.is_empty() && self.scan.refusal == Some(HelloAnswer::Closed);
        match self.suite_lists.get_mut(&version) {
            Some(lists) if self.in_short_lists && mute => lists.unasked.clear(),
            _ => self.enqueue_unasked(version),
        }
    }

    /// The first suite of a version opens its other lists.
    fn suite_accepted(&mut self, version: Version, suite: u16, group: Option<u16>) {
        let first = !self.scan.suites.contains_key(&version);
        let taken = self.scan.suites.entry(version).or_default();
        if !taken.contains(&suite) {
            taken.push(suite);
        }
        if first {
            self.enqueue_unasked(version);
            if version == Version::Tls13 {
                self.begin_tls13(suite, group);
            }
        }
    }

    /// The server chose what was not offered, so it does not read the list, or not all of it.
    fn unoffered_suite(&mut self, version: Version, left: &[u16], suite: u16) {
        self.scan.note(format!("{}: the server chose {}, which was not offered", version.word(), suite_name(suite)));
        self.list_ended(version);
        if left.len() > SHORT_LIST {
            self.enqueue_pieces(version, left);
        }
        self.enqueue_unasked(version);
    }

    /// `unknown_psk_identity` in answer to a list with SRP: it would take one, for a user it knows.
    fn unknown_srp_user(&mut self, version: Version, left: Vec<u16>) {
        let (known, left): (Vec<u16>, Vec<u16>) = left.into_iter().partition(|number| srp(*number));
        self.scan.incomplete_suites.insert(version);
        let question = ScanQuestion::Suites { version, left: known };
        self.scan.unknown.push(format!("{} (shown only for a user the server knows)", question.subject()));
        self.list_ended(version);
        self.enqueue_list(version, left);
    }

    /// In pieces, one after the other: one suite may be what the server trips over.
    pub(super) fn enqueue_pieces(&mut self, version: Version, left: &[u16]) {
        for piece in left.chunks(SHORT_LIST) {
            self.suite_lists.entry(version).or_default().pending += 1;
            self.enqueue_alone(ScanQuestion::Suites { version, left: piece.to_vec() });
        }
    }

    /// Asks one list.
    pub(super) fn enqueue_list(&mut self, version: Version, left: Vec<u16>) {
        self.suite_lists.entry(version).or_default().pending += 1;
        self.enqueue(ScanQuestion::Suites { version, left });
    }

    /// One list of a version is done.
    pub(super) fn list_ended(&mut self, version: Version) {
        if let Some(lists) = self.suite_lists.get_mut(&version) {
            lists.pending = lists.pending.saturating_sub(1);
        }
    }

    /// Asks the other lists of a version.
    pub(super) fn enqueue_unasked(&mut self, version: Version) {
        let rest = self.suite_lists.get_mut(&version).map(|lists| std::mem::take(&mut lists.unasked));
        for left in rest.unwrap_or_default() {
            self.enqueue_list(version, left);
        }
    }

    /// No more is asked of a version.
    fn drop_version(&mut self, version: Version) {
        let before = self.queue.len() + self.alone.len();
        let other =
            |question: &ScanQuestion| !matches!(question, ScanQuestion::Suites { version: of, .. } if *of == version);
        self.queue.retain(other);
        self.alone.retain(|(question, _)| other(question));
        for _ in self.queue.len() + self.alone.len()..before {
            self.list_ended(version);
        }
        if let Some(lists) = self.suite_lists.get_mut(&version) {
            lists.unasked.clear();
        }
    }

    /// All lists of a version are done.
    pub(super) fn lists_done(&self, version: Version) -> bool {
        self.suite_lists.get(&version).is_none_or(|lists| lists.pending == 0 && lists.unasked.is_empty())
    }

    /// It is known whether the server takes this version.
    pub(super) fn version_decided(&self, version: Version) -> bool {
        self.scan.suites.contains_key(&version) || self.lists_done(version)
    }
}

fn srp(number: u16) -> bool {
    suite(number).is_some_and(Suite::is_srp)
}
