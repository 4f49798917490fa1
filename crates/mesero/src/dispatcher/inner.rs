//! The state that all handles, jobs and slots of a dispatcher share: the lock, and the effects
//! after it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::call::Call;
use crate::event::Observer;
use crate::slot::{Attempt, Slot, SlotOwner, Stop};
use crate::state::{Admission, DispatcherState, Effects, NotAdmitted, WaiterCounts};
use crate::stats::Stats;
use crate::sync::{Lock, Mutex, Notify, yield_point};

pub(crate) struct DispatcherInner<T> {
    pub(super) name: Arc<str>,
    pub(super) tasks: TaskTracker,
    state: Mutex<DispatcherState<T>>,
    observers: Vec<Arc<dyn Observer>>,
    room_freed: Notify,
    work_ended: Notify,
    pub(super) timeout_changed: Notify,
    pub(super) limit_changed: Notify,
}

impl<T: Send + Sync + 'static> DispatcherInner<T> {
    pub(super) fn new(
        name: Arc<str>,
        state: DispatcherState<T>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            name,
            tasks: TaskTracker::new(),
            state: Mutex::new(state),
            observers,
            room_freed: Notify::new(),
            work_ended: Notify::new(),
            timeout_changed: Notify::new(),
            limit_changed: Notify::new(),
        }
    }

    /// Changes the state under the lock, then carries out the effects of the change without it.
    pub(super) fn with<R>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut DispatcherState<T>, Instant) -> R,
    ) -> R {
        let now = Instant::now();
        let (result, effects) = {
            let mut state = self.state.locked();
            let result = change(&mut state, now);
            (result, state.take_effects())
        };
        yield_point();
        self.carry_out(effects);
        result
    }

    fn carry_out(self: &Arc<Self>, effects: Effects) {
        for (tx, seat) in effects.grants {
            // If the receiver is gone, the slot comes back at once, by its drop.
            let _ = tx.send(Slot::new(seat, Arc::clone(self) as _));
        }
        for event in &effects.events {
            for observer in &self.observers {
                observer.observe(event);
            }
        }
        if effects.room_freed {
            // All of them: the first may not take the room, because it joins a job, is refused, or
            // is not polled for a while.
            self.room_freed.notify_waiters();
        }
        if effects.limit_changed {
            self.limit_changed.notify_waiters();
        }
        if effects.work_ended {
            self.work_ended.notify_waiters();
        }
    }

    /// Admits a call; waits for room first where the call says so. Dropped while it waits, it
    /// leaves no trace of the call.
    pub(super) async fn admit(self: &Arc<Self>, call: &mut Call) -> Admission<T> {
        loop {
            // Registered before the check, and counted with it, so that room made in between is not
            // missed.
            let room = self.room_freed.notified();
            let admitted = self.with(|state, now| {
                let admitted = state.admit(call, now);
                state.waiter_counts.room += usize::from(admitted.is_err());
                admitted
            });
            let NotAdmitted { after } = match admitted {
                Ok(admission) => return admission,
                Err(not_admitted) => not_admitted,
            };
            let _counted =
                CountedWaiter { inner: self, count: |waiter_counts| &mut waiter_counts.room };
            match after {
                None => room.await,
                Some(pause) => tokio::select! {
                    () = sleep(pause) => {}
                    () = room => {}
                },
            }
        }
    }

    /// Refuses new calls; calls that wait for room are refused, too.
    pub(super) fn drain(self: &Arc<Self>) {
        self.with(|state, _| state.drain());
        self.room_freed.notify_waiters();
    }

    /// Changes the timeout of attempts, including those that run.
    pub(super) fn set_timeout(self: &Arc<Self>, timeout: Option<Duration>) {
        self.with(|state, _| state.set_timeout(timeout));
        self.timeout_changed.notify_waiters();
    }

    /// Waits until the counts satisfy `wanted`. They are checked whenever a call, a job or a slot
    /// ends. Dropped, it only stops counting as a waiter.
    pub(super) async fn wait_until(self: &Arc<Self>, wanted: impl Fn(&Stats) -> bool) {
        self.state.locked().waiter_counts.end_of_work += 1;
        let _counted =
            CountedWaiter { inner: self, count: |waiter_counts| &mut waiter_counts.end_of_work };
        loop {
            let ended = self.work_ended.notified();
            if wanted(&self.with(|state, _| state.stats())) {
                return;
            }
            ended.await;
        }
    }
}

/// A waiter that counts in [`WaiterCounts`] until it is dropped.
struct CountedWaiter<'a, T> {
    inner: &'a DispatcherInner<T>,
    count: fn(&mut WaiterCounts) -> &mut usize,
}

impl<T> Drop for CountedWaiter<'_, T> {
    fn drop(&mut self) {
        *(self.count)(&mut self.inner.state.locked().waiter_counts) -= 1;
    }
}

impl<T: Send + Sync + 'static> SlotOwner for DispatcherInner<T> {
    fn give_back(self: Arc<Self>, seat: usize) {
        self.with(|state, now| state.give_back(seat, now));
    }

    fn stopped(self: Arc<Self>, seat: usize, stop: Stop) {
        self.with(|state, now| state.stopped(seat, stop, now));
    }

    fn decide_retry(self: Arc<Self>, attempt: &Attempt, error: &Error) -> bool {
        self.with(|state, now| state.decide_retry(attempt, error, now))
    }

    fn close_seats(&self, seats: &[usize]) {
        let mut state = self.state.locked();
        for seat in seats {
            state.close_seat(*seat);
        }
    }

    fn open_seats(self: Arc<Self>, seats: &[usize]) {
        self.with(|state, now| {
            for seat in seats {
                state.open_seat(*seat, now);
            }
        });
    }
}
