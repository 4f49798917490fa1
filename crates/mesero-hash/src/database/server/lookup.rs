//! Names from the command line, looked up in a catalog.

use mesero_terminal::nearest::{listed, nearest};

use crate::database::error::DatabaseError;

/// Number of rows from which the catalog's estimate is good enough for the progress bar.
pub(crate) const COUNTED_ROWS: u64 = 1_000_000;

/// The unique keys of a table, none of whose columns may be NULL.
#[derive(Debug, Default)]
pub(crate) struct UniqueKeys {
    /// Columns of the primary key, in its order; empty if there is none.
    pub(crate) primary: Vec<String>,
    /// Columns of the other keys, in their order.
    pub(crate) others: Vec<Vec<String>>,
}

impl UniqueKeys {
    /// The selected key, in the order of its index; the primary key if none was selected.
    ///
    /// # Errors
    /// If there is no such key; the message lists the existing ones.
    pub(crate) fn choose(
        &self,
        selected: &[String],
        table: &str,
    ) -> Result<Vec<String>, DatabaseError> {
        let mut all = std::iter::once(&self.primary).chain(&self.others);
        if selected.is_empty() {
            if !self.primary.is_empty() {
                return Ok(self.primary.clone());
            }
            let why = if self.others.is_empty() {
                "and no other unique key without NULL; add one"
            } else {
                "name one with --key"
            };
            let known = listed_keys(&self.others);
            return Err(DatabaseError::usage(format!(
                "page through {table}: it has no primary key, {why}{known}"
            )));
        }
        let same = |key: &&Vec<String>| {
            key.len() == selected.len() && key.iter().all(|column| selected.contains(column))
        };
        match all.find(same) {
            Some(key) => Ok(key.clone()),
            None => {
                let others = std::iter::once(&self.primary).chain(&self.others);
                let others: Vec<_> = others.filter(|key| !key.is_empty()).cloned().collect();
                let names = listed(selected.iter().map(String::as_str));
                let known = listed_keys(&others);
                Err(DatabaseError::usage(format!(
                    "page through {table} by {names}: there is no unique key of exactly these \
                     columns and without NULL{known}"
                )))
            }
        }
    }
}

/// Checks that no write changes the key.
///
/// # Errors
/// If a column of the key is among the written ones.
pub(crate) fn check_key_is_not_written(
    key: &[String],
    written: &[&str],
    table: &str,
) -> Result<(), DatabaseError> {
    match key.iter().find(|column| written.contains(&column.as_str())) {
        None => Ok(()),
        Some(column) => Err(DatabaseError::usage(format!(
            "page through {table} by `{column}`: hashing changes it; name another unique key with \
             --key"
        ))),
    }
}

/// The existing keys, to be appended to a sentence.
fn listed_keys(keys: &[Vec<String>]) -> String {
    match keys {
        [] => String::new(),
        keys => {
            let keys: Vec<String> = keys.iter().map(|key| key.join(",")).collect();
            format!("; there is {}", listed(keys.iter().map(String::as_str)))
        }
    }
}

/// The meaning of the case of letters in names of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameCase {
    Distinct,
    Ignored,
}

/// Finds a column by its name.
///
/// # Errors
/// If there is none; the message has the nearest name.
pub(crate) fn column<'a>(
    name: &str,
    names: &'a [String],
    table: &str,
    case: NameCase,
) -> Result<&'a str, DatabaseError> {
    let exact = names.iter().find(|known| *known == name);
    let same = || {
        names
            .iter()
            .find(|known| case == NameCase::Ignored && known.to_lowercase() == name.to_lowercase())
    };
    match exact.or_else(same) {
        Some(name) => Ok(name),
        None => {
            let known = || names.iter().map(String::as_str);
            let hint = match nearest(name, known()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("it has {}", listed(known())),
            };
            Err(DatabaseError::usage(format!("find the column `{name}` in {table}; {hint}")))
        }
    }
}

/// The error for a table that does not exist, with the nearest name.
pub(crate) fn table_not_found<'a>(
    name: &str,
    place: &impl std::fmt::Display,
    known: impl Iterator<Item = &'a str> + Clone,
) -> DatabaseError {
    let hint = match (nearest(name, known.clone()), known.count()) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, 0) => "there are no tables that this user can see".to_owned(),
        (None, 1) => "there is one table, with another name".to_owned(),
        (None, count) => format!("there are {count} tables, none with a similar name"),
    };
    DatabaseError::usage(format!("find the table `{name}` in {place}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_primary_key_is_taken_unless_another_is_named() {
        let others = vec![strings(&["realm", "login"])];
        let keys = UniqueKeys { primary: strings(&["id"]), others };
        assert_eq!(keys.choose(&[], "t").unwrap(), ["id"]);
        let named = keys.choose(&strings(&["login", "realm"]), "t").unwrap();
        assert_eq!(named, ["realm", "login"]);
        let error = keys.choose(&strings(&["login"]), "`users`").unwrap_err();
        assert!(error.text.ends_with("; there is `id` and `realm,login`"), "{error}");
    }

    #[test]
    fn a_table_without_a_primary_key_needs_a_named_one() {
        let keys = UniqueKeys { primary: Vec::new(), others: vec![strings(&["login"])] };
        let error = keys.choose(&[], "`users`").unwrap_err();
        assert!(error.text.ends_with("name one with --key; there is `login`"), "{error}");
    }

    #[test]
    fn a_column_of_another_case_is_found_only_where_case_does_not_matter() {
        let names = strings(&["id", "Password"]);
        assert_eq!(column("password", &names, "t", NameCase::Ignored).unwrap(), "Password");
        let error = column("password", &names, "`t`", NameCase::Distinct).unwrap_err();
        assert!(error.text.ends_with("in `t`; did you mean `Password`?"), "{error}");
    }
}
