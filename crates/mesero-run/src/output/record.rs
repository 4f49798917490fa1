//! Records of finished items.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesero::Error;
use mesero_http::payload::Payload;
use mesero_resources::Reply;
use mesero_resources::command::CommandExit;

use super::error::{ErrorResponse, ItemError};
use super::status::ItemStatus;
use super::value::ResultValue;
use crate::input::item::Item;

/// A finished item.
#[derive(Debug)]
pub(crate) struct ItemRecord {
    pub(crate) item: Arc<Item>,
    pub(crate) result: Result<ResultValue, ItemError>,
    pub(crate) attempts: u32,
    /// The time in the queue, of all attempts together.
    pub(crate) queued: Duration,
    /// The duration of all attempts together.
    pub(crate) ran: Duration,
    pub(crate) traffic: Traffic,
    pub(crate) ended: SystemTime,
}

/// The lengths of the bodies of an attempt's request and response, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Traffic {
    /// The traffic of an attempt, of its request's body and its result.
    pub(crate) fn of(body: &Payload, result: &Result<Reply, Error>) -> Self {
        let received = match result {
            Ok(reply) => reply.body_len(),
            Err(error) => {
                let source = error.source();
                let response = source.and_then(|source| source.downcast_ref::<ErrorResponse>());
                let exit = source.and_then(|source| source.downcast_ref::<CommandExit>());
                let body_bytes = response.map(|response| response.body_bytes);
                body_bytes.or(exit.map(|exit| exit.printed)).unwrap_or(0)
            }
        };
        let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        Self { sent: bytes(body.buffered_len()), received: bytes(received) }
    }
}

impl ItemRecord {
    pub(crate) fn status(&self) -> ItemStatus {
        self.result.as_ref().err().map_or(ItemStatus::Succeeded, |error| error.status)
    }

    /// The value or the error's message, as plain text.
    pub(crate) fn display_text(&self) -> Cow<'_, str> {
        match &self.result {
            Ok(value) => value.display_text(),
            Err(error) => Cow::Borrowed(&error.message),
        }
    }
}
