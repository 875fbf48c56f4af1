//! Response codes: IANA's registry of DNS RCODEs.

/// No error.
pub(crate) const NOERROR: u16 = 0;
/// The server cannot read the query.
pub(crate) const FORMERR: u16 = 1;
/// The server failed.
pub(crate) const SERVFAIL: u16 = 2;
/// There is no such name.
pub(crate) const NXDOMAIN: u16 = 3;
/// The server does not do that.
pub(crate) const NOTIMP: u16 = 4;
/// The server does not want to.
pub(crate) const REFUSED: u16 = 5;
/// There is such a name, where an update expects none.
pub(crate) const YXDOMAIN: u16 = 6;
/// There is such a set, where an update expects none.
pub(crate) const YXRRSET: u16 = 7;
/// There is not the set that an update expects.
pub(crate) const NXRRSET: u16 = 8;
/// The server is not authoritative for the zone, or does not take the signature.
pub(crate) const NOTAUTH: u16 = 9;
/// A name of an update is not in its zone.
pub(crate) const NOTZONE: u16 = 10;
/// The server does not speak that version of EDNS.
pub(crate) const BADVERS: u16 = 16;

/// The names, in the order of their numbers.
pub(crate) const NAMES: &[&str] = &[
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "BADVERS",
    "BADKEY",
    "BADTIME",
    "BADMODE",
    "BADNAME",
    "BADALG",
    "BADTRUNC",
    "BADCOOKIE",
];
/// Where the numbers of [`NAMES`] jump: 11 is followed by 16.
const JUMP: (u16, u16) = (11, 16);

/// Name of a code; `None` for numbers without one.
#[must_use]
pub(crate) fn name(code: u16) -> Option<&'static str> {
    let (last, next) = JUMP;
    let index = match code {
        code if code <= last => code,
        code if code >= next => code - next + last + 1,
        _ => return None,
    };
    NAMES.get(usize::from(index)).copied()
}

/// Name of a code, or its number as in `RCODE12`.
#[must_use]
pub(crate) fn text(code: u16) -> String {
    name(code).map_or_else(|| format!("RCODE{code}"), str::to_owned)
}

/// The code of a name, in any case.
#[must_use]
pub(crate) fn number(name: &str) -> Option<u16> {
    let (last, next) = JUMP;
    let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    let index = u16::try_from(index).ok()?;
    Some(if index <= last { index } else { index + next - last - 1 })
}

#[cfg(test)]
mod tests {
    use super::{BADVERS, NAMES, name, number, text};

    #[test]
    fn names_and_numbers_are_those_of_the_registry() {
        for (code, word) in
            [(0, "NOERROR"), (3, "NXDOMAIN"), (11, "DSOTYPENI"), (BADVERS, "BADVERS"), (23, "BADCOOKIE")]
        {
            assert_eq!((name(code), number(word)), (Some(word), Some(code)));
        }
        assert!(NAMES.iter().all(|word| number(word).and_then(name) == Some(word)));
        assert_eq!((name(12), text(12).as_str(), name(24), number("RCODE12")), (None, "RCODE12", None, None));
        assert_eq!(number("nxdomain"), Some(3));
    }
}
