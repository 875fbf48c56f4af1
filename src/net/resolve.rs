//! Names to addresses, by the system's resolver, with a limit in time.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::Fault;
use crate::model::argument::choices;

/// Addresses kept of one name; a name with more is suspicious enough to stop.
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

/// Every address of `host`, without repeats, in the resolver's order; an address stands for itself.
/// The inner `Err` says why there is none: a fact (`unresolved`). The outer one is a fault: the resolver is silent or this
/// side has no descriptors left, so that nothing is known of the name.
pub async fn resolve(host: &str, family: IpVersion, patience: Duration) -> Result<Result<Vec<IpAddr>, String>, Fault> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let foreign = || format!("{host} is not an address of the family asked for");
        return Ok(if family.admits(address) { Ok(vec![address]) } else { Err(foreign()) });
    }
    // RFC 6761, 6.4: names below `invalid` do not exist, and no resolver needs to be asked.
    if bare.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("invalid")) {
        return Ok(Err(format!("{host}: names below .invalid never exist")));
    }
    match tokio::time::timeout(patience, tokio::net::lookup_host((bare, 0_u16))).await {
        Err(_) => Err(silent(host, &format!("no answer within {patience:?}"))),
        Ok(Err(error)) if unanswered(&error) => Err(silent(host, &error.to_string())),
        Ok(Err(error)) => Ok(Err(format!("{host}: {error}"))),
        Ok(Ok(found)) => Ok(distinct(host, family, found.map(|socket| socket.ip()))),
    }
}

/// Whether the resolver could not answer, rather than answered that there is no such name.
fn unanswered(error: &io::Error) -> bool {
    // The standard library keeps the resolver's code (EAI_AGAIN) to itself; its texts are glibc's and musl's, in English as
    // no locale is set. An error of the system (no descriptors) comes with its number.
    let text = error.to_string();
    error.raw_os_error().is_some() || text.contains("Temporary failure") || text.contains("Try again")
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

fn distinct(host: &str, family: IpVersion, found: impl Iterator<Item = IpAddr>) -> Result<Vec<IpAddr>, String> {
    let mut addresses = Vec::new();
    for address in found {
        if family.admits(address) && !addresses.contains(&address) && addresses.len() < MOST {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(format!("{host} has no address of the family asked for"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{IpVersion, resolve, unanswered};

    #[tokio::test]
    async fn addresses_stand_for_themselves() {
        let patience = Duration::from_secs(1);
        let found = resolve("[::1]", IpVersion::Any, patience).await.unwrap();
        assert_eq!(found.unwrap()[0].to_string(), "::1");
        assert!(resolve("127.0.0.1", IpVersion::V6, patience).await.unwrap().is_err());
        assert!(resolve("nowhere.invalid", IpVersion::Any, patience).await.unwrap().is_err());
    }

    #[test]
    fn a_silent_resolver_is_not_an_absent_name() {
        let error = |text: &str| std::io::Error::other(format!("failed to lookup address information: {text}"));
        assert!(unanswered(&error("Temporary failure in name resolution")));
        assert!(unanswered(&error("Try again")));
        assert!(unanswered(&std::io::Error::from_raw_os_error(libc::EMFILE)));
        assert!(!unanswered(&error("Name or service not known")));
    }
}
