//! The errors of MySQL and MariaDB, without the values that they may contain.

use sqlx::mysql::MySqlDatabaseError;

use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::server::error::{ServerRefusal, no_reply};

/// The error of `what`, which continues "failed to".
pub(super) fn translate(what: &str, error: &sqlx::Error) -> DatabaseError {
    let refusal = error.as_database_error();
    let Some(refusal) = refusal.and_then(|it| it.try_downcast_ref::<MySqlDatabaseError>()) else {
        return no_reply(what, error);
    };
    let number = refusal.number();
    let state = refusal.code().unwrap_or_default();
    let (kind, is_free_of_values) = kind(number);
    let reason = if is_free_of_values { refusal.message() } else { meaning(number) }.to_owned();
    let code = format!("error {number}, SQLSTATE {state}");
    ServerRefusal { kind, reason, code, advice: advice(number) }.error(what)
}

/// The consequence of an error, and whether the server's message for it is free of values of rows.
///
/// See <https://mariadb.com/docs/server/reference/error-codes>.
fn kind(number: u16) -> (ErrorKind, bool) {
    match number {
        // A lock, a deadlock, an outdated snapshot, a statement that took too long or was killed, too
        // many connections, a server that stops or is not ready in its cluster.
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
        // Authentication, an unknown database, privileges.
        1044 | 1045 | 1049 | 1130 | 1131 | 1142 | 1143 | 1227 | 1251 | 1275 | 1290 | 1524
        | 1698 | 1792 | 1820 | 1836 => (ErrorKind::Usage, true),
        // Full disks, damaged or missing tables.
        1021 | 1026 | 1030 | 1037 | 1038 | 1041 | 1054 | 1064 | 1114 | 1146 | 1194 | 1195
        | 1305 | 1356 => (ErrorKind::Broken, true),
        // Constraints, conversions and signals of triggers, whose messages contain values.
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
        1062 | 1169 => "a unique value would exist twice",
        1406 => "a hash is longer than its column is wide",
        3819 | 4025 => "a check constraint rejects it",
        1216 | 1217 | 1451 | 1452 => "a foreign key rejects it",
        1644 => "a trigger rejects it",
        1264..=1265 | 1292 | 1364 | 1366 | 1411 => "a value does not fit",
        _ => "the server rejects it",
    }
}

fn advice(number: u16) -> Option<&'static str> {
    match number {
        1045 | 1698 => Some("give the password with MYSQL_PWD or --password-file"),
        1290 | 1792 | 1836 => Some("the server is read-only; name the primary"),
        1021 | 1114 => Some("make room on the server's disk and run the same command again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_constraints_and_triggers_are_never_repeated() {
        for number in [1062, 1366, 1406, 1644, 3819, 4025, 9999] {
            assert!(!kind(number).1, "{number}");
        }
    }

    #[test]
    fn deadlocks_and_killed_connections_are_retried() {
        for number in [1205, 1213, 1317, 1927, 1969] {
            assert_eq!(kind(number).0, ErrorKind::Retryable, "{number}");
        }
        assert_eq!(kind(1114).0, ErrorKind::Broken);
        assert_eq!(kind(1045).0, ErrorKind::Usage);
        assert_eq!(kind(4025).0, ErrorKind::Row);
    }
}
