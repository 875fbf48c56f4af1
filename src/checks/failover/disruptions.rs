//! Built-in disruptions as a suite writes them.

mod dns_update;
mod haproxy;
mod http;
pub(super) mod ssh;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::proxies::{IMPAIRMENT, ProxySettings};
use crate::guard::Disruption;
use crate::guard::disruption::{
    AddressChange, ChangeKind, DropDirection, DroppedProtocol, LinkDown, PacketDrop, Partition, ProcessSignal,
    ProcessTarget, SignalWord,
};
use crate::model::argument::Argument;
use crate::model::field::PORT as PORT_KIND;
use crate::model::interface::Interface;
use crate::model::table::fields;
use crate::model::{Args, Choices as _, Field, FieldKind, Invalid, Text};
use crate::net::netns;

const NETNS: Field<Option<Text>> = Field::optional(
    "netns",
    FieldKind::Text,
    "Name of the network namespace it is in; that of this process by default.",
);
const DEVICE: Field<Text> = Field::required("device", FieldKind::Text, "Network device.");

fields! { LINK_FIELDS;
    const DOWN: Field<Text> = Field::required("down", FieldKind::Text, "Network device that goes down.");
    use NETNS;
}

fields! { DROP_FIELDS;
    const OF_DEVICE: Field<Option<Text>> =
        Field::optional("device", FieldKind::Text, "Only what arrives at this network device, or leaves by it.");
    const PEER: Field<Option<Text>> =
        Field::optional("peer", FieldKind::Text, "Only packets from and to this address, or this network (`192.0.2.0/24`).");
    const PROTOCOL: Field<Option<DroppedProtocol>> = Field::optional_choice("protocol", "Only packets of this protocol.");
    const PORT: Field<Option<u16>> =
        Field::optional("port", PORT_KIND, "Only packets from or to this port of TCP and UDP.");
    const DIRECTION: Field<DropDirection> = Field::choice("direction", "both", "Which way they go, seen from this host.");
    const LOSS: Field<f64> =
        Field::default("loss", FieldKind::Ratio(0.0001, 1.0), "100%", "Share of these packets that is dropped, at random.");
    use NETNS;
}

fields! { PARTITION_FIELDS;
    use DEVICE;
    use NETNS;
}

fields! { PROCESS_FIELDS;
    const SIGNAL: Field<SignalWord> =
        Field::choice("signal", "stop", "Signal to send; after `kill` and `term` only a `restore` can start it again.");
    const PID_FILE: Field<Option<Text>> =
        Field::optional("pid_file", FieldKind::Text, "File that holds the number of the process.");
    const PID: Field<Option<i64>> =
        Field::optional("pid", FieldKind::Integer(2, 4_194_304), "Number of the process.");
    const UNIT: Field<Option<Text>> =
        Field::optional("unit", FieldKind::Text, "Unit of systemd whose main process it is.");
    const CHILDREN: Field<bool> = Field::default(
        "children",
        FieldKind::Bool,
        "true",
        "Every process that it started gets the signal as well, and those of these.",
    );
}

fields! { ADDRESS_FIELDS;
    const REMOVE: Field<Option<Text>> = Field::optional(
        "remove", FieldKind::Text, "Address to take away, with the length of its prefix (`192.0.2.10/24`).");
    const FROM: Field<Option<Text>> = Field::optional("from", FieldKind::Text, "Network device that loses it.");
    const ADD: Field<Option<Text>> =
        Field::optional("add", FieldKind::Text, "Address to give, with the length of its prefix.");
    const TO: Field<Option<Text>> = Field::optional("to", FieldKind::Text, "Network device that gets it.");
    use NETNS;
}

