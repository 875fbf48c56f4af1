//! Names to addresses, by the system's resolver, with a limit in time.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Args, Invalid};

/// Addresses kept of one name; a name with more is suspicious enough to stop.
const MOST: usize = 64;

/// Which addresses to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpFamily {
    /// Both.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl IpFamily {
    /// From the field `family` (`any`, `ipv4`, `ipv6`).
    #[must_use]
    pub fn from_args(args: &Args) -> Self {
        match args.text("family") {
            Some("ipv4") => Self::V4,
            Some("ipv6") => Self::V6,
            _ => Self::Any,
        }
    }

    /// The family of `family` narrowed to that of `source`: a packet cannot leave from an address of the other one.
    pub fn with_source(args: &Args) -> Result<(Self, Option<IpAddr>), Invalid> {
        let (family, source) = (Self::from_args(args), args.address("source"));
        match source {
            None => Ok((family, None)),
            Some(address) if !family.admits(address) => Err(Invalid::at(
                "source",
                format!("{address} is not an address of the family asked for"),
                "leave `family` out, or give a source of that family",
            )),
            Some(IpAddr::V4(_)) => Ok((Self::V4, source)),
            Some(IpAddr::V6(_)) => Ok((Self::V6, source)),
        }
    }

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
/// `Err` says why there is none: a fact (`unresolved`), not a fault.
pub async fn resolve(host: &str, family: IpFamily, patience: Duration) -> Result<Vec<IpAddr>, String> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return if family.admits(address) {
            Ok(vec![address])
        } else {
            Err(format!("{host} is not an address of the family asked for"))
        };
    }
    let found = match tokio::time::timeout(patience, tokio::net::lookup_host((bare, 0_u16))).await {
        Err(_) => return Err(format!("the resolver did not answer for {host} within {patience:?}")),
        Ok(Err(error)) => return Err(format!("{host}: {error}")),
        Ok(Ok(found)) => found,
    };
    let mut addresses = Vec::new();
    for address in found.map(|socket| socket.ip()) {
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

    use super::{IpFamily, resolve};

    #[tokio::test]
    async fn addresses_stand_for_themselves() {
        let patience = Duration::from_secs(1);
        assert_eq!(resolve("[::1]", IpFamily::Any, patience).await.unwrap()[0].to_string(), "::1");
        assert!(resolve("127.0.0.1", IpFamily::V6, patience).await.is_err());
    }
}
