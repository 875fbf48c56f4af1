//! Tasks a library wants to spawn (HTTP/2 does), tied to the life of the one who needs them.

use std::future::Future;
use std::pin::Pin;

use tokio_util::sync::{CancellationToken, DropGuard};

/// Owner of background tasks: they end when it is dropped.
#[derive(Debug)]
pub struct Scope {
    token: CancellationToken,
    _guard: DropGuard,
}

/// Spawns into a [`Scope`].
#[derive(Clone, Debug)]
pub struct Spawner(CancellationToken);

impl Default for Scope {
    fn default() -> Self {
        let token = CancellationToken::new();
        Self { _guard: token.clone().drop_guard(), token }
    }
}

impl Scope {
    /// A handle to spawn with; it does not keep the scope alive.
    #[must_use]
    pub fn spawner(&self) -> Spawner {
        Spawner(self.token.clone())
    }
}

impl Spawner {
    /// Runs `task` until it ends or the scope does.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let token = self.0.clone();
        // Boxed: the runtime's code of a task is compiled once for all of them, and not for each.
        let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let _ = token.run_until_cancelled_owned(task).await;
        });
        tokio::spawn(task);
    }
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[tokio::test]
    async fn tasks_end_with_the_scope() {
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let scope = Scope::default();
        scope.spawner().spawn(async move {
            std::future::pending::<()>().await;
            drop(alive);
        });
        drop(scope);
        assert!(ended.await.is_err(), "the task was dropped, and its end of the channel with it");
    }
}
