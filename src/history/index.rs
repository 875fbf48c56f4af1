//! The index: what the files hold, in SQLite, so that an unchanged file is not parsed again and SQL can be asked.
//!
//! Files are the truth. Everything here can be built again from them, and is, whenever anything looks wrong.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Result as Sql, params};
use sha2::{Digest, Sha256};

use super::reading::{self, Content, Entry, Listing, Memory, Stamp};
use super::run::{Check, Metric, Round, Run};
use crate::net::bytes::hex;

/// Version of the tables; another one is built anew.
const VERSION: &str = "1";
/// "shkd": tells our files from those of other programs.
const APPLICATION: i32 = 0x7368_6b64;
/// How long another process may hold the index.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// Bytes every SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, written_ns INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL, inode INTEGER NOT NULL, other TEXT);
CREATE TABLE runs (
  file INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE, run_id TEXT NOT NULL, started TEXT NOT NULL,
  host_class TEXT NOT NULL, labels TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE checks (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES runs (file) ON DELETE CASCADE, suite TEXT NOT NULL,
  check_id TEXT NOT NULL, digest TEXT, verdict TEXT NOT NULL);
CREATE TABLE metrics (
  id INTEGER PRIMARY KEY, \"check\" INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE, metric TEXT NOT NULL,
  unit TEXT NOT NULL, better TEXT NOT NULL, kind TEXT NOT NULL, tolerance REAL NOT NULL, value REAL);
CREATE TABLE rounds (
  id INTEGER PRIMARY KEY, metric INTEGER NOT NULL REFERENCES metrics (id) ON DELETE CASCADE, slot INTEGER NOT NULL,
  count INTEGER NOT NULL, p50 REAL NOT NULL, p90 REAL NOT NULL, p99 REAL NOT NULL, min REAL NOT NULL,
  max REAL NOT NULL, mean REAL NOT NULL);
CREATE INDEX runs_by_id ON runs (run_id);
CREATE INDEX checks_by_file ON checks (file);
CREATE INDEX checks_by_id ON checks (suite, check_id);
CREATE INDEX metrics_by_check ON metrics (\"check\");
CREATE INDEX rounds_by_metric ON rounds (metric);
CREATE VIEW points AS
  SELECT r.run_id, r.started, r.host_class, r.labels, c.suite, c.check_id, c.digest, c.verdict,
         m.metric, m.unit, m.better, m.kind, m.value, f.path
  FROM metrics m JOIN checks c ON c.id = m.\"check\" JOIN runs r ON r.file = c.file JOIN files f ON f.id = r.file;
";

/// Reads the files by way of the index at `path`, and brings it up to date. Returns what the files hold, and notices.
/// The error says why the index cannot be used; the files can still be read without it.
pub fn listing(entries: &[Entry], path: &Path) -> Result<(Listing, Vec<String>), String> {
    let mut notices = Vec::new();
    match attempt(entries, path) {
        Ok(listing) => return Ok((listing, notices)),
        Err(Trouble::Unusable(why)) => return Err(why),
        Err(Trouble::Rebuild(why)) => {
            let aside = discard(path)?;
            let kept = aside.map(|aside| format!("; the old file is now {}", aside.display())).unwrap_or_default();
            notices.push(format!("the index {} is built anew: {why}{kept}", path.display()));
        }
    }
    match attempt(entries, path) {
        Ok(listing) => Ok((listing, notices)),
        Err(Trouble::Unusable(why) | Trouble::Rebuild(why)) => Err(format!("cannot build {}: {why}", path.display())),
    }
}

/// Why an index cannot be read.
enum Trouble {
    /// Not ours, not writable, in use: hands off.
    Unusable(String),
    /// Damaged or of another version: to be built again.
    Rebuild(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure,
        };
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Unusable(format!("another process holds the index: {why}")),
            Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure) => Self::Unusable(why),
            _ => Self::Rebuild(why),
        }
    }
}

fn attempt(entries: &[Entry], path: &Path) -> Result<Listing, Trouble> {
    recognise(path)?;
    let mut index = Index::open(path)?;
    index.connection.execute_batch("BEGIN IMMEDIATE")?;
    index.prune(entries)?;
    let listing = reading::listing(entries, &mut index);
    match index.trouble.take() {
        Some(trouble) => Err(trouble),
        None => {
            index.connection.execute_batch("COMMIT")?;
            Ok(listing)
        }
    }
}

/// Looks at the head of the file before SQLite does, so that nobody else's data is ever written to.
fn recognise(path: &Path) -> Result<(), Trouble> {
    let unusable = |why: String| Err(Trouble::Unusable(why));
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return unusable(format!("cannot open {}: {error}", path.display())),
    };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return unusable(format!("{} is no file; name a file for the index", path.display()));
    }
    let mut head = Vec::new();
    if let Err(error) = file.by_ref().take(100).read_to_end(&mut head) {
        return unusable(format!("cannot read {}: {error}", path.display()));
    }
    if head.is_empty() {
        return Ok(());
    }
    if !head.starts_with(MAGIC) {
        return Err(Trouble::Rebuild("it is no SQLite file".into()));
    }
    // Offset 68 of the header: the application's id, big-endian.
    match head.get(68..72) {
        Some(id) if id == APPLICATION.to_be_bytes() => Ok(()),
        Some(_) => unusable(format!("{} is a database of another program; name another file", path.display())),
        None => Err(Trouble::Rebuild("it was cut short".into())),
    }
}

