//! A command on another host, by the system's `ssh`. What undoes it is armed there first: a timer of that host, which needs neither this
//! host nor the network between, and undoes it whatever became of both.
//!
//! - Injecting takes two connections: one arms the timer; the other sees that it outlived the first, and breaks it.
//! - The command may cut the path that `ssh` takes. A connection that goes once the command was told to run is no failure of it; what
//!   became of it is read when the host can be reached again.
//! - Restoring undoes it, then disarms the timer. While the host cannot be reached it is tried until a while after the timer's time.

mod call;
mod script;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::TimeLimits;
use crate::model::{human_time, shell};
use call::{CALL, CallError, ScriptReport, call};

/// After the timer's time, the host is tried for so much longer: a network comes back after what it was cut by.
const SLACK: Duration = Duration::from_secs(20);
/// From one trial to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// A command that is late is gone after so much more: whole seconds, and a moment for one that does not end when it is told to.
const LATE: Duration = Duration::from_secs(4);
/// Whether it took effect is asked for so long.
const EFFECT: Duration = Duration::from_secs(5);
/// A timer of whole seconds that starts and fires on a busy host is so late at most, and looked at from here so early.
const GRAIN: Duration = Duration::from_secs(2);

/// Where `ssh` goes. What is not said here is up to the user's own `ssh_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshHost {
    /// `USER@HOST`, or `HOST`: a name, an address, or a `Host` of `ssh_config`.
    pub destination: String,
    /// Port of its sshd.
    pub port: Option<u16>,
    /// Private key.
    pub identity_file: Option<PathBuf>,
    /// The `ssh_config` to take in place of the user's own.
    pub config_file: Option<PathBuf>,
}

impl SshHost {
    /// The host without the user.
    #[must_use]
    pub fn name(&self) -> &str {
        self.destination.rsplit_once('@').map_or(self.destination.as_str(), |(_, host)| host)
    }

    /// Options of `ssh` that lead there.
    fn options(&self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(file) = &self.config_file {
            out.extend(["-F".to_owned(), file.display().to_string()]);
        }
        if let Some(port) = self.port {
            out.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(file) = &self.identity_file {
            out.extend(["-i".to_owned(), file.display().to_string()]);
        }
        out
    }

    /// As one would type it.
    fn shell_text(&self) -> String {
        let words = ["ssh".to_owned()].into_iter().chain(self.options()).chain([self.destination.clone()]);
        words.map(|word| shell::word(&word)).collect::<Vec<_>>().join(" ")
    }

    /// The same with a command for the shell there.
    fn command(&self, words: &[String]) -> String {
        let word = |(at, word): (usize, &String)| {
            // A first word of that form would set a variable.
            if at == 0 && word.contains('=') { format!("'{}'", word.replace('\'', r"'\''")) } else { shell::word(word) }
        };
        let line = words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ");
        format!("{} {}", self.shell_text(), shell::word(&line))
    }
}

/// A command on another host that breaks something, and the one that undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshCommand {
    /// Where.
    pub host: SshHost,
    /// Breaks it: program and arguments.
    pub run: Vec<String>,
    /// Puts it back; does no harm when that is done twice, or by two at once.
    pub undo: Vec<String>,
    /// Exits 0 when all is well, and not while it is broken; nothing to run when empty.
    pub verify: Vec<String>,
    /// The timer there undoes it after so long.
    pub undo_after: Duration,
    /// Each of the commands takes this long at most: then it is ended there.
    pub timeout: Duration,
    /// The name of what is kept there meanwhile.
    pub id: String,
}

