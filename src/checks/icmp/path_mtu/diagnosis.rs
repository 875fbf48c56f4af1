//! Why the path is not as wide as expected.

use super::facts::{BLACK_HOLE, INTERFACE, OWN, PATH_MTU, ROUTER};
use crate::model::Value;
use crate::probe::{Diagnosis, Failure};

/// `None` where the failure is not about the MTU of the path.
pub(in crate::checks::icmp) fn diagnose(failure: &Failure<'_>, host: &str) -> Option<Diagnosis> {
    let number = |name: &str| failure.value(name).and_then(Value::as_i64);
    let mtu = number(PATH_MTU.info.name)?;
    let shows = format!("this shows where it shrinks: `tracepath -n {host}`");
    if failure.breach(BLACK_HOLE.info.name).is_some()
        && failure.value(BLACK_HOLE.info.name).and_then(Value::as_bool) == Some(true)
    {
        let longest = number(INTERFACE.info.name).unwrap_or(mtu);
        let cause = format!(
            "packets to {host} of more than {mtu} bytes vanish, and no router says so; this host's interface sends up to {longest}: connections hang \
             once they send much"
        );
        let next = format!(
            "allow ICMP type 3 code 4 (ICMPv6 type 2) to come back from every router on the way; until then lower the MTU of the route, or clamp the MSS; {shows}"
        );
        return Some(Diagnosis::new(cause, next));
    }
    // Not one of what is said beside it.
    let breach = failure
        .breach(PATH_MTU.info.name)
        .filter(|breach| !OWN.iter().skip(1).any(|info| *info.name == *breach.fact))?;
    let by = failure.text(ROUTER.info.name).map(|router| format!("; {router} says so")).unwrap_or_default();
    let cause = format!("the path to {host} carries packets of up to {mtu} bytes (expected {}){by}", breach.in_words());
    Some(Diagnosis::new(cause, format!("raise the MTU of that link, or lower what is expected; {shows}")))
}
