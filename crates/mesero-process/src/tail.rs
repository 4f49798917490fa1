//! The last output of a command, for its failure message.

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

/// Bytes that are kept.
const MAX_TAIL_BYTES: usize = 2 * 1024;

/// The end of the text on standard error.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Tail {
    /// Reads until the end of the stream or, once `over`, until nothing more is available. Dropping
    /// the future keeps the text read so far.
    pub async fn read(&mut self, mut from: impl AsyncRead + Unpin, over: &CancellationToken) {
        let mut piece = [0; 4096];
        loop {
            let read = tokio::select! {
                biased;
                read = from.read(&mut piece) => read,
                () = over.cancelled() => return,
            };
            // An error ends the text like the end of the stream.
            let Ok(count @ 1..) = read else { return };
            self.push(&piece[..count]);
        }
    }

    /// Reads two streams at once, in the order in which their pieces arrive. Dropping the future
    /// keeps the text read so far.
    pub async fn read_both(
        &mut self,
        mut one: impl AsyncRead + Unpin,
        mut other: impl AsyncRead + Unpin,
        over: &CancellationToken,
    ) {
        let (mut piece, mut other_piece) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                biased;
                read = one.read(&mut piece) => match read {
                    Ok(count @ 1..) => self.push(&piece[..count]),
                    _ => return self.read(other, over).await,
                },
                read = other.read(&mut other_piece) => match read {
                    Ok(count @ 1..) => self.push(&other_piece[..count]),
                    _ => return self.read(one, over).await,
                },
                () = over.cancelled() => return,
            }
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        if let Some(surplus) =
            self.bytes.len().checked_sub(MAX_TAIL_BYTES).filter(|surplus| *surplus > 0)
        {
            self.bytes.drain(..surplus);
            self.is_cut = true;
        }
    }

    /// Returns the text, if there is any; an ellipsis in front marks a cut.
    pub fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end();
        match (text.is_empty(), self.is_cut) {
            (true, _) => None,
            (false, true) => Some(format!("…{text}")),
            (false, false) => Some(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tail(bytes: &[u8]) -> Option<String> {
        let mut tail = Tail::default();
        tail.read(bytes, &CancellationToken::new()).await;
        tail.text()
    }

    #[tokio::test]
    async fn the_last_two_kibibytes_are_kept() {
        let long = [vec![b'a'; 10_000], vec![b'b'; MAX_TAIL_BYTES]].concat();
        assert_eq!(tail(&long).await.unwrap(), format!("…{}", "b".repeat(MAX_TAIL_BYTES)));
    }

    #[tokio::test]
    async fn a_short_text_is_kept_whole_and_without_its_line_end() {
        assert_eq!(tail(b"one\ntwo\n").await.unwrap(), "one\ntwo");
        assert_eq!(tail(b"\n").await, None);
    }
}
