//! Errors of the TLS library in the words of this program. Its own texts are names out of its source code.

use rustls::{
    CertificateError, EncryptedClientHelloError, Error, InconsistentKeys, InvalidMessage, PeerIncompatible,
    PeerMisbehaved,
};

use super::validation::ValidationError;
use super::{iana_names, provider};

/// An error of a handshake, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proto) enum ClassifiedError {
    /// The peer ended it, with the alert of this name.
    Alert(String),
    /// The bytes of the peer are none of TLS, or not in order.
    Garbled(String),
    /// The peer broke a rule, or chose something that the suite left out.
    Broken(String),
    /// A message larger than this side reads.
    TooLarge(String),
    /// This side cannot go on where others could: what is missing, and what to do.
    Ours(String, &'static str),
}

/// The way out of [`ClassifiedError::TooLarge`].
pub(in crate::proto) const LARGER: &str =
    "check the server with `openssl s_client -showcerts`, and send only the certificates of one path";
const OTHER_CLIENT: &str =
    "check the server with a client that has more, such as `openssl s_client`; `scan: true` shows what it takes";

/// Sorts an error. The match of each kind names every variant, so that none is passed on as it is called in the source.
pub(super) fn sort(error: &Error) -> ClassifiedError {
    match error {
        Error::AlertReceived(alert) => ClassifiedError::Alert(iana_names::alert(*alert)),
        Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        ) => ClassifiedError::TooLarge("the server's certificates are larger than this side reads (64 KiB)".to_owned()),
        Error::InvalidMessage(why) => ClassifiedError::Garbled(garbled(why)),
        Error::PeerIncompatible(why) => incompatible(why),
        Error::InvalidCertificate(why) => certificate(why),
        Error::PeerMisbehaved(why) => ClassifiedError::Broken(misbehaved(why).to_owned()),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            ClassifiedError::Broken("a message that has no place here".to_owned())
        }
        Error::NoCertificatesPresented => ClassifiedError::Broken("the server showed no certificate".to_owned()),
        Error::DecryptError => ClassifiedError::Broken("a record that cannot be decrypted".to_owned()),
        Error::PeerSentOversizedRecord => ClassifiedError::Broken("a record that is too long".to_owned()),
        Error::NoApplicationProtocol => ClassifiedError::Broken("no application protocol in common".to_owned()),
        Error::FailedToGetCurrentTime => {
            ClassifiedError::Ours("this machine's clock cannot be read".to_owned(), "check the machine's clock")
        }
        Error::FailedToGetRandomBytes => {
            ClassifiedError::Ours("the system gives no randomness".to_owned(), "check this machine's entropy source")
        }
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => ClassifiedError::Ours(
            "the client's certificate and key do not belong together".to_owned(),
            "name the key that was made for the certificate",
        ),
        Error::InvalidEncryptedClientHello(why) => ClassifiedError::Ours(encrypted_hello(why).to_owned(), OTHER_CLIENT),
        Error::UnsupportedNameType => {
            ClassifiedError::Ours("the library takes no such name".to_owned(), "write a DNS name or an address")
        }
        // Reached by nothing this program does; the text of `General` is a sentence of the library or of its caller.
        Error::General(why) => ClassifiedError::Broken(why.clone()),
        Error::EncryptError
        | Error::HandshakeNotComplete
        | Error::BadMaxFragmentSize
        | Error::InconsistentKeys(_)
        | Error::InvalidCertRevocationList(_)
        | Error::Other(_)
        | _ => ClassifiedError::Ours("the TLS library gave up for a reason of its own".to_owned(), OTHER_CLIENT),
    }
}

/// An error in one sentence, whatever it is.
pub(in crate::proto) fn words(error: &Error) -> String {
    match sort(error) {
        ClassifiedError::Alert(name) => format!("the peer sent the TLS alert {name}"),
        ClassifiedError::Garbled(why)
        | ClassifiedError::Broken(why)
        | ClassifiedError::TooLarge(why)
        | ClassifiedError::Ours(why, _) => why,
    }
}

