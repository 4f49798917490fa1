//! A hundred requests, ten at a time: each answer arrives as it completes, with its input, and
//! transient failures are retried.

use std::io::Write;

use mesero::{Dispatcher, Retry};

#[path = "requests/api.rs"]
mod api;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::new();
    let requests = Dispatcher::builder("requests").limit(10).retry(Retry::default()).build()?;
    let mut answers = requests.call_all(0..100, move |number, _attempt| {
        let api = api.clone();
        async move { api.square(number).await }
    });
    let (mut good, mut bad) = (0, 0);
    while let Some(answer) = answers.next().await {
        match answer.result {
            Ok(square) => {
                good += 1;
                writeln!(std::io::stdout(), "{} → {square}", answer.input)?;
            }
            Err(error) => {
                bad += 1;
                writeln!(std::io::stdout(), "{}: {error}", answer.input)?;
            }
        }
    }
    writeln!(std::io::stdout(), "Successful: {good} Failed: {bad}")?;
    Ok(())
}
