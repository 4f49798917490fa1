//! The concurrency with which a share of calls is answered in time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

use crate::capacity::erlang::{ErlangSystem, QueueWait};
use crate::capacity::service_times::ServiceTimes;
use crate::plan::Arrivals;

/// Demand, timeout and share of calls to answer in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CapacityGoal {
    pub(crate) demand: Demand,
    /// Timeout of a call, in seconds.
    pub(crate) timeout: f64,
    /// Share of calls to answer in time.
    pub(crate) share: f64,
}

/// The calls to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Demand {
    /// Calls a second, independent of earlier ones (open load).
    Rate { rate: f64, arrivals: Arrivals },
    /// Simultaneous clients, with one call each.
    Burst { clients: u32 },
}

/// The concurrency that a goal needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RequiredConcurrency {
    /// The lowest concurrency that is enough.
    Enough { concurrency: u32, share: f64 },
    /// No concurrency is enough: even without waiting, only this share would be answered in time. Uncertain if few
    /// calls were measured.
    Never { share: f64, is_certain: bool },
    /// Above the limit of the search.
    TooMany { concurrency: u32 },
}

/// Limit of the search.
const MOST: u32 = 1_000_000;

impl CapacityGoal {
    /// Lowest concurrency that meets the goal, for a resource with these service times.
    pub(crate) fn need(&self, service: &ServiceTimes) -> RequiredConcurrency {
        let unqueued = service.within(self.timeout, |_| 0.0);
        if unqueued < self.share {
            let is_certain = service.within_at_most(self.timeout) < self.share;
            return RequiredConcurrency::Never { share: unqueued, is_certain };
        }
        let enough = match self.demand {
            Demand::Rate { rate, arrivals } => {
                let mut erlang = ErlangSystem::of(rate * service.mean());
                loop {
                    erlang = erlang.more();
                    // Above a utilization of 1 the queue grows until all calls time out.
                    let share = if erlang.utilization() < 1.0 {
                        self.answered(service, wait(&erlang, service, arrivals))
                    } else {
                        0.0
                    };
                    if share >= self.share || erlang.servers() == MOST {
                        break (share >= self.share).then_some((erlang.servers(), share));
                    }
                }
            }
            Demand::Burst { clients } => {
                let most = clients.min(MOST);
                let share = |concurrency| {
                    answered_share_of_burst(clients, concurrency, self.timeout, service)
                };
                let fewest = least(most, |concurrency| share(concurrency) >= self.share);
                Some((fewest, share(fewest))).filter(|(_, share)| *share >= self.share)
            }
        };
        enough.map_or(RequiredConcurrency::TooMany { concurrency: MOST }, |(concurrency, share)| {
            RequiredConcurrency::Enough { concurrency, share }
        })
    }

    /// Utilization and waiting time at this concurrency; none for a burst, for which there is no formula.
    pub(crate) fn wait(
        &self,
        service: &ServiceTimes,
        concurrency: u32,
    ) -> Option<(f64, QueueWait)> {
        let Demand::Rate { rate, arrivals } = self.demand else { return None };
        let erlang = (0..concurrency)
            .fold(ErlangSystem::of(rate * service.mean()), |erlang, _| erlang.more());
        Some((erlang.utilization(), wait(&erlang, service, arrivals)))
    }

    /// Highest demand that this concurrency meets; none if it meets no demand.
    pub(crate) fn feasible_demand(
        &self,
        service: &ServiceTimes,
        concurrency: u32,
    ) -> Option<Demand> {
        match self.demand {
            Demand::Rate { arrivals, .. } => {
                let is_met = |rate: f64| {
                    let goal = CapacityGoal { demand: Demand::Rate { rate, arrivals }, ..*self };
                    let wait = goal.wait(service, concurrency);
                    wait.is_some_and(|(busy, wait)| {
                        busy < 1.0 && goal.answered(service, wait) >= self.share
                    })
                };
                // Bisection to three digits.
                let (mut met, mut unmet) = (0.0, f64::from(concurrency) / service.mean());
                while unmet - met > unmet / 10_000.0 {
                    let middle = f64::midpoint(met, unmet);
                    *(if is_met(middle) { &mut met } else { &mut unmet }) = middle;
                }
                (met > 0.0).then_some(Demand::Rate { rate: met, arrivals })
            }
            Demand::Burst { clients } => {
                let too_many = least(clients, |clients| {
                    answered_share_of_burst(clients, concurrency, self.timeout, service)
                        < self.share
                });
                let is_met = answered_share_of_burst(too_many, concurrency, self.timeout, service)
                    >= self.share;
                let clients = if is_met { too_many } else { too_many - 1 };
                (clients > 0).then_some(Demand::Burst { clients })
            }
        }
    }

