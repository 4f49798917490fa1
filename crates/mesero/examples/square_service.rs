//! The square service as a Rust program: a slow function behind a bounded, visible queue.
//!
//! `GET /blocking?num=3` calls a function that blocks its thread for a second, `GET /async?num=3`
//! an async function. Either way sixteen run at once, a thousand wait, and `GET /jobs` lists them.
//!
//! Usage: `square_service [ADDRESS]`, by default `127.0.0.1:8888`.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use mesero::{Attempt, Blocking, Call, Dispatcher, Error, Failure};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let squares = Dispatcher::builder("square").limit(16).queue(1_000).build()?;
    let service = Service { squares, threads: Blocking::new("square") };
    let routes = axum::Router::new()
        .route("/blocking", get(blocking))
        .route("/async", get(asynchronous))
        .route("/jobs", get(jobs))
        .with_state(service);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8888".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    writeln!(std::io::stderr(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(listener, routes).await?;
    Ok(())
}

/// The slow function.
#[expect(clippy::disallowed_methods, reason = "it blocks on purpose")]
fn blocking_square(num: f64) -> f64 {
    std::thread::sleep(Duration::from_secs(1));
    num * num
}

/// The slow function, as an async function.
async fn async_square(num: f64) -> f64 {
    tokio::time::sleep(Duration::from_secs(1)).await;
    num * num
}

#[derive(Clone)]
struct Service {
    squares: Dispatcher<f64>,
    threads: Blocking,
}

async fn blocking(
    State(Service { squares, threads }): State<Service>,
    query: Query<HashMap<String, f64>>,
) -> (StatusCode, String) {
    let num = number(&query);
    let work = move |attempt: Attempt| threads.run(&attempt, move || Ok(blocking_square(num)));
    answer(squares.call(call(num), work).await)
}

async fn asynchronous(
    State(Service { squares, .. }): State<Service>,
    query: Query<HashMap<String, f64>>,
) -> (StatusCode, String) {
    let num = number(&query);
    let work = move |_attempt| async move { Ok::<_, Failure>(async_square(num).await) };
    answer(squares.call(call(num), work).await)
}

async fn jobs(State(Service { squares, .. }): State<Service>) -> String {
    let line = |job: mesero::JobView| format!("{} {} {:?}\n", job.info.id, job.phase, job.age);
    squares.jobs().into_iter().map(line).collect()
}

fn number(query: &HashMap<String, f64>) -> f64 {
    query.get("num").copied().unwrap_or(f64::NAN)
}

fn call(num: f64) -> Call {
    Call::unkeyed().argument("num", num.to_string())
}

fn answer(result: Result<f64, Error>) -> (StatusCode, String) {
    match result {
        Ok(square) => (StatusCode::OK, format!("{square:?}\n")),
        Err(error @ Error::Refused(_)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
