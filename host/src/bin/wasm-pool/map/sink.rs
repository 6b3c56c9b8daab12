//! Where the records go: a thread that writes them, so that a reader who stalls holds up nothing but the output.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde::de::IgnoredAny;
use wasm_pool::text;

use super::flow::{Flow, size};
use super::work::Job;

use crate::run::usage;

/// Bytes that are gathered before they are written, while there are more.
const BUFFER: usize = 64 << 10;

/// What is written at once, and a place among the chunks on their way that is free when it is.
pub(super) struct Records {
    pub text: Vec<u8>,
    pub frees: bool,
}

/// How the writing ended.
pub(super) type Written = io::Result<Reader>;

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    There,
    Gone,
}

/// A place for records, open and empty or behind the records that it has.
pub(super) struct Sink {
    file: File,
    pub name: String,
}

impl Sink {
    /// Stdout, or a file, which is not emptied yet.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Sink> {
        let Some(path) = path else {
            let file = io::stdout().as_fd().try_clone_to_owned().context("stdout")?.into();
            return Ok(Sink {
                file,
                name: "stdout".to_owned(),
            });
        };
        let name = path.display().to_string();
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| name.clone())?;
        Ok(Sink { file, name })
    }

    /// A file whose records are to be kept.
    pub(super) fn open_again(path: &Path) -> anyhow::Result<Sink> {
        let name = path.display().to_string();
        let open = || {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            match file.metadata()?.is_file() {
                true => Ok(file),
                false => Err(io::Error::other("not a file whose results could be counted")),
            }
        };
        let file = open().with_context(|| name.clone())?;
        Ok(Sink { file, name })
    }

    pub(super) fn metadata(&self) -> anyhow::Result<Metadata> {
        self.file.metadata().with_context(|| self.name.clone())
    }

    /// Takes out what a file has.
    pub(super) fn empty(&self) -> anyhow::Result<()> {
        match self.file.metadata() {
            Ok(meta) if meta.is_file() => self.file.set_len(0).with_context(|| self.name.clone()),
            _ => Ok(()),
        }
    }

    /// Goes behind the records that are there; how many those are. One that was torn is taken out.
    pub(super) fn resume(&mut self) -> anyhow::Result<u64> {
        let named = |error: io::Error| anyhow::Error::new(error).context(self.name.clone());
        let mut start = Vec::new();
        (&self.file)
            .take(BUFFER as u64)
            .read_to_end(&mut start)
            .map_err(named)?;
        if !may_be_records(&start) {
            let message = format!(
                "--resume: {}: its first line is no JSON, so these are no results",
                self.name
            );
            return Err(usage(message));
        }
        let mut count = || -> io::Result<u64> {
            self.file.rewind()?;
            let (records, end) = count(&self.file)?;
            self.file.set_len(end)?;
            self.file.seek(SeekFrom::Start(end))?;
            Ok(records)
        };
        count().map_err(named)
    }

    /// Writes what comes, in a thread of its own; what it is given, and how that ends.
    pub(super) fn start(
        self,
        places: Receiver<()>,
        job: &Arc<Job>,
    ) -> anyhow::Result<(Sender<Records>, Receiver<Written>)> {
        let (give, take) = unbounded();
        let (tell, written) = bounded(1);
        let job = Arc::clone(job);
        std::thread::Builder::new()
            .name("wasm-pool-write".to_owned())
            .spawn(move || {
                let written = self.write(&take, &places, &job.flow);
                // Nobody listens any more when the run is over.
                let _ = tell.send(match written {
                    Ok(()) => Ok(Reader::There),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
                    Err(error) => Err(error),
                });
            })
            .context("the writing thread cannot be started")?;
        Ok((give, written))
    }

    fn write(self, records: &Receiver<Records>, places: &Receiver<()>, flow: &Flow) -> io::Result<()> {
        // Guests may be strangers, and a person's terminal does what control characters say.
        let visible = self.file.is_terminal();
        let mut out = BufWriter::with_capacity(BUFFER, self.file);
        while let Ok(Records { text, frees }) = records.recv() {
            match visible {
                true => out.write_all(shown(&text).as_bytes())?,
                false => out.write_all(&text)?,
            }
            flow.wrote(size(&text));
            drop(text);
            if frees {
                let _ = places.try_recv();
            }
            // Nothing more to do: whoever reads shall have what is there.
            if records.is_empty() {
                out.flush()?;
            }
        }
        out.flush()
    }
}

/// Whether a file that starts so can be one of records.
fn may_be_records(start: &[u8]) -> bool {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<IgnoredAny>(first) {
        Ok(_) => true,
        // Torn, or longer than was looked at.
        Err(error) => error.is_eof() && first.len() == start.len(),
    }
}

/// How many whole lines there are, and where the last of them ends.
fn count(file: &File) -> io::Result<(u64, u64)> {
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let (mut lines, mut end, mut read) = (0, 0, 0);
    loop {
        let buffer = reader.fill_buf()?;
        let length = buffer.len();
        if length == 0 {
            return Ok((lines, end));
        }
        lines += buffer.iter().filter(|byte| **byte == b'\n').count() as u64;
        if let Some(last) = buffer.iter().rposition(|byte| *byte == b'\n') {
            end = read + last as u64 + 1;
        }
        read += length as u64;
        reader.consume(length);
    }
}

/// Text as a terminal may have it.
fn shown(text: &[u8]) -> String {
    let lines = String::from_utf8_lossy(text);
    let lines: Vec<_> = lines.split('\n').map(text::visible).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(shown(b"a\x1b[31m\tb\n\xc2\x9bc\n"), "a\\u{1b}[31m\tb\n\\u{9b}c\n");
    }
}
