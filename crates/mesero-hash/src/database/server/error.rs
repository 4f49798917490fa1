//! Errors of a server: its own, and those of the way to it.

use crate::database::error::{DatabaseError, ErrorKind};

/// An error that the server reported.
#[derive(Debug)]
pub(crate) struct ServerRefusal {
    pub(crate) kind: ErrorKind,
    /// The server's message, or ours where its message may contain a value.
    pub(crate) reason: String,
    /// The server's codes.
    pub(crate) code: String,
    /// A next step for the operator.
    pub(crate) advice: Option<&'static str>,
}

impl ServerRefusal {
    /// The error of `what`, which continues "failed to".
    pub(crate) fn error(self, what: &str) -> DatabaseError {
        let Self { kind, reason, code, advice } = self;
        let mut text = format!("{what}: {reason} ({code})");
        if let Some(advice) = advice {
            text.push_str(&format!("; {advice}"));
        }
        DatabaseError { kind, text }
    }
}

/// The error of `what` if the server sent no reply, or an unintelligible one.
pub(crate) fn no_reply(what: &str, error: &sqlx::Error) -> DatabaseError {
    if let sqlx::Error::Io(error) = error
        && let Some(rejected) = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>())
    {
        return DatabaseError::usage(format!("{what}: TLS: {rejected}"));
    }
    let kind = match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => ErrorKind::Retryable,
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => ErrorKind::Usage,
        _ => ErrorKind::Broken,
    };
    let text = match error {
        sqlx::Error::Io(error) => format!("{what}: {error}"),
        sqlx::Error::Tls(error) => format!("{what}: TLS: {error}"),
        // The driver's message may contain the value.
        sqlx::Error::ColumnDecode { index, .. } => {
            format!("{what}: column {index} of the reply has an unexpected type")
        }
        error => format!("{what}: {error}"),
    };
    DatabaseError { kind, text }
}
