//! An open file.

use super::reads::Reads;
use super::writes::Writes;
use super::{Metadata, OpenOptions, Operation, Permissions};
use crate::pooled::{Accepted, Place};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use weftwork_io_driver::descriptor::appends;
use weftwork_scheduler::Blocking;

/// An open file.
///
/// It is read, written and positioned through the traits of [`futures_io`]. Each read and each
/// write is a call of the system on the blocking pool. It belongs to no runtime: each call uses the
/// pool of the thread's.
///
/// # Writes
/// A write at a position is reported once it has been done, so there is nothing to flush, and the
/// error is that of this write.
///
/// Where the file was opened for appending, all writes go to the end, and the position is that of
/// reads alone. A terminal, a named pipe or a device that has no positions is a mere stream;
/// `seek` is an error (`NotSeekable`) there. In both cases what was written cannot be taken back,
/// so a write is *accepted*: it is over as soon as its bytes are taken, and they are written in the
/// background. There is one such write at a time, and the next one waits for it. Its error is that
/// of the next `write`, `flush`, `close`, [`sync_all`](Self::sync_all),
/// [`sync_data`](Self::sync_data) or [`set_len`](Self::set_len), which then does nothing else; what
/// came behind the error in the same write is lost. Reads and seeks in a file wait for what was
/// accepted, but others see it after `flush` only. If the file is dropped first, the error goes to
/// the exception handler.
///
/// # Cancel safety
/// The position is kept here and moves when a call is reported, not before, so that nothing is
/// lost by a read or write that is cancelled or dropped:
/// - What a read took before it was cancelled goes to the next one. So does the end of a stream
///   (`^D` at a terminal, the last writer of a pipe that goes), once; the end of a file is looked
///   for again, for it may have grown.
/// - A write at a position that had begun runs on. Its bytes stand where the next write goes, which
///   waits for it; the same write again therefore has its effect once. A file that is dropped does
///   not wait for it.
/// - A write that is accepted has either taken its bytes, which are then written exactly once, also
///   if the file is dropped, or it was waiting and has taken none. The end of the runtime waits
///   for what was accepted.
#[doc(alias = "aiofiles")]
pub struct File {
    pub(super) file: Arc<std::fs::File>,
    pub(super) kind: Kind,
    pub(super) position: u64,
    pub(super) reads: Reads,
    /// At the position.
    pub(super) writes: Writes,
    /// To the end, or into a stream.
    pub(super) accepted: Accepted,
    /// A seek looks for the end.
    pub(super) length: Option<Blocking<io::Result<u64>>>,
    /// Where it was opened.
    pub(super) place: Place,
}

/// Where reads and writes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They say so.
    Positioned,
    /// Reads say so, writes go to the end.
    Appending,
    /// A terminal, a named pipe, a device.
    Stream,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> Operation<Self> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file for writing: it is made if there is none, and cut off if there is.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// As [`OpenOptions::open`].
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> Operation<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).open(path)
    }

    /// Takes over a file of std, at its position.
    ///
    /// # Errors
    /// What the system says when it is asked for the kind and the position.
    #[track_caller]
    pub fn from_std(file: std::fs::File) -> io::Result<Self> {
        Self::new(file, Location::caller())
    }

    pub(super) fn new(file: std::fs::File, place: Place) -> io::Result<Self> {
        let (kind, position) = match (&file).stream_position() {
            Ok(position) if appends(&file)? => (Kind::Appending, position),
            Ok(position) => (Kind::Positioned, position),
            Err(_) => (Kind::Stream, 0),
        };
        Ok(Self {
            kind,
            file: Arc::new(file),
            position,
            reads: Reads::default(),
            writes: Writes::default(),
            accepted: Accepted::default(),
            length: None,
            place,
        })
    }

    /// Its length, times, permissions and kind. What was accepted and not flushed may be missing in
    /// the length.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "fstat")]
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        let file = Arc::clone(&self.file);
        Operation::new(move || file.metadata())
    }

    /// Cuts it off, or fills it up with zeros. The position stays.
    ///
    /// # Errors
    /// That of a write that was accepted, and what the system says.
    ///
    /// # Cancel safety
    /// Once begun, it happens.
    #[doc(alias = "ftruncate")]
    pub async fn set_len(&mut self, length: u64) -> io::Result<()> {
        poll_fn(|cx| self.poll_written(cx)).await?;
        self.reads.forget();
        let file = Arc::clone(&self.file);
        Operation::at(self.place, move || file.set_len(length)).await
    }

    /// Waits until everything that was written is on the disk, with what describes the file.
    ///
    /// # Errors
    /// That of a write that was accepted, and what the system says.
    #[doc(alias = "fsync")]
    pub async fn sync_all(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_written(cx)).await?;
        let file = Arc::clone(&self.file);
        Operation::at(self.place, move || file.sync_all()).await
    }

    /// As [`sync_all`](Self::sync_all), without the times and the like.
    ///
    /// # Errors
    /// As [`sync_all`](Self::sync_all).
    #[doc(alias = "fdatasync")]
    pub async fn sync_data(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_written(cx)).await?;
        let file = Arc::clone(&self.file);
        Operation::at(self.place, move || file.sync_data()).await
    }

    /// Sets its permissions.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Once begun, it happens.
    #[doc(alias = "fchmod")]
    #[track_caller]
    pub fn set_permissions(&self, permissions: Permissions) -> Operation<()> {
        let file = Arc::clone(&self.file);
        Operation::new(move || file.set_permissions(permissions))
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("file", &self.file)
            .field("kind", &self.kind)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
