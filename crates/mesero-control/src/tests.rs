//! Every path of the control plane, over a resource that the test plays.

use mesero::Error;
use mesero_resources::Health;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::router;
use super::scripted::{Scripted, ask, nine, pass, settle};

#[tokio::test(start_paused = true)]
async fn jobs_are_listed_with_what_they_do() {
    let scripted = Scripted::new("square");
    let _running = scripted.call("3");
    pass(40).await;
    let _queued = scripted.call("-0.5");
    pass(60).await;
    let list = ask(&scripted.router(), "GET /jobs", "").await;
    assert_eq!(list.status, 200);
    let expected = json!({ "jobs": [
        {
            "id": "square-1", "resource": "square", "phase": "running", "position": null, "seat": 0,
            "age_ms": 100, "waited_ms": 0, "ran_ms": 100, "attempts": 1, "waiters": 1,
            "key": "3", "arguments": { "num": "3" },
        },
        {
            "id": "square-2", "resource": "square", "phase": "queued", "position": 1, "seat": null,
            "age_ms": 60, "waited_ms": 60, "ran_ms": 0, "attempts": 0, "waiters": 1,
            "key": "-0.5", "arguments": { "num": "-0.5" },
        },
    ]});
    assert_eq!(list.json(), expected);
    let one = ask(&scripted.router(), "GET /jobs/square-2", "").await;
    assert_eq!(one.json(), expected["jobs"][1]);
}

