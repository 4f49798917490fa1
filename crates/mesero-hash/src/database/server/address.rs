//! The address of a server and its credentials, without a secret on the command line.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use mesero_terminal::nearest::{listed, nearest};
use url::Url;

use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::secret::SecretBytes;

/// The form of the URLs of one kind of server.
pub(crate) struct UrlScheme {
    /// Schemes before the colon; examples use the first.
    pub(crate) names: &'static [&'static str],
    /// Example of a URL with a socket on this machine.
    pub(crate) socket_example: &'static str,
    /// Parameters that are accepted after the question mark.
    pub(crate) parameters: &'static [&'static str],
    /// Environment variable for the password.
    pub(crate) password_variable: &'static str,
}

/// A server's URL without a password, and the password.
#[derive(Debug, Clone)]
pub(crate) struct ServerAddress {
    pub(crate) url: Url,
    pub(crate) password: Option<SecretBytes>,
}

impl ServerAddress {
    /// Reads the URL, and the password from its file or variable.
    ///
    /// # Errors
    /// If the URL is invalid or contains a password, which is visible in the list of processes, or if
    /// the password's file cannot be read. No error repeats a password.
    pub(crate) fn read(
        location: &DatabaseLocation,
        scheme: &UrlScheme,
    ) -> Result<Self, DatabaseError> {
        let example = format!("{}://user@host:port/database", scheme.names[0]);
        let url = Url::parse(&location.database).map_err(|error| {
            // The message does not repeat the URL, which may contain a password.
            DatabaseError::usage(format!(
                "read the database's URL: {error}; use one such as {example}, or for a socket {}",
                scheme.socket_example
            ))
        })?;
        let variable = scheme.password_variable;
        let in_parameters = url.query_pairs().any(|(name, _)| name == "password");
        if url.password().is_some() || in_parameters {
            return Err(DatabaseError::usage(format!(
                "use the database's URL: it contains a password, which all users of this machine can read \
                 in the list of processes; put it into the environment variable {variable} or into a \
                 file for --password-file, and change the password"
            )));
        }
        if url.fragment().is_some() {
            return Err(DatabaseError::usage(format!(
                "read the database's URL: a `#` in a name is written `%23`; use a URL such as {example}"
            )));
        }
        for (name, _) in url.query_pairs() {
            if !scheme.parameters.contains(&&*name) {
                return Err(unknown_parameter(&name, scheme));
            }
        }
        let password = match &location.password_file {
            Some(path) => Some(read_password(path)?),
            None => std::env::var(variable).ok().map(SecretBytes::from),
        };
        Ok(Self { url, password })
    }

    /// The password as text, for the driver.
    pub(crate) fn password(&self) -> Option<Cow<'_, str>> {
        self.password.as_ref().map(|password| String::from_utf8_lossy(password.reveal()))
    }

    /// The value of the first parameter with one of these names.
    pub(crate) fn parameter(&self, names: &[&str]) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        pairs.find(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned())
    }

    /// Returns whether the URL names a server on this machine.
    pub(crate) fn is_local(&self) -> bool {
        if self.parameter(&["socket"]).is_some() {
            return true;
        }
        let host = self.parameter(&["host", "hostaddr"]);
        let host = host.as_deref().or(self.url.host_str()).unwrap_or_default();
        // An IPv6 address is in brackets in a URL.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        host.is_empty()
            || host == "localhost"
            || host.starts_with(['/', '%'])
            || address.is_ok_and(|address| address.is_loopback())
    }
}

/// The URL without its parameters, for messages.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        write!(f, "{url}")
    }
}

/// The error of a URL that the driver rejects, without the prefixes that the driver puts before each other.
pub(crate) fn rejected_url(error: &sqlx::Error) -> DatabaseError {
    let text = error.to_string();
    let why = text.rsplit("error with configuration: ").next().unwrap_or(&text);
    DatabaseError::usage(format!("read the database's URL: {why}"))
}

fn unknown_parameter(name: &str, scheme: &UrlScheme) -> DatabaseError {
    let known = || scheme.parameters.iter().copied();
    let hint = match nearest(name, known()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the parameters are {}", listed(known())),
    };
    DatabaseError::usage(format!("read the database's URL: unknown parameter `{name}`; {hint}"))
}

/// Reads a password without the line end at the end of the file.
fn read_password(path: &Path) -> Result<SecretBytes, DatabaseError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        DatabaseError::usage(format!("read the password in `{shown}`: {error}"))
    })?;
    let bytes = SecretBytes::new(bytes);
    let line = bytes.reveal();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(DatabaseError::usage(format!("read the password in `{shown}`: it is empty")));
    }
    if std::str::from_utf8(line).is_err() {
        return Err(DatabaseError::usage(format!(
            "read the password in `{shown}`: it is not UTF-8"
        )));
    }
    Ok(SecretBytes::copied(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: UrlScheme = UrlScheme {
        names: &["postgres"],
        socket_example: "postgres:///database?host=/folder",
        parameters: &["host", "sslmode"],
        password_variable: "MESERO_TEST_NO_SUCH_VARIABLE",
    };

    fn read(url: &str) -> Result<ServerAddress, String> {
        let database = url.to_owned();
        let location = DatabaseLocation { database, password_file: None, read_only: true };
        ServerAddress::read(&location, &SCHEME).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_in_the_url_is_rejected_and_not_repeated() {
        for url in [
            "postgres://anna:hunter2@host/shop",
            "postgres://host/shop?password=hunter2",
            "postgres://anna:hunter2@host:port/shop",
            "postgres://anna:hunter2@/shop",
        ] {
            let error = read(url).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_unknown_parameter_is_rejected_with_the_nearest_one() {
        let error = read("postgres://host/shop?ssl_mode=require").unwrap_err();
        assert!(error.ends_with("`ssl_mode`; did you mean `sslmode`?"), "{error}");
    }

    #[test]
    fn an_address_is_printed_without_its_parameters() {
        let address = read("postgres://anna@host:5433/shop?sslmode=require").unwrap();
        assert_eq!(address.to_string(), "postgres://anna@host:5433/shop");
    }

    #[test]
    fn a_server_is_local_if_its_address_or_its_socket_is() {
        for local in ["postgres:///shop", "postgres://[::1]/shop", "postgres://a@localhost/shop"] {
            assert!(read(local).unwrap().is_local(), "{local}");
        }
        assert!(read("postgres:///shop?host=/run/postgresql").unwrap().is_local());
        assert!(!read("postgres://db.example.com/shop").unwrap().is_local());
    }

    #[test]
    fn the_password_in_a_file_ends_before_its_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, " p\u{e4}ss \n\r\n").unwrap();
        let password = read_password(&path).unwrap();
        assert_eq!(password.reveal(), " p\u{e4}ss \n".as_bytes());
        for bad in [&b""[..], b"\n", b"\xff"] {
            std::fs::write(&path, bad).unwrap();
            assert!(read_password(&path).is_err());
        }
    }
}
