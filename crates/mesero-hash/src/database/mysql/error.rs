//! What the errors of MySQL and MariaDB mean, without the values that may be in them.

use sqlx::mysql::MySqlDatabaseError;

use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::server::error::no_answer;

/// The error of `what`, which reads on after "failed to".
pub(super) fn failed(what: &str, error: &sqlx::Error) -> DatabaseError {
    let refusal = error.as_database_error();
    let Some(refusal) = refusal.and_then(|it| it.try_downcast_ref::<MySqlDatabaseError>()) else {
        return no_answer(what, error);
    };
    let number = refusal.number();
    let state = refusal.code().unwrap_or_default();
    let (kind, known) = kind(number);
    let said = if known { refusal.message() } else { meaning(number) };
    let mut text = format!("{what}: {said} (error {number}, SQLSTATE {state})");
    if let Some(advice) = advice(number) {
        text.push_str(&format!("; {advice}"));
    }
    DatabaseError { kind, text }
}

/// What to do about an error, and whether the server's own words for it hold no value of a row.
///
/// See <https://mariadb.com/docs/server/reference/error-codes>.
fn kind(number: u16) -> (ErrorKind, bool) {
    match number {
        // Somebody's lock, a deadlock, a snapshot that is too old, a statement that took too long
        // or was killed, a server that is full, stops, or is not ready in its cluster.
        1020
        | 1040
        | 1047
        | 1053
        | 1152
        | 1158..=1161
        | 1180
        | 1203
        | 1205
        | 1213
        | 1226
        | 1317
        | 1927
        | 1969
        | 3024 => (ErrorKind::Retryable, true),
        // Who comes in, where to, and what he may.
        1044 | 1045 | 1049 | 1130 | 1131 | 1142 | 1143 | 1227 | 1251 | 1275 | 1290 | 1524
        | 1698 | 1792 | 1820 | 1836 => (ErrorKind::Usage, true),
        // Full disks, damaged or missing tables.
        1021 | 1026 | 1030 | 1037 | 1038 | 1041 | 1054 | 1064 | 1114 | 1146 | 1194 | 1195
        | 1305 | 1356 => (ErrorKind::Broken, true),
        // Constraints, conversions and what triggers signal: values are in the words.
        1048
        | 1062
        | 1169
        | 1216
        | 1217
        | 1263..=1265
        | 1292
        | 1364
        | 1366
        | 1369
        | 1406
        | 1411
        | 1451
        | 1452
        | 1644
        | 3819
        | 4025 => (ErrorKind::Row, false),
        _ => (ErrorKind::Broken, false),
    }
}

fn meaning(number: u16) -> &'static str {
    match number {
        1048 | 1263 => "a column may not be NULL",
        1062 | 1169 => "a value would be there twice",
        1406 => "a hash is longer than its column is wide",
        3819 | 4025 => "a check refuses it",
        1216 | 1217 | 1451 | 1452 => "a foreign key refuses it",
        1644 => "a trigger refuses it",
        1264..=1265 | 1292 | 1364 | 1366 | 1411 => "a value does not fit",
        _ => "the server refuses it",
    }
}

fn advice(number: u16) -> Option<&'static str> {
    match number {
        1045 | 1698 => Some("give the password with MYSQL_PWD or --password-file"),
        1290 | 1792 | 1836 => Some("it is read-only; use the server that takes writes"),
        1021 | 1114 => Some("make room on the server's disk and run it again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_constraint_or_a_trigger_says_is_never_repeated() {
        for number in [1062, 1366, 1406, 1644, 3819, 4025, 9999] {
            assert!(!kind(number).1, "{number}");
        }
    }

    #[test]
    fn deadlocks_and_killed_connections_are_worth_another_try() {
        for number in [1205, 1213, 1317, 1927, 1969] {
            assert_eq!(kind(number).0, ErrorKind::Retryable, "{number}");
        }
        assert_eq!(kind(1114).0, ErrorKind::Broken);
        assert_eq!(kind(1045).0, ErrorKind::Usage);
        assert_eq!(kind(4025).0, ErrorKind::Row);
    }
}
