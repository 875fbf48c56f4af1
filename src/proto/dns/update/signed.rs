//! Messages that are signed with a shared key, and their answers, which must be signed with it as well.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use domain::base::Message;
use domain::base::iana::{Class, Opcode, TsigRcode};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::name::{ParsedName, ToName as _};
use domain::base::rdata::ComposeRecordData as _;
use domain::rdata::AllRecordData;
use domain::rdata::tsig::Time48;
use domain::tsig::{Algorithm, ClientTransaction, Key, KeyName, ValidationError};
use tokio::io::AsyncWriteExt as _;

use super::{RecordSet, RecordSetPlace, skew, wire};
use crate::model::human_time;
use crate::net::{ConnectError, Origin, connect, deadline};
use crate::proto::dns::exchange::{frame, framed};
use crate::proto::dns::{rcode, types};

/// A key that this side and the server share.
#[derive(Clone)]
pub(crate) struct SharedKey(Key, hmac::Key);

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedKey({})", self.0.name())
    }
}

impl SharedKey {
    /// `algorithm` is its name, as `hmac-sha256`.
    pub(crate) fn new(key_name: &str, algorithm: &str, secret: &[u8]) -> Result<Self, String> {
        let algorithm: Algorithm =
            algorithm.parse().map_err(|_| format!("`{algorithm}` is no algorithm of such a key"))?;
        let key_name: KeyName = wire(key_name)?.try_to_name().map_err(|_| "its name is too long".to_owned())?;
        let signing = hmac::Key::new(skew::hash(algorithm), secret);
        Key::new(algorithm, secret, key_name, None, None)
            .map(|key| Self(key, signing))
            .map_err(|error| error.to_string())
    }

    pub(super) fn key(&self) -> &Key {
        &self.0
    }

    pub(super) fn signing(&self) -> &hmac::Key {
        &self.1
    }
}

/// Why an update was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpdateError {
    /// The set does not hold the records that were expected.
    Changed,
    /// Something else, with what to try.
    Failed(String),
}

/// A message that is ready to be sent.
#[derive(Debug)]
pub(crate) struct SignedRequest {
    bytes: Vec<u8>,
    /// Absent without a key.
    transaction: Option<(ClientTransaction<Key>, SharedKey)>,
}

