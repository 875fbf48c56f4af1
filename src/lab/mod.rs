//! The embedded lab: real servers on loopback with ports chosen by the system, for `demo` and for the tests.
//! Each server stops when its handle is dropped.

pub mod dns;
pub mod pair;
pub mod pki;
pub mod reflect;
mod routes;
pub mod web;

use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinSet;

/// Tasks that end with their owner.
#[derive(Debug, Default)]
pub struct Tasks(JoinSet<()>);

impl Tasks {
    /// Runs `task` until it ends or `self` is dropped.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(task);
        self.0.spawn(task);
    }
}
