//! A site's data, cached for a minute: ten thousand readers, one request; and an outage of the
//! site.
//!
//! The remote takes two seconds, and fails during the outage. The program's clock is paused, so it
//! prints at once:
//!
//! ```text
//! a cold cache:       10000 readers got version 1, 1 request
//! a minute later:     10000 readers got version 1 at once, 2 requests
//! after the refresh:  10000 readers got version 2 at once, 2 requests
//! the site is down:   10000 readers got version 2, 3 requests
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use futures_util::future::join_all;
use mesero::{Cache, Call, Dispatcher, Error, Failure};
use tokio::time::{Instant, advance, sleep};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A remote site without a cache of its own.
#[derive(Default)]
struct Site {
    requests: AtomicU64,
    is_down: AtomicBool,
}

impl Site {
    async fn fetch(&self) -> Result<Arc<str>, Failure> {
        let version = self.requests.fetch_add(1, SeqCst) + 1;
        sleep(secs(2)).await;
        if self.is_down.load(SeqCst) {
            return Err(Failure::unreachable("connection refused"));
        }
        Ok(format!("version {version}").into())
    }
}

/// Reads with ten thousand readers at once, and returns their result.
async fn readers(site: &Arc<Site>, data: &Dispatcher<Arc<str>>) -> Result<String, Error> {
    let start = Instant::now();
    let read = |_| {
        let site = Arc::clone(site);
        data.call(Call::new("/data"), move |_attempt| {
            let site = Arc::clone(&site);
            async move { site.fetch().await }
        })
    };
    let answers = join_all((0..10_000).map(read)).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let same = answers.iter().all(|answer| *answer == answers[0]);
    let readers = if same { answers.len() } else { 0 };
    let at_once = if start.elapsed().is_zero() { " at once" } else { "" };
    Ok(format!("{readers} readers got {}{at_once}", answers[0]))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::new(secs(60), 64 << 20, |data: &Arc<str>| data.len())
        .stale_while_revalidate(secs(30))
        .stale_if_error(secs(3_600));
    let site = Arc::new(Site::default());
    let data = Dispatcher::builder("site").coalesce().cache(cache).build()?;
    let mut out = std::io::stdout();
    let requests = || site.requests.load(SeqCst);

    writeln!(out, "a cold cache:       {}, {} request", readers(&site, &data).await?, requests())?;
    advance(secs(60)).await;
    let got = readers(&site, &data).await?;
    data.jobs_finished().await;
    writeln!(out, "a minute later:     {got}, {} requests", requests())?;
    let got = readers(&site, &data).await?;
    writeln!(out, "after the refresh:  {got}, {} requests", requests())?;
    advance(secs(600)).await;
    site.is_down.store(true, SeqCst);
    let got = readers(&site, &data).await?;
    writeln!(out, "the site is down:   {got}, {} requests", requests())?;
    Ok(())
}
