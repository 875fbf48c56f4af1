//! Files that are either old or complete: written beside, synced, renamed. Where that cannot be (a descriptor, a pipe, a
//! file mounted by itself, a folder that takes no new file), they are written in place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Links followed to the file they stand for, as many as the kernel follows.
const MOST_LINKS: usize = 40;
/// Names tried for the temporary file.
const MOST_NAMES: usize = 100;
/// How the name of a temporary file ends.
const SUFFIX: &str = ".tmp";
/// How long to wait for a pipe until somebody reads from it.
const READER: Duration = Duration::from_secs(10);

/// Lets `fill` write what becomes `path`, by way of a temporary file in the same folder. A link stays, and the file it
/// stands for is replaced; the mode and the owner of that file are kept, and one that is read-only is left as it is.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let path = &target(path)?;
    let folder = folder_of(path);
    make(folder)?;
    let old = fs::metadata(path).ok();
    // What a descriptor stands for may have no name, or be held open by whoever waits for it; a device or a pipe cannot be
    // renamed over.
    if is_descriptor(path) || old.as_ref().is_some_and(|meta| !meta.is_file()) {
        return fill(&mut stream(path)?);
    }
    if old.is_some() {
        File::options().write(true).open(path)?;
    }
    let prefix = prefix(path)?;
    remove_strays(folder, &prefix);
    let mode = old.as_ref().map_or(0o666, |meta| meta.permissions().mode() & 0o777);
    let temporary = match Temporary::create(folder, &prefix, mode) {
        Err(error) if old.is_some() && takes_no_files(&error) => return in_place(path, fill),
        created => created?,
    };
    let mut file = io::BufWriter::new(&temporary.file);
    fill(&mut file)?;
    file.into_inner()?;
    if let Some(old) = old {
        // Only root may give a file away; whoever may not keeps it, as any editor does.
        let _ = std::os::unix::fs::fchown(&temporary.file, Some(old.uid()), Some(old.gid()));
        temporary.file.set_permissions(old.permissions())?;
    }
    temporary.file.sync_all()?;
    match fs::rename(&temporary.path, path) {
        // A file that is mounted by itself, as containers have them.
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            in_place(path, |out| io::copy(&mut File::open(&temporary.path)?, out).map(drop))
        }
        renamed => {
            renamed?;
            temporary.has_its_place();
            Ok(())
        }
    }
}

/// Opens `path` to be written from its beginning, through whatever links lead to it. A pipe must have a reader within
/// [`READER`].
pub fn stream(path: &Path) -> io::Result<File> {
    let open = |path: &Path| File::options().write(true).create(true).truncate(true).open(path);
    if !fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        make(folder_of(path))?;
        return open(path);
    }
    // To open a pipe waits for the other side, and nothing ends that wait but the other side.
    let (opened, file) = mpsc::channel();
    let pipe = path.to_path_buf();
    std::thread::Builder::new().spawn(move || opened.send(open(&pipe)))?;
    let nobody = |_| io::Error::other(format!("nobody reads from this pipe within {} s", READER.as_secs()));
    file.recv_timeout(READER).map_err(nobody)?
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder where nothing but itself is missing. A longer way that is not there is most likely mistyped, or of a disk
/// that is not mounted, and nobody would look for a report there.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut above: Vec<&Path> = folder.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
    above.reverse();
    if let Some(missing) = above.iter().find(|path| !path.exists()) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no folder {}", missing.display())));
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.kind(), format!("cannot make the folder {}: {error}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Whether an error means that a folder takes no new file, though one in it may be written.
fn takes_no_files(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Writes over the old content.
fn in_place(path: &Path, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let file = File::options().write(true).truncate(true).open(path)?;
    let mut out = io::BufWriter::new(&file);
    fill(&mut out)?;
    out.into_inner()?;
    file.sync_all()
}

/// The file that `path` stands for, also when it does not exist yet.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // Its link is no path, but a description.
            Ok(_) if is_descriptor(&path) => return Ok(path),
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            // No link, or nothing yet.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its symbolic links form a loop"))
}

/// Whether a path names an open file by its number: `/dev/fd/63`, `/proc/self/fd/3`.
fn is_descriptor(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| folder.starts_with("/proc") && folder.ends_with("fd"))
}

/// How the names of the temporary files of `path` begin.
fn prefix(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    Ok(prefix)
}

