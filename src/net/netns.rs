//! Network namespaces with a name: threads that have entered one, so that every socket, route and child process of what runs on
//! them is in it.
//!
//! A thread begins in the namespace of the one that starts it. So one thread enters, shows that it did, and starts all others.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokio::runtime::{Builder, Runtime};

use crate::model::Fault;
use crate::model::shell::{self, command};

/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";
/// Longest name of a file.
const LONGEST: usize = 255;
/// Threads of a runtime.
const WORKERS: usize = 2;

/// Whether a namespace can have this name: that of a file.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
    !text.is_empty() && text.len() <= LONGEST && !matches!(text, "." | "..") && text.chars().all(fits)
}

/// A runtime all of whose threads are in the namespace `name`, those for blocking calls and those that its tasks start included.
pub fn runtime(name: &str, threads: &str) -> Result<Runtime, Fault> {
    let (inside, threads) = (name.to_owned(), threads.to_owned());
    let entered = std::thread::Builder::new().name("netns".to_owned()).spawn(move || {
        enter(&inside)?;
        let built = Builder::new_multi_thread().worker_threads(WORKERS).thread_name(threads).enable_all().build();
        built.map_err(|error| own(&inside, error.to_string(), "check the limits of processes and memory (`ulimit -a`)"))
    });
    let failed = |why: String| own(name, why, "check the limits of processes and memory (`ulimit -a`)");
    match entered.map(std::thread::JoinHandle::join) {
        Ok(Ok(runtime)) => runtime,
        Ok(Err(_)) => Err(failed("the thread ended early: this is a defect of shakedown".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The number of the namespace of the calling thread; 0 where it cannot be told.
#[must_use]
pub fn inode() -> u64 {
    std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |metadata| metadata.ino())
}

/// The number of a namespace that has a name.
#[must_use]
pub fn inode_of(name: &str) -> u64 {
    std::fs::metadata(Path::new(FOLDER).join(name)).map_or(0, |metadata| metadata.ino())
}

/// A name of the namespace of the calling thread, if it has one.
#[must_use]
pub fn name() -> Option<String> {
    let here = inode();
    let entries = std::fs::read_dir(FOLDER).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| is_name(name) && inode_of(name) == here && here != 0).min()
}

/// Takes the calling thread into the namespace `name`, and with it the threads and processes that it starts.
pub fn enter(name: &str) -> Result<(), Fault> {
    let path = Path::new(FOLDER).join(name);
    let opened = File::open(&path).map_err(|error| unopened(name, &path, &error))?;
    system::enter(&opened).map_err(|error| refused(name, &path, &error))?;
    if system::is_inside(&opened) {
        Ok(())
    } else {
        Err(own(name, "the thread is not in it afterwards", "please report it, with the kernel's version (`uname -r`)"))
    }
}

fn unopened(name: &str, path: &Path, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::NotFound {
        let lists = "`ip netns list` shows the names; the namespace of a container has one after `ip netns attach`";
        return own(name, "this host has no network namespace of this name", lists);
    }
    own(name, format!("{} cannot be opened: {error}", path.display()), "run it as root: `sudo shakedown …`")
}

fn refused(name: &str, path: &Path, error: &io::Error) -> Fault {
    match error.raw_os_error() {
        Some(libc::EPERM) => own(
            name,
            "this process may not enter it, which takes the capability CAP_SYS_ADMIN",
            "run it as root: `sudo shakedown …`",
        ),
        Some(libc::EINVAL) => {
            let word = shell::word(name);
            let again = ["delete", "add"].map(|what| command(&format!("ip netns {what} {word}")));
            let remedy = format!("it is left over from one that is gone; make it anew: {}", again.join("; "));
            own(name, format!("{} is a file, and no network namespace", path.display()), remedy)
        }
        _ => own(name, error.to_string(), "see the system's message; `ip netns list` shows the names"),
    }
}

fn own(name: &str, why: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault::local(format!("enter the network namespace {name}"), "this host", why, remedy)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{File, metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt as _;

    use nix::sched::{CloneFlags, setns};

    pub(super) fn enter(namespace: &File) -> io::Result<()> {
        Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
    }

    /// Whether the calling thread is there.
    pub(super) fn is_inside(namespace: &File) -> bool {
        let (wanted, own) = (namespace.metadata(), metadata("/proc/thread-self/ns/net"));
        matches!((wanted, own), (Ok(wanted), Ok(own)) if (wanted.dev(), wanted.ino()) == (own.dev(), own.ino()))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;

    pub(super) fn enter(_: &File) -> io::Result<()> {
        Err(io::Error::other("this system has no network namespaces"))
    }

    pub(super) fn is_inside(_: &File) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{is_name, runtime};

    #[test]
    fn a_name_is_that_of_a_file() {
        assert!(["a", "web-1", "ns_2", "ünter"].into_iter().all(is_name));
        assert!(!["", ".", "..", "a/b", "/run/netns/a", "a b", "a\n"].into_iter().any(is_name));
        assert!(is_name(&"a".repeat(255)) && !is_name(&"a".repeat(256)));
    }

    #[test]
    fn one_that_is_not_there_has_no_runtime() {
        let fault = runtime("shakedown-no-such-namespace", "x").err().unwrap();
        assert_eq!(fault.operation, "enter the network namespace shakedown-no-such-namespace");
        assert!(fault.detail.contains("no network namespace of this name"), "{fault}");
        assert!(fault.remedy.contains("ip netns list"), "{fault:?}");
    }
}
