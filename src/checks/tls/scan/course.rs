//! Lists of suites on their course: what an answer to one leads to.

use super::job::{Job, Purpose};
use super::plan::{Ask, Plan, SHORT, Stage};
use crate::proto::tls::hello::{Answer, Flight, Suite, Version, suite, suite_name};

impl Plan {
    /// The server took something.
    pub(super) fn chosen(&mut self, ask: Ask, flight: &Flight) {
        let Some(hello) = &flight.hello else { return };
        match ask.job {
            Job::Suites { version, .. } if hello.version != version => {
                // It took an older version instead, which refuses this one.
                if !self.scan.suites.contains_key(&version) {
                    self.shut(version);
                }
                self.closed(version);
            }
            Job::Suites { version, left } if !left.contains(&hello.suite) => self.unlisted(version, &left, hello.suite),
            Job::Suites { version, left } => {
                match flight.alert {
                    None => {
                        self.scan.keep(flight, true);
                        self.took(version, hello.suite, flight.group());
                    }
                    Some(alert) => {
                        let (version, suite) = (version.word(), suite_name(hello.suite));
                        self.scan.note(format!(
                            "{version}: the server chose {suite}, and then gave up with {}",
                            alert.word()
                        ));
                        self.open_rest(hello.version);
                    }
                }
                let left: Vec<u16> = left.into_iter().filter(|number| *number != hello.suite).collect();
                self.closed(version);
                if !left.is_empty() {
                    self.list(version, left);
                }
            }
            // A suite that was not offered, where a refusal is due: see `unlisted`.
            Job::Groups { version, suites, .. } if !suites.contains(&hello.suite) => self.groups_done(version),
            // Some look for a group only after the suite.
            Job::Groups { version, .. } if flight.alert.is_some() => self.groups_done(version),
            Job::Groups { version, suites, left, anchor } => {
                self.scan.keep(flight, true);
                self.group_chosen(version, suites, left, anchor, flight.group());
            }
            Job::Served { .. } => {}
            Job::Once { purpose: Purpose::Control, .. } => {
                self.checking = false;
                for suspect in std::mem::take(&mut self.suspects) {
                    self.cleared(suspect, ask.id);
                }
                if self.stage == Stage::Control {
                    self.again_in_short_lists();
                }
            }
            Job::Once { purpose: Purpose::Needle, version, .. } => {
                let taken = self.scan.suites.get(&version);
                self.needle = taken.is_some_and(|taken| taken.contains(&hello.suite));
            }
            Job::Once { purpose, version, suites } => self.once(&purpose, version, &suites, flight),
        }
    }

    /// The server answers, right after it closed on `suspect`. If it did so right before as well, the close was a refusal.
    fn cleared(&mut self, suspect: Ask, check: u32) {
        if suspect.after_good && suspect.id + 1 == check {
            self.refused(suspect, 0);
        } else {
            self.slow.push_front((suspect.job, suspect.tries));
        }
    }

    /// The server refused; `alert` is 0 for a close.
    pub(super) fn refused(&mut self, ask: Ask, alert: u8) {
        let doubt = ask.job.clone();
        match ask.job {
            Job::Suites { version, left } => {
                let taken = self.scan.suites.contains_key(&version);
                if alert == 70 && !taken {
                    self.shut(version);
                    self.closed(version);
                    return;
                }
                // It may only mind the empty list of shares, or not know how to ask for one.
                if version == Version::Tls13 && !taken && !self.shares {
                    self.shares = true;
                    self.closed(version);
                    self.list(version, left);
                    return;
                }
                if alert == 115 && left.iter().copied().any(srp) {
                    self.unknown_user(version, left);
                    return;
                }
                self.closed(version);
                self.refused_list(version);
            }
            Job::Groups { version, .. } => {
                self.groups_done(version);
            }
            Job::Once { purpose: Purpose::Needle, .. } => return,
            Job::Once { purpose: Purpose::Control, .. } => {
                self.give_up(&doubt, "it refuses what it took before");
                return;
            }
            Job::Once { purpose, .. } => {
                self.once_refused(&purpose, alert);
                if self.scan.fallback == Some(true) && purpose == Purpose::Fallback {
                    return;
                }
            }
            Job::Served { .. } => {}
        }
        self.refusals.push((ask.id, doubt));
    }

