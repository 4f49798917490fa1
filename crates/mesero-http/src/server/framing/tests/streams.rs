//! Generates pipelined requests, breaks them, and cuts them into pieces.

use proptest::{collection::vec, prelude::*, sample::Index};

#[derive(Clone, Debug)]
pub(super) struct Sent {
    line: String,
    fields: Vec<String>,
    body: Sending,
}

#[derive(Clone, Debug)]
enum Sending {
    Nothing,
    Length(Vec<u8>),
    Chunks { chunks: Vec<Vec<u8>>, extension: String, trailers: Vec<String> },
}

pub(super) fn requests() -> impl Strategy<Value = Vec<Sent>> {
    vec(request(), 1..4)
}

fn request() -> impl Strategy<Value = Sent> {
    let line = "(GET|POST|HEAD|DELETE|X-OWN) /[a-z0-9/%_.~-]{0,12}(\\?[a-z=&+0-9:,|{}\\[\\]]{0,12})? HTTP/1\\.1";
    let body = vec(any::<u8>(), 1..40);
    let chunks =
        (vec(body.clone(), 0..4), "(;[a-z]{1,5}(=[a-z0-9]{1,5})?){0,2}", vec(field(), 0..3));
    let sending = prop_oneof![
        Just(Sending::Nothing),
        body.prop_map(Sending::Length),
        chunks.prop_map(|(chunks, extension, trailers)| Sending::Chunks {
            chunks,
            extension,
            trailers
        }),
    ];
    (line, vec(field(), 0..5), sending).prop_map(|(line, fields, body)| Sent { line, fields, body })
}

fn field() -> impl Strategy<Value = String> {
    "X-[A-Za-z0-9_.!#$%&'*+^`|~-]{1,10}:[ \t]{0,2}[ -~\u{e9}\t]{0,20}"
}

pub(super) fn bytes(requests: &[Sent]) -> Vec<u8> {
    let mut stream = Vec::new();
    for request in requests {
        stream.extend(format!("{}\r\nHost: a.example\r\n", request.line).bytes());
        for field in &request.fields {
            stream.extend(format!("{field}\r\n").bytes());
        }
        match &request.body {
            Sending::Nothing => stream.extend(b"\r\n"),
            Sending::Length(body) => {
                stream.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                stream.extend(body);
            }
            Sending::Chunks { chunks, extension, trailers } => {
                stream.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    stream.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
                    stream.extend(chunk);
                    stream.extend(b"\r\n");
                }
                stream.extend(format!("0{extension}\r\n").bytes());
                for trailer in trailers {
                    stream.extend(format!("{trailer}\r\n").bytes());
                }
                stream.extend(b"\r\n");
            }
        }
    }
    stream
}

/// A stream into which some of a smuggler's favorites were put at random places.
pub(super) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let favorites = prop_oneof![
        "[\r\n\t \0:;,+0-9a-fxX\u{7f}-]{1,3}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "\r\n",
            "\r\n\r\n",
            "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nContent-Length: 3",
            "\r\nContent-Length: 0",
            "\r\nTransfer-Encoding: chunked",
            "\r\nTransfer-Encoding: identity",
            "\r\nConnection: close",
            "\r\nExpect: 100-continue",
            "0\r\n\r\n",
            "HTTP/1.0",
            "http://b.example",
            "*",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let change = (any::<Index>(), 0..4_usize, favorites);
    (requests(), vec(change, 0..3)).prop_map(|(requests, changes)| {
        let mut stream = bytes(&requests);
        for (place, removed, inserted) in changes {
            let from = place.index(stream.len() + 1);
            let to = (from + removed).min(stream.len());
            stream.splice(from..to, inserted);
        }
        stream
    })
}

#[derive(Clone, Debug)]
pub(super) struct Cuts(Vec<Index>);

pub(super) fn cuts() -> impl Strategy<Value = Cuts> {
    vec(any::<Index>(), 0..12).prop_map(Cuts)
}

impl Cuts {
    pub(super) fn of(&self, length: usize) -> Vec<usize> {
        let mut ends: Vec<_> = self.0.iter().map(|index| index.index(length + 1)).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}