#[tokio::test(start_paused = true)]
async fn the_list_can_be_of_one_resource() {
    let (square, cube) = (Scripted::new("square"), Scripted::new("cube-root"));
    let services = vec![square.service.clone(), cube.service.clone()];
    let router = router(services, CancellationToken::new(), None);
    let _calls = (square.call("1"), cube.call("2"));
    settle().await;
    let ids = |text: serde_json::Value| {
        let jobs = text["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ask(&router, "GET /jobs", "").await;
    assert_eq!(ids(all.json()), ["square-1", "cube-root-1"]);
    let some = ask(&router, "GET /jobs?resource=cube-root", "").await;
    assert_eq!(ids(some.json()), ["cube-root-1"]);
    let unknown = ask(&router, "GET /jobs?resource=cub", "").await;
    assert_eq!((unknown.status.as_u16(), &*unknown.problem()), (404, "no-such-resource"));
    let mistyped = ask(&router, "GET /jobs?resorce=cube-root", "").await;
    assert_eq!((mistyped.status.as_u16(), &*mistyped.problem()), (400, "bad-request"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_in_the_queue_never_reaches_the_resource() {
    let mut scripted = Scripted::new("square");
    let running = scripted.call("1");
    let queued = scripted.call("2");
    settle().await;
    let router = scripted.router();
    let told = ask(&router, "DELETE /jobs/square-2", "").await;
    assert_eq!(told.status, 202);
    assert_eq!(told.json()["phase"], "queued");
    let answer = queued.await.unwrap();
    assert!(matches!(answer.result, Err(Error::Canceled)));
    let again = ask(&router, "DELETE /jobs/square-2", "").await;
    assert_eq!((again.status.as_u16(), &*again.problem()), (404, "no-such-job"));
    scripted.mock.next().await.reply(nine());
    assert!(running.await.unwrap().result.is_ok());
    assert!(scripted.mock.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_only_is_stopping_cannot_be_cancelled_again() {
    let mut scripted = Scripted::new("square");
    let call = scripted.call("1");
    let mut attempt = scripted.mock.next().await;
    let router = scripted.router();
    let told = ask(&router, "DELETE /jobs/square-1", "").await;
    assert_eq!((told.status.as_u16(), &told.json()["phase"]), (202, &json!("running")));
    attempt.abandoned().await;
    assert!(matches!(call.await.unwrap().result, Err(Error::Canceled)));
    let again = ask(&router, "DELETE /jobs/square-1", "").await;
    assert_eq!((again.status.as_u16(), &*again.problem()), (409, "already-stopping"));
    let listed = ask(&router, "GET /jobs/square-1", "").await;
    assert_eq!(listed.json()["phase"], "stopping");
    drop(attempt);
    settle().await;
    assert_eq!(ask(&router, "GET /jobs/square-1", "").await.status, 404);
}

#[tokio::test]
async fn what_is_no_job_is_not_found() {
    let router = Scripted::new("square").router();
    for id in
        ["square-1", "cube-1", "square", "square-x", "-", "%20", "square-99999999999999999999"]
    {
        for method in ["GET", "DELETE"] {
            let seen = ask(&router, &format!("{method} /jobs/{id}"), "").await;
            assert_eq!((seen.status.as_u16(), &*seen.problem()), (404, "no-such-job"), "{id}");
        }
    }
    let seen = ask(&router, "GET /jobs/%ff", "").await;
    assert_eq!((seen.status.as_u16(), &*seen.problem()), (400, "bad-request"));
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_starts_what_waits() {
    let mut scripted = Scripted::new("square");
    let _calls = (scripted.call("1"), scripted.call("2"));
    let _first = scripted.mock.next().await;
    assert!(scripted.mock.try_next().is_none());
    let changed = ask(&scripted.router(), "PUT /resources/square/limit", r#"{"limit":4}"#).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json(), json!({ "resource": "square", "limit": 4, "before": 1 }));
    assert_eq!(*scripted.mock.next().await.input(), "2");
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_refused_with_a_reason() {
    let scripted = Scripted::new("square");
    let large = " ".repeat(5_000);
    let refused = [
        ("", 400, "like {\"limit\":20}"),
        ("20", 400, "like {\"limit\":20}"),
        (r#"{"limit":0}"#, 400, "nonzero"),
        (r#"{"limit":-1}"#, 400, "nonzero"),
        (r#"{"limit":"2"}"#, 400, "nonzero"),
        (r#"{"limit":2,"queue":3}"#, 400, "unknown field `queue`"),
        (r#"{"limit":5}"#, 400, "more than the 4 seats of \"square\""),
        (&large, 413, "4096 bytes"),
    ];
    for (body, status, reason) in refused {
        let seen = ask(&scripted.router(), "PUT /resources/square/limit", body).await;
        seen.problem();
        assert_eq!(seen.status, status, "{body}");
        assert!(seen.text.replace("\\\"", "\"").contains(reason), "{body}: {}", seen.text);
    }
    assert_eq!(scripted.service.dispatcher.limit(), 1);
    let unknown = ask(&scripted.router(), "PUT /resources/cube/limit", r#"{"limit":2}"#).await;
    assert_eq!((unknown.status.as_u16(), &*unknown.problem()), (404, "no-such-resource"));
}

#[tokio::test(start_paused = true)]
async fn a_resource_shows_its_health_and_its_counts() {
    let scripted = Scripted::new("square");
    scripted.set_health(Health { up: 1, wanted: 2, restarts: 3 });
    let _call = scripted.call("1");
    settle().await;
    let seen = ask(&scripted.router(), "GET /resources", "").await.json();
    let square = &seen["resources"][0];
    assert_eq!(square["name"], "square");
    assert_eq!(square["limit"], 1);
    assert_eq!(square["seats"], 4);
    assert_eq!(square["health"], json!({ "up": 1, "wanted": 2, "restarts": 3 }));
    assert_eq!(square["stats"]["jobs"]["in_flight"], 1);
    let slots =
        json!({ "in_use": 1, "total": 1, "closed": 0, "assumed_stopped": 0, "limit_changes": 0 });
    assert_eq!(square["stats"]["slots"], slots);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let router = Scripted::new("square").router();
    for line in ["GET /", "GET /job", "POST /jobs/square-1/cancel"] {
        let seen = ask(&router, line, "").await;
        assert_eq!((seen.status.as_u16(), &*seen.problem()), (404, "not-found"), "{line}");
    }
    let wrong = [
        ("POST /jobs", "GET,HEAD"),
        ("PUT /jobs/square-1", "GET,HEAD,DELETE"),
        ("GET /resources/square/limit", "PUT"),
        ("POST /livez", "GET,HEAD"),
        ("DELETE /metrics", "GET,HEAD"),
    ];
    for (line, allow) in wrong {
        let seen = ask(&router, line, "").await;
        assert_eq!((seen.status.as_u16(), &*seen.problem()), (405, "method-not-allowed"), "{line}");
        assert_eq!(seen.headers["allow"], allow, "{line}");
    }
}

#[tokio::test]
async fn ready_means_that_every_resource_can_serve_and_calls_are_taken() {
    let (square, cube) = (Scripted::new("square"), Scripted::new("cube"));
    let draining = CancellationToken::new();
    let services = vec![square.service.clone(), cube.service.clone()];
    let router = router(services, draining.clone(), None);
    let seen = ask(&router, "GET /readyz", "").await;
    assert_eq!((seen.status.as_u16(), &seen.json()["ready"]), (200, &json!(true)));

    cube.set_health(Health { up: 0, wanted: 2, restarts: 1 });
    let seen = ask(&router, "GET /readyz", "").await;
    assert_eq!((seen.status.as_u16(), &*seen.problem()), (503, "not-ready"));
    assert_eq!(seen.json()["detail"], "cube has no running process; 2 are configured");
    let down = json!({ "name": "cube", "ready": false, "up": 0, "wanted": 2 });
    assert_eq!(seen.json()["resources"][1], down);

    cube.set_health(Health { up: 1, wanted: 2, restarts: 1 });
    draining.cancel();
    let seen = ask(&router, "GET /readyz", "").await;
    assert_eq!((seen.status.as_u16(), &seen.json()["draining"]), (503, &json!(true)));
    assert_eq!(ask(&router, "GET /livez", "").await.status, 200);
}
