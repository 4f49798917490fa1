//! Tools for tests: a mock resource that the test controls, and a dispatcher that checks its laws.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use mesero::testing::{TestDispatcher, mock_resource};
//! use mesero::{Call, Dispatcher};
//!
//! let squares = TestDispatcher::new(Dispatcher::builder("square").limit(1).build().unwrap());
//! let (work, mut handle) = mock_resource();
//! let call = tokio::spawn({
//!     let squares = squares.dispatcher();
//!     async move { squares.call(Call::new("3"), work.on("3")).await }
//! });
//! let attempt = handle.next().await;
//! assert_eq!(*attempt.input(), "3");
//! attempt.reply(9);
//! assert_eq!(call.await.unwrap().unwrap(), 9);
//! squares.idle().await;
//! # }
//! ```

use std::fmt;
use std::ops::Deref;
use std::thread;

use futures_core::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::slot::{Attempt, Slot};
use crate::{Dispatcher, Failure};

/// A dispatcher that checks its laws when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::testing::{TestDispatcher, mock_resource};
/// use mesero::{Call, Dispatcher};
///
/// let squares = TestDispatcher::new(Dispatcher::builder("square").build()?);
/// let (work, mut handle) = mock_resource();
/// let caller = squares.dispatcher();
/// let call = tokio::spawn(async move { caller.call(Call::unkeyed(), work.on(3)).await });
/// squares.settle().await; // the call has arrived, and its attempt has begun
/// assert_eq!(squares.jobs().len(), 1);
/// squares.check();
/// handle.next().await.reply(9);
/// assert_eq!(call.await??, 9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestDispatcher<T: Send + Sync + 'static>(Dispatcher<T>);

impl<T: Send + Sync + 'static> TestDispatcher<T> {
    /// Wraps `dispatcher`; the checks cover the calls of all its handles.
    pub fn new(dispatcher: Dispatcher<T>) -> Self {
        Self(dispatcher)
    }

    /// A further handle of the dispatcher, which checks nothing on drop.
    pub fn dispatcher(&self) -> Dispatcher<T> {
        self.0.clone()
    }

    /// Lets every task run until it waits. Dropping the returned future is harmless.
    ///
    /// Only for a current-thread runtime: there, a task that yields comes after all that are ready.
    pub async fn settle(&self) {
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
    }

    /// Checks the laws in the present snapshot.
    ///
    /// # Panics
    /// If one does not hold; the message names it.
    #[expect(clippy::panic, reason = "that is how a test fails")]
    pub fn check(&self) {
        let stats = self.0.stats();
        if let Err(law) = stats.check() {
            panic!("{law}, in {stats:#?}");
        }
    }
}

/// More than the longest chain of tasks that wake one another (slot, job, waiter, caller, test), and
/// enough for two thousand tasks that are ready at once: the runtime runs about sixty a yield.
const YIELDS: usize = 32;

impl<T: Send + Sync + 'static> Deref for TestDispatcher<T> {
    type Target = Dispatcher<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Send + Sync + 'static> Drop for TestDispatcher<T> {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.check();
        }
    }
}

/// A mock resource: the work for calls, and the test's handle.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::testing::mock_resource;
/// use mesero::{Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").build()?;
/// let (work, mut handle) = mock_resource();
/// let (answer, ()) = tokio::join!(squares.call(Call::unkeyed(), work.on(3)), async {
///     let attempt = handle.next().await;
///     let square = attempt.input() * attempt.input();
///     attempt.reply(square);
/// });
/// assert_eq!(answer?, 9);
/// # Ok(())
/// # }
/// ```
pub fn mock_resource<I: Clone + Send + 'static, T: Send + 'static>()
-> (MockWork<I, T>, MockHandle<I, T>) {
    // As many attempts as a test starts before it looks; a full channel only makes them wait.
    let (tx, rx) = mpsc::channel(4_096);
    (MockWork { tx }, MockHandle { rx })
}

/// The mock's side of the calls: makes their work.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::testing::mock_resource;
/// use mesero::{Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").limit(2).build()?;
/// let (work, mut handle) = mock_resource();
/// let call = |num| squares.call(Call::unkeyed(), work.on(num));
/// let (three, four, ()) = tokio::join!(call(3), call(4), async {
///     let (first, second) = (handle.next().await, handle.next().await);
///     second.reply(16); // in any order
///     first.reply(9);
/// });
/// assert_eq!((three?, four?), (9, 16));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockWork<I, T> {
    tx: mpsc::Sender<PendingAttempt<I, T>>,
}

impl<I, T> Clone for MockWork<I, T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone() }
    }
}

impl<I: Clone + Send + 'static, T: Send + 'static> MockWork<I, T> {
    /// Makes the work of a call with this input: each attempt appears in [`MockHandle::next`].
    pub fn on(
        &self,
        input: I,
    ) -> impl Fn(Attempt) -> BoxFuture<'static, Result<T, Failure>> + Send + use<I, T> {
        let attempts = self.tx.clone();
        move |attempt| {
            let (tx, rx) = oneshot::channel();
            let pending = PendingAttempt { input: input.clone(), attempt, tx };
            let attempts = attempts.clone();
            Box::pin(async move {
                if attempts.send(pending).await.is_err() {
                    return Err(Failure::lost("the test is over"));
                }
                match rx.await {
                    Ok(ScriptedEnd::Reply(reply)) => reply,
                    #[expect(clippy::panic, reason = "the test asked for it")]
                    Ok(ScriptedEnd::Panic) => panic!("requested by the test"),
                    Err(_) => Err(Failure::lost("the test dropped the attempt")),
                }
            })
        }
    }
}

