//! The library's opinion of a chain. What it finds wrong beyond its own limits is wrong.

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::{PathIndexes, ValidationError};
use crate::proto::tls::authority::Authorities;
use crate::proto::tls::provider;

/// Asks the library about a path whose names lead on and whose signatures are proven, the dates of its authority aside.
pub(super) fn ask(
    authorities: &Authorities,
    chain: &[CertificateDer<'_>],
    places: &PathIndexes,
    now: i64,
) -> Result<(), ValidationError> {
    let path: Vec<CertificateDer<'_>> = places.served.iter().filter_map(|at| chain.get(*at).cloned()).collect();
    let Some((leaf, others)) = path.split_first() else { return Ok(()) };
    let Some(anchor) = authorities.anchor(places.anchor) else { return Ok(()) };
    let algorithms = provider().signature_verification_algorithms.all;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(now).unwrap_or_default()));
    let usage = KeyUsage::server_auth();
    let verified = EndEntityCert::try_from(leaf).and_then(|leaf| {
        leaf.verify_for_usage(algorithms, std::slice::from_ref(anchor.trust), others, time, usage, None, None)
            .map(|_| ())
    });
    match verified {
        Ok(()) => Ok(()),
        Err(error) if limited(&error) => Ok(()),
        Err(error) => Err(words(&error)),
    }
}

/// Rules that the library does not evaluate, or counts otherwise: they are looked at here. Where an authority issued a
/// certificate to itself, the library tries orders that names alone would allow, and may tell of a signature of one of those.
const fn limited(error: &Error) -> bool {
    matches!(
        error,
        Error::NameConstraintViolation
            | Error::PathLenConstraintViolated
            | Error::MaximumPathDepthExceeded
            | Error::MaximumNameConstraintComparisonsExceeded
            | Error::UnsupportedCriticalExtension
            | Error::UnknownIssuer
            | Error::InvalidSignatureForPublicKey
    )
}

fn words(error: &Error) -> ValidationError {
    let wrong = |why: &str| ValidationError::Wrong(why.to_owned());
    match error {
        Error::BadDer | Error::BadDerTime | Error::MalformedExtensions | Error::TrailingData(_) => {
            wrong("a certificate of the chain is not correctly encoded")
        }
        Error::ExtensionValueInvalid => wrong("an extension of the chain has a value that is not valid"),
        Error::InvalidCertValidity => wrong("a certificate of the chain ends before it begins"),
        Error::InvalidSerialNumber => wrong("a serial number of the chain is not valid"),
        Error::SignatureAlgorithmMismatch => {
            wrong("a certificate of the chain names two different signature algorithms")
        }
        Error::MalformedDnsIdentifier => wrong("a DNS name of the chain is malformed"),
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            wrong("name constraints of the chain are malformed")
        }
        Error::CertDistrusted => wrong("the chain leads over an authority that is no longer trusted by anybody"),
        Error::MaximumSignatureChecksExceeded | Error::MaximumPathBuildCallsExceeded => ValidationError::CannotJudge(
            "the chain allows more paths than this program tries: send only the certificates of one".to_owned(),
        ),
        _ => wrong("the chain breaks a rule of RFC 5280"),
    }
}
