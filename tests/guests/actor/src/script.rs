//! Bytes, read as choices. When they are all read, every choice is the first.

/// What is still to be read.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Script<'a> {
        Script(bytes)
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

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// The next bytes, as many as the next one says.
    pub(crate) fn some(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some
    }

    /// A length: most are short, one is long.
    pub(crate) fn length(&mut self) -> usize {
        match self.byte() {
            short @ 0..=250 => short.into(),
            251 => 4_096,
            252 => 65_536,
            253 => 100_000,
            254 => 1 << 20,
            255 => 2 << 20,
        }
    }

    /// A number, with a liking for those at an end.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=247 => small.into(),
            248 => u64::MAX,
            249 => u64::MAX - 1,
            250 => 1 << 63,
            251 => (1 << 63) - 1,
            252 => u64::from(u32::MAX),
            253 => 1 << 32,
            254 => 1 << 20,
            255 => u64::from_le_bytes([(); 8].map(|()| self.byte())),
        }
    }

    /// How long to wait: mostly not at all or hardly, sometimes for ever.
    pub(crate) fn time(&mut self) -> Option<u64> {
        match self.byte() {
            0..=99 => Some(0),
            few @ 100..=239 => Some(u64::from(few - 99) * 2_000),
            240..=245 => Some(u64::MAX),
            246..=249 => Some(i64::MAX as u64),
            250..=255 => None,
        }
    }
}
