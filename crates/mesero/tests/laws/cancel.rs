//! Cancelling a job by its number, whatever it does.

use mesero::{Advice, Error, Failure, Phase, Retry};

use crate::table::{Table, builder, secs};

#[tokio::test(start_paused = true)]
async fn a_queued_job_that_is_cancelled_leaves_the_queue_at_once_and_never_runs() {
    let mut table = Table::of(builder().limit(1));
    let (_running, queued) = (table.unkeyed(0).await, table.unkeyed(1).await);
    let id = table.jobs()[1].info.id;
    assert!(table.cancel(id));
    assert_eq!(table.stats().queue.len, 0);
    assert!(matches!(queued.error().await, Error::Cancelled));
    table.begun().reply(0);
    table.settle().await;
    assert!(table.resource.try_next().is_none());
    assert_eq!(table.stats().jobs.cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_running_job_that_is_cancelled_answers_at_once_and_keeps_its_slot_until_it_stops() {
    let mut table = Table::of(builder().limit(1));
    let caller = table.unkeyed(0).await;
    let attempt = table.begun();
    let id = table.only_job().info.id;
    assert!(table.cancel(id));
    assert!(matches!(caller.error().await, Error::Cancelled));
    assert!(attempt.is_given_up());
    assert_eq!(table.phases(), [Phase::Stopping]);
    assert!(!table.cancel(id), "it is over");
    attempt.reply(0);
    assert!(table.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_job_in_backoff_that_is_cancelled_answers_at_once() {
    let retry = Retry { max_backoff: secs(60), ..Retry::default() };
    let mut table = Table::of(builder().retry(retry));
    let caller = table.unkeyed(0).await;
    let later = Failure::unreachable("nobody there").advise(Advice::After(secs(60)));
    table.begun().fail(later);
    table.settle().await;
    let job = table.only_job();
    assert_eq!(job.phase, Phase::Backoff);
    assert!(table.cancel(job.info.id));
    table.settle().await;
    assert!(matches!(caller.error_now().await, Error::Cancelled));
    assert!(table.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_in_flight_cannot_be_cancelled() {
    let mut table = Table::of(builder());
    assert!(!table.cancel("99".parse().unwrap()));
    let caller = table.unkeyed(0).await;
    let id = table.only_job().info.id;
    table.begun().reply(0);
    caller.value().await;
    table.settle().await;
    assert!(!table.cancel(id));
    assert!(table.job(id).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_first_reason_to_stop_counts() {
    let table = Table::of(builder().limit(1));
    let caller = table.unkeyed(0).await;
    assert!(table.cancel(table.only_job().info.id));
    table.stop();
    assert!(matches!(caller.error().await, Error::Cancelled));
    assert_eq!((table.stats().jobs.cancelled, table.stats().jobs.shed), (1, 0));
}
