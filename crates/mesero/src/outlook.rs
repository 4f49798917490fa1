//! Prospects of a call that has not been made: its place in the queue, its wait, and what is left of bounds.

use std::time::Duration;

/// The prospects of a call that arrives now, from [`Dispatcher::outlook`](crate::Dispatcher::outlook).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher};
///
/// let squares = Dispatcher::<u64>::builder("square").limit(1).build()?;
/// let call = || squares.call(Call::unkeyed(), |_attempt| std::future::pending());
/// let (_, _, ()) = tokio::join!(call(), call(), async {
///     let outlook = squares.outlook(&Call::unkeyed());
///     assert_eq!((outlook.position, outlook.slots.left), (Some(2), 0));
///     squares.stop();
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlook {
    /// Position in the order of service, 1 for the next; `None` while the newest job is served first, since later ones
    /// come before it then.
    pub position: Option<usize>,
    /// The expected wait for a slot; `None` while it is not known.
    pub eta: Option<Eta>,
    /// Slots.
    pub slots: Quota,
    /// Jobs that the rate admits; `None` without a rate.
    pub rate: Option<RateQuota>,
    /// Bounds of the call's [tenant](crate::Call::tenant).
    pub tenant: TenantQuotas,
}

/// What a tenant has left of its own bounds; `None` where there is no bound.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroUsize;
/// use mesero::{Call, Dispatcher, PerTenant, Quota, TenantQuotas};
///
/// let mut each = PerTenant::default();
/// each.limit = NonZeroUsize::new(2);
/// let pages = Dispatcher::<u64>::builder("pages").limit(10).per_tenant(each).build()?;
/// let TenantQuotas { slots, rate, .. } = pages.outlook(&Call::unkeyed().tenant("customer 17")).tenant;
/// assert_eq!((slots, rate), (Some(Quota { total: 2, left: 2 }), None));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantQuotas {
    /// Slots.
    pub slots: Option<Quota>,
    /// Places of jobs that wait.
    pub queue: Option<Quota>,
    /// Jobs that its rate admits.
    pub rate: Option<RateQuota>,
}

/// A bound of things at once.
///
/// ```
/// let slots = mesero::Quota { total: 64, left: 12 };
/// println!("{} of {} slots are free", slots.left, slots.total);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The bound.
    pub total: usize,
    /// What is left of it.
    pub left: usize,
}

/// A bound of jobs in time.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use mesero::{Call, Dispatcher, PerTenant, Rate, RateQuota};
///
/// let hundred = NonZeroU32::new(100).ok_or("no rate")?;
/// let mut each = PerTenant::default();
/// each.rate = Rate::new(hundred, Duration::from_secs(60));
/// let pages = Dispatcher::<u64>::builder("pages").per_tenant(each).build()?;
/// let rate = pages.outlook(&Call::unkeyed().tenant("customer 17")).tenant.rate;
/// assert!(matches!(rate, Some(RateQuota { total: 100, left: 100, .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateQuota {
    /// Jobs in each `per`.
    pub total: u32,
    /// The period.
    pub per: Duration,
    /// Jobs that would be admitted now.
    pub left: u32,
    /// Time until as many are left as can be.
    pub reset: Duration,
}

/// A range of the time until a job has a slot: from half of what is expected to twice as much.
///
/// ```
/// use std::time::Duration;
/// use mesero::Eta;
///
/// let seconds = Duration::from_secs;
/// let eta = Eta { low: seconds(2), high: Some(seconds(8)) };
/// assert_eq!(eta.expected(), seconds(4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// It takes at least about this long.
    pub low: Duration,
    /// It takes at most about this long; `None` while the newest job is served first, since any number of newer ones can
    /// come.
    pub high: Option<Duration>,
}

impl Eta {
    /// No wait at all.
    pub(crate) const NONE: Self = Self { low: Duration::ZERO, high: Some(Duration::ZERO) };

    pub(crate) fn around(expected: Duration, is_bounded: bool) -> Self {
        Self { low: expected / 2, high: is_bounded.then(|| expected.saturating_mul(2)) }
    }

    /// What is expected, if no newer job comes first.
    pub fn expected(&self) -> Duration {
        self.low.saturating_mul(2)
    }
}
