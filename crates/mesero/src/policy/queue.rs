//! The queue: the one place where work waits, and the order in which it is served.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::Instant;

use super::order::Order;
use crate::call::{JobId, URGENCIES};

mod flows;
mod steadiness;
mod tenants;

use flows::{FlowId, Flows, Place, Rank};
use steadiness::Steadiness;
pub(crate) use tenants::{Charge, TenantId, Tenants};

/// The time for which a queue may stay filled before it is overloaded, at least: the interval of
/// controlled delay (RFC 8289).
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The most waiters that a choice looks at.
const MAX_FEW: usize = 32;

/// The rules of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueRules {
    pub(crate) order: Order,
    /// Number of jobs that may wait.
    pub(crate) bound: usize,
    pub(crate) head_start: Duration,
    /// Slots that a tenant may hold at once.
    pub(crate) tenant_limit: Option<NonZeroUsize>,
}

/// A job's claim to a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) job: JobId,
    pub(crate) tenant: TenantId,
    /// The instant of its admission, which a retry keeps.
    pub(crate) arrived: Instant,
    pub(crate) urgency: u8,
}

/// The pace of service, by which an overloaded queue chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) slots: usize,
    /// The length of a usual run, once one has ended.
    pub(crate) run: Option<Duration>,
    /// The age up to which the caller of a job almost surely stays until its answer.
    pub(crate) safe_age: Duration,
}

impl Pace {
    /// The oldest waiter whose caller stays; else the oldest of the few newest, if they are young;
    /// else the newest.
    ///
    /// The few newest are as many as there are slots: they came within one usual run, at twice the
    /// capacity within half of one. So their order costs no caller much time, and near the capacity
    /// fewer of them are passed over.
    fn choose<'a, W>(
        &self,
        waiters: &'a BTreeMap<Rank, W>,
        now: Instant,
    ) -> Option<(&'a Rank, &'a W)> {
        let since = |age| now.checked_sub(age).map(|since| (since, JobId(0)));
        let safe = since(self.safe_age).filter(|_| !self.safe_age.is_zero());
        if let Some(stays) = safe.and_then(|safe| waiters.range(safe..).next()) {
            return Some(stays);
        }
        let young = since(2 * self.run.unwrap_or_default());
        let few = waiters.iter().rev().take(self.slots.min(MAX_FEW));
        let few = few.take_while(|(rank, _)| young.is_some_and(|young| **rank >= young));
        few.last().or_else(|| waiters.last_key_value())
    }
}

/// The waiters. `W` delivers a seat to its waiter.
#[derive(Debug)]
pub(crate) struct WaitingQueue<W> {
    rules: QueueRules,
    pub(crate) tenants: Tenants,
    waiters: Waiters<W>,
    /// Waiters of each urgency.
    urgencies: [usize; URGENCIES as usize],
    /// The instant since which the queue was never empty.
    filled: Option<Instant>,
    /// The instant at which it last became empty. If it is filled in the same instant, by a job that
    /// has taken the place of another, it was not empty.
    emptied: Option<Instant>,
    steadiness: Steadiness,
}

#[derive(Debug)]
enum Waiters<W> {
    /// Whose they are makes no difference.
    Alike(BTreeMap<Rank, W>),
    OfTenants(Box<Flows<W>>),
}

impl<W> WaitingQueue<W> {
    pub(crate) fn new(rules: QueueRules, tenants: Tenants) -> Self {
        let waiters = match (rules.order, rules.tenant_limit) {
            (Order::Fair, _) | (_, Some(_)) => {
                let newest_first = rules.order == Order::NewestWhenOverloaded;
                Waiters::OfTenants(Box::new(Flows::new(rules.head_start, newest_first)))
            }
            (Order::Fifo | Order::NewestWhenOverloaded | Order::Priority, None) => {
                Waiters::Alike(BTreeMap::new())
            }
        };
        Self {
            rules,
            tenants,
            waiters,
            urgencies: [0; URGENCIES as usize],
            filled: None,
            emptied: None,
            steadiness: Steadiness::default(),
        }
    }

    /// Enters a waiter.
    pub(crate) fn push(&mut self, ticket: &Ticket, waiter: W, now: Instant) {
        if self.len() == 0 && self.emptied != Some(now) {
            self.filled = Some(now);
        }
        self.urgencies[usize::from(ticket.urgency)] += 1;
        self.tenants.waits(ticket.tenant);
        let place = self.place(ticket);
        match &mut self.waiters {
            Waiters::Alike(waiters) => {
                waiters.insert(place.rank, waiter);
            }
            Waiters::OfTenants(flows) => flows.insert(place, waiter, &self.tenants),
        }
        self.steadiness.entered(self.len());
    }

    /// Removes a waiter that leaves unserved; `None` if it is not in the queue.
    pub(crate) fn remove(&mut self, ticket: &Ticket, now: Instant) -> Option<W> {
        let waiter = self.take_out(ticket, now)?;
        self.steadiness.restart(self.len());
        Some(waiter)
    }

    /// Takes out a waiter that gets one of so many slots; `None` if it is not in the queue.
    pub(crate) fn serve(&mut self, ticket: &Ticket, slots: usize, now: Instant) -> Option<W> {
        let waiter = self.take_out(ticket, now)?;
        self.steadiness.served(self.len(), slots);
        Some(waiter)
    }

    fn take_out(&mut self, ticket: &Ticket, now: Instant) -> Option<W> {
        let place = self.place(ticket);
        let waiter = match &mut self.waiters {
            Waiters::Alike(waiters) => waiters.remove(&place.rank),
            Waiters::OfTenants(flows) => flows.remove(place, &self.tenants),
        }?;
        self.urgencies[usize::from(ticket.urgency)] -= 1;
        self.tenants.waits_no_longer(ticket.tenant);
        if self.len() == 0 {
            self.emptied = Some(now);
        }
        Some(waiter)
    }

