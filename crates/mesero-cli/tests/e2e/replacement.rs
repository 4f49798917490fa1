//! Workers that are replaced, without a dropped call.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{self, Kept};
use crate::gate::{Begun, Gate};
use crate::harness::{HANG_TIMEOUT, Mesero, Process, in_phase};

mod recycling;
mod reload;

/// Waits until nothing is in flight; then every call must have been answered and every slot be free.
async fn nothing_was_dropped(mesero: &Mesero) {
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    let resources = client::get(mesero.control, "/resources").await.json();
    for resource in resources["resources"].as_array().unwrap() {
        let stats = &resource["stats"];
        assert_eq!(stats["jobs"]["succeeded"], stats["jobs"]["started"], "{stats}");
        assert_eq!(stats["calls"]["finished"], stats["calls"]["started"], "{stats}");
        assert_eq!((&stats["slots"]["in_use"], &stats["slots"]["closed"]), (&0.into(), &0.into()));
    }
}

/// Waits until this worker has ended because another took its place.
async fn replaced_and_gone(mesero: &mut Mesero, pid: u32, process: &Process) {
    mesero.logged(&format!("taken its place\" resource=square pid={pid}")).await;
    process.ended().await;
}
