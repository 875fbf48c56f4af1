//! The journal: what a fault is undone by, on disk before anything is broken, so that `shakedown restore` can finish what a
//! machine that died began.
//!
//! One file for each fault, written by its guard and removed once everything is verified to be back. The guard holds it under
//! flock(2) for as long as it lives. What is not whole is told, and neither run nor removed.

mod folder;
mod kept;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use folder::{folders, set_folder};
pub(super) use kept::{KeptWithoutSecrets, Unset};

use super::plan::UndoPlan;
use super::processes::{self, Process};
use super::secrets::variables;
use super::{CommandSpec, Custody, Undo};
use crate::model::visible::visible_lines;
use crate::net::netns;

/// Of the format; a newer one is not read.
const FORMAT: u32 = 1;
/// Bytes of one file at most.
const LIMIT: u64 = 1 << 20;
/// Bytes shown of a file that is damaged.
const SHOWN: usize = 4096;
const SUFFIX: &str = ".json";
/// Of one that is being written: nothing is broken yet.
const UNFINISHED: &str = ".new";

/// A fault and what undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JournalRecord {
    format: u32,
    check: String,
    target: String,
    /// When it was about to be injected.
    begun: String,
    /// Of the system that it was injected on.
    pub(super) boot: String,
    /// The network namespace it was injected in, if that has a name; and its number.
    pub(super) netns: Option<String>,
    pub(super) namespace: u64,
    guard: Process,
    /// The mark of its processes.
    pub(super) mark: String,
    /// What breaks it, for people.
    inject: Vec<String>,
    /// In the order of injecting.
    pub(super) undos: Vec<KeptWithoutSecrets<Undo>>,
    pub(super) verify: Option<KeptWithoutSecrets<CommandSpec>>,
    /// What `inject` left running is waited for so long.
    pub(super) patience: Duration,
}

/// As it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// SHA-256 of the record as compact JSON.
    digest: String,
    journal: JournalRecord,
}

/// A journal that this process writes. Dropping it leaves the file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    _lock: File,
}

/// Why there is no journal; then nothing may be broken.
#[derive(Debug)]
pub(super) struct JournalError {
    pub(super) detail: String,
    pub(super) remedy: String,
}

impl JournalRecord {
    /// `inject` is for people, as are check and target. The error tells what cannot be kept.
    pub(super) fn new(
        custody: &Custody,
        mark: &str,
        inject: Vec<String>,
        undo: &UndoPlan,
    ) -> Result<Self, JournalError> {
        let wrong = |why| JournalError {
            detail: format!("the journal keeps no secrets, and {why}"),
            remedy: "name the variable that holds it under `secrets`".to_owned(),
        };
        let undos = undo.undos.iter().map(|undo| KeptWithoutSecrets::of(undo, variables).map_err(wrong));
        let verify = undo.verify.as_ref().map(|verify| KeptWithoutSecrets::of(verify, variables).map_err(wrong));
        Ok(Self {
            format: FORMAT,
            check: custody.check.clone(),
            target: custody.target.clone(),
            begun: format!("{:.0}", Timestamp::now()),
            boot: boot(),
            netns: netns::name(),
            namespace: netns::inode(),
            guard: processes::own(),
            mark: mark.to_owned(),
            inject,
            undos: undos.collect::<Result<_, _>>()?,
            verify: verify.transpose()?,
            patience: undo.patience,
        })
    }

    /// Variables whose values must not be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        let undos = self.undos.iter().flat_map(KeptWithoutSecrets::secrets);
        undos.chain(self.verify.iter().flat_map(KeptWithoutSecrets::secrets))
    }

    /// The error says what is wrong with its references to secrets.
    fn check(&self) -> Result<(), String> {
        self.undos.iter().try_for_each(KeptWithoutSecrets::check)?;
        self.verify.iter().try_for_each(KeptWithoutSecrets::check)
    }

    pub(super) fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }

    fn digest(&self) -> String {
        let compact = serde_json::to_vec(self).unwrap_or_default();
        crate::net::bytes::hex(&Sha256::digest(compact))
    }
}

