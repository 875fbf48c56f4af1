//! Places that clients take up, limited for all of them together and for each host.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::host;

/// Places of one kind.
#[derive(Debug)]
pub(super) struct Slots {
    all: usize,
    per_host: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that is taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct ServeSlot {
    slots: Arc<Slots>,
    host: IpAddr,
}

impl Slots {
    /// So many for all, and so many for each host.
    pub(super) fn new(all: usize, per_host: usize) -> Arc<Self> {
        Arc::new(Self { all, per_host, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for `peer`; `None` when all are taken, or its host has its share.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<ServeSlot> {
        let (mut taken, host) = (self.taken(), host(peer));
        let own = taken.get(&host).map_or(0, |own| *own);
        if taken.values().sum::<usize>() >= self.all || own >= self.per_host {
            return None;
        }
        taken.insert(host, own + 1);
        drop(taken);
        Some(ServeSlot { slots: Arc::clone(self), host })
    }
}

impl Drop for ServeSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(own) = taken.get_mut(&self.host) {
            *own = own.saturating_sub(1);
        }
        taken.retain(|_, own| *own > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::Slots;

    #[test]
    fn a_host_has_its_share_and_all_have_theirs() {
        let peer = |last: u8| SocketAddr::from(([127, 0, 0, last], 9));
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:7".parse().unwrap();
        let slots = Slots::new(3, 2);
        let one = [slots.take(peer(1)), slots.take(mapped)];
        assert!(one.iter().all(Option::is_some) && slots.take(peer(1)).is_none(), "one host, however it is written");
        let other = slots.take(peer(2));
        assert!(other.is_some() && slots.take(peer(3)).is_none(), "all are taken");
        drop(one);
        assert!(slots.take(peer(1)).is_some() && slots.taken().len() == 1, "given back");
    }
}
