//! Header fields of forwarded requests and responses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::{self, Entry};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version, response};

/// Remaining time of the call in milliseconds.
pub(super) const DEADLINE: HeaderName = HeaderName::from_static("mesero-deadline-ms");

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields about one connection, which are removed even if `Connection` does not name them (RFC
/// 9110, 7.6.1), and fields meant for a proxy.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Returns the fields of a request for the upstream, except for those that frame its body. `Host`
/// is the one of the client.
pub(super) fn forwarded(head: &Parts, peer: SocketAddr) -> HeaderMap {
    let mut fields = head.headers.clone();
    let takes_trailers = takes_trailers(&fields);
    remove_hop_by_hop(&mut fields);
    if takes_trailers {
        // Trailers that the client accepts are forwarded to it.
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    fields.remove(header::CONTENT_LENGTH);
    // `100 Continue` was sent when the body was read.
    fields.remove(header::EXPECT);
    join_cookies(&mut fields);
    // HTTP/2 sends the host as `:authority`.
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        fields.insert(header::HOST, host);
    }
    add_forwarded(&mut fields, peer.ip().to_canonical());
    add_via(&mut fields, head.version);
    fields
}

/// Removes from a response the fields that do not concern the client.
pub(super) fn clean_response(head: &mut response::Parts) {
    remove_hop_by_hop(&mut head.headers);
    add_via(&mut head.headers, head.version);
}

/// Returns the time after which the upstream accepts a retry, if it is given in seconds.
pub(super) fn retry_after(fields: &HeaderMap) -> Option<Duration> {
    let seconds = fields.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn takes_trailers(fields: &HeaderMap) -> bool {
    let mut codings = fields
        .get_all(header::TE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

fn remove_hop_by_hop(fields: &mut HeaderMap) {
    let named = fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    // Most of them are absent; a scan of the present fields costs less than a search for each.
    let known = fields.keys().filter(|name| HOP_BY_HOP.contains(name)).cloned();
    let unwanted: Vec<HeaderName> = named.chain(known).collect();
    for name in &unwanted {
        fields.remove(name);
    }
}

/// Joins cookies in one line: HTTP/2 splits them, HTTP/1.1 does not (RFC 9113, 8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    if fields.get_all(header::COOKIE).iter().nth(1).is_some() {
        let cookies: Vec<&[u8]> =
            fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice())) {
            fields.insert(header::COOKIE, joined);
        }
    }
}

/// Adds the client, the requested host and the protocol, as in RFC 7239 and in the older fields.
fn add_forwarded(fields: &mut HeaderMap, client: IpAddr) {
    let host = fields.get(header::HOST).cloned();
    let address = client.to_string();
    let mut forwarded = String::with_capacity(96);
    match client {
        IpAddr::V4(_) => forwarded.extend(["for=", &address, ";proto=http"]),
        IpAddr::V6(_) => forwarded.extend(["for=\"[", &address, "]\";proto=http"]),
    }
    if let Some(Ok(host)) = host.as_ref().map(HeaderValue::to_str)
        && !host.contains(['"', '\\'])
    {
        forwarded.extend([";host=\"", host, "\""]);
    }
    for (name, value) in [(header::FORWARDED, forwarded), (FOR, address)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            append(fields, name, value);
        }
    }
    append(fields, PROTO, HeaderValue::from_static("http"));
    if let Some(host) = host {
        append(fields, HOST, host);
    }
}

fn add_via(fields: &mut HeaderMap, version: Version) {
    let via = match version {
        Version::HTTP_10 => "1.0 mesero",
        Version::HTTP_2 => "2.0 mesero",
        _ => "1.1 mesero",
    };
    append(fields, header::VIA, HeaderValue::from_static(via));
}

/// Appends to a list. Several lines become one, since many programs read only the first.
fn append(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    match fields.entry(name) {
        Entry::Vacant(entry) => _ = entry.insert(value),
        Entry::Occupied(mut entry) => {
            let values: Vec<&[u8]> =
                entry.iter().chain([&value]).map(HeaderValue::as_bytes).collect();
            // Valid fields joined with a comma are a valid field.
            if let Ok(list) = HeaderValue::from_bytes(&values.join(b", ".as_slice())) {
                entry.insert(list);
            }
        }
    }
}

#[cfg(test)]
mod tests;
