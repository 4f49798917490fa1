//! HTTP requests, filled with the fields of an item.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use mesero_config::ReplyForm;
use mesero_config::template::{Part, Template};
use mesero_http::payload::Payload;
use mesero_resources::{Request, RequestContext};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::args::RequestFlags;
use crate::body::BodyTemplate;
use crate::fields::{field_names, missing_field};
use crate::item::ItemInput;

/// The characters that are escaped in values: all but the unreserved ones of RFC 3986, 2.3.
const ESCAPED_IN_VALUES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The characters that are escaped in the URL of the command line: those that no URL can contain.
const INVALID_IN_URL: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The peer of requests that mesero makes itself.
pub(super) const LOCAL_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A request with placeholders.
#[derive(Debug)]
pub(super) struct RequestTemplate {
    method: Method,
    /// Scheme, host and port, if each item names its server.
    server: Option<Template>,
    path: Template,
    /// Headers without placeholders.
    headers: HeaderMap,
    header_templates: Vec<(HeaderName, Template)>,
    body: Option<BodyTemplate>,
    /// The texts of the body and of headers with placeholders.
    identity: String,
}

impl RequestTemplate {
    /// Parses a path with its query, and the options of requests.
    ///
    /// # Errors
    /// If a part cannot be sent; a fragment that follows "failed to".
    pub(super) fn read(path: &str, flags: &RequestFlags<'_>) -> Result<Self, String> {
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let (body, identity) = flags.body.read()?.unzip();
        let method = match flags.method {
            Some(method) => Method::from_str(method).map_err(|_| {
                format!("use the method `{method}` of `-X`: it is not a valid method")
            })?,
            None if body.is_some() => Method::POST,
            None => Method::GET,
        };
        let mut requests = Self {
            method,
            server: None,
            path: Template::parse_loosely(&path),
            headers: HeaderMap::new(),
            header_templates: Vec::new(),
            body,
            identity: identity.unwrap_or_default(),
        };
        requests.set_headers(flags)?;
        // A trial: with any item, the template must be a valid request.
        requests
            .request(&ItemInput::Number(0))
            .map_err(|why| format!("make requests of `{path}`: {why}"))?;
        Ok(requests)
    }

    /// As [`read`](Self::read), for a server with placeholders.
    ///
    /// # Errors
    /// If a part cannot be sent; a fragment that follows "failed to".
    pub(super) fn read_with_server(
        server: &str,
        path: &str,
        flags: &RequestFlags<'_>,
    ) -> Result<Self, String> {
        let requests = Self::read(path, flags)?;
        // Without a slash before it, unlike in `read`: the server's placeholder may contain the whole path.
        let path = Template::parse_loosely(path.split('#').next().unwrap_or_default());
        Ok(Self { server: Some(Template::parse_loosely(server)), path, ..requests })
    }

    /// Returns true if each item names its server.
    pub(super) fn has_server_per_item(&self) -> bool {
        self.server.is_some()
    }

