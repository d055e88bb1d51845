//! Operations out of bytes: whatever the bytes are they mean something, and they come to an end.

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A number below `n`, 0 if that is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    /// A time of any magnitude, often at the edge of a power of two.
    pub(crate) fn time(&mut self) -> u64 {
        let (bits, low) = (self.byte(), u64::from(self.byte()));
        let high = 1u64 << (bits % 64);
        match bits / 64 {
            0 => low,
            1 => high.wrapping_add(low),
            2 => high.wrapping_sub(low),
            _ => high | low.rotate_right(u32::from(bits)),
        }
    }
}
