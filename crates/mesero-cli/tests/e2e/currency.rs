//! One service as a function, as a Flask application and as a Rust program, with the same answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use http::{Method, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{self, Response};
use crate::harness::{
    HANG_TIMEOUT, Mesero, ReservedPort, example, folder, on_free_ports, program, venv,
};

/// The three implementations on one rates service.
struct Three {
    function: Mesero,
    flask: Mesero,
    rust: Rust,
}

/// The Rust program.
struct Rust {
    address: SocketAddr,
    _child: Child,
}

impl Three {
    /// None where there is no Flask.
    async fn on(rates: &str) -> Option<Self> {
        let venv = venv()?;
        let serve = async |file: &str| {
            let mut command = Command::new(program());
            let folder = beside_the_modules(file, venv.to_str().unwrap());
            command.arg("serve").arg(folder.path().join("mesero.toml"));
            command.env("RATES_URL", rates).env("NO_PROXY", "*");
            Mesero::start_in(folder, command).await
        };
        let (function, flask, rust) =
            tokio::join!(serve("function.toml"), serve("flask.toml"), Rust::start(rates));
        Some(Self { function, flask, rust })
    }

    fn fronts(&self) -> [SocketAddr; 3] {
        [self.function.front, self.flask.front, self.rust.address]
    }

    /// Sends one request to all three; returns their answers.
    async fn ask(&self, path: &str) -> [Response; 3] {
        let [function, flask, rust] = self.fronts().map(|front| client::get(front, path));
        let answers = timeout(HANG_TIMEOUT, async { tokio::join!(function, flask, rust) });
        answers.await.expect("three answers").into()
    }

    /// Asserts that all three refuse a request with this status, and say why.
    async fn refuse(&self, path: &str, status: StatusCode, why: [&str; 3]) {
        for (answer, why) in self.ask(path).await.into_iter().zip(why) {
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(answer.body.contains(why), "{path}: {}", answer.body);
        }
    }
}

impl Rust {
    async fn start(rates: &str) -> Self {
        let mut command = Command::new(built_example("currency"));
        command.arg("127.0.0.1:0").env("RATES_URL", rates);
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line =
            timeout(HANG_TIMEOUT, said.next_line()).await.expect("it starts").unwrap().unwrap();
        let address = line.rsplit_once("http://").expect(&line).1.parse().unwrap();
        Self { address, _child: child }
    }
}

/// An example program, which `cargo test` has built beside this test.
fn built_example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "no {}: `cargo build --examples` makes it", path.display());
    path
}

/// One of the example's files and the two modules, to be served in a process of its own.
fn beside_the_modules(file: &str, venv: &str) -> TempDir {
    let config = on_free_ports(&format!("currency/{file}"));
    let config = config.replacen("[resource", "control = \"127.0.0.1:0\"\n[resource", 1);
    let config = config.replace("../../target/venv", venv);
    let read = |name: &str| std::fs::read_to_string(example("currency").join(name)).unwrap();
    let (app, convert) = (read("app.py"), read("convert.py"));
    folder(&[("mesero.toml", &config), ("app.py", &app), ("convert.py", &convert)])
}

