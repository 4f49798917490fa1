//! The cutting off of an exchange whose answer is not wanted any further.

use std::time::Duration;

use mesero_http::socket::MaybeTlsStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Time that an upstream gets to end by itself what is cut off. Afterwards it is cut off hard.
pub(super) const CUT_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that are read, and thrown away, at once.
const READ_BYTES: usize = 16 * 1024;

/// The end of an exchange that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutEnd {
    /// The upstream has closed its side too, or has confirmed the end.
    Ended,
    /// It has not, so it was cut off hard.
    Unconfirmed,
}

/// Closes the sending side of a connection, and reads until the upstream has closed or reset the
/// other. Resets the connection if that takes longer than a second. Dropping the future closes it.
pub(super) async fn half_close(mut socket: MaybeTlsStream) -> CutEnd {
    let ended = timeout(CUT_TIMEOUT, async {
        // An error is a connection that has ended already; then reading ends at once.
        let _ = socket.shutdown().await;
        let mut space = vec![0; READ_BYTES];
        while matches!(socket.read(&mut space).await, Ok(1..)) {}
    });
    if ended.await.is_ok() {
        return CutEnd::Ended;
    }
    socket.reset();
    CutEnd::Unconfirmed
}
