//! Batches: a stream of inputs becomes a stream of answers, each with its input.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::FusedStream;
use futures_util::stream::{self, FuturesUnordered, StreamExt};

use crate::answer::{Answer, CallReport};
use crate::call::Call;
use crate::dispatcher::Entered;
use crate::slot::Attempt;
use crate::{Dispatcher, Error, Failure};

/// One input's answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{BatchAnswer, Dispatcher};
///
/// let squares = Dispatcher::builder("square").limit(4).build()?;
/// let mut answers = squares.call_all([3, 4], |n, _attempt| async move { Ok(n * n) });
/// while let Some(BatchAnswer { index, input, result, report }) = answers.next().await {
///     assert_eq!((result?, report.attempts), (input * input, 1));
///     println!("number {index}: the square of {input}, after {:?}", report.ran);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BatchAnswer<I, T> {
    /// The input's index in the stream of inputs; the first is 0.
    pub index: u64,
    /// The input itself.
    pub input: I,
    /// The resource's reply, or the reason for its absence.
    pub result: Result<T, Error>,
    /// The answer's origin and cost.
    pub report: CallReport,
}

impl<T: Send + Sync + 'static> Dispatcher<T> {
    /// Calls the resource once for every input: as many at once as there are slots, and as many
    /// again wait in the queue, so that a returned slot is used at once.
    ///
    /// The answers come as they complete; see [`Answers::ordered`]. A failed input affects no
    /// other. An input is taken from `inputs` only when there is room for it: slow reading of the
    /// answers slows the inputs down, and no input is refused because of a full queue or an
    /// exhausted rate. Calls in flight continue while the answers are not read. Dropping the
    /// answers leaves all calls, and takes no further input.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::Dispatcher;
    ///
    /// let squares = Dispatcher::builder("square").limit(4).build()?;
    /// let mut answers = squares.call_all(0..4, |n, _attempt| async move { Ok(n * n) });
    /// let mut sum = 0;
    /// while let Some(answer) = answers.next().await {
    ///     sum += answer.result?;
    /// }
    /// assert_eq!(sum, 14);
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_all<I, N, W, F>(&self, inputs: N, work: W) -> Answers<I, T>
    where
        I: Clone + Send + 'static,
        N: IntoIterator<Item = I>,
        N::IntoIter: Send + 'static,
        W: Fn(I, Attempt) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.call_stream(stream::iter(inputs), |_| Call::unkeyed(), work)
    }

    /// As [`call_all`](Self::call_all), for a stream of inputs; `call` returns each input's key,
    /// arguments and deadline. Dropping the answers drops the stream of inputs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::stream;
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").limit(4).coalesce().build()?;
    /// let numbers = stream::iter(["3", "3", "4"]); // or lines of a socket
    /// let call = |num: &&'static str| Call::new(*num).argument("num", *num);
    /// let mut answers = squares.call_stream(numbers, call, |num, _attempt| async move {
    ///     let num: u32 = num.parse()?;
    ///     Ok(num * num)
    /// });
    /// let mut sum = 0;
    /// while let Some(answer) = answers.next().await {
    ///     sum += answer.result?;
    /// }
    /// assert_eq!((sum, squares.stats().jobs.started), (9 + 9 + 16, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_stream<I, S, C, W, F>(&self, inputs: S, call: C, work: W) -> Answers<I, T>
    where
        I: Clone + Send + 'static,
        S: Stream<Item = I> + Send + 'static,
        C: Fn(&I) -> Call + Send + 'static,
        W: Fn(I, Attempt) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let dispatcher = self.clone();
        let work = Arc::new(work);
        // One after the other: at most one call of this stream waits for room.
        let calls = inputs.enumerate().then(move |(index, input)| {
            let (work, retry_input) = (Arc::clone(&work), input.clone());
            let call = call(&input).wait_for_room();
            let dispatcher = dispatcher.clone();
            async move {
                let work = move |attempt| work(retry_input.clone(), attempt);
                StartedCall { index, input, entered: dispatcher.enter(call, work).await }
            }
        });
        let dispatcher = self.clone();
        Answers {
            calls: Box::pin(calls.fuse()),
            limit_changed: Box::pin(stream::unfold(dispatcher.clone(), async |dispatcher| {
                Some(((), dispatcher.limit_changed().await))
            })),
            watches_limit: false,
            window: Box::new(move || 2 * dispatcher.limit()),
            in_flight: FuturesUnordered::new(),
            order: OutputOrder::AsCompleted,
        }
    }
}

