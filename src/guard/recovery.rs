//! Restoring by a journal whose guard is gone: `shakedown restore`.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::fault::InjectedFault;
use super::journal::{self, Damage, FoundJournal, JournalRecord, Unset};
use super::plan::UndoPlan;
use super::{RestoreResult, Undo};
use crate::model::shell;
use crate::net::netns;

/// Who looks at a journal holds it for a moment.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(50);

/// What became of a journal, for people; a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// What was done, or would be.
    pub done: Vec<String>,
    /// What is not back, and what to do about it; empty when all is well.
    pub problems: Vec<String>,
}

impl Recovery {
    fn problem(problems: impl IntoIterator<Item = String>) -> Self {
        Self { done: Vec::new(), problems: problems.into_iter().collect() }
    }
}

/// What a journal asks for, complete.
struct Work<'a> {
    path: &'a Path,
    record: &'a JournalRecord,
    undo: UndoPlan,
    /// What needs no undoing any more, and why.
    void: Vec<(&'a Undo, &'static str)>,
}

impl FoundJournal {
    /// Values that must not be shown.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let names = self.content.iter().flat_map(JournalRecord::secrets);
        names.filter_map(|name| std::env::var(name).ok()).collect()
    }

    /// What would be run, in this order.
    #[must_use]
    pub fn rehearse(&self) -> Recovery {
        match self.work() {
            Err(recovery) => recovery,
            Ok(work) => {
                let line = |undo: &Undo| {
                    let line = work.record.within(&undo.by_hand());
                    let unless =
                        if undo.leaves_alone() { ", unless somebody else has changed it meanwhile" } else { "" };
                    if undo.is_by_command() {
                        format!("would run: {line}")
                    } else {
                        format!("would do the same as{unless}: {line}")
                    }
                };
                let undos = work.undo.undos.iter().rev().map(line);
                let verify = work.undo.verify.iter().map(|verify| work.record.within(&verify.shell_text()));
                let lines = undos.chain(verify.map(|line| format!("would check: {line}")));
                Recovery { done: work.void().into_iter().chain(lines).collect(), problems: Vec::new() }
            }
        }
    }

    /// Runs what undoes the fault, in reverse, verifies it, and removes the journal once everything is back. `None` when `until` came
    /// first: then the command that runs is ended, and the journal stays.
    #[must_use]
    pub fn restore(&self, until: impl Future<Output = ()> + Send) -> Option<Recovery> {
        let work = match self.work() {
            Ok(work) => work,
            Err(recovery) => return Some(recovery),
        };
        // A thread of its own, because it goes where the fault was injected.
        let ended = std::thread::scope(|scope| {
            let recover = || {
                let runtime = work.record.runtime()?;
                Ok::<_, String>(runtime.block_on(async {
                    tokio::select! {
                        // First: it listens before anything runs that it must be able to end.
                        biased;
                        () = until => None,
                        recovery = work.restore() => Some(recovery),
                    }
                }))
            };
            scope.spawn(recover).join()
        });
        match ended {
            Ok(Ok(recovery)) => recovery,
            Ok(Err(why)) => Some(Recovery::problem([why])),
            Err(_) => Some(Recovery::problem(["the thread ended early: this is a defect of shakedown".to_owned()])),
        }
    }

    fn work(&self) -> Result<Work<'_>, Recovery> {
        let record = self.content.as_ref().map_err(|damage| damaged(&self.path, damage))?;
        let other = self.of_another_boot();
        let (mut undo, mut void, mut unset) = (UndoPlan::default(), Vec::new(), Vec::new());
        let variable = |name: &str| std::env::var(name).ok();
        for kept in &record.undos {
            let one = kept.without_secrets();
            match one.void(other) {
                Some(why) => void.push((one, why)),
                None => match kept.again(variable) {
                    Ok(one) => undo.undos.push(one),
                    Err(one) => unset.push(one),
                },
            }
        }
        match record.verify.as_ref().map(|verify| verify.again(variable)).transpose() {
            Ok(verify) => undo.verify = verify,
            Err(one) => unset.push(one),
        }
        if !unset.is_empty() {
            return Err(without_variables(&self.path, &unset));
        }
        // What inject left running is gone with the system it ran on.
        undo.patience = if other { Duration::ZERO } else { record.patience };
        Ok(Work { path: &self.path, record, undo, void })
    }
}

/// Nothing of a journal is run where a part of it could not be.
fn without_variables(path: &Path, unset: &[Unset]) -> Recovery {
    let journal = path.display();
    let line = |one: &Unset| {
        let names = one.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!(
            "nothing was run: the journal {journal} keeps no secrets, and what undoes it by {} needs variables that are not set: {names}",
            one.title
        )
    };
    let folder = path.parent().unwrap_or(path);
    let run = format!("shakedown restore --journal {}", shell::word(&folder.to_string_lossy()));
    Recovery::problem(unset.iter().map(line).chain([format!("set them as they were, and run `{run}`")]))
}

fn damaged(path: &Path, damage: &Damage) -> Recovery {
    let mut problems = vec![format!("{}: nothing was run by it", damage.why)];
    if !damage.read.is_empty() {
        problems.push(format!("what could be read of it:\n{}", damage.read.trim_end()));
    }
    let file = shell::word(&path.to_string_lossy());
    problems.push(format!("put back by hand what it names, then remove it: rm {file}"));
    Recovery::problem(problems)
}