/// Takes the file out of the way. One of ours is removed, as nothing in it is the truth; anything else is renamed.
fn discard(path: &Path) -> Result<Option<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("cannot replace {}: {error}; remove it by hand", path.display());
    let mut ours = fs::File::open(path).map_err(failed)?;
    let mut head = [0; 16];
    let begins = ours.read(&mut head).map_err(failed)?;
    if head[..begins] == *MAGIC {
        for suffix in ["-journal", "-wal"] {
            let _ = fs::remove_file(suffixed(path, suffix));
        }
        fs::remove_file(path).map_err(failed)?;
        return Ok(None);
    }
    let aside = suffixed(path, ".damaged");
    if aside.exists() {
        return Err(format!("{} is no index, and {} is already there; remove one", path.display(), aside.display()));
    }
    fs::rename(path, &aside).map_err(failed)?;
    Ok(Some(aside))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An open index.
struct Index {
    connection: Connection,
    /// The first thing that went wrong; nothing is recalled or kept after it.
    trouble: Option<Trouble>,
}

impl Index {
    fn open(path: &Path) -> Result<Self, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| Trouble::Unusable(format!("cannot open {}: {error}", path.display())))?;
        connection.busy_timeout(PATIENCE)?;
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            let id = format!("PRAGMA application_id = {APPLICATION}");
            let version = format!("INSERT INTO meta VALUES ('version', '{VERSION}')");
            connection.execute_batch(&format!("BEGIN IMMEDIATE; {id}; {TABLES} {version}; COMMIT"))?;
        }
        let version: Option<String> =
            connection.query_row("SELECT value FROM meta WHERE key = 'version'", [], |row| row.get(0)).optional()?;
        if version.as_deref() != Some(VERSION) {
            let seen = version.unwrap_or("missing".into());
            return Err(Trouble::Rebuild(format!("its version is {seen}, this shakedown writes {VERSION}")));
        }
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if check != "ok" {
            return Err(Trouble::Rebuild(format!("it is damaged: {check}")));
        }
        Ok(Self { connection, trouble: None })
    }

    /// Forgets the files that are no longer there.
    fn prune(&self, entries: &[Entry]) -> Sql<()> {
        let here: BTreeSet<String> = entries.iter().filter_map(|entry| key(&entry.path)).collect();
        let mut statement = self.connection.prepare("SELECT id, path FROM files")?;
        let known: Vec<(i64, String)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Sql<_>>()?;
        for (id, path) in known {
            if !here.contains(&path) {
                self.connection.execute("DELETE FROM files WHERE id = ?1", [id])?;
            }
        }
        Ok(())
    }

    fn load(&self, entry: &Entry) -> Result<Option<Content>, Trouble> {
        let Some(path) = key(&entry.path) else { return Ok(None) };
        let mut statement = self.connection.prepare(
            "SELECT id, other FROM files WHERE path = ?1 AND size = ?2 AND written_ns = ?3 AND changed_ns = ?4 AND inode = ?5",
        )?;
        let Stamp { size, written, changed, inode } = entry.stamp;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Option<(i64, Option<String>)> =
            statement.query_row(params![path, size, written, changed, inode], row).optional()?;
        match found {
            None => Ok(None),
            Some((_, Some(other))) => Ok(Some(Content::Other(other))),
            Some((id, None)) => self.run(id).map(|run| Some(Content::Report(run))),
        }
    }

    /// A run, proved to be what was kept.
    fn run(&self, file: i64) -> Result<Run, Trouble> {
        let mut statement =
            self.connection.prepare("SELECT run_id, started, host_class, labels, sha256 FROM runs WHERE file = ?1")?;
        let (mut run, labels, kept) = statement.query_row([file], |row| {
            let run = Run {
                id: row.get(0)?,
                started: row.get(1)?,
                host_class: row.get(2)?,
                labels: [].into(),
                checks: vec![],
            };
            Ok((run, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
        })?;
        let damaged = |what: &str| Trouble::Rebuild(format!("it is damaged: {what} of run {}", run_name(&run.id)));
        let Ok(labels) = serde_json::from_str(&labels) else { return Err(damaged("the labels")) };
        let Some(checks) = self.checks(file)? else { return Err(damaged("a verdict")) };
        run.labels = labels;
        run.checks = checks;
        if digest(&run) == kept {
            Ok(run)
        } else {
            Err(Trouble::Rebuild(format!("it is damaged: the numbers of run {}", run_name(&run.id))))
        }
    }

    /// The cases of a run; `None` when one has a verdict there is not.
    fn checks(&self, file: i64) -> Sql<Option<Vec<Check>>> {
        let mut checks = self
            .connection
            .prepare("SELECT id, suite, check_id, digest, verdict FROM checks WHERE file = ?1 ORDER BY id")?;
        let mut metrics = self.connection.prepare(
            "SELECT id, metric, unit, better, kind, tolerance FROM metrics WHERE \"check\" = ?1 ORDER BY id",
        )?;
        let mut rounds = self
            .connection
            .prepare("SELECT slot, count, p50, p90, p99, min, max, mean FROM rounds WHERE metric = ?1 ORDER BY id")?;
        let mut out = Vec::new();
        let mut rows = checks.query([file])?;
        while let Some(row) = rows.next()? {
            let verdict: String = row.get(4)?;
            let Ok(verdict) = serde_json::from_value(verdict.into()) else { return Ok(None) };
            let mut check =
                Check { suite: row.get(1)?, id: row.get(2)?, digest: row.get(3)?, verdict, metrics: Vec::new() };
            let mut of_check = metrics.query([row.get::<_, i64>(0)?])?;
            while let Some(row) = of_check.next()? {
                let of_metric = rounds.query_map([row.get::<_, i64>(0)?], round)?.collect::<Sql<Vec<Round>>>()?;
                check.metrics.push(Metric {
                    name: row.get(1)?,
                    unit: row.get(2)?,
                    better: row.get(3)?,
                    kind: row.get(4)?,
                    tolerance: row.get(5)?,
                    rounds: of_metric,
                });
            }
            out.push(check);
        }
        Ok(Some(out))
    }

    fn store(&self, entry: &Entry, content: &Content) -> Sql<()> {
        let Some(path) = key(&entry.path) else { return Ok(()) };
        self.connection.execute("DELETE FROM files WHERE path = ?1", [&path])?;
        let (other, run) = match content {
            Content::Other(why) => (Some(why), None),
            Content::Report(run) => (None, Some(run)),
            // Looked at again each time: it may be readable then.
            Content::Damaged(_) => return Ok(()),
        };
        let Stamp { size, written, changed, inode } = entry.stamp;
        self.connection.execute(
            "INSERT INTO files (path, size, written_ns, changed_ns, inode, other) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![path, size, written, changed, inode, other],
        )?;
        let file = self.connection.last_insert_rowid();
        run.map_or(Ok(()), |run| self.store_run(file, run))
    }

    fn store_run(&self, file: i64, run: &Run) -> Sql<()> {
        let labels = serde_json::to_string(&run.labels).unwrap_or_default();
        self.connection.execute(
            "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![file, run.id, run.started, run.host_class, labels, digest(run)],
        )?;
        let mut checks = self
            .connection
            .prepare("INSERT INTO checks (file, suite, check_id, digest, verdict) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut metrics = self.connection.prepare(
            "INSERT INTO metrics (\"check\", metric, unit, better, kind, tolerance, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut rounds = self.connection.prepare(
            "INSERT INTO rounds (metric, slot, count, p50, p90, p99, min, max, mean)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for check in &run.checks {
            let verdict = serde_json::to_value(check.verdict).unwrap_or_default();
            checks.execute(params![file, check.suite, check.id, check.digest, verdict.as_str()])?;
            let row = self.connection.last_insert_rowid();
            for metric in &check.metrics {
                let Metric { name, unit, better, kind, tolerance, .. } = metric;
                metrics.execute(params![row, name, unit, better, kind, tolerance, metric.value()])?;
                let of = self.connection.last_insert_rowid();
                for Round { slot, count, p50, p90, p99, min, max, mean } in &metric.rounds {
                    rounds.execute(params![of, slot, count, p50, p90, p99, min, max, mean])?;
                }
            }
        }
        Ok(())
    }
}

impl Memory for Index {
    fn recall(&mut self, entry: &Entry) -> Option<Content> {
        if self.trouble.is_some() {
            return None;
        }
        self.load(entry).unwrap_or_else(|trouble| {
            self.trouble = Some(trouble);
            None
        })
    }

    fn keep(&mut self, entry: &Entry, content: &Content) {
        if self.trouble.is_none()
            && let Err(error) = self.store(entry, content)
        {
            self.trouble = Some(error.into());
        }
    }
}

fn round(row: &rusqlite::Row<'_>) -> Sql<Round> {
    Ok(Round {
        slot: row.get(0)?,
        count: row.get(1)?,
        p50: row.get(2)?,
        p90: row.get(3)?,
        p99: row.get(4)?,
        min: row.get(5)?,
        max: row.get(6)?,
        mean: row.get(7)?,
    })
}

/// The file in the index: its path from the root. `None` for a name that is no text; such files are read each time.
fn key(path: &Path) -> Option<String> {
    std::path::absolute(path).ok()?.to_str().map(str::to_owned)
}

/// SHA-256 of a run: a bit that flipped in the index is seen.
fn digest(run: &Run) -> String {
    hex(&Sha256::digest(serde_json::to_vec(run).unwrap_or_default()))
}

/// A run id for a message.
fn run_name(id: &str) -> String {
    id.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect()
}