/// The answers to a stream of inputs; a [`Stream`].
///
/// It holds at most twice as many calls as the dispatcher has slots. Dropping it leaves these
/// calls, as dropping their futures would, and takes no further input.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use mesero::{Answers, Dispatcher};
///
/// let squares = Dispatcher::builder("square").limit(4).build()?;
/// let answers: Answers<u32, u32> = squares.call_all(0..4, |n, _attempt| async move { Ok(n * n) });
/// // The combinators of streams apply.
/// let large = answers.filter(|answer| std::future::ready(answer.input > 2));
/// assert_eq!(large.count().await, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "no input is taken until the stream is polled"]
pub struct Answers<I, T: Send + Sync + 'static> {
    calls: Pin<Box<dyn FusedStream<Item = StartedCall<I, T>> + Send>>,
    window: Box<dyn Fn() -> usize + Send>,
    /// Ready once for every change after the first poll.
    limit_changed: Pin<Box<dyn Stream<Item = ()> + Send>>,
    watches_limit: bool,
    in_flight: FuturesUnordered<BoxFuture<'static, BatchAnswer<I, T>>>,
    order: OutputOrder<I, T>,
}

/// An input whose call has been admitted, answered or refused.
struct StartedCall<I, T: Send + Sync + 'static> {
    index: usize,
    input: I,
    entered: Entered<T>,
}

impl<I, T: Send + Sync + 'static> StartedCall<I, T> {
    /// Waits for the answer. Dropping the returned future leaves the job.
    async fn answer(self) -> BatchAnswer<I, T> {
        let Self { index, input, entered } = self;
        let Answer { result, report } = entered.answer().await;
        BatchAnswer { index: u64::try_from(index).unwrap_or(u64::MAX), input, result, report }
    }
}

/// The order of the answers.
enum OutputOrder<I, T> {
    AsCompleted,
    AsSubmitted {
        next: u64,
        /// Answers that wait for an earlier input's answer.
        early: BTreeMap<u64, BatchAnswer<I, T>>,
        capacity: usize,
    },
}

impl<I: Send + 'static, T: Send + Sync + 'static> Answers<I, T> {
    /// Yields the answers in the order of the inputs.
    ///
    /// At most `early` answers are buffered while an earlier one is missing. No input is taken
    /// whose answer would not fit, so at most one call more than that is in flight: a number well
    /// above the limit keeps all slots busy.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::num::NonZeroUsize;
    /// use std::time::Duration;
    /// use mesero::Dispatcher;
    ///
    /// let naps = Dispatcher::builder("nap").limit(3).build()?;
    /// let early = NonZeroUsize::new(100).ok_or("zero")?;
    /// let mut answers = naps
    ///     .call_all([3, 1, 2], |seconds, _attempt| async move {
    ///         tokio::time::sleep(Duration::from_secs(seconds)).await;
    ///         Ok(())
    ///     })
    ///     .ordered(early);
    /// assert_eq!(answers.next().await.map(|answer| answer.input), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ordered(mut self, early: NonZeroUsize) -> Self {
        let (next, capacity) = (0, early.get());
        self.order = OutputOrder::AsSubmitted { next, early: BTreeMap::new(), capacity };
        self
    }

    /// Waits for the next answer; `None` when all inputs are answered. Dropping the returned future
    /// loses nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::Dispatcher;
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let mut answers = squares.call_all([3], |n, _attempt| async move { Ok(n * n) });
    /// assert!(answers.next().await.is_some());
    /// assert!(answers.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<BatchAnswer<I, T>> {
        StreamExt::next(self).await
    }

    fn has_room(&self) -> bool {
        let fits = match &self.order {
            OutputOrder::AsCompleted => true,
            // All calls in flight but the next may be answered early.
            OutputOrder::AsSubmitted { early, capacity, .. } => {
                early.len() + self.in_flight.len() <= *capacity
            }
        };
        fits && self.in_flight.len() < (self.window)()
    }
}

impl<I: Send + 'static, T: Send + Sync + 'static> Stream for Answers<I, T> {
    type Item = BatchAnswer<I, T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            // A change of the limit after the check wakes this task.
            while !this.watches_limit {
                this.watches_limit = this.limit_changed.as_mut().poll_next(context).is_pending();
            }
            if let OutputOrder::AsSubmitted { next, early, .. } = &mut this.order
                && let Some(item) = early.remove(next)
            {
                *next += 1;
                return Poll::Ready(Some(item));
            }
            let mut exhausted = this.calls.is_terminated();
            while !exhausted && this.has_room() {
                match this.calls.as_mut().poll_next(context) {
                    Poll::Ready(Some(call)) => this.in_flight.push(Box::pin(call.answer())),
                    Poll::Ready(None) => exhausted = true,
                    Poll::Pending => break,
                }
            }
            match Pin::new(&mut this.in_flight).poll_next(context) {
                Poll::Ready(Some(item)) => match &mut this.order {
                    OutputOrder::AsCompleted => return Poll::Ready(Some(item)),
                    OutputOrder::AsSubmitted { early, .. } => {
                        early.insert(item.index, item);
                    }
                },
                Poll::Ready(None) if exhausted => return Poll::Ready(None),
                // If no call is in flight, the inputs or a raised limit wake this task.
                Poll::Ready(None) | Poll::Pending => {
                    this.watches_limit =
                        this.limit_changed.as_mut().poll_next(context).is_pending();
                    if this.watches_limit {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<I, T: Send + Sync + 'static> fmt::Debug for Answers<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("in_flight", &self.in_flight.len()).finish_non_exhaustive()
    }
}
