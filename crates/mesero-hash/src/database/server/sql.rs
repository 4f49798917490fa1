//! Names in SQL.

/// An identifier as a statement has it: in these quotes, which are doubled inside.
pub(crate) fn quoted(name: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", name.replace(quote, &doubled))
}
