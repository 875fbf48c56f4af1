//! The analysis of one chain: path, lint, pins, staple, and how long all of it is good.

use rustls::pki_types::CertificateDer;

use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::lint::{self, Context, Finding};
use crate::proto::tls::ocsp::{self, Status, VerifiedAnswer};
use crate::proto::tls::{Credentials, Handshake, Issuer, Path, Paths, pin};

/// Everything that is known of a served chain.
#[derive(Debug)]
pub(crate) struct ChainAnalysis {
    pub(crate) certificates: Vec<Option<Certificate>>,
    pub(crate) path: Option<Path>,
    /// The path of signatures, also where it does not verify.
    pub(super) signed: Option<Path>,
    pub(crate) findings: Vec<Finding>,
    /// Of every served certificate; absent when one cannot be read.
    pub(crate) pins: Option<Vec<String>>,
    pub(crate) must_staple: Option<bool>,
    pub(crate) scts: Option<usize>,
    pub(crate) staple: Staple,
    pub(crate) ages: Ages,
}

/// The stapled OCSP response.
#[derive(Debug)]
pub(crate) enum Staple {
    /// Nothing.
    None,
    /// A response that is proven.
    Answer(VerifiedAnswer),
    /// A response that proves nothing, and why.
    Unusable(String),
}

/// How long things are good: seconds until the first of them expires, and the smallest share of a lifetime left. Each is
/// absent when it is not known of every one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ages {
    pub(crate) leaf: Option<Age>,
    pub(crate) chain: Option<Age>,
    pub(crate) path: Option<Age>,
}

/// See [`Ages`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Age {
    pub(crate) expires_in: f64,
    /// Absent for a lifetime of nothing.
    pub(crate) left: Option<f64>,
}

impl ChainAnalysis {
    /// Of the chain a handshake showed; `None` when it showed none.
    pub(crate) fn of_handshake<S>(credentials: &Credentials, handshake: &Handshake<S>, now: f64) -> Option<Self> {
        let chain = Some(&handshake.chain).filter(|chain| !chain.is_empty())?;
        Some(Self::of(credentials, chain, handshake.staple.as_deref(), now))
    }

    /// Of `chain`, leaf first, at `now`, seconds since 1970.
    fn of(credentials: &Credentials, chain: &[CertificateDer<'_>], staple: Option<&[u8]>, now: f64) -> Self {
        #[allow(clippy::cast_possible_truncation)] // whole seconds of a date
        let second = now as i64;
        let Paths { verified: path, signed } = credentials.paths(chain, second);
        let trusted = |name: &[u8]| credentials.names(name);
        let context = Context { now: second, path: path.as_ref(), trusted: &trusted, stapled: Some(staple.is_some()) };
        let findings = lint::lint(chain, &context);
        let certificates: Vec<Option<Certificate>> = chain.iter().map(|der| Certificate::parse(der)).collect();
        let leaf = chain.first().map(CertificateDer::as_ref);
        Self {
            ages: Ages::of(&certificates, path.as_ref(), now),
            pins: chain.iter().map(|der| Issuer::of(der).map(|issuer| pin(&issuer.spki))).collect(),
            must_staple: leaf.and_then(lint::must_staple),
            scts: leaf.and_then(lint::scts),
            staple: read_staple(chain, signed.as_ref(), staple, second),
            certificates,
            path,
            signed,
            findings,
        }
    }

    /// Why clients that look at staples do not go on; `None` when they do.
    pub(crate) fn unacceptable_staple(&self, now: f64) -> Option<String> {
        let leaf = self.leaf().map_or("(unreadable)", |leaf| leaf.subject.as_str());
        // Nobody proves a certificate good that has expired, or that nobody trusts.
        let demanded = self.must_staple == Some(true) && self.path.is_some();
        match &self.staple {
            Staple::Answer(answer) if answer.status == Status::Revoked => {
                Some(format!("the staple says that {leaf} is revoked"))
            }
            Staple::Answer(answer) if demanded => {
                let old = answer.next_update.is_some_and(|next| (next as f64) < now);
                let good = answer.status == Status::Good && !old;
                (!good).then(|| {
                    format!("{leaf} demands a staple, and the one that came does not say that it is good today")
                })
            }
            Staple::None if demanded => Some(format!("{leaf} demands a staple (TLS feature), and none came")),
            Staple::Unusable(_) if demanded => {
                Some(format!("{leaf} demands a staple (TLS feature), and the one that came proves nothing"))
            }
            _ => None,
        }
    }

    pub(crate) fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first().and_then(Option::as_ref)
    }
}

fn read_staple(chain: &[CertificateDer<'_>], path: Option<&Path>, staple: Option<&[u8]>, now: i64) -> Staple {
    let Some(staple) = staple else { return Staple::None };
    let Some(issuer) = issuer(chain, path, 0) else {
        return Staple::Unusable("the issuer of the leaf is neither served nor trusted".to_owned());
    };
    let leaf = chain.first().map(CertificateDer::as_ref).unwrap_or_default();
    match ocsp::read(staple, leaf, &issuer, now) {
        Ok(answer) => Staple::Answer(answer),
        Err(why) => Staple::Unusable(why),
    }
}

/// Who issued the certificate at place `at` of the path; without a path of signatures, of the served chain, as far as names tell.
pub(super) fn issuer(chain: &[CertificateDer<'_>], path: Option<&Path>, at: usize) -> Option<Issuer> {
    if let Some(path) = path {
        return path.issuer(chain, at);
    }
    let name = issuer_name(chain.get(at)?)?;
    chain.iter().filter_map(|der| Issuer::of(der)).find(|candidate| candidate.name == name)
}

fn issuer_name(der: &[u8]) -> Option<Vec<u8>> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.issuer().as_raw().to_vec())
}

impl Ages {
    fn of(certificates: &[Option<Certificate>], path: Option<&Path>, now: f64) -> Self {
        let dates = |certificate: &Certificate| (certificate.not_before, certificate.not_after);
        let leaf = certificates.first().and_then(Option::as_ref).map(|leaf| Age::of(dates(leaf), now));
        // One unreadable certificate may be the one that expires first, so the minimum is then unknown.
        let served: Option<Vec<(i64, i64)>> = certificates.iter().map(|c| c.as_ref().map(dates)).collect();
        let chain = served.and_then(|served| Age::least(served.into_iter().map(|dates| Age::of(dates, now))));
        let path = path
            .and_then(|path| Age::least(path.dates.iter().chain(&path.root.dates).map(|dates| Age::of(*dates, now))));
        Self { leaf, chain, path }
    }

    /// The least of several; what one of them does not know, nobody knows.
    pub(crate) fn least(all: &[Self]) -> Self {
        let least = |pick: fn(&Self) -> Option<Age>| {
            all.iter().map(pick).collect::<Option<Vec<Age>>>().and_then(|ages| Age::least(ages.into_iter()))
        };
        Self { leaf: least(|a| a.leaf), chain: least(|a| a.chain), path: least(|a| a.path) }
    }
}

impl Age {
    fn of((first, last): (i64, i64), now: f64) -> Self {
        let (lifetime, expires_in) = (last.saturating_sub(first) as f64, last as f64 - now);
        let left = (lifetime > 0.0).then(|| (expires_in / lifetime).clamp(0.0, 1.0));
        Self { expires_in, left }
    }

    pub(crate) fn least(ages: impl Iterator<Item = Self>) -> Option<Self> {
        ages.reduce(|a, b| Self {
            expires_in: a.expires_in.min(b.expires_in),
            left: a.left.zip(b.left).map(|(a, b)| a.min(b)),
        })
    }
}
