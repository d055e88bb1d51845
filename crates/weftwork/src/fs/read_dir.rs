//! What is in a folder.

use super::{FileType, Metadata, Operation};
use crate::cancel::declines;
use crate::pooled::{Place, submit};
use futures_core::Stream;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// So many entries are read in one job.
const BATCH: usize = 64;

/// The entries of a folder: a [`Stream`], made by [`read_dir`].
pub struct ReadDir {
    ready: VecDeque<io::Result<DirEntry>>,
    /// None at the end.
    rest: Option<Rest>,
    place: Place,
}

/// What has not been read.
enum Rest {
    Here(std::fs::ReadDir),
    Reading(Blocking<Batch>),
}

type Batch = (VecDeque<io::Result<DirEntry>>, Option<std::fs::ReadDir>);

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct DirEntry(Arc<std::fs::DirEntry>);

/// Lists a folder, in no order. `.` and `..` are left out.
///
/// ```
/// use futures::TryStreamExt;
/// use weftwork::fs;
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let mut entries = fs::read_dir("src").await?;
///     let mut names = Vec::new();
///     while let Some(entry) = entries.try_next().await? {
///         names.push(entry.file_name());
///     }
///     assert!(names.contains(&"lib.rs".into()));
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// What the system says: there is no such folder, it is none, it may not be read. An item of
/// the stream is an error where reading stops in the middle.
#[doc(alias = "listdir")]
#[doc(alias = "scandir")]
#[track_caller]
pub fn read_dir(path: impl AsRef<Path>) -> Operation<ReadDir> {
    let (path, place) = (path.as_ref().to_owned(), Location::caller());
    Operation::new(move || {
        let (ready, rest) = batch(open(&path).map_err(weftwork_io_driver::explain)?);
        Ok(ReadDir {
            ready,
            rest: rest.map(Rest::Here),
            place,
        })
    })
}

/// As std's other calls do, it opens again what a signal has interrupted.
fn open(path: &Path) -> io::Result<std::fs::ReadDir> {
    loop {
        match std::fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            opened => return opened,
        }
    }
}

fn batch(mut rest: std::fs::ReadDir) -> Batch {
    let entries = rest.by_ref().take(BATCH);
    let ready: VecDeque<_> = entries
        .map(|entry| entry.map(|entry| DirEntry(Arc::new(entry))))
        .collect();
    let is_all = ready.len() < BATCH;
    (ready, (!is_all).then_some(rest))
}

impl ReadDir {
    /// The next entry.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
            .await
            .transpose()
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let this = &mut *self;
        loop {
            if let Some(entry) = this.ready.pop_front() {
                return Poll::Ready(Some(entry));
            }
            let mut job = match this.rest.take() {
                None => return Poll::Ready(None),
                Some(Rest::Here(rest)) => submit(this.place, || batch(rest))?,
                Some(Rest::Reading(job)) => job,
            };
            let polled = Pin::new(&mut job).poll(cx);
            if polled.is_pending() {
                this.rest = Some(Rest::Reading(job));
            }
            let (ready, rest) = ready!(polled);
            this.ready = ready;
            this.rest = rest.map(Rest::Here);
        }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").finish_non_exhaustive()
    }
}

impl DirEntry {
    /// Its path: that of the folder, as it was given, and its name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Its name.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.0.file_name()
    }

    /// What it is; a symbolic link is not followed.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn file_type(&self) -> Operation<FileType> {
        let entry = Arc::clone(&self.0);
        Operation::new(move || entry.file_type())
    }

    /// Its length, times, permissions and kind; a symbolic link is not followed.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        let entry = Arc::clone(&self.0);
        Operation::new(move || entry.metadata())
    }
}
