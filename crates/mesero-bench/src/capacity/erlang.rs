//! Erlang's formulas: the share of calls that wait for a server, and their waiting time.

/// A number of servers, and the load that is offered to them by independent callers that wait without a timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErlangSystem {
    servers: u32,
    /// Offered load: arrivals a second × seconds of service.
    load: f64,
    /// Blocking probability without a queue (Erlang B).
    lost: f64,
}

impl ErlangSystem {
    /// A system without servers; [`more`](Self::more) adds one.
    pub(crate) fn of(load: f64) -> Self {
        Self { servers: 0, load, lost: 1.0 }
    }

    /// Adds a server.
    ///
    /// B(c) = a·B(c − 1) / (c + a·B(c − 1)): nothing is subtracted and nothing exceeds 1, so it is exact for any number
    /// of servers (A. K. Erlang, "Solution of some Problems in the Theory of Probabilities of Significance in Automatic
    /// Telephone Exchanges", 1917; the recursion: R. B. Cooper, "Introduction to Queueing Theory", 2nd ed., 1981, 3.3).
    pub(crate) fn more(self) -> Self {
        let servers = self.servers + 1;
        let lost = self.load * self.lost;
        Self { servers, lost: lost / (f64::from(servers) + lost), ..self }
    }

    pub(crate) fn servers(&self) -> u32 {
        self.servers
    }

    /// Utilization of a server, from 0 on; from 1 on the queue grows without limit.
    pub(crate) fn utilization(&self) -> f64 {
        self.load / f64::from(self.servers)
    }

    /// Probability of waiting (Erlang C); 1 where the load exceeds the servers.
    pub(crate) fn waiting(&self) -> f64 {
        let spare = f64::from(self.servers) - self.load;
        if spare <= 0.0 {
            return 1.0;
        }
        f64::from(self.servers) * self.lost / (spare + self.load * self.lost)
    }

    /// Waiting time, for a mean service time of `mean` seconds.
    ///
    /// `variation` is half of the sum of the squared coefficients of variation of the times between arrivals and of the
    /// service times; 1 where both are exponential, as in Erlang's own formula, which is then exact. For others it is
    /// the approximation of A. O. Allen ("Probability, Statistics, and Queueing Theory", 2nd ed., 1990, 5.3.4, after W.
    /// G. Cunneen), of which J. F. C. Kingman's for one busy server ("The single server queue in heavy traffic", 1961)
    /// is a case.
    pub(crate) fn wait(&self, mean: f64, variation: f64) -> QueueWait {
        let spare = f64::from(self.servers) - self.load;
        let once = if spare <= 0.0 { f64::INFINITY } else { mean * variation / spare };
        QueueWait { chance: self.waiting(), once }
    }
}

/// Distribution of waiting times: zero for most calls, exponential for the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct QueueWait {
    /// Share of calls that wait.
    pub(crate) chance: f64,
    /// Mean waiting time of those, in seconds.
    pub(crate) once: f64,
}

impl QueueWait {
    /// Mean waiting time of all calls, in seconds.
    pub(crate) fn mean(&self) -> f64 {
        if self.chance == 0.0 { 0.0 } else { self.chance * self.once }
    }

    /// Share of calls that wait longer than this many seconds.
    pub(crate) fn longer_than(&self, seconds: f64) -> f64 {
        if self.once == 0.0 {
            return 0.0;
        }
        self.chance * (-seconds / self.once).exp()
    }

    /// Smallest waiting time that this share of calls does not exceed, in seconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        match 1.0 - share {
            longer if longer >= self.chance => 0.0,
            longer => self.once * (self.chance / longer).ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(load: f64, servers: u32) -> ErlangSystem {
        (0..servers).fold(ErlangSystem::of(load), |erlang, _| erlang.more())
    }

    fn is_near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value}, not {expected}");
    }

    /// From the definition, with sixty digits.
    #[test]
    fn the_share_who_wait_is_that_of_the_tables() {
        for (load, servers, waiting) in [
            (0.5, 1, 0.5),
            (1.0, 2, 0.333333333333),
            (8.0, 10, 0.409180150796),
            (10.0, 12, 0.449388224298),
            (20.0, 22, 0.567915162159),
            (95.0, 100, 0.506456853913),
            (900.0, 950, 0.0620978324885),
            (0.001, 3, 1.6655560184e-10),
            (99_900.0, 100_000, 0.6579935117953),
            (99_999.5, 100_000, 0.99802142141886),
        ] {
            is_near(with(load, servers).waiting(), waiting);
        }
        // ITU-T, "Teletraffic Engineering Handbook": E(10 servers, 10 erlang).
        assert!((with(10.0, 10).lost - 0.2146).abs() < 5e-5);
    }

    #[test]
    fn one_server_waits_as_the_textbook_says() {
        // M/M/1: load / (1 − load) service times; half of it where every service takes the same (Pollaczek, Khinchine).
        let erlang = with(0.8, 1);
        is_near(erlang.wait(2.0, 1.0).mean(), 8.0);
        is_near(erlang.wait(2.0, 0.5).mean(), 4.0);
        assert_eq!(erlang.wait(2.0, 0.0).mean(), 0.0);
        assert_eq!(erlang.wait(2.0, 0.0).longer_than(0.0), 0.0);
    }

    #[test]
    fn more_work_than_can_be_done_is_waited_for_without_end() {
        for servers in [0, 1, 7, 8] {
            let wait = with(8.0, servers).wait(1.0, 1.0);
            assert_eq!((wait.chance, wait.mean()), (1.0, f64::INFINITY));
            assert_eq!((wait.longer_than(1e9), wait.quantile(0.5)), (1.0, f64::INFINITY));
        }
    }

    #[test]
    fn the_far_too_many_servers_of_a_small_load_are_never_waited_for() {
        let erlang = with(0.5, 100_000);
        let wait = erlang.wait(1.0, 1.0);
        assert_eq!((wait.chance, wait.mean(), wait.quantile(0.999_999)), (0.0, 0.0, 0.0));
    }

    proptest! {
        #[test]
        fn with_each_server_fewer_wait_and_for_less(load in 0.001_f64..500.0, servers in 1_u32..600) {
            let (fewer, more) = (with(load, servers), with(load, servers + 1));
            prop_assert!((0.0..=1.0).contains(&fewer.waiting()));
            prop_assert!(more.waiting() <= fewer.waiting());
            prop_assert!(more.lost <= fewer.lost);
            let (fewer, more) = (fewer.wait(1.0, 1.0), more.wait(1.0, 1.0));
            prop_assert!(more.mean() <= fewer.mean());
            prop_assert!(more.longer_than(1.0) <= fewer.longer_than(1.0));
        }

        #[test]
        fn a_quantile_is_exceeded_by_the_rest(load in 0.1_f64..50.0, spare in 1_u32..20, share in 0.0_f64..0.999) {
            let wait = with(load, load.ceil() as u32 + spare).wait(1.5, 0.7);
            let longer = wait.longer_than(wait.quantile(share));
            let expected = wait.chance.min(1.0 - share);
            prop_assert!((longer - expected).abs() < 1e-9, "{longer}, not {expected}");
        }

        /// Erlang C is never less than Erlang B.
        #[test]
        fn more_wait_than_would_be_lost(load in 0.001_f64..300.0, servers in 1_u32..400) {
            let erlang = with(load, servers);
            prop_assert!(erlang.waiting() >= erlang.lost);
        }
    }
}
