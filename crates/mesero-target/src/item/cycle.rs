//! Items in order, repeated without end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::input::ItemInput;
use super::words::InputWord;

/// The items of some arguments, from the first to the last and then from the first again; without arguments, the
/// numbers from 0.
#[derive(Debug)]
pub struct ItemCycle {
    words: Vec<InputWord>,
    /// The number of items.
    items: u64,
    next: AtomicU64,
}

impl ItemCycle {
    /// A cycle of the items of `words`; none if these are only empty ranges.
    pub fn new(words: &[String]) -> Option<Self> {
        let words: Vec<_> = words.iter().cloned().map(InputWord::new).collect();
        let items = words.iter().map(InputWord::items).fold(0, u64::saturating_add);
        (words.is_empty() || items > 0).then_some(Self { words, items, next: AtomicU64::new(0) })
    }

    /// The next item.
    pub fn next(&self) -> ItemInput {
        let position = self.next.fetch_add(1, Relaxed);
        let mut rest = position.checked_rem(self.items).unwrap_or(position);
        for word in &self.words {
            match word.at(rest) {
                Some(input) => return input,
                None => rest -= word.items(),
            }
        }
        ItemInput::Number(i64::try_from(rest).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(words: &[&str], count: usize) -> Vec<String> {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        let cycle = ItemCycle::new(&words).unwrap();
        (0..count).map(|_| cycle.next().json()).collect()
    }

    #[test]
    fn words_and_ranges_repeat_in_order() {
        assert_eq!(first(&["a", "3..5", "b"], 6), ["\"a\"", "3", "4", "\"b\"", "\"a\"", "3"]);
    }

    #[test]
    fn without_words_items_are_numbers() {
        assert_eq!(first(&[], 3), ["0", "1", "2"]);
    }

    #[test]
    fn an_empty_range_is_not_a_cycle() {
        assert!(ItemCycle::new(&["5..5".to_owned()]).is_none());
    }
}
