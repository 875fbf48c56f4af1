//! Trust anchors: what is believed without proof.

use domain::base::Name as BaseName;
use domain::base::RecordData as _;
use domain::base::iana::Class;
use domain::base::name::ToName as _;
use domain::base::rdata::ComposeRecordData as _;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::{Digest, Key, Name, algorithm, dotted, supported};

/// A key that is trusted for a zone, or the digest of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// A DS record.
    Ds(Name, Digest),
    /// A DNSKEY record.
    Key(Name, Key),
}

/// The root's DS records: KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718) in
/// <https://data.iana.org/root-anchors/root-anchors.xml>.
const ROOT: &str = "\
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

impl Anchor {
    /// The anchors of the root zone.
    #[must_use]
    pub fn root() -> Vec<Self> {
        Self::read(ROOT).unwrap_or_default()
    }

    /// DS and DNSKEY records as a zone file writes them: TTL and class may be left out, comments and parentheses may be
    /// there, names are absolute. `Err` says what is wrong, in the words of a suite's author.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        let mut file = Zonefile::new();
        file.set_default_class(Class::IN);
        file.set_origin(BaseName::root_bytes());
        file.extend_from_slice(text.as_bytes());
        file.extend_from_slice(b"\n");
        let mut anchors = Vec::new();
        while let Some(entry) = file.next_entry().map_err(|error| format!("it is no record: {error}"))? {
            let Entry::Record(record) = entry else { return Err("it includes another file".to_owned()) };
            let owner: Name = record.owner().to_canonical_name();
            let mut data = Vec::new();
            let Ok(()) = record.data().compose_canonical_rdata(&mut data);
            let anchor = match record.data() {
                ZoneRecordData::Ds(_) => Digest::read(&data).map(|ds| Self::Ds(owner, ds)),
                ZoneRecordData::Dnskey(_) => Key::read(&data).map(|key| Self::Key(owner, key)),
                other => return Err(format!("a {} record is no trust anchor", other.rtype())),
            };
            anchors.push(anchor.ok_or("it is too short")?.sound()?);
        }
        Ok(anchors)
    }

    /// The zone that is trusted.
    #[must_use]
    pub fn zone(&self) -> &Name {
        match self {
            Self::Ds(zone, _) | Self::Key(zone, _) => zone,
        }
    }

    /// `key` is what this anchor trusts.
    #[must_use]
    pub fn trusts(&self, key: &Key) -> bool {
        match self {
            Self::Ds(zone, ds) => key.is(ds, zone),
            Self::Key(_, trusted) => key == trusted,
        }
    }

    /// `DS 12345 ECDSAP256SHA256`, for people.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Ds(_, ds) => format!("DS {} {}", ds.tag, algorithm(ds.algorithm)),
            Self::Key(_, key) => format!("DNSKEY {} {}", key.tag, algorithm(key.algorithm)),
        }
    }

    /// As a line of a zone file, without TTL.
    #[must_use]
    pub fn line(&self) -> String {
        use base64::Engine as _;
        match self {
            Self::Ds(zone, ds) => {
                let value = crate::net::bytes::hex(&ds.value);
                format!("{} IN DS {} {} {} {value}", dotted(zone), ds.tag, ds.algorithm, ds.digest)
            }
            Self::Key(zone, key) => {
                let public = base64::engine::general_purpose::STANDARD.encode(&key.public);
                format!("{} IN DNSKEY {} {} {} {public}", dotted(zone), key.flags, key.protocol, key.algorithm)
            }
        }
    }

    /// An anchor that can never match would make every verdict wrong, so it is refused before anything is asked.
    fn sound(self) -> Result<Self, String> {
        let number = match &self {
            Self::Ds(_, ds) => ds.algorithm,
            Self::Key(_, key) => key.algorithm,
        };
        if !supported(number) {
            return Err(format!("algorithm {number} ({}) cannot be checked", algorithm(number)));
        }
        match &self {
            Self::Ds(_, ds) => match ds.length() {
                None => return Err(format!("digest type {} cannot be checked", ds.digest)),
                Some(length) if length != ds.value.len() => {
                    let actual = ds.value.len();
                    return Err(format!("a digest of type {} has {length} bytes, this one has {actual}", ds.digest));
                }
                Some(_) => {}
            },
            Self::Key(_, key) if !key.signs() => {
                return Err(format!("a DNSKEY with flags {} and protocol {} signs nothing", key.flags, key.protocol));
            }
            Self::Key(_, key) if !key.usable() => {
                return Err(format!("the key is no {} key", algorithm(key.algorithm)));
            }
            Self::Key(..) => {}
        }
        Ok(self)
    }
}
