//! No name out of the library's source code reaches a person.

use std::sync::Arc;

use rustls::{
    AlertDescription, CertRevocationListError, CertificateError, EncryptedClientHelloError, Error, InconsistentKeys,
    InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved,
};

use super::{ClassifiedError, offered, sort, sort_text, words};
use crate::proto::tls::validation::ValidationError;
use crate::testing::is_plain;

const FALLBACKS: &[&str] =
    &["a malformed message", "a message against the rules of TLS", "nothing in common with the peer"];

fn text(sorted: &ClassifiedError) -> String {
    match sorted {
        ClassifiedError::Alert(text)
        | ClassifiedError::Garbled(text)
        | ClassifiedError::Broken(text)
        | ClassifiedError::TooLarge(text)
        | ClassifiedError::Ours(text, _) => text.clone(),
    }
}

/// The names of the offer are IANA's.
fn plain(text: &str) -> bool {
    is_plain(&text.replace(&offered(), ""))
}

macro_rules! all {
    ($kind:ident: $($variant:ident)+) => { vec![$($kind::$variant),+] };
}

fn misbehaved() -> Vec<PeerMisbehaved> {
    all!(PeerMisbehaved: AttemptedDowngradeToTls12WhenTls13IsSupported BadCertChainExtensions CipherSuiteDifferedOnRetry
        DisallowedEncryptedExtension DuplicateClientHelloExtensions DuplicateEncryptedExtensions
        DuplicateHelloRetryRequestExtensions DuplicateNewSessionTicketExtensions DuplicateServerHelloExtensions
        DuplicateServerNameTypes EarlyDataAttemptedInSecondClientHello EarlyDataExtensionWithoutResumption
        EarlyDataOfferedWithVariedCipherSuite EchAcceptanceVariedAfterRetry HandshakeHashVariedAfterRetry
        IllegalHelloRetryRequestWithEmptyCookie IllegalHelloRetryRequestWithNoChanges
        IllegalHelloRetryRequestWithOfferedGroup IllegalHelloRetryRequestWithUnofferedCipherSuite
        IllegalHelloRetryRequestWithUnofferedNamedGroup IllegalHelloRetryRequestWithUnsupportedVersion
        IllegalHelloRetryRequestWithWrongSessionId IllegalHelloRetryRequestWithInvalidEch
        IllegalMiddleboxChangeCipherSpec IllegalTlsInnerPlaintext IncorrectBinder InvalidCertCompression
        InvalidMaxEarlyDataSize InvalidKeyShare KeyEpochWithPendingFragment KeyUpdateReceivedInQuicConnection
        MessageInterleavedWithHandshakeMessage MissingBinderInPskExtension MissingKeyShare
        MissingPskExtensionInSecondClientHello MissingPskModesExtension MissingQuicTransportParameters
        OfferedDuplicateCertificateCompressions OfferedDuplicateKeyShares OfferedEarlyDataWithOldProtocolVersion
        OfferedEmptyApplicationProtocol OfferedIncorrectCompressions PskExtensionMustBeLast
        PskExtensionWithMismatchedIdsAndBinders RefusedToFollowHelloRetryRequest
        RejectedEarlyDataInterleavedWithHandshakeMessage ResumptionAttemptedWithVariedEms
        ResumptionOfferedWithVariedCipherSuite ResumptionOfferedWithVariedEms
        ResumptionOfferedWithIncompatibleCipherSuite SelectedDifferentCipherSuiteAfterRetry SelectedInvalidPsk
        SelectedTls12UsingTls13VersionExtension SelectedUnofferedApplicationProtocol SelectedUnofferedCertCompression
        SelectedUnofferedCipherSuite SelectedUnofferedCompression SelectedUnofferedKxGroup SelectedUnofferedPsk
        SelectedUnusableCipherSuiteForVersion ServerEchoedCompatibilitySessionId
        ServerHelloMustOfferUncompressedEcPoints ServerNameDifferedOnRetry ServerNameMustContainOneHostName
        SignedKxWithWrongAlgorithm SignedHandshakeWithUnadvertisedSigScheme TooManyEmptyFragments
        TooManyKeyUpdateRequests TooManyRenegotiationRequests TooManyWarningAlertsReceived TooMuchEarlyDataReceived
        UnexpectedCleartextExtension UnsolicitedCertExtension UnsolicitedEncryptedExtension UnsolicitedSctList
        UnsolicitedServerHelloExtension WrongGroupForKeyShare UnsolicitedEchExtension)
}

fn garbled() -> Vec<InvalidMessage> {
    let mut out = all!(InvalidMessage: CertificatePayloadTooLarge HandshakePayloadTooLarge InvalidCcs InvalidContentType
        InvalidCertificateStatusType InvalidCertRequest InvalidDhParams InvalidEmptyPayload InvalidKeyUpdate
        InvalidServerName MessageTooLarge MessageTooShort MissingKeyExchange NoSignatureSchemes UnknownProtocolVersion
        UnsupportedCompression UnsupportedCurveType EmptyTicketValue IllegalEmptyValue PreSharedKeyIsNotFinalExtension
        UnknownHelloRetryRequestExtension UnknownCertificateExtension);
    out.push(InvalidMessage::MissingData("ServerNameType"));
    out.push(InvalidMessage::TrailingData("ServerHelloPayload"));
    out.push(InvalidMessage::UnexpectedMessage("ClientHello"));
    out.push(InvalidMessage::IllegalEmptyList("SignatureSchemes"));
    out.push(InvalidMessage::DuplicateExtension(10));
    out
}