/// Sorts an error of which only the library's text is left, as QUIC passes it on.
pub(in crate::proto) fn sort_text(text: &str) -> ClassifiedError {
    let text = text.strip_prefix("TLS error: ").unwrap_or(text);
    let plain = |name: &str| part(name.split(['(', ' ', '{']).next().unwrap_or_default());
    if let Some(name) = text.strip_prefix("peer is incompatible: ") {
        return ClassifiedError::Ours(format!("{}: {}", plain(name), offered()), OTHER_CLIENT);
    }
    if text.contains("PayloadTooLarge") {
        return sort(&Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge));
    }
    for (prefix, words) in [
        ("peer misbehaved: ", "the server broke a rule of TLS"),
        ("received corrupt message of type ", "a malformed message"),
        ("invalid peer certificate: ", "the certificate does not verify"),
    ] {
        if let Some(name) = text.strip_prefix(prefix) {
            return ClassifiedError::Broken(format!("{words}: {}", plain(name)));
        }
    }
    if text.starts_with("received unexpected ") {
        return ClassifiedError::Broken("a message that has no place here".to_owned());
    }
    ClassifiedError::Broken(text.to_owned())
}

/// Everything this program offers by default, for a message.
#[must_use]
pub fn offered() -> String {
    let provider = provider();
    let list = |names: Vec<String>| names.join(", ");
    let suites = provider.cipher_suites.iter().map(|suite| iana_names::cipher_suite(suite.suite())).collect();
    let groups = provider.kx_groups.iter().map(|group| iana_names::group(group.name())).collect();
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let schemes = schemes.into_iter().map(iana_names::scheme_name).collect();
    format!(
        "this program offers TLS1.2 and TLS1.3, the suites {}, the groups {}, and the signatures {}",
        list(suites),
        list(groups),
        list(schemes)
    )
}

fn incompatible(why: &PeerIncompatible) -> ClassifiedError {
    let ours = |what: &str| ClassifiedError::Ours(format!("{what}: {}", offered()), OTHER_CLIENT);
    match why {
        PeerIncompatible::ServerDoesNotSupportTls12Or13 => ClassifiedError::Ours(
            "the server takes nothing newer than TLS1.1; this program offers TLS1.2 and TLS1.3".to_owned(),
            OTHER_CLIENT,
        ),
        PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            ClassifiedError::Broken("the server chose a version that was not offered".to_owned())
        }
        PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            ours("the server takes client certificates with signatures only that this program cannot make")
        }
        PeerIncompatible::NoCipherSuitesInCommon => ours("no cipher suite in common with the server"),
        PeerIncompatible::NoKxGroupsInCommon => ours("no key exchange group in common with the server"),
        PeerIncompatible::NoSignatureSchemesInCommon => ours("no signature scheme in common with the server"),
        PeerIncompatible::EcPointsExtensionRequired
        | PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::UncompressedEcPointsRequired => {
            ours("no form of elliptic curve points in common with the server")
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => ours("the server lacks the extended master secret"),
        PeerIncompatible::IncorrectCertificateTypeExtension | PeerIncompatible::UnsolicitedCertificateTypeExtension => {
            ours("the server shows something else than X.509 certificates")
        }
        PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension => {
            ours("the server asks for a second hello with an extension that this program does not have")
        }
        PeerIncompatible::Tls13RequiredForQuic => ClassifiedError::Broken("QUIC without TLS 1.3".to_owned()),
        PeerIncompatible::ServerRejectedEncryptedClientHello(_) => ours("the server refused an encrypted hello"),
        // The other side of a handshake says these; a client never does.
        PeerIncompatible::KeyShareExtensionRequired
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::NullCompressionRequired
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | _ => ours("nothing in common with the peer"),
    }
}

fn certificate(why: &CertificateError) -> ClassifiedError {
    if let CertificateError::Other(other) = why
        && let Some(distrust) = other.0.downcast_ref::<ValidationError>()
    {
        return match distrust {
            ValidationError::Wrong(why) => ClassifiedError::Broken(format!("the certificate does not verify: {why}")),
            ValidationError::CannotJudge(why) => ClassifiedError::Ours(why.clone(), OTHER_CLIENT),
        };
    }
    ClassifiedError::Broken("the certificate does not verify".to_owned())
}

const fn encrypted_hello(why: &EncryptedClientHelloError) -> &'static str {
    match why {
        EncryptedClientHelloError::InvalidConfigList => "the keys for an encrypted hello cannot be read",
        EncryptedClientHelloError::NoCompatibleConfig => "no key for an encrypted hello fits",
        _ => "an encrypted hello needs a name",
    }
}

