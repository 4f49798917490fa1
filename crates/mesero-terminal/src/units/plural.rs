//! A number and what there is so much of, as people say it.

/// `1 row`, `0 rows`, `2 rows`.
pub fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", form(count, one, several))
}

/// The word that stands with a number.
pub fn form<'a>(count: u64, one: &'a str, several: &'a str) -> &'a str {
    if count == 1 { one } else { several }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        let rows = [0, 1, 2].map(|count| counted(count, "row", "rows"));
        assert_eq!(rows, ["0 rows", "1 row", "2 rows"]);
    }
}
