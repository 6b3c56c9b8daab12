//! The switch of one life: what it has used of its time, and the one way to end it early.
//!
//! A deadline, a processor limit, a `kill` and a shutdown all go through [`Control::end`]. It records the first cause
//! and makes sure that somebody looks: a life that waits is woken; one that stands in a long lane is moved to the short one;
//! one that runs sees the cause at its next tick. What the guest waits for does not matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::Hub;
use super::clock::TICK;
use super::completion::Completion;
use super::lanes::{Lane, Lanes, PARTS, Turn};
use super::standing::Waiting;
use super::{hand, processor};
use crate::ledger::{Kind, Ledger};
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::outcome::{Cause, Ending};
use crate::sync::{Mutex, Rank};
use crate::timeline::{self, Recorder, Track, WaitsFor};

/// The switch of one life. Shared by its handle, its store, the clock and the run queue.
pub(crate) struct Control {
    cause: AtomicU8,
    /// The lane of the next turn; see [`Lane`].
    lane: AtomicU8,
    /// The life's turn while it stands in a lane of tickets. Held only to move it; nothing is called under this lock.
    parked: Mutex<Option<Turn>>,
    hub: Arc<Hub>,
    /// How to reach the life; empty before it begins and after it ends, which also breaks the cycle through the
    /// task. Nothing is called under this lock.
    reach: Mutex<Option<Waker>>,
    /// When the life was made; the slices are told as nanoseconds after it.
    born: Instant,
    /// When it must end, in nanoseconds after `born`; [`NEVER`].
    deadline: AtomicU64,
    /// Its place in the roster; given once, before its first turn.
    listed: AtomicU32,
    /// Start of the current slice on a worker, in nanoseconds after `born`.
    slice: AtomicU64,
    /// Processor time of the slices that are over, in nanoseconds.
    cpu: AtomicU64,
    /// Up to how much of it.
    cpu_limit: AtomicU64,
    /// Whom its processor time counts for besides itself. Written by the worker that runs it. Nothing is called under this lock.
    family: Mutex<Option<Arc<Ledger>>>,
    /// Whether there is somebody.
    has_family: AtomicBool,
    /// The clock of the thread that it holds at the start of the slice, in nanoseconds; where that is recorded.
    clock: AtomicU64,
    /// How much of the slice was over when the call began that runs in it, in nanoseconds.
    before_call: AtomicU64,
    /// A call has begun, and its time does not run yet; written by the worker that runs it.
    call_begins: AtomicBool,
    /// Wall-clock and processor time of the life, or of each call, in nanoseconds.
    allowed: Allowed,
    /// Processor time since it last had its turn from the switched lane, or was free of it, in nanoseconds.
    spent: AtomicU64,
    /// Where the switched lane ended then; see [`lanes`](super::lanes).
    mark: AtomicU64,
    /// Its slice has seen a tick.
    computes: AtomicBool,
    /// Whom it wakes is for all workers; see [`hand`].
    shares: AtomicBool,
    /// Whether it goes on; see [`standing`](super::standing).
    standing: AtomicU8,
    /// What it waits for while it stands still. Nothing is called under this lock.
    waiting: Mutex<Option<Waiting>>,
    /// Its part of the pool's record, if there is one.
    track: Track,
    /// How the life ended, once it has.
    ending: Completion<Ending>,
}

/// What the time limits of a life are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// The whole life.
    Life,
    /// Each [call](Control::begin_call) in it; between two calls it has no deadline.
    Call,
}

/// Nanoseconds; [`NEVER`] for no limit.
struct Allowed {
    span: Span,
    wall: u64,
    cpu: u64,
}

/// No deadline, no limit.
const NEVER: u64 = u64::MAX;

/// The part of its slice in which a life that was woken goes before all others.
const LIGHT: u64 = 5;

/// How many slices a life may owe: those of a second, by default.
const MOST_OWED: u64 = 200;

