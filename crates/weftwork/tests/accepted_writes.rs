//! Writes that are over once their bytes are taken: to the end of a file, and into pipes.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, Folder, On, Watchdog, comes_true, each, each_reporting, settle};
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, FutureExt};
use proptest::prelude::*;
use std::future::Future;
use std::io::{self, Read, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use weftwork::fs::{File, OpenOptions};
use weftwork::sync::Mutex;
use weftwork::testing::{Sweep, sweep, sweep_drops};
use weftwork::{Runtime, Task, spawn, spawn_blocking};
use weftwork_std_or_loom::Mutex as Lock;

async fn appending(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    options.open(path).await.unwrap()
}

/// A named pipe: one to write, and std's to read.
fn pipe(folder: &Folder) -> (File, std::fs::File) {
    let path = folder.fifo();
    let mut both = std::fs::OpenOptions::new();
    let reader = both.read(true).write(true).open(&path).unwrap();
    let writer = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    (File::from_std(writer).unwrap(), reader)
}

fn read_back(mut reader: std::fs::File, count: usize) -> Task<Vec<u8>> {
    spawn_blocking(move || {
        let mut data = vec![0; count];
        reader.read_exact(&mut data).unwrap();
        data
    })
}

/// Equal writes, of which some are given up: as many are there as were taken.
#[test]
fn a_write_that_is_given_up_takes_no_part_of_a_later_one() {
    each(|| async {
        let folder = Folder::new();
        let mut file = appending(&folder.path("a")).await;
        let (mut taken, mut refused) = (0, 0);
        for length in (1..=40).chain((1..=40).rev()) {
            match file.write(&[b'a'; 40][..length]).now_or_never() {
                Some(count) => taken += count.unwrap(),
                None => refused += 1,
            }
            if refused % 3 == 0 {
                settle().await;
            }
        }
        file.flush().await.unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path("a")).unwrap(),
            "a".repeat(taken)
        );
    });
}

/// With one thread in the pool, which is busy, the first write is taken and no other.
#[test]
fn one_write_is_under_way_and_the_next_one_waits() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            let mut file = appending(&folder.path("a")).await;
            let (free, is_free) = std::sync::mpsc::channel::<()>();
            let busy = spawn_blocking(move || is_free.recv().is_ok());
            assert_eq!(file.write(b"one").await.unwrap(), 3);
            for _ in 0..3 {
                assert!(file.write(b"one").now_or_never().is_none());
                assert!(file.flush().now_or_never().is_none());
            }
            drop(free);
            assert!(!busy.await);
            file.write_all(b"two").await.unwrap();
            file.close().await.unwrap();
            assert_eq!(std::fs::read(folder.path("a")).unwrap(), b"onetwo");
        });
        runtime.close().unwrap();
    }
}

#[test]
fn what_was_taken_is_written_though_the_file_is_dropped_before_it_begins() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        let (free, is_free) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            let mut file = appending(&folder.path("a")).await;
            spawn_blocking(move || is_free.recv().is_ok()).detach();
            file.write_all(b"taken").await.unwrap();
            drop(file);
        });
        assert_eq!(std::fs::read(folder.path("a")).unwrap(), b"");
        drop(free);
        // The end of the runtime waits for it.
        runtime.close().unwrap();
        assert_eq!(std::fs::read(folder.path("a")).unwrap(), b"taken");
    }
}

#[test]
fn a_full_pipe_holds_up_the_next_write_and_the_end_of_the_runtime() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let runtime = kind.runtime(Runtime::builder());
        let (mut file, reader) = pipe(&folder);
        runtime.block_on(async {
            assert_eq!(file.write(&[7; 1 << 20]).await.unwrap(), 1 << 20);
            let next = spawn(async move { file.write_all(&[8; 10]).await.map(|()| file) });
            settle().await;
            assert!(!next.done());
            next.cancel();
            assert!(next.outcome().await.unwrap_err().is_cancelled());
        });
        let reading = std::thread::spawn(move || {
            let (mut reader, mut data) = (reader, vec![0; 1 << 20]);
            reader.read_exact(&mut data).unwrap();
            data
        });
        runtime.close().unwrap();
        assert_eq!(reading.join().unwrap(), [7; 1 << 20]);
    }
}

