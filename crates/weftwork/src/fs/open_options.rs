//! How a file is opened.

use super::{File, Operation};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::Location;
use std::path::Path;

/// How a file is opened: as [`std::fs::OpenOptions`].
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(std::fs::OpenOptions::new())
    }

    /// For reading.
    pub fn read(&mut self, yes: bool) -> &mut Self {
        self.0.read(yes);
        self
    }

    /// For writing. What is there is overwritten, and not cut off.
    pub fn write(&mut self, yes: bool) -> &mut Self {
        self.0.write(yes);
        self
    }

    /// For writing at the end, wherever that is by then.
    pub fn append(&mut self, yes: bool) -> &mut Self {
        self.0.append(yes);
        self
    }

    /// What is there is cut off.
    pub fn truncate(&mut self, yes: bool) -> &mut Self {
        self.0.truncate(yes);
        self
    }

    /// Makes the file if there is none.
    pub fn create(&mut self, yes: bool) -> &mut Self {
        self.0.create(yes);
        self
    }

    /// Makes the file; that there is one is an error.
    pub fn create_new(&mut self, yes: bool) -> &mut Self {
        self.0.create_new(yes);
        self
    }

    /// The permissions of a file that is made. Default `0o666`, less the mask of the process.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode(mode);
        self
    }

    /// Further flags of the system for `open`.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.0.custom_flags(flags);
        self
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`std::fs::OpenOptions::open`]; no descriptor being left is a
    /// [`DescriptorLimit`](crate::net::DescriptorLimit) inside the error.
    ///
    /// # Cancel safety
    /// Once begun, the file may be made or cut off; it is closed again.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> Operation<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        let place = Location::caller();
        Operation::new(move || {
            let file = options.open(path).map_err(weftwork_io_driver::explain)?;
            File::new(file, place)
        })
    }
}
