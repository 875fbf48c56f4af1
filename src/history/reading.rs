//! Which files there are and what is in them. Everything is bounded; what is left out is named.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Run;
use crate::model::record::SCHEMA;
use crate::model::visible::visible;
use crate::report;

/// Most files looked at.
const FILES: usize = 20_000;
/// Deepest folder below the one given.
const DEPTH: usize = 16;
/// Largest file read, bytes.
const LARGEST: u64 = 256 << 20;
/// Most bytes read in all.
const MOST: u64 = 4 << 30;

/// A file that may hold a report.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Changes when the file is written.
    pub stamp: Stamp,
}

/// Metadata of a file; a write to the file changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: i64,
    /// Last write, nanoseconds since the epoch.
    pub written: i64,
    /// Last change of the file's entry, which no program can set back, nanoseconds since the epoch.
    pub changed: i64,
    /// Inode: another after a rename over it.
    pub inode: i64,
}

/// A file that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedFile {
    /// The file or folder.
    pub file: String,
    /// Why.
    pub why: String,
}

/// A report and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportFile {
    /// The file, as found below what was given.
    pub file: String,
    /// The run it reports.
    pub run: Run,
}

/// Content of all files, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Reports, oldest first.
    pub found: Vec<ReportFile>,
    /// JSON that is no report, and second copies of a run.
    pub skipped: Vec<SkippedFile>,
    /// Damaged or newer reports, and what could not be read.
    pub errors: Vec<SkippedFile>,
}

/// Content of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A report.
    Report(Run),
    /// JSON of another kind: what it is.
    Other(String),
    /// Nothing that can be read: why.
    Damaged(String),
}

/// Cache of files read before.
pub trait ReportCache {
    /// Content of the file when it had this stamp; `None` when it is not known.
    fn recall(&mut self, entry: &Entry) -> Option<Content>;
    /// Stores the content of a file under its stamp.
    fn keep(&mut self, entry: &Entry, content: &Content);
}

/// Remembers nothing: every file is read.
pub struct NoCache;

impl ReportCache for NoCache {
    fn recall(&mut self, _: &Entry) -> Option<Content> {
        None
    }
    fn keep(&mut self, _: &Entry, _: &Content) {}
}

/// The `*.json` files below `paths`, in order of their names, and what could not be looked at. A file given by name counts
/// whatever its name.
#[must_use]
pub fn entries(paths: &[PathBuf]) -> (Vec<Entry>, Vec<SkippedFile>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(path, 0, &mut files, &mut errors),
            Ok(_) => files.push(path.clone()),
            Err(error) => errors.push(named(path, &format!("cannot read it: {error}"))),
        }
    }
    files.sort();
    files.dedup();
    if let Some(first) = files.get(FILES) {
        let why = format!("not read, and nothing after it: more than {FILES} files; give a folder with fewer");
        errors.push(named(first, &why));
        files.truncate(FILES);
    }
    let mut out = Vec::with_capacity(files.len());
    for path in files {
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => out.push(Entry { stamp: Stamp::of(&meta), path }),
            Ok(_) => errors.push(named(&path, "this is no file")),
            Err(error) => errors.push(named(&path, &format!("cannot read it: {error}"))),
        }
    }
    (out, errors)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, errors: &mut Vec<SkippedFile>) {
    if depth > DEPTH {
        errors.push(named(folder, &format!("not looked into: more than {DEPTH} folders deep; give it by name")));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return errors.push(named(folder, &format!("cannot list it: {error}"))),
    };
    for entry in entries {
        // One more than may be read tells that there are too many.
        if files.len() > FILES {
            return;
        }
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        // A link to a folder is not followed: it may lead back.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, depth + 1, files, errors);
        } else if path.extension().is_some_and(|extension| extension == "json") && !path.is_dir() {
            files.push(path);
        }
    }
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: i64::try_from(meta.len()).unwrap_or(i64::MAX),
            written: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: i64::from_ne_bytes(meta.ino().to_ne_bytes()),
        }
    }
}

