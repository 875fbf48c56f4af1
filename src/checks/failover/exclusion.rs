//! The things that two checks of one host must not break at the same time: the target's host, and what a restore command
//! puts back.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::guard::lock::{LockError, LockKey, Locks};
use crate::guard::{CommandSpec, Disruption, FaultPlan, Step};
use crate::model::interface::url_without_zone;
use crate::model::{Arg, Args, Fault, FieldInfo, FieldKind, Text};
use crate::net::endpoint;
use crate::probe::Family;

/// The locks of a check whose probes are of these families with these arguments.
pub(super) fn keys<'a>(probes: impl Iterator<Item = (&'a Family, &'a Args)>, plan: &FaultPlan) -> Vec<LockKey> {
    let hosts = probes.flat_map(|(family, args)| hosts(family, args));
    let mut keys: Vec<LockKey> = hosts.map(|host| key(format!("target {host}"), &host)).collect();
    let subjects = plan.inject.iter().filter_map(Step::built_in).map(Disruption::subject);
    keys.extend(subjects.map(|subject| key(subject.clone(), &subject)));
    keys.extend(plan.restore.restore.iter().map(|command| {
        let program = command.run.first().map_or("", Text::shown);
        key(format!("restore command ({program} …)"), &command_identity(command))
    }));
    // Always in one order: of two that begin together, one gets all.
    keys.sort_by(|a, b| a.identity.cmp(&b.identity));
    keys.dedup();
    keys
}

/// Takes the locks for the check `check`.
pub(super) fn take(keys: &[LockKey], check: &str, target: &str) -> Result<Locks, Fault> {
    let holder = format!("process {}, check {check}", std::process::id());
    Locks::take(&here(keys), &holder).map_err(|error| match error {
        LockError::Held { label, holder } => {
            let holder = if holder.is_empty() { "a process that did not say who it is".to_owned() } else { holder };
            Fault::local(
                "begin alone",
                target,
                format!("another check of this host is already breaking the same target ({label}): {holder}; nothing was injected"),
                "run one after the other; when that run was killed, its guard may still be restoring",
            )
        }
        LockError::Io(path, error) => Fault::local(
            "begin alone",
            target,
            format!("cannot lock {}: {error}; nothing was injected", path.display()),
            "make /tmp writable, or remove that file when no other run of shakedown is at work",
        ),
    })
}

fn key(label: String, identity: &str) -> LockKey {
    let sort = label.split(' ').next().unwrap_or_default().to_owned();
    LockKey { label, identity: format!("{sort}\0{identity}") }
}

/// The keys in the network namespace of the calling thread: in another one the same address is another machine.
fn here(keys: &[LockKey]) -> Vec<LockKey> {
    let namespace = std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |metadata| metadata.ino());
    let within =
        |key: &LockKey| LockKey { label: key.label.clone(), identity: format!("{namespace}\0{}", key.identity) };
    keys.iter().map(within).collect()
}

/// Hosts that the probe asks: those of its target, or else of its servers.
pub(super) fn hosts(family: &Family, args: &Args) -> Vec<String> {
    let written = |field: &&FieldInfo| args.0.contains_key(field.name) && of_field(family, field, args).is_some();
    let target = family.fields.iter().filter(|field| field.name == family.target_field.0).find(written);
    let field = target.or_else(|| family.fields.iter().find(written));
    field.and_then(|field| of_field(family, field, args)).unwrap_or_default()
}

