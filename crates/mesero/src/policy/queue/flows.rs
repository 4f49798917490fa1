//! Waiters by tenant: a flow for each tenant and lane, and an index of the flows that may be served.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::tenants::{TenantId, Tenants};
use crate::call::{JobId, URGENCIES};
use crate::id_hasher::BuildIdHasher;

/// A waiter's place among those of its flow; the lower is the older.
pub(super) type Rank = (Instant, JobId);

/// The flows of all tenants.
#[derive(Debug)]
pub(super) struct Flows<W> {
    flows: HashMap<FlowId, Flow<W>, BuildIdHasher>,
    /// One for each urgency where shares are fair, else only the first.
    lanes: [Lane; URGENCIES as usize],
    /// The head start of a lane before the next.
    head_start: Duration,
    newest_first: bool,
    /// The lanes that were ever used, as bits.
    used: u8,
    /// Tenants with waiters, by their number.
    heaviest: BTreeSet<(usize, TenantId)>,
    len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FlowId {
    pub(super) tenant: TenantId,
    pub(super) lane: u8,
}

/// The place of one waiter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) flow: FlowId,
    pub(super) rank: Rank,
}

/// The waiters of one tenant in one lane.
#[derive(Debug)]
struct Flow<W> {
    waiters: BTreeMap<Rank, W>,
    /// Its entry in the lane's index; `None` while the tenant may take no slot.
    listed: Option<Listed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    tag: u64,
    oldest: Rank,
    /// Set if the newest may be asked for.
    newest: Option<Rank>,
}

/// Flows that compete by their tenants' tags.
#[derive(Debug, Default)]
struct Lane {
    /// Flows that may be served, by their tenants' tags.
    by_tag: BTreeSet<(u64, Rank, TenantId)>,
    by_newest: BTreeSet<(Rank, TenantId)>,
    /// All waiters.
    ages: BTreeSet<(Rank, TenantId)>,
}