impl Journal {
    /// Writes one into the first folder that can be made; once this returns it outlives a loss of power.
    pub(super) fn write(folders: &[PathBuf], record: JournalRecord) -> Result<Self, JournalError> {
        let name = format!("{:x}-{}", Timestamp::now().as_microsecond(), record.mark);
        let document = Document { digest: record.digest(), journal: record };
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        if text.len() as u64 > LIMIT {
            return Err(JournalError {
                detail: format!("what undoes it has {} bytes, and a journal has {LIMIT} at most", text.len()),
                remedy: "put the script into a file, and give its path".to_owned(),
            });
        }
        let folder = usable(folders)?;
        let path = folder.join(format!("{name}{SUFFIX}"));
        let unfinished = folder.join(format!("{name}{UNFINISHED}"));
        let written = written(&unfinished, text.as_bytes()).and_then(|lock| {
            fs::rename(&unfinished, &path)?;
            sync(&folder)?;
            Ok(Self { path: path.clone(), _lock: lock })
        });
        written.map_err(|error| {
            // Nothing is broken: what there is of it would only be in the way.
            let _ = fs::remove_file(&unfinished).and_then(|()| fs::remove_file(&path));
            unwritable(&path, &error)
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: everything is back.
    pub(super) fn close(self) -> io::Result<()> {
        remove(&self.path)
    }
}

fn unwritable(path: &Path, error: &io::Error) -> JournalError {
    JournalError {
        detail: format!("cannot keep the journal {}: {error}", path.display()),
        remedy: "make room there and let this user write to it, or name another folder that outlives a reboot \
                 (--journal DIR, SHAKEDOWN_JOURNAL)"
            .to_owned(),
    }
}

/// The first folder that is there or can be made.
fn usable(folders: &[PathBuf]) -> Result<PathBuf, JournalError> {
    let mut failed = None;
    for folder in folders {
        match folder::make(folder) {
            Ok(()) => return Ok(folder.clone()),
            Err(error) => failed = failed.or_else(|| Some(unwritable(folder, &error))),
        }
    }
    Err(failed.unwrap_or_else(|| JournalError {
        detail: "there is no folder for the journal (HOME is not set)".to_owned(),
        remedy: "name one that outlives a reboot (--journal DIR, SHAKEDOWN_JOURNAL)".to_owned(),
    }))
}

/// A new file for this user alone, locked, with this text on disk.
fn written(path: &Path, text: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
    file.lock()?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(file)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a journal for good; one that is not there any more is gone.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    path.parent().map_or(Ok(()), sync)
}

/// Holds a journal while the result lives, as its guard does; `None` when somebody else does, or when there is none.
pub(super) fn hold(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// Names the start of the system; empty where it has none.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A journal that was found.
#[derive(Debug)]
pub struct FoundJournal {
    /// The file.
    pub path: PathBuf,
    /// The guard that owns it lives, or somebody restores by it.
    pub held: bool,
    pub(super) content: Result<JournalRecord, Damage>,
}

/// Why a journal cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong with it.
    pub why: String,
    /// What could be read of it.
    pub read: String,
}

impl FoundJournal {
    /// Check and target, for people.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.content {
            Ok(record) => format!("{} ({}), begun {}", record.check, record.target, record.begun),
            Err(damage) => damage.why.clone(),
        }
    }

    /// Whether it is not as it was written, so that nobody runs what it says.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.content.is_err()
    }

    /// Whether the fault is of an earlier start of this system.
    #[must_use]
    pub fn of_another_boot(&self) -> bool {
        self.content.as_ref().is_ok_and(|record| !record.is_of_this_boot())
    }
}

/// All journals of these folders, the oldest first. The error names the folder that cannot be read.
pub fn all(folders: &[PathBuf]) -> Result<Vec<FoundJournal>, String> {
    let mut found = Vec::new();
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("cannot read the journals in {}: {error}", folder.display())),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.to_string_lossy().ends_with(SUFFIX));
        paths.sort();
        // One that is closed meanwhile is none.
        found.extend(paths.into_iter().filter_map(|path| read(path).transpose()).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

/// The first journal of a guard that is dead, or that cannot be read.
pub fn open(folders: &[PathBuf]) -> Result<Option<FoundJournal>, String> {
    Ok(all(folders)?.into_iter().find(|journal| !journal.held))
}

fn read(path: PathBuf) -> Result<Option<FoundJournal>, String> {
    let mut options = OpenOptions::new();
    let file = match options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read the journal {}: {error}", path.display())),
    };
    let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let content = content(&file);
    let lives = content.as_ref().is_ok_and(|record| record.is_of_this_boot() && processes::lives(record.guard));
    Ok(Some(FoundJournal { path, held: held || lives, content }))
}

fn content(file: &File) -> Result<JournalRecord, Damage> {
    let metadata = file.metadata().map_err(|error| damage(error.to_string(), &[]))?;
    folder::trusted(&metadata).map_err(|why| damage(format!("not to be trusted: {why}"), &[]))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| damage(error.to_string(), &[]))?;
    let document = parse(&bytes)?;
    if document.digest != document.journal.digest() {
        return Err(damage("damaged: it is not as it was written".to_owned(), &bytes));
    }
    Ok(document.journal)
}

fn damage(why: String, read: &[u8]) -> Damage {
    let text = String::from_utf8_lossy(read.get(..SHOWN.min(read.len())).unwrap_or_default()).into_owned();
    Damage { why, read: visible_lines(&text) }
}

fn parse(bytes: &[u8]) -> Result<Document, Damage> {
    if bytes.len() as u64 > LIMIT {
        return Err(damage(format!("damaged: it has more than {LIMIT} bytes"), bytes));
    }
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| damage(format!("damaged: {error}"), bytes))?;
    let format = value.pointer("/journal/format").and_then(serde_json::Value::as_u64);
    if format.is_some_and(|format| format > FORMAT.into()) {
        return Err(damage("written by a newer shakedown: restore with that one".to_owned(), bytes));
    }
    let document: Document =
        serde_json::from_value(value).map_err(|error| damage(format!("damaged: {error}"), bytes))?;
    document.journal.check().map_err(|why| damage(format!("damaged: {why}"), bytes))?;
    Ok(document)
}

/// Reads `bytes` as a journal, whatever its digest is, and says what it would run; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_parse(bytes: &[u8]) {
    let Ok(document) = parse(bytes) else { return };
    let _ = document.journal.digest();
    let named = |name: &str| Some(name.to_owned());
    for kept in &document.journal.undos {
        let _ = kept.again(named).map(|undo| undo.by_hand());
    }
    if let Some(kept) = &document.journal.verify {
        let _ = kept.again(named).map(|command| command.shell_text());
    }
}
