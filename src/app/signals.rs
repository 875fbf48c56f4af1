//! The Ctrl-C ladder: stop and restore; hurry; go.

use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::engine::Stop;
use crate::exit::Signal;

/// Follows SIGINT and SIGTERM.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// What the engine is told.
    pub stop: Stop,
    /// Third signal: leave at once.
    pub leave: CancellationToken,
    first: Arc<OnceLock<Signal>>,
}

impl Ladder {
    /// Starts listening. `say` gets a line for the user at each step.
    pub fn listen(say: impl Fn(&str) + Send + 'static) -> std::io::Result<Self> {
        let ladder = Self::default();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let told = ladder.clone();
        tokio::spawn(async move {
            for step in 0_u8.. {
                let kind = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                told.climb(step, kind, &say);
            }
        });
        Ok(ladder)
    }

    fn climb(&self, step: u8, kind: Signal, say: &impl Fn(&str)) {
        match step {
            0 => {
                let _ = self.first.set(kind);
                say("stopping: restoring what was changed, then writing every report; again to hurry\n");
                self.stop.soft.cancel();
            }
            1 => {
                say("hurrying: restoring gets a few seconds; again to leave at once\n");
                self.stop.hurry.cancel();
            }
            _ => self.leave.cancel(),
        }
    }

    /// The first signal, if one came.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.first.get().copied()
    }
}
