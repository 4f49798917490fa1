//! The framing rules, as a table, and as properties over generated and broken streams.

mod hyper;
mod streams;

use proptest::prelude::*;

use super::{RequestFraming, Violation};
use streams::{cuts, mutated, requests};

pub(super) const HEAD_BYTES: usize = 16 * 1_024;

/// The bytes that passed, and how the stream ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: Vec<u8>,
    pub(super) heads: u64,
    pub(super) violation: Option<Violation>,
}

/// Feeds `stream` as it would arrive when cut into pieces that end at `ends`.
pub(super) fn feed(stream: &[u8], ends: impl IntoIterator<Item = usize>) -> Outcome {
    let mut framing = RequestFraming::new(HEAD_BYTES);
    let mut outcome = Outcome::default();
    let mut from = 0;
    for end in ends.into_iter().chain([stream.len()]) {
        if end == from && end < stream.len() {
            continue;
        }
        match framing.feed(&stream[from..end]) {
            Ok(passed) => {
                outcome.passed.extend(&stream[from..from + passed]);
                from += passed;
            }
            Err(breach) => {
                outcome.passed.extend(&stream[from..from + breach.passed]);
                outcome.violation = Some(breach.violation);
                break;
            }
        }
    }
    outcome.heads = framing.heads();
    outcome
}

fn violation(stream: &str) -> Option<Violation> {
    let at_once = feed(stream.as_bytes(), []);
    let one_by_one = feed(stream.as_bytes(), 1..stream.len());
    assert_eq!(at_once.violation, one_by_one.violation, "{stream:?}");
    at_once.violation
}

#[test]
fn every_rule_is_kept() {
    use Violation as V;
    let table: &[(&str, V)] = &[
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", V::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", V::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", V::BareLf),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::BareLf),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::Method),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::BareCr),
        ("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", V::BareCr),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", V::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", V::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", V::BareCr),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", V::Method),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", V::Method),
        ("\x16\x03\x01\x02", V::Method),
        ("GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", V::Method),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        ("GET /\r\nHost: a\r\n\r\n", V::Version),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", V::Version),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", V::Version),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", V::Version),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", V::Version),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", V::SpaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", V::SpaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", V::FoldedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", V::FoldedField),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", V::FoldedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", V::FieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", V::FieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX[: b\r\n\r\n", V::FieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", V::FieldWithoutColon),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", V::ControlCharacter),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\x0bc\r\n\r\n", V::ControlCharacter),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", V::ControlCharacter),
        ("GET / HTTP/1.1\r\n\r\n", V::MissingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", V::RepeatedHost),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", V::RepeatedHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", V::Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", V::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", V::Host),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nx", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", V::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", V::Length),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            V::DifferingLengths,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            V::LengthAndEncoding,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            V::LengthAndEncoding,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", V::Encoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", V::Encoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", V::Encoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", V::Encoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", V::Encoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", V::Encoding),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            V::Encoding,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
            V::ControlCharacter,
        ),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", V::EncodingInHttp10),
    ];
    for (stream, expected) in table {
        assert_eq!(violation(stream), Some(*expected), "{stream:?}");
    }
}

