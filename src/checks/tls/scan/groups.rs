//! Key exchange groups by removal, and whose order of them counts.

use super::plan::Plan;
use super::question::{Purpose, ScanQuestion};
use super::result::ScanResult;
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::certificate_probe::KeyClass;
use crate::proto::tls::hello::{Version, group_named, groups};

impl Plan {
    /// Groups and certificates of TLS 1.3, whose first suite was just taken, with `group`.
    pub(super) fn begin_tls13(&mut self, suite: u16, group: Option<u16>) {
        let version = Version::Tls13;
        let left = groups(version).into_iter().filter(|number| Some(*number) != group).collect();
        self.enqueue(ScanQuestion::Groups { version, suites: vec![suite], left, certificate_curve: None });
        for keys in KeyClass::ALL {
            self.enqueue(ScanQuestion::CertificateProbe { keys, sni: self.sni.is_some() });
        }
    }

    /// Groups of the newest version up to TLS 1.2. Suites of ECDSA only if there are no others: they need the curve of the
    /// certificate among the groups (RFC 8422, 5.1), so that it can never be taken out.
    pub(super) fn begin_groups(&mut self) {
        let Some(version) = self.scan.newest(Version::Tls12).filter(|version| *version != Version::Ssl3) else {
            return;
        };
        if self.groups_begun {
            return;
        }
        let (free, bound) = (self.scan.curves(version, false), self.scan.curves(version, true));
        if free.is_empty() && !self.lists_done(version) {
            return;
        }
        self.groups_begun = true;
        let certificate_curve = if free.is_empty() { self.scan.certificate_curve() } else { None };
        let suites = if free.is_empty() { bound } else { free };
        if suites.is_empty() {
            self.scan.complete_groups.insert(version);
            return;
        }
        let left = groups(version).into_iter().filter(|number| Some(*number) != certificate_curve).collect();
        self.enqueue(ScanQuestion::Groups { version, suites, left, certificate_curve });
    }

    /// The server took a group of a list.
    pub(super) fn group_accepted(
        &mut self,
        version: Version,
        suites: Vec<u16>,
        left: Vec<u16>,
        certificate_curve: Option<u16>,
        group: Option<u16>,
    ) {
        match group {
            Some(group) if left.contains(&group) => {
                let left: Vec<u16> = left.into_iter().filter(|number| *number != group).collect();
                if left.is_empty() {
                    self.groups_done(version);
                } else {
                    self.enqueue(ScanQuestion::Groups { version, suites, left, certificate_curve });
                }
            }
            // A server that always prefers that curve takes nothing else from anyone who can connect to it.
            Some(group) if Some(group) == certificate_curve => self.groups_done(version),
            _ => self.give_up(
                &ScanQuestion::Groups { version, suites, left, certificate_curve },
                "it took a group that was not offered",
            ),
        }
    }

    /// All groups of a version are known.
    pub(super) fn groups_done(&mut self, version: Version) {
        self.scan.complete_groups.insert(version);
        let newest = self.scan.newest(Version::Tls13) == Some(version);
        let bound_to_curve = version <= Version::Tls12 && self.scan.curves(version, false).is_empty();
        let known = self.scan.groups.get(&version).cloned().unwrap_or_default();
        let suites = match version {
            Version::Tls13 => self.scan.suites.get(&version).cloned().unwrap_or_default(),
            _ => self.scan.curves(version, false),
        };
        if newest && !bound_to_curve && known.len() > 1 {
            let purpose = Purpose::GroupOrder(known.into_iter().rev().collect());
            self.enqueue(ScanQuestion::Property { purpose, version, suites });
        }
    }
}

impl ScanResult {
    /// The curve of an ECDSA certificate that was shown, as a group.
    fn certificate_curve(&self) -> Option<u16> {
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
}