fn garbled(why: &InvalidMessage) -> String {
    let words = match why {
        InvalidMessage::MissingData(what) => return format!("a message that ends too early, in {}", part(what)),
        InvalidMessage::TrailingData(what) => {
            return format!("a message that goes on after its end, in {}", part(what));
        }
        InvalidMessage::IllegalEmptyList(what) => return format!("an empty list, in {}", part(what)),
        InvalidMessage::DuplicateExtension(number) => return format!("extension {number} twice"),
        InvalidMessage::CertificatePayloadTooLarge => "certificates larger than 64 KiB",
        InvalidMessage::HandshakePayloadTooLarge => "a handshake message larger than 64 KiB",
        InvalidMessage::InvalidCcs => "a malformed change of ciphers",
        InvalidMessage::InvalidContentType => "a record of an unknown type",
        InvalidMessage::InvalidCertificateStatusType => "a certificate status of an unknown type",
        InvalidMessage::InvalidCertRequest => "a malformed request for a certificate",
        InvalidMessage::InvalidDhParams => "malformed Diffie-Hellman parameters",
        InvalidMessage::InvalidEmptyPayload => "an empty record where none may be",
        InvalidMessage::InvalidKeyUpdate => "a malformed update of keys",
        InvalidMessage::InvalidServerName => "a malformed server name",
        InvalidMessage::MessageTooLarge => "a record longer than TLS allows",
        InvalidMessage::MessageTooShort => "a record that is too short",
        InvalidMessage::MissingKeyExchange => "no groups for the key exchange",
        InvalidMessage::NoSignatureSchemes => "an empty list of signature schemes",
        InvalidMessage::UnexpectedMessage(_) => "a message of an unexpected type",
        InvalidMessage::UnknownProtocolVersion => "a record of an unknown version",
        InvalidMessage::UnsupportedCompression => "a compression that was not offered",
        InvalidMessage::UnsupportedCurveType => "a curve that is not a named one",
        InvalidMessage::UnsupportedKeyExchangeAlgorithm(_) => "a key exchange of an unknown kind",
        InvalidMessage::EmptyTicketValue => "an empty session ticket",
        InvalidMessage::IllegalEmptyValue => "an empty value where none may be",
        InvalidMessage::PreSharedKeyIsNotFinalExtension => "a pre-shared key that is not the last extension",
        InvalidMessage::UnknownHelloRetryRequestExtension => "a request for a second hello with an unknown extension",
        InvalidMessage::UnknownCertificateExtension => "a certificate message with an unknown extension",
        _ => "a malformed message",
    };
    words.to_owned()
}

/// The library names parts of messages by its own types.
fn part(name: &str) -> String {
    iana_names::snake_case(name).replace('_', " ")
}

