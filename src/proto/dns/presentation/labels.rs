//! Servers as surveys name them: by name and address (`ns1.example./192.0.2.53`), by the address alone where nothing else is
//! known, or by the name of one without an address. A suite that forbids a server in a form that no survey uses would hold for
//! ever.

use std::net::{IpAddr, SocketAddr};

use super::no_order;
use crate::model::suggest::suggest;
use crate::model::typed::{DataForm, InvalidText, name, named};

/// The fact whose foreseen text says what a check's servers can be called: see [`foreseen`].
const KIND: &str = "servers.count";
/// First word of that text: servers of a zone, which have names.
const ZONE: &str = "zone";
/// First word of that text: servers of a list.
const LIST: &str = "list";

/// Servers of a survey.
pub(crate) static SERVERS: DataForm = DataForm {
    kind: KIND,
    same: |_, one, other| key(one) == key(other),
    key: |_, text| key(text),
    contains,
    impossible,
    order: no_order,
};
/// Servers of a parent zone: also names without an address.
pub(crate) static PARENTS: DataForm = DataForm {
    kind: "",
    same: |_, one, other| key(one) == key(other),
    key: |_, text| key(text),
    contains,
    impossible: |_, text| malformed(text),
    order: no_order,
};
/// An address, and in a word what became of it: `192.0.2.53 timeout`.
pub(crate) static OUTCOMES: DataForm = DataForm {
    kind: "",
    same: |_, one, other| outcome_key(one) == outcome_key(other),
    key: |_, text| outcome_key(text),
    contains,
    impossible: |_, text| {
        outcome(text).is_none().then(|| InvalidText {
            why: format!("{} is no address with its outcome", named(text)),
            help: format!("it is like `192.0.2.53 timeout`; {PART}"),
        })
    },
    order: no_order,
};
/// A name of a zone behind the word for what it names: `NS ns_1.example.`.
pub(crate) static NAMES: DataForm = DataForm {
    kind: "",
    same: |_, one, other| role_key(one) == role_key(other),
    key: |_, text| role_key(text),
    contains,
    impossible: |_, text| {
        role(text).is_none().then(|| InvalidText {
            why: format!("{} is no name behind NS, MNAME or RNAME", named(text)),
            help: format!("it is like `NS ns_1.example.`; {PART}"),
        })
    },
    order: no_order,
};
/// A name and an address of it: `ns1.example. 192.0.2.53`.
pub(crate) static GLUE: DataForm = DataForm {
    kind: "",
    same: |_, one, other| glue_key(one) == glue_key(other),
    key: |_, text| glue_key(text),
    contains,
    impossible: |_, text| {
        glue(text).is_none().then(|| InvalidText {
            why: format!("{} is no name with an address", named(text)),
            help: format!("it is like `ns1.example. 192.0.2.53`; {PART}"),
        })
    },
    order: no_order,
};

const PART: &str = "for a part of it write {any: {contains: …}} or {none: {contains: …}}";

/// What `impossible` is to know of the servers of a check: whether they are those of a zone, and all their labels where the
/// suite gives them.
pub(crate) fn foreseen(zone: bool, labels: Option<&[String]>) -> String {
    let first = if zone { ZONE } else { LIST };
    std::iter::once(first).chain(labels.unwrap_or_default().iter().map(String::as_str)).collect::<Vec<_>>().join("\n")
}

/// The parts of a label: a name, with a port or not, and an address, with a port or not.
struct Label {
    name: Option<String>,
    place: Option<(IpAddr, Option<u16>)>,
}

impl Label {
    /// `None` for what no survey calls a server.
    fn read(text: &str) -> Option<Self> {
        if let Some(place) = place(text) {
            return Some(Self { name: None, place: Some(place) });
        }
        let (host, rest) = match text.rsplit_once('/') {
            Some((host, rest)) if place(rest).is_some() => (host, Some(rest)),
            _ => (text, None),
        };
        let (bare, port) = match host.rsplit_once(':').filter(|_| rest.is_none()) {
            Some((bare, port)) => (bare, Some(port.parse::<u16>().ok()?)),
            None => (host, None),
        };
        let sound = !bare.is_empty() && !bare.contains([' ', ':', ',', '|']) && !bare.contains('/');
        let key = name::key(bare);
        let name = port.map_or_else(|| key.clone(), |port| format!("{key}:{port}"));
        sound.then(|| Self { name: Some(name), place: rest.and_then(place) })
    }