    /// The waiter that is served next, if one may be served.
    pub(crate) fn next(&self, pace: &Pace, now: Instant) -> Option<&W> {
        let newest = self.is_newest_first(pace.run, now);
        match &self.waiters {
            Waiters::Alike(waiters) if newest => pace.choose(waiters, now),
            Waiters::Alike(waiters) => waiters.first_key_value(),
            Waiters::OfTenants(flows) if newest => flows.newest_ready(),
            Waiters::OfTenants(flows) => flows.next_ready(),
        }
        .map(|(_, waiter)| waiter)
    }

    /// The waiter whose place a new job of this ticket may take in a full queue; `None` if the new
    /// job has the least claim itself.
    pub(crate) fn displaced(
        &self,
        ticket: &Ticket,
        run: Option<Duration>,
        now: Instant,
    ) -> Option<&W> {
        let rank = self.rank(ticket);
        let (_, waiter) = match (self.rules.order, &self.waiters) {
            (Order::Fifo, _) => None,
            (Order::NewestWhenOverloaded, _) if !self.is_newest_first(run, now) => None,
            (Order::NewestWhenOverloaded, Waiters::Alike(waiters)) => waiters.first_key_value(),
            (Order::NewestWhenOverloaded, Waiters::OfTenants(flows)) => flows.first(),
            (Order::Priority, Waiters::Alike(waiters)) => {
                waiters.last_key_value().filter(|(last, _)| **last > rank)
            }
            (Order::Priority, Waiters::OfTenants(flows)) => {
                flows.last().filter(|(last, _)| **last > rank)
            }
            (Order::Fair, Waiters::OfTenants(flows)) => {
                flows.last_of_heaviest(self.tenants.waiting(ticket.tenant) + 1)
            }
            (Order::Fair, Waiters::Alike(_)) => None,
        }?;
        Some(waiter)
    }

    /// True while the newest job is served first: the queue is overloaded, and not just the steady
    /// queue of clients that come again. Never while the usual run is not known.
    pub(crate) fn is_newest_first(&self, run: Option<Duration>, now: Instant) -> bool {
        self.rules.order == Order::NewestWhenOverloaded
            && self.len() > 0
            && !self.steadiness.is_steady()
            && self.filled.zip(run).is_some_and(|(since, run)| now - since > run.max(MIN_INTERVAL))
    }

    /// Number of jobs that are served before a new one of this ticket, as far as is known now.
    pub(crate) fn ahead(&self, ticket: &Ticket, run: Option<Duration>, now: Instant) -> usize {
        match (self.rules.order, &self.waiters) {
            (Order::NewestWhenOverloaded, _) if self.is_newest_first(run, now) => 0,
            (Order::Fifo | Order::NewestWhenOverloaded, _) => self.len(),
            (Order::Priority, _) => self.urgencies[..=usize::from(ticket.urgency)].iter().sum(),
            // A job of each other tenant comes before each job of this one.
            (Order::Fair, Waiters::OfTenants(flows)) => {
                let own = self.tenants.waiting(ticket.tenant);
                let others = flows.tenants() - usize::from(own > 0);
                (own + (own + 1).saturating_mul(others)).min(self.len())
            }
            (Order::Fair, Waiters::Alike(_)) => 0,
        }
    }

    /// All waiters, the next first, by the order in force. Takes O(n log n).
    pub(crate) fn in_order(&self, run: Option<Duration>, now: Instant) -> Vec<&W> {
        let mut waiters: Vec<_> = match &self.waiters {
            Waiters::Alike(waiters) => waiters.values().collect(),
            Waiters::OfTenants(flows) => flows.in_order(&self.tenants),
        };
        if self.is_newest_first(run, now) {
            waiters.reverse();
        }
        waiters
    }

    /// Records that a job of this tenant takes a slot.
    pub(crate) fn slot_taken(&mut self, tenant: TenantId) -> Charge {
        let charge = self.tenants.take_slot(tenant);
        self.list(tenant);
        charge
    }

    /// Records the return of a slot that was held for this long.
    pub(crate) fn slot_returned(&mut self, charge: Charge, held: Duration) {
        self.tenants.give_slot_back(charge, held);
        self.list(charge.tenant);
        if self.len() == 0 {
            self.tenants.forget_debts_if_idle();
        }
    }

    fn list(&mut self, tenant: TenantId) {
        if let Waiters::OfTenants(flows) = &mut self.waiters {
            flows.list(tenant, &self.tenants);
        }
    }

    /// True if a job of this tenant may take a slot.
    pub(crate) fn may_take_slot(&self, tenant: TenantId) -> bool {
        self.tenants.may_take_slot(tenant)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.waiters {
            Waiters::Alike(waiters) => waiters.len(),
            Waiters::OfTenants(flows) => flows.len(),
        }
    }

    pub(crate) fn bound(&self) -> usize {
        self.rules.bound
    }

    fn rank(&self, ticket: &Ticket) -> Rank {
        let behind = match self.rules.order {
            Order::Priority => self.rules.head_start * u32::from(ticket.urgency),
            Order::Fifo | Order::NewestWhenOverloaded | Order::Fair => Duration::ZERO,
        };
        (ticket.arrived.checked_add(behind).unwrap_or(ticket.arrived), ticket.job)
    }

    fn place(&self, ticket: &Ticket) -> Place {
        let lane = if self.rules.order == Order::Fair { ticket.urgency } else { 0 };
        Place { flow: FlowId { tenant: ticket.tenant, lane }, rank: self.rank(ticket) }
    }
}

#[cfg(test)]
mod tests;
