//! Properties that one hello each shows, and whose order of suites counts.

use super::plan::Plan;
use super::question::{Purpose, ScanQuestion};
use super::result::Preference;
use crate::proto::tls::certificate_probe::KeyClass;
use crate::proto::tls::hello::{Alert, Auth, Flight, Suite, Version, suites};

/// Suites in a hello without SNI: the popular ones of one sort of certificate.
const WITHOUT_SNI: usize = 60;

impl Plan {
    /// Asks whatever the answers so far make possible.
    pub(super) fn enqueue_follow_ups(&mut self) {
        if self.halted.is_some() {
            return;
        }
        for version in Version::ALL {
            let several = self.scan.suites.get(&version).filter(|suites| suites.len() > 1).cloned();
            if let Some(suites) = several.filter(|_| self.lists_done(version))
                && !self.suite_orders.contains_key(&version)
            {
                self.suite_orders.insert(version, [None; 2]);
                for backwards in [false, true] {
                    let purpose = Purpose::SuiteOrder { backwards };
                    self.enqueue(ScanQuestion::Property { purpose, version, suites: suites.clone() });
                }
            }
        }
        if Version::ALL.iter().all(|version| self.version_decided(*version)) && !self.scan.suites.is_empty() {
            self.begin_groups();
            if !self.properties_begun {
                self.properties_begun = true;
                self.begin_properties();
            }
        }
    }

    fn begin_properties(&mut self) {
        let Some(newest) = self.scan.newest(Version::Tls13) else { return };
        let taken = |version: Version| self.scan.suites.get(&version).cloned().unwrap_or_default();
        let mut questions = Vec::new();
        let mut property =
            |purpose, version| questions.push(ScanQuestion::Property { purpose, version, suites: taken(version) });
        property(Purpose::SplitHello, newest);
        property(Purpose::LargeHello, newest);
        // A fallback is to the newest version that can say so, below one that is better.
        let below = self.scan.suites.keys().copied().rfind(|version| *version < newest);
        if let Some(version) = below {
            property(Purpose::FallbackScsv, version);
        }
        let clear = self.scan.newest(Version::Tls12);
        if let Some(version) = clear {
            property(Purpose::Compression, version);
        }
        if self.sni.is_some() {
            match clear {
                Some(version) => {
                    questions.extend([Auth::Ecdsa, Auth::Rsa].map(|auth| hello_without_sni(version, auth)));
                }
                None => questions.extend(
                    [KeyClass::Ecdsa, KeyClass::Rsa].map(|keys| ScanQuestion::CertificateProbe { keys, sni: false }),
                ),
            }
        }
        for question in questions {
            self.enqueue(question);
        }
    }

    /// The server took the hello that shows a property.
    pub(super) fn property_accepted(&mut self, purpose: &Purpose, version: Version, suites: &[u16], flight: &Flight) {
        let Some(hello) = &flight.hello else { return };
        match purpose {
            Purpose::SuiteOrder { backwards } => self.order_accepted(version, suites, *backwards, hello.suite),
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
            Purpose::Compression => self.scan.compression = Some(hello.compression != 0),
            Purpose::FallbackScsv => self.scan.fallback = Some(false),
            Purpose::SplitHello => self.scan.split_hello = Some(true),
            Purpose::LargeHello => self.scan.large_hello = Some(true),
            Purpose::WithoutSni(_) => self.scan.record_flight(flight, false),
            Purpose::EndOfLongList | Purpose::StillAnswers => {}
        }
    }

    /// The server refused the hello that shows a property; `alert` is 0 for a close.
    pub(super) fn property_refused(&mut self, purpose: &Purpose, alert: u8) {
        let word = if alert == 0 { "a close".to_owned() } else { Alert(alert).word() };
        match purpose {
            Purpose::Compression => self.scan.compression = Some(false),
            // inappropriate_fallback (RFC 7507, 3).
            Purpose::FallbackScsv if alert == 86 => self.scan.fallback = Some(true),
            Purpose::FallbackScsv => self.scan.note(format!("a hello with the fallback SCSV is answered with {word}")),
            Purpose::SplitHello => {
                self.scan.split_hello = Some(false);
                self.scan.note(format!("a hello in two TCP segments is answered with {word}"));
            }
            Purpose::LargeHello => {
                self.scan.large_hello = Some(false);
                self.scan.note(format!("a hello larger than a segment is answered with {word}"));
            }
            _ => {}
        }
    }

    fn order_accepted(&mut self, version: Version, suites: &[u16], backwards: bool, chosen: u16) {
        let [forwards, reverse] = self.suite_orders.entry(version).or_default();
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

fn hello_without_sni(version: Version, auth: Auth) -> ScanQuestion {
    let fits = |suite: &&Suite| suite.auth() == auth;
    let suites = suites().iter().filter(fits).map(|suite| suite.number).take(WITHOUT_SNI).collect();
    ScanQuestion::Property { purpose: Purpose::WithoutSni(auth), version, suites }
}
