//! A closed load: each client sends its next request when it has the response to the one before.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::load::session::Session;
use crate::load::timer::Timer;
use crate::stats::outcome::Outcome;
use crate::stats::record::Instants;
use crate::target::Caller;

/// Who could not even ask tries again a little later, as anyone does; without a pause a refusal,
/// which takes no time, would be asked for a hundred thousand times a second.
const AFTER_NOT_ASKED: Duration = Duration::from_millis(100);

/// How often the generator is looked at in a closed load.
const LOOK: Duration = Duration::from_millis(10);

/// Runs so many clients until all have had their turns.
pub(crate) async fn run(session: &Arc<Session>, clients: usize) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut callers = session.subject.callers();
    for _ in 0..clients {
        tasks.spawn(client(Arc::clone(session), callers.next()));
    }
    let mut timer = Timer::new()?;
    tokio::select! {
        lagging = watch(session, &mut timer) => lagging,
        () = async { while tasks.join_next().await.is_some() {} } => Ok(()),
    }
}

/// A client of a closed load: the next request follows the answer to the one before.
async fn client(session: Arc<Session>, mut client: Caller) {
    let mut now = Instant::now();
    while session.takes_turn(now) {
        let planned = now;
        let outcome = session.ask(&mut client, planned + session.plan.patience).await;
        now = Instant::now();
        let pause = was_not_asked(&outcome);
        let instants = Instants { planned, begun: planned, ended: now };
        session.record().add(instants, outcome);
        if pause {
            sleep(AFTER_NOT_ASKED).await;
            now = Instant::now();
        }
    }
}

/// Looks how late the generator gets round to things.
async fn watch(session: &Session, timer: &mut Timer) -> io::Result<()> {
    loop {
        let planned = Instant::now() + LOOK;
        timer.until(planned).await?;
        session.record().lag.add(planned.elapsed());
    }
}

fn was_not_asked(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(fault) if fault.kind.is_before_asking())
}
