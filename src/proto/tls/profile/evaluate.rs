//! The properties of a server, held against a profile.

use super::data::{Certificates, Ciphers, Groups, Preference, Profile, Server, Versions};
use super::pattern::matches;
use super::{CertificateProperties, ServerProperties};

/// Items named in one sentence.
const NAMED: usize = 12;

/// The sum of a profile's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every rule holds.
    Compliant,
    /// A rule was seen to be broken.
    Breached,
    /// None was seen to be broken, but one could not be decided.
    Undecided,
}

impl Status {
    /// The word in facts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Breached => "breached",
            Self::Undecided => "undecided",
        }
    }
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The sum.
    pub status: Status,
    /// Each rule that is broken: profile, what was seen, what the rule wants, where it is written.
    pub breaches: Vec<String>,
    /// Each rule that could not be decided, and why.
    pub undecided: Vec<String>,
}

/// Holds `properties` against `profile`.
#[must_use]
pub fn evaluate(profile: &Profile, properties: &ServerProperties) -> Verdict {
    let mut evaluation = Evaluation { profile, properties, breaches: Vec::new(), undecided: Vec::new() };
    if properties.versions.is_empty() {
        evaluation.undecided("no version was seen to be offered, so there is nothing to judge", None);
    }
    if let Some(rules) = &profile.versions {
        evaluation.versions(rules);
    }
    if let Some(rules) = &profile.ciphers {
        evaluation.ciphers(rules);
    }
    if let Some(rules) = &profile.groups {
        evaluation.groups(rules);
    }
    if let Some(rules) = &profile.certificates {
        evaluation.certificates(rules);
    }
    if let Some(rules) = &profile.server {
        evaluation.server(rules);
    }
    let Evaluation { breaches, undecided, .. } = evaluation;
    let status = match (breaches.is_empty(), undecided.is_empty()) {
        (false, _) => Status::Breached,
        (true, false) => Status::Undecided,
        (true, true) => Status::Compliant,
    };
    Verdict { status, breaches, undecided }
}

struct Evaluation<'a> {
    profile: &'a Profile,
    properties: &'a ServerProperties,
    breaches: Vec<String>,
    undecided: Vec<String>,
}

