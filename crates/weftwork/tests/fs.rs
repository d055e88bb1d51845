//! Files and folders: what std says, in spite of cancels at every point.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, On, Watchdog, comes_true, each, ms, settle, started};
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, FutureExt, TryStreamExt};
use proptest::prelude::*;
use std::ffi::OsString;
use std::io::{self, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use weftwork::fs::{self, File, OpenOptions};
use weftwork::{Runtime, catch, gather, spawn, spawn_blocking};
use weftwork_std_or_loom::atomic::{AtomicUsize, Ordering::Relaxed};

/// A folder of the test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "weftwork-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A named pipe: reading from it waits until somebody writes.
    fn fifo(&self) -> PathBuf {
        let path = self.path("fifo");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open_both(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options.open(path).await.unwrap()
}

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
fn appended_writes_go_to_the_end_once_though_cancelled() {
    each(|| async {
        let folder = Folder::new();
        std::fs::write(folder.path("a"), "0").unwrap();
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        let mut one = options.open(folder.path("a")).await.unwrap();
        let mut two = options.open(folder.path("a")).await.unwrap();
        for n in 1..50_u8 {
            let file = if n % 2 == 0 { &mut one } else { &mut two };
            let text = [b'0' + n];
            if file.write(&text).now_or_never().is_none() {
                file.write_all(&text).await.unwrap();
            }
        }
        let mut got = Vec::new();
        one.read_to_end(&mut got).await.unwrap();
        assert!(got.iter().copied().eq((0..50).map(|n| b'0' + n)), "{got:?}");
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

/// What is done with a file, and with the bytes that it should have.
#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Write(Vec<u8>),
    Seek(i64),
    SetLen(u64),
    /// The next read, write or seek is given up after its first poll.
    GiveUp(Box<Step>),
    /// A write is given up, and another one follows, or none.
    Change(Vec<u8>, Option<Vec<u8>>),
    /// A write is given up, and the same follows elsewhere, after a read.
    Again(Vec<u8>, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let simple = prop_oneof![
        (0_usize..40).prop_map(Step::Read),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Step::Write),
        (0_i64..60).prop_map(Step::Seek),
        (0_u64..60).prop_map(Step::SetLen),
    ];
    let simple = (simple, any::<bool>()).prop_map(|(step, give_up)| match step {
        Step::SetLen(_) => step,
        step if give_up => Step::GiveUp(Box::new(step)),
        step => step,
    });
    let data = || proptest::collection::vec(any::<u8>(), 1..40);
    let change = (data(), proptest::option::of(data()));
    prop_oneof![
        4 => simple,
        1 => change.prop_map(|(first, then)| Step::Change(first, then)),
        1 => (data(), 1_usize..40).prop_map(|(data, count)| Step::Again(data, count)),
    ]
}

/// The file as a list of bytes and a position.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    position: usize,
}

impl Model {
    fn read(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let got = rest[..count.min(rest.len())].to_vec();
        self.position += got.len();
        got
    }

    fn write(&mut self, data: &[u8]) {
        let end = self.position + data.len();
        if !data.is_empty() && self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if !data.is_empty() {
            self.bytes[self.position..end].copy_from_slice(data);
        }
        self.position = end;
    }
}

async fn walk(file: &mut File, path: &Path, model: &mut Model, step: &Step) {
    match step {
        Step::Change(first, then) => change(file, path, model, first, then.as_deref()).await,
        Step::Again(data, count) => {
            if let Some(written) = file.write(data).now_or_never() {
                return model.write(&data[..written.unwrap()]);
            }
            let mut got = Vec::new();
            file.take(*count as u64)
                .read_to_end(&mut got)
                .await
                .unwrap();
            model.bytes = std::fs::read(path).unwrap();
            assert_eq!(got, model.read(*count));
            file.write_all(data).await.unwrap();
            model.write(data);
            assert_eq!(std::fs::read(path).unwrap(), model.bytes);
        }
        Step::Read(count) => {
            // After one that was given up a read may be short.
            let mut got = Vec::new();
            file.take(*count as u64)
                .read_to_end(&mut got)
                .await
                .unwrap();
            assert_eq!(got, model.read(*count));
        }
        Step::Write(data) => {
            file.write_all(data).await.unwrap();
            model.write(data);
        }
        Step::Seek(to) => {
            let at = file
                .seek(SeekFrom::Current(to - model.position as i64))
                .await;
            model.position = *to as usize;
            assert_eq!(at.unwrap(), *to as u64);
        }
        Step::SetLen(length) => {
            file.set_len(*length).await.unwrap();
            model.bytes.resize(*length as usize, 0);
        }
        Step::GiveUp(step) => give_up(file, model, step).await,
    }
}

/// Either nothing of the first write is there, or all of it but what the second one covers.
async fn change(
    file: &mut File,
    path: &Path,
    model: &mut Model,
    first: &[u8],
    then: Option<&[u8]>,
) {
    let done = file.write(first).now_or_never();
    let before = (model.bytes.clone(), model.position);
    if let Some(count) = done {
        return model.write(&first[..count.unwrap()]);
    }
    match then {
        Some(then) => file.write_all(then).await.unwrap(),
        // It is over then, and nothing of it comes later.
        None => drop(file.seek(SeekFrom::Current(0)).await.unwrap()),
    }
    model.write(then.unwrap_or_default());
    let mut other = Model {
        bytes: before.0,
        position: before.1,
    };
    other.write(first);
    other.position = before.1;
    other.write(then.unwrap_or_default());
    let found = std::fs::read(path).unwrap();
    assert!(found == model.bytes || found == other.bytes);
    model.bytes = found;
}

async fn give_up(file: &mut File, model: &mut Model, step: &Step) {
    match step {
        Step::Read(count) => {
            let mut got = vec![0; *count];
            if let Some(read) = file.read(&mut got).now_or_never() {
                // It may be short, after another one that was given up.
                let read = read.unwrap();
                assert_eq!(got[..read], model.read(read));
            }
        }
        Step::Write(data) => {
            if let Some(written) = file.write(data).now_or_never() {
                model.write(&data[..written.unwrap()]);
            } else {
                // It may have begun; again, it is done in the same place.
                file.write_all(data).await.unwrap();
                model.write(data);
            }
        }
        _ => drop(file.seek(SeekFrom::End(0)).now_or_never()),
    }
    if let Step::Seek(to) = step {
        file.seek(SeekFrom::Start(*to as u64)).await.unwrap();
        model.position = *to as usize;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: common::scaled(1000) as u32,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn a_file_is_a_list_of_bytes(steps in proptest::collection::vec(step(), 1..30)) {
        let _watchdog = Watchdog::start();
        let folder = Folder::new();
        let path = folder.path("a");
        let mut model = Model::default();
        let runtime = On::Workers(2).runtime(Runtime::builder());
        runtime.block_on(async {
            let mut file = open_both(&path).await;
            for step in &steps {
                walk(&mut file, &path, &mut model, step).await;
            }
        });
        prop_assert_eq!(std::fs::read(&path).unwrap(), model.bytes);
    }
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
