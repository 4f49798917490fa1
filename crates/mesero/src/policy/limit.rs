//! The limit of concurrent attempts: slots, and the seats that they name.

use std::num::NonZeroUsize;

mod seat_table;

use seat_table::SeatTable;

/// The slots of a resource.
#[derive(Debug)]
pub(crate) struct Limit {
    limit: usize,
    /// Number of the resource's seats, where it differs from the limit.
    capacity: Option<NonZeroUsize>,
    in_use: usize,
    seats: SeatTable,
    /// The highest limit since the seats in use last fell to the limit.
    ceiling: usize,
}

impl Limit {
    pub(crate) fn new(limit: NonZeroUsize, capacity: Option<NonZeroUsize>) -> Self {
        Self {
            limit: limit.get(),
            capacity,
            in_use: 0,
            seats: SeatTable::default(),
            ceiling: limit.get(),
        }
    }

    /// Takes a free seat: the lowest one.
    pub(crate) fn take(&mut self) -> Option<usize> {
        if self.in_use >= self.limit {
            return None;
        }
        let seat = self.seats.take(self.capacity())?;
        self.in_use += 1;
        Some(seat)
    }

    pub(crate) fn can_take(&self) -> bool {
        self.in_use < self.limit && self.seats.lowest_free(self.capacity()).is_some()
    }

    fn capacity(&self) -> usize {
        self.capacity.map_or(self.limit, NonZeroUsize::get)
    }

    /// Takes a seat back.
    pub(crate) fn give_back(&mut self, seat: usize) {
        self.in_use -= 1;
        if self.in_use <= self.limit {
            self.ceiling = self.limit;
        }
        self.seats.give_back(seat);
    }

    /// Closes a seat: no slot is granted for it until it is opened. Its present occupant keeps it.
    pub(crate) fn close(&mut self, seat: usize) {
        self.seats.close(seat);
    }

    /// Opens a seat again.
    pub(crate) fn open(&mut self, seat: usize) {
        self.seats.open(seat);
    }

    /// Changes the number of slots. Lowering it takes no seat away from an occupant.
    pub(crate) fn resize(&mut self, limit: NonZeroUsize) {
        self.limit = limit.get();
        self.ceiling = self.ceiling.max(self.limit);
        if self.in_use <= self.limit {
            self.ceiling = self.limit;
        }
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
        self.seats.closed()
    }
}

#[cfg(test)]
mod tests;
