//! What a suite may ask of proxies.

use super::super::Failover;
use super::{args, group, probe};
use crate::model::{Arg, Args, Invalid};
use crate::probe::{DynProbe, Probe as _};
use crate::testing::text;

fn place(listen: &str, target: &str, protocol: &str) -> Arg {
    Arg::Group(group(vec![("listen", text(listen)), ("target", text(target)), ("protocol", text(protocol))]))
}

fn named(name: &str, arg: Arg) -> Arg {
    Arg::Map(vec![(name.to_owned(), arg)])
}

fn impaired(name: &str, how: &[(&'static str, Arg)]) -> Arg {
    let how = Arg::Group(group(how.to_vec()));
    Arg::Group(group(vec![("proxy", named(name, how))]))
}

/// A probe of this family that asks the proxy.
fn through(family: &'static str, more: &[(&'static str, Arg)]) -> Arg {
    let Arg::Probe { family, mut args, group, expected } = probe(family, 0.01, 0.5) else { panic!("a probe") };
    args.0.extend(match family {
        "http" => vec![("url", text("http://127.0.0.1:18080/"))],
        _ => vec![("host", text("127.0.0.1")), ("port", Arg::Integer(18080))],
    });
    args.0.extend(more.iter().cloned());
    Arg::Probe { family, args, group, expected }
}

/// A check with one proxy `web` that does this, of a page behind it.
fn check(proxies: Arg, inject: Arg) -> Args {
    let mut args = args();
    args.0.remove("restore");
    args.0.insert("probe", through("http", &[]));
    args.0.insert("proxies", proxies);
    args.0.insert("inject", inject);
    args
}

fn built(proxies: Arg, inject: Arg) -> Result<Failover, Invalid> {
    Failover::from_args(&check(proxies, inject))
}

fn one(protocol: &str) -> Arg {
    named("web", place("127.0.0.1:18080", "192.0.2.7:80", protocol))
}

#[test]
fn what_is_asked_for_is_what_the_plan_says() {
    let hole = [("black_hole", Arg::Bool(true)), ("direction", text("to_target")), ("for", Arg::Number(0.5))];
    let slow = [("latency", Arg::Number(0.2)), ("jitter", Arg::Number(0.02)), ("rate", Arg::Number(1e7))];
    let lossy = [("loss", Arg::Number(0.1))];
    let dead = [("half_open", Arg::Bool(true)), ("new_connections", text("unanswered"))];
    for (protocol, how, text) in [
        ("tcp", &hole[..], "nothing passes to the target, for 500 ms"),
        ("tcp", &slow, "latency 200 ms ± 20 ms, rate 10 Mbit/s each way"),
        ("udp", &lossy, "loss 10% each way"),
        ("tcp", &dead, "connections are left half-open; new connections are unanswered"),
    ] {
        let lines = DynProbe::breaks(&built(one(protocol), impaired("web", how)).unwrap());
        let at = format!("# proxy web ({protocol} 127.0.0.1:18080 to 192.0.2.7:80): ");
        let want = vec![("inject", format!("{at}{text}")), ("restore", format!("{at}nothing is impaired"))];
        assert_eq!(lines, want);
    }
}

/// A protocol, what is asked of a proxy, and why it is refused.
type Refused<'a> = (&'a str, &'a [(&'static str, Arg)], &'a str);

