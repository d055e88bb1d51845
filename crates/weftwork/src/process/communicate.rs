//! Writing, reading and waiting at the same time.

use super::Output;
use super::child::Child;
use crate::io::{PipeReader, PipeWriter};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

/// The first read is for so much; the buffer grows with what comes.
const FIRST: usize = 8 * 1024;

pub(super) async fn communicate(child: &mut Child, input: impl AsRef<[u8]>) -> io::Result<Output> {
    let mut input = pin!(feed(child.stdin.take(), input));
    let mut stdout = pin!(drain(child.stdout.take()));
    let mut stderr = pin!(drain(child.stderr.take()));
    let (mut fed, mut out, mut err) = (None, None, None);
    poll_fn(|cx| {
        if fed.is_none() {
            fed = ready(input.as_mut().poll(cx));
        }
        if out.is_none() {
            out = ready(stdout.as_mut().poll(cx));
        }
        if err.is_none() {
            err = ready(stderr.as_mut().poll(cx));
        }
        if fed.is_some() && out.is_some() && err.is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let status = child.wait().await?;
    fed.transpose()?;
    Ok(Output {
        status,
        stdout: out.transpose()?.unwrap_or_default(),
        stderr: err.transpose()?.unwrap_or_default(),
    })
}

fn ready<T>(polled: Poll<T>) -> Option<T> {
    match polled {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Writes all of the input and closes the pipe.
async fn feed(pipe: Option<PipeWriter>, input: impl AsRef<[u8]>) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut left = input.as_ref();
    while !left.is_empty() {
        match poll_fn(|cx| Pin::new(&mut pipe).poll_write(cx, left)).await {
            Ok(count) => left = &left[count..],
            // The child wants no more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads to the end.
async fn drain(pipe: Option<PipeReader>) -> io::Result<Vec<u8>> {
    let mut got = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(got) };
    let mut length = 0;
    loop {
        if length == got.len() {
            got.resize((2 * length).max(FIRST), 0);
        }
        let count = poll_fn(|cx| Pin::new(&mut pipe).poll_read(cx, &mut got[length..])).await?;
        if count == 0 {
            got.truncate(length);
            return Ok(got);
        }
        length += count;
    }
}
