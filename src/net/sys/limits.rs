//! Limits of this process (setrlimit(2)).

use libc::c_int;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Has a write beyond the largest size of a file (`ulimit -f`) fail with EFBIG, as on a full disk; the signal that comes with it
/// would end this process in the middle of a run. What this process starts has the signal as usual: no handler outlives exec(3).
#[expect(unsafe_code, reason = "a handler of a signal is promised to be safe in one")]
pub fn outlive_file_limit() {
    extern "C" fn nothing(_: c_int) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing, so it touches nothing that the code it interrupts may be at work with.
    let _ = unsafe { sigaction(Signal::SIGXFSZ, &action) };
}

/// How many files this process may have open, after raising that to `wanted` where the system lets it.
#[must_use]
pub fn open_files(wanted: u64) -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 256 };
    let raised = wanted.min(hard);
    if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft }
}

/// How many files one of several streams of this process may have open: a part of all, as the others and the rest need some.
#[must_use]
pub fn files_of_stream() -> usize {
    const WANTED: u64 = 1 << 17;
    const PART: u64 = 8;
    const FEWEST: u64 = 64;
    usize::try_from((open_files(WANTED) / PART).max(FEWEST)).unwrap_or(usize::MAX)
}
