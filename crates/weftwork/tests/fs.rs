//! Files and folders: what std says, in spite of cancels at every point.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, Folder, On, Watchdog, comes_true, each, ms, open_both, settle, started};
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, FutureExt, TryStreamExt};
use std::ffi::OsString;
use std::io::{self, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use weftwork::fs::{self, File, OpenOptions};
use weftwork::{Runtime, catch, gather, spawn, spawn_blocking};

#[test]
fn whole_files_and_paths() {
    each(|| async {
        let folder = Folder::new();
        let (a, b) = (folder.path("a"), folder.path("b"));
        assert!(!fs::try_exists(&a).await.unwrap());
        fs::write(&a, "text").await.unwrap();
        assert!(fs::try_exists(&a).await.unwrap());
        assert_eq!(fs::read_to_string(&a).await.unwrap(), "text");
        assert_eq!(fs::copy(&a, &b).await.unwrap(), 4);
        fs::rename(&b, folder.path("c")).await.unwrap();
        fs::hard_link(&a, &b).await.unwrap();
        fs::symlink("a", folder.path("link")).await.unwrap();
        assert_eq!(
            fs::read_link(folder.path("link")).await.unwrap(),
            Path::new("a")
        );
        let link = fs::symlink_metadata(folder.path("link")).await.unwrap();
        assert!(link.file_type().is_symlink());
        assert_eq!(fs::metadata(folder.path("link")).await.unwrap().len(), 4);
        let whole = fs::canonicalize(folder.path("link")).await.unwrap();
        assert!(whole.ends_with("a") && whole.is_absolute());
        fs::set_permissions(&a, fs::Permissions::from_mode(0o600))
            .await
            .unwrap();
        assert_eq!(
            fs::metadata(&b).await.unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::remove_file(&a).await.unwrap();
        assert_eq!(fs::read(&b).await.unwrap(), b"text");
        fs::create_dir_all(folder.path("x/y")).await.unwrap();
        assert!(fs::remove_dir(folder.path("x")).await.is_err());
        fs::remove_dir_all(folder.path("x")).await.unwrap();
        fs::create_dir(folder.path("x")).await.unwrap();
        fs::remove_dir(folder.path("x")).await.unwrap();
        let missing = fs::read(&a).await.unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(missing.raw_os_error().is_some());
        std::fs::write(&a, [0xff]).unwrap();
        let binary = fs::read_to_string(&a).await.unwrap_err();
        assert_eq!(binary.kind(), io::ErrorKind::InvalidData);
    });
}

#[test]
fn a_folder_is_listed_although_the_reader_stops_in_the_middle() {
    each(|| async {
        let folder = Folder::new();
        for n in 0..200 {
            std::fs::write(folder.path(&format!("{n:03}")), "").unwrap();
        }
        std::fs::create_dir(folder.path("sub")).unwrap();
        let mut entries = fs::read_dir(&folder.0).await.unwrap();
        let mut names = Vec::new();
        loop {
            // Dropped after one poll, it has taken nothing.
            if let Some(entry) = entries.next_entry().now_or_never() {
                names.extend(entry.unwrap().map(|entry| entry.file_name()));
            }
            match entries.try_next().await.unwrap() {
                Some(entry) => names.push(entry.file_name()),
                None => break,
            }
        }
        names.sort();
        let mut wanted: Vec<_> = (0..200)
            .map(|n| OsString::from(format!("{n:03}")))
            .collect();
        wanted.push("sub".into());
        assert_eq!(names, wanted);

        let only = fs::read_dir(folder.path("sub")).await.unwrap();
        assert!(only.try_collect::<Vec<_>>().await.unwrap().is_empty());
        let sub = fs::read_dir(&folder.0).await.unwrap();
        let sub = sub.try_filter(|entry| std::future::ready(entry.file_name() == "sub"));
        let sub: Vec<_> = sub.try_collect().await.unwrap();
        assert!(sub[0].file_type().await.unwrap().is_dir());
        assert!(sub[0].metadata().await.unwrap().is_dir());
        assert_eq!(sub[0].path(), folder.path("sub"));
        assert!(fs::read_dir(folder.path("000")).await.is_err());
    });
}

#[test]
fn a_file_is_larger_than_one_transfer() {
    each(|| async {
        let folder = Folder::new();
        let data: Vec<u8> = (0..5_000_000_u32).map(|n| (n >> 5) as u8).collect();
        let mut file = File::create(folder.path("a")).await.unwrap();
        file.write_all(&data).await.unwrap();
        file.sync_all().await.unwrap();
        file.sync_data().await.unwrap();
        file.set_len(4_999_999).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 4_999_999);
        let mut got = Vec::new();
        let mut file = File::open(folder.path("a")).await.unwrap();
        file.read_to_end(&mut got).await.unwrap();
        assert!(got == data[..4_999_999]);
        assert!(file.write(b"x").await.is_err());
        // What std has read is not read again.
        let mut std = std::fs::File::open(folder.path("a")).unwrap();
        io::Seek::seek(&mut std, SeekFrom::Start(32)).unwrap();
        let mut byte = [0];
        File::from_std(std)
            .unwrap()
            .read_exact(&mut byte)
            .await
            .unwrap();
        assert_eq!(byte, [1]);
    });
}

#[test]
fn many_files_at_a_time() {
    each(|| async {
        let folder = Folder::new();
        let files = (0..50).map(|n| {
            let path = folder.path(&n.to_string());
            async move {
                let mut file = open_both(&path).await;
                for piece in 0..20 {
                    file.write_all(&[piece; 100]).await.unwrap();
                }
                file.seek(SeekFrom::Start(1050)).await.unwrap();
                let mut got = [0; 100];
                file.read_exact(&mut got).await.unwrap();
                got == std::array::from_fn(|n| if n < 50 { 10 } else { 11 })
            }
        });
        assert_eq!(gather(files).await, [true; 50]);
    });
}

#[test]
fn positions_that_no_file_has_are_refused() {
    each(|| async {
        let folder = Folder::new();
        let mut file = open_both(&folder.path("a")).await;
        file.write_all(b"abc").await.unwrap();
        for wrong in [
            SeekFrom::Current(-4),
            SeekFrom::End(-4),
            SeekFrom::Start(u64::MAX),
            SeekFrom::Current(i64::MAX),
        ] {
            let error = file.seek(wrong).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{wrong:?}");
        }
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 3);
        assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 2);
        // A look at the end that was given up.
        assert!(
            file.seek(SeekFrom::End(0))
                .now_or_never()
                .is_none_or(|at| at.is_ok())
        );
        assert_eq!(file.seek(SeekFrom::Start(1)).await.unwrap(), 1);
        assert_eq!(file.read(&mut [0; 8]).await.unwrap(), 2);
    });
}

