//! More callers than the upstream can serve in time, and an upstream that counts its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::*;

/// Time in which the upstream serves a request.
const SERVICE: Duration = Duration::from_millis(100);

/// Requests that the upstream has at once. It does not notice when a client leaves.
#[derive(Default)]
struct Count {
    now: AtomicUsize,
    most: AtomicUsize,
    served: AtomicUsize,
}

impl Count {
    async fn serve(self: Arc<Self>, mut wire: Wire) {
        loop {
            let head = wire.head().await;
            let Some(length) = field(&head, "content-length").map(str::parse).transpose().unwrap()
            else {
                if head.is_empty() {
                    return;
                }
                self.answer(&mut wire).await;
                continue;
            };
            wire.bytes(length).await;
            self.answer(&mut wire).await;
        }
    }

    async fn answer(&self, wire: &mut Wire) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(SERVICE).await;
        self.served.fetch_add(1, Ordering::Relaxed);
        self.now.fetch_sub(1, Ordering::Relaxed);
        wire.answer("served").await;
    }
}

/// Sends requests of this method by so many callers at once; returns the number of served ones.
async fn crowd(mesero: &Mesero, method: &Method, callers: usize) -> usize {
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        let (front, method) = (mesero.front, method.clone());
        let body = if method == Method::POST { "hello" } else { "" };
        asking.spawn(async move { request(front, method, "/", body).await.status.as_u16() });
    }
    let statuses = asking.join_all().await;
    assert!(statuses.iter().all(|status| [200, 503, 504].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[tokio::test]
async fn deadlines_that_pass_while_callers_wait_leave_the_upstream_no_more_than_the_limit() {
    for method in [Method::GET, Method::POST] {
        let upstream = Upstream::open().await;
        // Not a multiple of the service time: some deadlines pass while a request is served.
        let mesero = behind(&upstream, "connections = 4/deadline = \"450ms\"").await;
        let count = Arc::new(Count::default());
        let mut serving = JoinSet::new();
        let ask = async {
            let served = crowd(&mesero, &method, 60).await;
            mesero.until_jobs(|jobs| jobs.is_empty()).await;
            served
        };
        let accept = async {
            loop {
                serving.spawn(Arc::clone(&count).serve(upstream.accept().await));
            }
        };
        let answered = tokio::select! {
            answered = ask => answered,
            () = accept => unreachable!(),
        };
        let (most, served) =
            (count.most.load(Ordering::Relaxed), count.served.load(Ordering::Relaxed));
        assert!(
            most <= 4 && answered <= served,
            "{method}: {most} at once, {answered} of {served}"
        );
    }
}
