//! What PostgreSQL's errors mean, without the values that may be in them.

use sqlx::postgres::PgDatabaseError;

use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::server::error::no_answer;

/// The error of `what`, which reads on after "failed to".
pub(super) fn failed(what: &str, error: &sqlx::Error) -> DatabaseError {
    let refusal = error.as_database_error();
    let Some(refusal) = refusal.and_then(|it| it.try_downcast_ref::<PgDatabaseError>()) else {
        return no_answer(what, error);
    };
    let code = refusal.code();
    let kind = kind(code);
    let mut text = format!("{what}: ");
    if is_safe(code) {
        text.push_str(refusal.message());
    } else {
        text.push_str(meaning(code));
        for (name, value) in [("constraint", refusal.constraint()), ("column", refusal.column())] {
            if let Some(value) = value {
                text.push_str(&format!(", {name} `{value}`"));
            }
        }
    }
    text.push_str(&format!(" (SQLSTATE {code})"));
    if let Some(advice) = advice(code) {
        text.push_str(&format!("; {advice}"));
    }
    DatabaseError { kind, text }
}

/// See <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind(code: &str) -> ErrorKind {
    match code {
        // Somebody's lock, a statement that took too long, a server that stops or starts.
        "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => ErrorKind::Retryable,
        // Too many connections.
        "53300" => ErrorKind::Retryable,
        "42501" | "25006" => ErrorKind::Usage,
        _ => match code.get(..2).unwrap_or(code) {
            // A lost connection; a deadlock, or a serialization failure.
            "08" | "40" => ErrorKind::Retryable,
            // Who comes in, and where to.
            "28" | "3D" => ErrorKind::Usage,
            // Data, constraints, triggers and functions, views with a check option.
            "22" | "23" | "27" | "38" | "39" | "44" | "P0" | "09" => ErrorKind::Row,
            _ => ErrorKind::Broken,
        },
    }
}

/// Whether the server's own words of such an error hold no value of a row. Whatever a trigger or a
/// constraint says may.
fn is_safe(code: &str) -> bool {
    const SAFE: [&str; 13] =
        ["08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];
    SAFE.iter().any(|class| code.starts_with(class))
}

fn meaning(code: &str) -> &'static str {
    match code {
        "22001" => "a hash is longer than its column is wide",
        "23502" => "a column may not be NULL",
        "23505" => "a value would be there twice",
        "23514" => "a check refuses it",
        "42501" => "the user may not do that",
        _ => match code.get(..2).unwrap_or(code) {
            "22" => "a value does not fit",
            "23" => "a constraint refuses it",
            "P0" | "38" | "39" | "27" | "09" => "a trigger or a function refuses it",
            _ => "the server refuses it; its log says why",
        },
    }
}

fn advice(code: &str) -> Option<&'static str> {
    match code {
        "28P01" | "28000" => Some("give the password with PGPASSWORD or --password-file"),
        "25006" => Some("it is read-only; use the server that takes writes"),
        "53100" => Some("make room on the server's disk and run it again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_constraint_or_a_trigger_says_is_never_repeated() {
        for code in
            ["22001", "22021", "22P02", "23502", "23505", "23514", "P0001", "38000", "XX000"]
        {
            assert!(!is_safe(code), "{code}");
        }
    }

    #[test]
    fn deadlocks_and_lost_connections_are_worth_another_try() {
        for code in ["40001", "40P01", "55P03", "57P01", "08006", "53300"] {
            assert_eq!(kind(code), ErrorKind::Retryable, "{code}");
        }
        assert_eq!(kind("53100"), ErrorKind::Broken);
        assert_eq!(kind("23514"), ErrorKind::Row);
        assert_eq!(kind("28P01"), ErrorKind::Usage);
    }
}
