//! What quinn wants of a runtime.

use crate::socket::Socket;
use crate::timer::Timer;
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime};
use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use weftwork::Handle;

/// A runtime of weftwork as quinn wants it, for [`Endpoint::new`](quinn::Endpoint::new).
///
/// Whatever thread an endpoint is used from, its tasks run on this runtime, and its sockets are
/// waited for there. A panic in them goes to the runtime's exception handler.
#[doc(alias = "TokioRuntime")]
#[derive(Clone, Debug)]
pub struct QuinnRuntime(Handle);

impl QuinnRuntime {
    /// That of this thread. For another one there is `QuinnRuntime::from(handle)`.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self(Handle::current())
    }
}

impl From<Handle> for QuinnRuntime {
    fn from(handle: Handle) -> Self {
        Self(handle)
    }
}

impl Runtime for QuinnRuntime {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer::new(deadline))
    }

    /// On a closed runtime the future is dropped.
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(future).detach();
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let _entered = self.0.enter();
        Ok(Arc::new(Socket::new(socket)?))
    }

    /// That of the runtime, on which it sleeps.
    fn now(&self) -> Instant {
        self.0.time()
    }
}
