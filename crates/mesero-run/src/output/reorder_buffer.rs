//! Records in the order of the input.

use std::collections::BTreeMap;

use super::record::ItemRecord;

/// Records that wait for those of earlier items. The scheduler's window bounds their number.
#[derive(Debug, Default)]
pub(crate) struct ReorderBuffer {
    next_index: u64,
    records: BTreeMap<u64, ItemRecord>,
}

impl ReorderBuffer {
    pub(crate) fn push(&mut self, record: ItemRecord) {
        self.records.insert(record.item.index, record);
    }

    /// Removes the next record in order, if it is there.
    pub(crate) fn pop(&mut self) -> Option<ItemRecord> {
        let record = self.records.remove(&self.next_index)?;
        self.next_index += 1;
        Some(record)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Removes all records, in order, although earlier ones are missing.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = ItemRecord> + use<> {
        std::mem::take(&mut self.records).into_values()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use mesero_target::item::ItemInput;

    use super::*;
    use crate::input::item::Item;
    use crate::output::error::ItemError;
    use crate::output::record::Traffic;

    fn record(index: u64) -> ItemRecord {
        let item = Item { index, id: String::new(), input: ItemInput::Number(0) };
        ItemRecord {
            item: Arc::new(item),
            result: Err(ItemError::unknown()),
            attempts: 0,
            queued: Duration::ZERO,
            ran: Duration::ZERO,
            traffic: Traffic::default(),
            ended: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn records_leave_in_the_order_of_the_input() {
        let mut buffer = ReorderBuffer::default();
        buffer.push(record(1));
        assert!(buffer.pop().is_none());
        buffer.push(record(0));
        let order: Vec<_> = std::iter::from_fn(|| buffer.pop()).map(|it| it.item.index).collect();
        assert_eq!(order, [0, 1]);
        buffer.push(record(4));
        buffer.push(record(3));
        assert!(buffer.pop().is_none());
        let rest: Vec<_> = buffer.take_all().map(|it| it.item.index).collect();
        assert_eq!((rest, buffer.is_empty()), (vec![3, 4], true));
    }
}
