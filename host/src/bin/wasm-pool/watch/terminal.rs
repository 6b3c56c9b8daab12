//! The terminal while the view has it: the other screen, no cursor, keys as they come. Interrupts stay what they are, so Ctrl-C
//! comes as a signal as it does without a view.
//!
//! It is given back when the view ends, when the process is stopped, quits or panics. Only what gives nobody a chance, such as
//! `kill -9`, leaves it as it is (`reset` helps).

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// The other screen, without its cursor; and back.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// How long a look for a key takes when none comes: the view's pulse.
const PULSE: Duration = Duration::from_millis(100);

/// The terminal that the view is drawn on, and where its keys come from.
pub(super) struct Terminal {
    keys: Option<Keys>,
    up: bool,
}

/// The keyboard, and how it was.
struct Keys {
    file: File,
    before: Termios,
}

impl Terminal {
    /// Our terminal; `None` when stderr is none. Opened before the wall is up, behind which it could not be.
    pub(super) fn open() -> Option<Terminal> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return None;
        }
        // Our stdin may be a queue's. Without a keyboard the view ends with the run.
        let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
        let keyboard = OpenOptions::new()
            .read(true)
            .custom_flags(without_waiting)
            .open("/dev/tty");
        let keys = keyboard.ok().and_then(|file| {
            let before = tcgetattr(&file).ok()?;
            Some(Keys { file, before })
        });
        Some(Terminal { keys, up: false })
    }

    /// Takes the terminal, if it has it not.
    pub(super) fn enter(&mut self) {
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        if let Some(Keys { file, before }) = &self.keys {
            let mut raw = before.clone();
            raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            raw.special_codes[SpecialCodeIndex::VMIN] = 1;
            raw.special_codes[SpecialCodeIndex::VTIME] = 0;
            // Without it keys come with the next line break, and that is all.
            let _ = tcsetattr(file, OptionalActions::Now, &raw);
        }
        let _ = io::stderr().write_all(ENTER);
    }

    /// Gives it back, if it has it.
    pub(super) fn leave(&mut self) {
        if !std::mem::replace(&mut self.up, false) {
            return;
        }
        let _ = io::stderr().write_all(LEAVE);
        if let Some(Keys { file, before }) = &self.keys {
            let _ = tcsetattr(file, OptionalActions::Now, before);
        }
    }

    /// Whether it has it.
    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// Another handle on the keyboard, to wait there.
    pub(super) fn keyboard(&self) -> Option<File> {
        self.keys.as_ref()?.file.try_clone().ok()
    }

    /// Draws these lines in place of what was there, if it has it.
    pub(super) fn draw(&self, lines: &[String]) {
        if !self.up {
            return;
        }
        // All at once where the terminal knows how: nobody sees half a picture.
        let mut text = String::from("\x1b[?2026h\x1b[H");
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                text += "\r\n";
            }
            text += line;
            text += "\x1b[K";
        }
        text += "\x1b[J\x1b[?2026l";
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The next key, or none within a tenth of a second. It never waits in a read: the terminal may be given back meanwhile, and then
/// keys come by lines.
pub(super) fn key(keyboard: Option<&mut File>) -> Option<u8> {
    let Some(keyboard) = keyboard else {
        std::thread::park_timeout(PULSE);
        return None;
    };
    let pulse = Timespec::try_from(PULSE).ok()?;
    let mut waits = [PollFd::new(keyboard, PollFlags::IN)];
    let ready = poll(&mut waits, Some(&pulse)).is_ok_and(|ready| ready > 0);
    let mut byte = [0];
    match ready.then(|| keyboard.read(&mut byte)) {
        Some(Ok(1)) => Some(byte[0]),
        // Its other end is gone, or somebody was faster.
        Some(_) => {
            std::thread::park_timeout(PULSE);
            None
        }
        None => None,
    }
}
