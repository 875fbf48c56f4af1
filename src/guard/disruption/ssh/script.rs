//! What the other host is told to do, as scripts for any POSIX shell. A script is one compound command: a shell that got only a part of
//! it, because the connection went, runs nothing.
//!
//! In a folder of its own there, named by chance, one file stands for each fact, and `mv` makes each turn happen once: `ready` becomes
//! `begun` (the command starts) or `stopped` (it never will), `armed` becomes `fired` (the timer undoes it) or `disarmed`. So a command
//! that comes late cannot break what was just undone, and a timer that was disarmed does nothing more. `status` is how the command ended,
//! `late` that it was ended when its time was over, `effect` how `verify` ended after it, and `ended` that nothing of this runs any more.
//!
//! Each command has its time there, whether or not anybody is connected.

use std::fmt::Write as _;
use std::time::Duration;

use super::{EFFECT, LATE, SshCommand};

/// What the scripts of [`SshCommand`] need there.
const NEEDED: [&str; 9] = ["sh", "sleep", "mkdir", "mv", "rm", "ls", "id", "cat", "tail"];
/// Bytes of a command's output that come back.
const OUTPUT: usize = 2000;
/// `limited NAME SECONDS WORDS…` runs the words, and ends them when their time is over, once it has called `late NAME`. With `setsid` each
/// has a session of its own, and what it has started is ended with it. `group` is who else is ended instead, if it is set.
const LIMITED: &str = r#"own_session=; command -v setsid >/dev/null 2>&1 && own_session=setsid; group=
limited() {
name=$1 most=$2; shift 2
if [ -n "$group" ]; then "$@" </dev/null & else $own_session "$@" </dev/null & fi
c=$!
{ trap '[ "$!" = "$c" ] || kill "$!" 2>/dev/null; exit 0' TERM
sleep "$most" >/dev/null 2>&1 &
wait "$!"
trap '' TERM; late "$name"
kill -s TERM -- "-${group:-$c}" 2>/dev/null || kill "$c" 2>/dev/null
sleep 1
kill -s KILL -- "-${group:-$c}" 2>/dev/null || kill -s KILL "$c" 2>/dev/null
} & k=$!
wait "$c" 2>/dev/null; result=$?
kill "$k" 2>/dev/null
return "$result"
}
"#;

/// What became of the command, as far as it is known.
const TOLD: &str = r#"[ -e "$d/late" ] && say late run
[ -e "$d/status" ] && say ended "$(cat "$d/status")"
[ -e "$d/effect" ] && say effect "$(cat "$d/effect")""#;