    fn set_headers(&mut self, flags: &RequestFlags<'_>) -> Result<(), String> {
        let plain = HeaderValue::from_static;
        self.headers
            .insert(header::USER_AGENT, plain(concat!("mesero/", env!("CARGO_PKG_VERSION"))));
        self.headers.insert(header::ACCEPT, plain("*/*"));
        match self.body {
            Some(BodyTemplate::Json(_)) => {
                self.headers.insert(header::ACCEPT, plain("application/json"));
                self.headers.insert(header::CONTENT_TYPE, plain("application/json"));
            }
            Some(BodyTemplate::Text(_)) => {
                let form = plain("application/x-www-form-urlencoded");
                self.headers.insert(header::CONTENT_TYPE, form);
            }
            None => {}
        }
        let mut named = Vec::new();
        for field in flags.headers {
            let wrong = |why: &str| {
                format!(
                    "send the header `{field}` of `-H`: {why}; it must have the form 'NAME: VALUE'"
                )
            };
            let (name, value) = field.split_once(':').ok_or_else(|| wrong("there is no colon"))?;
            let name =
                HeaderName::from_str(name.trim()).map_err(|_| wrong("the name is not valid"))?;
            if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION]
                .contains(&name)
            {
                return Err(wrong("it belongs to the connection, and mesero sets it"));
            }
            let template = Template::parse_loosely(value.trim());
            if !named.contains(&name) {
                // The default header is replaced.
                self.headers.remove(&name);
                named.push(name.clone());
            }
            if template.names().next().is_some() {
                self.identity.push_str(field);
                self.header_templates.push((name, template));
                continue;
            }
            let value = filled(&template, &ItemInput::Number(0))?;
            let value = HeaderValue::from_str(&value)
                .map_err(|_| wrong("a header cannot contain such a value"))?;
            self.headers.append(name, value);
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<String> {
        let header_templates = self.header_templates.iter().map(|(_, template)| template);
        let templates = self.server.iter().chain([&self.path]).chain(header_templates);
        let templates = templates.chain(self.body.as_ref().map(BodyTemplate::template));
        field_names(templates).iter().map(ToString::to_string).collect()
    }

    /// The parts that determine answers, besides the path.
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.method, self.identity)
    }

    /// The request for an item.
    ///
    /// # Errors
    /// If none can be made of it.
    pub(super) fn request(&self, input: &ItemInput) -> Result<Request, String> {
        let mut path = String::new();
        for part in self.path.pieces() {
            match part {
                Part::Text(text) => path.extend(utf8_percent_encode(text, INVALID_IN_URL)),
                Part::Name(name) => {
                    let value = input.text(name).ok_or_else(|| missing_field(name))?;
                    path.extend(utf8_percent_encode(&value, ESCAPED_IN_VALUES));
                }
            }
        }
        let uri = match &self.server {
            None => PathAndQuery::try_from(path)
                .map(Uri::from)
                .map_err(|error| format!("the URL is not valid: {error}"))?,
            Some(server) => absolute(&format!("{}{path}", filled(server, input)?))?,
        };
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.uri = uri;
        head.method = self.method.clone();
        head.headers = self.headers.clone();
        for (name, template) in &self.header_templates {
            let value = filled(template, input)?;
            let value = HeaderValue::from_str(&value)
                .map_err(|_| format!("the header `{name}` cannot contain such a value"))?;
            head.headers.append(name.clone(), value);
        }
        let body = match &self.body {
            Some(body) => Bytes::from(body.fill(input)?),
            None => Bytes::new(),
        };
        Ok(Request {
            context: Arc::new(RequestContext { head, prefix: String::new(), peer: LOCAL_PEER }),
            arguments: Bytes::from_static(b"{}"),
            body: Payload::Whole(body),
            form: ReplyForm::Json,
        })
    }
}

/// Parses the absolute URL of an item.
fn absolute(url: &str) -> Result<Uri, String> {
    let wrong = |why: &str| format!("the URL `{url}` is not valid: {why}");
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(wrong("it does not begin with `http://` or `https://`"));
    }
    let shown = url.split('#').next().unwrap_or_default();
    let escaped = utf8_percent_encode(shown, INVALID_IN_URL).to_string();
    let uri: Uri = escaped.parse().map_err(|error| wrong(&format!("{error}")))?;
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Err(wrong("it has no host"));
    };
    if authority.as_str().contains('@') {
        return Err(wrong("it contains a user name, which is not sent; use a header"));
    }
    match authority.port_u16() {
        Some(0) => Err(wrong("its port is not a number from 1 to 65535")),
        None if authority.as_str() != authority.host() => {
            Err(wrong("its port is not a number from 1 to 65535"))
        }
        _ => Ok(uri),
    }
}

/// The text of a template, filled with the fields of an item.
fn filled(template: &Template, input: &ItemInput) -> Result<String, String> {
    let mut text = String::new();
    for part in template.pieces() {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Name(name) => {
                text.push_str(&input.text(name).ok_or_else(|| missing_field(name))?)
            }
        }
    }
    Ok(text)
}