fn incompatible() -> Vec<PeerIncompatible> {
    let mut out = all!(PeerIncompatible: EcPointsExtensionRequired ExtendedMasterSecretExtensionRequired
        IncorrectCertificateTypeExtension KeyShareExtensionRequired NamedGroupsExtensionRequired
        NoCertificateRequestSignatureSchemesInCommon NoCipherSuitesInCommon NoEcPointFormatsInCommon NoKxGroupsInCommon
        NoSignatureSchemesInCommon NullCompressionRequired ServerDoesNotSupportTls12Or13
        ServerSentHelloRetryRequestWithUnknownExtension ServerTlsVersionIsDisabledByOurConfig
        SignatureAlgorithmsExtensionRequired SupportedVersionsExtensionRequired Tls12NotOffered
        Tls12NotOfferedOrEnabled Tls13RequiredForQuic UncompressedEcPointsRequired UnsolicitedCertificateTypeExtension);
    out.push(PeerIncompatible::ServerRejectedEncryptedClientHello(None));
    out
}

fn others() -> Vec<Error> {
    let distrust = |why: ValidationError| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))));
    let mut out = all!(Error: NoCertificatesPresented UnsupportedNameType DecryptError EncryptError FailedToGetCurrentTime
        FailedToGetRandomBytes HandshakeNotComplete PeerSentOversizedRecord NoApplicationProtocol BadMaxFragmentSize);
    out.extend([
        Error::InappropriateMessage { expect_types: Vec::new(), got_type: rustls::ContentType::Handshake },
        Error::InappropriateHandshakeMessage { expect_types: Vec::new(), got_type: rustls::HandshakeType::ServerHello },
        Error::InvalidEncryptedClientHello(EncryptedClientHelloError::InvalidConfigList),
        Error::InvalidEncryptedClientHello(EncryptedClientHelloError::NoCompatibleConfig),
        Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
        Error::InvalidCertRevocationList(CertRevocationListError::BadSignature),
        Error::InvalidCertificate(CertificateError::BadEncoding),
        Error::InvalidCertificate(CertificateError::UnknownIssuer),
        Error::General("a sentence".to_owned()),
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
        Error::InconsistentKeys(InconsistentKeys::Unknown),
        Error::Other(OtherError(Arc::new(std::io::Error::other("SomeName { x: 1 }")))),
        distrust(ValidationError::Wrong("it is wrong".to_owned())),
        distrust(ValidationError::CannotJudge("it is open".to_owned())),
        Error::AlertReceived(AlertDescription::UnknownPSKIdentity),
    ]);
    out
}

#[test]
fn no_error_of_the_library_is_told_in_its_own_names() {
    let mut errors = others();
    errors.extend(misbehaved().into_iter().map(Error::PeerMisbehaved));
    errors.extend(garbled().into_iter().map(Error::InvalidMessage));
    errors.extend(incompatible().into_iter().map(Error::PeerIncompatible));
    for error in &errors {
        let told = text(&sort(error));
        assert!(plain(&told) && plain(&words(error)), "{error:?}: {told}");
    }
    // A variant that is new in the library falls through to a general word; those known today do not.
    for error in
        misbehaved().into_iter().map(Error::PeerMisbehaved).chain(garbled().into_iter().map(Error::InvalidMessage))
    {
        assert!(!FALLBACKS.contains(&text(&sort(&error)).as_str()), "{error:?}");
    }
}

#[test]
fn what_quic_passes_on_is_translated() {
    for error in misbehaved()
        .into_iter()
        .map(Error::PeerMisbehaved)
        .chain(garbled().into_iter().map(Error::InvalidMessage))
        .chain(incompatible().into_iter().map(Error::PeerIncompatible))
    {
        let told = text(&sort_text(&error.to_string()));
        assert!(plain(&told), "{error}: {told}");
    }
    let ours = sort_text(&Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon).to_string());
    let ClassifiedError::Ours(text, _) = ours else { panic!("{ours:?}") };
    assert!(text.starts_with("no kx groups in common: this program offers"), "{text}");
    assert_eq!(sort_text("a reason of QUIC"), ClassifiedError::Broken("a reason of QUIC".to_owned()));
}

#[test]
fn what_this_side_lacks_is_not_the_servers_fault() {
    use PeerIncompatible as I;
    for why in [I::NoCipherSuitesInCommon, I::NoKxGroupsInCommon, I::NoSignatureSchemesInCommon] {
        let ClassifiedError::Ours(text, _) = sort(&Error::PeerIncompatible(why)) else { panic!() };
        assert!(
            text.contains("TLS_AES_128_GCM_SHA256") && text.contains("secp384r1") && text.contains("ed25519"),
            "{text}"
        );
    }
    let old = sort(&Error::PeerIncompatible(I::ServerDoesNotSupportTls12Or13));
    assert!(matches!(old, ClassifiedError::Ours(..)), "{old:?}");
    for why in [InvalidMessage::CertificatePayloadTooLarge, InvalidMessage::HandshakePayloadTooLarge] {
        let ClassifiedError::TooLarge(text) = sort(&Error::InvalidMessage(why)) else { panic!() };
        assert!(text.contains("larger than this side reads"), "{text}");
    }
    let open = Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(ValidationError::CannotJudge(
        "x".to_owned(),
    )))));
    assert_eq!(sort(&open), ClassifiedError::Ours("x".to_owned(), super::OTHER_CLIENT));
}
