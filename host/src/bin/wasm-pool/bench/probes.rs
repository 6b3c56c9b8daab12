//! What the system says of this machine and this process, from files that are opened before the wall comes up.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use anyhow::Context;
use wasm_pool::machine;

use super::meter::cpu;

/// What this machine is. A fact that the system does not tell is `None`.
pub(super) struct Machine {
    pub processor: Option<String>,
    /// Those that this process may use, and all.
    pub cores: usize,
    pub processors: Option<usize>,
    /// In bytes; of the control group, where that is less.
    pub memory: u64,
    pub kernel: String,
    /// How many instances its mappings and addresses have room for, and which of the two is less.
    pub room: u64,
    pub bound: String,
}

impl Machine {
    pub(super) fn read() -> Machine {
        let name = rustix::system::uname();
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").ok();
        let room = machine::room();
        Machine {
            processor: cpuinfo.as_deref().and_then(processor),
            cores: machine::cores(),
            processors: machine::processors(),
            memory: machine::memory(),
            kernel: format!(
                "{} {} {}",
                name.sysname().to_string_lossy(),
                name.release().to_string_lossy(),
                name.machine().to_string_lossy()
            ),
            room: room.interpreters,
            bound: room.bound.to_string(),
        }
    }
}

/// The model in `/proc/cpuinfo`: a name on x86, numbers on ARM.
fn processor(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let arm = || {
        Some(format!(
            "ARM implementer {}, part {}",
            field("CPU implementer")?,
            field("CPU part")?
        ))
    };
    field("model name").or_else(arm).or_else(|| field("uarch"))
}

/// The whole of a file below /proc, as it is now.
fn read(file: &File) -> io::Result<String> {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match file.read_at(&mut piece, text.len() as u64)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            more => text.extend_from_slice(&piece[..more]),
        }
    }
}

/// What else the processors do meanwhile.
pub(super) struct Load {
    stat: Option<File>,
    /// The load average of the last minute, before anything is measured.
    pub before: Option<f64>,
    from: Option<(Ticks, Duration)>,
}

/// What a processor's time went into, all processors together, in the kernel's ticks.
#[derive(Clone, Copy)]
struct Ticks {
    busy: u64,
    stolen: u64,
    all: u64,
}

/// Shares of the time of all processors, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Others {
    /// What other processes used.
    pub used: f64,
    /// What the hypervisor gave to others.
    pub stolen: f64,
}

impl Load {
    pub(super) fn open() -> Load {
        let average = std::fs::read_to_string("/proc/loadavg").ok();
        let mut load = Load {
            stat: File::open("/proc/stat").ok(),
            before: average.and_then(|text| text.split(' ').next()?.parse().ok()),
            from: None,
        };
        load.from = load.ticks().map(|ticks| (ticks, cpu()));
        load
    }

    fn ticks(&self) -> Option<Ticks> {
        ticks(&read(self.stat.as_ref()?).ok()?)
    }

    /// What others had of the processors since this was opened.
    pub(super) fn others(&self) -> Option<Others> {
        let ((from, cpu_from), to) = (self.from?, self.ticks()?);
        let all = to.all.saturating_sub(from.all).max(1) as f64;
        let own = cpu().saturating_sub(cpu_from).as_secs_f64() * rustix::param::clock_ticks_per_second() as f64;
        let busy = to.busy.saturating_sub(from.busy) as f64;
        Some(Others {
            used: ((busy - own) / all).clamp(0.0, 1.0),
            stolen: (to.stolen.saturating_sub(from.stolen) as f64 / all).min(1.0),
        })
    }
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; what follows is in those already.
fn ticks(stat: &str) -> Option<Ticks> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).take(8).collect();
    let &[user, nice, system, idle, iowait, irq, softirq, stolen] = fields.as_slice() else {
        return None;
    };
    let busy = user + nice + system + irq + softirq;
    Some(Ticks {
        busy,
        stolen,
        all: busy + idle + iowait + stolen,
    })
}

/// What memory this process has for itself.
pub(super) struct Memory {
    file: File,
    source: &'static str,
    status: Option<File>,
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Has {
    private: u64,
    tables: u64,
}

impl Has {
    /// How much more there is than before: its own, and page tables.
    pub(super) fn beyond(self, before: Has) -> (f64, f64) {
        let more = |now: u64, before: u64| now as f64 - before as f64;
        (more(self.private, before.private), more(self.tables, before.tables))
    }
}

/// Says each page once (Linux 4.14), and else what is resident and not of a file.
const ROLLUP: &str = "/proc/self/smaps_rollup";
const STATM: &str = "/proc/self/statm";

impl Memory {
    pub(super) fn open() -> anyhow::Result<Memory> {
        let opened = File::open(ROLLUP).map(|file| (file, ROLLUP));
        let (file, source) = match opened {
            Ok(opened) => opened,
            Err(_) => (File::open(STATM).context(STATM)?, STATM),
        };
        Ok(Memory {
            file,
            source,
            status: File::open("/proc/self/status").ok(),
        })
    }

    pub(super) fn source(&self) -> &'static str {
        self.source
    }

    pub(super) fn read(&self) -> anyhow::Result<Has> {
        let text = read(&self.file).context(self.source)?;
        let private = match self.source {
            ROLLUP => kib(&text, "Private_Clean:")
                .zip(kib(&text, "Private_Dirty:"))
                .map(|(clean, dirty)| clean + dirty),
            _ => statm(&text),
        };
        let status = self
            .status
            .as_ref()
            .map(read)
            .transpose()
            .context("/proc/self/status")?;
        Ok(Has {
            private: private.with_context(|| format!("{}: not as it is known", self.source))?,
            tables: status.and_then(|text| kib(&text, "VmPTE:")).unwrap_or(0),
        })
    }
}

/// `Name:   12 kB`, in bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Resident pages without those of files, in bytes.
fn statm(text: &str) -> Option<u64> {
    let mut fields = text.split(' ').skip(1).map(str::parse::<u64>);
    let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "cpu  100 20 30 1000 5 0 4 7 9 0\ncpu0 1 2 3\n";
        let read = ticks(stat).map(|ticks| (ticks.busy, ticks.stolen, ticks.all));
        assert_eq!(read, Some((154, 7, 1_166)));
        assert!(ticks("cpu  1 2 3\n").is_none() && ticks("").is_none());
        let rollup = "00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss: 8 kB\nPrivate_Clean:        40 kB\nPrivate_Dirty:  1 kB\n";
        assert_eq!(
            (kib(rollup, "Private_Clean:"), kib(rollup, "Swap:")),
            (Some(40 << 10), None)
        );
        assert_eq!(statm("100 9 4 1 0 2 0"), Some(5 * rustix::param::page_size() as u64));
        assert_eq!(
            processor("processor\t: 0\nmodel name\t: A  B\n").as_deref(),
            Some("A B")
        );
        let arm = "processor : 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        assert_eq!(processor(arm).as_deref(), Some("ARM implementer 0x41, part 0xd0c"));
        assert_eq!(processor(""), None);
    }

    #[test]
    fn memory_that_is_touched_is_counted() -> anyhow::Result<()> {
        let memory = Memory::open()?;
        let before = memory.read()?;
        let touched = vec![1u8; 32 << 20];
        let (more, _) = memory.read()?.beyond(before);
        assert!(more >= (30 << 20) as f64, "{more} {}", touched.len());
        Ok(())
    }
}
