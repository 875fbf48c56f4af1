//! Files by what they are, not by how they are written: nothing that is read is overwritten, and no two outputs are one file.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use super::config;
use crate::report::atomic;

/// Where the kernel shows the files that standard output and standard error go to.
const STDOUT: &str = "/dev/stdout";
const STDERR: &str = "/dev/stderr";

/// Whether a path means standard output, by whatever name or link.
pub(super) fn is_stdout(path: &Path) -> bool {
    if ["-", STDOUT].iter().any(|name| path.as_os_str() == *name) {
        return true;
    }
    let Ok(path) = atomic::target(path) else { return false };
    let own = |folder: &Path| {
        let (folder, process) = (folder.canonicalize().ok()?, Path::new("/proc/self").canonicalize().ok()?);
        Some(folder.starts_with(process) && folder.ends_with("fd"))
    };
    path.file_name().is_some_and(|name| name == "1") && path.parent().and_then(own).unwrap_or_default()
}

/// What makes two paths one file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    /// Device and inode of a file that exists.
    There(u64, u64),
    /// Of one that does not: device and inode of the nearest folder above it, and the path below that.
    Absent(u64, u64, PathBuf),
    /// Of a pipe: nothing in it can be overwritten, but who reads it cannot tell two documents apart.
    Pipe(u64, u64),
}

impl Identity {
    /// `None` for folders and devices: they are not replaced, and hold nothing that could be lost.
    fn of(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() => Some(Self::There(meta.dev(), meta.ino())),
            Ok(meta) => meta.file_type().is_fifo().then(|| Self::Pipe(meta.dev(), meta.ino())),
            Err(_) => Self::absent(&resolved(&atomic::target(path).ok()?)?),
        }
    }

    /// A folder may be mounted in several places, so its path does not tell.
    fn absent(path: &Path) -> Option<Self> {
        path.ancestors().find_map(|above| {
            let meta = fs::metadata(above).ok()?;
            Some(Self::Absent(meta.dev(), meta.ino(), path.strip_prefix(above).ok()?.to_path_buf()))
        })
    }
}

/// The path of a file that does not exist, by the nearest folder above it that does.
fn resolved(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let mut there = path.as_path();
    let mut missing = Vec::new();
    let mut out = loop {
        match there.canonicalize() {
            Ok(found) => break found,
            Err(_) => {
                missing.push(there.components().next_back()?);
                there = there.parent()?;
            }
        }
    };
    for part in missing.into_iter().rev() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    Some(out)
}

/// One file and what it is to the command.
struct FileRole {
    role: String,
    path: PathBuf,
    identity: Identity,
}

impl FileRole {
    fn of(role: &str, path: &Path) -> Option<Self> {
        Some(Self { role: role.to_owned(), path: path.to_path_buf(), identity: Identity::of(path)? })
    }
}

/// The files of a command.
pub(super) struct Files {
    reads: Vec<FileRole>,
    writes: Vec<FileRole>,
    /// Read, changed and written back; other outputs must not be among them.
    updates: Vec<FileRole>,
    /// Why an output can never be written.
    unwritable: Option<String>,
}

impl Files {
    /// Those of every command: the settings are read, and standard output may be a file.
    pub(super) fn new() -> Self {
        let mut files = Self { reads: Vec::new(), writes: Vec::new(), updates: Vec::new(), unwritable: None };
        files.writes.extend(FileRole::of("standard output", Path::new(STDOUT)));
        let error = FileRole::of("standard error", Path::new(STDERR));
        // Both may be one file: that is what `2>&1` is for.
        files.writes.extend(error.filter(|error| files.writes.iter().all(|out| out.identity != error.identity)));
        if Path::new(config::FILE).exists() {
            files.reads("the settings", Path::new(config::FILE));
        }
        files
    }

    /// A file that is read; `-` is stdin.
    pub(super) fn reads(&mut self, role: &str, path: &Path) {
        if path.as_os_str() != "-" {
            self.reads.extend(FileRole::of(role, path));
        }
    }