/// Reads every file, or recalls it. Reports come oldest first.
pub fn listing(entries: &[Entry], memory: &mut dyn ReportCache) -> Listing {
    let mut out = Listing::default();
    let mut read = 0_u64;
    for entry in entries {
        // Counted whether recalled or not: with and without an index the answer is the same.
        read = read.saturating_add(entry.stamp.size.unsigned_abs());
        let content = if read > MOST {
            Content::Damaged(too_much())
        } else {
            memory.recall(entry).unwrap_or_else(|| {
                let content = content(&entry.path);
                memory.keep(entry, &content);
                content
            })
        };
        match content {
            Content::Report(run) => out.found.push(ReportFile { file: shown(&entry.path), run }),
            Content::Other(why) => out.skipped.push(named(&entry.path, &why)),
            Content::Damaged(why) => out.errors.push(named(&entry.path, &why)),
        }
    }
    out.found.sort_by(|a, b| (a.run.time(), &a.run.id, &a.file).cmp(&(b.run.time(), &b.run.id, &b.file)));
    out.found.dedup_by(|copy, first| {
        let same = copy.run.id == first.run.id && copy.run.started == first.run.started;
        if same {
            let why = format!("the same run as {}, counted once", first.file);
            out.skipped.push(SkippedFile { file: copy.file.clone(), why });
        }
        same
    });
    out
}

fn too_much() -> String {
    format!("not read: more than {} GiB of reports; give a folder with less", MOST >> 30)
}

/// Reads one file.
#[must_use]
pub fn content(path: &Path) -> Content {
    match text(path) {
        Ok(text) => of_text(&text),
        Err(why) => Content::Damaged(why),
    }
}

/// What the text of a file holds.
#[must_use]
pub fn of_text(text: &str) -> Content {
    let damaged = |error: serde_json::Error| {
        Content::Damaged(format!("this is not JSON: {error}; was it cut short? Restore or remove it"))
    };
    if !text.trim_start().starts_with('{') {
        // A list or a plain value; what is no JSON at all may have been a report.
        let other = |_: serde::de::IgnoredAny| Content::Other("JSON, but no report".into());
        return serde_json::from_slice(text.as_bytes()).map_or_else(damaged, other);
    }
    let head: Head = match serde_json::from_slice(text.as_bytes()) {
        Ok(head) => head,
        Err(error) => return damaged(error),
    };
    let family = SCHEMA.split('/').next().unwrap_or(SCHEMA);
    match head.schema.as_ref().and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) if other.split('/').next() == Some(family) => {
            return Content::Damaged(format!(
                "schema is {other}; this shakedown reads {SCHEMA}: use the one that made it"
            ));
        }
        Some(other) => return Content::Other(format!("no report: its schema is {}", printable(other))),
        None => return Content::Other("JSON, but no report".into()),
    }
    match report::read(text).and_then(Run::of) {
        Ok(run) => Content::Report(run),
        Err(why) => Content::Damaged(format!("{why}; restore or remove it")),
    }
}

/// The field by which a report is distinguished from other JSON.
#[derive(Deserialize)]
struct Head {
    schema: Option<serde_json::Value>,
}

fn text(path: &Path) -> Result<String, String> {
    let large = || format!("larger than {} MiB: no report of a run", LARGEST >> 20);
    let file = fs::File::open(path).map_err(|error| format!("cannot open it: {error}"))?;
    if file.metadata().is_ok_and(|meta| meta.len() > LARGEST) {
        return Err(large());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot read it: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(large());
    }
    String::from_utf8(bytes).map_err(|_| "this is not JSON: not UTF-8; restore or remove it".to_owned())
}

fn named(path: &Path, why: &str) -> SkippedFile {
    SkippedFile { file: shown(path), why: why.to_owned() }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The beginning of a text from outside, safe for a terminal.
fn printable(text: &str) -> String {
    visible(&text.chars().take(60).collect::<String>())
}
