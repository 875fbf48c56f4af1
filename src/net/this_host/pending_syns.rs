//! SYNs that nobody answered, of a check that was patient for less than the second after which a kernel repeats one: whether
//! this host drops them shows only then. Their sockets are kept for so long, and asked.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::syn;

/// Sockets kept for one check.
const MOST: usize = 16;

type Answers = JoinSet<Option<&'static str>>;

tokio::task_local! {
    static KEPT: Arc<Mutex<Answers>>;
}

/// What is still to be known of the SYNs of a check; their sockets are closed when it is dropped.
#[derive(Debug, Default)]
pub struct PendingSyns(Answers);

impl PendingSyns {
    /// How this host itself kept one of them from its peer; `None` when nothing tells that it did.
    pub async fn dropped_here(mut self) -> Option<&'static str> {
        while let Some(answer) = self.0.join_next().await {
            if let Ok(Some(why)) = answer {
                return Some(why);
            }
        }
        None
    }
}

/// Runs a check, and keeps its SYNs that got no answer too soon to tell why.
pub async fn of_check<F: Future>(check: F) -> (F::Output, PendingSyns) {
    let kept = Arc::<Mutex<Answers>>::default();
    let output = KEPT.scope(Arc::clone(&kept), check).await;
    let answers = std::mem::take(&mut *lock(&kept));
    (output, PendingSyns(answers))
}

/// Forgets what was kept: another attempt begins, and the last one is judged.
pub fn forget() {
    let _ = KEPT.try_with(|kept| *lock(kept) = Answers::default());
}

/// Keeps the socket of a SYN sent at `start`, which got no answer until now. Nothing is kept outside of [`of_check`].
pub(in crate::net) fn keep(stream: TcpStream, held: bool, start: Instant) {
    let _ = KEPT.try_with(|kept| {
        let mut kept = lock(kept);
        if start.elapsed() < syn::REPEATED && kept.len() < MOST {
            kept.spawn(async move {
                sleep_until(start + syn::REPEATED).await;
                syn::dropped_here(&stream, held)
            });
        }
    });
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}
