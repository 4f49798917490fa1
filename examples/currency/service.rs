//! The same converter in asynchronous Rust on the library: the rates are cached for a minute, and concurrent conversions
//! share one request for them.
//!
//! Usage: `currency [ADDRESS]`, by default `127.0.0.1:8082`. `RATES_URL` names the rates service.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, Uri, header};
use axum::routing::get;
use bigdecimal::BigDecimal;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesero::{Cache, Call, Dispatcher, Error, Failure};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};

const RATES_URL: &str = "http://localhost:8000/rates";
const TIMEOUT: Duration = Duration::from_secs(3);
const FRESH: Duration = Duration::from_secs(60);

/// Upper bound of the memory of a currency with its rate.
const RATE_BYTES: usize = 128;

/// Far more than one table needs.
const CACHE_BYTES: u64 = 1024 * 1024;

/// Bound of the service's answer, which has some hundred bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// The least amount that is rejected: amounts have at most 18 digits.
const TOO_MUCH: i128 = 10_i128.pow(18);

/// Price of one unit of the base currency, by currency.
type Rates = Arc<HashMap<String, BigDecimal>>;

#[derive(Clone)]
struct Service {
    rates: Dispatcher<Rates>,
    source: Uri,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let source = std::env::var("RATES_URL").unwrap_or_else(|_| RATES_URL.to_owned()).parse()?;
    let rates = Dispatcher::builder("rates")
        .limit(1)
        .timeout(TIMEOUT)
        .coalesce()
        .cache(Cache::new(FRESH, CACHE_BYTES, |rates: &Rates| rates.len() * RATE_BYTES))
        .build()?;
    let routes = Router::new()
        .route("/convert/{currency}/{amount}", get(convert))
        .with_state(Service { rates, source });

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8082".to_owned());
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stderr(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn convert(
    State(Service { rates, source }): State<Service>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> (StatusCode, String) {
    let Ok(Path((currency, amount))) = path else {
        return (StatusCode::NOT_FOUND, "there is no such path".to_owned());
    };
    let Some(amount) = integer(&amount) else {
        let said = format!("the amount has to be an integer of at most 18 digits, not {amount}");
        return (StatusCode::BAD_REQUEST, said);
    };
    let fetch = move |_attempt| fetch(source.clone());
    match rates.call(Call::new("rates"), fetch).await {
        Ok(rates) => match rates.get(&currency) {
            Some(rate) => {
                let product = (rate * BigDecimal::from(amount)).normalized();
                (StatusCode::OK, format!("{currency} {}", product.to_plain_string()))
            }
            None => (StatusCode::NOT_FOUND, format!("there is no rate for {currency}")),
        },
        Err(error) => (status(&error), format!("the rates are not available: {error}")),
    }
}

fn integer(text: &str) -> Option<i128> {
    text.parse().ok().filter(|amount| (1 - TOO_MUCH..TOO_MUCH).contains(amount))
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::TimedOut { .. } | Error::Expired { .. } => StatusCode::GATEWAY_TIMEOUT,
        Error::Refused(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Answer of the rates service.
#[derive(Deserialize)]
struct Table {
    base: String,
    /// Unparsed, since a conversion to float would change them.
    rates: HashMap<String, Box<RawValue>>,
}

/// Requests the rates from the service.
async fn fetch(source: Uri) -> Result<Rates, Failure> {
    let host = source.host().unwrap_or_default();
    let stream = TcpStream::connect((host, source.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = source.authority().map_or("", |authority| authority.as_str());
    let path = source.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(header::HOST, authority).body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Failure::raised(format!("the service answered {}", response.status())));
        }
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        body.map_err(|error| Failure::lost(error.to_string()))
    };
    // The connection is polled together with the answer, and closed with it.
    let mut answer = std::pin::pin!(answer);
    let body = tokio::select! {
        body = &mut answer => body?,
        _ = connection => answer.await?,
    };
    let Table { base, rates } = serde_json::from_slice(&body.to_bytes())?;
    let rates = rates.into_iter().map(|(currency, rate)| Ok((currency, rate.get().parse()?)));
    let mut rates = rates.collect::<Result<HashMap<_, _>, Failure>>()?;
    rates.insert(base, BigDecimal::from(1));
    Ok(Arc::new(rates))
}