    /// One list was refused, so the others may not be. A server that closes on everything, long and short, and never said a word
    /// of TLS, is not asked for the rest.
    fn refused_list(&mut self, version: Version) {
        let mute = self.scan.suites.is_empty() && self.scan.rebuff == Some(Answer::Closed);
        match self.courses.get_mut(&version) {
            Some(course) if self.short && mute => course.rest.clear(),
            _ => self.open_rest(version),
        }
    }

    /// The first suite of a version opens its other lists.
    fn took(&mut self, version: Version, suite: u16, group: Option<u16>) {
        let first = !self.scan.suites.contains_key(&version);
        let taken = self.scan.suites.entry(version).or_default();
        if !taken.contains(&suite) {
            taken.push(suite);
        }
        if first {
            self.open_rest(version);
            if version == Version::Tls13 {
                self.begin_tls13(suite, group);
            }
        }
    }

    /// The server chose what was not offered, so it does not read the list, or not all of it.
    fn unlisted(&mut self, version: Version, left: &[u16], suite: u16) {
        self.scan.note(format!("{}: the server chose {}, which was not offered", version.word(), suite_name(suite)));
        self.closed(version);
        if left.len() > SHORT {
            self.pieces(version, left);
        }
        self.open_rest(version);
    }

    /// `unknown_psk_identity` in answer to a list with SRP: it would take one, for a user it knows.
    fn unknown_user(&mut self, version: Version, left: Vec<u16>) {
        let (known, left): (Vec<u16>, Vec<u16>) = left.into_iter().partition(|number| srp(*number));
        self.scan.open_suites.insert(version);
        let job = Job::Suites { version, left: known };
        self.scan.unknown.push(format!("{} (shown only for a user the server knows)", job.says()));
        self.closed(version);
        self.list(version, left);
    }

    /// In pieces, one after the other: one suite may be what the server trips over.
    pub(super) fn pieces(&mut self, version: Version, left: &[u16]) {
        for piece in left.chunks(SHORT) {
            self.courses.entry(version).or_default().open += 1;
            self.push_slow(Job::Suites { version, left: piece.to_vec() });
        }
    }

    /// Asks one list.
    pub(super) fn list(&mut self, version: Version, left: Vec<u16>) {
        self.courses.entry(version).or_default().open += 1;
        self.push(Job::Suites { version, left });
    }

    /// One list of a version is done.
    pub(super) fn closed(&mut self, version: Version) {
        if let Some(course) = self.courses.get_mut(&version) {
            course.open = course.open.saturating_sub(1);
        }
    }

    /// Asks the other lists of a version.
    pub(super) fn open_rest(&mut self, version: Version) {
        let rest = self.courses.get_mut(&version).map(|course| std::mem::take(&mut course.rest));
        for left in rest.unwrap_or_default() {
            self.list(version, left);
        }
    }

    /// No more is asked of a version.
    fn shut(&mut self, version: Version) {
        let before = self.quick.len() + self.slow.len();
        let other = |job: &Job| !matches!(job, Job::Suites { version: of, .. } if *of == version);
        self.quick.retain(other);
        self.slow.retain(|(job, _)| other(job));
        for _ in self.quick.len() + self.slow.len()..before {
            self.closed(version);
        }
        if let Some(course) = self.courses.get_mut(&version) {
            course.rest.clear();
        }
    }

    /// All lists of a version are done.
    pub(super) fn done(&self, version: Version) -> bool {
        self.courses.get(&version).is_none_or(|course| course.open == 0 && course.rest.is_empty())
    }

    /// It is known whether the server takes this version.
    pub(super) fn decided(&self, version: Version) -> bool {
        self.scan.suites.contains_key(&version) || self.done(version)
    }
}

fn srp(number: u16) -> bool {
    suite(number).is_some_and(Suite::is_srp)
}
