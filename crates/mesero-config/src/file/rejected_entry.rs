//! Entries of a document that are rejected, and taken out so that the rest can be read.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An entry that was rejected.
pub(crate) struct RejectedEntry<'i> {
    /// The names that lead to it, its own last.
    pub(crate) keys: Vec<String>,
    pub(crate) value: DeValue<'i>,
}

/// Takes out the entry whose key or value is at `span`.
pub(crate) fn take_out<'i>(
    table: &mut DeTable<'i>,
    span: &Range<usize>,
) -> Option<RejectedEntry<'i>> {
    let found = table.iter().find(|(key, value)| key.span() == *span || is_at(value, span));
    if let Some(key) = found.map(|(key, _)| key.clone()) {
        let value = table.remove(&key)?.into_inner();
        return Some(RejectedEntry { keys: vec![key.into_inner().into_owned()], value });
    }
    table.iter_mut().find_map(|(key, value)| {
        let mut rejected = match value.get_mut() {
            DeValue::Table(inner) => take_out(inner, span),
            DeValue::Array(items) => items.iter_mut().find_map(|item| match item.get_mut() {
                DeValue::Table(inner) => take_out(inner, span),
                _ => None,
            }),
            _ => None,
        }?;
        rejected.keys.insert(0, key.get_ref().to_string());
        Some(rejected)
    })
}

/// Returns whether `span` means this value as a whole, rather than an entry of a table inside it.
fn is_at(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    value.span() == *span
        || match value.get_ref() {
            DeValue::Array(items) => items.iter().any(|item| is_at(item, span)),
            _ => false,
        }
}
