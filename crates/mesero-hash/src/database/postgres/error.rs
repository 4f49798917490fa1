//! The errors of PostgreSQL, without the values that they may contain.

use sqlx::postgres::PgDatabaseError;

use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::server::error::{ServerRefusal, no_reply};

/// The error of `what`, which continues "failed to".
pub(super) fn translate(what: &str, error: &sqlx::Error) -> DatabaseError {
    let refusal = error.as_database_error();
    let Some(refusal) = refusal.and_then(|it| it.try_downcast_ref::<PgDatabaseError>()) else {
        return no_reply(what, error);
    };
    let code = refusal.code();
    let reason = if is_free_of_values(code) {
        refusal.message().to_owned()
    } else {
        let names = [("constraint", refusal.constraint()), ("column", refusal.column())];
        names.iter().fold(meaning(code).to_owned(), |reason, (noun, name)| match name {
            Some(name) => format!("{reason}, {noun} `{name}`"),
            None => reason,
        })
    };
    let kind = kind(code);
    ServerRefusal { kind, reason, code: format!("SQLSTATE {code}"), advice: advice(code) }
        .error(what)
}

/// The consequence of an error.
///
/// See <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind(code: &str) -> ErrorKind {
    match code {
        // A lock, a statement that took too long, a server that stops or starts.
        "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => ErrorKind::Retryable,
        // Too many connections.
        "53300" => ErrorKind::Retryable,
        "42501" | "25006" => ErrorKind::Usage,
        _ => match code.get(..2).unwrap_or(code) {
            // A lost connection; a deadlock, or a serialization failure.
            "08" | "40" => ErrorKind::Retryable,
            // Authentication, an unknown database.
            "28" | "3D" => ErrorKind::Usage,
            // Data, constraints, triggers and functions, views with a check option.
            "22" | "23" | "27" | "38" | "39" | "44" | "P0" | "09" => ErrorKind::Row,
            _ => ErrorKind::Broken,
        },
    }
}

/// Returns whether the server's message for such an error is free of values of rows. The messages of
/// triggers and constraints are not.
fn is_free_of_values(code: &str) -> bool {
    const SAFE: [&str; 13] =
        ["08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];
    SAFE.iter().any(|class| code.starts_with(class))
}

fn meaning(code: &str) -> &'static str {
    match code {
        "22001" => "a hash is longer than its column is wide",
        "23502" => "a column may not be NULL",
        "23505" => "a unique value would exist twice",
        "23514" => "a check constraint rejects it",
        "42501" => "the user lacks the privilege",
        _ => match code.get(..2).unwrap_or(code) {
            "22" => "a value does not fit",
            "23" => "a constraint rejects it",
            "P0" | "38" | "39" | "27" | "09" => "a trigger or a function rejects it",
            _ => "the server rejects it; see its log",
        },
    }
}

fn advice(code: &str) -> Option<&'static str> {
    match code {
        "28P01" | "28000" => Some("give the password with PGPASSWORD or --password-file"),
        "25006" => Some("the server is read-only; name the primary"),
        "53100" => Some("make room on the server's disk and run the same command again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_constraints_and_triggers_are_never_repeated() {
        for code in
            ["22001", "22021", "22P02", "23502", "23505", "23514", "P0001", "38000", "XX000"]
        {
            assert!(!is_free_of_values(code), "{code}");
        }
    }

    #[test]
    fn deadlocks_and_lost_connections_are_retried() {
        for code in ["40001", "40P01", "55P03", "57P01", "08006", "53300"] {
            assert_eq!(kind(code), ErrorKind::Retryable, "{code}");
        }
        assert_eq!(kind("53100"), ErrorKind::Broken);
        assert_eq!(kind("23514"), ErrorKind::Row);
        assert_eq!(kind("28P01"), ErrorKind::Usage);
    }
}
