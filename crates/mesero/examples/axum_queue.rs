//! A slow axum handler behind a bounded, visible queue: two run, a hundred wait, `GET /jobs` lists
//! them.

use axum::{Router, routing::get};
use mesero::{BuildError, Dispatcher, tower::DispatcherLayer};

pub(crate) fn service() -> Result<Router, BuildError> {
    let reports = Dispatcher::builder("report").limit(2).queue(100).build()?;
    let layer = DispatcherLayer::new(reports.clone());
    let jobs =
        async move || reports.jobs().iter().map(|job| format!("{job}\n")).collect::<String>();
    Ok(Router::new().route("/report", get(report)).layer(layer).route("/jobs", get(jobs)))
}

async fn report() -> &'static str {
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    "done\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8888").await?;
    Ok(axum::serve(listener, service()?).await?)
}
