//! The calls of files, which the blocking pool makes.

use crate::cell::Expected::{Fails, Works};
use crate::cell::Program::On;
use crate::cell::{self, Cell, EVERY, FIRST, NOW_AND_THEN, SECOND, Use};
use crate::common::Folder;
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use std::io::SeekFrom;
use weftwork::fs::{self, File, OpenOptions};

const FULL: &str = "No space left on device";
const BROKEN: &str = "Input/output error";
const MANY: &str = "file descriptor";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    ("openat", "EMFILE", FIRST, On(file), Fails(MANY)),
    ("openat", "ENFILE", FIRST, On(file), Fails(MANY)),
    ("openat", "ENOSPC", FIRST, On(file), Fails(FULL)),
    ("openat", "EMFILE", SECOND, On(folder), Fails(MANY)),
    ("openat", "EINTR", NOW_AND_THEN, On(folder), Works),
    ("pwrite64", "EINTR", FIRST, On(file), Works),
    ("pwrite64", "EINTR", NOW_AND_THEN, On(file), Works),
    ("pwrite64", "ENOSPC", FIRST, On(file), Fails(FULL)),
    ("pwrite64", "ENOSPC", SECOND, On(file), Fails(FULL)),
    ("pwrite64", "EIO", EVERY, On(file), Fails(BROKEN)),
    ("pread64", "EINTR", FIRST, On(file), Works),
    ("pread64", "EINTR", NOW_AND_THEN, On(file), Works),
    ("pread64", "EIO", FIRST, On(file), Fails(BROKEN)),
    ("pread64", "EIO", SECOND, On(file), Fails(BROKEN)),
    ("fsync", "EINTR", FIRST, On(file), Works),
    ("fsync", "EIO", FIRST, On(file), Fails(BROKEN)),
    ("fdatasync", "EIO", FIRST, On(file), Fails(BROKEN)),
    ("ftruncate", "EINTR", FIRST, On(file), Works),
    ("ftruncate", "ENOSPC", FIRST, On(file), Fails(FULL)),
    ("write", "EINTR", NOW_AND_THEN, On(appends), Works),
    ("getdents64", "EIO", FIRST, On(folder), Fails(BROKEN)),
    ("?rename,?renameat,?renameat2", "ENOSPC", FIRST, On(folder), Fails(FULL)),
    ("?mkdir,?mkdirat", "ENOSPC", SECOND, On(folder), Fails(FULL)),
];

#[test]
fn calls_of_files_fail() {
    cell::all("files::calls_of_files_fail", CELLS);
}

fn file() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = options.open(folder.path("file")).await?;
        for _ in 0..3 {
            file.write_all(b"some bytes").await?;
        }
        file.sync_all().await?;
        file.sync_data().await?;
        file.seek(SeekFrom::Start(0)).await?;
        let mut all = Vec::new();
        file.read_to_end(&mut all).await?;
        assert_eq!(all, b"some bytessome bytessome bytes");
        file.set_len(4).await?;
        assert_eq!(file.metadata().await?.len(), 4);
        Ok(())
    })
}

fn appends() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        let mut options = OpenOptions::new();
        let path = folder.path("file");
        let mut file = options.append(true).create(true).open(&path).await?;
        for _ in 0..3 {
            file.write_all(b"line\n").await?;
        }
        file.flush().await?;
        assert_eq!(std::fs::read(&path)?, b"line\nline\nline\n");
        Ok(())
    })
}

fn folder() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        fs::create_dir(folder.path("one")).await?;
        drop(File::create(folder.path("file")).await?);
        fs::rename(folder.path("one"), folder.path("two")).await?;
        let mut entries = fs::read_dir(&folder.0).await?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            names.push(entry.file_name());
        }
        names.sort();
        assert_eq!(names, ["file", "two"]);
        fs::create_dir(folder.path("three")).await
    })
}