impl Work<'_> {
    fn void(&self) -> Vec<String> {
        let line = |(undo, why): &(&Undo, &str)| format!("void: {why}: {}", undo.by_hand());
        self.void.iter().map(line).collect()
    }

    async fn restore(&self) -> Recovery {
        let Some(_held) = self.hold().await else {
            return Recovery::problem([
                "another process restores by it; run `shakedown restore` again to see".to_owned()
            ]);
        };
        let mark = &self.record.mark;
        let result = if self.undo.undos.is_empty() && self.undo.verify.is_none() {
            RestoreResult::default()
        } else if self.record.is_of_this_boot() {
            InjectedFault::orphaned(&self.undo, mark, None, false).await.undo(&self.undo).await
        } else {
            self.undo.execute(mark).await
        };
        let mut recovery = Recovery { done: self.void(), problems: Vec::new() };
        if result.succeeded() {
            let line = |undo: &Undo| {
                let done = if undo.is_by_command() { "ran" } else { "did the same as" };
                format!("{done}: {}", self.within(&undo.by_hand()))
            };
            recovery.done.extend(self.undo.undos.iter().rev().map(line));
            let verify =
                self.undo.verify.iter().map(|verify| format!("checked: {}", self.within(&verify.shell_text())));
            recovery.done.extend(verify);
            recovery.done.extend(match journal::remove(self.path) {
                Ok(()) => Some("everything is back; the journal is removed".to_owned()),
                Err(error) => {
                    let remedy = format!("everything is back, but the journal could not be removed: {error}");
                    recovery.problems.push(remedy);
                    None
                }
            });
            return recovery;
        }
        recovery.problems.push(format!("could not be put back: {}", result.failure_text()));
        let by_hand =
            if result.is_left_alone() { "if what was there before is to be back, run by hand" } else { "run by hand" };
        recovery.problems.extend(self.by_hand(&result).into_iter().map(|line| format!("{by_hand}: {line}")));
        let file = shell::word(&self.path.to_string_lossy());
        recovery.problems.push(format!("then run `shakedown restore` again, or remove the journal: rm {file}"));
        recovery
    }

    /// The journal stays until everything is back: what failed first, then the commands of the suite, then what to look at.
    fn by_hand(&self, result: &RestoreResult) -> Vec<String> {
        let failed = result.failed.iter().map(|one| one.by_hand.clone());
        let commands = self.undo.undos.iter().filter(|undo| matches!(undo, Undo::Command(_))).map(Undo::by_hand);
        let verify =
            self.undo.verify.iter().map(|verify| format!("{}   # exits 0 when it is back", verify.shell_text()));
        let commands = commands.chain(verify).filter(|_| !result.command_succeeded());
        let mut lines: Vec<String> = failed.chain(commands).map(|line| self.within(&line)).collect();
        lines.dedup();
        lines
    }

    fn within(&self, line: &str) -> String {
        self.record.within(line)
    }

    async fn hold(&self) -> Option<File> {
        for _ in 0..LOOKS {
            if let Some(held) = journal::hold(self.path) {
                return Some(held);
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }
}

impl JournalRecord {
    /// A runtime of the calling thread, which goes to the namespace that the fault was injected in.
    fn runtime(&self) -> Result<Runtime, String> {
        let here = netns::inode();
        match &self.netns {
            Some(name) if netns::inode_of(name) != here => {
                netns::enter(name).map_err(|fault| format!("{fault}; {}", fault.remedy))?;
            }
            None if self.is_of_this_boot() && self.namespace != here => {
                return Err(format!(
                    "it was broken in another network namespace, which has no name: enter net:[{}] (`lsns -t net`, `nsenter`) and \
                     run `shakedown restore` there",
                    self.namespace
                ));
            }
            _ => {}
        }
        let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
        built.map_err(|error| format!("cannot start: {error}"))
    }

    /// A line for a shell where the fault was injected.
    fn within(&self, line: &str) -> String {
        match &self.netns {
            Some(name) if netns::inode_of(name) != netns::inode() => {
                let script = shell::word(line);
                format!("ip netns exec {} sh -c {script}", shell::word(name))
            }
            _ => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use serde_json::json;

    use crate::guard::journal::{self, Journal, JournalRecord};
    use crate::guard::plan::UndoPlan;
    use crate::guard::{CommandSpec, Custody, Undo};

    /// What the kernel kept went with it; what a command of the suite undoes may still be there.
    #[test]
    fn after_a_reboot_only_the_commands_are_run() {
        let folder = tempfile::tempdir().unwrap();
        let journals = vec![folder.path().join("journal")];
        let custody = Custody { check: "s/x".into(), journals: journals.clone(), ..Custody::default() };
        let mark = folder.path().join("restored");
        let table = json!({ "nft": { "netns": null, "family": "inet", "table": "no-such-table" } });
        let run = vec!["touch".into(), mark.to_str().unwrap().into()];
        let command = CommandSpec { run, cwd: None, timeout: Duration::from_secs(30) };
        let undos: Vec<Undo> = vec![serde_json::from_value(table).unwrap(), Undo::Command(command)];
        let undo = UndoPlan { undos, ..UndoPlan::default() };
        let mut record = JournalRecord::new(&custody, "1-2-3", Vec::new(), &undo).unwrap();
        record.boot = "another".into();
        drop(Journal::write(&journals, record).unwrap());
        let found = journal::open(&journals).unwrap().expect("its guard is dead, whoever has that number now");
        assert!(found.of_another_boot());
        let told = found.rehearse();
        assert!(told.done[0].starts_with("void: the system was started again"), "{told:?}");
        assert!(told.done.len() == 2 && told.done[1].starts_with("would run: touch "), "{told:?}");
        assert!(!mark.exists());
        let told = found.restore(pending()).unwrap();
        assert!(told.problems.is_empty() && told.done[0].starts_with("void: "), "{told:?}");
        assert!(mark.exists() && journal::all(&journals).unwrap().is_empty());
    }
}