impl Evaluation<'_> {
    fn breach(&mut self, what: &str, source: Option<&String>) {
        let line = self.line(what, source);
        self.breaches.push(line);
    }

    fn undecided(&mut self, what: &str, source: Option<&String>) {
        let line = self.line(what, source);
        self.undecided.push(line);
    }

    fn line(&self, what: &str, source: Option<&String>) -> String {
        format!("{}: {what} [{}]", self.profile.title(), source.unwrap_or(&self.profile.source))
    }

    /// The first unknown about `area`, of the items that `counts` names.
    fn unknown(&self, area: &str, counts: impl Fn(&str) -> bool) -> Option<String> {
        const AREAS: &[&str] = &[
            "versions",
            "ciphers",
            "groups",
            "preference",
            "compression",
            "secure_renegotiation",
            "dh_bits",
            "ocsp",
            "certificates",
        ];
        let touches = |entry: &&String| {
            let head = entry.split([':', ' ']).next().unwrap_or_default();
            let (of, item) = head.split_once('.').map_or((head, None), |(of, item)| (of, Some(item)));
            !AREAS.contains(&of) || (of == area && item.is_none_or(&counts))
        };
        self.properties.unknown.iter().find(touches).cloned()
    }

    /// The three rules of a set of names: allowed, required, forbidden.
    fn set(&mut self, rules: &Set<'_>, properties: &[String]) {
        let Set { area, allowed, required, forbidden, source } = rules;
        let among = |names: &[&str], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let offered = |name: &str| properties.iter().any(|known| known.eq_ignore_ascii_case(name));
        let wrong: Vec<&str> = properties
            .iter()
            .map(String::as_str)
            .filter(|name| (!allowed.is_empty() && !among(allowed, name)) || among(forbidden, name))
            .collect();
        if !wrong.is_empty() {
            let rule = if allowed.is_empty() {
                format!("{area} forbidden {}", listed(forbidden))
            } else {
                format!("{area} allowed {}", listed(allowed))
            };
            self.breach(&format!("{} offered; {rule}", are(&wrong)), *source);
        } else if !allowed.is_empty() || !forbidden.is_empty() {
            let matters = |item: &str| if allowed.is_empty() { among(forbidden, item) } else { !among(allowed, item) };
            if let Some(unknown) = self.unknown(area, matters) {
                self.undecided(&format!("whether other {area} are offered is unknown ({unknown})"), *source);
            }
        }
        let missing: Vec<&str> = required.iter().copied().filter(|name| !offered(name)).collect();
        let (open, gone): (Vec<&str>, Vec<&str>) =
            missing.into_iter().partition(|name| self.unknown(area, |item| item.eq_ignore_ascii_case(name)).is_some());
        if !gone.is_empty() {
            let all = listed(required);
            self.breach(&format!("{} not offered; {area} required {all}", are(&gone)), *source);
        }
        if !open.is_empty() {
            self.undecided(&format!("whether {} is offered is unknown", listed(&open)), *source);
        }
    }

    fn versions(&mut self, rules: &Versions) {
        let words = |versions: &'_ [super::Version]| -> Vec<String> { versions.iter().map(|v| v.0.clone()).collect() };
        let (allowed, required, forbidden) = (words(&rules.allowed), words(&rules.required), words(&rules.forbidden));
        let set = Set {
            area: "versions",
            allowed: &refs(&allowed),
            required: &refs(&required),
            forbidden: &refs(&forbidden),
            source: rules.source.as_ref(),
        };
        let properties = self.properties;
        self.set(&set, &properties.versions);
    }

    fn groups(&mut self, rules: &Groups) {
        let words = |groups: &'_ [super::data::Group]| -> Vec<String> { groups.iter().map(|g| g.0.clone()).collect() };
        let (allowed, required, forbidden) = (words(&rules.allowed), words(&rules.required), words(&rules.forbidden));
        let set = Set {
            area: "groups",
            allowed: &refs(&allowed),
            required: &refs(&required),
            forbidden: &refs(&forbidden),
            source: rules.source.as_ref(),
        };
        let properties = self.properties;
        self.set(&set, &properties.groups);
        let Some(first) = &rules.first else { return };
        let source = rules.source.as_ref();
        match (properties.groups.first(), self.unknown("groups", |_| true)) {
            (_, Some(unknown)) => self.undecided(&format!("which group is preferred is unknown ({unknown})"), source),
            (Some(chosen), None) if !chosen.eq_ignore_ascii_case(&first.0) => {
                self.breach(&format!("{chosen} is preferred; groups first {first}"), source);
            }
            // That none is offered is for `required` to say.
            (Some(_) | None, None) => {}
        }
    }

    fn ciphers(&mut self, rules: &Ciphers) {
        let properties = self.properties;
        for version in &properties.versions {
            let offered = properties.ciphers.get(version).map(Vec::as_slice).unwrap_or_default();
            let unknown = self.unknown("ciphers", |item| item.starts_with(version.as_str()));
            let unknown = unknown.or_else(|| offered.is_empty().then(|| "none was seen".to_owned()));
            if let Some((_, allowed)) = rules.allowed.iter().find(|(of, _)| of.0.eq_ignore_ascii_case(version)) {
                let other = |suite: &&String| !allowed.iter().any(|known| matches(&known.0, suite));
                let wrong: Vec<&str> = offered.iter().filter(other).map(String::as_str).collect();
                let names: Vec<&str> = allowed.iter().map(|suite| suite.0.as_str()).collect();
                let rule = format!("ciphers allowed {}", listed(&names));
                self.ciphers_of(version, &wrong, &rule, unknown.as_ref(), rules.source.as_ref());
            }
            for denied in &rules.denied {
                let hit = |suite: &&String| denied.patterns.iter().any(|pattern| matches(&pattern.0, suite));
                let wrong: Vec<&str> = offered.iter().filter(hit).map(String::as_str).collect();
                let source = denied.source.as_ref().or(rules.source.as_ref());
                self.ciphers_of(version, &wrong, &denied.why, unknown.as_ref(), source);
            }
            let required = rules.required.iter().find(|(of, _)| of.0.eq_ignore_ascii_case(version));
            for suite in required.map(|(_, suites)| suites.as_slice()).unwrap_or_default() {
                if offered.iter().any(|offered| matches(&suite.0, offered)) {
                    continue;
                }
                match &unknown {
                    Some(why) => self.undecided(
                        &format!("whether {version} offers {suite} is unknown ({why})"),
                        rules.source.as_ref(),
                    ),
                    None => self
                        .breach(&format!("{version} does not offer {suite}; ciphers required"), rules.source.as_ref()),
                }
            }
        }
        // A version that may be offered has ciphers that nobody saw.
        if let Some(unknown) = self.unknown("versions", |_| true) {
            self.undecided(
                &format!("which ciphers are offered is not known of every version ({unknown})"),
                rules.source.as_ref(),
            );
        }
    }

    fn ciphers_of(
        &mut self,
        version: &str,
        wrong: &[&str],
        rule: &str,
        unknown: Option<&String>,
        source: Option<&String>,
    ) {
        match unknown {
            _ if !wrong.is_empty() => self.breach(&format!("{version}: {} offered; {rule}", are(wrong)), source),
            Some(why) => self.undecided(&format!("the ciphers of {version} are not all known ({why}); {rule}"), source),
            None => {}
        }
    }

    fn certificates(&mut self, rules: &Certificates) {
        let source = rules.source.as_ref();
        let properties = self.properties;
        for shown in &properties.certificates {
            for wrong in wrong_certificate(rules, shown) {
                self.breach(&format!("the certificate {}: {wrong}", shown.name), source);
            }
        }
        let unknown = self.unknown("certificates", |_| true);
        let unknown = unknown.or_else(|| properties.certificates.is_empty().then(|| "none was seen".to_owned()));
        if let Some(why) = unknown {
            self.undecided(&format!("not every certificate is known ({why})"), source);
        }
    }

    fn server(&mut self, rules: &Server) {
        let source = rules.source.as_ref();
        let properties = self.properties;
        if let Some(wanted) = rules.preference {
            let word = |preference| if preference == Preference::Server { "server" } else { "client" };
            let found = properties
                .preference
                .map(|found| (found == wanted, format!("the order of the {} counts", word(found))));
            self.flag("preference", found, &format!("preference {}", word(wanted)), source);
        }
        if rules.compression == Some(false) {
            let found = properties.compression.map(|on| (!on, "TLS compression is accepted".to_owned()));
            self.flag("compression", found, "compression off", source);
        }
        // TLS 1.3 has no renegotiation.
        let renegotiates = properties.versions.iter().any(|version| version != "TLS1.3");
        if rules.secure_renegotiation == Some(true) && renegotiates {
            let found = properties
                .secure_renegotiation
                .map(|on| (on, "the renegotiation indication is not answered".to_owned()));
            self.flag("secure_renegotiation", found, "secure renegotiation on", source);
        }
        let ephemeral = properties
            .ciphers
            .values()
            .flatten()
            .any(|suite| matches("TLS_DHE_*", suite) || matches("TLS_DH_ANON*", suite));
        if let Some(most) = rules.dh_bits.filter(|_| ephemeral || properties.dh_bits.is_some()) {
            let found =
                properties.dh_bits.map(|bits| (bits >= most, format!("a Diffie-Hellman group has {bits} bits")));
            self.flag("dh_bits", found, &format!("at least {most} bits"), source);
        }
        if rules.ocsp_staple == Some(true) {
            let found = properties.ocsp_stapled.map(|on| (on, "no OCSP response is stapled".to_owned()));
            self.flag("ocsp", found, "OCSP staple on", source);
        }
    }

    /// A rule with one yes or no.
    fn flag(&mut self, area: &str, found: Option<(bool, String)>, rule: &str, source: Option<&String>) {
        match (found, self.unknown(area, |_| true)) {
            (Some((false, what)), _) => self.breach(&format!("{what}; {rule}"), source),
            (None, unknown) => {
                let why = unknown.unwrap_or_else(|| "not looked at".to_owned());
                self.undecided(&format!("{area} is unknown ({why}); {rule}"), source);
            }
            (Some((true, _)), Some(unknown)) => {
                self.undecided(&format!("{area} is unknown ({unknown}); {rule}"), source);
            }
            (Some((true, _)), None) => {}
        }
    }
}

