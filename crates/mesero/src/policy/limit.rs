//! How many attempts may occupy the resource at once, and who is next: the one place where work
//! waits.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use slab::Slab;

/// Slots, and the queue of those who wait for one. `W` is how a waiter is told its seat.
///
/// Invariant: as long as a slot can be granted, nobody waits.
#[derive(Debug)]
pub(crate) struct Limit<W> {
    limit: usize,
    /// How many seats the resource has, where it has a number of its own.
    capacity: Option<NonZeroUsize>,
    bound: usize,
    in_use: usize,
    seats: SeatTable,
    queue: WaiterQueue<W>,
    /// The highest limit since what is in use last fell below it.
    ceiling: usize,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueIndex(usize);

/// A seat that goes to a waiter.
#[derive(Debug)]
#[must_use = "the waiter waits until it is told"]
pub(crate) struct Grant<W> {
    pub(crate) waiter: W,
    pub(crate) seat: usize,
}

/// Where a job enters the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueEnd {
    /// Behind everybody, where the bound admits it.
    Back,
    /// In front of everybody: a job that has tried before and was admitted then.
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

    /// Takes a free seat, which there is none of as long as somebody waits.
    pub(crate) fn try_take(&mut self) -> Option<usize> {
        if self.in_use >= self.limit {
            return None;
        }
        let seat = self.seats.take(self.capacity())?;
        self.in_use += 1;
        Some(seat)
    }

    /// Whether a new job can neither start nor wait.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= self.bound && !self.can_take()
    }

    fn can_take(&self) -> bool {
        self.in_use < self.limit && self.seats.lowest_free(self.capacity()).is_some()
    }

    fn capacity(&self) -> usize {
        self.capacity.map_or(self.limit, NonZeroUsize::get)
    }

    /// Waits for a seat. Whoever calls this has seen that there is none.
    pub(crate) fn enqueue(&mut self, waiter: W, end: QueueEnd) -> QueueIndex {
        QueueIndex(self.queue.push(waiter, end))
    }

    /// Leaves the queue; none if a seat was granted meanwhile.
    pub(crate) fn leave(&mut self, index: QueueIndex) -> Option<W> {
        self.queue.remove(index.0)
    }

    /// Takes a seat back, and grants what is free now.
    pub(crate) fn give_back(&mut self, seat: usize) -> Option<Grant<W>> {
        self.in_use -= 1;
        if self.in_use <= self.limit {
            self.ceiling = self.limit;
        }
        self.seats.give_back(seat);
        self.grant()
    }

    /// Closes a seat: no slot is granted for it until it is opened. Whoever has it, keeps it.
    pub(crate) fn close(&mut self, seat: usize) {
        self.seats.close(seat);
    }

    /// Opens a seat again.
    pub(crate) fn open(&mut self, seat: usize) -> Option<Grant<W>> {
        self.seats.open(seat);
        self.grant()
    }

    /// Changes how many slots there are. Lowering takes nothing away from those who have one.
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
        // Somebody waits, or the seat would not have been taken.
        let waiter = self.queue.pop()?;
        Some(Grant { waiter, seat })
    }

    /// Everybody who waits, from the front on.
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

/// Which seats are free. The lowest is taken first, so that a little work stays on few, warm seats.
#[derive(Debug, Default)]
struct SeatTable {
    /// The seats that were ever touched; those behind them are free.
    states: Vec<SeatState>,
    /// Those of them that are free.
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

/// First in, first out, with leaving from anywhere: a list whose links are indexes, so that the
/// millionth waiter costs what the first did.
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
