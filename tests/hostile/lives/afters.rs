//! What is counted before a case and after it: memory, descriptors, threads, queues, the budget, lives.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wasm_pool::Pool;

/// Memory of this process that a case may leave: what allocators keep for the next one.
const MEMORY: u64 = 8 << 20;

/// Until when everything must have gone that goes by itself, such as a thread that ends.
const SOON: Duration = Duration::from_secs(2);

/// What this process and a pool hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    resident: u64,
    descriptors: usize,
    threads: usize,
    queues: usize,
    budget: u64,
    alive: usize,
}

impl Held {
    /// When nobody lives any more; children end a moment after their parent.
    pub(crate) fn at_rest(pool: &Pool) -> Result<Held, String> {
        let until = Instant::now() + SOON;
        while pool.alive() > 0 {
            if Instant::now() > until {
                return Err(format!("{} live on", pool.alive()));
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(Held::now(pool))
    }

    fn now(pool: &Pool) -> Held {
        Held {
            resident: resident(),
            descriptors: open().len(),
            threads: threads(),
            queues: pool.queues().len(),
            budget: pool.budget().used(),
            alive: pool.alive(),
        }
    }

    /// Checks that nothing more is held now than was held then. It may be less: what a child was about to tell is given up a
    /// moment after it counts as ended.
    pub(crate) fn returns(&self, pool: &Pool) -> Result<(), String> {
        let until = Instant::now() + SOON;
        loop {
            let now = Held::now(pool);
            let back = now.resident <= self.resident + MEMORY
                && now.descriptors <= self.descriptors
                && now.threads <= self.threads
                && now.queues <= self.queues
                && now.budget <= self.budget
                && now.alive <= self.alive;
            if back {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!(
                    "something stays behind: {now:?} was {self:?}; open are {:?}",
                    open()
                ));
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
}

/// What is open, but for the images of programs' memories: a program has one from its first life on, and slots keep the last
/// one that they had.
fn open() -> Vec<PathBuf> {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| !path.starts_with("/memfd:wasm-memory-image (deleted)"))
        .collect()
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// Threads, but for those that file calls share: they end when there was nothing to do for some seconds.
fn threads() -> usize {
    let named = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks
        .filter_map(named)
        .filter(|name| !name.starts_with("wasm-pool-file"))
        .count()
}
