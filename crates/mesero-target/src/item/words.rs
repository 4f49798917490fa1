//! Arguments of the command line as items: `0..1000` is a thousand numbers.

use std::ops::RangeInclusive;

use super::input::ItemInput;

/// An argument: one text, or the numbers of a range. An iterator of the items that are left.
#[derive(Debug)]
pub enum InputWord {
    Text(Option<String>),
    Numbers(RangeInclusive<i64>),
}

impl InputWord {
    /// Parses an argument: `2..5` is 2, 3 and 4, `2..=5` includes 5, and any other is a text.
    pub fn new(word: String) -> Self {
        match range(&word) {
            Some(numbers) => Self::Numbers(numbers),
            None => Self::Text(Some(word)),
        }
    }

    /// The number of items.
    pub fn items(&self) -> u64 {
        match self {
            Self::Text(text) => u64::from(text.is_some()),
            Self::Numbers(numbers) if numbers.is_empty() => 0,
            Self::Numbers(numbers) => numbers.start().abs_diff(*numbers.end()).saturating_add(1),
        }
    }

    /// The item at this position, from 0.
    pub(super) fn at(&self, position: u64) -> Option<ItemInput> {
        if position >= self.items() {
            return None;
        }
        match self {
            Self::Text(text) => text.clone().map(ItemInput::Text),
            Self::Numbers(numbers) => {
                numbers.start().checked_add_unsigned(position).map(ItemInput::Number)
            }
        }
    }
}

impl Iterator for InputWord {
    type Item = ItemInput;

    fn next(&mut self) -> Option<ItemInput> {
        match self {
            Self::Text(text) => text.take().map(ItemInput::Text),
            Self::Numbers(numbers) => numbers.next().map(ItemInput::Number),
        }
    }
}

fn range(word: &str) -> Option<RangeInclusive<i64>> {
    let (start, end) = word.split_once("..")?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| !text.starts_with('+'));
    match end.strip_prefix('=') {
        Some(end) => Some(number(start)?..=number(end)?),
        // No number is below the smallest one: such a range is empty.
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
    fn a_range_is_its_numbers() {
        assert_eq!(items("2..5"), ["2", "3", "4"]);
        assert_eq!(items("-1..=1"), ["-1", "0", "1"]);
        assert!(items("5..5").is_empty() && items("5..2").is_empty());
    }

    #[test]
    fn any_other_argument_is_a_text() {
        for word in ["", "a", "7", "..", "1..", "..2", "1..b", "+1..2", "1...3", "a..b", "1.5..3"] {
            assert_eq!(items(word), [format!("{word:?}")]);
        }
    }
}
