//! Sockets of quinn: many datagrams in one system call, and their marks of congestion.

use quinn::udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork::net::{AsyncFd, Direction};

/// A socket, with what the system can do for it.
#[derive(Debug)]
pub(crate) struct Socket {
    io: AsyncFd<UdpSocket>,
    state: UdpSocketState,
}

impl Socket {
    /// Registers it with the runtime of this thread.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        // It becomes non-blocking here.
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let io = AsyncFd::new(socket)?;
        Ok(Self { io, state })
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(WritePoller(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let send = |socket: &UdpSocket| self.state.send(UdpSockRef::from(socket), transmit);
        self.io.try_io(Direction::Write, send)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let receive = |socket: &UdpSocket| {
            self.state
                .recv(UdpSockRef::from(socket), &mut *bufs, &mut *meta)
        };
        self.io.poll_io(Direction::Read, cx, receive)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

/// Waits until there is room to send. The socket knows all that wait.
#[derive(Debug)]
struct WritePoller(Arc<Socket>);

impl UdpPoller for WritePoller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is tried: it is ready until a send says that it would block.
        self.0.io.poll_io(Direction::Write, cx, |_| Ok(()))
    }
}
