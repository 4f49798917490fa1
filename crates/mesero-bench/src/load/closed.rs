//! A closed load: each client sends its next request when it has the response to the one before.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::load::session::LoadSession;
use crate::load::timer::Timer;
use crate::stats::outcome::RequestOutcome;
use crate::stats::record::RequestTimes;
use crate::target::TargetClient;

/// A client that could not connect pauses; otherwise refused connections, which take no time, would be tried a hundred
/// thousand times a second.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Interval between measurements of the generator's lag.
const LAG_INTERVAL: Duration = Duration::from_millis(10);

/// Runs this many clients until the load ends. Dropped, it closes all connections.
pub(crate) async fn run(session: &Arc<LoadSession>, clients: usize) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut target_clients = session.target.target_clients();
    for _ in 0..clients {
        tasks.spawn(client(Arc::clone(session), target_clients.next()));
    }
    let mut timer = Timer::new()?;
    tokio::select! {
        lag = record_lag(session, &mut timer) => lag,
        () = async { while tasks.join_next().await.is_some() {} } => Ok(()),
    }
}

/// A client: it sends its next request when it has the response to the one before.
async fn client(session: Arc<LoadSession>, mut client: TargetClient) {
    let mut now = Instant::now();
    while session.may_start(now) {
        let planned = now;
        let outcome = session.send(&mut client, planned + session.plan.timeout).await;
        now = Instant::now();
        let pause = failed_before_sending(&outcome);
        let instants = RequestTimes { planned, started: planned, ended: now };
        session.record().add(instants, outcome);
        if pause {
            sleep(RETRY_PAUSE).await;
            now = Instant::now();
        }
    }
}

/// Measures by how much the generator wakes up late.
async fn record_lag(session: &LoadSession, timer: &mut Timer) -> io::Result<()> {
    loop {
        let planned = Instant::now() + LAG_INTERVAL;
        timer.until(planned).await?;
        session.record().lag.add(planned.elapsed());
    }
}

fn failed_before_sending(outcome: &RequestOutcome) -> bool {
    matches!(outcome, RequestOutcome::Failed(fault) if fault.kind.is_before_sending())
}
