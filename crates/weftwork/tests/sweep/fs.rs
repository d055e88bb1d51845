//! Files: what was written is there once, what was read is not lost, and no descriptor stays.

use crate::bytes::{bytes, cut_reader, cut_writer, read_all};
use crate::common::until;
use crate::folder::Folder;
use crate::knife::{Knife, swept};
use futures::{AsyncSeekExt, StreamExt};
use std::future::Future;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use weftwork::fs::{self, File, OpenOptions};
use weftwork::sync::Mutex;

/// Sweeps one call in a folder of its own, in which there is a file `file` of 10 bytes. At its end no
/// descriptor is left, once the call that had begun has ended.
async fn call<T, F>(knife: &Knife<'_>, call: impl FnOnce(&Path) -> F) -> (Folder, Option<T>)
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let folder = Folder::new();
    std::fs::write(folder.path("file"), bytes(10)).unwrap();
    let end = knife.run(call(folder.as_path())).await;
    let value = end.ok().map(|end| end.unwrap());
    (folder, value)
}

/// As `call`; what it gives holds nothing open.
async fn call_closed<T, F>(knife: &Knife<'_>, at: impl FnOnce(&Path) -> F) -> (Folder, Option<T>)
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let (folder, value) = call(knife, at).await;
    closes(&folder).await;
    (folder, value)
}

/// Nothing in the folder stays open.
async fn closes(folder: &Folder) {
    until(|| folder.descriptors() == 0).await;
}

#[test]
fn whole_files() {
    swept("fs::read, fs::read_to_string, Operation", async |knife| {
        let (_folder, read) = call_closed(knife, |at| fs::read(at.join("file"))).await;
        assert!(read.is_none_or(|read| read == bytes(10)));
        call_closed(knife, |at| fs::read_to_string(at.join("file"))).await;
    });
    swept("fs::write", async |knife| {
        let (folder, end) = call_closed(knife, |at| fs::write(at.join("new"), bytes(20))).await;
        match std::fs::read(folder.path("new")) {
            // It runs on once it has begun.
            Ok(_) => until(|| std::fs::read(folder.path("new")).unwrap() == bytes(20)).await,
            Err(_) => assert!(end.is_none()),
        }
    });
    swept("fs::copy, fs::rename", async |knife| {
        let copied = call_closed(knife, |at| fs::copy(at.join("file"), at.join("new")));
        assert!(copied.await.1.is_none_or(|count| count == 10));
        let (folder, _) =
            call_closed(knife, |at| fs::rename(at.join("file"), at.join("new"))).await;
        let names = ["file", "new"].map(|name| usize::from(folder.path(name).exists()));
        assert_eq!(names.iter().sum::<usize>(), 1, "it is in one place");
    });
}

/// Each of them happens, or does not.
#[test]
fn calls_with_paths() {
    macro_rules! sweep_each {
        ($($name:literal: $call:expr;)*) => {$(
            swept($name, async |knife| {
                call_closed(knife, $call).await;
            });
        )*};
    }
    sweep_each! {
        "fs::canonicalize": |at| fs::canonicalize(at.join("file"));
        "fs::create_dir": |at| fs::create_dir(at.join("new"));
        "fs::create_dir_all": |at| fs::create_dir_all(at.join("new/one"));
        "fs::hard_link": |at| fs::hard_link(at.join("file"), at.join("new"));
        "fs::metadata": |at| fs::metadata(at.join("file"));
        "fs::read_link": |_| fs::read_link("/proc/self/exe");
        "fs::remove_dir": |at| {
            let new = at.join("new");
            std::fs::create_dir(&new).unwrap();
            fs::remove_dir(new)
        };
        "fs::remove_dir_all": |at| {
            let new = at.join("new");
            std::fs::create_dir_all(new.join("one")).unwrap();
            fs::remove_dir_all(new)
        };
        "fs::remove_file": |at| fs::remove_file(at.join("file"));
        "fs::set_permissions": |at| {
            let path = at.join("file");
            let permissions = std::fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(path, permissions)
        };
        "fs::symlink": |at| fs::symlink(at.join("file"), at.join("new"));
        "fs::symlink_metadata": |at| fs::symlink_metadata(at.join("file"));
        "fs::try_exists": |at| fs::try_exists(at.join("file"));
    }
}

