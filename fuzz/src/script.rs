//! Bytes, read as choices. When they are all read, every choice is the first.

/// What is still to be read.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Script<'a> {
        Script(bytes)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn below(&mut self, below: usize) -> usize {
        usize::from(self.byte()) % below.max(1)
    }

    /// Eight bytes as a number; half of the time one at an end of what numbers there are.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=63 => small.into(),
            64..=79 => u64::MAX - u64::from(self.byte() & 3),
            80..=95 => (1 << 63) - u64::from(self.byte() & 3),
            96..=111 => (1 << 63) + u64::from(self.byte() & 3),
            112..=119 => (1 << 53) + 1,
            120..=127 => f64::NAN.to_bits() | u64::from(self.byte()),
            _ => u64::from_le_bytes([(); 8].map(|()| self.byte())),
        }
    }

    /// A character: often one that is written in another way than others.
    pub(crate) fn char(&mut self) -> char {
        const ODD: &[char] = &[
            '"',
            '\\',
            '\'',
            '\n',
            '\r',
            '\t',
            '\0',
            '\u{7f}',
            '\u{85}',
            '\u{2028}',
            '\u{202e}',
            '\u{feff}',
            '\u{fffd}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{10ffff}',
            '😀',
            'é',
            '{',
            '}',
            '%',
            ',',
            '/',
            '#',
            ' ',
        ];
        match self.byte() {
            plain @ 0..=127 => plain.into(),
            128..=223 => ODD[self.below(ODD.len())],
            _ => {
                let number = u32::from_le_bytes([self.byte(), self.byte(), self.byte() & 0x1f, 0]);
                char::from_u32(number).unwrap_or('\u{fffd}')
            }
        }
    }
}