/// The test's side of the mock resource.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::testing::{TestDispatcher, mock_resource};
/// use mesero::{Call, Dispatcher};
///
/// let squares = TestDispatcher::new(Dispatcher::builder("square").limit(1).build()?);
/// let (work, mut handle) = mock_resource();
/// let call = || squares.call(Call::unkeyed(), work.on(3));
/// let (_, _, ()) = tokio::join!(call(), call(), async {
///     let first = handle.next().await;
///     squares.settle().await;
///     assert!(handle.try_next().is_none()); // the limit is 1
///     first.reply(9);
///     handle.next().await.reply(9);
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockHandle<I, T> {
    rx: mpsc::Receiver<PendingAttempt<I, T>>,
}

impl<I, T> MockHandle<I, T> {
    /// Waits for the next attempt to begin. Dropping the returned future loses no attempt.
    ///
    /// # Panics
    /// If no attempt can begin, because all work has been dropped.
    #[expect(clippy::expect_used, reason = "that is how a test fails")]
    pub async fn next(&mut self) -> PendingAttempt<I, T> {
        self.rx.recv().await.expect("an attempt begins")
    }

    /// An attempt that has already begun, or `None`.
    pub fn try_next(&mut self) -> Option<PendingAttempt<I, T>> {
        self.rx.try_recv().ok()
    }
}

/// An attempt that runs until the test ends it.
///
/// It holds its slot, as a blocking function would, also when the dispatcher has abandoned it.
/// Dropping it ends the attempt as [lost](crate::FailureKind::Lost), and gives the slot back.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mesero::testing::{TestDispatcher, mock_resource};
/// use mesero::{Call, Dispatcher};
///
/// let timeout = Duration::from_secs(3);
/// let squares = TestDispatcher::new(Dispatcher::builder("square").timeout(timeout).build()?);
/// let (work, mut handle) = mock_resource();
/// let (answer, mut pending) =
///     tokio::join!(squares.call(Call::unkeyed(), work.on("3")), handle.next());
/// assert_eq!((*pending.input(), pending.attempt().number()), ("3", 1));
/// assert!(answer.is_err() && pending.is_abandoned());
/// pending.abandoned().await; // at once, because the timeout has passed
/// assert_eq!(squares.stats().slots.in_use, 1); // as with a blocking function
/// pending.reply(9);
/// assert_eq!(squares.stats().slots.in_use, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it loses the attempt"]
pub struct PendingAttempt<I, T> {
    input: I,
    attempt: Attempt,
    tx: oneshot::Sender<ScriptedEnd<T>>,
}

enum ScriptedEnd<T> {
    Reply(Result<T, Failure>),
    Panic,
}

impl<T> fmt::Debug for ScriptedEnd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScriptedEnd::Reply(_) => "Reply",
            ScriptedEnd::Panic => "Panic",
        })
    }
}

impl<I, T> PendingAttempt<I, T> {
    /// The input of the call.
    pub fn input(&self) -> &I {
        &self.input
    }

    /// The attempt that the work received.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// True once the dispatcher has dropped the attempt's future.
    pub fn is_abandoned(&self) -> bool {
        self.tx.is_closed()
    }

    /// Waits until the dispatcher has dropped the attempt's future. Dropping the returned future
    /// loses nothing.
    pub async fn abandoned(&mut self) {
        self.tx.closed().await;
    }

    /// Ends the attempt with a reply; an abandoned attempt discards it.
    pub fn reply(self, value: T) {
        let _ = self.tx.send(ScriptedEnd::Reply(Ok(value)));
    }

    /// Ends the attempt with a failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::testing::mock_resource;
    /// use mesero::{Call, Dispatcher, Failure, Retry};
    ///
    /// let squares = Dispatcher::builder("square").retry(Retry::default()).build()?;
    /// let (work, mut handle) = mock_resource();
    /// let (answer, ()) = tokio::join!(squares.call(Call::unkeyed(), work.on(3)), async {
    ///     handle.next().await.fail(Failure::lost("it went away"));
    ///     handle.next().await.reply(9); // the second attempt
    /// });
    /// assert_eq!(answer?, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail(self, failure: Failure) {
        let _ = self.tx.send(ScriptedEnd::Reply(Err(failure)));
    }

    /// Ends the attempt with a panic of the work.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::testing::mock_resource;
    /// use mesero::{Call, Dispatcher, Error, FailureKind};
    ///
    /// let squares = Dispatcher::<u32>::builder("square").build()?;
    /// let (work, mut handle) = mock_resource();
    /// let (answer, ()) = tokio::join!(squares.call(Call::unkeyed(), work.on(3)), async {
    ///     handle.next().await.panic();
    /// });
    /// let Err(Error::Failed(failure)) = answer else { return Err("it panicked".into()) };
    /// assert_eq!(failure.kind(), FailureKind::Panicked);
    /// # Ok(())
    /// # }
    /// ```
    pub fn panic(self) {
        let _ = self.tx.send(ScriptedEnd::Panic);
    }

    /// Ends the attempt with a reply, and returns its slot, which still occupies the resource.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::testing::mock_resource;
    /// use mesero::{Call, Dispatcher, Phase};
    ///
    /// let files = Dispatcher::builder("file").build()?;
    /// let (work, mut handle) = mock_resource();
    /// let (answer, slot) = tokio::join!(files.call(Call::unkeyed(), work.on("a.txt")), async {
    ///     handle.next().await.reply_and_keep_slot("its first lines")
    /// });
    /// assert_eq!((answer?, files.jobs()[0].phase), ("its first lines", Phase::Stopping));
    /// drop(slot);
    /// assert!(files.stats().is_idle());
    /// # Ok(())
    /// # }
    /// ```
    pub fn reply_and_keep_slot(self, value: T) -> Slot {
        let slot = self.attempt.slot().clone();
        self.reply(value);
        slot
    }
}
