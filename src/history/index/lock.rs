//! One process at a time between reading an index and replacing it.
//!
//! The lock is `flock` on the index itself: the kernel drops it with the process, and no other file lies beside it. As the
//! index is replaced by rename, whoever got the lock looks whether the file it holds is still the one with the name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Opens the file, which is created when missing, and waits at most `patience` until nobody else holds it.
    pub(super) fn acquire(path: &Path, patience: Duration) -> Result<Self, String> {
        let failed = |what: &str, error: io::Error| format!("cannot {what} {}: {error}", path.display());
        let held = || format!("another process holds the index {}", path.display());
        let deadline = Instant::now() + patience;
        loop {
            // Opening a pipe would wait for its other end.
            if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
                return Err(format!("{} is no file; name a file for the index", path.display()));
            }
            let mut options = File::options();
            let opened = options.read(true).write(true).create(true).truncate(false).open(path);
            let file = opened.map_err(|error| failed("open", error))?;
            let Some(file) = locked(file, deadline).map_err(|error| failed("lock", error))? else {
                return Err(held());
            };
            if named(&file, path) {
                return Ok(Self { file });
            }
            if Instant::now() >= deadline {
                return Err(held());
            }
        }
    }

    /// The index.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// The file, locked; `None` when it was held by others until the deadline.
fn locked(file: File, deadline: Instant) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => return Ok(Some(file)),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    // The kernel knows no time limit for it: a thread waits, and is left behind if it waits too long.
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("index lock".into()).spawn(move || {
        let _ = sender.send(file.lock().map(|()| file));
    })?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(locked) => locked.map(Some),
        Err(_) => Ok(None),
    }
}

/// Whether the file is still the one at `path`.
fn named(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => held.dev() == there.dev() && held.ino() == there.ino(),
        _ => false,
    }
}
