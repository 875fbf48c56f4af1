//! Beside lists of suites: groups, whose order counts, certificates, and properties that take one hello each.

use super::job::{Job, Purpose};
use super::plan::Plan;
use super::seen::{Preference, Scan, Standing};
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::certificate_probe::{self, KeyClass};
use crate::proto::tls::hello::{Answer, Auth, Flight, Suite, Version, group_named, groups, suites};

/// Suites in a hello without SNI: the popular ones of one sort of certificate.
const BARE: usize = 60;

impl Plan {
    /// Begins whatever the answers so far make possible.
    pub(super) fn spread(&mut self) {
        if self.halted.is_some() {
            return;
        }
        for version in Version::ALL {
            let several = self.scan.suites.get(&version).filter(|suites| suites.len() > 1).cloned();
            if let Some(suites) = several.filter(|_| self.done(version))
                && !self.orders.contains_key(&version)
            {
                self.orders.insert(version, [None; 2]);
                for backwards in [false, true] {
                    let purpose = Purpose::Order { backwards };
                    self.push(Job::Once { purpose, version, suites: suites.clone() });
                }
            }
        }
        if Version::ALL.iter().all(|version| self.decided(*version)) && !self.scan.suites.is_empty() {
            self.begin_curves();
            if !self.extras_begun {
                self.extras_begun = true;
                self.begin_extras();
            }
        }
    }

    /// Groups and certificates of TLS 1.3, whose first suite was just taken, with `group`.
    pub(super) fn begin_tls13(&mut self, suite: u16, group: Option<u16>) {
        let version = Version::Tls13;
        let left = groups(version).into_iter().filter(|number| Some(*number) != group).collect();
        self.push(Job::Groups { version, suites: vec![suite], left, anchor: None });
        for keys in KeyClass::ALL {
            self.push(Job::Served { keys, sni: self.sni.is_some() });
        }
    }

    /// Groups of the newest version up to TLS 1.2. Suites of ECDSA only if there are no others: they need the curve of the
    /// certificate among the groups (RFC 8422, 5.1), so that it can never be taken out.
    fn begin_curves(&mut self) {
        let Some(version) = self.scan.newest(Version::Tls12).filter(|version| *version != Version::Ssl3) else {
            return;
        };
        if self.groups_begun {
            return;
        }
        let (free, bound) = (self.scan.curves(version, false), self.scan.curves(version, true));
        if free.is_empty() && !self.done(version) {
            return;
        }
        self.groups_begun = true;
        let anchor = if free.is_empty() { self.scan.anchor() } else { None };
        let suites = if free.is_empty() { bound } else { free };
        if suites.is_empty() {
            self.scan.whole_groups.insert(version);
            return;
        }
        let left = groups(version).into_iter().filter(|number| Some(*number) != anchor).collect();
        self.push(Job::Groups { version, suites, left, anchor });
    }

    /// The server took a group of a list.
    pub(super) fn group_chosen(
        &mut self,
        version: Version,
        suites: Vec<u16>,
        left: Vec<u16>,
        anchor: Option<u16>,
        group: Option<u16>,
    ) {
        match group {
            Some(group) if left.contains(&group) => {
                let left: Vec<u16> = left.into_iter().filter(|number| *number != group).collect();
                if left.is_empty() {
                    self.groups_done(version);
                } else {
                    self.push(Job::Groups { version, suites, left, anchor });
                }
            }
            // A server that always prefers the anchor takes nothing else from anyone who can connect to it.
            Some(group) if Some(group) == anchor => self.groups_done(version),
            _ => self.give_up(&Job::Groups { version, suites, left, anchor }, "it took a group that was not offered"),
        }
    }

    /// All groups of a version are known.
    pub(super) fn groups_done(&mut self, version: Version) {
        self.scan.whole_groups.insert(version);
        let newest = self.scan.newest(Version::Tls13) == Some(version);
        let anchored = version <= Version::Tls12 && self.scan.curves(version, false).is_empty();
        let known = self.scan.groups.get(&version).cloned().unwrap_or_default();
        let suites = match version {
            Version::Tls13 => self.scan.suites.get(&version).cloned().unwrap_or_default(),
            _ => self.scan.curves(version, false),
        };
        if newest && !anchored && known.len() > 1 {
            let purpose = Purpose::GroupOrder(known.into_iter().rev().collect());
            self.push(Job::Once { purpose, version, suites });
        }
    }

    fn begin_extras(&mut self) {
        let Some(newest) = self.scan.newest(Version::Tls13) else { return };
        let taken = |version: Version| self.scan.suites.get(&version).cloned().unwrap_or_default();
        let mut jobs = Vec::new();
        let mut once = |purpose, version| jobs.push(Job::Once { purpose, version, suites: taken(version) });
        once(Purpose::Halves, newest);
        once(Purpose::Large, newest);
        // A fallback is to the newest version that can say so, below one that is better.
        let below = self.scan.suites.keys().copied().rfind(|version| *version < newest);
        if let Some(version) = below {
            once(Purpose::Fallback, version);
        }
        let clear = self.scan.newest(Version::Tls12);
        if let Some(version) = clear {
            once(Purpose::Deflate, version);
        }
        if self.sni.is_some() {
            match clear {
                Some(version) => jobs.extend([Auth::Ecdsa, Auth::Rsa].map(|auth| bare(version, auth))),
                None => jobs.extend([KeyClass::Ecdsa, KeyClass::Rsa].map(|keys| Job::Served { keys, sni: false })),
            }
        }
        for job in jobs {
            self.push(job);
        }
    }

