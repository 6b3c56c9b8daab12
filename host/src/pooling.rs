//! What one interpreter may be made of, and an allocator that has it ready for each.

use wasmtime::PoolingAllocationConfig;

use crate::limits::Limits;
use crate::machine;

/// Resident memory that a slot keeps between two tenants, in bytes; the kernel's PAGEMAP_SCAN tells which pages need
/// cleaning. Without that, cleaning is a blind `memset`, so little is kept.
const KEEP_RESIDENT: usize = 1 << 20;
const KEEP_RESIDENT_BLIND: usize = 16 << 10;

/// What one interpreter may be made of. The allocator has room for as much for each, so nobody can take what is another's; and
/// it is the same without an allocator that prepares, so no program runs with one only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// Linear memories. Nearly all programs have one, components that are composed of others one for each of those.
    pub memories: u32,
    /// Tables: three are what a component of Rust or C takes.
    pub tables: u32,
    /// Core instances: four are what a component of Rust or C takes.
    pub core_instances: u32,
}

impl Parts {
    /// Where there are few interpreters, room for more memories and tables costs only addresses; core instances are counted, and
    /// cost nothing beforehand.
    pub(crate) fn of_each(instances: u32) -> Parts {
        let by_addresses = machine::address_space() / 2 / machine::ADDRESSES_PER_INTERPRETER;
        let memories = u32::try_from(by_addresses.min(4_096)).unwrap_or(4_096);
        let instances = instances.max(1);
        Parts {
            memories: (memories / instances).clamp(1, 16),
            tables: (8_192 / instances).clamp(8, 100),
            core_instances: 100,
        }
    }
}

/// A module's or a component's own data in the host, in bytes: thirty thousand functions in tables take one megabyte.
const INSTANCE_SIZE: usize = 16 << 20;

/// As many as WebAssembly allows: [`Parts`] bounds them, before a program runs.
const ANY_PER_MODULE: u32 = 100;

/// An allocator with room for so many interpreters.
pub(crate) fn pooling(limits: &Limits, instances: u32, parts: Parts) -> PoolingAllocationConfig {
    let mut pooling = PoolingAllocationConfig::default();
    let keep = if machine::page_scan() {
        KEEP_RESIDENT
    } else {
        KEEP_RESIDENT_BLIND
    };
    pooling
        .total_stacks(instances)
        .total_memories(instances.saturating_mul(parts.memories))
        .total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(parts.core_instances))
        .total_tables(instances.saturating_mul(parts.tables))
        .max_memories_per_module(ANY_PER_MODULE)
        .max_tables_per_module(ANY_PER_MODULE)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_component_instance_size(INSTANCE_SIZE)
        .total_gc_heaps(0)
        .table_elements(usize::try_from(limits.tables).unwrap_or(usize::MAX).min(10_000_000))
        .linear_memory_keep_resident(keep)
        .table_keep_resident(KEEP_RESIDENT_BLIND)
        .pagemap_scan(wasmtime::Enabled::Auto);
    pooling
}
