//! Revocation lists (RFC 5280, 5): is a certificate on it, and does the list speak for it at all. A list may have millions
//! of entries, so it is walked over, not built up in memory.

use x509_parser::extensions::{
    DistributionPointName, GeneralName, IssuingDistributionPoint, ParsedExtension, X509Extension,
};
use x509_parser::oid_registry::OID_X509_EXT_CRL_DISTRIBUTION_POINTS;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::Issuer;
use super::certificate::rfc3339;
use super::ocsp::SKEW;
use super::signed::{Element, SEQUENCE, Signed, below, element};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The extensions of a list, `[0]`.
const EXTENSIONS: u8 = 0xa0;
/// Addresses of one certificate that are looked at.
const POINTS: usize = 4;
/// Extensions of a list that are looked at.
const MOST: usize = 32;

/// The entry of one certificate in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Since when it is revoked, and why, for people; absent when it is not on the list.
    pub revoked: Option<String>,
    /// When the list was made, seconds since 1970.
    pub this_update: i64,
    /// When the next one comes at the latest.
    pub next_update: Option<i64>,
}

impl CrlEntry {
    /// From when on the list holds, for people, if that is after `now`, seconds since 1970 (RFC 5280, 5.1.2.4).
    #[must_use]
    pub fn holds_from(&self, now: f64) -> Option<String> {
        let ahead = self.this_update as f64 > now + SKEW as f64;
        ahead.then(|| rfc3339(self.this_update).unwrap_or_else(|| "an impossible date".to_owned()))
    }
}

/// The places a certificate names for its revocation list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// Those of whole lists of its own issuer, at most 4.
    pub urls: Vec<String>,
    /// So many more are left out.
    pub left_out: usize,
}

/// The places a certificate names for its revocation list; `Err` says why they cannot be read.
pub fn points(certificate: &[u8]) -> Result<Points, &'static str> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| "the certificate cannot be read")?;
    let mut out = Vec::new();
    for extension in certificate.extensions() {
        let points = match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => points,
            ParsedExtension::ParseError { .. } if extension.oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS => {
                return Err("its CRL distribution points cannot be read");
            }
            _ => continue,
        };
        // A point of an indirect list, or of some reasons only, does not speak for the issuer.
        for point in points.iter().filter(|point| point.crl_issuer.is_none() && point.reasons.is_none()) {
            out.extend(uris(point.distribution_point.as_ref()).map(str::to_owned));
        }
    }
    let left_out = out.len().saturating_sub(POINTS);
    out.truncate(POINTS);
    Ok(Points { urls: out, left_out })
}

fn uris<'a>(name: Option<&'a DistributionPointName<'_>>) -> impl Iterator<Item = &'a str> {
    let names = match name {
        Some(DistributionPointName::FullName(names)) => names.as_slice(),
        _ => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    })
}

/// Looks `certificate`, issued by `issuer`, up in the list `der` that was fetched because the certificate names `points`;
/// `Err` says why the list proves nothing. A list past its `next_update` is read all the same: its age is a fact.
pub fn read(der: &[u8], certificate: &[u8], issuer: &Issuer, points: &[String]) -> Result<CrlEntry, String> {
    let unreadable = || "it is no certificate revocation list".to_owned();
    let (_, wanted) =
        X509Certificate::from_der(certificate).map_err(|_| "the certificate cannot be read".to_owned())?;
    let body = below(der, 1).and_then(|parts| parts.first().copied()).ok_or_else(unreadable)?;
    let list = List::of(body).ok_or_else(unreadable)?;
    if list.issuer != issuer.name {
        return Err("it is the list of another issuer".to_owned());
    }
    if !issuer.signs_lists {
        return Err("the key usage of its issuer does not allow to sign lists".to_owned());
    }
    scope(list.extensions, wanted.is_ca(), points)?;
    Signed::read(der).ok_or_else(unreadable)?.is_by(&issuer.spki)?;
    let revoked = list.entry(wanted.raw_serial()).map_err(|()| unreadable())?.map(revocation);
    Ok(CrlEntry { revoked, this_update: list.this_update, next_update: list.next_update })
}

