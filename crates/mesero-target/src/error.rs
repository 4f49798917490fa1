//! Targets that cannot be used.

/// A target that cannot be used. A fragment that follows "failed to", except a configuration error, which is a complete
/// message.
#[derive(Debug)]
pub enum TargetError {
    Missing,
    Unknown { target: String },
    NotHttp { flag: &'static str, target: String },
    ServerPerItem { target: String },
    NoPath { name: String, path: String },
    NoFile { name: String, file: String },
    NoResource { name: String, file: String, hint: String },
    Shell { name: String },
    Request(String),
    Config(mesero_config::ConfigError),
}

impl From<mesero_config::ConfigError> for TargetError {
    fn from(error: mesero_config::ConfigError) -> Self {
        Self::Config(error)
    }
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const FORMS: &str = "a URL such as http://localhost:8000/square?num=3, `python:MODULE:FUNCTION`, \
                             `@NAME` of a resource in mesero.toml, `stub:`, or a command after `--`";
        match self {
            Self::Missing => {
                write!(f, "find a target: the command line names none; expected {FORMS}")
            }
            Self::Unknown { target } if looks_like_a_url(target) => {
                write!(f, "parse the target `{target}`: did you mean `http://{target}`?")
            }
            Self::Unknown { target } => {
                write!(f, "parse the target `{target}`: expected {FORMS}; items follow the target")
            }
            Self::NotHttp { flag, target } => write!(
                f,
                "use `{flag}`: it applies to HTTP requests, and `{target}` is called without one"
            ),
            Self::ServerPerItem { target } => write!(
                f,
                "use `--wait-for-target`: in `{target}` each item names its server, so there is no single target to \
                 wait for; use `--retry`"
            ),
            Self::NoPath { name, path } => write!(
                f,
                "parse the target `@{name}{path}`: only `http` and `wsgi` resources have paths"
            ),
            Self::NoFile { name, file } => write!(
                f,
                "find the resource `{name}`: the file `{file}` does not exist; name the configuration with `--config FILE`"
            ),
            Self::NoResource { name, file, hint } => {
                write!(f, "find the resource `{name}` in `{file}`: {hint}")
            }
            Self::Shell { name } => write!(
                f,
                "call `@{name}` for items: it is a shell script without placeholders; write it as a command with placeholders \
                 such as {{}}"
            ),
            Self::Request(why) => write!(f, "{why}"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

/// Returns true for a URL without its scheme, such as `localhost:8000/square`.
fn looks_like_a_url(target: &str) -> bool {
    let server = target.split(['/', '?']).next().unwrap_or_default();
    server
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
