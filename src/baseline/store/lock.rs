//! One writer at a time. Between reading a baseline and writing it anew nobody else may do the same, or the later one would
//! drop the run the earlier one accepted.
//!
//! The lock is `flock` on the suite's folder: the kernel drops it with the process, so nothing stale stays behind, and no lock
//! file lands in version control. Readers need none, as files change by rename.

use std::fs::{self, File};
use std::path::Path;

/// Held until dropped.
pub(super) struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits for whoever writes below `folder`, which is created when missing.
    pub(super) fn of(folder: &Path) -> Result<Self, String> {
        let wrong = |what: &str, error: std::io::Error| format!("cannot {what} {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(|error| wrong("create the folder", error))?;
        let opened = File::open(folder).map_err(|error| wrong("open the folder", error))?;
        opened.lock().map_err(|error| wrong("lock the folder", error))?;
        Ok(Self { _folder: opened })
    }
}