#[test]
fn what_means_nothing_is_refused() {
    let number = Arg::Number;
    let yes = Arg::Bool(true);
    let rows: &[Refused] = &[
        ("tcp", &[], "it impairs nothing"),
        ("tcp", &[("loss", number(0.1))], "`loss` is for UDP"),
        ("tcp", &[("jitter", number(0.1))], "`jitter` is more than `latency`"),
        ("tcp", &[("black_hole", yes.clone()), ("rate", number(1e6))], "nothing pass that could be late"),
        ("tcp", &[("reset", yes.clone()), ("half_open", yes.clone())], "they are not"),
        ("tcp", &[("reset", yes.clone()), ("direction", text("both"))], "`direction` is for latency"),
        ("udp", &[("reset", yes.clone())], "UDP has no connections"),
        ("udp", &[("new_connections", text("refused"))], "UDP has no connections"),
    ];
    for (protocol, how, want) in rows {
        let refused = built(one(protocol), impaired("web", how)).err().unwrap();
        assert!(refused.field == "inject" && refused.message.contains(want), "{refused:?}");
    }
    let reset = || impaired("web", &[("reset", Arg::Bool(true))]);
    let unknown = built(one("tcp"), impaired("db", &[("reset", Arg::Bool(true))])).err().unwrap();
    assert!(unknown.message.contains("there is no proxy `db`"), "{unknown:?}");
    let twice = built(one("tcp"), Arg::List(vec![reset(), reset()])).err().unwrap();
    assert!(twice.message.contains("`web` is impaired twice"), "{twice:?}");
    for (listen, target, protocol, want) in [
        ("localhost:1", "192.0.2.7:80", "tcp", "not an address of this host with a port"),
        ("127.0.0.1", "192.0.2.7:80", "tcp", "not an address of this host with a port"),
        ("0.0.0.0:53", "192.0.2.7:80", "udp", "must come from one address"),
        ("127.0.0.1:1", "192.0.2.7", "tcp", "is not host:port"),
        ("127.0.0.1:1", "127.0.0.1:1", "tcp", "is where it listens itself"),
    ] {
        let refused = built(named("web", place(listen, target, protocol)), reset()).err().unwrap();
        assert!(refused.field == "proxies" && refused.message.contains(want), "{refused:?}");
    }
    let same = Arg::Map(["a", "b"].map(|name| (name.to_owned(), place("127.0.0.1:1", "192.0.2.7:80", "tcp"))).to_vec());
    assert!(built(same, reset()).err().unwrap().message.contains("two proxies listen on 127.0.0.1:1"));
    let mut watching = check(one("tcp"), reset());
    watching.0.remove("inject");
    assert_eq!(Failover::from_args(&watching).err().unwrap().field, "proxies");
}

/// The kernel of this host accepts for the proxy, whatever passes it.
#[test]
fn who_only_connects_sees_nothing_of_bytes() {
    let build = |probe: Arg, how: &[(&'static str, Arg)]| {
        let mut args = check(one("tcp"), impaired("web", how));
        args.0.insert("probe", probe);
        Failover::from_args(&args).err().map(|refused| refused.message)
    };
    let hole = [("black_hole", Arg::Bool(true))];
    assert!(build(through("tcp", &[]), &hole).unwrap().contains("who only connects sees nothing"));
    assert_eq!(build(through("tcp", &[("expect", text("ok"))]), &hole), None);
    assert_eq!(build(through("tcp", &[]), &[("new_connections", text("refused"))]), None);
}

/// What nobody sees would pass, whatever it breaks.
#[test]
fn a_proxy_that_no_stream_sees_is_refused() {
    let build = |probe: Arg, how: &[(&'static str, Arg)]| {
        let mut args = check(one("tcp"), impaired("web", how));
        args.0.insert("probe", probe);
        Failover::from_args(&args).err().map(|refused| refused.message).unwrap_or_default()
    };
    let (hole, half_open) = ([("black_hole", Arg::Bool(true))], [("half_open", Arg::Bool(true))]);
    for (family, more, asked) in [
        ("http", &[][..], true),
        ("http", &[("url", text("http://localhost:18080/"))], true),
        ("http", &[("url", text("http://www.example/"))], true),
        ("http", &[("url", text("http://127.0.0.1:8080/"))], false),
        ("http", &[("url", text("http://192.0.2.7:18080/"))], false),
        ("icmp", &[], false),
    ] {
        let refused = build(through(family, more), &hole);
        assert_eq!(refused.contains("no stream asks the proxy `web` (127.0.0.1:18080)"), !asked, "{family}: {refused}");
    }
    assert!(build(through("http", &[]), &half_open).contains("connections of before alone"));
    let Arg::Probe { family, args, mut group, expected } = through("http", &[]) else { panic!("a probe") };
    group.0.insert("connection", text("keep"));
    assert_eq!(build(Arg::Probe { family, args, group, expected }, &half_open), "");
}
