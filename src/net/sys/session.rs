//! Processes in sessions of their own, so that what ends ours does not end them.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::unistd::setsid;

/// Starts `command` in a session of its own: no terminal, and no signal to our group or session reaches it.
#[expect(unsafe_code, reason = "what runs between fork and exec is promised to be safe there")]
pub fn own_session(command: &mut Command) {
    // SAFETY: the closure only calls setsid, which is async-signal-safe and touches no memory.
    unsafe { command.pre_exec(new_session) };
}

/// The same, and as a child of none of ours: who ends our process with all its children does not end it. The child that
/// is started ends at once; the program is its child, and goes to the next process that takes in orphans.
#[expect(unsafe_code, reason = "what runs between fork and exec is promised to be safe there")]
pub fn detached(command: &mut Command) {
    let leave = || {
        // SAFETY: it is called in a process of one thread, which goes on with setsid and exec, or _exit.
        match unsafe { libc::fork() } {
            0 => new_session(),
            // SAFETY: it ends this process without running anything of ours.
            child if child > 0 => unsafe { libc::_exit(0) },
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(leave) };
}

fn new_session() -> io::Result<()> {
    Ok(setsid().map(drop)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::{detached, own_session};

    /// Process id, parent and session of a shell that was started so.
    fn started(prepare: fn(&mut Command)) -> (u32, [u32; 3]) {
        let mut command = Command::new("cat");
        command.arg("/proc/self/stat").stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stat = String::new();
        child.stdout.take().unwrap().read_to_string(&mut stat).unwrap();
        child.wait().unwrap();
        let fields: Vec<u32> = stat.split(' ').filter_map(|field| field.parse().ok()).collect();
        // Process, parent, group, session.
        (child.id(), [fields[0], fields[1], fields[3]])
    }

    #[test]
    fn a_session_of_its_own() {
        let (child, [id, parent, session]) = started(own_session);
        assert_eq!((id, parent, session), (child, std::process::id(), child));
    }

    #[test]
    fn a_detached_process_is_no_child_of_ours() {
        let (child, [id, parent, session]) = started(detached);
        assert_ne!(id, child);
        assert_ne!(parent, std::process::id());
        assert_eq!(session, id);
    }
}
