//! Names to addresses, by the system's resolver, with a limit in time.

use std::net::IpAddr;
use std::time::Duration;

use super::sys::addrinfo::{AddressFamily, LookupError, lookup};
use crate::model::argument::choices;
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
    if let Ok(address) = bare.parse::<IpAddr>() {
        let foreign = || format!("{host} is not an address of the family asked for");
        let own = || Addresses { list: vec![address], partial: None };
        return Ok(version.admits(address).then(own).ok_or_else(foreign));
    }
    // RFC 6761, 6.4: names below `invalid` do not exist, and no resolver needs to be asked.
    if bare.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("invalid")) {
        return Ok(Err(format!("{host}: names below .invalid never exist")));
    }
    let name = bare.to_owned();
    let ask = move || halves(version, |family| lookup(&name, family));
    match tokio::time::timeout(patience, tokio::task::spawn_blocking(ask)).await {
        Err(_) => Err(silent(shown, &format!("no answer within {patience:?}"))),
        Ok(Err(error)) => Err(silent(shown, &error.to_string())),
        Ok(Ok(Err(LookupError::Failed(why)))) => Err(silent(shown, &why)),
        Ok(Ok(Err(LookupError::Absent(why)))) => Ok(Err(format!("{host}: {why}"))),
        Ok(Ok(Ok(found))) => Ok(distinct(shown, version, found)),
    }
}

/// Asks for both kinds of addresses, and where one is missing once more for that one: it may not exist, or the question for
/// it may have failed while the other was answered.
fn halves(
    version: IpVersion,
    ask: impl Fn(AddressFamily) -> Result<Vec<IpAddr>, LookupError>,
) -> Result<Addresses, LookupError> {
    let whole = |list| Addresses { list, partial: None };
    match version {
        IpVersion::V4 => return ask(AddressFamily::V4).map(whole),
        IpVersion::V6 => return ask(AddressFamily::V6).map(whole),
        IpVersion::Any => {}
    }
    let in_part = |list: Vec<IpAddr>, kind: &str, why: &str| {
        let partial = Some(format!("its {kind} records could not be looked up: {why}"));
        Addresses { list, partial }
    };
    match ask(AddressFamily::Both) {
        Ok(list) => {
            let missing = match (list.iter().any(IpAddr::is_ipv4), list.iter().any(IpAddr::is_ipv6)) {
                (true, false) => (AddressFamily::V6, "AAAA"),
                (false, true) => (AddressFamily::V4, "A"),
                _ => return Ok(whole(list)),
            };
            Ok(match ask(missing.0) {
                Ok(more) => whole([list, more].concat()),
                Err(LookupError::Absent(_)) => whole(list),
                Err(LookupError::Failed(why)) => in_part(list, missing.1, &why),
            })
        }
        Err(LookupError::Absent(why)) => Err(LookupError::Absent(why)),
        Err(LookupError::Failed(both)) => match (ask(AddressFamily::V4), ask(AddressFamily::V6)) {
            (Ok(v4), Ok(v6)) => Ok(whole([v6, v4].concat())),
            (Ok(v4), Err(LookupError::Failed(why))) => Ok(in_part(v4, "AAAA", &why)),
            (Err(LookupError::Failed(why)), Ok(v6)) => Ok(in_part(v6, "A", &why)),
            (Ok(list), Err(LookupError::Absent(_))) | (Err(LookupError::Absent(_)), Ok(list)) => Ok(whole(list)),
            _ => Err(LookupError::Failed(both)),
        },
    }
}

/// The fault of a resolver that does not answer.
#[must_use]
pub fn silent(host: &str, why: &str) -> Fault {
    Fault::local(
        "ask the system's resolver",
        host,
        why,
        "check /etc/resolv.conf and its servers from this host (getent hosts NAME), and the limit of open files (ulimit -n)",
    )
}

fn distinct(host: &str, version: IpVersion, found: Addresses) -> Result<Addresses, String> {
    let mut list = Vec::new();
    for address in found.list {
        if version.admits(address) && !list.contains(&address) {
            list.push(address);
        }
    }
    let many = (list.len() > MOST).then(|| format!("it has {} addresses, of which {MOST} are looked at", list.len()));
    list.truncate(MOST);
    if list.is_empty() {
        return Err(format!("{host} has no address of the family asked for"));
    }
    Ok(Addresses { list, partial: many.or(found.partial) })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{AddressFamily, Addresses, IpVersion, LookupError, MOST, distinct, halves, resolve};

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

    type Answer = Result<&'static [&'static str], LookupError>;

    fn asked(version: IpVersion, both: &Answer, v4: &Answer, v6: &Answer) -> Result<Addresses, LookupError> {
        halves(version, |family| {
            let answer = match family {
                AddressFamily::Both => both.clone(),
                AddressFamily::V4 => v4.clone(),
                AddressFamily::V6 => v6.clone(),
            };
            answer.map(|list| list.iter().map(|text| text.parse().unwrap()).collect())
        })
    }

    #[test]
    fn a_half_that_failed_is_known_as_such() {
        let failed = || Err(LookupError::Failed("Temporary failure".into()));
        let absent = || Err(LookupError::Absent("no such name".into()));
        let (one, two): (Answer, Answer) = (Ok(&["192.0.2.1"]), Ok(&["2001:db8::1"]));
        let partial = |found: Result<Addresses, LookupError>| found.unwrap().partial.unwrap_or_default();
        let any = IpVersion::Any;
        assert_eq!(partial(asked(any, &Ok(&["2001:db8::1", "192.0.2.1"]), &absent(), &absent())), "");
        assert_eq!(partial(asked(any, &one, &absent(), &absent())), "", "it has no AAAA");
        assert!(partial(asked(any, &one, &absent(), &failed())).contains("its AAAA records could not be looked up"));
        assert!(partial(asked(any, &two, &failed(), &absent())).contains("its A records"));
        assert!(partial(asked(any, &failed(), &one, &failed())).contains("its AAAA records"));
        assert_eq!(asked(any, &failed(), &failed(), &failed()), Err(LookupError::Failed("Temporary failure".into())));
        assert_eq!(asked(any, &failed(), &failed(), &absent()), Err(LookupError::Failed("Temporary failure".into())));
        assert_eq!(asked(any, &absent(), &one, &two), Err(LookupError::Absent("no such name".into())));
        // One version is asked for alone.
        assert_eq!(asked(IpVersion::V4, &failed(), &one, &failed()).unwrap().list.len(), 1);
        assert_eq!(asked(IpVersion::V6, &failed(), &failed(), &two).unwrap().list.len(), 1);
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
