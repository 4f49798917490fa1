//! The number of items for each status.

use super::status::ItemStatus;

/// The number of finished items for each status.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct StatusCounts([u64; ItemStatus::ALL.len()]);

impl StatusCounts {
    pub(crate) fn add(&mut self, status: ItemStatus) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn of(&self, status: ItemStatus) -> u64 {
        self.0[status as usize]
    }

    /// Finished items, successful or not.
    pub(crate) fn done(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Finished items with any status but success.
    pub(crate) fn failed(&self) -> u64 {
        self.done() - self.of(ItemStatus::Succeeded)
    }

    /// The counts without those of `other`, which are a part of them.
    pub(crate) fn without(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(count, other)| *count -= other);
        self
    }
}
