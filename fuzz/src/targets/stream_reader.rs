//! The reader of a stream, over a source that gives what it likes, with reads that are dropped: what
//! was read, together, is what was sent, and each read ends where it has to.

use crate::bytes::Bytes;
use futures_io::AsyncRead;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use weftwork::net::{LimitOverrun, ReadError, StreamReader};

/// Gives its data by the counts of its steps; at 0 it has none yet, at 255 it fails.
struct Source {
    data: VecDeque<u8>,
    steps: VecDeque<u8>,
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let most = match self.steps.pop_front() {
            Some(0) => return Poll::Pending,
            Some(255) => return Poll::Ready(Err(io::ErrorKind::Other.into())),
            Some(count) => usize::from(count),
            None => usize::MAX,
        };
        let count = most.min(buf.len()).min(self.data.len());
        for (to, byte) in buf.iter_mut().zip(self.data.drain(..count)) {
            *to = byte;
        }
        Poll::Ready(Ok(count))
    }
}

/// Polls a read to its end; while it waits it may be dropped, and begun again.
fn finish<T>(
    reader: &mut StreamReader,
    drops: bool,
    mut read: impl AsyncFnMut(&mut StreamReader) -> T,
) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    'begin: loop {
        let mut reading = pin!(read(reader));
        loop {
            match reading.as_mut().poll(&mut cx) {
                Poll::Ready(value) => return value,
                Poll::Pending if drops => continue 'begin,
                Poll::Pending => {}
            }
        }
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let limit = usize::from(bytes.byte());
    let steps = (0..bytes.byte() % 32).map(|_| bytes.byte()).collect();
    let data: VecDeque<u8> = (0..bytes.byte()).map(|_| b"ab\n"[bytes.below(3)]).collect();
    let all: Vec<u8> = data.iter().copied().collect();
    let mut reader = StreamReader::new(Source { data, steps });
    reader.set_limit(limit);
    let mut at = 0;
    while !bytes.is_empty() {
        let got = one_read(&mut reader, &mut bytes, &all[at..], limit);
        assert_eq!(got, all[at..][..got.len()]);
        at += got.len();
    }
    let rest = loop {
        if let Ok(rest) = finish(&mut reader, true, async |r| r.read_to_eof().await) {
            break rest;
        }
    };
    assert_eq!(rest, all[at..]);
    assert!(reader.at_eof());
}

/// Does one read, and gives what it took of what was left.
fn one_read(
    reader: &mut StreamReader,
    bytes: &mut Bytes<'_>,
    left: &[u8],
    limit: usize,
) -> Vec<u8> {
    let (what, n) = (bytes.byte(), bytes.below(16));
    let drops = what >= 128;
    match what % 4 {
        0 => {
            let got = finish(reader, drops, async |r| r.read(n).await).unwrap_or_default();
            assert!(got.len() <= n);
            got
        }
        1 => match finish(reader, drops, async |r| r.readexactly(n).await) {
            Ok(got) => {
                assert_eq!(got.len(), n);
                got
            }
            Err(error) => partial(error, left, n),
        },
        2 => match finish(reader, drops, async |r| r.readline().await) {
            Ok(line) => {
                let end = left.iter().position(|byte| *byte == b'\n');
                assert_eq!(line.len(), end.map_or(left.len(), |end| end + 1));
                assert!(end.unwrap_or(left.len()) <= limit);
                line
            }
            Err(error) => partial(error, left, limit),
        },
        _ => {
            let separator: &[u8] = [&b"\n"[..], b"ab", b"aba", b"a\nb"][n % 4];
            let found = left.windows(separator.len()).position(|w| w == separator);
            match finish(reader, drops, async |r| r.readuntil(separator).await) {
                Ok(got) => {
                    assert_eq!(Some(got.len()), found.map(|at| at + separator.len()));
                    assert!(found <= Some(limit));
                    got
                }
                Err(ReadError::Incomplete(end)) => {
                    assert_eq!(found, None);
                    end.partial
                }
                Err(error) => partial(error, left, limit),
            }
        }
    }
}

/// What a failed read took, which has to be what it says.
fn partial(error: ReadError, left: &[u8], n: usize) -> Vec<u8> {
    match error {
        ReadError::Incomplete(end) => {
            assert!(left.len() < n && end.partial.len() == left.len());
            end.partial
        }
        ReadError::LimitOverrun(LimitOverrun {
            discarded,
            consumed,
        }) => {
            assert!(consumed > n, "within the limit");
            discarded
        }
        ReadError::Io(_) => Vec::new(),
        other => panic!("{other}"),
    }
}