/// The fields of a list that count.
struct List<'a> {
    issuer: &'a [u8],
    this_update: i64,
    next_update: Option<i64>,
    entries: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> List<'a> {
    /// `TBSCertList`: version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, `[0]` extensions?
    fn of(body: Element<'a>) -> Option<Self> {
        let parts = below(body.whole, 8)?;
        let mut parts = parts.into_iter().peekable();
        let _version = parts.next_if(|part| part.tag == INTEGER);
        let _signature = parts.next().filter(|part| part.tag == SEQUENCE)?;
        let issuer = parts.next().filter(|part| part.tag == SEQUENCE)?.whole;
        let this_update = time(parts.next()?)?;
        let next_update = match parts.next_if(|part| matches!(part.tag, UTC_TIME | GENERALIZED_TIME)) {
            Some(part) => Some(time(part)?),
            None => None,
        };
        let entries = parts.next_if(|part| part.tag == SEQUENCE).map_or(&[][..], |part| part.content);
        let extensions = parts.next_if(|part| part.tag == EXTENSIONS).map_or(&[][..], |part| part.content);
        parts.next().is_none().then_some(Self { issuer, this_update, next_update, entries, extensions })
    }

    /// The entry of a serial number; `Err` when the list is broken.
    fn entry(&self, serial: &[u8]) -> Result<Option<Element<'a>>, ()> {
        let mut rest = self.entries;
        while !rest.is_empty() {
            let (entry, after) = element(rest).ok_or(())?;
            let (number, _) = element(entry.content).filter(|(number, _)| number.tag == INTEGER).ok_or(())?;
            if number.content == serial {
                return Ok(Some(entry));
            }
            rest = after;
        }
        Ok(None)
    }
}

fn time(part: Element<'_>) -> Option<i64> {
    ASN1Time::from_der(part.whole).ok().map(|(_, time)| time.timestamp())
}

/// Since when, and why.
fn revocation(entry: Element<'_>) -> String {
    let parts = below(entry.whole, 3).unwrap_or_default();
    let since = parts.get(1).copied().and_then(time).and_then(rfc3339).unwrap_or_else(|| "an unknown day".to_owned());
    let reason = parts.get(2).and_then(|extensions| {
        each(extensions.content).map_while(Result::ok).find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::ReasonCode(reason) => Some(format!(", {}", reason_name(reason.0))),
            _ => None,
        })
    });
    format!("since {since}{}", reason.unwrap_or_default())
}

/// The reasons of RFC 5280, 5.3.1.
pub(super) const fn reason_name(reason: u8) -> &'static str {
    match reason {
        1 => "key compromise",
        2 => "CA compromise",
        3 => "affiliation changed",
        4 => "superseded",
        5 => "cessation of operation",
        6 => "certificate hold",
        9 => "privilege withdrawn",
        10 => "AA compromise",
        _ => "no reason given",
    }
}

/// Extensions, as long as they can be read: nothing behind one that cannot is passed over in silence.
fn each(content: &[u8]) -> impl Iterator<Item = Result<X509Extension<'_>, ()>> {
    let mut rest = content;
    let mut left = MOST;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = X509Extension::from_der(rest).ok().filter(|_| left > 0);
        left = left.saturating_sub(1);
        let Some((after, extension)) = read else {
            rest = &[];
            return Some(Err(()));
        };
        rest = after;
        Some(Ok(extension))
    })
}

/// Whether the list is a whole one that speaks for certificates like this one.
fn scope(extensions: &[u8], of_ca: bool, points: &[String]) -> Result<(), String> {
    if extensions.is_empty() {
        return Ok(());
    }
    let (content, _) = element(extensions).ok_or_else(|| "its extensions cannot be read".to_owned())?;
    for extension in each(content.content) {
        let extension = extension.map_err(|()| "its extensions cannot be read, or are too many".to_owned())?;
        match extension.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => part(point, of_ca, points)?,
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::ParseError { .. } if extension.critical => {
                // The delta indicator (2.5.29.27) is one of them: a delta names only what changed.
                return Err(format!("it has a critical extension {} that is not known", extension.oid.to_id_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn part(point: &IssuingDistributionPoint<'_>, of_ca: bool, points: &[String]) -> Result<(), String> {
    let other_half = if of_ca { point.only_contains_user_certs } else { point.only_contains_ca_certs };
    let some_only = point.only_contains_attribute_certs || point.indirect_crl || point.only_some_reasons.is_some();
    if other_half || some_only {
        return Err("it is a partial or indirect list that does not speak for this certificate".to_owned());
    }
    let named: Vec<&str> = uris(point.distribution_point.as_ref()).collect();
    let here = point.distribution_point.is_none() || named.iter().any(|uri| points.iter().any(|point| point == uri));
    if here { Ok(()) } else { Err(format!("it is the part of the list for {}", named.join(", "))) }
}