fields! { pub(super) KINDS;
    pub(super) const LINK: Field<Option<Args>> = Field::optional(
        "link",
        FieldKind::Group(LINK_FIELDS),
        "Takes a network device down, and back up with its addresses and routes.",
    );
    pub(super) const DROP: Field<Option<Args>> =
        Field::optional("drop", FieldKind::Group(DROP_FIELDS), "Drops IP packets (nftables); ARP passes.");
    pub(super) const PARTITION: Field<Option<Args>> = Field::optional(
        "partition",
        FieldKind::Group(PARTITION_FIELDS),
        "Drops every frame of a network device both ways, ARP included (nftables).",
    );
    pub(super) const PROCESS: Field<Option<Args>> =
        Field::optional("process", FieldKind::Group(PROCESS_FIELDS), "Freezes, ends or kills a process.");
    pub(super) const ADDRESS: Field<Option<Args>> = Field::optional(
        "address",
        FieldKind::Group(ADDRESS_FIELDS),
        "Takes an address from a network device, or gives it one.",
    );
    pub(super) const SSH: Field<Option<Args>> = Field::optional(
        "ssh",
        FieldKind::Group(ssh::SSH_FIELDS),
        "Runs a command on another host; a timer there undoes it even when this host is gone.",
    );
    pub(super) const DNS_UPDATE: Field<Option<Args>> = Field::optional(
        "dns_update",
        FieldKind::Group(dns_update::DNS_UPDATE_FIELDS),
        "Changes the records of a name by a dynamic update of its zone (RFC 2136), and puts back what was there.",
    );
    pub(super) const PROXY: Field<Vec<(String, Args)>> = Field::optional(
        "proxy",
        FieldKind::Map(&IMPAIRMENT),
        "Impairs what passes a proxy of `proxies`, by its name; needs no root.",
    );
    pub(super) const HAPROXY: Field<Option<Args>> = Field::optional(
        "haproxy",
        FieldKind::Group(haproxy::HAPROXY_FIELDS),
        "Has HAProxy take a server out, over its `stats socket`, and use it again.",
    );
    pub(super) const HTTP: Field<Option<Args>> = Field::optional(
        "http",
        FieldKind::Group(http::HTTP_FIELDS),
        "Sends a request that breaks something, and one that puts it back: for whatever has an API.",
    );
}

/// Message and help.
type Wrong = (String, String);

/// The built-in disruption of a group with the fields of [`KINDS`]; `None` when it has none. The kernel ends those that can end
/// by themselves after `hold`. `has_restore` says that a command of the suite restores.
pub(super) fn disruption<T: Argument>(
    group: &Args,
    field: &Field<T>,
    hold: Duration,
    has_restore: bool,
    proxies: &ProxySettings,
) -> Result<Option<Disruption>, Invalid> {
    let impaired = group.get(&PROXY);
    let kinds = [&LINK, &DROP, &PARTITION, &PROCESS, &ADDRESS, &HAPROXY, &HTTP, &SSH, &DNS_UPDATE];
    let mut given = kinds.into_iter().filter_map(|kind| Some((kind, group.get(kind)?)));
    let first = given.next();
    let other = given.next().map(|(other, _)| other.name()).or((!impaired.is_empty()).then_some(PROXY.name()));
    if let (Some((kind, _)), Some(other)) = (&first, other) {
        let message = format!("`{}` and `{other}` are two disruptions", kind.name());
        return Err(field.invalid(message, "write one of them"));
    }
    if !impaired.is_empty() {
        let made = proxies.impairment(impaired, hold).map(|made| Some(Disruption::Proxy(made)));
        return made.map_err(|(message, help)| field.invalid(format!("`{}`: {message}", PROXY.name()), help));
    }
    let Some((kind, args)) = first else { return Ok(None) };
    let at = |(message, help): Wrong| field.invalid(format!("`{}`: {message}", kind.name()), help);
    // What is no argument of a program has rules of its own for secrets.
    let elsewhere = match kind.name() {
        "haproxy" => Some(haproxy::change(&args).map(Disruption::Haproxy)),
        "http" => Some(http::change(&args, has_restore).map(|change| Disruption::Http(Box::new(change)))),
        _ => None,
    };
    if let Some(made) = elsewhere {
        return made.map(Some).map_err(at);
    }
    // A key is never shown, and goes to no program.
    if if kind.name() == DNS_UPDATE.name() { dns_update::exposes(&args) } else { args.holds_secret() } {
        let message = "every user of this host could read the secret in the list of processes".to_owned();
        return Err(at((message, "name devices, addresses and processes outright".to_owned())));
    }
    let made = match kind.name() {
        "link" => link(&args).map(Disruption::Link),
        "drop" => packets(&args, hold).map(Disruption::Drop),
        "partition" => partition(&args, hold).map(Disruption::Partition),
        "process" => process(&args, has_restore).map(Disruption::Process),
        "dns_update" => dns_update::update(&args).map(|update| Disruption::DnsUpdate(Box::new(update))),
        "ssh" => ssh::command(&args, hold).map(Disruption::Ssh),
        _ => address(&args).map(Disruption::Address),
    };
    made.map(Some).map_err(at)
}

