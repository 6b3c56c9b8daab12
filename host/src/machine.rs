//! What the machine gives: cores, memory, address space, mappings, descriptors.
//!
//! Everything here is read from the system, never guessed; a figure that cannot be read is `None`, and what depends on
//! it assumes the kernel's stock value.

use std::fs;
use std::num::NonZero;
use std::sync::LazyLock;

/// Linux's stock `vm.max_map_count`.
const STOCK_MAP_COUNT: u64 = 65_530;

/// Memory mappings that one live interpreter takes: its memory, its guard, its stack, the stack's guard.
pub const MAPPINGS_PER_INTERPRETER: u64 = 4;

/// Address space that one live interpreter takes: a 4 GiB reservation and its guards.
pub const ADDRESSES_PER_INTERPRETER: u64 = (4 << 30) + (64 << 20);

/// Workers that can really run at once: the processors of this process's affinity mask, or fewer where a control
/// group's quota says so; read once.
pub fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    *CORES
}

/// Processors in this process's affinity mask; the rest of the reason for [`cores`] is the control group's quota.
pub fn affinity() -> Option<usize> {
    let set = rustix::thread::sched_getaffinity(None).ok()?;
    Some(set.count() as usize)
}

/// Processors that are online.
pub fn processors() -> Option<usize> {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    online
        .trim()
        .split(',')
        .map(|range| match range.split_once('-') {
            Some((first, last)) => Some(last.parse::<usize>().ok()? - first.parse::<usize>().ok()? + 1),
            None => range.parse::<usize>().ok().map(|_| 1),
        })
        .sum()
}

/// Memory of the machine or of this process's control group, whichever is less, in bytes; read once.
pub fn memory() -> u64 {
    static MEMORY: LazyLock<u64> = LazyLock::new(read_memory);
    *MEMORY
}

fn read_memory() -> u64 {
    let info = rustix::system::sysinfo();
    let physical = info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)));
    control_group_memory().map_or(physical, |group| group.min(physical))
}

/// The memory limit of this process's control group (version 2), in bytes; the tightest on the way to the root.
fn control_group_memory() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut folder = std::path::PathBuf::from(format!("/sys/fs/cgroup{path}"));
    let mut tightest = None;
    while folder.starts_with("/sys/fs/cgroup") {
        let limit = fs::read_to_string(folder.join("memory.max")).ok();
        if let Some(limit) = limit.and_then(|text| text.trim().parse::<u64>().ok()) {
            tightest = Some(tightest.map_or(limit, |t: u64| t.min(limit)));
        }
        if !folder.pop() {
            break;
        }
    }
    tightest
}

/// How many memory mappings a process may have.
pub fn map_count() -> u64 {
    fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(STOCK_MAP_COUNT)
}

/// Bytes of address space that this process may reserve: 128 TiB on x86-64, or what `ulimit -v` left.
pub fn address_space() -> u64 {
    const USER_HALF: u64 = 1 << 47;
    let limit = rustix::process::getrlimit(rustix::process::Resource::As);
    limit.current.map_or(USER_HALF, |limit| limit.min(USER_HALF))
}

/// Whether the kernel can say which pages of a slot were touched (PAGEMAP_SCAN, Linux 6.7 and later).
pub fn page_scan() -> bool {
    wasmtime::PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Files that this process may have open.
pub fn open_files() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX)
}

/// Raises the number of files that this process may have open as far as it may without privilege.
pub fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Refused only by a sandbox of our own; the old limit then stands and `open_files` tells it.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// How many interpreters can live at once, and what stops the next one.
pub fn room() -> Room {
    // Room for the host's own: its libraries, threads, code, and the allocator's arenas.
    const OWN_MAPPINGS: u64 = 1_024;
    const OWN_ADDRESSES: u64 = 1 << 40;
    let by_mappings = map_count().saturating_sub(OWN_MAPPINGS) / MAPPINGS_PER_INTERPRETER;
    let space = address_space();
    let by_addresses = space.saturating_sub(OWN_ADDRESSES.min(space / 8)) / ADDRESSES_PER_INTERPRETER;
    if by_mappings <= by_addresses {
        Room {
            interpreters: by_mappings,
            bound: Bound::Mappings,
        }
    } else {
        Room {
            interpreters: by_addresses,
            bound: Bound::Addresses,
        }
    }
}

/// How many interpreters fit, and why not more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Interpreters that can live at once.
    pub interpreters: u64,
    /// What the next one would lack.
    pub bound: Bound,
}

/// What bounds the number of interpreters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Memory mappings (`vm.max_map_count`).
    Mappings,
    /// Address space.
    Addresses,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::Mappings => write!(
                f,
                "each takes {MAPPINGS_PER_INTERPRETER} memory mappings and vm.max_map_count is {}; \
                 `sysctl -w vm.max_map_count=N` raises it",
                map_count()
            ),
            Bound::Addresses => write!(
                f,
                "each reserves 4 GiB of addresses and this process may reserve {} GiB",
                address_space() >> 30
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_something_sensible() {
        assert!(cores() >= 1 && affinity().is_none_or(|mask| mask >= cores()));
        assert!(memory() > 64 << 20);
        assert!(room().interpreters > 0);
    }
}
