//! `inject: {ssh: …}` as a suite writes it.

use std::time::Duration;

use super::{Wrong, absolute};
use crate::guard::disruption::{SshCommand, SshHost};
use crate::model::field::PORT as PORT_KIND;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Text, human_time};

/// Connecting may take so long once the timer is armed.
const CONNECTING: Duration = Duration::from_secs(15);
/// What is broken is looked at for so long.
const LOOKING: Duration = Duration::from_secs(5);
/// It should be restored before the timer fires.
const MARGIN: Duration = Duration::from_secs(10);
/// Bytes of all words.
const WORDS: usize = 16 << 10;

fields! { pub(super) SSH_FIELDS;
    const HOST: Field<Text> = Field::required(
        "host",
        FieldKind::Text,
        "The other host as `ssh` takes it: `USER@HOST`, a name, an address, or a `Host` of ssh_config.",
    );
    const PORT: Field<Option<u16>> =
        Field::optional("port", PORT_KIND, "Port of its sshd; that of ssh_config by default.");
    const IDENTITY_FILE: Field<Option<Text>> = Field::optional(
        "identity_file",
        FieldKind::Text,
        "Private key without a passphrase; keys of the agent and of ssh_config by default.",
    );
    const CONFIG_FILE: Field<Option<Text>> = Field::optional(
        "config_file",
        FieldKind::Text,
        "ssh_config to take in place of the user's own, for known hosts, jump hosts and the like.",
    );
    const RUN: Field<Vec<Text>> = Field::required(
        "run",
        FieldKind::List(&FieldKind::Argument),
        "What breaks it there: program and arguments, no shell. Exits 0 once it is broken.",
    );
    const UNDO: Field<Vec<Text>> = Field::required(
        "undo",
        FieldKind::List(&FieldKind::Argument),
        "What puts it back there. Must be safe to run twice, and by two at once: a timer there runs it as well.",
    );
    const VERIFY: Field<Vec<Text>> = Field::optional(
        "verify",
        FieldKind::List(&FieldKind::Argument),
        "Exits 0 there when all is as it should be: before the disruption and again after `undo`, and not once `run` has ended. Without it nobody looks.",
    );
    const UNDO_AFTER: Field<Option<Duration>> = Field::optional(
        "undo_after",
        FieldKind::Duration(1.0, 172_800.0),
        "The timer there runs `undo` after so long, whatever became of this host; longer than `observe` by what connecting takes, by default.",
    );
    const TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        FieldKind::Duration(0.1, 300.0),
        "10s",
        "Each of the commands there takes this long at most; then it is ended there.",
    );
}

/// The longest that injecting takes, which counts into the time until it is undone.
pub(in crate::checks::failover) fn longest(args: &Args) -> Duration {
    let looking = if args.get(&VERIFY).is_empty() { Duration::ZERO } else { LOOKING };
    args.get(&TIMEOUT) + CONNECTING + looking
}

/// `hold` is the longest until somebody asks to restore, [`longest`] included.
pub(super) fn command(args: &Args, hold: Duration) -> Result<SshCommand, Wrong> {
    let observed = hold.saturating_sub(longest(args));
    let undo_after = match args.get(&UNDO_AFTER) {
        None => hold + MARGIN,
        // One that fires early all the same is noticed, and then nothing is judged.
        Some(given) if given <= observed => {
            let message = format!(
                "`undo_after: {}` must be more than {}, the longest until it is restored",
                human_time(given),
                human_time(observed)
            );
            let own = human_time(hold + MARGIN);
            return Err((message, format!("write a longer one, or leave it out, which makes it {own}")));
        }
        Some(given) => given,
    };
    let (run, undo, verify) = (args.get(&RUN), args.get(&UNDO), args.get(&VERIFY));
    let words = |name: &str, words: Vec<Text>| texts(name, words.into_iter().map(Text::into_value).collect());
    let verify = if verify.is_empty() { Vec::new() } else { words("verify", verify)? };
    Ok(SshCommand {
        host: host(args)?,
        run: words("run", run)?,
        undo: words("undo", undo)?,
        verify,
        undo_after: Duration::from_secs(undo_after.as_secs() + u64::from(undo_after.subsec_nanos() > 0)),
        timeout: args.get(&TIMEOUT),
        id: "shakedown".to_owned(),
    })
}

