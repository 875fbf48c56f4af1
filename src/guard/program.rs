//! Whether a command can be started, as far as this can be told without doing so: a command that puts something back must be
//! found to be missing before anything is broken.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::CommandSpec;
use crate::model::Text;

/// Where execvp(3) looks without the variable PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// Linux reads so much of a script for its interpreter (`BINPRM_BUF_SIZE`).
const INTERPRETER_LINE: u64 = 256;

impl CommandSpec {
    /// Why it cannot be started; `None` when nothing is known against it.
    #[must_use]
    pub fn unstartable(&self) -> Option<String> {
        let program = self.run.first().map_or("", Text::shown);
        let folder = self.cwd.clone().unwrap_or_default();
        let found = candidates(self.run.first().map_or("", |word| word), &folder);
        let Some(path) = found.iter().find(|path| executable(path)) else {
            return Some(match found.iter().find(|path| path.is_file()) {
                Some(_) => format!("`{program}` may not be executed"),
                None => format!("there is no program `{program}`"),
            });
        };
        let interpreter = interpreter(path)?;
        let missing = !executable(&folder.join(&interpreter));
        missing.then(|| format!("`{program}` is a script for {}, which is not there", interpreter.display()))
    }
}

/// Files that a program of this name may be.
fn candidates(program: &str, folder: &Path) -> Vec<PathBuf> {
    if program.contains('/') {
        return vec![folder.join(program)];
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path).map(|entry| folder.join(entry).join(program)).collect()
}

fn executable(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// The interpreter of a script (`#!`).
fn interpreter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    // One that may be executed, but not read, is none.
    File::open(path).ok()?.take(INTERPRETER_LINE).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?;
    Some(PathBuf::from(word))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use super::CommandSpec;

    #[test]
    fn what_cannot_be_started_is_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, mode) in [
            ("good", "#! /bin/sh -eu\ntrue", 0o755),
            ("plain", "true", 0o755),
            ("mode", "#!/bin/sh\n", 0o644),
            ("none", "#!/nonexistent/sh\n", 0o755),
            ("folder/x", "", 0o755),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let why = |program: &str| {
            let cwd = Some(folder.path().to_owned());
            CommandSpec { run: vec![program.into()], cwd, timeout: Duration::ZERO }.unstartable().unwrap_or_default()
        };
        for good in ["sh", "/bin/sh", "./good", "./plain"] {
            assert_eq!(why(good), "");
        }
        for (bad, words) in [
            ("./mode", "may not be executed"),
            ("./none", "/nonexistent/sh, which is not there"),
            ("./missing", "there is no program `./missing`"),
            ("good", "there is no program"),
            ("./folder", "there is no program"),
            ("no-such-program-anywhere", "there is no program"),
            ("", "there is no program"),
        ] {
            assert!(why(bad).contains(words), "{bad}: {}", why(bad));
        }
    }
}