/// The names of a [`Evaluation::set`].
struct Set<'a> {
    area: &'static str,
    allowed: &'a [&'a str],
    required: &'a [&'a str],
    forbidden: &'a [&'a str],
    source: Option<&'a String>,
}

fn wrong_certificate(rules: &Certificates, shown: &CertificateProperties) -> Vec<String> {
    let mut wrong = Vec::new();
    let key = &shown.key;
    if !rules.keys.is_empty() && !rules.keys.iter().any(|kind| kind.0 == key.kind) {
        let names: Vec<&str> = rules.keys.iter().map(|kind| kind.0.as_str()).collect();
        wrong.push(format!("its key is {}; certificate keys allowed {}", key.kind, listed(&names)));
    }
    if let (Some(least), Some(bits)) = (rules.rsa_bits, key.bits)
        && bits < least
    {
        wrong.push(format!("its RSA key has {bits} bits; at least {least}"));
    }
    if key.kind == "ecdsa" {
        let curve = key.curve.clone().unwrap_or_else(|| "an unnamed curve".to_owned());
        if !rules.curves.is_empty() && !rules.curves.iter().any(|known| known.0 == curve) {
            let names: Vec<&str> = rules.curves.iter().map(|known| known.0.as_str()).collect();
            wrong.push(format!("its curve is {curve}; curves allowed {}", listed(&names)));
        }
        if let Some(least) = rules.ec_bits
            && key.curve_bits.is_none_or(|bits| bits < least)
        {
            wrong.push(format!("its curve is {curve}; at least {least} bits"));
        }
    }
    let signature = &shown.signature;
    if !rules.signatures.is_empty() && !rules.signatures.iter().any(|pattern| matches(pattern, signature)) {
        let names: Vec<&str> = rules.signatures.iter().map(String::as_str).collect();
        wrong.push(format!("it is signed with {signature}; signatures allowed {}", listed(&names)));
    }
    if rules.denied_signatures.iter().any(|pattern| matches(pattern, signature)) {
        wrong.push(format!("it is signed with {signature}, which is forbidden"));
    }
    if let Some(most) = rules.lifetime_days
        && shown.lifetime_days > f64::from(most)
    {
        wrong.push(format!("it is valid for {:.1} days; at most {most}", shown.lifetime_days));
    }
    wrong
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(" ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}

fn are(names: &[&str]) -> String {
    format!("{} {}", listed(names), if names.len() == 1 { "is" } else { "are" })
}
