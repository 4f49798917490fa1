//! The limit of concurrent attempts, and the queue: the one place where work waits.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use slab::Slab;

/// Slots, and the queue of waiters. `W` delivers a seat to its waiter.
///
/// Invariant: while a slot can be granted, the queue is empty.
#[derive(Debug)]
pub(crate) struct Limit<W> {
    limit: usize,
    /// Number of the resource's seats, where it differs from the limit.
    capacity: Option<NonZeroUsize>,
    bound: usize,
    in_use: usize,
    seats: SeatTable,
    queue: WaiterQueue<W>,
    /// The highest limit since the seats in use last fell to the limit.
    ceiling: usize,
}

/// A position in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueIndex(usize);

/// A seat that goes to a waiter.
#[derive(Debug)]
#[must_use = "the waiter waits until it gets the seat"]
pub(crate) struct Grant<W> {
    pub(crate) waiter: W,
    pub(crate) seat: usize,
}

/// The end of the queue at which a job enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueEnd {
    /// Behind all other jobs, where the bound admits it.
    Back,
    /// In front of all other jobs: a job that has tried before and was admitted then.
    Front,
}

impl<W> Limit<W> {
    pub(crate) fn new(limit: NonZeroUsize, capacity: Option<NonZeroUsize>, bound: usize) -> Self {
        Self {
            limit: limit.get(),
            capacity,
            bound,
            in_use: 0,
            seats: SeatTable::default(),
            queue: WaiterQueue::default(),
            ceiling: limit.get(),
        }
    }

    /// Takes a free seat; there is none while a job waits.
    pub(crate) fn try_take(&mut self) -> Option<usize> {
        if self.in_use >= self.limit {
            return None;
        }
        let seat = self.seats.take(self.capacity())?;
        self.in_use += 1;
        Some(seat)
    }

    /// True if a new job can neither start nor wait.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= self.bound && !self.can_take()
    }

    fn can_take(&self) -> bool {
        self.in_use < self.limit && self.seats.lowest_free(self.capacity()).is_some()
    }

    fn capacity(&self) -> usize {
        self.capacity.map_or(self.limit, NonZeroUsize::get)
    }

    /// Enters a waiter; the caller has seen that no seat is free.
    pub(crate) fn enqueue(&mut self, waiter: W, end: QueueEnd) -> QueueIndex {
        QueueIndex(self.queue.push(waiter, end))
    }

    /// Removes a waiter from the queue; `None` if a seat was granted to it before.
    pub(crate) fn leave(&mut self, index: QueueIndex) -> Option<W> {
        self.queue.remove(index.0)
    }

    /// Takes a seat back, and grants it to the next waiter.
    pub(crate) fn give_back(&mut self, seat: usize) -> Option<Grant<W>> {
        self.in_use -= 1;
        if self.in_use <= self.limit {
            self.ceiling = self.limit;
        }
        self.seats.give_back(seat);
        self.grant()
    }

    /// Closes a seat: no slot is granted for it until it is opened. Its present occupant keeps it.
    pub(crate) fn close(&mut self, seat: usize) {
        self.seats.close(seat);
    }

    /// Opens a seat again.
    pub(crate) fn open(&mut self, seat: usize) -> Option<Grant<W>> {
        self.seats.open(seat);
        self.grant()
    }

    /// Changes the number of slots. Lowering it takes no seat away from an occupant.
    pub(crate) fn resize(&mut self, limit: NonZeroUsize) -> Vec<Grant<W>> {
        self.limit = limit.get();
        self.ceiling = self.ceiling.max(self.limit);
        if self.in_use <= self.limit {
            self.ceiling = self.limit;
        }
        std::iter::from_fn(|| self.grant()).collect()
    }

    fn grant(&mut self) -> Option<Grant<W>> {
        if self.queue.len() == 0 {
            return None;
        }
        let seat = self.try_take()?;
        // The queue is not empty, or no seat would have been taken.
        let waiter = self.queue.pop()?;
        Some(Grant { waiter, seat })
    }

    /// All waiters, from the front.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &W> {
        self.queue.iter()
    }

    pub(crate) fn queue_len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(crate) fn ceiling(&self) -> usize {
        self.ceiling
    }

    pub(crate) fn closed(&self) -> usize {
        self.seats.closed
    }
}

