//! How much processor time a slice used, cheaply.
//!
//! Asking the kernel costs a third of a microsecond, more than a short slice. So a short slice is charged by the clock on
//! the wall, which is at most a little too much; a long one, in which the kernel may well have run somebody else, is
//! charged by the thread's own clock, which is then asked once.

use std::cell::Cell;

/// Slices below this are charged by wall time, in nanoseconds: as long as a kernel's own slice never is.
const SHORT: u64 = 50_000;

/// After so many short slices the thread's clock is asked again, so that what the worker itself used between them is not
/// charged to the next long one: 64 times less than a microsecond.
const SHORTS: u32 = 64;

thread_local! {
    static MARK: Cell<Mark> = const { Cell::new(Mark { at: 0, charged: 0, shorts: SHORTS }) };
}

/// The thread's clock when it was last asked, and what was charged since.
#[derive(Clone, Copy)]
struct Mark {
    at: u64,
    charged: u64,
    shorts: u32,
}

/// Processor time, in nanoseconds, of a slice that just ended on this thread and took `wall` nanoseconds.
pub(super) fn used(wall: u64) -> u64 {
    let mut mark = MARK.get();
    if wall < SHORT && mark.shorts < SHORTS {
        mark.charged += wall;
        mark.shorts += 1;
        MARK.set(mark);
        return wall;
    }
    let now = thread_clock();
    let used = if mark.shorts < SHORTS || wall >= SHORT {
        wall.min(now.saturating_sub(mark.at).saturating_sub(mark.charged))
    } else {
        wall
    };
    MARK.set(Mark {
        at: now,
        charged: 0,
        shorts: 0,
    });
    used
}

/// Processor time, in nanoseconds, of a slice that runs on this thread and has taken `wall` nanoseconds so far: what the
/// kernel gave to others meanwhile is not the guest's.
pub(super) fn so_far(wall: u64) -> u64 {
    let mark = MARK.get();
    if wall < SHORT || mark.at == 0 {
        return wall;
    }
    wall.min(thread_clock().saturating_sub(mark.at).saturating_sub(mark.charged))
}

/// Processor time of this thread so far, in nanoseconds.
pub(crate) fn thread_clock() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_slice_is_charged_what_the_thread_used() {
        // A slice that waited a second and worked for next to nothing.
        assert!(used(1_000_000_000) < 500_000_000);
        assert!(used(1_000_000_000) < 500_000_000);
        // Short ones are charged as they are.
        assert_eq!(used(1_000), 1_000);
        for _ in 0..200 {
            assert!(used(1_000) <= 1_000);
        }
    }
}
