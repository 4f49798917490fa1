//! A hundred requests, all at once: most of them are refused, and no answer is seen before the last.

use std::io::Write;

use futures_util::future::join_all;

#[path = "requests/api.rs"]
mod api;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let api = api::Api::new();
    let answers = join_all((0..100).map(|number| api.square(number))).await;
    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    writeln!(std::io::stdout(), "Successful: {good} Failed: {}", answers.len() - good)
}
