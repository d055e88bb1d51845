//! Bytes that were read and not taken yet.

/// There is room for at least this much when more is read.
const CHUNK: usize = 8 * 1024;

/// An empty buffer gives memory beyond this back.
const KEPT: usize = 256 * 1024;

/// A queue of bytes.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// What is before was taken.
    start: usize,
    /// What is behind is room.
    end: usize,
}

impl Buffer {
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room behind the data.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.end < CHUNK {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.bytes.len() - self.end < CHUNK {
                // Twice as much, so that what is long costs a copy a few times only.
                let most = self.bytes.len().saturating_mul(2);
                self.bytes.resize(most.max(self.end + CHUNK), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// So much of the room is data now.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
        assert!(
            self.end <= self.bytes.len(),
            "more was read than there was room for"
        );
    }

    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.data()[..count].to_vec();
        self.skip(count);
        taken
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }
}

/// Where the first separator ends, of those that begin at `from` or later; and where it begins.
pub(super) fn find(data: &[u8], from: usize, separators: &[&[u8]]) -> Option<(usize, usize)> {
    let ends = separators.iter().filter_map(|separator| {
        let start = from + position(data.get(from..)?, separator)?;
        Some((start + separator.len(), separator.len()))
    });
    // Of two that end in the same place, the shorter one.
    let (end, len) = ends.min()?;
    Some((end, end - len))
}

fn position(data: &[u8], wanted: &[u8]) -> Option<usize> {
    let (&first, rest) = wanted.split_first()?;
    let mut from = 0;
    loop {
        from += data[from..].iter().position(|&byte| byte == first)?;
        if data[from + 1..].starts_with(rest) {
            return Some(from);
        }
        from += 1;
    }
}
