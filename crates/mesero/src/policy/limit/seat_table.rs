//! The states of seats.

use std::collections::BTreeSet;

/// The states of the seats. The lowest free one is taken first, so that a little work stays on few,
/// warm seats.
#[derive(Debug, Default)]
pub(super) struct SeatTable {
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
    pub(super) fn closed(&self) -> usize {
        self.closed
    }

    pub(super) fn take(&mut self, seats: usize) -> Option<usize> {
        let seat = self.lowest_free(seats)?;
        self.touch(seat);
        self.set(seat, SeatState::Taken);
        Some(seat)
    }

    pub(super) fn lowest_free(&self, seats: usize) -> Option<usize> {
        let untouched = self.states.len();
        Some(self.free.first().copied().unwrap_or(untouched)).filter(|seat| *seat < seats)
    }

    pub(super) fn give_back(&mut self, seat: usize) {
        self.set(
            seat,
            match self.states[seat] {
                SeatState::TakenAndClosed | SeatState::Closed => SeatState::Closed,
                SeatState::Taken | SeatState::Free => SeatState::Free,
            },
        );
    }

    pub(super) fn close(&mut self, seat: usize) {
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

    pub(super) fn open(&mut self, seat: usize) {
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