impl SshCommand {
    pub(super) async fn prepare(&mut self) -> Result<SshUndo, String> {
        // Named anew for each round: what an earlier one may have left is not taken for its own.
        self.id = chance();
        if let Some(file) = self.host.identity_file.iter().chain(&self.host.config_file).find(|file| !file.is_file()) {
            return Err(format!("there is no file {}", file.display()));
        }
        let said = self.call(&self.look(), false, CALL + self.timeout + LATE).await.map_err(CallError::text)?;
        let name = &self.host.destination;
        let missing: Vec<&str> = said.all("missing").collect();
        if !missing.is_empty() {
            return Err(format!("{name} has no program {}: install it, or give its path", missing.join(", ")));
        }
        if said.of("unwritable").is_some() {
            return Err(format!(
                "{name} has no /tmp that this user may write to, and its timer needs a folder there: free it, or name another user"
            ));
        }
        if let Some(late) = self.late(&said, "verify") {
            return Err(format!("nothing is broken yet, and {late}"));
        }
        match said.of("verify") {
            None | Some("0") => Ok(SshUndo(self.clone())),
            Some(status) => {
                let told = said.with_output(&format!("exit status {status}"));
                Err(format!("nothing is broken yet, and `verify` on {name} fails all the same: {told}"))
            }
        }
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        let name = &self.host.destination;
        let nothing = |why: String| format!("{why}; nothing was broken");
        let said = self.call(&self.arm(), false, CALL).await.map_err(|error| nothing(error.text()))?;
        if said.of("armed").is_none() {
            let told = said.with_output(&format!("the timer could not be armed in /tmp of {name}"));
            return Err(nothing(format!("{told}: see whether that is full, or mounted read-only")));
        }
        let said = match self.call(&self.break_it(), true, self.breaking()).await {
            Ok(said) => said,
            // It may be what cut the path. What became of it is read when it is undone.
            Err(CallError::Lost(_)) => return Ok(()),
            Err(CallError::Unreachable(why)) => return Err(nothing(why)),
        };
        if said.of("unarmed").is_some() {
            let told = said.with_output(&format!("the timer on {name} did not outlive the connection that armed it"));
            return Err(nothing(format!(
                "{told}: its systemd may end what a session leaves behind (KillUserProcesses): `loginctl enable-linger` for this user there"
            )));
        }
        if let Some(late) = self.late(&said, "run") {
            return Err(late);
        }
        match said.of("ended") {
            Some("0") => self.without_effect(&said).map_or(Ok(()), Err),
            Some(status) => Err(said.with_output(&format!("exit status {status} on {name}"))),
            None => Err(said.with_output(&format!("`run` on {name} was ended before it had done its work"))),
        }
    }

    /// That a command was ended because its time was over, for people.
    fn late(&self, said: &ScriptReport, command: &str) -> Option<String> {
        said.all("late").any(|late| late == command).then(|| {
            let (name, timeout) = (&self.host.destination, human_time(self.timeout));
            said.with_output(&format!(
                "`{command}` on {name} did not end within its `timeout` of {timeout}, so it was ended"
            ))
        })
    }

    /// Why what `run` did is no disruption: all is well all the same. A service that is gone leaves `verify` without an end, which is as
    /// good as a failure.
    fn without_effect(&self, said: &ScriptReport) -> Option<String> {
        (said.of("effect") == Some("0")).then(|| {
            format!(
                "`run` on {} did not take effect: it exited 0, and so did `verify` {} later, as when all is well",
                self.host.destination,
                human_time(EFFECT)
            )
        })
    }

    /// The longest that breaking it takes, with a look at what came of it.
    fn breaking(&self) -> Duration {
        let look = if self.verify.is_empty() { Duration::ZERO } else { EFFECT + self.timeout + LATE };
        CALL + self.timeout + LATE + look
    }

    pub(super) fn limits(&self) -> TimeLimits {
        TimeLimits {
            prepare: CALL + self.timeout + LATE + PAUSE,
            inject: CALL + self.breaking() + PAUSE,
            restore: self.patience() + self.trial() * 2 + PAUSE * 2,
            verify: (CALL + self.timeout + LATE + PAUSE) * 2,
        }
    }

    /// Nobody looks whether it took effect.
    pub(super) fn is_blind(&self) -> bool {
        self.verify.is_empty()
    }

    /// How long a host that cannot be reached is tried.
    fn patience(&self) -> Duration {
        self.undo_after + SLACK
    }

    /// The longest that one trial to undo it can take: a look before, the command itself, and one of the timer that runs already.
    fn trial(&self) -> Duration {
        CALL + (self.timeout + LATE) * 3 + PAUSE * 4
    }

    async fn call(&self, script: &str, go: bool, limit: Duration) -> Result<ScriptReport, CallError> {
        call(&self.host, &self.id, script, go, limit).await
    }

    pub(super) fn shell_text(&self) -> String {
        self.host.command(&self.run)
    }

    /// With what the other host does by itself.
    pub(super) fn inverse(&self) -> String {
        let name = self.host.name();
        format!("{}  # a timer on {name} does it after {} as well", self.by_hand(), human_time(self.undo_after))
    }

    fn by_hand(&self) -> String {
        self.host.command(&self.undo)
    }

    pub(super) fn subject(&self) -> String {
        let port = self.host.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("host {}{port}", self.host.name())
    }
}

/// What undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshUndo(SshCommand);