/// The example's rates service, with some of its lines replaced.
async fn rates_service(replaced: &[(&str, &str)]) -> (Mesero, String) {
    let mut config = on_free_ports("currency/rates.toml");
    for (from, to) in replaced {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let service = Mesero::serve(&config, &[]).await;
    let url = format!("http://{}/rates", service.front);
    (service, url)
}

const AT_ONCE: (&str, &str) = ("delay = \"300ms\"", "delay = \"1ms\"");

#[tokio::test]
async fn all_three_answer_alike() {
    let (rates, url) = rates_service(&[AT_ONCE]).await;
    let Some(three) = Three::on(&url).await else { return };
    let table = client::get(rates.front, "/rates").await.json();
    let currencies: Vec<&String> = table["rates"].as_object().unwrap().keys().collect();
    assert_eq!(currencies.len(), 32);
    let mut paths: Vec<String> =
        currencies.iter().map(|currency| format!("/convert/{currency}/100")).collect();
    let amounts = ["0", "-0", "-7", "3", "+5", "007", "999999999999999999", "-999999999999999999"];
    paths.extend(amounts.map(|amount| format!("/convert/USD/{amount}")));
    paths.extend(["/convert/EUR/12", "/convert/%47BP/1"].map(str::to_owned));
    for path in &paths {
        let answers = three.ask(path).await;
        for answer in &answers {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
            assert_eq!(answer.body, answers[0].body, "{path}");
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        }
    }
    let known = [
        ("/convert/GBP/100", "GBP 88.4"),
        // In floats it would be 123.00999999999999, 13177.000000000002 and 1.2300999999999999e+18.
        ("/convert/USD/100", "USD 123.01"),
        ("/convert/JPY/100", "JPY 13177"),
        ("/convert/USD/999999999999999999", "USD 1230099999999999998.7699"),
        ("/convert/USD/-0", "USD 0"),
        ("/convert/EUR/12", "EUR 12"),
    ];
    for (path, text) in known {
        assert_eq!(three.ask(path).await.map(|answer| answer.body), [text; 3]);
    }
}

#[tokio::test]
async fn all_three_refuse_alike_and_say_why() {
    let (_rates, url) = rates_service(&[AT_ONCE]).await;
    let Some(three) = Three::on(&url).await else { return };
    for currency in ["XYZ", "gbp", "%00", "G%20P", "%C3%A9"] {
        let path = format!("/convert/{currency}/100");
        three.refuse(&path, StatusCode::NOT_FOUND, ["there is no rate for "; 3]).await;
    }
    for amount in ["x", "1.5", "1e3", "1_0", "%201", "0x1", "-", "%EF%BC%91"] {
        let path = format!("/convert/GBP/{amount}");
        three.refuse(&path, StatusCode::BAD_REQUEST, ["be an int"; 3]).await;
    }
    let (nineteen, too_long) = ("1".repeat(19), "1".repeat(5_000));
    let path = format!("/convert/GBP/{nineteen}");
    three.refuse(&path, StatusCode::BAD_REQUEST, ["at most 18 digits"; 3]).await;
    three.refuse(&format!("/convert/GBP/{too_long}"), StatusCode::BAD_REQUEST, ["digits"; 3]).await;
    for path in ["/", "/convert/GBP", "/convert/GBP/", "/convert//1", "/convert/GBP/1/2"] {
        three.refuse(path, StatusCode::NOT_FOUND, [""; 3]).await;
    }
    for front in three.fronts() {
        let answer = client::request(front, Method::POST, "/convert/GBP/100", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn rates_that_cannot_be_had_are_a_502_and_slow_ones_a_504() {
    let port = ReservedPort::new();
    let down = async {
        let Some(three) = Three::on(&format!("http://{}", port.address())).await else { return };
        let why = ["the rates are not available"; 3];
        three.refuse("/convert/GBP/100", StatusCode::BAD_GATEWAY, why).await;
        // The amount is checked first.
        three.refuse("/convert/GBP/x", StatusCode::BAD_REQUEST, [" int"; 3]).await;
    };
    let broken = async |from: &str, to: &str| {
        let (_rates, url) = rates_service(&[AT_ONCE, (from, to)]).await;
        let Some(three) = Three::on(&url).await else { return };
        let why = ["the rates are not available"; 3];
        three.refuse("/convert/GBP/100", StatusCode::BAD_GATEWAY, why).await;
    };
    let slow = async {
        let (_rates, url) = rates_service(&[("delay = \"300ms\"", "delay = \"60s\"")]).await;
        let Some(three) = Three::on(&url).await else { return };
        let why = ["no answer within the timeout of 3s"; 3];
        three.refuse("/convert/GBP/100", StatusCode::GATEWAY_TIMEOUT, why).await;
    };
    tokio::join!(
        down,
        broken("delay =", "status = 503\ndelay ="),
        broken("{\"base\"", "{\"bas\""),
        broken("0.884", "\"0.884\""),
        slow
    );
}

#[tokio::test]
async fn sums_are_exact_where_floats_are_not() {
    let (_rates, url) = rates_service(&[AT_ONCE, ("\"GBP\":0.884,", "\"GBP\":0.85203,")]).await;
    let Some(three) = Three::on(&url).await else { return };
    // In floats it would be 85.20299999999999.
    let answers = three.ask("/convert/GBP/100").await;
    assert_eq!(answers.map(|answer| answer.body), ["GBP 85.203"; 3]);
}

#[tokio::test]
async fn a_thousand_conversions_at_once_ask_for_the_rates_once() {
    let (rates, url) = rates_service(&[]).await;
    let rust = Rust::start(&url).await;
    let (mut callers, front) = (JoinSet::new(), rust.address);
    for amount in 0..1_000 {
        callers.spawn(async move {
            let answer = client::get(front, &format!("/convert/PLN/{}", amount * 1_000)).await;
            assert_eq!(answer.body, format!("PLN {}", amount * 4_167));
        });
    }
    timeout(HANG_TIMEOUT, callers.join_all()).await.expect("a thousand answers");
    let resources = client::get(rates.control, "/resources").await.json();
    assert_eq!(resources["resources"][0]["stats"]["calls"]["started"], 1);
}