fn link(args: &Args) -> Result<LinkDown, Wrong> {
    Ok(LinkDown { device: device(&args.get(&DOWN))?, netns: namespace(args)? })
}

fn packets(args: &Args, hold: Duration) -> Result<PacketDrop, Wrong> {
    let device = args.get(&OF_DEVICE).map(|name| device(&name)).transpose()?;
    let peer = args.get(&PEER).map(|text| network(&text)).transpose()?;
    let (protocol, port, netns) = (args.get(&PROTOCOL), args.get(&PORT), namespace(args)?);
    if let (Some(protocol), Some(_)) = (protocol, port)
        && !matches!(protocol, DroppedProtocol::Tcp | DroppedProtocol::Udp)
    {
        let message = format!("`port` beside `protocol: {}`, which has none to choose", protocol.word());
        return Err((message, "leave `port` out, or write `protocol: tcp` or `udp`".into()));
    }
    if device.is_none() && peer.is_none() && protocol.is_none() && port.is_none() && netns.is_none() {
        let message = "it would drop every packet of this host, those of the loopback device and of this run included";
        return Err((message.into(), "name a `device`, a `peer`, a `protocol`, a `port`, or a `netns`".into()));
    }
    // A share of the table is between one of ten thousand and all of them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most ten thousand")]
    let loss = (args.get(&LOSS) * 10_000.0).round() as u16;
    Ok(PacketDrop { table: table(), hold, netns, device, peer, protocol, port, direction: args.get(&DIRECTION), loss })
}

fn partition(args: &Args, hold: Duration) -> Result<Partition, Wrong> {
    Ok(Partition { table: table(), hold, device: device(&args.get(&DEVICE))?, netns: namespace(args)? })
}

fn process(args: &Args, has_restore: bool) -> Result<ProcessSignal, Wrong> {
    let signal = args.get(&SIGNAL);
    let pid = args.get(&PID).and_then(|pid| i32::try_from(pid).ok()).map(ProcessTarget::Pid);
    let file = args.get(&PID_FILE).map(|file| ProcessTarget::PidFile(absolute(&file)));
    let unit = args.get(&UNIT).map(|unit| ProcessTarget::Unit(unit.into_value()));
    let mut given = [pid, file, unit].into_iter().flatten();
    let (Some(target), None) = (given.next(), given.next()) else {
        return Err(("which process?".into(), "write one of `pid_file`, `pid` and `unit`".into()));
    };
    if matches!(&target, ProcessTarget::Unit(unit) if unit.is_empty() || unit.starts_with('-')) {
        return Err(("that is no name of a unit".into(), "`systemctl list-units` shows the names".into()));
    }
    if matches!(signal, SignalWord::Kill | SignalWord::Term) && !has_restore {
        let message = format!("nothing starts a process again after `signal: {}`", signal.word());
        return Err((message, "write the command that does, as `restore: {run: […]}`".into()));
    }
    Ok(ProcessSignal::new(signal, target, args.get(&CHILDREN), has_restore))
}

