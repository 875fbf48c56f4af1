//! What this run itself hangs on: a disruption that ends the session it was started from would only undo itself.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::network::Network;
use crate::guard::processes;

/// Client address and port, server address and port of an SSH session.
const VARIABLE: &str = "SSH_CONNECTION";

/// Refuses what would cut off the device that carries the SSH session of this run.
pub(super) async fn must_not_lose(network: &Network<'_>, device: &str) -> Result<(), String> {
    let Some(address) = own_address().filter(|_| network.is_own()) else { return Ok(()) };
    let link = network.link(device).await?;
    if link.addresses.iter().any(|own| own.local == address) {
        return Err(format!("{device} carries the SSH session of this run ({address}): {REMEDY}"));
    }
    Ok(())
}

/// The same for an address, with the length of its prefix.
pub(super) fn must_not_lose_address(network: &Network<'_>, address: &str) -> Result<(), String> {
    let bare = address.split('/').next().unwrap_or_default();
    if network.is_own() && own_address().is_some_and(|own| own == bare) {
        return Err(format!("{address} is the address of the SSH session of this run: {REMEDY}"));
    }
    Ok(())
}

const REMEDY: &str = "start the run from the console, from another address, or on another host";

/// The address of this host that the SSH session of this run came to.
fn own_address() -> Option<String> {
    lineage().into_iter().find_map(|pid| of_variable(&variable(pid)?).map(str::to_owned))
}

/// The address of this side in the words of the variable.
fn of_variable(value: &str) -> Option<&str> {
    value.split(' ').nth(2).map(|address| address.split('%').next().unwrap_or_default())
}

fn variable(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variables = environment.split(|byte| *byte == 0).filter_map(|line| std::str::from_utf8(line).ok());
    variables
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| *name == VARIABLE)
        .map(|(_, value)| value.to_owned())
}

/// This process, the run that started it, and the ancestors of both. A guard is no child of its run: they share a pipe.
pub(super) fn lineage() -> Vec<i32> {
    let own = std::process::id().cast_signed();
    let mut out = Vec::new();
    let writer = pipe_of(Path::new("/proc/self/fd/0")).and_then(|pipe| holder(&pipe, own));
    for start in [Some(own), writer].into_iter().flatten() {
        let mut next = Some(start);
        while let Some(pid) = next.filter(|pid| *pid > 0 && !out.contains(pid)) {
            out.push(pid);
            next = processes::parent(pid);
        }
    }
    out
}

/// The name of the pipe behind a descriptor.
fn pipe_of(descriptor: &Path) -> Option<OsString> {
    let name = fs::read_link(descriptor).ok()?.into_os_string();
    name.to_str()?.starts_with("pipe:").then_some(name)
}

/// Another process that holds this pipe.
fn holder(pipe: &OsString, own: i32) -> Option<i32> {
    let processes =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    processes.filter(|pid| *pid != own).find(|pid| {
        let held = fs::read_dir(format!("/proc/{pid}/fd"));
        held.into_iter()
            .flatten()
            .flatten()
            .any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|name| name.as_os_str() == pipe))
    })
}