/// Values of [`Control::standing`]: before it begins and after its end, on its way, waiting.
const OUT: u8 = 0;
const GOES_ON: u8 = 1;
const STANDS_STILL: u8 = 2;

impl Control {
    /// A switch for a life that starts now, with its deadline and its processor time, or those of its calls.
    pub(super) fn new(hub: &Arc<Hub>, limits: &Limits, span: Span) -> Control {
        let allowed = Allowed {
            span,
            wall: limits.deadline.map_or(NEVER, nanos),
            cpu: limits.cpu_time.map_or(NEVER, nanos),
        };
        let (deadline, cpu_limit) = match span {
            Span::Life => (allowed.wall, allowed.cpu),
            Span::Call => (NEVER, NEVER),
        };
        Control {
            cause: AtomicU8::new(0),
            lane: AtomicU8::new(Lane::Fresh as u8),
            parked: Mutex::new(Rank::Parked, None),
            hub: Arc::clone(hub),
            reach: Mutex::new(Rank::Reach, None),
            born: Instant::now(),
            deadline: AtomicU64::new(deadline),
            listed: AtomicU32::new(u32::MAX),
            slice: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            cpu_limit: AtomicU64::new(cpu_limit),
            family: Mutex::new(Rank::Family, None),
            has_family: AtomicBool::new(false),
            clock: AtomicU64::new(0),
            before_call: AtomicU64::new(0),
            call_begins: AtomicBool::new(false),
            allowed,
            spent: AtomicU64::new(0),
            mark: AtomicU64::new(0),
            computes: AtomicBool::new(false),
            shares: AtomicBool::new(false),
            standing: AtomicU8::new(OUT),
            waiting: Mutex::new(Rank::Waiting, None),
            track: Track::new(),
            ending: Completion::new(),
        }
    }

    /// What its limits of time are for.
    pub(super) fn span(&self) -> Span {
        self.allowed.span
    }

    /// Whether a call that has taken so long may go on; else it is ended, for one cause or the other.
    pub(crate) fn allows(&self, wall: Duration, cpu: Duration) -> bool {
        if nanos(cpu) > self.allowed.cpu {
            self.end(Cause::CpuTime);
        } else if nanos(wall) >= self.allowed.wall {
            self.end(Cause::Deadline);
        }
        self.cause().is_none()
    }

    /// A call begins. Looking at a clock costs as much as a small call: its time runs from the next tick or the end of the slice,
    /// a tick later at most, and one that is over before has none.
    pub(crate) fn begin_call(&self) {
        self.call_begins.store(true, Ordering::Relaxed);
    }

    /// The call is over; nothing has a deadline until the next one.
    pub(crate) fn end_call(&self) {
        self.call_begins.store(false, Ordering::Relaxed);
        // The clock may see it a moment later.
        self.deadline.store(NEVER, Ordering::Relaxed);
        self.cpu_limit.store(NEVER, Ordering::Relaxed);
    }

    /// The time of a call that has begun runs from `now`; `slice` of its slice are over. On the worker that runs it.
    fn time_call(&self, now: u64, slice: u64) {
        if !self.call_begins.load(Ordering::Relaxed) {
            return;
        }
        self.call_begins.store(false, Ordering::Relaxed);
        self.before_call.store(slice, Ordering::Relaxed);
        let cpu = self.cpu.load(Ordering::Relaxed).saturating_add(slice);
        self.deadline
            .store(now.saturating_add(self.allowed.wall), Ordering::SeqCst);
        self.cpu_limit
            .store(cpu.saturating_add(self.allowed.cpu), Ordering::Relaxed);
    }

    /// Its processor time counts for this family from now on, or for none. On the worker that runs it.
    pub(crate) fn counts_for(&self, family: Option<&Arc<Ledger>>) {
        if family.is_some() || self.has_family.load(Ordering::Relaxed) {
            *self.family.lock() = family.cloned();
            self.has_family.store(family.is_some(), Ordering::Relaxed);
        }
    }

