//! The index: what the files hold, a line of JSON for each, so that an unchanged file is not read again.
//!
//! Files are the truth. Everything here can be built again from them, and is, whenever anything looks wrong. Each line carries
//! its own SHA-256; the index is read line by line, replaced by rename, and locked in between.

mod lock;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::lock::Lock;
use super::reading::{self, Content, Entry, Listing, ReportCache, Stamp};
use super::run::Run;
use crate::net::bytes::hex;
use crate::report::atomic;

/// Version of the lines; an index of another one is built anew.
const VERSION: &str = "1";
/// Beginning of the first line in every version.
const SCHEMA: &str = "{\"schema\":\"shakedown.index/";
/// Beginning of every other line; 64 digits follow.
const DIGEST: &str = "{\"sha256\":\"";
/// Beginning of a database, which is somebody's data.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// Most bytes of the first line.
const HEAD: u64 = 100;
/// Most bytes of an index. Files beyond it are read each time.
const LARGEST: u64 = 1 << 30;
/// How long another process may hold the index.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Reads the files by way of the index at `path`, and brings it up to date. Returns what the files hold, and notices.
/// The error says why the index cannot be used; the files can still be read without it.
pub fn listing(entries: &[Entry], path: &Path) -> Result<(Listing, Vec<String>), String> {
    let lock = Lock::acquire(path, PATIENCE)?;
    let mut notices = Vec::new();
    let mut index = match Index::load(lock.file()) {
        Ok(index) => index,
        Err(LoadError::Unreadable(error)) => return Err(format!("cannot read {}: {error}", path.display())),
        Err(LoadError::Database) => {
            return Err(format!("{} is a database of another program; name another file", path.display()));
        }
        Err(LoadError::NotAnIndex) => {
            let aside = put_aside(path)?;
            notices.push(anew(path, &format!("it is no index; the old file is now {}", aside.display())));
            Index { changed: true, ..Index::default() }
        }
        Err(LoadError::Damaged(why)) => {
            notices.push(anew(path, &why));
            Index { changed: true, ..Index::default() }
        }
    };
    let listing = reading::listing(entries, &mut index);
    index.save(path, lock.file()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok((listing, notices))
}

/// The first line.
fn header() -> String {
    format!("{SCHEMA}{VERSION}\"}}\n")
}

fn anew(path: &Path, why: &str) -> String {
    format!("the index {} is built anew: {why}", path.display())
}

/// Renames what is no index of ours.
fn put_aside(path: &Path) -> Result<PathBuf, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    let aside = PathBuf::from(name);
    if aside.exists() {
        return Err(format!("{} is no index, and {} is already there; remove one", path.display(), aside.display()));
    }
    fs::rename(path, &aside)
        .map_err(|error| format!("cannot replace {}: {error}; remove it by hand", path.display()))?;
    Ok(aside)
}

/// Why the lines of a file are no index.
#[derive(Debug)]
enum LoadError {
    /// It may be a good one.
    Unreadable(io::Error),
    /// A database of another program: hands off.
    Database,
    /// Of another program or unrecognisable: to be kept under another name.
    NotAnIndex,
    /// Ours, but damaged or of another version: to be built again.
    Damaged(String),
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// A line of the file: a report or other JSON, as it was when its stamp was taken.
#[derive(Serialize, Deserialize)]
struct Line<P, R> {
    path: P,
    size: i64,
    written_ns: i64,
    changed_ns: i64,
    inode: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<R>,
}

/// Content of a line whose file has not been asked for yet.
struct IndexedFile {
    stamp: Stamp,
    content: Content,
    /// Where the line stands in the file.
    line: Range<u64>,
}

/// A line of the next index.
enum NextLine {
    /// As it stands in the old file.
    Old(Range<u64>),
    /// Of a file that was read.
    New(String),
}

/// An index in memory: what was known, and what the next one holds.
#[derive(Default)]
struct Index {
    known: HashMap<String, IndexedFile>,
    next: Vec<NextLine>,
    /// Files in `next`; one may be given twice, by two paths.
    held: HashSet<String>,
    /// Bytes of `next`.
    size: u64,
    /// Whether the file must be written again even if `known` has been used up.
    changed: bool,
}

impl Index {
    /// Reads the file from its beginning. An empty one is an index of nothing.
    fn load(file: &File) -> Result<Self, LoadError> {
        // One byte more than the most is enough to refuse it.
        let mut reader = BufReader::new(file.take(LARGEST + 1));
        let mut line = Vec::new();
        reader.by_ref().take(HEAD).read_until(b'\n', &mut line)?;
        let mut index = Self::default();
        if line.is_empty() {
            return Ok(index);
        }
        recognise(&line)?;
        let mut at = line.len() as u64;
        for number in 2.. {
            line.clear();
            let end = at + reader.read_until(b'\n', &mut line)? as u64;
            if end == at {
                break;
            }
            if end > LARGEST {
                return Err(LoadError::Damaged(format!("it is larger than {} MiB", LARGEST >> 20)));
            }
            let (path, stamp, content) = parse(&line).map_err(|why| damaged(why, number))?;
            if index.known.insert(path, IndexedFile { stamp, content, line: at..end }).is_some() {
                return Err(damaged("a file once more", number));
            }
            at = end;
        }
        Ok(index)
    }

