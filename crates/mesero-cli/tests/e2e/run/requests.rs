//! Items as HTTP requests.

use super::api::{Api, ok};
use super::{run, run_in, run_with};
use crate::harness::folder;
use crate::upstream::field;

#[tokio::test]
async fn an_item_is_put_into_the_url_and_escaped_there() {
    let api = Api::open(|asked| ok(&format!("{{\"path\": {:?}}}", asked.path()))).await;
    let ran = run(&[&api.url("/a b/{}?q={name}&r=é"), "x/y?&é", "7"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let paths = ran.all("value");
    assert_eq!(paths[0]["path"], "/a%20b/x%2Fy%3F%26%C3%A9?q=x%2Fy%3F%26%C3%A9&r=%C3%A9");
    assert_eq!(paths[1]["path"], "/a%20b/7?q=7&r=%C3%A9");
    let head = &api.asked()[0].head;
    assert!(head.starts_with("GET /a%20b/"), "{head}");
    assert_eq!(field(head, "host"), Some(&*api.address.to_string()));
    assert!(field(head, "user-agent").unwrap().starts_with("mesero/"));
    // The request is our own, and no proxied one.
    assert!(field(head, "via").is_none() && field(head, "forwarded").is_none(), "{head}");
}

#[tokio::test]
async fn method_headers_and_body_are_filled_in() {
    let api = Api::open(|_| ok("1")).await;
    let arguments =
        [&*api.url("/"), "--format-in", "jsonl", "-H", "X-Key: k{id}", "-H", "accept: text/x"];
    let json = [&arguments[..], &["--json", r#"{"n": {n}, "t": {t}, "s": "<{t}>"}"#]].concat();
    let item = r#"{"id": 1, "n": 1.0, "t": "a\"b"}"#;
    assert_eq!(run_with(item, &json).await.code, Some(0));
    let put = [&arguments[..], &["-X", "PUT", "-d", "n={n}&t={t}"]].concat();
    assert_eq!(run_with(item, &put).await.code, Some(0));
    let [json, put] = &api.asked()[..] else { panic!("two requests") };
    assert!(json.head.starts_with("POST / "), "{}", json.head);
    assert_eq!(json.body, r#"{"n": 1.0, "t": "a\"b", "s": "<a\"b>"}"#);
    assert_eq!(field(&json.head, "content-type"), Some("application/json"));
    assert_eq!(field(&json.head, "x-key"), Some("k1"));
    assert_eq!(field(&json.head, "accept"), Some("text/x"));
    assert!(put.head.starts_with("PUT / ") && put.body == "n=1.0&t=a\"b", "{put:?}");
    assert_eq!(field(&put.head, "content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn a_body_comes_from_a_file_as_curl_reads_it_and_is_filled_in() {
    let api = Api::open(|_| ok("1")).await;
    let folder = folder(&[("body", "n={}\r\n&m=1\n"), ("body.json", "{\"n\":\n{}}\n")]);
    let bodies = [["-d", "@body"], ["--data-binary", "@body"], ["--json", "@body.json"]];
    for body in bodies.iter().chain(&[["--data-raw", "@{}"], ["-d", "a@{}"]]) {
        let ran = run_in(&folder, &[&[&*api.url("/"), "7"], &body[..]].concat()).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let sent: Vec<_> = api.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(sent, ["n=7&m=1", "n=7\r\n&m=1\n", "{\"n\":\n7}\n", "@7", "a@7"]);
    for (file, why) in
        [("@nothere", "No such file or directory"), ("@-", "it is the input of items")]
    {
        let ran = run_in(&folder, &[&*api.url("/"), "7", "-d", file]).await;
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("failed to read the body of `-d` from"), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    assert_eq!(api.asked().len(), 5, "nothing more was sent");
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_a_failure_with_its_status_and_body() {
    let api = Api::open(|_| ("404 Not Found".to_owned(), "no such thing".to_owned())).await;
    let ran = run(&[&api.url("/{}"), "1", "--retry", "3"]).await;
    assert_eq!(ran.code, Some(1));
    let error = &ran.sorted()[0]["error"];
    assert_eq!((&error["kind"], &error["http_status"]), (&"status".into(), &404.into()));
    assert_eq!(error["detail"], "no such thing");
    assert_eq!(api.asked().len(), 1, "it is not tried again");
}

#[tokio::test]
async fn a_value_of_several_lines_stays_one_record() {
    let api = Api::open(|_| ok("{\r\n  \"a\": \"x\\ny\"\n}\n")).await;
    let ran = run(&[&api.url("/"), "1"]).await;
    assert_eq!(ran.sorted()[0]["value"]["a"], "x\ny");
}

#[tokio::test]
async fn connections_are_used_again_and_are_no_more_than_the_limit() {
    let api = Api::open(|_| ok("1")).await;
    let ran = run(&[&api.url("/{}"), "0..200", "--limit", "3"]).await;
    assert_eq!((ran.code, api.asked().len()), (Some(0), 200));
    assert!(ran.stderr.contains("% of 3 slots"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_target_that_makes_no_sense_is_refused_with_what_was_wanted() {
    for (arguments, wanted) in [
        (&["localhost:8000/x", "1"][..], "did you mean `http://localhost:8000/x`?"),
        (&["localhost", "1"], "expected a URL such as"),
        (&["http://{}/x", "1", "--wait-for-target"], "each item names its server"),
        (&["http:///x", "1"], "invalid value for `TARGET`"),
        (&["python:nocolon", "1"], "the colon before the function is missing"),
        (&["1", "stub:"], "items follow the target"),
        (&["stub:", "-n", "0"], "wanted a whole number from 1 on"),
        (&["stub:", "1", "-d", "x"], "failed to use `-d`"),
        (
            &["http://localhost/", "1", "--json", "{\"a\": {}"],
            "it is not JSON, even with its placeholders filled: EOF",
        ),
        (&["http://localhost/", "1", "-H", "nocolon"], "there is no colon"),
        (&["@square", "1", "--config", "nowhere.toml"], "nowhere.toml"),
        (&["stub:", "1", "--limit", "0"], "--limit"),
        (&["stub:", "1", "--timeout", "2s", "--deadline", "1s"], "longer than the deadline"),
        (&["stub:", "1", "--control", "0.0.0.0:0"], "other machines could reach it"),
        (&[], "the command line names none"),
    ] {
        let ran = run(arguments).await;
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(wanted), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}