fn address(args: &Args) -> Result<AddressChange, Wrong> {
    let pair = |address, place| (args.get(&address), args.get(&place));
    let (kind, address, device_name) = match (pair(REMOVE, FROM), pair(ADD, TO)) {
        ((Some(address), Some(device)), (None, None)) => (ChangeKind::Remove, address, device),
        ((None, None), (Some(address), Some(device))) => (ChangeKind::Add, address, device),
        _ => {
            let help = "name the address and its device: `remove` with `from`, or `add` with `to`";
            return Err(("which address, and of which device?".into(), help.into()));
        }
    };
    let text = network(&address)?;
    if !text.contains('/') {
        let message = format!("`{text}` has no length of its prefix");
        return Err((message, format!("write it as `ip address` shows it, such as {text}/24")));
    }
    Ok(AddressChange { kind, address: text, device: device(&device_name)?, netns: namespace(args)? })
}

/// The guard may stand in another folder than the run.
fn absolute(file: &str) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file))
}

/// The name of a device. Those that mean more than one to nftables are refused.
fn device(text: &Text) -> Result<String, Wrong> {
    let help = || "`ip link` shows the names".to_owned();
    let device = Interface::parse(text).map_err(|why| (why, help()))?;
    if device.name().contains(['*', '"', '\\', '\'']) {
        return Err((format!("`{device}` is not the name of one device"), help()));
    }
    Ok(device.name().to_owned())
}

fn namespace(args: &Args) -> Result<Option<String>, Wrong> {
    let Some(name) = args.get(&NETNS).map(Text::into_value) else { return Ok(None) };
    if netns::is_name(&name) && !name.starts_with('-') {
        return Ok(Some(name));
    }
    Err((format!("`{name}` is no name of a network namespace"), "write its name, as `ip netns list` shows it".into()))
}

/// An address, or one with the length of a prefix, as `ip` writes it.
fn network(text: &Text) -> Result<String, Wrong> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (&**text, None),
    };
    let wrong = |what: String| (what, "write it such as 192.0.2.10, 192.0.2.0/24 or 2001:db8::10/64".to_owned());
    let parsed: IpAddr = address.parse().map_err(|_| wrong(format!("`{text}` is not an IP address")))?;
    let most = if parsed.is_ipv4() { 32 } else { 128 };
    let Some(length) = length else { return Ok(parsed.to_string()) };
    let bits: Option<u8> = length.parse().ok().filter(|bits| *bits <= most);
    let bits = bits.ok_or_else(|| wrong(format!("`/{length}` is no length of a prefix, which is at most {most}")))?;
    Ok(format!("{parsed}/{bits}"))
}

