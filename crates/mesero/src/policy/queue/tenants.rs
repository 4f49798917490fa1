//! Tenants: whose jobs wait and run, and what share of the slots each has used.
//!
//! Shares are kept by start-time fair queueing. Virtual time is the start tag of the job that got a
//! slot last; a tenant's finish tag is the virtual time up to which it has used its share. A job is
//! charged what its tenant's jobs usually cost, and the charge is corrected when its slot returns.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use crate::call::Key;
use crate::outlook::{Quota, TenantQuotas};
use crate::policy::order::{Order, PerTenant};
use crate::policy::rate::TokenBucket;

/// Number of tenants that are remembered while they have no job in flight.
const REMEMBERED: usize = 4_096;

/// The charge of a job before anything is known, in nanoseconds.
const UNKNOWN_COST: u64 = 100_000_000;

/// Weight of the newest run in a mean: about the last eight decide.
const WEIGHT: u64 = 8;

/// A tenant in the table. It stays valid while a job of it is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantId(usize);

/// The table of tenants. Calls without a key are one tenant together.
#[derive(Debug)]
pub(crate) struct Tenants {
    table: Slab<Tenant>,
    by_key: HashMap<Key, TenantId>,
    /// Tenants without a job in flight, in the order of their departures.
    idle: BTreeSet<(u64, TenantId)>,
    departures: u64,
    each: PerTenant,
    /// True if tags order the tenants; else all tags are 0.
    fair: bool,
    virtual_time: u64,
    /// The finish tag that tenants share when each new one takes the place of an old one, so that
    /// changing keys wins nothing.
    newcomers: u64,
    /// The latest finish tag of all.
    latest_finish: u64,
    slots_in_use: usize,
    usual_cost: u64,
}

/// What a tenant was charged for a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charge {
    pub(crate) tenant: TenantId,
    nanoseconds: u64,
}

#[derive(Debug)]
struct Tenant {
    key: Option<Key>,
    weight: u64,
    /// Jobs in flight, and slots.
    uses: usize,
    waiting: usize,
    slots: usize,
    departed: u64,
    finish: u64,
    /// The finish tag with which it was added.
    origin: u64,
    /// The mean time for which its jobs hold a slot, in nanoseconds.
    cost: u64,
    bucket: Option<TokenBucket>,
}

impl Tenants {
    pub(crate) fn new(each: PerTenant, order: Order) -> Self {
        let mut tenants = Self {
            table: Slab::new(),
            by_key: HashMap::new(),
            idle: BTreeSet::new(),
            departures: 0,
            each,
            fair: order == Order::Fair,
            virtual_time: 0,
            newcomers: 0,
            latest_finish: 0,
            slots_in_use: 0,
            usual_cost: UNKNOWN_COST,
        };
        let nobody = tenants.add(None, 0);
        // It is never forgotten.
        tenants.table[nobody.0].uses = 1;
        tenants
    }

    /// The tenant of this key, which is added if it is new.
    pub(crate) fn of(&mut self, key: Option<&Key>) -> TenantId {
        let Some(key) = key else { return TenantId(0) };
        if let Some(known) = self.by_key.get(key) {
            return *known;
        }
        let origin = if self.idle.len() < REMEMBERED { 0 } else { self.forget() };
        let id = self.add(Some(key.clone()), origin);
        self.by_key.insert(key.clone(), id);
        self.idle.insert((0, id));
        id
    }

    fn add(&mut self, key: Option<Key>, origin: u64) -> TenantId {
        let weight = key.as_ref().and_then(|key| self.each.weights.get(key));
        TenantId(self.table.insert(Tenant {
            weight: weight.copied().map_or(1, NonZeroU32::get).into(),
            key,
            uses: 0,
            waiting: 0,
            slots: 0,
            departed: 0,
            finish: origin,
            origin,
            cost: self.usual_cost,
            bucket: self.each.rate.map(TokenBucket::new),
        }))
    }

    /// Forgets the tenant that has been idle for the longest, and returns the finish tag with which
    /// a new one takes its place. What they use adds up in one tag, as if they were one tenant.
    fn forget(&mut self) -> u64 {
        let origin = self.newcomers.max(self.virtual_time);
        self.newcomers = origin.saturating_add(self.usual_cost);
        if let Some((_, id)) = self.idle.pop_first() {
            let tenant = self.table.remove(id.0);
            if let Some(key) = tenant.key {
                self.by_key.remove(&key);
            }
            let charged = tenant.origin.saturating_add(self.usual_cost);
            let debt = tenant.finish.saturating_sub(charged.max(self.virtual_time));
            self.newcomers = self.newcomers.saturating_add(debt);
        }
        origin
    }