#[test]
fn what_came_for_a_cancelled_read_of_a_stream_goes_to_the_next_one() {
    each(|| async {
        let folder = Folder::new();
        let mut fifo = open_both(&folder.fifo()).await;
        let mut buffer = [0; 8];
        assert!(fifo.read(&mut buffer).now_or_never().is_none());
        settle().await;
        // A write does not wait for the read that is under way.
        fifo.write_all(b"abcdef").await.unwrap();
        assert_eq!(fifo.read(&mut buffer[..2]).await.unwrap(), 2);
        assert!(fifo.read(&mut []).await.is_ok());
        assert_eq!(fifo.read(&mut buffer[2..]).await.unwrap(), 4);
        assert_eq!(&buffer[..6], b"abcdef");
        let error = fifo.seek(SeekFrom::Start(0)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotSeekable);
    });
}

/// The read that was given up has seen the end; then the file grows by other hands.
#[test]
fn an_end_that_was_seen_for_a_cancelled_read_is_looked_for_again() {
    let _watchdog = Watchdog::start();
    for (kind, append) in EVERYWHERE
        .into_iter()
        .flat_map(|kind| [(kind, false), (kind, true)])
    {
        let folder = Folder::new();
        let path = folder.path("a");
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            std::fs::write(&path, "abc").unwrap();
            let mut options = OpenOptions::new();
            options.read(true).append(append).write(!append);
            let mut file = options.open(&path).await.unwrap();
            let mut got = [0; 8];
            for more in [b"", &b"defg"[..], b"h"] {
                let mut other = std::fs::OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .unwrap();
                io::Write::write_all(&mut other, more).unwrap();
                let known = if more.is_empty() { 3 } else { more.len() };
                assert_eq!(file.read(&mut got).await.unwrap(), known);
                assert!(file.read(&mut got).now_or_never().is_none());
                // The one thread of the pool has done everything before this.
                spawn_blocking(|| ()).await;
                assert_eq!(file.read(&mut []).await.unwrap(), 0);
            }
            // Nothing came meanwhile, and what was seen is true still.
            assert_eq!(file.read(&mut got).await.unwrap(), 0);
            let file = &mut file;
            assert!(file.read(&mut got).now_or_never().is_none());
            spawn_blocking(|| ()).await;
            std::fs::write(&path, "").unwrap();
            assert_eq!(file.read(&mut got).await.unwrap(), 0);
        });
    }
}

/// A file whose length says nothing has an end all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_an_honest_length_has_an_end() {
    each(|| async {
        for path in [
            "/proc/self/cmdline",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ] {
            if let Ok(wanted) = std::fs::read(path) {
                assert_eq!(fs::read(path).await.unwrap(), wanted);
                let mut got = Vec::new();
                let mut file = File::open(path).await.unwrap();
                file.read_to_end(&mut got).await.unwrap();
                assert_eq!(got, wanted);
            }
        }
    });
}

#[test]
fn the_end_of_a_pipe_goes_to_the_next_read_once() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let path = folder.fifo();
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            let both = open_both(&path).await;
            let mut reader = File::open(&path).await.unwrap();
            drop(both);
            let mut got = [0; 8];
            assert!(reader.read(&mut got).now_or_never().is_none());
            spawn_blocking(|| ()).await;
            let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            io::Write::write_all(&mut writer, b"more").unwrap();
            assert_eq!(reader.read(&mut got).await.unwrap(), 0);
            assert_eq!(reader.read(&mut got).await.unwrap(), 4);
        });
    }
}