#[test]
fn a_file_that_is_opened() {
    swept("OpenOptions::open, File::open", async |knife| {
        let (folder, file) = call(knife, |at| File::open(at.join("file"))).await;
        let is_open = file.is_some();
        // An open that was given up closes it again.
        until(|| folder.descriptors() == usize::from(is_open)).await;
        drop(file);
        closes(&folder).await;
    });
    swept("File::create", async |knife| {
        let (folder, file) = call(knife, |at| File::create(at.join("new"))).await;
        let is_open = file.is_some();
        until(|| folder.descriptors() == usize::from(is_open)).await;
    });
}

#[test]
fn what_is_in_a_folder() {
    let program = "fs::read_dir, ReadDir::next_entry, ReadDir, DirEntry::file_type, \
                   DirEntry::metadata";
    swept(program, async |knife| {
        const COUNT: usize = 150;
        let folder = Folder::new();
        for number in 0..COUNT {
            std::fs::write(folder.path(&number.to_string()), []).unwrap();
        }
        let entries = fs::read_dir(folder.as_path()).await.unwrap();
        let entries = Arc::new(Mutex::new(entries));
        let got: Arc<Mutex<Vec<_>>> = Arc::default();
        let (inner, seen) = (Arc::clone(&entries), Arc::clone(&got));
        let _ = knife
            .run(async move {
                fs::read_dir("/").await.unwrap();
                let mut entries = inner.lock().await;
                while let Some(entry) = entries.next_entry().await.unwrap() {
                    seen.lock().await.push(entry.file_name());
                    if seen.lock().await.len() % 50 == 0 {
                        assert!(entry.file_type().await.unwrap().is_file());
                        assert!(entry.metadata().await.unwrap().is_file());
                    }
                }
            })
            .await;
        let mut entries = entries.lock().await;
        let mut got = got.lock().await;
        while let Some(entry) = entries.next().await {
            got.push(entry.unwrap().file_name());
        }
        got.sort();
        got.dedup();
        assert_eq!(got.len(), COUNT, "each of them, once");
    });
}

#[test]
fn bytes_of_a_file() {
    swept("File, OpenOptions::open", async |knife| {
        let folder = Folder::new();
        let path = folder.path("new");
        let writer = File::create(&path).await.unwrap();
        let inner = path.clone();
        let all = async move {
            let length = || std::fs::metadata(&inner).unwrap().len();
            until(|| length() == 200 << 10).await;
            read_all(File::open(&inner).await.unwrap()).await
        };
        cut_writer(knife, writer, 200 << 10, all).await;
        closes(&folder).await;
    });
    swept("File", async |knife| {
        let (one, other) = weftwork::io::pipe().unwrap();
        let fd = rustix::io::dup(&one).unwrap();
        rustix::io::ioctl_fionbio(&fd, false).unwrap();
        let reader = File::from_std(fd.into()).unwrap();
        cut_reader(knife, reader, other).await;
    });
}

#[test]
fn a_place_in_a_file() {
    let program = "File, File::set_len, File::sync_all, File::sync_data, File::metadata, \
                   File::set_permissions";
    swept(program, async |knife| {
        let folder = Folder::new();
        let path = folder.path("file");
        std::fs::write(&path, bytes(10)).unwrap();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(&path).await.unwrap();
        let file = Arc::new(Mutex::new(file));
        let inner = Arc::clone(&file);
        let _ = knife
            .run(async move {
                let mut file = inner.lock().await;
                assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 9);
                file.set_len(20).await.unwrap();
                file.sync_all().await.unwrap();
                file.sync_data().await.unwrap();
                let permissions = file.metadata().await.unwrap().permissions();
                file.set_permissions(permissions).await.unwrap();
                assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 19);
            })
            .await;
        let mut file = file.lock().await;
        file.seek(SeekFrom::Start(0)).await.unwrap();
        let all = read_all(&mut *file).await;
        assert_eq!(all[..10], bytes(10));
        assert!(all.len() == 10 || all.len() == 20);
    });
}