    /// Keeps the tenant in the table until [`release`](Self::release).
    pub(crate) fn hold(&mut self, id: TenantId) {
        let tenant = &mut self.table[id.0];
        tenant.uses += 1;
        if tenant.uses == 1 {
            self.idle.remove(&(tenant.departed, id));
        }
    }

    /// Lets the tenant be forgotten, once nothing holds it and others need its place.
    pub(crate) fn release(&mut self, id: TenantId) {
        let tenant = &mut self.table[id.0];
        tenant.uses -= 1;
        if tenant.uses == 0 {
            self.departures += 1;
            tenant.departed = self.departures;
            self.idle.insert((tenant.departed, id));
        }
    }

    /// The wait until the tenant's rate admits a job; `None` if it does now.
    pub(crate) fn rate_wait(&self, id: TenantId, now: Instant) -> Option<Duration> {
        self.table[id.0].bucket.as_ref()?.wait(now)
    }

    /// Counts a job that the tenant's rate admits.
    pub(crate) fn use_rate(&mut self, id: TenantId, now: Instant) {
        if let Some(bucket) = &mut self.table[id.0].bucket {
            bucket.take(now);
        }
    }

    /// True if the tenant has as many waiters as it may have.
    pub(crate) fn is_full(&self, id: TenantId) -> bool {
        self.each.queue.is_some_and(|bound| self.waiting(id) >= bound)
    }

    pub(crate) fn waiting(&self, id: TenantId) -> usize {
        self.table[id.0].waiting
    }

    /// What the tenant has left of its own bounds.
    pub(crate) fn quotas(&self, id: TenantId, now: Instant) -> TenantQuotas {
        let tenant = &self.table[id.0];
        let quota = |total: usize, used| Quota { total, left: total.saturating_sub(used) };
        TenantQuotas {
            slots: self.each.limit.map(|limit| quota(limit.get(), tenant.slots)),
            queue: self.each.queue.map(|bound| quota(bound, tenant.waiting)),
            rate: tenant.bucket.as_ref().map(|bucket| bucket.quota(now)),
        }
    }

    pub(super) fn waits(&mut self, id: TenantId) {
        self.table[id.0].waiting += 1;
    }

    pub(super) fn waits_no_longer(&mut self, id: TenantId) {
        self.table[id.0].waiting -= 1;
    }

    /// The start tag of the tenant's next job.
    pub(super) fn tag(&self, id: TenantId) -> u64 {
        if self.fair { self.table[id.0].finish.max(self.virtual_time) } else { 0 }
    }

    /// The virtual time that one job of this tenant usually takes.
    pub(super) fn cost(&self, id: TenantId) -> u64 {
        let tenant = &self.table[id.0];
        if self.fair { tenant.cost / tenant.weight } else { 0 }
    }

    pub(super) fn may_take_slot(&self, id: TenantId) -> bool {
        self.each.limit.is_none_or(|limit| self.table[id.0].slots < limit.get())
    }

    /// Charges the tenant for a slot, and returns the charge.
    pub(super) fn take_slot(&mut self, id: TenantId) -> Charge {
        self.hold(id);
        self.slots_in_use += 1;
        let (start, cost) = (self.tag(id), self.cost(id));
        let tenant = &mut self.table[id.0];
        tenant.slots += 1;
        if self.fair {
            self.virtual_time = start;
            tenant.finish = start.saturating_add(cost);
            self.latest_finish = self.latest_finish.max(tenant.finish);
        }
        Charge { tenant: id, nanoseconds: tenant.cost }
    }

    /// Corrects the charge for a slot that was held for this long.
    pub(super) fn give_slot_back(&mut self, charge: Charge, held: Duration) {
        self.slots_in_use -= 1;
        let tenant = &mut self.table[charge.tenant.0];
        tenant.slots -= 1;
        if self.fair {
            let held = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
            let (paid, due) = (charge.nanoseconds / tenant.weight, held / tenant.weight);
            tenant.finish = tenant.finish.saturating_sub(paid).saturating_add(due);
            self.latest_finish = self.latest_finish.max(tenant.finish);
            tenant.cost = (tenant.cost * (WEIGHT - 1)).saturating_add(held) / WEIGHT;
            self.usual_cost = (self.usual_cost * (WEIGHT - 1)).saturating_add(held) / WEIGHT;
        }
        self.release(charge.tenant);
    }

    /// Forgets what tenants have used if no slot is in use and, as the caller knows, nothing waits:
    /// no tenant has kept another from a slot then.
    pub(super) fn forget_debts_if_idle(&mut self) {
        if self.slots_in_use == 0 {
            self.virtual_time = self.latest_finish.max(self.newcomers);
        }
    }
}