fn misbehaved(why: &PeerMisbehaved) -> &'static str {
    use PeerMisbehaved as P;
    match why {
        P::AttemptedDowngradeToTls12WhenTls13IsSupported => "somebody made both sides fall back to TLS 1.2",
        P::BadCertChainExtensions => "a chain with extensions that do not belong there",
        P::CipherSuiteDifferedOnRetry | P::SelectedDifferentCipherSuiteAfterRetry => {
            "another cipher suite after the second hello"
        }
        P::DisallowedEncryptedExtension | P::UnexpectedCleartextExtension => "an extension in the wrong message",
        P::DuplicateClientHelloExtensions
        | P::DuplicateEncryptedExtensions
        | P::DuplicateHelloRetryRequestExtensions
        | P::DuplicateNewSessionTicketExtensions
        | P::DuplicateServerHelloExtensions => "an extension twice",
        P::DuplicateServerNameTypes | P::ServerNameDifferedOnRetry | P::ServerNameMustContainOneHostName => {
            "a malformed server name"
        }
        P::EarlyDataAttemptedInSecondClientHello
        | P::EarlyDataExtensionWithoutResumption
        | P::EarlyDataOfferedWithVariedCipherSuite
        | P::InvalidMaxEarlyDataSize
        | P::OfferedEarlyDataWithOldProtocolVersion
        | P::RejectedEarlyDataInterleavedWithHandshakeMessage
        | P::TooMuchEarlyDataReceived => "early data against the rules",
        P::EchAcceptanceVariedAfterRetry | P::IllegalHelloRetryRequestWithInvalidEch | P::UnsolicitedEchExtension => {
            "an encrypted hello answered against the rules"
        }
        P::HandshakeHashVariedAfterRetry => "another hash after the second hello",
        P::IllegalHelloRetryRequestWithEmptyCookie
        | P::IllegalHelloRetryRequestWithNoChanges
        | P::IllegalHelloRetryRequestWithOfferedGroup
        | P::IllegalHelloRetryRequestWithUnofferedCipherSuite
        | P::IllegalHelloRetryRequestWithUnofferedNamedGroup
        | P::IllegalHelloRetryRequestWithUnsupportedVersion
        | P::IllegalHelloRetryRequestWithWrongSessionId
        | P::RefusedToFollowHelloRetryRequest => {
            "a request for a second hello that asks for nothing new, or for what was not offered"
        }
        P::IllegalMiddleboxChangeCipherSpec => "a change of ciphers at the wrong time",
        P::IllegalTlsInnerPlaintext => "a record without content",
        P::IncorrectBinder
        | P::MissingBinderInPskExtension
        | P::MissingPskExtensionInSecondClientHello
        | P::MissingPskModesExtension
        | P::PskExtensionMustBeLast
        | P::PskExtensionWithMismatchedIdsAndBinders
        | P::SelectedInvalidPsk
        | P::SelectedUnofferedPsk => "a pre-shared key against the rules",
        other => misbehaved_later(other),
    }
}

/// The rest of [`misbehaved`].
fn misbehaved_later(why: &PeerMisbehaved) -> &'static str {
    use PeerMisbehaved as P;
    match why {
        P::InvalidCertCompression
        | P::OfferedDuplicateCertificateCompressions
        | P::SelectedUnofferedCertCompression => "certificates compressed against the rules",
        P::InvalidKeyShare | P::MissingKeyShare | P::OfferedDuplicateKeyShares | P::WrongGroupForKeyShare => {
            "a key share that does not fit"
        }
        P::KeyEpochWithPendingFragment | P::MessageInterleavedWithHandshakeMessage => {
            "a message in the middle of another one"
        }
        P::KeyUpdateReceivedInQuicConnection => "an update of keys in QUIC",
        P::MissingQuicTransportParameters => "no transport parameters of QUIC",
        P::OfferedEmptyApplicationProtocol | P::SelectedUnofferedApplicationProtocol => {
            "an application protocol that was not offered"
        }
        P::OfferedIncorrectCompressions | P::SelectedUnofferedCompression => "a compression that was not offered",
        P::ResumptionAttemptedWithVariedEms
        | P::ResumptionOfferedWithIncompatibleCipherSuite
        | P::ResumptionOfferedWithVariedCipherSuite
        | P::ResumptionOfferedWithVariedEms => "a resumed session on other terms than before",
        P::SelectedTls12UsingTls13VersionExtension => "TLS 1.2 chosen in the words of TLS 1.3",
        P::SelectedUnofferedCipherSuite => "the server chose a cipher suite that was not offered",
        P::SelectedUnusableCipherSuiteForVersion => "the server chose a cipher suite of another version",
        P::SelectedUnofferedKxGroup => "the server chose a group that was not offered",
        P::ServerEchoedCompatibilitySessionId => "a session id that was only for show came back",
        P::ServerHelloMustOfferUncompressedEcPoints => "no uncompressed points of curves",
        P::SignedKxWithWrongAlgorithm | P::SignedHandshakeWithUnadvertisedSigScheme => {
            "the server signed with a scheme that was not offered, or that does not go with its key"
        }
        P::TooManyEmptyFragments
        | P::TooManyKeyUpdateRequests
        | P::TooManyRenegotiationRequests
        | P::TooManyWarningAlertsReceived => "too many messages without content",
        P::UnsolicitedCertExtension
        | P::UnsolicitedEncryptedExtension
        | P::UnsolicitedSctList
        | P::UnsolicitedServerHelloExtension => "an extension that was not asked for",
        _ => "a message against the rules of TLS",
    }
}

#[cfg(test)]
mod tests;
