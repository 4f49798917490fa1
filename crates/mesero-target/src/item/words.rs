//! Words of the command line, where `0..1000` stands for a thousand numbers.

use std::ops::RangeInclusive;

use super::Input;

/// A word, or the numbers it stands for; an iterator of them.
#[derive(Debug)]
pub enum InputWord {
    Text(Option<String>),
    Numbers(RangeInclusive<i64>),
}

impl InputWord {
    /// Reads a word: `2..5` is 2, 3 and 4, `2..=5` is 5 too, and anything else is itself.
    pub fn new(word: String) -> Self {
        match range(&word) {
            Some(numbers) => Self::Numbers(numbers),
            None => Self::Text(Some(word)),
        }
    }

    /// How many items it is.
    pub fn items(&self) -> u64 {
        match self {
            Self::Text(text) => u64::from(text.is_some()),
            Self::Numbers(numbers) if numbers.is_empty() => 0,
            Self::Numbers(numbers) => numbers.start().abs_diff(*numbers.end()).saturating_add(1),
        }
    }

    /// The item of this rank; the first is 0.
    pub(super) fn at(&self, rank: u64) -> Option<Input> {
        if rank >= self.items() {
            return None;
        }
        match self {
            Self::Text(text) => text.clone().map(Input::Text),
            Self::Numbers(numbers) => numbers.start().checked_add_unsigned(rank).map(Input::Number),
        }
    }
}

impl Iterator for InputWord {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        match self {
            Self::Text(text) => text.take().map(Input::Text),
            Self::Numbers(numbers) => numbers.next().map(Input::Number),
        }
    }
}

fn range(word: &str) -> Option<RangeInclusive<i64>> {
    let (start, end) = word.split_once("..")?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| !text.starts_with('+'));
    match end.strip_prefix('=') {
        Some(end) => Some(number(start)?..=number(end)?),
        // Before the least number there is none: the range is empty then anyway.
        None => Some(number(start)?..=number(end)?.checked_sub(1)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(word: &str) -> Vec<String> {
        let word = InputWord::new(word.to_owned());
        let count = word.items();
        let items: Vec<_> = word.map(|input| input.json()).collect();
        assert_eq!(u64::try_from(items.len()).unwrap(), count);
        items
    }

    #[test]
    fn a_range_stands_for_its_numbers() {
        assert_eq!(items("2..5"), ["2", "3", "4"]);
        assert_eq!(items("-1..=1"), ["-1", "0", "1"]);
        assert!(items("5..5").is_empty() && items("5..2").is_empty());
    }

    #[test]
    fn anything_else_is_a_word() {
        for word in ["", "a", "7", "..", "1..", "..2", "1..b", "+1..2", "1...3", "a..b", "1.5..3"] {
            assert_eq!(items(word), [format!("{word:?}")]);
        }
    }
}