    fn key(&self) -> String {
        let place = self.place.map(|(address, port)| match port {
            Some(port) => SocketAddr::new(address, port).to_string(),
            None => address.to_string(),
        });
        [self.name.clone(), place].into_iter().flatten().collect::<Vec<_>>().join("/")
    }
}

fn place(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let alone = name::address(text).map(|address| (address, None));
    alone.or_else(|| text.parse().ok().map(|socket: SocketAddr| (socket.ip(), Some(socket.port()))))
}

fn key(text: &str) -> String {
    Label::read(text).map_or_else(|| text.to_owned(), |label| label.key())
}

fn contains(_: Option<&str>, text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn malformed(text: &str) -> Option<InvalidText> {
    Label::read(text).is_none().then(|| InvalidText {
        why: format!("{} is no server as surveys name them", named(text)),
        help: format!("they are told by name and address, such as `ns1.example./192.0.2.53`; {PART}"),
    })
}

/// Why no survey like this one calls a server so.
fn impossible(kind: Option<&str>, text: &str) -> Option<InvalidText> {
    let Some(label) = Label::read(text) else { return malformed(text) };
    let mut lines = kind?.lines();
    let zone = lines.next() == Some(ZONE);
    let known: Vec<&str> = lines.collect();
    if !known.is_empty() {
        let unknown = known.iter().all(|one| key(one) != label.key());
        return unknown.then(|| InvalidText {
            why: format!("{} is none of the servers of this check", named(text)),
            help: format!("{}; {PART}", suggest(text, known)),
        });
    }
    let (why, like) = match (&label.name, label.place) {
        (Some(_), None) if zone => ("has no address, by which servers are told apart", "ns1.example./192.0.2.53"),
        (None, Some(_)) if zone => ("has no name, which servers of a zone have", "ns1.example./192.0.2.53"),
        _ => return None,
    };
    Some(InvalidText { why: format!("{} {why}", named(text)), help: format!("it is like `{like}`; {PART}") })
}

fn glue(text: &str) -> Option<(String, IpAddr)> {
    let mut words = text.split_whitespace();
    let (owner, address) = (words.next()?, name::address(words.next()?)?);
    (words.next().is_none() && name::address(owner).is_none()).then(|| (name::key(owner), address))
}

fn glue_key(text: &str) -> String {
    glue(text).map_or_else(|| text.to_owned(), |(owner, address)| format!("{owner} {address}"))
}

fn outcome(text: &str) -> Option<(IpAddr, &str)> {
    let (address, word) = text.split_once(' ')?;
    let sound = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    name::address(address).filter(|_| sound).map(|address| (address, word))
}

fn outcome_key(text: &str) -> String {
    outcome(text).map_or_else(|| text.to_owned(), |(address, word)| format!("{address} {word}"))
}

fn role(text: &str) -> Option<(&str, String)> {
    let (role, owner) = text.split_once(' ')?;
    let sound = !owner.is_empty() && !owner.contains(' ');
    ["NS", "MNAME", "RNAME"].into_iter().find(|known| *known == role && sound).map(|role| (role, name::key(owner)))
}

fn role_key(text: &str) -> String {
    role(text).map_or_else(|| text.to_owned(), |(role, owner)| format!("{role} {owner}"))
}

#[cfg(test)]
mod tests {
    use super::{GLUE, NAMES, OUTCOMES, PARENTS, SERVERS, foreseen};

    #[test]
    fn servers_are_compared_by_name_and_address() {
        let same = |one: &str, other: &str| (SERVERS.same)(None, one, other);
        assert!(same("ns1.example./192.0.2.53", "NS1.Example/192.0.2.53"));
        assert!(same("ns1.example./127.0.0.1:5301", "NS1.EXAMPLE/127.0.0.1:5301"));
        assert!(same("[2001:db8::1]:5301", "[2001:DB8:0::1]:5301"));
        assert!(same("ns.a.test:53", "NS.a.test.:53"));
        for (one, other) in [
            ("ns1.example./192.0.2.53", "ns2.example./192.0.2.53"),
            ("ns1.example./192.0.2.53", "ns1.example./192.0.2.54"),
            ("ns1.example./192.0.2.53", "ns1.example."),
            ("ns1.example./192.0.2.53", "192.0.2.53"),
            ("127.0.0.1:5301", "127.0.0.1:5302"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
        assert!((GLUE.same)(None, "NS1.example 2001:DB8::1", "ns1.example. 2001:db8::1"));
        assert!((SERVERS.contains)(None, "ns1.example./192.0.2.53", "NS1.example"));
    }

    #[test]
    fn what_no_survey_calls_a_server_is_refused() {
        let zone = foreseen(true, None);
        let given = foreseen(true, Some(&["ns1.z.test./192.0.2.53".to_owned(), "ns2.z.test./192.0.2.54".to_owned()]));
        let list = foreseen(false, None);
        let never = [
            (None, "a b"),
            (None, ""),
            (None, "ns1.example./24"),
            (None, "https://ns1.example"),
            (Some(&zone), "ns1.example."),
            (Some(&zone), "192.0.2.53"),
            (Some(&given), "ns1.z.tset./192.0.2.53"),
            (Some(&given), "ns1.z.test./192.0.2.54"),
            (Some(&given), "ns2.z.test."),
        ];
        for (kind, text) in never {
            assert!((SERVERS.impossible)(kind.map(String::as_str), text).is_some(), "{kind:?} {text}");
        }
        let may_be = [
            (None, "ns1.example."),
            (None, "192.0.2.53"),
            (Some(&zone), "NS1.example/192.0.2.53"),
            (Some(&zone), "ns1.example./[2001:db8::1]:5301"),
            (Some(&given), "NS1.z.test/192.0.2.53"),
            (Some(&list), "192.0.2.53"),
            (Some(&list), "dns.example:53"),
            (Some(&list), "dns.example/192.0.2.53"),
        ];
        for (kind, text) in may_be {
            assert_eq!((SERVERS.impossible)(kind.map(String::as_str), text), None, "{kind:?} {text}");
        }
        let near = (SERVERS.impossible)(Some(&given), "ns1.z.tset./192.0.2.53").unwrap();
        assert!(near.help.contains("did you mean `ns1.z.test./192.0.2.53`?"), "{near:?}");
        for text in ["192.0.2.53", "ns1.example", "ns1.example. 192.0.2.0/24", "192.0.2.1 192.0.2.2"] {
            assert!((GLUE.impossible)(None, text).is_some(), "{text}");
        }
        assert_eq!((GLUE.impossible)(None, "ns1.example 192.0.2.53"), None);
        for (form, good, bad) in [
            (&OUTCOMES, "192.0.2.1 timeout", ["192.0.2.1", "192.0.2.1: timeout", "host.example timeout"]),
            (&NAMES, "NS ns_1.Example", ["ns_1.example.", "ns ns_1.example.", "NS"]),
        ] {
            assert_eq!((form.impossible)(None, good), None, "{good}");
            for text in bad {
                assert!((form.impossible)(None, text).is_some(), "{text}");
            }
        }
        assert!((NAMES.same)(None, "NS NS_1.example", "NS ns_1.example."));
        assert!((OUTCOMES.same)(None, "2001:DB8::1 refused", "2001:db8::1 refused"));
        assert_eq!((PARENTS.impossible)(None, "a.ns.test."), None, "a server of the parent without an address");
        assert!((PARENTS.impossible)(None, "a, b").is_some());
    }
}
