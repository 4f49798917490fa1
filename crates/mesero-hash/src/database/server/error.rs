//! Errors of a server that gave no answer.

use crate::database::error::{DatabaseError, ErrorKind};

/// The error of `what` where no answer of the server came, or none that makes sense.
pub(crate) fn no_answer(what: &str, error: &sqlx::Error) -> DatabaseError {
    if let sqlx::Error::Io(error) = error
        && let Some(refused) = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>())
    {
        return DatabaseError::usage(format!("{what}: TLS: {refused}"));
    }
    let kind = match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => ErrorKind::Retryable,
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => ErrorKind::Usage,
        _ => ErrorKind::Broken,
    };
    let text = match error {
        sqlx::Error::Io(error) => format!("{what}: {error}"),
        sqlx::Error::Tls(error) => format!("{what}: TLS: {error}"),
        // What it says may have the value in it.
        sqlx::Error::ColumnDecode { index, .. } => {
            format!("{what}: column {index} of the answer is not of the type that was asked for")
        }
        error => format!("{what}: {error}"),
    };
    DatabaseError { kind, text }
}