impl<W> Flows<W> {
    /// Without flows. `newest_first` says that [`newest_ready`](Self::newest_ready) will be asked.
    pub(super) fn new(head_start: Duration, newest_first: bool) -> Self {
        Self {
            flows: HashMap::default(),
            lanes: Default::default(),
            head_start,
            newest_first,
            used: 0,
            heaviest: BTreeSet::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of tenants with waiters.
    pub(super) fn tenants(&self) -> usize {
        self.heaviest.len()
    }

    pub(super) fn insert(&mut self, place: Place, waiter: W, tenants: &Tenants) {
        let Place { flow: id, rank } = place;
        let flow =
            self.flows.entry(id).or_insert_with(|| Flow { waiters: BTreeMap::new(), listed: None });
        flow.waiters.insert(rank, waiter);
        self.lanes[usize::from(id.lane)].ages.insert((rank, id.tenant));
        let waiting = tenants.waiting(id.tenant);
        self.heaviest.remove(&(waiting - 1, id.tenant));
        self.heaviest.insert((waiting, id.tenant));
        self.len += 1;
        self.used |= 1 << id.lane;
        self.list_flow(id, tenants);
    }

    pub(super) fn remove(&mut self, place: Place, tenants: &Tenants) -> Option<W> {
        let Place { flow: id, rank } = place;
        let waiter = self.flows.get_mut(&id)?.waiters.remove(&rank)?;
        self.lanes[usize::from(id.lane)].ages.remove(&(rank, id.tenant));
        let waiting = tenants.waiting(id.tenant);
        self.heaviest.remove(&(waiting, id.tenant));
        if waiting > 1 {
            self.heaviest.insert((waiting - 1, id.tenant));
        }
        self.len -= 1;
        self.list_flow(id, tenants);
        Some(waiter)
    }

    /// Updates the index after a change of the tenant's slots or tag.
    pub(super) fn list(&mut self, tenant: TenantId, tenants: &Tenants) {
        let used = self.used;
        for lane in (0..URGENCIES).filter(|lane| used & (1 << lane) != 0) {
            self.list_flow(FlowId { tenant, lane }, tenants);
        }
    }

    fn list_flow(&mut self, id: FlowId, tenants: &Tenants) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let ends = flow.waiters.first_key_value().zip(flow.waiters.last_key_value());
        let ends = ends.filter(|_| tenants.may_take_slot(id.tenant));
        let listed = ends.map(|((oldest, _), (newest, _))| Listed {
            tag: tenants.tag(id.tenant),
            oldest: *oldest,
            newest: self.newest_first.then_some(*newest),
        });
        let before = std::mem::replace(&mut flow.listed, listed);
        if flow.waiters.is_empty() {
            self.flows.remove(&id);
        }
        if before == listed {
            return;
        }
        let lane = &mut self.lanes[usize::from(id.lane)];
        if let Some(Listed { tag, oldest, newest }) = before {
            lane.by_tag.remove(&(tag, oldest, id.tenant));
            if let Some(newest) = newest {
                lane.by_newest.remove(&(newest, id.tenant));
            }
        }
        if let Some(Listed { tag, oldest, newest }) = listed {
            lane.by_tag.insert((tag, oldest, id.tenant));
            if let Some(newest) = newest {
                lane.by_newest.insert((newest, id.tenant));
            }
        }
    }

    /// The next waiter among those that may be served.
    pub(super) fn next_ready(&self) -> Option<(&Rank, &W)> {
        let ready = self.lanes.iter().zip(0..).filter(|(lane, _)| !lane.by_tag.is_empty());
        let (lane, number) = ready.min_by_key(|(lane, number)| self.due(lane, *number))?;
        let (_, rank, tenant) = lane.by_tag.first()?;
        self.waiter(FlowId { tenant: *tenant, lane: number }, rank)
    }

    /// The time by which lanes compete: the arrival of the oldest waiter, behind the head starts of
    /// the lanes before.
    fn due(&self, lane: &Lane, number: u8) -> Option<Instant> {
        let ((arrived, _), _) = lane.ages.first()?;
        arrived.checked_add(self.head_start * u32::from(number))
    }

    /// The newest waiter among those that may be served.
    pub(super) fn newest_ready(&self) -> Option<(&Rank, &W)> {
        let (rank, tenant) = self.lanes[0].by_newest.last()?;
        self.waiter(FlowId { tenant: *tenant, lane: 0 }, rank)
    }

    /// The oldest waiter of the first lane.
    pub(super) fn first(&self) -> Option<(&Rank, &W)> {
        let (rank, tenant) = self.lanes[0].ages.first()?;
        self.waiter(FlowId { tenant: *tenant, lane: 0 }, rank)
    }

    /// The newest waiter of the first lane.
    pub(super) fn last(&self) -> Option<(&Rank, &W)> {
        let (rank, tenant) = self.lanes[0].ages.last()?;
        self.waiter(FlowId { tenant: *tenant, lane: 0 }, rank)
    }

    /// The newest, least urgent waiter of the tenant with the most waiters, if they are more than
    /// this.
    pub(super) fn last_of_heaviest(&self, more_than: usize) -> Option<(&Rank, &W)> {
        let (waiting, tenant) = *self.heaviest.last()?;
        if waiting <= more_than {
            return None;
        }
        let mut flows = (0..URGENCIES).rev().map(|lane| FlowId { tenant, lane });
        flows.find_map(|id| self.flows.get(&id)?.waiters.last_key_value())
    }

    /// All waiters in the order of service, if none arrives and each runs as long as its tenant's
    /// usually do. Takes O(n log n).
    pub(super) fn in_order(&self, tenants: &Tenants) -> Vec<&W> {
        let mut waiters: Vec<_> = self
            .flows
            .iter()
            .flat_map(|(id, flow)| {
                let (tag, cost) = (tenants.tag(id.tenant), tenants.cost(id.tenant));
                flow.waiters.iter().zip(0..).map(move |((rank, waiter), nth)| {
                    let tag = tag.saturating_add(cost.saturating_mul(nth));
                    ((id.lane, tag, *rank), waiter)
                })
            })
            .collect();
        waiters.sort_unstable_by_key(|(place, _)| *place);
        waiters.into_iter().map(|(_, waiter)| waiter).collect()
    }

    fn waiter(&self, id: FlowId, rank: &Rank) -> Option<(&Rank, &W)> {
        self.flows.get(&id)?.waiters.get_key_value(rank)
    }
}
