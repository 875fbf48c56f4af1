//! Clocks that differ, as a server tells it: it answers NOTAUTH with BADTIME, signs that, and has its own time in Other Data (RFC 8945,
//! 5.2.3).
//!
//! The signature is checked here, because the library takes eight bytes of that time into its digest, and there are six.

use aws_lc_rs::hmac;
use domain::base::Message;
use domain::base::iana::{Class, TsigRcode};
use domain::base::message::RecordSection;
use domain::base::name::{ParsedName, ToName};
use domain::base::record::Record;
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::Algorithm;

use super::signed::SharedKey;
use crate::model::count::counted;
use crate::proto::dns::rcode;

/// The signature of a message.
type Signature<'a> = Record<ParsedName<&'a [u8]>, Tsig<&'a [u8], ParsedName<&'a [u8]>>>;

/// What a server says of the clocks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skew {
    /// Seconds that its clock is ahead; absent where it does not say its time.
    ahead: Option<i64>,
    /// The seconds that a signature allows.
    allowed: u16,
    /// The key vouches for it.
    vouched: bool,
}

/// What an answer says of the clocks; `None` where it is not refused for them.
pub(super) fn told(request: &[u8], answer: &[u8], key: &SharedKey) -> Option<Skew> {
    let answer = Message::from_slice(answer).ok()?;
    if u16::from(answer.header().rcode().to_int()) != rcode::NOTAUTH {
        return None;
    }
    let (start, signature) = signature(answer)?;
    let told = signature.data();
    if told.error() != TsigRcode::BADTIME {
        return None;
    }
    let request = Message::from_slice(request).ok()?;
    let (_, own) = self::signature(request)?;
    Some(Skew {
        ahead: told.other_time().map(|there| ahead(there, own.data().time_signed())),
        allowed: own.data().fudge(),
        vouched: is_signed(answer, start, &signature, own.data().mac(), key),
    })
}

/// Seconds that the one is later than the other.
pub(super) fn ahead(there: Time48, here: Time48) -> i64 {
    let seconds = |time: Time48| i64::try_from(u64::from(time)).unwrap_or(i64::MAX);
    seconds(there).saturating_sub(seconds(here))
}

/// Where the signature of a message begins, which is its last record; and that.
pub(super) fn signature<'a>(message: &'a Message<[u8]>) -> Option<(usize, Signature<'a>)> {
    let mut records: RecordSection<'a, [u8]> = message.additional().ok()?;
    loop {
        let start = records.pos();
        let record = records.next()?.ok()?;
        if let Some(signature) = record.into_record().ok()? {
            return records.next().is_none().then_some((start, signature));
        }
    }
}

/// RFC 8945, 4.3: the digest takes the signature of the request, the message without its own, and what is said of the time.
fn is_signed(
    answer: &Message<[u8]>,
    start: usize,
    signature: &Signature<'_>,
    request: &[u8],
    shared: &SharedKey,
) -> bool {
    let (key, told) = (shared.key(), signature.data());
    let algorithm = key.algorithm().to_name();
    if !signature.owner().name_eq(key.name()) || !told.algorithm().name_eq(&algorithm) {
        return false;
    }
    let Some((header, sections)) = answer.as_slice().get(..start).and_then(|bytes| bytes.split_at_checked(12)) else {
        return false;
    };
    let mut digest = Vec::with_capacity(start + 256);
    let mut number = |number: usize| digest.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
    number(request.len());
    digest.extend(request);
    digest.extend(told.original_id().to_be_bytes());
    digest.extend(header.get(2..10).unwrap_or_default());
    digest.extend(answer.header_counts().arcount().saturating_sub(1).to_be_bytes());
    digest.extend(sections);
    let Ok(()) = key.name().compose_canonical(&mut digest);
    digest.extend(Class::ANY.to_int().to_be_bytes());
    digest.extend([0; 4]);
    let Ok(()) = algorithm.compose_canonical(&mut digest);
    digest.extend(told.time_signed().into_octets());
    digest.extend(told.fudge().to_be_bytes());
    digest.extend(told.error().to_int().to_be_bytes());
    digest.extend(u16::try_from(told.other().len()).unwrap_or(u16::MAX).to_be_bytes());
    digest.extend(*told.other());
    hmac::verify(shared.signing(), &digest, told.mac()).is_ok()
}

/// The algorithm as the library that computes it has it.
pub(super) fn hash(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha384 => hmac::HMAC_SHA384,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    }
}

impl Skew {
    pub(super) fn text(&self) -> String {
        let Some(ahead) = self.ahead else {
            let whom = self.unvouched();
            return format!(
                "it answers NOTAUTH (BADTIME){whom}: its clock and that of this host differ: set both by NTP"
            );
        };
        if ahead.unsigned_abs() <= u64::from(self.allowed) {
            return format!(
                "it answers NOTAUTH (BADTIME){}, although its clock is {}, and a signature allows {} s: run it again; if it stays, its log says why",
                self.unvouched(),
                direction(ahead),
                self.allowed
            );
        }
        format!(
            "it answers NOTAUTH (BADTIME){}: its clock is {}, and a signature allows {} s: set the one that is wrong by NTP \
             (`timedatectl` shows that of this host)",
            self.unvouched(),
            direction(ahead),
            self.allowed
        )
    }

    fn unvouched(&self) -> &'static str {
        if self.vouched { "" } else { ", without a signature that holds, so anybody may have said it" }
    }
}

/// How the clock of a server stands to that of this host.
pub(super) fn direction(ahead: i64) -> String {
    match (counted(ahead.unsigned_abs(), "second"), ahead) {
        (_, 0) => "the same as that of this host".to_owned(),
        (seconds, 1..) => format!("{seconds} ahead of that of this host"),
        (seconds, _) => format!("{seconds} behind that of this host"),
    }
}
