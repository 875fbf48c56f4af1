//! Files of a suite: how much of them is read, and where they may lie. Suites come from others' changes too.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::model::suggest::suggest;

/// Largest file of a suite, bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Files of a folder that a misspelt name is compared with.
const MOST_NAMES: usize = 1000;
/// What marks the folder of a project: its settings, its repository.
const MARKS: [&str; 2] = ["shakedown.toml", ".git"];

/// The text of a file named on the command line. A pipe (`<(…)`) is read to its end, and nothing beyond the limit.
pub fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| why(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| why(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| NO_TEXT.to_owned())
}

/// An error of the system in words, without its number.
#[must_use]
pub fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    }
}

/// Why a file cannot be read that is there, and no text.
pub const NO_TEXT: &str = "it is no UTF-8 text";

/// What to do about a file that cannot be read: the one with nearly this name, where there is one.
#[must_use]
pub fn missing_file_help(path: &Path) -> String {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return if folder.exists() {
            "check the permissions of its folder".to_owned()
        } else {
            format!("there is no folder {}", folder.display())
        };
    };
    if path.exists() {
        return "check its permissions".to_owned();
    }
    let names: Vec<String> =
        entries.take(MOST_NAMES).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let wanted = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match suggest(wanted, names.iter().map(String::as_str)) {
        near if near.starts_with("did you mean") => near,
        _ => "check the path, which is relative to the file that names it or to the working directory".to_owned(),
    }
}

/// The text of a file that another file names: devices and pipes are refused, as opening one may wait for ever.
pub fn text_of_file(path: &Path) -> Result<String, String> {
    if !std::fs::metadata(path).map_err(|error| why(&error))?.is_file() {
        return Err("it is no file".into());
    }
    text(path)
}

/// The folders that what a suite includes must lie below.
pub struct IncludeRoots {
    folders: Vec<PathBuf>,
}

impl IncludeRoots {
    /// Those of a suite: its own folder, the folders given to the run, and above it the nearest with a mark of each sort.
    #[must_use]
    pub fn of(suite: &Path, given: &[PathBuf]) -> Self {
        let parent = suite.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut folders: Vec<PathBuf> = given.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        if let Ok(own) = parent.canonicalize() {
            let marked = MARKS.iter().filter_map(|mark| own.ancestors().find(|folder| folder.join(mark).exists()));
            folders.extend(marked.map(Path::to_path_buf));
            folders.push(own);
        }
        Self { folders }
    }

    /// Whether a file lies below one of them, whatever links lead to it. What does not exist is told when it is read.
    #[must_use]
    pub fn hold(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return !outside_by_name(path, &self.folders) };
        self.folders.iter().any(|folder| path.starts_with(folder))
    }
}

/// Whether a path that leads nowhere would lie outside; to say so tells nothing about files there.
fn outside_by_name(path: &Path, folders: &[PathBuf]) -> bool {
    let mut there = path;
    while let Some(parent) = there.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if let Ok(parent) = parent.canonicalize() {
            return !folders.iter().any(|folder| parent.starts_with(folder));
        }
        there = parent;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{IncludeRoots, text, text_of_file};

    #[test]
    fn devices_are_read_up_to_the_limit_and_never_for_an_include() {
        assert!(text(Path::new("/dev/zero")).unwrap_err().contains("more than 67108864 bytes"));
        assert_eq!(text(Path::new("/dev/null")), Ok(String::new()));
        assert_eq!(text_of_file(Path::new("/dev/zero")), Err("it is no file".into()));
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(text_of_file(&pipe), Err("it is no file".into()));
    }

    #[test]
    fn what_is_included_lies_below_a_root_whatever_links_lead_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("repo/suites/edge")).unwrap();
        for file in ["outside.yaml", "repo/common.yaml", "repo/suites/a.yaml", "repo/suites/edge/b.yaml"] {
            fs::write(at(file), "").unwrap();
        }
        symlink(at("outside.yaml"), at("repo/suites/link.yaml")).unwrap();
        symlink(at("repo/suites/edge"), at("repo/suites/near")).unwrap();
        let holds = |given: &[&str], name: &str| {
            let given: Vec<_> = given.iter().map(|name| at(name)).collect();
            IncludeRoots::of(&at("repo/suites/edge/b.yaml"), &given).hold(&at("repo/suites/edge").join(name))
        };
        assert!(holds(&[], "b.yaml") && holds(&[], "../near/b.yaml") && holds(&[], "none.yaml"));
        assert!(!holds(&[], "../a.yaml") && holds(&["repo/suites"], "../a.yaml"));
        assert!(!holds(&["repo/suites"], "../../common.yaml"));
        fs::write(at("repo/shakedown.toml"), "").unwrap();
        assert!(holds(&[], "../../common.yaml"));
        fs::remove_file(at("repo/shakedown.toml")).unwrap();
        fs::create_dir(at("repo/.git")).unwrap();
        assert!(holds(&[], "../../common.yaml") && holds(&[], "../../none/none.yaml"));
        for outside in ["../../../outside.yaml", "../link.yaml", "/etc/passwd", "/none.yaml", "../../../none.yaml"] {
            assert!(!holds(&["repo/suites"], outside), "{outside}");
        }
    }
}
