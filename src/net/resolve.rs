//! Names to addresses, by the system's resolver, with a limit in time.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::sys::addrinfo::{AddressFamily, LookupError, lookup};
use crate::model::argument::choices;
use crate::model::interface::address_and_zone;
use crate::model::shell::{self, command};
use crate::model::{Fault, Text};

/// Addresses kept of one name; one with more says so.
const MOST: usize = 64;

choices! {
    /// Which addresses of a name to use.
    pub enum IpVersion {
        /// Both.
        Any = "any",
        /// IPv4 only.
        V4 = "ipv4",
        /// IPv6 only.
        V6 = "ipv6",
    }
}

impl IpVersion {
    /// Whether `address` belongs to it.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Without repeats, in the resolver's order.
    pub list: Vec<IpAddr>,
    /// Why the name may have more.
    pub partial: Option<String>,
}

/// The addresses of `host`, at least one; an address stands for itself.
/// The inner `Err` says why there is none: a fact (`unresolved`). The outer one is a fault: the resolver is silent or this
/// side has no descriptors left, so that nothing is known of the name.
pub async fn resolve(host: &Text, version: IpVersion, patience: Duration) -> Result<Result<Addresses, String>, Fault> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // Formatted, it is as people may see it.
    let shown = host.shown();
    if let Some((address, _)) = address_and_zone(bare) {
        let foreign = || format!("{host} is not an address of the family asked for");
        let own = || Addresses { list: vec![address], partial: None };
        return Ok(version.admits(address).then(own).ok_or_else(foreign));
    }
    // RFC 6761, 6.4: names below `invalid` do not exist, and no resolver needs to be asked.
    if bare.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("invalid")) {
        return Ok(Err(format!("{host}: names below .invalid never exist")));
    }
    let asked = HostLookup { name: bare.to_owned(), end: Instant::now() + patience, patience };
    match asked.addresses(version).await {
        Err(LookupError::Failed(why)) => Err(silent(shown, &why)),
        Err(LookupError::Absent(why)) => Ok(Err(match version {
            IpVersion::Any => format!("{host}: {why}"),
            IpVersion::V4 => format!("{host} has no IPv4 address ({why})"),
            IpVersion::V6 => format!("{host} has no IPv6 address ({why})"),
        })),
        Ok(found) => Ok(distinct(shown, version, found)),
    }
}

/// The name, and how long its resolver has.
struct HostLookup {
    name: String,
    end: Instant,
    patience: Duration,
}

type LookupResult = Result<Vec<IpAddr>, LookupError>;

impl HostLookup {
    async fn addresses(&self, version: IpVersion) -> Result<Addresses, LookupError> {
        let whole = |list| Addresses { list, partial: None };
        match version {
            IpVersion::V4 => return self.lookup(AddressFamily::V4).await.map(whole),
            IpVersion::V6 => return self.lookup(AddressFamily::V6).await.map(whole),
            IpVersion::Any => {}
        }
        let both = self.both().await;
        match &both {
            Some(Ok(list)) if list.iter().any(IpAddr::is_ipv4) && list.iter().any(IpAddr::is_ipv6) => {
                return both.unwrap_or_else(|| Err(self.unanswered())).map(whole);
            }
            Some(Ok(list)) => {
                let v4 = list.iter().any(IpAddr::is_ipv4);
                let missing = self.lookup(if v4 { AddressFamily::V6 } else { AddressFamily::V4 }).await;
                let known = Ok(list.clone());
                return if v4 { combined(known, missing) } else { combined(missing, known) };
            }
            _ => {}
        }
        // "No such name" is also what the system's library says when one half is empty and the other failed.
        let (v4, v6) = tokio::join!(self.lookup(AddressFamily::V4), self.lookup(AddressFamily::V6));
        combined(v4, v6)
    }

    /// Both kinds at once, in the system's order; nothing when that takes so long that one of the questions seems to be lost:
    /// the library waits for the other as well, and each must be asked by itself while there is time.
    async fn both(&self) -> Option<LookupResult> {
        let (name, wait) = (self.name.clone(), self.patience / 4);
        let asked = tokio::task::spawn_blocking(move || lookup(&name, AddressFamily::Both));
        let found = super::deadline::within(wait, asked).await.ok()?;
        Some(found.unwrap_or_else(|error| Err(LookupError::Failed(error.to_string()))))
    }

    async fn lookup(&self, family: AddressFamily) -> LookupResult {
        let name = self.name.clone();
        let asked = tokio::task::spawn_blocking(move || lookup(&name, family));
        match super::deadline::until(self.end, asked).await {
            Err(_) => Err(self.unanswered()),
            Ok(found) => found.unwrap_or_else(|error| Err(LookupError::Failed(error.to_string()))),
        }
    }

    fn unanswered(&self) -> LookupError {
        let patience = self.patience;
        LookupError::Failed(format!("no answer within {patience:?}"))
    }
}

/// The addresses of both halves. One that failed is known as such, whatever the other one said: a name without A records may
/// well have AAAA records that were not to be had.
fn combined(v4: LookupResult, v6: LookupResult) -> Result<Addresses, LookupError> {
    let failed = |kind: &str, why: &str| format!("its {kind} records could not be looked up: {why}");
    let in_part = |list, kind: &str, why: &str| Ok(Addresses { list, partial: Some(failed(kind, why)) });
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(Addresses { list: [v6, v4].concat(), partial: None }),
        (Ok(list), Err(LookupError::Absent(_))) | (Err(LookupError::Absent(_)), Ok(list)) => {
            Ok(Addresses { list, partial: None })
        }
        (Ok(list), Err(LookupError::Failed(why))) => in_part(list, "AAAA", &why),
        (Err(LookupError::Failed(why)), Ok(list)) => in_part(list, "A", &why),
        (Err(LookupError::Absent(why)), Err(LookupError::Absent(_))) => Err(LookupError::Absent(why)),
        (Err(LookupError::Absent(_)), Err(LookupError::Failed(why))) => Err(LookupError::Failed(failed("AAAA", &why))),
        (Err(LookupError::Failed(why)), Err(LookupError::Absent(_))) => Err(LookupError::Failed(failed("A", &why))),
        (Err(LookupError::Failed(why)), Err(LookupError::Failed(_))) => Err(LookupError::Failed(why)),
    }
}