#[test]
fn every_rule_about_chunks_is_kept() {
    use Violation as V;
    let long = format!("1;{}\r\nx", "e".repeat(2_000));
    let table: &[(&str, V)] = &[
        ("\r\n", V::ChunkSize),
        ("x\r\n", V::ChunkSize),
        ("0x1\r\nx\r\n", V::ChunkSize),
        ("+1\r\nx\r\n", V::ChunkSize),
        ("-1\r\nx\r\n", V::ChunkSize),
        (" 1\r\nx\r\n", V::ChunkSize),
        ("1 \r\nx\r\n", V::ChunkSize),
        ("1 2\r\nx\r\n", V::ChunkSize),
        ("1_\r\nx\r\n", V::ChunkSize),
        ("10000000000000001\r\nx\r\n", V::ChunkSize),
        ("0000000000000001\r\nx\r\n", V::ChunkSize),
        ("1\nx\r\n", V::BareLf),
        ("1;a\nx\r\n", V::BareLf),
        ("1\r\r\nx\r\n", V::BareCr),
        ("1;a\rb\r\nx\r\n", V::BareCr),
        ("1;a\0\r\nx\r\n", V::ControlCharacter),
        (&long, V::ChunkLineTooLong),
        ("1\r\nx\n0\r\n\r\n", V::BareLf),
        ("1\r\nxy\r\n0\r\n\r\n", V::ChunkEnd),
        ("1\r\nx\ry0\r\n\r\n", V::ChunkEnd),
        ("1\r\nx0\r\n\r\n", V::ChunkEnd),
        ("0\r\n\n", V::BareLf),
        ("0\r\nX: b\n\r\n", V::BareLf),
        ("0\r\nX : b\r\n\r\n", V::SpaceBeforeColon),
        ("0\r\n b\r\n\r\n", V::FoldedField),
        ("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::SpaceBeforeColon),
        ("0\r\nHost: a\r\n\r\n", V::FramingTrailer),
        ("0\r\nContent-Length: 1\r\n\r\n", V::FramingTrailer),
        ("0\r\ntransfer-encoding: chunked\r\n\r\n", V::FramingTrailer),
    ];
    for (body, expected) in table {
        let stream =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(violation(&stream), Some(*expected), "{stream:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let table = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /?q={%22a%22:[1|2]} HTTP/1.1\r\nHost:\ta.example:8888 \r\n\r\n",
        "GET http://a.example/b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX: \u{e9}\t\u{20ac}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\n\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n5 ;a=\"b\"\r\n\r\n\r\n\n\r\n000;\r\nX: b\r\n\r\n",
    ];
    for stream in table {
        let outcome = feed(stream.as_bytes(), 1..stream.len());
        assert_eq!(outcome.violation, None, "{stream:?}");
        assert_eq!(outcome.passed, stream.as_bytes(), "{stream:?}");
    }
}

#[test]
fn a_head_is_let_through_only_when_it_is_whole() {
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut framing = RequestFraming::new(HEAD_BYTES);
    for end in 1..stream.len() {
        assert_eq!(framing.feed(&stream[..end]), Ok(0));
    }
    assert_eq!(framing.feed(stream), Ok(stream.len()));
}

#[test]
fn a_head_above_its_limit_is_refused_before_it_is_whole() {
    let head = format!("GET /{} HTTP/1.1\r\nHost: a\r\n", "a".repeat(100));
    let mut framing = RequestFraming::new(100);
    let breach = framing.feed(&head.as_bytes()[..101]).unwrap_err();
    assert_eq!(breach.violation, Violation::HeadTooLarge);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: b\r\n".repeat(100));
    assert_eq!(violation(&many), Some(Violation::TooManyFields));
}

#[test]
fn what_comes_before_a_bad_message_passes_and_nothing_of_the_bad_one() {
    let good = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    let bad = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n";
    let outcome = feed(format!("{good}{bad}").as_bytes(), []);
    assert_eq!(outcome.passed, good.as_bytes());
    assert_eq!(outcome.heads, 1);
}

#[test]
fn the_preface_of_http2_switches_judgement_off() {
    let stream = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\n\n\r";
    assert_eq!(feed(stream, 1..stream.len()).passed, stream);
    let later = "GET / HTTP/1.0\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(violation(later), Some(Violation::Target));
}

proptest! {
    #[test]
    fn valid_streams_pass_whole_wherever_they_are_cut(requests in requests(), cuts in cuts()) {
        let stream = streams::bytes(&requests);
        let outcome = feed(&stream, cuts.of(stream.len()));
        prop_assert_eq!(outcome.violation, None);
        prop_assert_eq!(outcome.heads, requests.len() as u64);
        prop_assert_eq!(outcome.passed, stream);
    }

    #[test]
    fn the_cuts_change_neither_the_verdict_nor_what_hyper_may_serve(
        stream in mutated(),
        cuts in cuts(),
    ) {
        let whole = feed(&stream, []);
        let pieces = feed(&stream, cuts.of(stream.len()));
        let bytes = feed(&stream, 1..stream.len());
        prop_assert_eq!(whole.violation, pieces.violation);
        prop_assert_eq!(whole.violation, bytes.violation);
        // What arrives before the bad part of its message may have passed already, and nothing else differs.
        prop_assert!(pieces.passed.starts_with(&whole.passed));
        prop_assert!(bytes.passed.starts_with(&pieces.passed));
    }

    #[test]
    fn hyper_reads_what_passes_as_framing_does(stream in mutated()) {
        let outcome = feed(&stream, []);
        let served = hyper::serve(&outcome.passed);
        prop_assert_eq!(served.refused, 0, "hyper refuses {:?}", String::from_utf8_lossy(&outcome.passed));
        // Hyper ends the connection by itself after a request that asks for it.
        let text = String::from_utf8_lossy(&outcome.passed);
        let closes = text.contains("Connection: close") || text.contains("HTTP/1.0");
        prop_assert!(served.begun == outcome.heads || closes && served.begun <= outcome.heads, "{:?}", text);
        prop_assert_eq!(served.broken, 0);
    }
}
