//! The floor: echo on bare epoll, without any runtime.
//!
//! Level-triggered, so that an event costs one read and one write. Each thread has its own epoll,
//! and the connections are dealt out in turn.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

/// So many events one wait brings at most.
const EVENTS: usize = 256;

/// What the thread that accepts knows of one that serves.
struct Hand {
    epoll: Arc<OwnedFd>,
    /// Connections go here before they are registered, under the number of their place.
    streams: Sender<Arc<TcpStream>>,
    given: u64,
}

/// Serves on so many threads, and accepts on this one.
pub(super) fn echo(listener: &TcpListener, threads: usize) -> io::Result<()> {
    let mut hands = Vec::new();
    for _ in 0..threads {
        hands.push(Hand::start()?);
    }
    for n in 0.. {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        hands[n % threads].give(stream)?;
    }
    Ok(())
}

impl Hand {
    fn start() -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let (streams, arrivals) = channel();
        let own = Arc::clone(&epoll);
        thread::spawn(move || serve(&own, &arrivals).expect("epoll works"));
        Ok(Self {
            epoll,
            streams,
            given: 0,
        })
    }

    fn give(&mut self, stream: TcpStream) -> io::Result<()> {
        let stream = Arc::new(stream);
        let sent = self.streams.send(Arc::clone(&stream));
        sent.map_err(|_| io::Error::other("a thread of the server panicked"))?;
        let key = EventData::new_u64(self.given);
        epoll::add(&self.epoll, &stream, key, EventFlags::IN)?;
        self.given += 1;
        Ok(())
    }
}

fn serve(epoll: &OwnedFd, arrivals: &Receiver<Arc<TcpStream>>) -> io::Result<()> {
    let mut streams = Vec::new();
    let mut room = [MaybeUninit::uninit(); EVENTS];
    let mut buffer = [0; 1024];
    loop {
        let events = match epoll::wait(epoll, &mut room, None) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for event in events {
            let place = event.data.u64() as usize;
            while streams.len() <= place {
                streams.push(arrivals.recv().ok());
            }
            // Dropped, it is closed and registered no more.
            if let Some(stream) = &streams[place]
                && !echo_once(stream, &mut buffer)
            {
                streams[place] = None;
            }
        }
    }
}

/// False if the client is gone.
fn echo_once(mut stream: &TcpStream, buffer: &mut [u8]) -> bool {
    match stream.read(buffer) {
        Ok(count @ 1..) => stream.write_all(&buffer[..count]).is_ok(),
        _ => false,
    }
}
