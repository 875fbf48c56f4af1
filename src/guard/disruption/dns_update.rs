//! The records of a name, by a dynamic update of its zone (RFC 2136). The server itself sees to it that nobody's change is lost: each
//! update names the records that it expects to find.
//!
//! What is put back is what was there: every record, and the TTL. A set that is neither what this program made of it, nor what it was,
//! is somebody else's, and left alone.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{TimeLimits, Unrestored};
use crate::guard::secrets::{HoldsSecrets, word};
use crate::model::{Text, shell};
use crate::proto::dns::update::{RecordSet, RecordSetPlace, SharedKey, SignedRequest, UpdateError};

/// Connecting, and an answer, each.
const PATIENCE: Duration = Duration::from_secs(5);
/// One exchange.
const EXCHANGE: Duration = Duration::from_secs(10);

/// A key that this side and the server share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsKey {
    /// Its name.
    pub name: String,
    /// `hmac-sha256` and the like.
    pub algorithm: String,
    /// In base64.
    pub secret: Text,
}

/// Records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecords {
    /// Seconds.
    pub ttl: u32,
    /// The data of each as on the wire, in base64.
    data: Vec<String>,
}

impl DnsRecords {
    fn of(set: &RecordSet) -> Self {
        Self { ttl: set.ttl, data: set.data.iter().map(|data| STANDARD.encode(data)).collect() }
    }

    fn set(&self) -> Result<RecordSet, String> {
        let data = self.data.iter().map(|data| STANDARD.decode(data).map_err(|error| error.to_string()));
        Ok(RecordSet { ttl: self.ttl, data: data.collect::<Result<_, _>>()? })
    }
}

/// Other records in the place of those of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsUpdate {
    /// The primary server of the zone.
    pub server: SocketAddr,
    /// The zone.
    pub zone: String,
    /// The name.
    pub name: String,
    /// The number of its type.
    pub kind: u16,
    /// Those that are set; none deletes them.
    pub after: DnsRecords,
    /// Signs what is sent.
    pub key: Option<DnsKey>,
    /// Those that were there.
    before: DnsRecords,
}

impl DnsUpdate {
    /// `texts` are data as a zone file has it. The error says what is wrong with it.
    pub fn new(
        server: SocketAddr,
        (zone, name, kind): (&str, &str, u16),
        (ttl, texts): (u32, &[String]),
        key: Option<DnsKey>,
    ) -> Result<Self, String> {
        let place = RecordSetPlace::new(zone, name, kind)?;
        let after = RecordSet { ttl: if texts.is_empty() { 0 } else { ttl }, data: place.read(texts)? };
        Ok(Self {
            server,
            zone: zone.to_owned(),
            name: name.to_owned(),
            kind,
            after: DnsRecords::of(&after),
            key,
            before: DnsRecords::default(),
        })
    }

    pub(super) async fn prepare(&mut self) -> Result<DnsUndo, String> {
        let place = self.place()?;
        let before = self.present(&place).await?;
        let after = self.after.set()?;
        if place.same_records(&before, &after) {
            let (title, has) = (place.title(), if after.data.is_empty() { "no records" } else { "these records" });
            let ttl = if place.same(&before, &after) { "" } else { ", and another TTL breaks nothing" };
            return Err(format!("{title} has {has} already{ttl}: write other `data`"));
        }
        // Changes nothing, and shows whether this key may, and whether the server holds what it answers.
        let looked = self.sent(&place, &place.update(&before, None, self.shared_key()?.as_ref())?).await;
        match looked {
            Ok(()) => {}
            Err(UpdateError::Changed) => {
                return Err(format!(
                    "{} answers with records of {} that it does not hold: they are made from a wildcard, or just changed",
                    self.server,
                    place.title()
                ));
            }
            Err(UpdateError::Failed(why)) => return Err(self.told(&why)),
        }
        self.before = DnsRecords::of(&before);
        Ok(DnsUndo(self.clone()))
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        let place = self.place()?;
        let (before, after) = (self.before.set()?, self.after.set()?);
        match self.sent(&place, &place.update(&before, Some(&after), self.shared_key()?.as_ref())?).await {
            Ok(()) => Ok(()),
            Err(UpdateError::Changed) => Err(format!(
                "somebody has changed {} since it was looked at, from {}: nothing was set",
                place.title(),
                texts(&place, &before)
            )),
            Err(UpdateError::Failed(why)) => Err(self.told(&why)),
        }
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let place = self.place()?;
        let present = self.present(&place).await?;
        if place.same(&present, &self.after.set()?) {
            return Ok(());
        }
        Err(format!("{} is {} all the same", place.title(), texts(&place, &present)))
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        let place = self.place().ok()?;
        let (present, after) = (self.present(&place).await.ok()?, self.after.set().ok()?);
        let is = || format!("{} is {}, and {} was set", place.title(), texts(&place, &present), texts(&place, &after));
        (!place.same(&present, &after)).then(is)
    }

