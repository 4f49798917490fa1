//! Names in SQL.

/// An identifier in SQL: inside `quote`, which is doubled within the name.
pub(crate) fn quoted(name: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", name.replace(quote, &doubled))
}