/// The name of an nft table that nobody else has.
fn table() -> String {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), TABLES.fetch_add(1, Ordering::Relaxed));
    // Another process of the same number may have left one behind.
    let chance = RandomState::new().build_hasher().finish() >> 32;
    format!("shakedown_{chance:x}_{process}_{number}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ProxySettings, disruption};
    use crate::checks::failover::fields::INJECT;
    use crate::model::{Arg, Args, Text};
    use crate::testing::{args, text};

    /// What is done by `kind` with these fields, as a shell would do it, with the name of its table left out.
    pub(super) fn shown(kind: &'static str, fields: &[(&'static str, Arg)]) -> Result<String, String> {
        let group = args([(kind, Arg::Group(args([], fields)))], &[]);
        let none = ProxySettings::of(Vec::new()).unwrap();
        let made =
            disruption(&group, &INJECT, Duration::from_secs(33), false, &none).map_err(|invalid| invalid.message)?;
        let line = made.expect("a disruption").shell_text();
        let words = line.split(' ').map(|word| if word.starts_with("shakedown_") { "TABLE" } else { word });
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_written_is_what_is_done() {
        assert_eq!(shown("link", &[("down", text("eth1"))]).unwrap(), "ip link set dev eth1 down");
        let inside = [("down", text("eth1")), ("netns", text("lb1"))];
        assert_eq!(shown("link", &inside).unwrap(), "ip -n lb1 link set dev eth1 down");
        let six = [("remove", text("2001:DB8:0::1/64")), ("from", text("eth1"))];
        assert_eq!(shown("address", &six).unwrap(), "ip address del 2001:db8::1/64 dev eth1");
        let four = [("add", text("192.0.2.10/24")), ("to", text("eth1"))];
        assert_eq!(shown("address", &four).unwrap(), "ip address add 192.0.2.10/24 dev eth1");
        assert_eq!(
            shown("process", &[("pid", Arg::Integer(77))]).unwrap(),
            "kill -STOP 77  # and every process that it started"
        );
        let alone = [("pid_file", text("/run/x y.pid")), ("children", Arg::Bool(false)), ("signal", text("cont"))];
        assert_eq!(shown("process", &alone).unwrap(), "kill -CONT $(cat '/run/x y.pid')");
        let share = [
            ("port", Arg::Integer(5432)),
            ("protocol", text("tcp")),
            ("peer", text("192.0.2.0/24")),
            ("device", text("eth1")),
            ("direction", text("in")),
            ("loss", Arg::Number(0.3)),
        ];
        let rule = |side: &str| {
            format!(
                "meta nfproto @active iifname \"eth1\" ip saddr 192.0.2.0/24 meta l4proto tcp {side} numgen random mod 10000 < 3000 counter drop;"
            )
        };
        assert_eq!(
            shown("drop", &share).unwrap(),
            format!(
                "nft 'table inet TABLE {{ set active {{ typeof meta nfproto; flags timeout; elements = {{ ipv4 timeout 33000ms, ipv6 timeout 33000ms }}; }}; \
                 chain in {{ type filter hook prerouting priority -300; policy accept; {} {} }}; }}'",
                rule("th dport 5432"),
                rule("th dport != 5432 th sport 5432")
            )
        );
        let both = shown("partition", &[("device", text("eth1")), ("netns", text("lb1"))]).unwrap();
        assert!(both.starts_with("ip netns exec lb1 nft 'table netdev TABLE"), "{both}");
        assert!(
            both.contains("hook ingress device \"eth1\"") && both.contains("oifname @active counter drop"),
            "{both}"
        );
    }

    /// A kind, its fields, and why it is refused.
    type Refused<'a> = (&'static str, &'a [(&'static str, Arg)], &'static str);

    #[test]
    fn what_means_nothing_is_refused() {
        let (device, address) = (|name: &str| ("device", text(name)), |of: &str| ("remove", text(of)));
        let rows: &[Refused] = &[
            ("partition", &[device("eth*")], "`partition`: `eth*` is not the name of one device"),
            ("partition", &[device("a\"b")], "is not the name of one device"),
            ("partition", &[device("a b")], "is not the name of an interface"),
            ("partition", &[device("eth1"), ("netns", text("a/b"))], "`a/b` is no name of a network namespace"),
            ("drop", &[("peer", text("db1"))], "`db1` is not an IP address"),
            ("drop", &[("peer", text("192.0.2.0/33"))], "`/33` is no length of a prefix, which is at most 32"),
            ("drop", &[], "it would drop every packet of this host"),
            ("drop", &[("port", Arg::Integer(1)), ("protocol", text("ospf"))], "`port` beside `protocol: ospf`"),
            ("process", &[], "which process?"),
            ("process", &[("unit", text("--all"))], "that is no name of a unit"),
            ("process", &[("pid", Arg::Integer(7)), ("signal", text("term"))], "after `signal: term`"),
            ("address", &[address("192.0.2.1/24")], "which address, and of which device?"),
            ("address", &[address("192.0.2.1"), ("from", text("eth1"))], "has no length of its prefix"),
            (
                "partition",
                &[("device", Arg::Text(Text::new("s3cret", Some("***"))))],
                "could read the secret in the list of processes",
            ),
        ];
        for (kind, fields, want) in rows {
            let why = shown(kind, fields).unwrap_err();
            assert!(why.contains(want), "{kind} {fields:?}: {why}");
        }
        let none = ProxySettings::of(Vec::new()).unwrap();
        assert_eq!(disruption(&Args::default(), &INJECT, Duration::ZERO, false, &none), Ok(None));
    }
}
