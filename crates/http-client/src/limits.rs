//! How many connections there may be, in all and for each host.

use crate::url::Origin;
use std::collections::HashMap;
use std::sync::Arc;
use weftwork::sync::{OwnedSemaphorePermit, Semaphore};
use weftwork_std_or_loom::Mutex;

/// The limits. Those that wait are let through in the order in which they came.
pub(crate) struct Limits {
    all: Arc<Semaphore>,
    per_host: usize,
    /// Of hosts with connections in use or wanted.
    hosts: Mutex<HashMap<Origin, Arc<Semaphore>>>,
}

/// The right to one connection.
pub(crate) struct Permit {
    _all: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

impl Limits {
    /// Zero is no limit.
    pub(crate) fn new(limit: usize, per_host: usize) -> Self {
        let finite = |limit: usize| match limit {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Self {
            all: Arc::new(Semaphore::new(finite(limit))),
            per_host: finite(per_host),
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for the right to a connection with this host.
    pub(crate) async fn permit(&self, origin: &Origin) -> Permit {
        let open = "nobody closes it";
        // First that of the host: who waits for a busy host takes nothing from the others.
        let host = self.host(origin).acquire_owned();
        let _host = host.await.expect(open);
        let _all = self.all.acquire_owned().await.expect(open);
        Permit { _all, _host }
    }

    /// How many connections there may be beside those in use.
    pub(crate) fn left(&self) -> usize {
        self.all.available_permits()
    }

    fn host(&self, origin: &Origin) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock();
        if let Some(host) = hosts.get(origin) {
            return Arc::clone(host);
        }
        // A permit and whoever waits for one hold their semaphore, too.
        hosts.retain(|_, host| Arc::strong_count(host) > 1);
        let host = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(origin.clone(), Arc::clone(&host));
        host
    }
}
