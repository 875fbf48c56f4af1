//! Checks that break the same thing do not overlap on this host: one lock per target and per restore command.
//!
//! A lock is a file below [`FOLDERS`] under flock(2). Who begins takes it exclusively, writes who it is, and goes on with a
//! shared lock; its guard takes a shared one as well. So nobody else gets the exclusive one before both have ended, and no
//! crash leaves a lock behind.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// Folders that all users of a host share and may write to; the first that exists. Not `TMPDIR`: it may differ from one
/// job to the next.
const FOLDERS: [&str; 2] = ["/tmp", "/dev/shm"];
/// Between opening a file and locking it, its holder may have removed it; then another is made.
const TRIES: usize = 10;
/// A file that nobody holds is taken away when it is so old; sooner, somebody may be about to lock it.
const STRAY: Duration = Duration::from_hours(1);
/// Bytes read of who holds a lock.
const HOLDER: u64 = 512;

/// Something that only one check of a host may break at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockKey {
    /// What it is, for people: `target 192.0.2.10`.
    pub label: String,
    /// Everything that tells it from others.
    pub identity: String,
}

/// Held locks; given back when dropped.
#[derive(Debug, Default)]
pub struct Locks(Vec<Held>);

#[derive(Debug)]
struct Held {
    path: PathBuf,
    file: File,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another holds it.
    Held {
        /// What both break.
        label: String,
        /// Who it is: `process 4711, check suite/id`; empty when it did not say.
        holder: String,
    },
    /// The file could not be used.
    Io(PathBuf, io::Error),
}

impl Locks {
    /// Takes the lock of every key for `holder`, or none.
    pub fn take(keys: &[LockKey], holder: &str) -> Result<Self, LockError> {
        let folder = FOLDERS.into_iter().find(|folder| Path::new(folder).is_dir()).unwrap_or(FOLDERS[0]);
        sweep(Path::new(folder));
        let mut locks = Self::default();
        for key in keys {
            let digest = Sha256::digest(key.identity.as_bytes());
            let name = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            let path = Path::new(folder).join(format!("shakedown-{name:016x}.lock"));
            locks.0.push(exclusive(path, key, holder)?);
        }
        for (held, key) in locks.0.iter().zip(keys) {
            // The exclusive lock is given up before the shared one is there: another may come between.
            held.file.try_lock_shared().map_err(|_| held_by(&held.file, key))?;
        }
        Ok(locks)
    }

    /// The files, for [`Locks::join`].
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.iter().map(|held| held.path.clone()).collect()
    }

    /// Holds locks that another process has taken, beside it.
    pub fn join(paths: &[PathBuf]) -> io::Result<Self> {
        let join = |path: &PathBuf| {
            let file = File::open(path)?;
            file.try_lock_shared()?;
            Ok(Held { path: path.clone(), file })
        };
        paths.iter().map(join).collect::<io::Result<_>>().map(Self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whoever is last takes the file away; it cannot be, while another holds it as well.
        if self.file.try_lock().is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes away old files that nobody holds: of runs that were killed before they had a guard.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let ours = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_str().and_then(|name| name.strip_prefix("shakedown-")?.strip_suffix(".lock")).is_some()
    };
    for entry in entries.filter_map(Result::ok).filter(ours) {
        let old = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if old.is_some_and(|age| age > STRAY)
            && let Ok(file) = open(&entry.path())
        {
            drop(Held { path: entry.path(), file });
        }
    }
}

fn exclusive(path: PathBuf, key: &LockKey, holder: &str) -> Result<Held, LockError> {
    let fail = |error| LockError::Io(path.clone(), error);
    for _ in 0..TRIES {
        let mut file = open(&path).map_err(fail)?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Err(held_by(&file, key)),
            Err(fs::TryLockError::Error(error)) => return Err(fail(error)),
            Ok(()) if !is(&file, &path) => {}
            Ok(()) => {
                // Of another user's file only the lock can be had; then nobody reads who we are.
                let _ = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
                return Ok(Held { path, file });
            }
        }
    }
    Err(fail(io::Error::other("it was removed again and again")))
}

/// Opens the file, or makes it for everybody. Never through a link.
fn open(path: &Path) -> io::Result<File> {
    let options = || {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        options
    };
    match options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Another user's, on a system that lets only its owner write it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return options().open(path),
        known => return known,
    }
    match options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options().open(path),
        Ok(file) => {
            // The umask took the others' permission.
            let _ = file.set_permissions(Permissions::from_mode(0o666));
            Ok(file)
        }
        failed => failed,
    }
}

/// Whether the path still leads to the file.
fn is(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (ours, there) = (file.metadata().map(identity), fs::symlink_metadata(path).map(identity));
    matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
}

fn held_by(file: &File, key: &LockKey) -> LockError {
    let mut bytes = Vec::new();
    let _ = file.take(HOLDER).read_to_end(&mut bytes);
    // Anybody may have written it.
    let holder = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect();
    LockError::Held { label: key.label.clone(), holder }
}

#[cfg(test)]
mod tests {
    use super::{LockError, LockKey, Locks};

    fn key(name: &str) -> LockKey {
        let identity = format!("test of process {}: {name}", std::process::id());
        LockKey { label: name.to_owned(), identity }
    }

    fn holder(result: Result<Locks, LockError>) -> (String, String) {
        match result {
            Err(LockError::Held { label, holder }) => (label, holder),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lock_is_held_by_one_and_those_who_join_it() {
        let (a, b, c) = (key("target a"), key("restore b"), key("c"));
        let first = Locks::take(&[a.clone(), b.clone()], "process 1, check s/x").unwrap();
        // Whatever they share; and of the others nothing is kept.
        let want = ("restore b".to_owned(), "process 1, check s/x".to_owned());
        assert_eq!(holder(Locks::take(&[c.clone(), b.clone()], "process 2")), want);
        drop(Locks::take(&[c], "process 3").unwrap());
        let guard = Locks::join(&first.paths()).unwrap();
        let paths = first.paths();
        drop(first);
        assert_eq!(holder(Locks::take(std::slice::from_ref(&a), "process 2")).1, "process 1, check s/x");
        drop(guard);
        assert!(paths.iter().all(|path| !path.exists()), "the last one takes the files away");
        drop(Locks::take(&[b, a], "process 2").unwrap());
    }

    #[test]
    fn old_files_that_nobody_holds_are_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - super::STRAY * 2;
        let make = |name: &str, at: Option<std::time::SystemTime>| {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            if let Some(at) = at {
                file.set_modified(at).unwrap();
            }
            path
        };
        let stray = make("shakedown-1.lock", Some(old));
        let kept =
            [make("shakedown-2.lock", None), make("other-1.lock", Some(old)), make("shakedown-3.lock", Some(old))];
        let held = Locks::join(&kept[2..]).unwrap();
        super::sweep(folder.path());
        assert!(!stray.exists() && kept.iter().all(|path| path.exists()));
        drop(held);
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let key = key("link");
        let path = Locks::take(std::slice::from_ref(&key), "").unwrap().paths().remove(0);
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let refused = Locks::take(&[key], "process 1");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(refused, Err(LockError::Io(..))), "{refused:?}");
    }
}
