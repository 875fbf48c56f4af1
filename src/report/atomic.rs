//! Files that are either old or complete: written beside, synced, renamed.

use std::fs;
use std::io;
use std::path::Path;

/// Lets `fill` write what becomes `path`, by way of a temporary file in the same folder.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    // A device or a pipe cannot be renamed over.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return fill(&mut fs::OpenOptions::new().write(true).open(path)?);
    }
    let temporary = folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let result = (|| {
        let mut file = io::BufWriter::new(fs::File::create(&temporary)?);
        fill(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
