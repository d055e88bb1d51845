//! `StreamReader` against a plain model: random data, chunks, operations, dropped reads.

mod common;

use common::{Flag, each, settle};
use futures::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, StreamExt};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork::net::{IncompleteRead, LimitOverrun, ReadError, StreamReader, UnixStream};
use weftwork::sync::Semaphore;
use weftwork::{run, spawn};

/// What a read of the source does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Bytes(usize),
    Wait,
    Interrupt,
    Fail,
}

/// Gives its data in steps; after the steps all that is left, and then the end.
struct Source {
    data: Vec<u8>,
    at: usize,
    steps: VecDeque<Step>,
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let most = match self.steps.pop_front() {
            Some(Step::Bytes(count)) => count.max(1),
            Some(Step::Wait) => return Poll::Pending,
            Some(Step::Interrupt) => return Poll::Ready(Err(ErrorKind::Interrupted.into())),
            Some(Step::Fail) => return Poll::Ready(Err(ErrorKind::Other.into())),
            None => usize::MAX,
        };
        let count = most.min(buf.len()).min(self.data.len() - self.at);
        buf[..count].copy_from_slice(&self.data[self.at..][..count]);
        self.at += count;
        Poll::Ready(Ok(count))
    }
}

#[derive(Clone, Debug)]
enum Op {
    Read(usize),
    Exactly(usize),
    Line,
    Until(Vec<Vec<u8>>),
    ToEof,
    BufRead(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let separator = vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n')], 1..4);
    prop_oneof![
        3 => (0..12_usize).prop_map(Op::Read),
        3 => (0..12_usize).prop_map(Op::Exactly),
        4 => Just(Op::Line),
        4 => vec(separator, 1..4).prop_map(Op::Until),
        1 => Just(Op::ToEof),
        2 => (0..12_usize).prop_map(Op::BufRead),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..6_usize).prop_map(Step::Bytes),
        1 => (6..100_usize).prop_map(Step::Bytes),
        3 => Just(Step::Wait),
        1 => Just(Step::Interrupt),
        1 => Just(Step::Fail),
    ]
}

/// Polls a read until it is ready; one that waits is dropped and begun again now and then.
macro_rules! finish {
    ($drops:expr, $read:expr) => {{
        let mut cx = Context::from_waker(Waker::noop());
        'begin: loop {
            let mut reading = pin!($read);
            loop {
                match reading.as_mut().poll(&mut cx) {
                    Poll::Ready(result) => break 'begin result,
                    Poll::Pending if $drops.next().unwrap() => continue 'begin,
                    Poll::Pending => {}
                }
            }
        }
    }};
}

/// The plain model: everything that is left.
struct Model {
    rest: VecDeque<u8>,
    limit: usize,
}

impl Model {
    fn rest(&mut self) -> &[u8] {
        self.rest.make_contiguous()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.rest.drain(..count).collect()
    }

    /// Where the first separator ends, and where that one begins.
    fn find(&mut self, separators: &[Vec<u8>]) -> Option<(usize, usize)> {
        let rest = self.rest();
        let ends = (0..=rest.len()).flat_map(|end| {
            let mut found = separators.iter().filter(move |s| rest[..end].ends_with(s));
            let shortest = found.by_ref().map(Vec::len).min();
            shortest.map(|len| (end, end - len))
        });
        ends.min()
    }

    fn check_until(&mut self, separators: &[Vec<u8>], got: Result<Vec<u8>, ReadError>) {
        let longest = separators.iter().map(Vec::len).max().unwrap();
        let limit = self.limit;
        match (self.find(separators), got) {
            (Some((end, start)), Ok(got)) => {
                assert!(start <= limit);
                assert_eq!(got, self.take(end));
            }
            (None, Err(ReadError::Incomplete(end))) => {
                let all = self.rest.len();
                assert!((all + 1).saturating_sub(longest) <= limit);
                let partial = self.take(all);
                assert_eq!(
                    end,
                    IncompleteRead {
                        partial,
                        expected: None
                    }
                );
            }
            (found, Err(ReadError::LimitOverrun(overrun))) => {
                assert_eq!(overrun.discarded, b"");
                assert!(overrun.consumed > limit);
                // So much can be skipped.
                assert!(found.is_none_or(|(_, start)| start >= overrun.consumed));
            }
            (found, got) => panic!("{got:?}, but there is {found:?}"),
        }
    }

