//! Why a read did not give what was asked for.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a read of a [`StreamReader`](super::StreamReader) gave no value. `?` turns it into an
/// [`io::Error`], which carries it inside.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream ended too early.
    Incomplete(IncompleteRead),
    /// What was looked for is not within the limit.
    LimitOverrun(LimitOverrun),
    /// The stream failed. What had been read before is still in the buffer.
    Io(io::Error),
}

/// The stream ended before everything was there; it comes with what there was.
#[doc(alias = "IncompleteReadError")]
#[derive(Clone, PartialEq, Eq)]
pub struct IncompleteRead {
    /// What was read before the end.
    pub partial: Vec<u8>,
    /// How many bytes there should have been; none if it was until a separator.
    pub expected: Option<usize>,
}

/// A separator was not found within the limit.
#[doc(alias = "LimitOverrunError")]
#[derive(Clone, PartialEq, Eq)]
pub struct LimitOverrun {
    /// So many bytes, from the next one to be read, hold no separator. A
    /// [`read`](super::StreamReader::read) of them gets past.
    pub consumed: usize,
    /// What was taken out of the stream: by [`readline`](super::StreamReader::readline) the
    /// line, as far as it was there; nothing otherwise.
    pub discarded: Vec<u8>,
}

impl fmt::Display for IncompleteRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.partial.len();
        match self.expected {
            Some(expected) => write!(f, "the stream ended after {count} of {expected} bytes"),
            None => write!(
                f,
                "the stream ended after {count} bytes without a separator"
            ),
        }
    }
}

impl fmt::Display for LimitOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no separator in the next {} bytes, which is more than the limit: set a higher one \
             with `set_limit`",
            self.consumed
        )
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(error) => error.fmt(f),
            Self::LimitOverrun(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// With the length of the data only, for logs.
impl fmt::Debug for IncompleteRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncompleteRead")
            .field("partial_len", &self.partial.len())
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// With the length of the data only, for logs.
impl fmt::Debug for LimitOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitOverrun")
            .field("consumed", &self.consumed)
            .field("discarded_len", &self.discarded.len())
            .finish_non_exhaustive()
    }
}

impl Error for IncompleteRead {}

impl Error for LimitOverrun {}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Incomplete(error) => Some(error),
            Self::LimitOverrun(error) => Some(error),
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Incomplete(error) => Self::new(io::ErrorKind::UnexpectedEof, error),
            ReadError::LimitOverrun(error) => Self::new(io::ErrorKind::InvalidData, error),
            ReadError::Io(error) => error,
        }
    }
}
