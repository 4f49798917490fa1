//! Items in turn, again and again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Input, InputWord};

/// The items that some words stand for, from the first to the last and then from the first again; without words, the
/// numbers from 0 on.
#[derive(Debug)]
pub struct ItemCycle {
    words: Vec<InputWord>,
    /// How many items the words are.
    items: u64,
    next: AtomicU64,
}

impl ItemCycle {
    /// None if the words are ranges of nothing.
    pub fn new(words: &[String]) -> Option<Self> {
        let words: Vec<_> = words.iter().cloned().map(InputWord::new).collect();
        let items = words.iter().map(InputWord::items).fold(0, u64::saturating_add);
        (words.is_empty() || items > 0).then_some(Self { words, items, next: AtomicU64::new(0) })
    }

    /// The next item.
    pub fn next(&self) -> Input {
        let turn = self.next.fetch_add(1, Relaxed);
        let mut rank = turn.checked_rem(self.items).unwrap_or(turn);
        for word in &self.words {
            match word.at(rank) {
                Some(input) => return input,
                None => rank -= word.items(),
            }
        }
        Input::Number(i64::try_from(rank).unwrap_or(i64::MAX))
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
    fn words_and_ranges_are_taken_in_turn_and_then_from_the_first_again() {
        assert_eq!(first(&["a", "3..5", "b"], 6), ["\"a\"", "3", "4", "\"b\"", "\"a\"", "3"]);
    }

    #[test]
    fn without_words_items_are_numbers() {
        assert_eq!(first(&[], 3), ["0", "1", "2"]);
    }

    #[test]
    fn a_range_of_nothing_is_no_item() {
        assert!(ItemCycle::new(&["5..5".to_owned()]).is_none());
    }
}
