//! Counts with their nouns.

/// A count with its noun: `1 row`, `0 rows`, `2 rows`.
pub fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", plural_form(count, one, several))
}

/// The form of a noun or verb that agrees with a count.
pub fn plural_form<'a>(count: u64, one: &'a str, several: &'a str) -> &'a str {
    if count == 1 { one } else { several }
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn only_one_is_singular() {
        let rows = [0, 1, 2].map(|count| plural(count, "row", "rows"));
        assert_eq!(rows, ["0 rows", "1 row", "2 rows"]);
    }
}