/// The fault of a resolver that does not answer.
#[must_use]
pub fn silent(host: &str, why: &str) -> Fault {
    let remedy = if why.contains("Too many open files") {
        "raise the limit of open files (`ulimit -n`), or lower --jobs".to_owned()
    } else {
        let word = shell::word(host);
        let by_hand = ["getent ahosts", "dig"].map(|program| command(&format!("{program} {word}")));
        format!("do the name servers of this host answer? here: `cat /etc/resolv.conf`; {}", by_hand.join("; "))
    };
    Fault::local(format!("resolve {host}"), "the system's resolver", why, remedy)
}

fn distinct(host: &str, version: IpVersion, found: Addresses) -> Result<Addresses, String> {
    let mut list = Vec::new();
    let mut nobody = None;
    for address in found.list {
        // A socket would lead to this host itself.
        if address.is_unspecified() {
            nobody = Some(address);
        } else if version.admits(address) && !list.contains(&address) {
            list.push(address);
        }
    }
    let many = (list.len() > MOST).then(|| format!("it has {} addresses, of which {MOST} are looked at", list.len()));
    list.truncate(MOST);
    if list.is_empty() {
        return Err(nobody.map_or_else(
            || format!("{host} has no address of the family asked for"),
            |address| {
                format!("{host} has the address {address}, which is that of no host: some resolvers block names so")
            },
        ));
    }
    Ok(Addresses { list, partial: many.or(found.partial) })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{Addresses, IpVersion, LookupError, MOST, combined, distinct, resolve};

    #[tokio::test]
    async fn addresses_stand_for_themselves() {
        let patience = Duration::from_secs(1);
        let found = resolve(&"[::1]".into(), IpVersion::Any, patience).await.unwrap();
        assert_eq!(found.unwrap().list[0].to_string(), "::1");
        assert!(resolve(&"127.0.0.1".into(), IpVersion::V6, patience).await.unwrap().is_err());
        assert!(resolve(&"nowhere.invalid".into(), IpVersion::Any, patience).await.unwrap().is_err());
        let local = resolve(&"localhost".into(), IpVersion::V4, Duration::from_secs(20)).await.unwrap().unwrap();
        assert_eq!((local.list, local.partial), (vec!["127.0.0.1".parse().unwrap()], None));
    }

    #[test]
    fn a_half_that_failed_is_known_as_such() {
        let failed = || Err(LookupError::Failed("Temporary failure".into()));
        let absent = || Err(LookupError::Absent("no such name".into()));
        let of = |text: &str| Ok(vec![text.parse::<IpAddr>().unwrap()]);
        let (one, two) = (|| of("192.0.2.1"), || of("2001:db8::1"));
        let whole = |list: &[&str]| {
            let list = list.iter().map(|text| text.parse().unwrap()).collect();
            Ok::<_, LookupError>(Addresses { list, partial: None })
        };
        assert_eq!(combined(one(), two()), whole(&["2001:db8::1", "192.0.2.1"]));
        assert_eq!(combined(one(), absent()), whole(&["192.0.2.1"]));
        assert_eq!(combined(absent(), two()), whole(&["2001:db8::1"]));
        assert_eq!(combined(absent(), absent()), Err(LookupError::Absent("no such name".into())));
        let partial = |found: Result<Addresses, LookupError>| found.unwrap().partial.unwrap();
        assert_eq!(partial(combined(one(), failed())), "its AAAA records could not be looked up: Temporary failure");
        assert_eq!(partial(combined(failed(), two())), "its A records could not be looked up: Temporary failure");
        // That a name has none of one kind says nothing of the other.
        for (v4, v6, kind) in [(absent(), failed(), "its AAAA"), (failed(), absent(), "its A ")] {
            let Err(LookupError::Failed(why)) = combined(v4, v6) else { panic!("{kind}") };
            assert!(why.contains(kind), "{why}");
        }
        assert_eq!(combined(failed(), failed()), Err(LookupError::Failed("Temporary failure".into())));
    }

    #[test]
    fn a_name_that_leads_to_no_host_has_no_address() {
        let of = |list: &[&str]| {
            let list = list.iter().map(|text| text.parse().unwrap()).collect();
            distinct("ads.example", IpVersion::Any, Addresses { list, partial: None })
        };
        assert!(of(&["0.0.0.0", "::"]).unwrap_err().contains("that of no host"));
        assert_eq!(of(&["0.0.0.0", "192.0.2.1"]).unwrap().list.len(), 1);
    }

    #[test]
    fn a_name_with_more_addresses_than_are_looked_at_says_so() {
        let list = |count: u8| (0..count).map(|n| IpAddr::from([192, 0, 2, n])).collect::<Vec<_>>();
        let of = |count| distinct("x", IpVersion::Any, Addresses { list: list(count), partial: None }).unwrap();
        assert_eq!((of(64).list.len(), of(64).partial), (MOST, None));
        assert_eq!(
            (of(65).list.len(), of(65).partial.unwrap()),
            (MOST, "it has 65 addresses, of which 64 are looked at".into())
        );
    }
}