/// A file that is removed unless it takes its place. Its lock, which the kernel drops with the process, tells it from strays.
struct Temporary {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temporary {
    /// A file that was not there before: a link somebody left in its place is never followed.
    fn create(folder: &Path, prefix: &OsString, mode: u32) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        for _ in 0..MOST_NAMES {
            let mut name = prefix.clone();
            name.push(format!("{}-{}{SUFFIX}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
            let path = folder.join(name);
            let file = match File::options().write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Some network file systems have no locks; there strays stay.
            let _ = file.try_lock();
            let temporary = Self { path, file, kept: false };
            // Before it was locked, another process may have taken it for a stray.
            if temporary.is_named()? {
                return Ok(temporary);
            }
        }
        Err(io::Error::other("no name for a temporary file is free"))
    }

    fn is_named(&self) -> io::Result<bool> {
        let held = self.file.metadata()?;
        let there = fs::symlink_metadata(&self.path);
        Ok(there.is_ok_and(|there| there.dev() == held.dev() && there.ino() == held.ino()))
    }

    fn has_its_place(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what a process that was killed left behind. What another process still writes is locked by it.
fn remove_strays(folder: &Path, prefix: &OsString) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let number = number.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        let ours = number.is_some_and(|number| {
            !number.is_empty() && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-')
        });
        // Links and pipes are none of ours.
        if !ours || !entry.file_type().is_ok_and(|sort| sort.is_file()) {
            continue;
        }
        let opened = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(entry.path());
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::io::{self, Write as _};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use super::{prefix, stream, write};

    fn fill(path: &Path, text: &str) -> io::Result<()> {
        write(path, |out| out.write_all(text.as_bytes()))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn modes_are_kept_and_links_are_followed_to_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link, next) = (folder.path().join("real"), folder.path().join("link"), folder.path().join("next"));
        File::create(&real).unwrap();
        symlink("real", &link).unwrap();
        symlink("link", &next).unwrap();
        for mode in [0o600, 0o640, 0o664, 0o444] {
            fs::set_permissions(&real, Permissions::from_mode(mode)).unwrap();
            fill(&next, "new").unwrap();
            assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, mode);
        }
        assert!(fs::symlink_metadata(&next).unwrap().is_symlink() && fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(names(folder.path()), ["link", "next", "real"]);
    }

    #[test]
    fn a_link_to_what_does_not_exist_yet_makes_it_and_a_circle_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (link, other) = (folder.path().join("link"), folder.path().join("other"));
        symlink("below/real", &link).unwrap();
        fill(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("below/real")).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        symlink("other", &other).unwrap();
        assert!(fill(&other, "new").is_err());
    }

    #[test]
    fn one_missing_folder_is_made_and_a_longer_way_is_an_error_that_names_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fill(&at("reports/r.json"), "text").unwrap();
        assert_eq!(names(&at("reports")), ["r.json"]);
        let missing = at("typo").display().to_string();
        for error in [fill(&at("typo/reports/r.json"), "text").err(), stream(&at("typo/a/b/r.jsonl")).err()] {
            assert_eq!(error.unwrap().to_string(), format!("there is no folder {missing}"));
        }
        assert_eq!(names(folder.path()), ["reports"], "nothing was made on the way");
    }

    #[test]
    fn a_link_in_the_place_of_the_temporary_file_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (report, victim) = (folder.path().join("report"), folder.path().join("victim"));
        fs::write(&victim, "keep").unwrap();
        let prefix = prefix(&report).unwrap().into_string().unwrap();
        let process = std::process::id();
        let guesses = (0..50).map(|number| format!("{prefix}{process}-{number}.tmp"));
        for guess in guesses.chain([format!("{prefix}{process}.tmp")]) {
            symlink(&victim, folder.path().join(guess)).unwrap();
        }
        fill(&report, "new").unwrap();
        assert_eq!(fs::read_to_string(&report).unwrap(), "new");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "keep");
    }

    #[test]
    fn strays_are_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("r.json");
        for stray in [".r.json.4711.tmp", ".r.json.4711-3.tmp", ".r.json.mine.tmp", ".other.json.1.tmp"] {
            fs::write(folder.path().join(stray), "half").unwrap();
        }
        let busy = File::create(folder.path().join(".r.json.99-1.tmp")).unwrap();
        busy.lock().unwrap();
        fill(&report, "new").unwrap();
        assert_eq!(names(folder.path()), [".other.json.1.tmp", ".r.json.99-1.tmp", ".r.json.mine.tmp", "r.json"]);
    }

    #[test]
    fn what_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("r.json");
        fill(&report, "old").unwrap();
        let failed = write(&report, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&report).unwrap(), "old");
        assert_eq!(names(folder.path()), ["r.json"]);
        let mut device = File::options().write(true).open("/dev/full").unwrap();
        assert!(device.write_all(b"x").is_err() && fill(Path::new("/dev/full"), "x").is_err());
    }
}