/// The words as a command of a shell: quoted whatever they are, so that none is a variable, a reserved word or an option of the shell.
pub(super) fn words(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whole seconds, rounded up: `sleep` of POSIX knows no others.
pub(super) fn seconds(length: Duration) -> u64 {
    length.as_secs() + u64::from(length.subsec_nanos() > 0)
}

impl SshCommand {
    fn folder(&self) -> String {
        format!("/tmp/{}", self.id)
    }

    /// One compound command with what all of them share. `say` tells this side something in a line of its own, whatever a command has
    /// printed; `own` is true while the folder is there and ours. A command that is late is told at once.
    fn compound(&self, body: &str) -> String {
        format!(
            r#"{{ exec 2>&1; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; d={folder}
say() {{ printf '\n{id} %s\n' "$*"; }}
own() {{ set -- $(ls -ldn "$d" 2>/dev/null); case ${{1-}} in drwx------*) [ "${{3-}}" = "$(id -u)" ];; *) false;; esac; }}
late() {{ say late "$1"; }}
{LIMITED}{body}
say end; exit 0; }}
"#,
            folder = self.folder(),
            id = self.id,
        )
    }

    /// Looks whether it can be done, and changes nothing.
    pub(super) fn look(&self) -> String {
        let programs = [self.run.first(), self.undo.first(), self.verify.first()];
        let programs: Vec<String> = programs.into_iter().flatten().cloned().collect();
        let mut body = format!(
            "for p in {}; do command -v \"$p\" >/dev/null 2>&1 || say missing \"$p\"; done\n\
             for p in {}; do command -v \"$p\" >/dev/null 2>&1 || say missing \"$p\"; done\n\
             {{ [ -d /tmp ] && [ -w /tmp ] && [ -x /tmp ]; }} || say unwritable\n",
            NEEDED.join(" "),
            words(&programs)
        );
        self.push_verify(&mut body);
        self.compound(&body)
    }

    fn push_verify(&self, body: &mut String) {
        if !self.verify.is_empty() {
            let _ = write!(body, "{}; say verify $?", self.limited("verify", &self.verify));
        }
    }

    /// A command that is ended when its time is over.
    fn limited(&self, name: &str, command: &[String]) -> String {
        format!("limited {name} {} {}", seconds(self.timeout), words(command))
    }

    /// Makes the folder and starts the timer, which outlives this connection.
    pub(super) fn arm(&self) -> String {
        self.compound(&format!(
            r#"umask 077
mkdir "$d" || {{ say unmade; say end; exit 0; }}
if printf %s {undo} >"$d/undo" && printf %s {run} >"$d/run" && printf %s {timer} >"$d/timer" && : >"$d/ready" && : >"$d/armed"
then {start}
n=0
while [ ! -e "$d/timer.pid" ] && [ "$n" -lt 5000 ]; do n=$((n + 1)); done
say armed
else rm -rf "$d"; say unmade; fi"#,
            undo = quoted(&self.undo_file()),
            run = quoted(&self.run_file()),
            timer = quoted(&self.timer_file()),
            start = Self::started("timer", "log"),
        ))
    }

    /// Starts a file of the folder in a session of its own, or as near to one as there is.
    fn started(file: &str, output: &str) -> String {
        format!(
            "if command -v setsid >/dev/null 2>&1; then setsid sh \"$d/{file}\" </dev/null >\"$d/{output}\" 2>&1 & else nohup sh \
             \"$d/{file}\" </dev/null >\"$d/{output}\" 2>&1 & fi"
        )
    }

    /// Undoes it once its time is over, or as soon as somebody asks it to end while it is armed: at whatever moment that is, the `sleep` ends.
    fn timer_file(&self) -> String {
        format!(
            r#"d={folder} over= s=
trap : HUP INT QUIT PIPE ALRM USR1 USR2
trap 'over=1; [ -z "$s" ] || kill "$s" 2>/dev/null' TERM
cd /
echo "$$" >"$d/timer.new" && mv "$d/timer.new" "$d/timer.pid"
sleep {seconds} &
s=$!
[ -z "$over" ] || kill "$s" 2>/dev/null
while [ -z "$over" ] && kill -0 "$s" 2>/dev/null; do wait "$s"; done
mv "$d/armed" "$d/fired" 2>/dev/null || exit 0
date +%s >"$d/fired.at"
sh "$d/undo"
echo "$?" >"$d/undone.new" && mv "$d/undone.new" "$d/undone"
"#,
            folder = self.folder(),
            seconds = seconds(self.undo_after),
        )
    }

    /// The command that breaks it, unless that was called off; then `verify`, until that says that it took effect.
    fn run_file(&self) -> String {
        format!(
            r#"d={folder}
echo "$$" >"$d/run.pid"
mv "$d/ready" "$d/begun" 2>/dev/null || exit 0
c=
trap '[ -n "$c" ] && kill "$c" 2>/dev/null; exit 143' TERM
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
late() {{ [ "$1" != run ] || : >"$d/late"; }}
{LIMITED}group=$$
{run}; s=$?
[ -e "$d/late" ] && exit 0
echo "$s" >"$d/status.new" && mv "$d/status.new" "$d/status"
{look}: >"$d/ended"
"#,
            folder = self.folder(),
            run = self.limited("run", &self.run),
            look = self.look_for_effect(),
        )
    }

    /// What is broken may need a moment to show.
    fn look_for_effect(&self) -> String {
        if self.verify.is_empty() {
            return String::new();
        }
        format!(
            r#"if [ "$s" -eq 0 ]; then
group=; until=$(($(date +%s) + {most}))
while {verify} >/dev/null 2>&1; e=$?; [ "$e" -eq 0 ] && [ "$(date +%s)" -lt "$until" ]; do sleep 1; done
echo "$e" >"$d/effect.new" && mv "$d/effect.new" "$d/effect"
fi
"#,
            verify = self.limited("verify", &self.verify),
            most = seconds(EFFECT),
        )
    }

    /// Calls the command off, or ends it, and undoes it.
    fn undo_lines(&self) -> String {
        format!(
            r#"if [ -d "$d" ] && ! mv "$d/ready" "$d/stopped" 2>/dev/null && [ -e "$d/begun" ] && [ ! -e "$d/ended" ]; then
p=$(cat "$d/run.pid"); n=0
kill -s TERM -- "-$p" 2>/dev/null || kill "$p" 2>/dev/null
while kill -0 "$p" 2>/dev/null && [ "$n" -lt 3 ]; do sleep 1; n=$((n + 1)); done
kill -s KILL -- "-$p" 2>/dev/null || kill -s KILL "$p" 2>/dev/null
: >"$d/ended"
fi
{undo}
"#,
            undo = self.limited("undo", &self.undo),
        )
    }

    fn undo_file(&self) -> String {
        let folder = self.folder();
        format!(
            "d={folder}\nPATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\nlate() {{ :; }}\n{LIMITED}{}",
            self.undo_lines()
        )
    }

    /// Sees that the timer is armed, waits for a word of this side, and breaks it.
    pub(super) fn break_it(&self) -> String {
        self.compound(&format!(
            r#"n=0
while own && [ ! -e "$d/timer.pid" ] && [ "$n" -lt 5 ]; do sleep 1; n=$((n + 1)); done
if ! own || [ ! -e "$d/armed" ] || ! kill -0 "$(cat "$d/timer.pid" 2>/dev/null)" 2>/dev/null
then cat "$d/log" 2>/dev/null; say unarmed; say end; exit 0; fi
say ready
read -r go || exit 0
[ "$go" = go ] || exit 0
{start}
wait $!
tail -c {OUTPUT} "$d/out"
{TOLD}"#,
            start = Self::started("run", "out"),
        ))
    }

    /// Undoes it; then disarms the timer, or waits for one that undoes it as well; and tells what became of all.
    pub(super) fn restore(&self) -> String {
        self.compound(&format!(
            r#"own || d=/nonexistent
{mended}{undo}u=$?
[ -z "$m" ] || u=0
say undo "$u"
[ "$u" -eq 0 ] || {{ say end; exit 0; }}
own || {{ say end; exit 0; }}
if mv "$d/armed" "$d/disarmed" 2>/dev/null; then
p=$(cat "$d/timer.pid" 2>/dev/null)
case $(ps -o args= -p "${{p:-0}}" 2>/dev/null) in *"$d/timer"*) kill "$p" 2>/dev/null;; esac
elif [ -e "$d/fired" ]; then
n=0
while [ ! -e "$d/undone" ] && [ "$n" -lt {wait} ]; do sleep 1; n=$((n + 1)); done
[ -e "$d/undone" ] || {{ say undoing; say end; exit 0; }}
say fired "$(($(date +%s) - $(cat "$d/fired.at")))"
fi
if [ -e "$d/stopped" ]; then say never; else {TOLD}
[ -e "$d/status" ] || [ -e "$d/late" ] || say killed; fi
rm -rf "$d""#,
            mended = self.mended_lines(),
            undo = self.undo_lines(),
            wait = seconds(self.timeout + LATE),
        ))
    }

    /// Whether somebody else has undone it: neither the timer, nor an earlier call of this side.
    fn mended_lines(&self) -> String {
        if self.verify.is_empty() {
            return "m=\n".to_owned();
        }
        format!(
            r#"m=
if [ "$(cat "$d/effect" 2>/dev/null || echo 0)" -ne 0 ] && [ ! -e "$d/fired" ] && [ ! -e "$d/asked" ] && {verify} >/dev/null 2>&1 && [ ! -e "$d/fired" ]
then m=1; say mended; fi
[ "$d" = /nonexistent ] || : >"$d/asked"
"#,
            verify = self.limited("verify", &self.verify)
        )
    }

    /// Looks whether it is back.
    pub(super) fn check(&self) -> String {
        let mut body = "own && say left\n".to_owned();
        self.push_verify(&mut body);
        self.compound(&body)
    }
}