/// Hosts of a field that names some.
fn of_field(family: &Family, field: &FieldInfo, args: &Args) -> Option<Vec<String>> {
    let port = || match args.0.get(family.target_field.1?) {
        Some(Arg::Integer(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    let host = |kind: &FieldKind, text: &str| match kind {
        FieldKind::Host => Some(name(text, port())),
        FieldKind::Endpoint => {
            let (host, port) = endpoint::parse(text, Some(1)).ok()?;
            Some(name(&host, Some(port)))
        }
        FieldKind::Url => {
            let (bare, zone) = url_without_zone(text).ok()?;
            let url = url::Url::parse(&bare).ok()?;
            let host = url.host_str()?.trim_matches(['[', ']']);
            let host = zone.map_or_else(|| host.to_owned(), |zone| format!("{host}%{zone}"));
            Some(name(&host, url.port_or_known_default()))
        }
        _ => None,
    };
    match (&field.kind, args.0.get(field.name)?) {
        (FieldKind::List(kind), Arg::List(items)) => {
            let texts = items.iter().filter_map(|item| if let Arg::Text(text) = item { Some(text) } else { None });
            let hosts: Vec<String> = texts.filter_map(|text| host(kind, text)).collect();
            (!hosts.is_empty()).then_some(hosts)
        }
        (kind, Arg::Text(text)) => host(kind, text).map(|host| vec![host]),
        _ => None,
    }
}

/// A host in one form. Of this host's own addresses the port tells what is meant: it has many services.
fn name(host: &str, port: Option<u16>) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let plain = bare.trim_end_matches('.').to_ascii_lowercase();
    let address = plain.parse::<IpAddr>().ok();
    let text = address.map_or_else(|| plain.clone(), |address| address.to_string());
    match port {
        Some(port) if plain == "localhost" || address.is_some_and(|address| address.is_loopback()) => {
            endpoint_text(&text, port)
        }
        _ => text,
    }
}

fn endpoint_text(host: &str, port: u16) -> String {
    crate::net::dial::endpoint(host, port)
}

/// Program and arguments; and the folder, where what they mean depends on it.
fn command_identity(command: &CommandSpec) -> String {
    let folder = command.cwd.as_deref().unwrap_or(Path::new(""));
    let relative = |(at, word): (usize, &Text)| {
        let script = word.contains(|c: char| c.is_whitespace() || ";<>|&$".contains(c));
        // A program without a slash is looked for in PATH.
        let file = !word.starts_with('/') && !word.is_empty() && (at > 0 || word.contains('/'));
        script || (file && folder.join(&**word).exists())
    };
    let folder = if command.run.iter().enumerate().any(relative) { folder } else { Path::new("") };
    let words: Vec<&str> = command.run.iter().map(|word| &**word).collect();
    format!("{}\0{}", folder.display(), words.join("\0"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{command_identity, hosts, keys, name};
    use crate::guard::{CommandSpec, FaultPlan, RestorePlan};
    use crate::model::{Arg, Args};

    fn args(pairs: &[(&'static str, Arg)]) -> Args {
        Args(pairs.iter().cloned().collect())
    }

    fn text(text: &str) -> Arg {
        Arg::Text(text.into())
    }

    fn of(family: &str, pairs: &[(&'static str, Arg)]) -> Vec<String> {
        hosts(crate::checks::family(family).unwrap(), &args(pairs))
    }

    #[test]
    fn a_target_is_its_host_whatever_asks_it() {
        let want = ["192.0.2.10"];
        assert_eq!(of("icmp", &[("host", text("192.0.2.10"))]), want);
        assert_eq!(of("tcp", &[("host", text("192.0.2.10")), ("port", Arg::Integer(80))]), want);
        assert_eq!(of("http", &[("url", text("http://192.0.2.10:8080/x"))]), want);
        let asks = [("name", text("a.example")), ("server", text("192.0.2.10"))];
        let list = [("name", text("a.example")), ("server", Arg::List(vec![text("192.0.2.10:5300")]))];
        assert!(of("dns", &asks) == want || of("dns", &list) == want);
    }

    #[test]
    fn hosts_have_one_form() {
        assert_eq!(name("Web.Example.", Some(80)), "web.example");
        assert_eq!(name("[2001:DB8::1]", Some(80)), "2001:db8::1");
        assert_eq!(
            (name("127.0.0.1", Some(80)), name("localhost", Some(8080))),
            ("127.0.0.1:80".into(), "localhost:8080".into())
        );
    }

    fn command(cwd: &str, run: &[&str]) -> CommandSpec {
        CommandSpec {
            run: run.iter().map(|word| (*word).into()).collect(),
            cwd: Some(PathBuf::from(cwd)),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_command_is_the_same_from_everywhere_unless_its_folder_matters() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        std::fs::write(folders[1].path().join("passwd"), "").unwrap();
        let identity = |at: usize, run: &[&str]| {
            command_identity(&CommandSpec { cwd: Some(folders[at].path().into()), ..command("/", run) })
        };
        let same = |run: &[&str]| identity(0, run) == identity(1, run);
        assert!(same(&["ssh", "gw1", "systemctl", "start", "keepalived"]));
        assert!(!same(&["sh", "-c", "echo ok > state"]));
        assert!(!same(&["cat", "passwd"]), "a file of one folder and not of the other");
    }

    #[test]
    fn the_order_of_locks_is_that_of_every_other_run() {
        let restore = RestorePlan { restore: Some(command("/", &["true"])), verify: None };
        let plan = FaultPlan { inject: Vec::new(), restore, hold: Duration::ZERO };
        let family = crate::checks::family("tcp").unwrap();
        let found = keys([(family, &args(&[("host", text("192.0.2.1"))]))].into_iter(), &plan);
        assert_eq!(found.len(), 2);
        assert!(found.is_sorted_by(|a, b| a.identity < b.identity), "{found:?}");
    }
}
