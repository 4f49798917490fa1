//! A hundred requests, ten at a time: none is refused, and no answer is seen before the last.

use std::io::Write;

use futures_util::future::join_all;
use mesero::{Call, Dispatcher};

#[path = "requests/api.rs"]
mod api;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::new();
    let requests = Dispatcher::builder("requests").limit(10).queue(100).build()?;
    let answers = join_all((0..100).map(|number| {
        let api = api.clone();
        requests.call(Call::unkeyed(), move |_attempt| {
            let api = api.clone();
            async move { api.square(number).await }
        })
    }));
    let answers = answers.await;
    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    writeln!(std::io::stdout(), "Successful: {good} Failed: {}", answers.len() - good)?;
    Ok(())
}
