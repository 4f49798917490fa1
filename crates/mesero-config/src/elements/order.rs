//! The order in which waiting calls get slots.

use mesero::Order;

use crate::elements::word::Word;

impl Word for Order {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fifo", Self::Fifo),
        ("newest-when-overloaded", Self::NewestWhenOverloaded),
        ("priority", Self::Priority),
        ("fair", Self::Fair),
    ];
}
