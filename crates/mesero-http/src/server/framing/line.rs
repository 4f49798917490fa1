//! Checks one line of an HTTP/1.1 message: request line, field, chunk size.

use super::Violation;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    Http10,
    #[default]
    Http11,
}

/// A field, by its part in where a message ends and which host it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Host,
    ContentLength(u64),
    /// Its value is `chunked`; every other value is rejected.
    TransferEncoding,
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) size: u64,
    pub(super) extension_bytes: usize,
}

/// The line that `rest` begins with, without its line end; its first `searched` bytes are known to hold no LF.
pub(super) fn next(rest: &[u8], searched: usize) -> Result<Option<&[u8]>, Violation> {
    let Some(end) = memchr::memchr(b'\n', &rest[searched..]) else {
        return Ok(None);
    };
    match rest[..searched + end].split_last() {
        Some((b'\r', line)) => Ok(Some(line)),
        _ => Err(Violation::BareLf),
    }
}

/// Checks the first byte of a request line, so that a client of another protocol gets its answer before any line end.
pub(super) fn may_begin_request(first: u8) -> Result<(), Violation> {
    match first {
        b'\n' => Err(Violation::BareLf),
        first if is_token(first) => Ok(()),
        _ => Err(Violation::Method),
    }
}

pub(super) fn request(line: &[u8]) -> Result<Version, Violation> {
    // No part of a request line may have a CR, so only rejected lines are searched for one.
    parts(line)
        .map_err(|violation| if line.contains(&b'\r') { Violation::BareCr } else { violation })
}

fn parts(line: &[u8]) -> Result<Version, Violation> {
    let method_end = line.iter().position(|&byte| !is_token(byte)).ok_or(Violation::Method)?;
    let (method, rest) = line.split_at(method_end);
    let rest = rest.strip_prefix(b" ").ok_or(Violation::Method)?;
    let target_end = rest.iter().position(|&byte| !is_in_target(byte)).ok_or(Violation::Version)?;
    let (target, version) = rest.split_at(target_end);
    let version = version.strip_prefix(b" ").ok_or(Violation::Target)?;
    match target {
        [b'/', ..] => {}
        b"*" if method == b"OPTIONS" => {}
        target => rare_target(method, target)?,
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Violation::Version),
    }
}

/// Checks a complete URL, as proxies get it, or the host:port of a CONNECT. Rare enough for a full parse.
fn rare_target(method: &[u8], target: &[u8]) -> Result<(), Violation> {
    let uri = http::Uri::try_from(target).map_err(|_| Violation::Target)?;
    let authority = uri.authority().ok_or(Violation::Target)?;
    let connects = method == b"CONNECT";
    if connects == uri.scheme().is_some() || authority.as_str().contains('@') {
        return Err(Violation::Target);
    }
    Ok(())
}

pub(super) fn field(line: &[u8]) -> Result<FieldKind, Violation> {
    let name_end =
        line.iter().position(|&byte| !is_token(byte)).ok_or(Violation::FieldWithoutColon)?;
    let (name, rest) = line.split_at(name_end);
    match rest[0] {
        b':' if name.is_empty() => return Err(Violation::FieldName),
        b':' => {}
        b' ' | b'\t' if name.is_empty() => return Err(Violation::FoldedField),
        b' ' | b'\t' => return Err(Violation::SpaceBeforeColon),
        b'\r' => return Err(Violation::BareCr),
        _ => return Err(Violation::FieldName),
    }
    let value = &rest[1..];
    no_controls(value)?;
    // The three names differ in length, so that one comparison decides nearly every field.
    Ok(match name.len() {
        4 if name.eq_ignore_ascii_case(b"host") => host(trimmed(value))?,
        14 if name.eq_ignore_ascii_case(b"content-length") => content_length(trimmed(value))?,
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
            if !trimmed(value).eq_ignore_ascii_case(b"chunked") {
                return Err(Violation::Encoding);
            }
            FieldKind::TransferEncoding
        }
        _ => FieldKind::Other,
    })
}

fn host(value: &[u8]) -> Result<FieldKind, Violation> {
    if value.iter().all(|&byte| is_in_host(byte)) {
        Ok(FieldKind::Host)
    } else {
        Err(Violation::Host)
    }
}

fn content_length(value: &[u8]) -> Result<FieldKind, Violation> {
    if value.is_empty() {
        return Err(Violation::Length);
    }
    let mut length: u64 = 0;
    for &byte in value {
        if !byte.is_ascii_digit() {
            return Err(Violation::Length);
        }
        length = length
            .checked_mul(10)
            .and_then(|length| length.checked_add(u64::from(byte - b'0')))
            .ok_or(Violation::Length)?;
    }
    // A parser with signed numbers must read the same length.
    if i64::try_from(length).is_err() {
        return Err(Violation::Length);
    }
    Ok(FieldKind::ContentLength(length))
}

pub(super) fn chunk(line: &[u8]) -> Result<Chunk, Violation> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    // Fifteen digits are more than any client can send, and overflow no counter of 64 bits, signed or not.
    if digits == 0 || digits > 15 {
        return Err(Violation::ChunkSize);
    }
    let (hex, extension) = line.split_at(digits);
    let size = hex.iter().fold(0, |size, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        };
        size << 4 | u64::from(value)
    });
    no_controls(extension)?;
    match trimmed(extension) {
        [b';', ..] => {}
        [] if extension.is_empty() => {}
        _ => return Err(Violation::ChunkSize),
    }
    Ok(Chunk { size, extension_bytes: extension.len() })
}

/// Accepts tabs and visible characters (RFC 9110, 5.5); bytes from 0x80 on are opaque.
fn no_controls(value: &[u8]) -> Result<(), Violation> {
    // No early exit, so that the compiler looks at many bytes at once.
    let found = value.iter().fold(false, |found, &byte| found | is_control(byte));
    if !found {
        Ok(())
    } else if value.contains(&b'\r') {
        Err(Violation::BareCr)
    } else {
        Err(Violation::ControlCharacter)
    }
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

fn trimmed(value: &[u8]) -> &[u8] {
    // Controls are refused before this, so only blanks and tabs are left to trim.
    value.trim_ascii()
}

fn is_token(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TOKEN != 0
}

fn is_in_target(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TARGET != 0
}

fn is_in_host(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & HOST != 0
}

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const HOST: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x7f {
        let alphanumeric = byte.is_ascii_alphanumeric();
        if alphanumeric
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            classes[byte as usize] |= TOKEN;
        }
        // A fragment stays with the client; the others must be escaped.
        if byte > b' ' && !matches!(byte, b'#' | b'<' | b'>' | b'`') {
            classes[byte as usize] |= TARGET;
        }
        // RFC 3986 without the comma, which could join two hosts, and the escapes, which no host has.
        if alphanumeric
            || matches!(
                byte,
                b'!' | b'$' | b'&'
                    ..=b'+' | b'-' | b'.' | b':' | b';' | b'=' | b'[' | b']' | b'_' | b'~'
            )
        {
            classes[byte as usize] |= HOST;
        }
        byte += 1;
    }
    classes
}
