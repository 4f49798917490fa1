//! A request's arguments: taken from where the route says, checked, and written as JSON.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use mesero::Argument as Shown;
use mesero_config::{ArgumentKind, ArgumentSource, RouteArgument};
use mesero_http::problem::Problem;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

mod literal;

/// The arguments of a call.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// As a JSON object, by name; with `NaN` and `Infinity`, which Python reads.
    pub(crate) json: Bytes,
    /// As the caller wrote them, for the list of jobs.
    pub(crate) shown: Vec<Shown>,
}

/// Takes the `wanted` arguments out of a request. Of a repeated parameter, the last counts.
///
/// # Errors
/// A problem with the first argument that is missing or of another type.
pub(crate) fn take(
    wanted: &[RouteArgument],
    parts: &Parts,
    segments: &[(&str, String)],
    body: &[u8],
) -> Result<Arguments, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let members = if wanted.iter().any(|argument| argument.source == ArgumentSource::Body) {
        members(body)?
    } else {
        Map::new()
    };
    let mut json = String::with_capacity(64);
    let mut shown = Vec::with_capacity(wanted.len());
    for argument in wanted {
        let text = match argument.source {
            ArgumentSource::Path => {
                let segment = segments.iter().find(|(name, _)| *name == argument.key);
                segment.map(|(_, value)| value.clone())
            }
            ArgumentSource::Query => {
                let last = query.iter().rfind(|(name, _)| *name == argument.key);
                last.map(|(_, value)| value.clone().into_owned())
            }
            ArgumentSource::Header => header(parts, argument)?,
            ArgumentSource::Body => {
                if let Some(value) = members.get(&argument.key) {
                    let literal = literal::of_json(argument.kind, value)
                        .ok_or_else(|| wrong(argument, &value.to_string()))?;
                    push(&mut json, &argument.name, &literal);
                    shown.push(Shown { name: (*argument.name).into(), text: shown_value(value) });
                    continue;
                }
                None
            }
        };
        match text {
            Some(text) => {
                let literal =
                    literal::of_text(argument.kind, &text).ok_or_else(|| wrong(argument, &text))?;
                push(&mut json, &argument.name, &literal);
                shown.push(Shown { name: (*argument.name).into(), text });
            }
            None if argument.required => return Err(missing(argument)),
            None => {}
        }
    }
    json.insert(0, '{');
    json.push('}');
    Ok(Arguments { json: json.into(), shown })
}

/// Names are identifiers, so they need no escapes.
fn push(json: &mut String, name: &str, literal: &str) {
    if !json.is_empty() {
        json.push(',');
    }
    for part in ["\"", name, "\":", literal] {
        json.push_str(part);
    }
}

fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn header(parts: &Parts, argument: &RouteArgument) -> Result<Option<String>, Problem> {
    let Ok(name) = HeaderName::from_bytes(argument.key.as_bytes()) else { return Ok(None) };
    let Some(value) = parts.headers.get_all(name).iter().next_back() else { return Ok(None) };
    match value.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(wrong(argument, "bytes that are not visible ASCII")),
    }
}

fn members(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let bad = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-body", "The body is not a JSON object", detail)
    };
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(bad("the body must be a JSON object".to_owned())),
        Err(error) => Err(bad(format!("the body must be a JSON object: {error}"))),
    }
}

fn missing(argument: &RouteArgument) -> Problem {
    let RouteArgument { name, kind, key, .. } = argument;
    bad_argument(
        argument,
        format!(
            "the argument `{name}` is missing: give {} `{key}`, {}",
            source(argument),
            with_article(*kind)
        ),
    )
}

fn wrong(argument: &RouteArgument, came: &str) -> Problem {
    let RouteArgument { name, kind, .. } = argument;
    let came = shorten(came);
    let wanted = with_article(*kind);
    bad_argument(argument, format!("the argument `{name}` must be {wanted}, not `{came}`"))
        .with("came", came)
}

fn with_article(kind: ArgumentKind) -> String {
    match kind {
        ArgumentKind::Int => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn bad_argument(argument: &RouteArgument, detail: String) -> Problem {
    let title = "An argument is missing or of the wrong type";
    Problem::new(StatusCode::BAD_REQUEST, "bad-argument", title, detail)
        .with("argument", argument.name.clone())
        .with("wanted", argument.kind.to_string())
}

fn source(argument: &RouteArgument) -> &'static str {
    match argument.source {
        ArgumentSource::Path => "the path segment",
        ArgumentSource::Query => "the query parameter",
        ArgumentSource::Header => "the header",
        ArgumentSource::Body => "the body's member",
    }
}

/// A text that is long enough to recognize the value.
fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An argument in a JSON array: a number as the caller wrote it, any other value as text.
pub(crate) fn as_listed(text: &str) -> String {
    let may_be_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    // Not parsed into a number, which would change how it is written.
    if may_be_number && serde_json::from_str::<&RawValue>(text).is_ok() {
        text.trim_end().to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests;