    fn place(&self) -> Result<RecordSetPlace, String> {
        RecordSetPlace::new(&self.zone, &self.name, self.kind)
    }

    fn shared_key(&self) -> Result<Option<SharedKey>, String> {
        let shared = |key: &DnsKey| {
            let secret = STANDARD.decode(key.secret.trim());
            // What the decoder says may show a part of it.
            let secret = secret.map_err(|_| format!("the secret of the key `{}` is not valid base64", key.name))?;
            SharedKey::new(&key.name, &key.algorithm, &secret).map_err(|why| format!("the key `{}`: {why}", key.name))
        };
        self.key.as_ref().map(shared).transpose()
    }

    /// The records that there are.
    async fn present(&self, place: &RecordSetPlace) -> Result<RecordSet, String> {
        let request = place.question(self.shared_key()?.as_ref())?;
        let answer = request.send(self.server, PATIENCE).await?;
        request.set(place, answer).map_err(|why| self.told(&why))
    }

    async fn sent(&self, place: &RecordSetPlace, request: &SignedRequest) -> Result<(), UpdateError> {
        let answer = request.send(self.server, PATIENCE).await.map_err(UpdateError::Failed)?;
        request.outcome(place, answer)
    }

    fn told(&self, why: &str) -> String {
        format!("{}: {why}", self.server)
    }

    pub(super) fn limits() -> TimeLimits {
        TimeLimits { prepare: EXCHANGE * 2, inject: EXCHANGE, restore: EXCHANGE * 3, verify: EXCHANGE }
    }

    pub(super) fn shell_text(&self) -> String {
        self.line(&self.after)
    }

    /// What `nsupdate` does the same with.
    fn line(&self, records: &DnsRecords) -> String {
        let commands = self.place().and_then(|place| Ok(place.commands(&records.set()?))).unwrap_or_default();
        let server = shell::word(&format!("server {} {}", self.server.ip(), self.server.port()));
        // The shell itself prints it, so the secret stands in no list of processes.
        let key = |key: &DnsKey| word(&format!("key {}:{} ", key.algorithm, key.name), &key.secret);
        let commands = commands.iter().map(|line| shell::word(line));
        let words = [server].into_iter().chain(self.key.as_ref().map(key)).chain(commands);
        format!("printf '%s\\n' {} | nsupdate", words.collect::<Vec<_>>().join(" "))
    }

    pub(super) fn inverse(&self) -> String {
        let title = self.place().map(|place| place.title()).unwrap_or_default();
        format!("# {title} at {}: the records and the TTL that it has before", self.server)
    }

    pub(super) fn subject(&self) -> String {
        let title = self.place().map(|place| place.title().to_ascii_lowercase()).unwrap_or_default();
        format!("records {title} at {}", self.server)
    }
}

/// The records that were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsUndo(DnsUpdate);

impl DnsUndo {
    pub(super) async fn restore(&self) -> Result<(), Unrestored> {
        let own = &self.0;
        let place = own.place()?;
        let (before, after) = (own.before.set()?, own.after.set()?);
        let request = place.update(&after, Some(&before), own.shared_key()?.as_ref())?;
        match own.sent(&place, &request).await {
            Ok(()) => return Ok(()),
            Err(UpdateError::Changed) => {}
            Err(UpdateError::Failed(why)) => return Err(own.told(&why).into()),
        }
        let present = own.present(&place).await?;
        if place.same(&present, &before) {
            return Ok(());
        }
        Err(Unrestored::left_alone(format!(
            "{} is {}: neither what was set ({}) nor what it was ({}), so somebody has changed it meanwhile, and it is left alone",
            place.title(),
            texts(&place, &present),
            texts(&place, &after),
            texts(&place, &before)
        )))
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let own = &self.0;
        let place = own.place()?;
        let present = own.present(&place).await?;
        let before = own.before.set()?;
        if place.same(&present, &before) {
            return Ok(());
        }
        Err(format!("{} is {}, and was {}", place.title(), texts(&place, &present), texts(&place, &before)))
    }

    pub(super) fn by_hand(&self) -> String {
        self.0.line(&self.0.before)
    }
}

impl HoldsSecrets for DnsUndo {
    fn title(&self) -> String {
        let title = self.0.place().map(|place| place.title()).unwrap_or_default();
        format!("`dns_update` ({title} at {})", self.0.server)
    }

    fn texts_mut(&mut self) -> Vec<&mut Text> {
        self.0.key.iter_mut().map(|key| &mut key.secret).collect()
    }
}

/// Records for people.
fn texts(place: &RecordSetPlace, set: &RecordSet) -> String {
    /// Of a longer list.
    const SHOWN: usize = 8;
    let mut all = place.texts(set);
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if all.is_empty() { "without records".to_owned() } else { format!("{}{more} (TTL {} s)", all.join(", "), set.ttl) }
}

#[cfg(test)]
mod tests;
