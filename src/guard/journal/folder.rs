//! Where journals are: a folder that is still there after the machine was switched off, and that nobody else may write to.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::unistd::{Uid, geteuid};

/// Of root, the same whoever became root and from where.
const OF_ROOT: &str = "/var/lib/shakedown";
/// Below a folder of state.
const NAME: &str = "shakedown";
/// Below any of them but one that was named.
const JOURNALS: &str = "journal";

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Names the folder, in place of those of the system. The first call counts.
pub fn set_folder(folder: &Path) {
    let _ = FOLDER.set(std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
}

/// Folders that may hold journals; a new one is made in the first that can be.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    if let Some(folder) = FOLDER.get() {
        return vec![folder.clone()];
    }
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    let root = geteuid().is_root().then(|| PathBuf::from(OF_ROOT));
    let all = root.into_iter().chain(state.map(|state| state.join(NAME)));
    all.map(|folder| folder.join(JOURNALS)).collect()
}

/// Makes it, for this user alone, where it is not there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    let theirs = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
    if theirs { Err(io::Error::other("other users may write to this folder")) } else { Ok(()) }
}

/// Whether what stands in a file is this user's word, or root's: its commands are run.
pub(super) fn trusted(metadata: &fs::Metadata) -> Result<(), String> {
    let owner = Uid::from_raw(metadata.uid());
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    if owner != geteuid() && !owner.is_root() {
        return Err(format!("it belongs to another user ({owner})"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err("other users may write to it".to_owned());
    }
    Ok(())
}
