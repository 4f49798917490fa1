//! Four callers at once, as four futures on one thread; prints their four answers as a list.
//!
//! Usage: `four_callers [HOST:PORT]`, the square service's address, by default `localhost:8888`.

use std::error::Error;
use std::io::Write;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = std::env::args().nth(1).unwrap_or_else(|| "localhost:8888".to_owned());
    let squares =
        tokio::try_join!(square(&host, 0), square(&host, 1), square(&host, 2), square(&host, 3))?;
    let (a, b, c, d) = squares;
    writeln!(std::io::stdout(), "{:?}", [a, b, c, d])?;
    Ok(())
}

async fn square(host: &str, num: i32) -> Result<f64, Box<dyn Error>> {
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(format!("/calculate_square?num={num}"))
        .header(header::HOST, host)
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        match status.is_success() {
            true => Ok(text.parse()?),
            false => Err(format!("{status}: {text}").into()),
        }
    };
    // The connection lives and dies with the answer.
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}
