//! The server of a check that asks only one.

use super::fields::{SERVER, TIMEOUT};
use crate::checks::shared::target::{self, Target};
use crate::model::{Args, Invalid};

/// The only server of a check; `subject` is what goes to it, for the message when there are others.
pub(super) fn single(args: &Args, subject: &str, default_port: u16) -> Result<Target, Invalid> {
    let servers = args.get(&SERVER);
    let [server] = servers.as_slice() else {
        let message = format!("{subject} goes to one server, `server` names {}", servers.len());
        return Err(SERVER.invalid(message, "write server: 192.0.2.53, or a check for each server by a matrix"));
    };
    let (host, port) = target::endpoint_in(&SERVER, server, Some(default_port))?;
    Target::from_args(args, host, port, args.get(&TIMEOUT))
}