/// With one thread in the pool, which is busy, nothing else begins.
#[test]
fn what_has_not_begun_never_happens() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let (a, b) = (folder.path("a"), folder.path("b"));
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            let (free, is_free) = std::sync::mpsc::channel::<()>();
            let busy = spawn_blocking(move || is_free.recv().is_ok());
            assert!(fs::write(&a, "a").now_or_never().is_none());
            let kept = spawn(fs::write(b.clone(), "b"));
            let cancelled = spawn(fs::write(a.clone(), "a"));
            settle().await;
            cancelled.cancel();
            assert!(cancelled.outcome().await.unwrap_err().is_cancelled());
            drop(free);
            assert!(!busy.await);
            kept.await.unwrap();
            assert!(!a.exists() && b.exists());
        });
        runtime.close().unwrap();
    }
}

/// Writing to a named pipe waits for its reader.
#[test]
fn what_has_begun_runs_on_and_the_end_of_the_runtime_waits_for_it() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let folder = Folder::new();
        let path = folder.fifo();
        let mut both = std::fs::OpenOptions::new();
        let mut reader = both.read(true).write(true).open(&path).unwrap();
        let runtime = kind.runtime(Runtime::builder());
        let mut data = vec![0; 1 << 20];
        runtime.block_on(async {
            let writing = spawn(fs::write(path, vec![7; 1 << 20]));
            settle().await;
            io::Read::read_exact(&mut reader, &mut data[..1]).unwrap();
            writing.cancel();
            assert!(writing.outcome().await.unwrap_err().is_cancelled());
        });
        let rest = std::thread::spawn(move || {
            io::Read::read_exact(&mut reader, &mut data[1..]).unwrap();
            data
        });
        runtime.close().unwrap();
        assert_eq!(rest.join().unwrap(), [7; 1 << 20]);
    }
}

/// What was read and the cancel are both there before the task has a turn.
#[test]
fn a_cancel_wins_over_a_read_and_what_was_read_is_there_still() {
    let _watchdog = Watchdog::start();
    let folder = Folder::new();
    let runtime = On::Local.runtime(Runtime::builder().blocking_threads(1));
    runtime.block_on(async {
        // A stream gives nothing twice.
        let mut fifo = open_both(&folder.fifo()).await;
        fifo.write_all(b"abc").await.unwrap();
        let reading = started(|reached| async move {
            reached.send(()).unwrap();
            let mut got = [0; 3];
            let caught = catch(fifo.read(&mut got)).await.is_err();
            (caught, fifo.read(&mut got).await.unwrap(), got)
        });
        let reading = reading.await;
        // The one thread of the pool has done everything before this.
        let (done, is_done) = std::sync::mpsc::channel();
        spawn_blocking(move || done.send(()).unwrap()).detach();
        is_done.recv().unwrap();
        reading.cancel();
        assert_eq!(reading.await, (true, 3, *b"abc"));
    });
}

#[test]
fn a_file_belongs_to_no_runtime() {
    let _watchdog = Watchdog::start();
    let folder = Folder::new();
    let path = folder.path("a");
    let mut file = weftwork::run(async {
        let mut file = open_both(&path).await;
        file.write_all(b"abc").await.unwrap();
        assert!(file.seek(SeekFrom::Start(1)).await.is_ok());
        file
    });
    let error = common::foreign_block_on(file.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("no weftwork runtime"), "{error}");
    let error = common::foreign_block_on(fs::read(&path)).unwrap_err();
    assert!(error.to_string().contains("no weftwork runtime"), "{error}");
    let rest = weftwork::run_local(async {
        let mut rest = String::new();
        file.read_to_string(&mut rest).await.map(|_| rest)
    });
    assert_eq!(rest.unwrap(), "bc");
}

/// Cancelled again and again in the middle, copying in small pieces loses and doubles nothing.
#[test]
fn copying_goes_on_after_cancels() {
    each(|| async {
        let folder = Folder::new();
        let data: Vec<u8> = (0..4000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
        std::fs::write(folder.path("from"), &data).unwrap();
        let mut from = File::open(folder.path("from")).await.unwrap();
        let mut to = File::create(folder.path("to")).await.unwrap();
        let (mut piece, mut copied) = ([0; 100], 0);
        while copied < data.len() {
            let Ok(count) = weftwork::timeout(ms(0), from.read(&mut piece)).await else {
                continue;
            };
            let mut left = &piece[..count.unwrap()];
            copied += left.len();
            while !left.is_empty() {
                if let Ok(written) = weftwork::timeout(ms(0), to.write(left)).await {
                    left = &left[written.unwrap()..];
                }
            }
        }
        assert!(comes_true(
            || std::fs::read(folder.path("to")).unwrap() == data
        ));
    });
}
