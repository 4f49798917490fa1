//! A response's body that occupies a slot until it has ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Slot;

pin_project! {
    /// A response's body, streamed as it comes, and the slot that it occupies.
    ///
    /// The slot is free when the last frame has been taken, when the body fails, or when it is
    /// dropped, as a server does when its client disconnects. Until then the job list shows the
    /// attempt as [stopping](crate::Phase::Stopping): its job is over, the resource is not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use http_body_util::BodyExt;
    /// use mesero::{Dispatcher, tower::DispatcherLayer};
    /// use tower::ServiceExt;
    ///
    /// let reports = Dispatcher::builder("report").limit(2).build()?;
    /// let layer = DispatcherLayer::new(reports.clone());
    /// let routes = Router::new().route("/", get(async || "done")).layer(layer);
    /// let response = routes.oneshot(Request::new(Body::empty())).await?;
    /// assert_eq!(reports.stats().slots.in_use, 1); // the body has not been taken yet
    /// assert_eq!(response.into_body().collect().await?.to_bytes(), "done");
    /// assert_eq!(reports.stats().slots.in_use, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub struct SlotBody<B> {
        #[pin]
        source: BodySource<B>,
    }
}

pin_project! {
    #[project = BodySourceProjection]
    enum BodySource<B> {
        // Dropped in this order.
        Inner { #[pin] body: B, slot: Option<Slot> },
        Text { text: Option<Bytes> },
    }
}

impl<B: Body> SlotBody<B> {
    pub(super) fn new(body: B, slot: Slot) -> Self {
        let slot = (!body.is_end_stream()).then_some(slot);
        Self { source: BodySource::Inner { body, slot } }
    }
}

impl<B> SlotBody<B> {
    pub(super) fn text(text: Bytes) -> Self {
        Self { source: BodySource::Text { text: Some(text).filter(|text| !text.is_empty()) } }
    }
}

impl<B: Body<Data = Bytes>> Body for SlotBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().source.project() {
            BodySourceProjection::Inner { mut body, slot } => {
                let frame = body.as_mut().poll_frame(context);
                let goes_on = match &frame {
                    Poll::Pending => true,
                    // A server need not poll again for an end that it knows.
                    Poll::Ready(Some(Ok(_))) => !body.is_end_stream(),
                    Poll::Ready(None | Some(Err(_))) => false,
                };
                if !goes_on {
                    *slot = None;
                }
                frame
            }
            BodySourceProjection::Text { text } => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            BodySource::Inner { body, .. } => body.is_end_stream(),
            BodySource::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            BodySource::Inner { body, .. } => body.size_hint(),
            BodySource::Text { text } => {
                let bytes = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
        }
    }
}

impl<B> fmt::Debug for SlotBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = match &self.source {
            BodySource::Inner { slot, .. } => slot.as_ref(),
            BodySource::Text { .. } => None,
        };
        f.debug_struct("SlotBody").field("slot", &slot).finish_non_exhaustive()
    }
}