    fn answered(&self, service: &ServiceTimes, wait: QueueWait) -> f64 {
        service.within(self.timeout, |left| wait.longer_than(left))
    }
}

fn wait(erlang: &ErlangSystem, service: &ServiceTimes, arrivals: Arrivals) -> QueueWait {
    // The squared coefficient of variation of the times between arrivals.
    let arrivals = match arrivals {
        Arrivals::Poisson => 1.0,
        Arrivals::Uniform => 0.0,
    };
    erlang.wait(service.mean(), f64::midpoint(arrivals, service.variation()))
}

/// Share of clients answered in time, of a burst that is served first come, first served: simulated with the measured
/// service times, always with the same random numbers, so that a higher concurrency never serves fewer.
///
/// With a constant service time `s`, the clients of the first ⌊timeout / s⌋ batches are answered.
fn answered_share_of_burst(
    clients: u32,
    concurrency: u32,
    timeout: f64,
    service: &ServiceTimes,
) -> f64 {
    let trials = (20_000 / clients).clamp(1, 1_000);
    let mut random = Rng::with_seed(1);
    let mut answered = 0_u64;
    for _ in 0..trials {
        // Times at which each place becomes free, in nanoseconds, since floats have no total order.
        let mut places: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
        for client in 0..clients {
            let begins =
                if client < concurrency { 0 } else { places.pop().map_or(0, |Reverse(free)| free) };
            let ends = begins.saturating_add((service.draw(&mut random) * 1e9) as u64);
            answered += u64::from(ends as f64 <= timeout * 1e9);
            places.push(Reverse(ends));
        }
    }
    answered as f64 / (u64::from(trials) * u64::from(clients)) as f64
}