fn host(args: &Args) -> Result<SshHost, Wrong> {
    let destination = args.get(&HOST).into_value();
    let (user, host) = match destination.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, destination.as_str()),
    };
    let plain = |c: char| c.is_alphanumeric() || "._:%-".contains(c);
    let named = |c: char| c.is_alphanumeric() || "._-@+\\".contains(c);
    let user_fits = user.is_none_or(|user| !user.is_empty() && !user.starts_with('-') && user.chars().all(named));
    if !user_fits || host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
        let help = "write HOST or USER@HOST, an address of IPv6 without brackets, and the port as `port`";
        return Err((format!("`{destination}` is no host for ssh"), help.to_owned()));
    }
    let file = |field: &Field<Option<Text>>| {
        let Some(text) = args.get(field) else { return Ok(None) };
        // `ssh` would put something else in its place.
        if text.is_empty() || text.contains(['%', '\0', '\n']) || text.starts_with('~') {
            let help = "write its path: absolute, or from the folder that shakedown is started in";
            return Err((format!("`{text}` is no path that ssh takes as it is"), help.to_owned()));
        }
        Ok(Some(absolute(&text)))
    };
    let (identity_file, config_file) = (file(&IDENTITY_FILE)?, file(&CONFIG_FILE)?);
    Ok(SshHost { destination: destination.clone(), port: args.get(&PORT), identity_file, config_file })
}

fn texts(name: &str, words: Vec<String>) -> Result<Vec<String>, Wrong> {
    let help =
        || "write program and arguments, such as [ip, link, set, eth1, down]; a script is [sh, -c, '…']".to_owned();
    if words.first().is_none_or(|program| program.is_empty() || program.starts_with('-')) {
        return Err((format!("`{name}` names no program"), help()));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err((format!("`{name}` holds a byte of value 0, which no program is given"), help()));
    }
    if words.iter().map(String::len).sum::<usize>() > WORDS {
        return Err((format!("`{name}` has more than {WORDS} bytes"), "put the script into a file there".to_owned()));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use crate::model::{Arg, Text};
    use crate::testing::text;

    fn list(words: &[&str]) -> Arg {
        Arg::List(words.iter().map(|word| text(word)).collect())
    }

    fn fields(more: &[(&'static str, Arg)]) -> Vec<(&'static str, Arg)> {
        let down = ("run", list(&["ip", "link", "set", "eth1", "down"]));
        let mut out = vec![("host", text("admin@lb1")), down, ("undo", list(&["ip", "link", "set", "eth1", "up"]))];
        for (name, value) in more {
            out.retain(|(given, _)| given != name);
            out.push((name, value.clone()));
        }
        out
    }

    #[test]
    fn what_is_written_is_what_is_run() {
        assert_eq!(shown("ssh", &fields(&[])).unwrap(), "ssh admin@lb1 'ip link set eth1 down'");
        let far = [
            ("host", text("2001:db8::1%eth0")),
            ("port", Arg::Integer(2222)),
            ("identity_file", text("/k/a b")),
            ("config_file", text("/c")),
            ("run", list(&["A=b", "it's", "$x", "-y"])),
        ];
        assert_eq!(
            shown("ssh", &fields(&far)).unwrap(),
            r"ssh -F /c -p 2222 -i '/k/a b' 2001:db8::1%eth0 ''\''A=b'\'' '\''it'\''\'\'''\''s'\'' '\''$x'\'' -y'"
        );
    }

    #[test]
    fn what_ssh_would_take_for_something_else_is_refused() {
        let long = "x".repeat(17 << 10);
        let secret = Arg::List(vec![text("login"), Arg::Text(Text::new("s3cret", Some("***")))]);
        let rows: &[(&'static str, Arg, &str)] = &[
            ("host", text("-oProxyCommand=x"), "`-oProxyCommand=x` is no host for ssh"),
            ("host", text("admin@-lb1"), "is no host for ssh"),
            ("host", text("-l@lb1"), "is no host for ssh"),
            ("host", text("@lb1"), "is no host for ssh"),
            ("host", text("ssh://lb1"), "is no host for ssh"),
            ("host", text("[2001:db8::1]"), "is no host for ssh"),
            ("host", text("lb1 x"), "is no host for ssh"),
            ("host", text("$(id)@lb1"), "is no host for ssh"),
            ("identity_file", text("~/.ssh/id"), "is no path that ssh takes as it is"),
            ("config_file", text("a%h"), "is no path that ssh takes as it is"),
            ("run", list(&[]), "`run` names no program"),
            ("run", list(&["-c"]), "`run` names no program"),
            ("undo", list(&[""]), "`undo` names no program"),
            ("verify", list(&["a\0b"]), "holds a byte of value 0"),
            ("undo", list(&["sh", "-c", &long]), "`undo` has more than 16384 bytes"),
            (
                "undo_after",
                Arg::Number(8.0),
                "`undo_after: 8 s` must be more than 8 s, the longest until it is restored",
            ),
            ("run", secret, "could read the secret"),
        ];
        for (name, value, want) in rows {
            let why = shown("ssh", &fields(&[(name, value.clone())])).unwrap_err();
            assert!(why.contains(want), "{name}: {why}");
        }
        assert!(shown("ssh", &fields(&[("undo_after", Arg::Number(8.5))])).is_ok());
    }
}