/// The states of the seats. The lowest free one is taken first, so that a little work stays on few,
/// warm seats.
#[derive(Debug, Default)]
struct SeatTable {
    /// The seats that were ever used; those behind them are free.
    states: Vec<SeatState>,
    /// The free ones among them.
    free: BTreeSet<usize>,
    closed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SeatState {
    Free,
    Taken,
    Closed,
    TakenAndClosed,
}

impl SeatTable {
    fn take(&mut self, seats: usize) -> Option<usize> {
        let seat = self.lowest_free(seats)?;
        self.touch(seat);
        self.set(seat, SeatState::Taken);
        Some(seat)
    }

    fn lowest_free(&self, seats: usize) -> Option<usize> {
        let untouched = self.states.len();
        Some(self.free.first().copied().unwrap_or(untouched)).filter(|seat| *seat < seats)
    }

    fn give_back(&mut self, seat: usize) {
        self.set(
            seat,
            match self.states[seat] {
                SeatState::TakenAndClosed | SeatState::Closed => SeatState::Closed,
                SeatState::Taken | SeatState::Free => SeatState::Free,
            },
        );
    }

    fn close(&mut self, seat: usize) {
        self.touch(seat);
        let state = self.states[seat];
        self.set(
            seat,
            match state {
                SeatState::Free | SeatState::Closed => SeatState::Closed,
                SeatState::Taken | SeatState::TakenAndClosed => SeatState::TakenAndClosed,
            },
        );
    }

    fn open(&mut self, seat: usize) {
        self.touch(seat);
        self.set(
            seat,
            match self.states[seat] {
                SeatState::Free | SeatState::Closed => SeatState::Free,
                SeatState::Taken | SeatState::TakenAndClosed => SeatState::Taken,
            },
        );
    }

    fn touch(&mut self, seat: usize) {
        while self.states.len() <= seat {
            self.free.insert(self.states.len());
            self.states.push(SeatState::Free);
        }
    }

    fn set(&mut self, seat: usize, state: SeatState) {
        let closed =
            |state| usize::from(matches!(state, SeatState::Closed | SeatState::TakenAndClosed));
        self.closed = self.closed + closed(state) - closed(self.states[seat]);
        self.states[seat] = state;
        match state {
            SeatState::Free => self.free.insert(seat),
            _ => self.free.remove(&seat),
        };
    }
}

/// A first-in-first-out queue that can be left from any position: a list whose links are indexes,
/// so that entering and leaving take constant time.
#[derive(Debug)]
struct WaiterQueue<W> {
    nodes: Slab<Node<W>>,
    ends: Option<Ends>,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    front: usize,
    back: usize,
}

#[derive(Debug)]
struct Node<W> {
    waiter: W,
    before: Option<usize>,
    behind: Option<usize>,
}

impl<W> Default for WaiterQueue<W> {
    fn default() -> Self {
        Self { nodes: Slab::new(), ends: None }
    }
}

impl<W> WaiterQueue<W> {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn push(&mut self, waiter: W, end: QueueEnd) -> usize {
        let Some(Ends { front, back }) = self.ends else {
            let only = self.nodes.insert(Node { waiter, before: None, behind: None });
            self.ends = Some(Ends { front: only, back: only });
            return only;
        };
        let (before, behind) = match end {
            QueueEnd::Back => (Some(back), None),
            QueueEnd::Front => (None, Some(front)),
        };
        let index = self.nodes.insert(Node { waiter, before, behind });
        match end {
            QueueEnd::Back => {
                self.nodes[back].behind = Some(index);
                self.ends = Some(Ends { front, back: index });
            }
            QueueEnd::Front => {
                self.nodes[front].before = Some(index);
                self.ends = Some(Ends { front: index, back });
            }
        }
        index
    }

    fn pop(&mut self) -> Option<W> {
        self.remove(self.ends?.front)
    }

    fn remove(&mut self, index: usize) -> Option<W> {
        let node = self.nodes.try_remove(index)?;
        let ends = self.ends?;
        let front = match node.before {
            Some(before) => {
                self.nodes[before].behind = node.behind;
                Some(ends.front)
            }
            None => node.behind,
        };
        let back = match node.behind {
            Some(behind) => {
                self.nodes[behind].before = node.before;
                Some(ends.back)
            }
            None => node.before,
        };
        self.ends = front.zip(back).map(|(front, back)| Ends { front, back });
        Some(node.waiter)
    }

    fn iter(&self) -> impl Iterator<Item = &W> {
        let mut next = self.ends.map(|ends| ends.front);
        std::iter::from_fn(move || {
            let node = &self.nodes[next?];
            next = node.behind;
            Some(&node.waiter)
        })
    }
}

#[cfg(test)]
mod tests;