/// The smallest number from 1 on for which a monotonic predicate holds, or `most`.
fn least(most: u32, mut is_so: impl FnMut(u32) -> bool) -> u32 {
    let (mut below, mut enough) = (0, most);
    while enough - below > 1 {
        let middle = below + (enough - below) / 2;
        *(if is_so(middle) { &mut enough } else { &mut below }) = middle;
    }
    enough
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capacity::service_times::tests::{exponential, fixed};

    fn stream(rate: f64) -> Demand {
        Demand::Rate { rate, arrivals: Arrivals::Poisson }
    }

    fn enough(demand: Demand, timeout: f64, service: &ServiceTimes) -> Option<u32> {
        match (CapacityGoal { demand, timeout, share: 0.99 }).need(service) {
            RequiredConcurrency::Enough { concurrency, share } => {
                assert!((0.99..=1.0).contains(&share), "{share}");
                Some(concurrency)
            }
            _ => None,
        }
    }

    /// The fewest servers with which the response time of an M/M/c system is within the timeout often enough, by its
    /// formula (D. Gross, C. M. Harris, "Fundamentals of Queueing Theory", 3rd ed., 1998, 2.3): the sum of two
    /// exponential times, waiting and service.
    pub(crate) fn textbook(rate: f64, mean: f64, (timeout, share): (f64, f64)) -> u32 {
        let load = rate * mean;
        let mut erlang = ErlangSystem::of(load);
        loop {
            erlang = erlang.more();
            let servers = f64::from(erlang.servers());
            let (serving, waiting) = (1.0 / mean, (servers - load) / mean);
            if waiting <= 0.0 {
                continue;
            }
            let both = if (waiting - serving).abs() < 1e-9 {
                (1.0 + serving * timeout) * (-serving * timeout).exp()
            } else {
                (waiting * (-serving * timeout).exp() - serving * (-waiting * timeout).exp())
                    / (waiting - serving)
            };
            let longer =
                (1.0 - erlang.waiting()) * (-serving * timeout).exp() + erlang.waiting() * both;
            if 1.0 - longer >= share {
                return erlang.servers();
            }
        }
    }

    #[test]
    fn a_stream_of_exponential_calls_needs_what_the_formula_of_the_textbook_says() {
        for (rate, mean, timeout) in [
            (1.0, 0.5, 5.0),
            (10.0, 0.1, 1.0),
            (8.0, 1.0, 7.0),
            (20.0, 1.0, 6.0),
            (3.0, 2.0, 12.0),
            (100.0, 0.05, 0.4),
            (0.2, 4.0, 30.0),
            (50.0, 2.0, 10.0),
            (400.0, 0.25, 1.5),
            (7.0, 0.3, 1.6),
        ] {
            let servers = enough(stream(rate), timeout, &exponential(mean));
            assert_eq!(
                servers,
                Some(textbook(rate, mean, (timeout, 0.99))),
                "{rate} {mean} {timeout}"
            );
        }
    }

    #[test]
    fn a_burst_is_served_in_as_many_batches_as_fit_into_the_timeout() {
        for (clients, time, timeout, concurrency) in [
            (10, 5.0, 7.0, 10),
            (10, 5.0, 10.1, 5),
            (10, 1.0, 7.0, 2),
            (11, 3.4, 7.0, 6),
            (1, 1.0, 1.0, 1),
        ] {
            let servers = enough(Demand::Burst { clients }, timeout, &fixed(time));
            assert_eq!(servers, Some(concurrency), "{clients} {time} {timeout}");
        }
    }

    #[test]
    fn no_concurrency_is_enough_for_calls_that_take_longer_than_the_timeout() {
        for demand in [stream(0.01), Demand::Burst { clients: 10 }] {
            let goal = CapacityGoal { demand, timeout: 7.0, share: 0.99 };
            assert!(matches!(
                goal.need(&fixed(7.5)),
                RequiredConcurrency::Never { share: 0.0, is_certain: true }
            ));
            // Of exponential calls of 2 s, 3 % take longer than 7 s.
            let RequiredConcurrency::Never { share, is_certain: true } =
                goal.need(&exponential(2.0))
            else {
                panic!()
            };
            assert!((share - 0.9698).abs() < 1e-4, "{share}");
        }
    }

    #[test]
    fn what_calls_take_that_all_take_the_same_is_waited_for_half_as_long() {
        let goal = CapacityGoal { demand: stream(9.0), timeout: 2.0, share: 0.99 };
        let mean = |service: &ServiceTimes| goal.wait(service, 10).unwrap().1.mean();
        let (fixed, exponential) = (mean(&fixed(1.0)), mean(&exponential(1.0)));
        assert!((exponential / fixed - 2.0).abs() < 0.01, "{exponential} {fixed}");
    }

    #[test]
    fn an_excessive_rate_needs_more_than_the_search_considers() {
        let goal = CapacityGoal { demand: stream(1e6), timeout: 3600.0, share: 0.99 };
        assert_eq!(goal.need(&fixed(100.0)), RequiredConcurrency::TooMany { concurrency: MOST });
    }

    #[test]
    fn the_feasible_demand_needs_this_concurrency_and_a_little_more_does_not_fit() {
        let goal = |demand| CapacityGoal { demand, timeout: 7.0, share: 0.99 };
        for service in [fixed(2.0), exponential(1.0)] {
            let Some(Demand::Rate { rate, .. }) = goal(stream(100.0)).feasible_demand(&service, 5)
            else {
                panic!()
            };
            assert_eq!(enough(stream(rate), 7.0, &service), Some(5));
            assert_eq!(enough(stream(rate * 1.001), 7.0, &service), Some(6));
        }
        let crowd = |clients| Demand::Burst { clients };
        assert_eq!(goal(crowd(100)).feasible_demand(&fixed(2.0), 5), Some(crowd(15)));
        assert_eq!(goal(crowd(10)).feasible_demand(&fixed(2.0), 5), Some(crowd(10)));
        assert_eq!(goal(crowd(10)).feasible_demand(&fixed(8.0), 5), None);
        assert_eq!(goal(stream(1.0)).feasible_demand(&fixed(8.0), 5), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn more_demand_or_a_shorter_timeout_never_needs_less_concurrency(
            rate in 0.1_f64..40.0, time in 0.1_f64..2.0, timeout in 2.1_f64..9.0, clients in 1_u32..60
        ) {
            let service = fixed(time);
            let of = |factor: f64, timeout| {
                let crowd = Demand::Burst { clients: (f64::from(clients) * factor).ceil() as u32 };
                [enough(stream(rate * factor), timeout, &service), enough(crowd, timeout, &service)]
            };
            let [stream, crowd] = of(1.0, timeout);
            for [more_stream, more_crowd] in [of(1.5, timeout), of(1.0, timeout * 0.99)] {
                prop_assert!(more_stream >= stream && more_crowd >= crowd);
            }
        }

        #[test]
        fn one_fewer_than_enough_is_not(rate in 0.1_f64..40.0, mean in 0.1_f64..1.0, timeout in 5.0_f64..9.0) {
            let service = exponential(mean);
            let goal = CapacityGoal { demand: stream(rate), timeout, share: 0.99 };
            let RequiredConcurrency::Enough { concurrency, .. } = goal.need(&service) else { panic!() };
            let fewer = goal.wait(&service, concurrency - 1).unwrap().1;
            prop_assert!(goal.answered(&service, fewer) < 0.99);
        }
    }
}