    /// Replaces the file, unless it says all there is to say. Old lines are copied from `old`.
    fn save(&self, path: &Path, old: &File) -> io::Result<()> {
        // What is left in `known` are files that are gone or have changed.
        if !self.changed && self.known.is_empty() {
            return Ok(());
        }
        atomic::write(path, |out| {
            out.write_all(header().as_bytes())?;
            let mut copy = Vec::new();
            for piece in &self.next {
                match piece {
                    NextLine::New(line) => out.write_all(line.as_bytes())?,
                    NextLine::Old(range) => {
                        copy.resize(usize::try_from(range.end - range.start).map_err(io::Error::other)?, 0);
                        old.read_exact_at(&mut copy, range.start)?;
                        out.write_all(&copy)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// One more line, if there is room.
    fn push(&mut self, path: String, piece: NextLine) {
        let length = match &piece {
            NextLine::Old(range) => range.end - range.start,
            NextLine::New(line) => line.len() as u64,
        };
        if self.size + length <= LARGEST - HEAD && self.held.insert(path) {
            self.changed |= matches!(piece, NextLine::New(_));
            self.size += length;
            self.next.push(piece);
        }
    }
}

impl ReportCache for Index {
    fn recall(&mut self, entry: &Entry) -> Option<Content> {
        let path = key(&entry.path)?;
        if self.known.get(&path)?.stamp != entry.stamp {
            return None;
        }
        let IndexedFile { content, line, .. } = self.known.remove(&path)?;
        self.push(path, NextLine::Old(line));
        Some(content)
    }

    fn keep(&mut self, entry: &Entry, content: &Content) {
        let (other, run) = match content {
            Content::Other(why) => (Some(why.as_str()), None),
            Content::Report(run) => (None, Some(run)),
            // Read again each time: it may be whole then.
            Content::Damaged(_) => return,
        };
        let Some(path) = key(&entry.path) else { return };
        let Stamp { size, written, changed, inode } = entry.stamp;
        let line = Line { path: path.as_str(), size, written_ns: written, changed_ns: changed, inode, other, run };
        if let Some(line) = compose(&line) {
            self.push(path, NextLine::New(line));
        }
    }
}

/// Looks at the head of the file, so that nobody else's data is ever replaced.
fn recognise(head: &[u8]) -> Result<(), LoadError> {
    let header = header();
    if head == header.as_bytes() {
        return Ok(());
    }
    if head.starts_with(SQLITE) {
        return Err(LoadError::Database);
    }
    if header.as_bytes().starts_with(head) {
        return Err(LoadError::Damaged("it was cut short".into()));
    }
    let Some(rest) = head.strip_prefix(SCHEMA.as_bytes()) else { return Err(LoadError::NotAnIndex) };
    let version: String = rest.iter().copied().map(char::from).take_while(char::is_ascii_alphanumeric).collect();
    Err(LoadError::Damaged(format!("its version is {version}, this shakedown writes {VERSION}")))
}

fn damaged(what: &str, line: u64) -> LoadError {
    LoadError::Damaged(format!("it is damaged: {what} in line {line}"))
}

/// A line with its digest, or nothing for what JSON cannot say.
fn compose(line: &Line<&str, &Run>) -> Option<String> {
    let body = serde_json::to_string(line).ok()?;
    let rest = format!(",{}\n", body.strip_prefix('{')?);
    Some(format!("{DIGEST}{}\"{rest}", hex(&Sha256::digest(rest.as_bytes()))))
}

/// Reads a line. `Err` when it is damaged: its digest is not that of its text.
/// Reads `bytes` as an index: its head, then line by line; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_lines(bytes: &[u8]) {
    let _ = recognise(bytes);
    for line in bytes.split(|byte| *byte == b'\n') {
        let _ = parse(line);
    }
}

fn parse(line: &[u8]) -> Result<(String, Stamp, Content), &'static str> {
    let Ok(line) = str::from_utf8(line) else { return Err("no UTF-8") };
    let digest = line.strip_prefix(DIGEST).and_then(|rest| rest.split_once('"'));
    let Some((digest, rest)) = digest else { return Err("no digest") };
    if !line.ends_with('\n') {
        return Err("no end");
    }
    if hex(&Sha256::digest(rest.as_bytes())) != digest {
        return Err("another digest");
    }
    let Ok(line) = serde_json::from_slice::<Line<String, Run>>(line.as_bytes()) else { return Err("no entry") };
    let Line { path, size, written_ns, changed_ns, inode, other, run } = line;
    let content = match (other, run) {
        (Some(why), None) => Content::Other(why),
        (None, Some(run)) if run.time().is_none() => return Err("a run without a start"),
        (None, Some(run)) => Content::Report(run),
        _ => return Err("no content"),
    };
    Ok((path, Stamp { size, written: written_ns, changed: changed_ns, inode }, content))
}

/// The file in the index: its path from the root. `None` for a name that is no text; such files are read each time.
fn key(path: &Path) -> Option<String> {
    std::path::absolute(path).ok()?.to_str().map(str::to_owned)
}
