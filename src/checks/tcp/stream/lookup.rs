//! The address of a name, looked up beside a stream: who lost a connection to a name looks it up before the next one.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::checks::shared::target::Target;

/// From one lookup to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Lookup {
    target: Target,
    runtime: Handle,
    found: mpsc::Receiver<Option<IpAddr>>,
    finds: mpsc::Sender<Option<IpAddr>>,
    is_running: bool,
    last: Option<Instant>,
}

impl Lookup {
    /// `None` of an address, which needs none.
    pub(super) fn of(target: &Target) -> Option<Self> {
        if target.literal().is_some() {
            return None;
        }
        let (finds, found) = mpsc::channel();
        Some(Self { target: target.clone(), runtime: Handle::current(), found, finds, is_running: false, last: None })
    }

    /// Asks in the background, unless that was done a moment ago.
    pub(super) fn ask(&mut self) {
        if self.is_running || self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        (self.is_running, self.last) = (true, Some(Instant::now()));
        let (target, finds) = (self.target.clone(), self.finds.clone());
        self.runtime.spawn(async move {
            // Nobody wants it once the stream has ended; a name that is not found leaves things as they are.
            let _ = finds.send(target.address().await.ok());
        });
    }

    /// An address that was found since.
    pub(super) fn found(&mut self) -> Option<IpAddr> {
        let found = self.found.try_recv().ok()?;
        self.is_running = false;
        found
    }
}