#[test]
fn reads_and_seeks_see_what_was_taken() {
    each(|| async {
        let folder = Folder::new();
        let mut file = appending(&folder.path("a")).await;
        for n in 0..100_u8 {
            file.write_all(&[n, n]).await.unwrap();
            let mut came = [0; 8];
            if n % 2 == 0 {
                assert_eq!(file.read(&mut came).await.unwrap(), 2);
                assert_eq!(came[..2], [n, n]);
            } else {
                let end = file.seek(SeekFrom::End(0)).await.unwrap();
                assert_eq!(end, 2 * u64::from(n) + 2);
            }
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_the_error_of_whoever_asks_next() {
    each_reporting(|reports| async move {
        let mut options = OpenOptions::new();
        options.append(true);
        let mut file = options.open("/dev/full").await.unwrap();
        let full = |result: io::Result<()>| {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
        };
        file.write_all(b"1").await.unwrap();
        full(file.write(b"2").await.map(drop));
        // It took nothing, so there is no error.
        file.flush().await.unwrap();
        file.write_all(b"3").await.unwrap();
        full(file.flush().await);
        file.write_all(b"4").await.unwrap();
        full(file.close().await);
        file.write_all(b"5").await.unwrap();
        full(file.sync_all().await);
        file.write_all(b"6").await.unwrap();
        full(file.sync_data().await);
        file.write_all(b"7").await.unwrap();
        full(file.set_len(0).await);
        // A read is about something else.
        file.write_all(b"8").await.unwrap();
        assert!(file.read(&mut [0]).await.is_err());
        full(file.flush().await);
        assert_eq!(reports.count(), 0);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_that_nobody_asked_for_is_reported_once() {
    each_reporting(|reports| async move {
        let mut options = OpenOptions::new();
        options.append(true);
        for asked in [false, true] {
            let mut file = options.open("/dev/full").await.unwrap();
            file.write_all(b"x").await.unwrap();
            if asked {
                // It is known here, and not told.
                let _ = file.seek(SeekFrom::Start(0)).await;
            }
            drop(file);
            assert!(comes_true(|| reports.count() > 0));
            let seen = reports.take();
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].context, "a write failed");
            let message = &seen[0].message;
            assert!(message.contains("No space left"), "{message}");
            assert!(message.contains("accepted_writes.rs"), "{message}");
        }
    });
}

#[test]
fn a_reader_that_is_gone_is_an_error() {
    each(|| async {
        let folder = Folder::new();
        let (mut file, reader) = pipe(&folder);
        file.write_all(b"read").await.unwrap();
        file.flush().await.unwrap();
        drop(reader);
        file.write_all(b"lost").await.unwrap();
        let error = file.flush().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

/// Several writers of one pipe, each in order.
#[test]
fn the_order_is_kept_and_nothing_is_doubled() {
    each(|| async {
        let folder = Folder::new();
        let (mut file, reader) = pipe(&folder);
        let reading = read_back(reader, 4 * 500);
        for n in 0..500_u32 {
            let piece = n.to_le_bytes();
            // Given up again and again, until it is taken; it is taken whole.
            loop {
                match file.write(&piece).now_or_never() {
                    Some(count) => break assert_eq!(count.unwrap(), 4),
                    None => weftwork::yield_now().await,
                }
            }
        }
        let data = reading.await;
        let numbers = data
            .chunks(4)
            .map(|n| u32::from_le_bytes(n.try_into().unwrap()));
        assert!(numbers.eq(0..500));
    });
}

/// What a task that is cut off has written, and what it was told.
async fn cut_off<F: Future<Output = ()>>(
    file: Arc<Mutex<File>>,
    path: &Path,
    run: impl FnOnce(Arc<Mutex<File>>, Arc<Lock<Vec<u8>>>) -> F,
) {
    let told = Arc::default();
    run(Arc::clone(&file), Arc::clone(&told)).await;
    file.lock().await.flush().await.unwrap();
    assert_eq!(*std::fs::read(path).unwrap(), *told.lock());
}

async fn write_pieces(file: Arc<Mutex<File>>, told: Arc<Lock<Vec<u8>>>) {
    let mut file = file.lock().await;
    for length in [1, 2, 3, 2, 1, 4, 4] {
        let piece = &[b'a'; 4][..length];
        let count = file.write(piece).await.unwrap();
        told.lock().extend_from_slice(&piece[..count]);
        if length == 3 {
            file.flush().await.unwrap();
        }
    }
    file.close().await.unwrap();
}

async fn cut_everywhere(drops: bool) -> Sweep {
    let folder = Folder::new();
    let body = async |cut: &weftwork::testing::Cut| {
        let path = folder.path(&format!("a{}", cut.at()));
        let file = Arc::new(Mutex::new(appending(&path).await));
        let run = |file, told| async {
            let _ = cut.run(write_pieces(file, told)).await;
        };
        cut_off(file, &path, run).await;
    };
    match drops {
        false => sweep(body).await,
        true => sweep_drops(body).await,
    }
}

#[test]
fn a_writer_is_cut_off_at_each_await() {
    each(|| async {
        for drops in [false, true] {
            let swept = cut_everywhere(drops).await;
            assert!(swept.points() > 0, "{swept}");
        }
    });
}

/// From another thread, at any moment.
#[test]
fn a_writer_is_cancelled_at_any_moment() {
    let _watchdog = Watchdog::start();
    let runtime = On::Workers(2).runtime(Runtime::builder());
    let folder = Folder::new();
    runtime.block_on(async {
        for round in 0..common::scaled(1000) {
            let path = folder.path(&round.to_string());
            let file = Arc::new(Mutex::new(appending(&path).await));
            let run = |file, told| async move {
                let writing = spawn(write_pieces(file, told));
                let control = writing.control();
                let cancelling = std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_micros(round as u64 % 300));
                    control.cancel();
                });
                let _ = writing.outcome().await;
                cancelling.join().unwrap();
            };
            cut_off(file, &path, run).await;
            std::fs::remove_file(&path).unwrap();
        }
    });
}

/// What is done with a file to which everything is appended.
#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    GiveUp(usize),
    Flush,
    Read(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_usize..6).prop_map(Step::Write),
        4 => (0_usize..6).prop_map(Step::GiveUp),
        1 => Just(Step::Flush),
        2 => (1_usize..9).prop_map(Step::Read),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: common::scaled(1000) as u32,
        failure_persistence: None,
        ..Default::default()
    })]

    /// All bytes are equal, so only their number can be wrong.
    #[test]
    fn a_log_has_what_was_taken(steps in proptest::collection::vec(step(), 1..40)) {
        let _watchdog = Watchdog::start();
        let folder = Folder::new();
        let path = folder.path("a");
        let runtime = On::Workers(2).runtime(Runtime::builder());
        let (taken, last) = runtime.block_on(async {
            let mut file = appending(&path).await;
            let (mut taken, mut position) = (0, 0);
            for step in &steps {
                match *step {
                    Step::Write(count) => taken += file.write(&[0; 6][..count]).await.unwrap(),
                    Step::GiveUp(count) => {
                        let tried = file.write(&[0; 6][..count]).now_or_never();
                        taken += tried.map_or(0, Result::unwrap);
                    }
                    Step::Flush => file.flush().await.unwrap(),
                    Step::Read(count) => {
                        let read = file.read(&mut [0; 9][..count]).await.unwrap();
                        assert_eq!(read, count.min(taken - position));
                        position += read;
                    }
                    Step::Reopen => {
                        file = appending(&path).await;
                        position = 0;
                        // What was taken of the old one is not awaited by this one.
                        assert!(comes_true(|| std::fs::read(&path).unwrap().len() == taken));
                    }
                }
            }
            (taken, file)
        });
        drop(last);
        runtime.close().unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap().len(), taken);
    }
}