impl SshUndo {
    /// Undoes it and disarms the timer. The text says why nothing that was seen meanwhile can be judged; empty when all was as it
    /// should be.
    pub(super) async fn restore(&self) -> Result<String, String> {
        let begun = Instant::now();
        let until = begun + self.0.patience();
        let mut failed = false;
        loop {
            let why = match self.0.call(&self.0.restore(), false, self.0.trial()).await {
                Ok(said) => match self.outcome(&said) {
                    Ok(()) => return Ok(self.doubts(&said, begun.elapsed())),
                    Err(why) if failed => return Err(why),
                    Err(_) => {
                        failed = true;
                        sleep(PAUSE).await;
                        continue;
                    }
                },
                Err(error) => error.text(),
            };
            if Instant::now() >= until {
                return Err(self.unreachable(&why, begun.elapsed()));
            }
            sleep(PAUSE).await;
        }
    }

    fn unreachable(&self, why: &str, tried: Duration) -> String {
        let after = human_time(self.0.undo_after);
        format!(
            "{why}; tried for {}. A timer was armed on {}: it does the undo by itself, {after} later, so it should be back, but nobody has \
             seen it",
            human_time(Duration::from_secs(tried.as_secs())),
            self.0.host.name()
        )
    }

    fn outcome(&self, said: &ScriptReport) -> Result<(), String> {
        let name = &self.0.host.destination;
        match said.of("undo") {
            Some("0") if said.of("undoing").is_some() => Err(format!(
                "the timer on {name} is running `undo`, and that does not end within {}",
                human_time(self.0.timeout + LATE)
            )),
            Some("0") => Ok(()),
            _ if let Some(late) = self.0.late(said, "undo") => {
                Err(format!("{late}; the timer there runs the same, so do not count on that"))
            }
            Some(status) => Err(said.with_output(&format!("exit status {status} on {name}"))),
            None => Err(said.with_output(&format!("`undo` on {name} did not end"))),
        }
    }

    /// What makes the disruption another one than was meant, although it is undone: of a command whose end nobody saw, and of a timer
    /// that fired before anybody asked to restore.
    fn doubts(&self, said: &ScriptReport, asked: Duration) -> String {
        let name = &self.0.host.destination;
        if let Some(age) = said.of("fired").and_then(|age| age.parse::<u64>().ok())
            && Duration::from_secs(age) > asked + GRAIN
        {
            return format!("the timer on {name} undid it before the run did ({age} s ago)");
        }
        if said.of("mended").is_some() {
            return format!(
                "ended by somebody else before it was restored: `verify` on {name} succeeded before `undo` ran (where the service is meant to come \
                 back by itself, leave `verify` out)"
            );
        }
        if said.of("never").is_some() {
            return format!("`run` was never started on {name}: its connection went before");
        }
        if let Some(late) = self.0.late(said, "run") {
            return late;
        }
        if said.of("killed").is_some() {
            return format!("`run` on {name} had not ended when it was undone, so it was ended");
        }
        match said.of("ended") {
            Some("0") if !self.0.is_blind() && said.of("effect").is_none() => {
                format!("it was undone before `verify` on {name} had told whether it took effect")
            }
            None | Some("0") => self.0.without_effect(said).unwrap_or_default(),
            Some(status) => format!("`run` on {name} failed with exit status {status}"),
        }
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let first = self.look_again().await;
        if first.is_ok() {
            return first;
        }
        // A service that was started anew may need a moment.
        sleep(PAUSE).await;
        self.look_again().await
    }

    async fn look_again(&self) -> Result<(), String> {
        let own = &self.0;
        let said = own.call(&own.check(), false, CALL + own.timeout + LATE).await.map_err(CallError::text)?;
        let name = &own.host.destination;
        if said.of("left").is_some() {
            return Err(format!("the timer is still armed on {name}, in /tmp/{}", own.id));
        }
        match said.of("verify") {
            Some("0") => Ok(()),
            _ if let Some(late) = own.late(&said, "verify") => Err(late),
            None if own.verify.is_empty() => Ok(()),
            None => Err(said.with_output(&format!("`verify` on {name} did not end"))),
            Some(status) => Err(said.with_output(&format!("`verify` on {name}: exit status {status}"))),
        }
    }

    pub(super) fn by_hand(&self) -> String {
        self.0.by_hand()
    }

    pub(super) fn limits(&self) -> TimeLimits {
        self.0.limits()
    }
}

/// A name that nobody can guess before it is there.
fn chance() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("shakedown-{:016x}{:016x}", half(), half())
}