    /// Every file below a folder, `deep` folders down. The folder may be a file.
    pub(super) fn reads_below(&mut self, role: &str, path: &Path, deep: usize) {
        if !path.is_dir() {
            self.reads(role, path);
            return;
        }
        let Some(deeper) = deep.checked_sub(1) else { return };
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            self.reads_below(role, &entry.path(), deeper);
        }
    }

    /// A file that is written; `-` is stdout.
    pub(super) fn writes(&mut self, role: &str, path: &Path) {
        if is_stdout(path) {
            return;
        }
        let why = match atomic::target(path) {
            Ok(target) if target.is_dir() => Some("it is a folder; name a file".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            self.unwritable.get_or_insert(format!("{role} cannot be written to {}: {why}", path.display()));
        }
        self.writes.extend(FileRole::of(role, path));
    }

    /// A file that may be read too, and is written back.
    pub(super) fn updates(&mut self, role: &str, path: &Path) {
        self.updates.extend(FileRole::of(role, path));
    }

    /// Whether an output is this file.
    pub(super) fn is_written(&self, path: &Path) -> bool {
        let identity = Identity::of(path);
        self.writes.iter().any(|output| Some(&output.identity) == identity.as_ref())
    }

    /// The first output that cannot be written, or the first two files that are one.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(why) = &self.unwritable {
            return Err(why.clone());
        }
        for (at, output) in self.writes.iter().enumerate() {
            let one = |other: &&FileRole| other.identity == output.identity;
            if let Some(other) = self.writes[..at].iter().chain(&self.updates).find(one) {
                let (first, second, path) = (&other.role, &output.role, output.path.display());
                let sort = if matches!(output.identity, Identity::Pipe(..)) { "pipe" } else { "file" };
                return Err(format!("{first} and {second} would write one {sort}, {path}; name two"));
            }
            if let Some(input) = self.reads.iter().find(one) {
                let (role, path, input) = (&output.role, output.path.display(), &input.role);
                return Err(format!("{role} would overwrite {path}, which is read ({input}); name another file"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{Files, is_stdout};

    /// What is said of an input and an output below a folder; paths of neither need exist.
    fn clash(folder: &Path, input: &str, output: &str) -> bool {
        let mut files = Files::new();
        files.reads("an input", &folder.join(input));
        files.writes("--json", &folder.join(output));
        let read = files.check().is_err();
        let mut files = Files::new();
        files.writes("--junit", &folder.join(input));
        files.writes("--json", &folder.join(output));
        let both = files.check();
        assert_eq!(read, both.is_err(), "{input} {output}");
        if let Err(why) = both {
            assert!(why.contains("--json") && why.contains("--junit"), "{why}");
        }
        read
    }

    #[test]
    fn files_are_one_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/suite"), "x").unwrap();
        fs::write(at("real/other"), "x").unwrap();
        fs::hard_link(at("real/suite"), at("hard")).unwrap();
        symlink("real/suite", at("soft")).unwrap();
        symlink("soft", at("softer")).unwrap();
        symlink("real", at("folder")).unwrap();
        symlink("real/new", at("dangling")).unwrap();
        symlink("dangling", at("worse")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for (one, other) in [
            ("real/suite", "real/suite"),
            ("real/suite", "real/../real/./suite"),
            ("real/suite", "hard"),
            ("real/suite", "softer"),
            ("soft", "folder/suite"),
            ("real/new", "real/new"),
            ("real/new", "folder/new"),
            ("real/new", "dangling"),
            ("dangling", "worse"),
            ("absent/new", "absent/../absent/new"),
            ("folder/a/b/new", "real/a/b/new"),
        ] {
            assert!(clash(folder.path(), one, other), "{one} is {other}");
            assert!(clash(folder.path(), other, one), "{other} is {one}");
        }
        for (one, other) in [
            ("real/suite", "real/other"),
            ("real/new", "new"),
            ("absent/new", "absence/new"),
            ("/dev/null", "/dev/null"),
        ] {
            assert!(!clash(folder.path(), one, other), "{one} is not {other}");
        }
    }

    #[test]
    fn standard_output_is_known_by_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("/dev/stdout", at("link")).unwrap();
        symlink("link", at("further")).unwrap();
        symlink("/proc/self/fd/1", at("number")).unwrap();
        let own = format!("/proc/{}/fd/1", std::process::id());
        for name in
            ["-", "/dev/stdout", "/dev/fd/1", "/dev/./stdout", "/proc/self/fd/1", "/proc/thread-self/fd/1", &own]
        {
            assert!(is_stdout(Path::new(name)), "{name}");
        }
        for name in ["link", "further", "number"] {
            assert!(is_stdout(&at(name)), "{name}");
        }
        fs::write(at("1"), "").unwrap();
        fs::create_dir(at("fd")).unwrap();
        for name in ["/dev/stderr", "/dev/fd/2", "/dev/fd/11", "1", "/proc/1/fd/1", "/dev/null", ""] {
            assert!(!is_stdout(Path::new(name)), "{name}");
        }
        assert!(!is_stdout(&at("1")) && !is_stdout(&at("fd/1")));
    }

    /// Who reads a pipe cannot tell two documents in it apart; what is read from one is gone anyway.
    #[test]
    fn a_pipe_takes_one_output() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["pipe", "other"] {
            nix::unistd::mkfifo(&at(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        symlink("pipe", at("link")).unwrap();
        let both = |one: &str, other: &str| {
            let mut files = Files::new();
            files.writes("--junit", &at(one));
            files.writes("--json", &at(other));
            files.check()
        };
        assert!(both("pipe", "link").unwrap_err().contains("--junit and --json would write one pipe"));
        assert_eq!(both("pipe", "other"), Ok(()));
    }

    #[test]
    fn what_can_never_be_written_is_told_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        symlink("circle", folder.path().join("circle")).unwrap();
        for (path, why) in [(".", "it is a folder"), ("circle", "form a loop")] {
            let mut files = Files::new();
            files.writes("--json", &folder.path().join(path));
            assert!(files.check().unwrap_err().contains(why), "{path}");
        }
    }

    #[test]
    fn what_is_updated_may_be_read_but_nothing_else_may_write_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("edge")).unwrap();
        let file = folder.path().join("edge/host.json");
        fs::write(&file, "x").unwrap();
        let mut files = Files::new();
        files.reads_below("--baseline", folder.path(), 2);
        files.updates("--save-baseline", &file);
        assert_eq!(files.check(), Ok(()));
        files.writes("--json", &file);
        assert!(files.check().unwrap_err().starts_with("--save-baseline and --json would write one file"));
    }
}
