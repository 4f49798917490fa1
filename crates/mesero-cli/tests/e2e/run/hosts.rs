//! Requests whose server is named by the item.

use super::api::{Api, ok};
use super::{command, run, run_with};
use crate::certificates::Authority;
use crate::harness::{ReservedPort, folder, output_of};
use crate::upstream::{Upstream, field};

#[tokio::test]
async fn every_item_is_asked_of_its_own_server_and_one_that_is_away_harms_no_other() {
    let (one, other) = (Api::open(|_| ok("1")).await, Api::open(|_| ok("2")).await);
    let port = ReservedPort::new();
    let away = port.address();
    let items: String = (0..30)
        .map(|n| {
            let server = [one.address, other.address, away][n % 3];
            format!("{{\"server\": \"{server}\", \"n\": \"{n}/\"}}\n")
        })
        .collect();
    let ran = run_with(&items, &["http://{server}/x?n={n}", "--format-in", "jsonl"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for (index, record) in ran.sorted().iter().enumerate() {
        match index % 3 {
            2 => assert_eq!(record["error"]["kind"], "unreachable"),
            server => assert_eq!(record["value"], server + 1),
        }
    }
    let asked = one.asked();
    assert_eq!((asked.len(), other.asked().len()), (10, 10));
    assert_eq!(field(&asked[0].head, "host"), Some(&*one.address.to_string()));
    assert!(asked.iter().any(|asked| asked.path() == "/x?n=27%2F"), "{asked:?}");
}

#[tokio::test]
async fn an_item_can_be_a_whole_url_and_one_that_is_none_is_bad_input() {
    let api = Api::open(|asked| ok(&format!("{:?}", asked.path()))).await;
    let good = [api.url("/a%20b?q=1#part"), api.url(""), api.url("/é x")];
    let bad = ["ftp://x/", "no url", "http://", "http://u:p@x/", "http://x:0/", "http://x:y/"];
    let urls = good.iter().map(String::as_str).chain(bad).collect::<Vec<_>>().join("\n");
    let ran = run_with(&urls, &["{}"]).await;
    let records = ran.sorted();
    let values: Vec<_> = records[..3].iter().map(|record| record["value"].clone()).collect();
    assert_eq!(values, ["/a%20b?q=1", "/", "/%C3%A9%20x"], "{}", ran.stdout);
    for record in &records[3..] {
        assert_eq!(record["status"], "bad_input", "{record}");
        assert!(record["error"]["message"].as_str().unwrap().contains("the URL `"), "{record}");
    }
    let ran = run(&["{}/sub/{}", &api.url("")]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test]
async fn the_limit_is_of_all_servers_together_and_connections_wait_for_the_next_request() {
    let (one, other) = (Upstream::open().await, Upstream::open().await);
    let (a, b) = (one.address(), other.address());
    let urls = [a, b, a, b].map(|address| format!("http://{address}/"));
    let urls: Vec<_> =
        ["{}", "--limit", "1"].into_iter().chain(urls.iter().map(|u| &**u)).collect();
    let child = command(&folder(&[]), &urls).spawn().unwrap();
    let mut first = one.asked().await;
    assert!(!other.has_another().await, "one at a time");
    first.answer("1").await;
    let mut second = other.asked().await;
    second.answer("2").await;
    // Both are asked again over the connections that they have.
    first.head().await;
    first.answer("3").await;
    second.head().await;
    second.answer("4").await;
    let ended = output_of(child).await;
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn a_server_that_an_item_names_has_to_prove_who_it_is() {
    let (authority, upstream) = (Authority::new(), Upstream::open().await);
    let folder = folder(&[("ca.pem", &authority.pem())]);
    let port = upstream.address().port().to_string();
    let mut command = command(&folder, &["{scheme}://127.0.0.1:{port}/x", "-i", "items.csv"]);
    std::fs::write(folder.path().join("items.csv"), format!("scheme,port\nhttps,{port}\n"))
        .unwrap();
    let child = command.env("SSL_CERT_FILE", folder.path().join("ca.pem")).spawn().unwrap();
    let server = authority.server("127.0.0.1", 2100, &["h2", "http/1.1"]);
    let mut wire = upstream.accept().await.over_tls(&server).await;
    assert!(wire.head().await.starts_with("GET /x HTTP/1.1\r\n"));
    wire.answer("proved").await;
    let ended = output_of(child).await;
    assert!(String::from_utf8(ended.stdout).unwrap().contains("proved"));
}