    fn in_family<T>(&self, look: impl FnOnce(&Ledger) -> T) -> Option<T> {
        let has_family = self.has_family.load(Ordering::Relaxed);
        let family = has_family.then(|| self.family.lock())?;
        family.as_deref().map(look)
    }

    /// How much of so much of a slice counts for the family.
    fn of_call(&self, used: u64) -> u64 {
        used.saturating_sub(self.before_call.load(Ordering::Relaxed))
    }

    /// When the clock must look at this life, seen from `now`; `None` when it need not.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let deadline = self.deadline.load(Ordering::SeqCst);
        if deadline != NEVER {
            return self.born.checked_add(Duration::from_nanos(deadline));
        }
        // A call that begins from now on has at least this long.
        match self.allowed {
            Allowed { wall: NEVER, .. } | Allowed { span: Span::Life, .. } => None,
            Allowed { wall, .. } => now.checked_add(Duration::from_nanos(wall)),
        }
    }

    /// Its place in the roster.
    pub(super) fn listed(&self) -> u32 {
        self.listed.load(Ordering::Relaxed)
    }

    /// The roster has it there.
    pub(super) fn list(&self, place: u32) {
        self.listed.store(place, Ordering::Relaxed);
    }

    /// When the life was made.
    pub(crate) fn born(&self) -> Instant {
        self.born
    }

    /// How the life ended, once it has.
    pub(crate) fn ending(&self) -> &Completion<Ending> {
        &self.ending
    }

    /// Its part of the pool's record.
    pub(crate) fn track(&self) -> &Track {
        &self.track
    }

    /// It could run from now on, and is about to be queued.
    pub(super) fn is_ready(&self) {
        if let Some(recorder) = &self.hub.recorder {
            recorder.wakes(&self.track, nanos(self.born.elapsed()));
        }
    }

    /// Its time on this thread is recorded until what this gives is dropped, if it `is_direct` and the pool records.
    pub(crate) fn seen_on_this_thread(&self, is_direct: bool) -> Option<Directly<'_>> {
        let recorder = self.hub.recorder.as_ref().filter(|_| is_direct)?;
        self.is_seen(recorder);
        Some(Directly(self, recorder))
    }

    fn is_seen(&self, recorder: &Recorder) {
        let now = nanos(self.born.elapsed());
        self.slice.store(now, Ordering::Relaxed);
        self.clock.store(processor::thread_clock(), Ordering::Relaxed);
        recorder.begins(&self.track, now);
    }

    fn was_seen(&self, recorder: &Recorder) {
        let began = self.slice.load(Ordering::Relaxed);
        let cpu = processor::thread_clock().saturating_sub(self.clock.load(Ordering::Relaxed));
        recorder.turned(&self.track, began, nanos(self.born.elapsed()), cpu);
    }

    /// It stands still on the thread that it holds, as long as `stands_still` does, and could go on; that tells whether it does.
    pub(super) fn gives_way(&self, stands_still: impl FnOnce() -> bool) {
        // Before the worker is somebody else's.
        if let Some(recorder) = &self.hub.recorder {
            timeline::gives_way();
            self.was_seen(recorder);
            self.is_ready();
        }
        let goes_on = stands_still();
        if let Some(recorder) = &self.hub.recorder
            && goes_on
        {
            self.is_seen(recorder);
        }
    }

    /// How much time is left to a call that has taken so long; `None` for no limit.
    pub(super) fn time_left(&self, wall: Duration) -> Option<Duration> {
        let limited = self.allowed.wall != NEVER;
        limited.then(|| Duration::from_nanos(self.allowed.wall.saturating_sub(nanos(wall))))
    }

    /// What it shares with the other lives of its scheduler.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Ends the life with `cause`, unless it has ended or another cause came first.
    pub(crate) fn end(&self, cause: Cause) {
        if self.condemn(cause) {
            self.fetch();
        }
    }

    /// Records why it must end, unless it has ended or another cause came first. Whoever does [fetches](Control::fetch) it.
    pub(super) fn condemn(&self, cause: Cause) -> bool {
        self.cause
            .compare_exchange(0, cause as u8, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Makes sure that somebody sees that it must end.
    pub(super) fn fetch(&self) {
        if let Some(turn) = self.unpark() {
            self.hub.lanes.push_first(turn);
            return;
        }
        // Before it begins it is on its way to a worker, who sees the cause.
        let waker = self.reach.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Why the life must end, once it must.
    pub(crate) fn cause(&self) -> Option<Cause> {
        Cause::from_u8(self.cause.load(Ordering::SeqCst))
    }

    /// The processor limit, as it is reported when it was reached: its own, or that of one from whom it descends.
    pub(crate) fn cpu_limit_hit(&self) -> LimitHit {
        self.in_family(|family| family.nearest(Kind::CpuTime))
            .unwrap_or(LimitHit::new(LimitKind::CpuTime, self.allowed.cpu, None))
    }

    /// Processor time of the slices that are over.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Ordering::Relaxed))
    }

    /// The life begins: it counts among those that go on.
    pub(super) fn set_out(&self) {
        self.standing.store(GOES_ON, Ordering::SeqCst);
        self.hub.activity.goes_on();
    }

    /// The life waits for something that only another life or the host can give it, and for as long as it takes.
    pub(crate) fn stand_still(&self, waiting: Waiting) {
        *self.waiting.lock() = Some(waiting);
        let (from, to) = (GOES_ON, STANDS_STILL);
        let stands = self
            .standing
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        if stands.is_ok() && self.hub.activity.stops() {
            self.hub.clock.wake();
        }
    }

    /// [`stand_still`](Control::stand_still), unless `is_there` says that it came meanwhile: whoever gave it before has roused nobody.
    pub(crate) fn stand_still_unless(&self, waiting: Waiting, is_there: impl FnOnce() -> bool) {
        // Somebody goes on until that is known: else who looks in between sees a life that waits for what has come.
        self.hub.activity.goes_on();
        self.stand_still(waiting);
        if is_there() {
            self.rouse();
        }
        if self.hub.activity.stops() {
            self.hub.clock.wake();
        }
    }

    /// It got what it waited for, or need not wait any more.
    pub(crate) fn rouse(&self) {
        if self.standing.load(Ordering::SeqCst) != STANDS_STILL {
            return;
        }
        // Counted before it is seen to go on: nobody must see that nobody goes on in between.
        self.hub.activity.goes_on();
        let (from, to) = (STANDS_STILL, GOES_ON);
        let roused = self
            .standing
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        if roused.is_err() && self.hub.activity.stops() {
            self.hub.clock.wake();
        }
    }

    /// It is over.
    pub(crate) fn set_down(&self) {
        if self.standing.swap(OUT, Ordering::SeqCst) == GOES_ON && self.hub.activity.stops() {
            self.hub.clock.wake();
        }
    }

    /// What it waits for, if it stands still.
    pub(super) fn waiting<T>(&self, look: impl FnOnce(Option<&Waiting>) -> T) -> T {
        let waiting = self.waiting.lock();
        let still = self.standing.load(Ordering::SeqCst) == STANDS_STILL;
        look(waiting.as_ref().filter(|_| still))
    }

    /// What it waited for when it was ended for a deadlock.
    pub(crate) fn waited_for(&self) -> String {
        let since = nanos(self.born.elapsed()).saturating_sub(self.slice.load(Ordering::Relaxed));
        let waiting = self.waiting.lock();
        let waiting = waiting.as_ref();
        waiting
            .map(|waiting| waiting.describe(Duration::from_nanos(since)))
            .unwrap_or_default()
    }

    /// Makes the life reachable for [`end`](Control::end).
    pub(super) fn attach(&self, waker: Waker) {
        *self.reach.lock() = Some(waker);
    }

    /// The life is over: nothing reaches it any more.
    pub(super) fn detach(&self) {
        let reach = self.reach.lock().take();
        drop(reach);
    }

    /// A slice on a worker begins; give it back to [`end_slice`](Control::end_slice). Or the life must end: the clock and
    /// the ticks look only while it waits or runs, so whether its time is up is looked at here once more.
    pub(super) fn begin_slice(&self) -> Result<Slice, Cause> {
        if let Some(cause) = self.cause() {
            return Err(cause);
        }
        let start = nanos(self.born.elapsed());
        if self.deadline.load(Ordering::Relaxed) <= start {
            return Err(Cause::Deadline);
        }
        if self.cpu.load(Ordering::Relaxed) >= self.cpu_limit.load(Ordering::Relaxed) {
            return Err(Cause::CpuTime);
        }
        if self.in_family(|family| family.left(Kind::CpuTime)) == Some(0) {
            return Err(Cause::CpuTime);
        }
        self.slice.store(start, Ordering::Relaxed);
        self.before_call.store(0, Ordering::Relaxed);
        hand::begin(&self.hub.lanes, self.shares.load(Ordering::Relaxed));
        if let Some(recorder) = &self.hub.recorder {
            recorder.begins(&self.track, start);
        }
        Ok(Slice(start))
    }

    /// The slice is over; `used` tells how much of its wall time was processor time.
    pub(super) fn end_slice(&self, slice: Slice, used: impl FnOnce(u64) -> u64) {
        let now = nanos(self.born.elapsed());
        let wall = now.saturating_sub(slice.0);
        self.time_call(now, wall);
        if self.computes.load(Ordering::Relaxed) {
            self.computes.store(false, Ordering::Relaxed);
            self.hub.lanes.computes_no_more();
        }
        if let Some(shares) = hand::end(wall) {
            self.shares.store(shares, Ordering::Relaxed);
        }
        // Written by the worker that runs it, and by nobody else.
        let used = used(wall);
        // Whether that was too much is seen in what is left.
        self.in_family(|family| family.spend(Kind::CpuTime, self.of_call(used)).is_ok());
        self.cpu
            .store(self.cpu.load(Ordering::Relaxed) + used, Ordering::Relaxed);
        self.spent
            .store(self.spent.load(Ordering::Relaxed) + used, Ordering::Relaxed);
        if let Some(recorder) = &self.hub.recorder {
            recorder.turned(&self.track, slice.0, now, used);
        }
    }

    /// What the guest does at a tick, asked from inside its slice.
    pub(crate) fn at_tick(&self) -> AtTick {
        // Whoever runs on does not keep waiting whom it woke.
        if let Some(turn) = hand::take() {
            turn.is_ready();
            self.hub.lanes.push_first(turn);
        }
        if self.cause().is_some() {
            return AtTick::Stop;
        }
        let now = nanos(self.born.elapsed());
        let slice = now.saturating_sub(self.slice.load(Ordering::Relaxed));
        let used = processor::so_far(slice);
        if slice >= nanos(TICK) && !self.computes.swap(true, Ordering::Relaxed) {
            self.hub.lanes.computes();
        }
        self.time_call(now, used);
        if self.cpu.load(Ordering::Relaxed).saturating_add(used) > self.cpu_limit.load(Ordering::Relaxed)
            || self.in_family(|family| family.left(Kind::CpuTime) < self.of_call(used)) == Some(true)
        {
            self.end(Cause::CpuTime);
            return AtTick::Stop;
        }
        let quota = nanos(self.hub.switch_interval);
        let used_up = self.spent.load(Ordering::Relaxed).saturating_add(used) >= quota;
        // A woken life is not kept waiting for the rest of a slice, but whoever runs has a tick in any case.
        let wanted = slice >= nanos(TICK) && self.hub.lanes.anybody_woken();
        let lane = match (used_up, wanted) {
            (true, _) => Lane::Switched,
            (false, true) => Lane::Ousted,
            (false, false) => return AtTick::GoOn,
        };
        self.lane.store(lane as u8, Ordering::Relaxed);
        timeline::gives_way();
        AtTick::Switch
    }

    /// The lane of the turn that is being queued. Only a start and a switch are announced; everything else is an event.
    pub(super) fn lane(&self, lanes: &Lanes) -> Lane {
        let lane = self.lane.swap(Lane::Woken as u8, Ordering::Relaxed);
        match lane {
            // A life that must end goes first.
            _ if self.cause().is_some() => Lane::Woken,
            lane if lane == Lane::Fresh as u8 => Lane::Fresh,
            lane if lane == Lane::Ousted as u8 => Lane::Ousted,
            lane if lane == Lane::Switched as u8 => Lane::Switched,
            _ => self.lane_when_woken(lanes),
        }
    }

    fn lane_when_woken(&self, lanes: &Lanes) -> Lane {
        let quota = nanos(self.hub.switch_interval);
        let light = quota / LIGHT;
        if self.spent.load(Ordering::Relaxed) >= light
            && (!lanes.anybody_computes() || lanes.has_reached(self.mark.load(Ordering::Relaxed)))
        {
            self.new_round(lanes);
        }
        match self.spent.load(Ordering::Relaxed) {
            spent if spent < light => Lane::Woken,
            spent if spent < quota => Lane::Ousted,
            _ => Lane::Switched,
        }
    }

    /// A round of the switched lane is over for it; whether it may run before the next one is. What it took beyond its slice, in
    /// a host call or a fill of its memory, which look at no tick, it sits out.
    pub(super) fn new_round(&self, lanes: &Lanes) -> bool {
        let quota = nanos(self.hub.switch_interval);
        let spent = self.spent.load(Ordering::Relaxed).saturating_sub(quota);
        // Nobody sits out for ever.
        let spent = spent.min(quota.saturating_mul(MOST_OWED));
        self.spent.store(spent, Ordering::Relaxed);
        self.mark.store(lanes.mark(), Ordering::Relaxed);
        spent < quota
    }

    /// It is over, and what it held was given up in so many nanoseconds. What it took beyond its slice it cannot sit out any more.
    pub(super) fn leave_debts(&self, giving_up: u64) {
        let quota = nanos(self.hub.switch_interval).max(1);
        let spent = self.spent.load(Ordering::Relaxed).saturating_add(giving_up);
        if spent > quota {
            let slices = (spent - quota) / quota;
            let parts = ((spent - quota) % quota).saturating_mul(PARTS) / quota;
            let most = MOST_OWED * PARTS;
            self.hub
                .lanes
                .owe(slices.saturating_mul(PARTS).saturating_add(parts), most);
        }
    }

    pub(super) fn park(&self, turn: Turn) {
        *self.parked.lock() = Some(turn);
    }

    pub(super) fn unpark(&self) -> Option<Turn> {
        self.parked.lock().take()
    }
}

/// A time on a thread that calls directly, for the record.
pub(crate) struct Directly<'a>(&'a Control, &'a Recorder);

impl Drop for Directly<'_> {
    fn drop(&mut self) {
        let Directly(control, recorder) = *self;
        timeline::waits_for(WaitsFor::ToBeCalled);
        control.was_seen(recorder);
    }
}

/// When a slice began, in nanoseconds after its life did.
pub(super) struct Slice(u64);

/// What a guest does at a tick of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtTick {
    /// Its slice is not used up.
    GoOn,
    /// Its slice is used up, or somebody woke up: to its lane.
    Switch,
    /// It must end.
    Stop,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
