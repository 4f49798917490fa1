//! The order in which waiting jobs get slots, and the shares of keys.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};

use super::Rate;
use crate::call::Key;

/// The order in which waiting jobs get slots. A retry keeps the age of its job.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Order};
///
/// let tools = Dispatcher::builder("tool").order(Order::Priority).build()?;
/// let call = Call::unkeyed().urgency(0); // before all calls of the default urgency 3
/// tools.call(call, |_attempt| async { Ok(()) }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The oldest first.
    Fifo,
    /// The oldest first while the queue is short; the newest first while it is overloaded, because
    /// the newest caller still waits when its answer comes.
    ///
    /// The queue is overloaded if it has not been empty for 100 ms, or for a usual run where
    /// that is longer: the rule of adaptive LIFO (B. Maurer, "Fail at Scale", ACM Queue 13(8),
    /// 2015), with its constant scaled to slow resources. A full queue then refuses its oldest job.
    /// Where callers that leave have shown how long callers stay, jobs whose callers will almost
    /// surely still be there are served oldest first, before the others; so are the few newest, as
    /// many as there are slots, while they are younger than two usual runs. A queue that no job
    /// leaves unserved and whose length stays is that of clients that come again, and no overload.
    /// Where tenants have a limit of their own, it is the newest alone.
    #[default]
    NewestWhenOverloaded,
    /// The most urgent first. Each level of [urgency](crate::Call::urgency) is a head start in
    /// time, [`Policy::head_start`](crate::Policy::head_start), so no job waits forever.
    Priority,
    /// Slots are shared among [tenants](crate::Call::tenant) by the run time they use, in
    /// proportion to their weights: start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng,
    /// SIGCOMM 1996). Between levels of urgency, head starts decide as in
    /// [`Priority`](Self::Priority); jobs of a tenant are served oldest first.
    Fair,
}

/// Bounds of each tenant, beside those of the dispatcher; both hold. Default: none.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroUsize;
/// use mesero::{Dispatcher, PerTenant};
///
/// let mut each = PerTenant::default();
/// each.limit = NonZeroUsize::new(2);
/// let pages = Dispatcher::<u64>::builder("pages").limit(10).per_tenant(each).build()?;
/// # let _ = pages;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PerTenant {
    /// Slots that a tenant may hold at once.
    pub limit: Option<NonZeroUsize>,
    /// Jobs of a tenant that may wait for a slot.
    pub queue: Option<usize>,
    /// Rate at which jobs of a tenant may be admitted.
    pub rate: Option<Rate>,
    /// Weights of tenants in [`Order::Fair`]; a tenant that is not named has weight 1.
    pub weights: HashMap<Key, NonZeroU32>,
}