    /// The server took the hello of a question that takes one.
    pub(super) fn once(&mut self, purpose: &Purpose, version: Version, suites: &[u16], flight: &Flight) {
        let Some(hello) = &flight.hello else { return };
        match purpose {
            Purpose::Order { backwards } => self.ordered(version, suites, *backwards, hello.suite),
            Purpose::GroupOrder(offered) => {
                let chosen = flight.group();
                self.scan.group_preference = Some(if chosen == offered.last().copied() {
                    Preference::Server
                } else if chosen == offered.first().copied() {
                    Preference::Client
                } else {
                    Preference::Mixed
                });
            }
            Purpose::Deflate => self.scan.compression = Some(hello.compression != 0),
            Purpose::Fallback => self.scan.fallback = Some(false),
            Purpose::Halves => self.scan.halves = Some(true),
            Purpose::Large => self.scan.large = Some(true),
            Purpose::Bare(_) => self.scan.keep(flight, false),
            Purpose::Needle | Purpose::Control => {}
        }
    }

    /// The server refused the hello of a question that takes one.
    pub(super) fn once_refused(&mut self, purpose: &Purpose, alert: u8) {
        let word = if alert == 0 { "a close".to_owned() } else { crate::proto::tls::hello::Alert(alert).word() };
        match purpose {
            Purpose::Deflate => self.scan.compression = Some(false),
            // inappropriate_fallback (RFC 7507, 3).
            Purpose::Fallback if alert == 86 => self.scan.fallback = Some(true),
            Purpose::Fallback => self.scan.note(format!("a hello with the fallback SCSV is answered with {word}")),
            Purpose::Halves => {
                self.scan.halves = Some(false);
                self.scan.note(format!("a hello in two TCP segments is answered with {word}"));
            }
            Purpose::Large => {
                self.scan.large = Some(false);
                self.scan.note(format!("a hello larger than a segment is answered with {word}"));
            }
            _ => {}
        }
    }

    fn ordered(&mut self, version: Version, suites: &[u16], backwards: bool, chosen: u16) {
        let [forwards, reverse] = self.orders.entry(version).or_default();
        *(if backwards { &mut *reverse } else { &mut *forwards }) = Some(chosen);
        if let (Some(forwards), Some(reverse)) = (*forwards, *reverse) {
            let preference = if forwards == reverse {
                Preference::Server
            } else if suites.first() == Some(&forwards) && suites.last() == Some(&reverse) {
                Preference::Client
            } else {
                Preference::Mixed
            };
            self.scan.preference.insert(version, preference);
        }
    }
}

fn bare(version: Version, auth: Auth) -> Job {
    let fits = |suite: &&Suite| suite.auth() == auth;
    let suites = suites().iter().filter(fits).map(|suite| suite.number).take(BARE).collect();
    Job::Once { purpose: Purpose::Bare(auth), version, suites }
}

/// What an answer that decides nothing was, for people.
pub(super) fn reason(answer: &Answer) -> String {
    match answer {
        Answer::Flight(_) => "an answer that was cut short".to_owned(),
        Answer::Alert(alert) => alert.word(),
        Answer::Closed => "closed without a word".to_owned(),
        Answer::Reset => "reset".to_owned(),
        Answer::Timeout => "no answer in time".to_owned(),
        Answer::Unconnected(error) => format!("no connection: {}", error.word()),
        Answer::NotTls(why) => format!("no TLS: {why}"),
    }
}

impl Scan {
    /// The curve of an ECDSA certificate that was shown, as a group.
    fn anchor(&self) -> Option<u16> {
        self.certificates.iter().find_map(|shown| {
            let key = Certificate::parse(shown.chain.first()?)?.key;
            match key.strip_prefix("ECDSA ")? {
                "P-256" => Some(0x0017),
                "P-384" => Some(0x0018),
                "P-521" => Some(0x0019),
                other => group_named(other),
            }
        })
    }

    /// What follows from everything together.
    pub(super) fn conclude(&mut self) {
        let (tls13, offered) = (Version::Tls13, self.offered());
        let unknown = self.versions.values().any(|standing| *standing == Standing::Unknown);
        if offered == [tls13] && !unknown {
            // TLS 1.3 has none.
            self.compression = Some(false);
        }
        let some = |known: &[u16], of: Option<&Vec<u16>>| of.is_some_and(|of| of.iter().any(|n| known.contains(n)));
        let able = some(certificate_probe::SUITES, self.suites.get(&tls13))
            && some(certificate_probe::GROUPS, self.groups.get(&tls13));
        if offered.contains(&tls13) && !able {
            self.unknown.push("TLS1.3 certificates (it takes no group or suite that this program can use)".to_owned());
        }
    }
}
