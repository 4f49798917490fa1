//! The output of children in the log, line by line.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest text that is logged as one line; a longer line is logged in pieces.
const LINE_BYTES: usize = 8 * 1024;

/// Logs each line until the stream ends. `who` is the child's name, `stream` the name of the
/// stream. Dropping the future closes the stream.
pub async fn log(from: impl AsyncRead + Unpin, who: Arc<str>, stream: &'static str) {
    each_line(from, |line| tracing::info!(target: "worker", worker = %who, stream, "{line}")).await;
}

async fn each_line(mut from: impl AsyncRead + Unpin, mut log: impl FnMut(&str)) {
    let mut line = Vec::with_capacity(LINE_BYTES);
    let mut piece = [0; 4096];
    // An error ends the log like the end of the stream.
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        for &byte in &piece[..count] {
            match byte {
                b'\n' => flush(&mut line, &mut log),
                _ => line.push(byte),
            }
            if line.len() >= LINE_BYTES {
                flush(&mut line, &mut log);
            }
        }
    }
    if !line.is_empty() {
        flush(&mut line, &mut log);
    }
}

fn flush(line: &mut Vec<u8>, log: &mut impl FnMut(&str)) {
    log(String::from_utf8_lossy(line).trim_end_matches('\r'));
    line.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(bytes, |line| lines.push(line.to_owned())).await;
        lines
    }

    #[tokio::test]
    async fn every_line_is_logged_and_so_is_the_last_without_an_end() {
        assert_eq!(lines(b"one\ntwo\r\n\nlast").await, ["one", "two", "", "last"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_logged_in_pieces_and_invalid_bytes_are_replaced() {
        let endless = vec![0xff; LINE_BYTES * 2 + 1];
        let pieces = lines(&endless).await;
        assert_eq!(
            pieces.iter().map(|piece| piece.chars().count()).collect::<Vec<_>>(),
            [LINE_BYTES, LINE_BYTES, 1]
        );
    }
}