impl SignedRequest {
    pub(super) fn new(mut message: AdditionalBuilder<Vec<u8>>, key: Option<&SharedKey>) -> Result<Self, String> {
        let transaction = match key {
            None => None,
            Some(key) => {
                let now = Time48::now();
                let transaction = ClientTransaction::request(key.0.clone(), &mut message, now);
                Some((transaction.map_err(super::too_large)?, key.clone()))
            }
        };
        let bytes = message.finish();
        if bytes.len() > usize::from(u16::MAX) {
            return Err(format!("the records do not fit into one message of {} bytes", u16::MAX));
        }
        Ok(Self { bytes, transaction })
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sends it over TCP, and reads what comes back. `patience` is that of connecting and of the answer, each.
    pub(crate) async fn send(&self, server: SocketAddr, patience: Duration) -> Result<Vec<u8>, String> {
        let dialled = connect(server, Origin::default(), patience).await.map_err(|fault| fault.to_string())?;
        let told = |why: ConnectError| {
            format!("{}: check `server` and `port`, and that it takes TCP", why.sentence(server, patience))
        };
        let mut stream = dialled.map_err(told)?.stream;
        let mut buffer = Vec::new();
        let exchanged = deadline::within(patience, async {
            stream.write_all(&framed(&self.bytes)).await?;
            frame(&mut stream, &mut buffer).await
        });
        match exchanged.await {
            Ok(Ok(true)) => Ok(buffer.split_off(2)),
            Ok(Ok(false)) => Err(format!("{server} closed the connection before a complete answer")),
            Ok(Err(error)) => Err(format!("{server} (TCP): {error}")),
            Err(_) => Err(format!("no answer from {server} (TCP) within {}", human_time(patience))),
        }
    }

    /// The set that a question was answered with, by a server that knows it itself.
    pub(crate) fn set(&self, place: &RecordSetPlace, answer: Vec<u8>) -> Result<RecordSet, String> {
        let message = self.verified(answer, Opcode::QUERY)?;
        let code = u16::from(message.header().rcode().to_int());
        if !matches!(code, rcode::NOERROR | rcode::NXDOMAIN) {
            let advice = match code {
                rcode::REFUSED => {
                    format!("it does not serve {} to this host: check `server` and `zone`", place.zone.fmt_with_dot())
                }
                code => advice(code, place),
            };
            return Err(format!("it answers {} {}: {advice}", place.title(), rcode::text(code)));
        }
        if !message.header().aa() {
            return Err(format!(
                "it is not authoritative for {}: name the primary server of the zone as `server`",
                place.title()
            ));
        }
        let mut set = RecordSet::default();
        let mut ttls = Vec::new();
        let broken = |_| "its answer cannot be read".to_owned();
        for record in message.answer().map_err(broken)? {
            let record = record.map_err(broken)?;
            if record.class() != Class::IN || !record.owner().name_eq(&place.owner) {
                continue;
            }
            let kind = record.rtype();
            if kind.to_int() == types::CNAME && kind != place.kind {
                return Err(format!(
                    "{} is an alias: write `type: CNAME` to change that, or name what it stands for",
                    place.owner.fmt_with_dot()
                ));
            }
            if kind != place.kind {
                continue;
            }
            let typed = record.to_record::<AllRecordData<_, ParsedName<_>>>().map_err(broken)?;
            let typed = typed.ok_or_else(|| "its answer cannot be read".to_owned())?;
            let mut data = Vec::new();
            let Ok(()) = typed.data().compose_rdata(&mut data);
            ttls.push(record.ttl().as_secs());
            set.data.push(data);
        }
        set.ttl = ttls.first().copied().unwrap_or_default();
        if ttls.iter().any(|ttl| *ttl != set.ttl) {
            return Err(format!("its records of {} have several TTLs, which no update can put back", place.title()));
        }
        Ok(set)
    }

    /// What an update came to.
    pub(crate) fn outcome(&self, place: &RecordSetPlace, answer: Vec<u8>) -> Result<(), UpdateError> {
        let message = self.verified(answer, Opcode::UPDATE).map_err(UpdateError::Failed)?;
        let code = u16::from(message.header().rcode().to_int());
        match code {
            rcode::NOERROR => Ok(()),
            rcode::NXDOMAIN | rcode::YXDOMAIN | rcode::YXRRSET | rcode::NXRRSET => Err(UpdateError::Changed),
            code => Err(UpdateError::Failed(format!("it answers {}: {}", rcode::text(code), advice(code, place)))),
        }
    }

    /// The answer, once it is known to be one to this request, and of who has the key.
    fn verified(&self, answer: Vec<u8>, opcode: Opcode) -> Result<Message<Vec<u8>>, String> {
        let mut message = Message::from_octets(answer).map_err(|_| "its answer is no DNS message".to_owned())?;
        let header = message.header();
        let own = self.bytes.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
        if header.id() != own || !header.qr() || header.opcode() != opcode {
            return Err("what came back is no answer to this message".to_owned());
        }
        let Some((transaction, key)) = &self.transaction else { return Ok(message) };
        if let Some(skew) = skew::told(&self.bytes, message.as_slice(), key) {
            return Err(skew.text());
        }
        let signed = Message::from_slice(message.as_slice()).ok().and_then(skew::signature);
        let signed = signed.map(|(_, signature)| (signature.data().error(), signature.data().time_signed()));
        let code = u16::from(header.rcode().to_int());
        // What a server cannot sign, because it has not the key, nobody can vouch for; it is an error all the same.
        let refused = signed.filter(|_| code == rcode::NOTAUTH).and_then(|(error, _)| match error {
            TsigRcode::BADKEY => Some(ValidationError::ServerBadKey),
            TsigRcode::BADSIG => Some(ValidationError::ServerBadSig),
            _ => None,
        });
        if let Some(why) = refused {
            return Err(unverified(why, code, &transaction.key().name().to_string()));
        }
        let now = Time48::now();
        match transaction.answer(&mut message, now) {
            Ok(()) => Ok(message),
            // The signature itself holds.
            Err(ValidationError::BadTime) if let Some((_, there)) = signed => {
                let clock = skew::direction(skew::ahead(there, now));
                Err(format!(
                    "by the time that its answer was signed at, its clock is {clock}: set the one that is wrong by NTP"
                ))
            }
            Err(why) => Err(unverified(why, code, &transaction.key().name().to_string())),
        }
    }
}

/// Why the signature of an answer does not do, and what to try. `code` is its response code, which nobody vouches for.
fn unverified(why: ValidationError, code: u16, key: &str) -> String {
    let failed = |sign: &str, advice: &str| format!("it answers NOTAUTH ({sign}): {advice}");
    match why {
        ValidationError::ServerBadKey => failed(
            "BADKEY",
            &format!(
                "it does not know the key `{key}` with this algorithm: check `key.name` and `key.algorithm`, and that it may update the zone"
            ),
        ),
        ValidationError::ServerBadSig => {
            failed("BADSIG", &format!("the server has a different secret for the key `{key}`: check `key.secret`"))
        }
        ValidationError::ServerUnsigned if code == rcode::NOERROR => {
            "its answer is not signed, so nobody vouches for it: have the server sign, or leave `key` out".to_owned()
        }
        ValidationError::ServerUnsigned => {
            format!("it answers {} without a signature: {}", rcode::text(code), advice_of(code, "the zone", key))
        }
        other => format!("the signature of its answer does not hold ({other}): somebody else answers, or another key"),
    }
}

fn advice(code: u16, place: &RecordSetPlace) -> String {
    advice_of(code, &place.zone.fmt_with_dot().to_string(), "")
}

/// What to try after a response code.
fn advice_of(code: u16, zone: &str, key: &str) -> String {
    let key = if key.is_empty() { "this key".to_owned() } else { format!("the key `{key}`") };
    match code {
        rcode::REFUSED => format!(
            "it does not let {key} do that: allow it for {zone} (BIND: `allow-update` or `update-policy`, Knot DNS: an `acl` with `action: update`)"
        ),
        rcode::NOTAUTH => {
            format!("it is not the primary server of {zone}, or wants a key: check `server`, `zone` and `key`")
        }
        rcode::NOTZONE => format!("it does not take the name to be in {zone}: check `zone`"),
        rcode::SERVFAIL => {
            format!("it failed: its log says why (a zone that is frozen, or a file that cannot be written); {zone}")
        }
        rcode::NOTIMP => format!("it takes no updates: name the primary server of {zone} as `server`"),
        rcode::FORMERR => "it could not read the message: its log says why".to_owned(),
        _ => "its log says why".to_owned(),
    }
}
