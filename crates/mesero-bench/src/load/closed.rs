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

/// Who could not even ask tries again a little later, as anyone does; without a pause a refusal,
/// which takes no time, would be asked for a hundred thousand times a second.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How often the generator is looked at in a closed load.
const LAG_INTERVAL: Duration = Duration::from_millis(10);

/// Runs so many clients until all have had their turns.
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

/// A client of a closed load: the next request follows the answer to the one before.
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

/// Looks how late the generator gets round to things.
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