    fn check_line(&mut self, got: Result<Vec<u8>, ReadError>) {
        match (self.find(&[b"\n".to_vec()]), got) {
            (Some((end, start)), Ok(got)) => {
                assert!(start <= self.limit);
                assert_eq!(got, self.take(end));
            }
            (None, Ok(got)) => {
                assert!(got.len() <= self.limit);
                let all = self.rest.len();
                assert_eq!(got, self.take(all));
            }
            (
                found,
                Err(ReadError::LimitOverrun(LimitOverrun {
                    discarded,
                    consumed,
                })),
            ) => {
                assert!(consumed > self.limit && discarded.len() >= consumed);
                assert!(found.is_none_or(|(end, _)| discarded.len() <= end));
                assert_eq!(self.take(discarded.len()), discarded);
            }
            (found, got) => panic!("{got:?}, but there is {found:?}"),
        }
    }

    fn check_some(&mut self, most: usize, got: &[u8]) {
        assert!(got.len() <= most);
        assert_eq!(got.is_empty(), most == 0 || self.rest.is_empty());
        assert_eq!(self.take(got.len()), got);
    }

    fn check_exactly(&mut self, n: usize, got: Result<Vec<u8>, ReadError>) {
        match got {
            Ok(got) => assert_eq!(got, self.take(n)),
            Err(ReadError::Incomplete(end)) => {
                let all = self.rest.len();
                assert!(all < n);
                assert_eq!(end.partial, self.take(all));
                assert_eq!(end.expected, Some(n));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// One operation on both; an error of the source changes nothing, so it is tried again.
fn apply(
    op: &Op,
    reader: &mut StreamReader,
    model: &mut Model,
    drops: &mut impl Iterator<Item = bool>,
) {
    match op {
        Op::Read(n) => loop {
            if let Ok(got) = finish!(drops, reader.read(*n)) {
                return model.check_some(*n, &got);
            }
        },
        Op::BufRead(n) => loop {
            if let Ok(got) = finish!(drops, reader.fill_buf()) {
                let got = got[..got.len().min(*n)].to_vec();
                reader.consume_unpin(got.len());
                let most = if got.is_empty() { 0 } else { *n };
                assert_eq!(model.take(got.len()), got);
                assert!(got.len() <= most);
                return;
            }
        },
        Op::Exactly(n) => loop {
            match finish!(drops, reader.readexactly(*n)) {
                Err(ReadError::Io(_)) => {}
                got => return model.check_exactly(*n, got),
            }
        },
        Op::Line => loop {
            match finish!(drops, reader.readline()) {
                Err(ReadError::Io(_)) => {}
                got => return model.check_line(got),
            }
        },
        Op::Until(separators) => loop {
            let slices: Vec<_> = separators.iter().map(Vec::as_slice).collect();
            match finish!(drops, reader.readuntil_any(&slices)) {
                Err(ReadError::Io(_)) => {}
                got => return model.check_until(separators, got),
            }
        },
        Op::ToEof => loop {
            if let Ok(got) = finish!(drops, reader.read_to_eof()) {
                let all = model.rest.len();
                return assert_eq!(got, model.take(all));
            }
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(common::scaled(10_000) as u32))]

    #[test]
    fn reads_agree_with_a_plain_model(
        data in vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n')], 0..200),
        steps in vec(step(), 0..60),
        ops in vec(op(), 1..30),
        drops in vec(any::<bool>(), 1..10),
        limit in 0..40_usize,
    ) {
        let source = Source {
            data: data.clone(),
            at: 0,
            steps: steps.into(),
        };
        let mut reader = StreamReader::new(source);
        reader.set_limit(limit);
        let mut model = Model { rest: data.into(), limit };
        let mut drops = drops.into_iter().cycle();
        for op in &ops {
            apply(op, &mut reader, &mut model, &mut drops);
        }
        apply(&Op::ToEof, &mut reader, &mut model, &mut drops);
        assert!(model.rest.is_empty() && reader.at_eof());
    }
}

#[test]
fn long_reads_and_the_memory_afterwards() {
    run(async {
        let all: Vec<u8> = (0..1_000_000).map(|n| (n % 251) as u8).collect();
        let mut reader = StreamReader::new(futures::io::Cursor::new(all.clone()));
        assert_eq!(reader.readexactly(600_000).await.unwrap(), all[..600_000]);
        assert_eq!(reader.read_to_eof().await.unwrap(), all[600_000..]);
        assert!(reader.at_eof());
        assert_eq!(reader.read(10).await.unwrap(), b"");
        assert_eq!(reader.readline().await.unwrap(), b"");
        let end = reader.readexactly(1).await.unwrap_err();
        assert!(end.to_string().contains("after 0 of 1 bytes"), "{end}");
    });
}

#[test]
fn lines_are_a_stream() {
    run(async {
        let mut reader = StreamReader::new(&b"one\n\nthree, longer\nlast"[..]);
        reader.set_limit(9);
        let lines: Vec<_> = (&mut reader).collect().await;
        let lines: Vec<_> = lines
            .into_iter()
            .map(|line| line.map_err(io::Error::from))
            .collect();
        assert_eq!(lines[0].as_ref().unwrap(), b"one\n");
        assert_eq!(lines[1].as_ref().unwrap(), b"\n");
        let error = lines[2].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let overrun = error
            .get_ref()
            .unwrap()
            .downcast_ref::<LimitOverrun>()
            .unwrap();
        assert_eq!(overrun.discarded, b"three, longer\n");
        assert_eq!(lines[3].as_ref().unwrap(), b"last");
        assert_eq!(lines.len(), 4);
    });
}

#[test]
fn errors_say_what_happened() {
    run(async {
        let mut reader = StreamReader::new(&b"half a mess"[..]);
        for separators in [&[][..], &[&b""[..]], &[&b"x"[..], b""]] {
            let error = io::Error::from(reader.readuntil_any(separators).await.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let error = io::Error::from(reader.readuntil(b"\r\n").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let end = error
            .get_ref()
            .unwrap()
            .downcast_ref::<IncompleteRead>()
            .unwrap();
        assert_eq!(end.partial, b"half a mess");
        assert!(!format!("{end:?}").contains("mess"), "no data in logs");
    });
}

/// The reader is cancelled again and again while lines come in pieces.
#[test]
fn a_cancelled_readline_loses_no_byte() {
    const LINES: usize = 300;
    each(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (reader, _writer) = one.into_streams().unwrap();
        let writing = spawn(async move {
            for n in 0..LINES {
                let line = format!("this is line {n}\n");
                for piece in line.as_bytes().chunks(5) {
                    other.write_all(piece).await.unwrap();
                    weftwork::yield_now().await;
                }
            }
        });
        // The reader goes from task to task; a cancelled one gives it back in its clean-up.
        let turn = Arc::new(Semaphore::new(1));
        let place = Arc::new(weftwork_std_or_loom::Mutex::new(Some(reader)));
        let mut lines = Vec::new();
        let mut cancels = 0;
        while lines.len() < LINES {
            let (turn, place) = (Arc::clone(&turn), Arc::clone(&place));
            let reading = spawn(async move {
                let _turn = turn.acquire().await.unwrap();
                let mut reader = place.lock().take().unwrap();
                let caught = weftwork::catch(reader.readline()).await;
                *place.lock() = Some(reader);
                caught
            });
            for _ in 0..fastrand::usize(0..3) {
                weftwork::yield_now().await;
            }
            if fastrand::bool() {
                reading.cancel();
            }
            match reading.outcome().await {
                Ok(Ok(line)) => lines.push(line.unwrap()),
                Ok(Err(_)) | Err(_) => cancels += 1,
            }
        }
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(*line, format!("this is line {n}\n").into_bytes());
        }
        assert!(cancels > 0);
        writing.await;
    });
}

/// A source that knows nothing of cancels gives its data in the poll that delivers one: the
/// cancel wins, and the data stays.
#[test]
fn a_cancel_wins_over_data_of_a_foreign_source() {
    #[derive(Clone, Default)]
    struct Gate(Flag);
    impl AsyncRead for Gate {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if !self.0.is_set() {
                return Poll::Pending;
            }
            buf[..5].copy_from_slice(b"line\n");
            Poll::Ready(Ok(5))
        }
    }
    each(|| async {
        let gate = Gate::default();
        let mut reader = StreamReader::new(gate.clone());
        let reading = spawn(async move {
            let caught = weftwork::catch(reader.readline()).await;
            assert!(caught.unwrap_err().is_cancelled());
            reader.readline().await.unwrap()
        });
        settle().await;
        gate.0.set();
        reading.cancel();
        assert_eq!(reading.await, b"line\n");
    });
}

#[test]
fn it_is_a_reader_for_others_too() {
    run(async {
        let mut reader = StreamReader::new(&b"head\nbody"[..]);
        assert_eq!(reader.readline().await.unwrap(), b"head\n");
        let mut rest = String::new();
        reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "body");
        assert!(format!("{reader:?}").contains("eof: true"));
    });
}
