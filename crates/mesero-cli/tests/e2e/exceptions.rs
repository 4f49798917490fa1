//! Exceptions that the configuration maps to a status.

use http::StatusCode;

use crate::harness::Mesero;

const FAILING: &str = r#"
class Gone(LookupError):
    pass

class Far:
    class Away(ConnectionError):
        pass

KINDS = {"gone": Gone, "lookup": KeyError, "refused": ConnectionRefusedError, "away": Far.Away, "other": ValueError}

def fail(kind):
    raise KINDS[kind](f"no {kind}")
"#;

const CONFIG: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    control = "127.0.0.1:0"
    [resource.failing]
    python = "failing:fail"
    exceptions = { "failing.Gone" = 410, LookupError = 404, ConnectionError = 502, "failing.Far.Away" = 503 }
    [resource.failing.policy]
    retry = { max_attempts = 2, backoff = "1ms", budget = 1.0 }
    [[route]]
    path = "/{kind}"
    resource = "failing"
    args = { kind = "path:str" }
"#;

#[tokio::test]
async fn an_exception_has_the_status_of_the_nearest_type_that_is_named() {
    let mut mesero = Mesero::serve(CONFIG, &[("failing.py", FAILING)]).await;
    // The kind, its status and type, and how often it was tried.
    let cases = [
        ("gone", StatusCode::GONE, "failing.Gone: no gone", 1),
        ("lookup", StatusCode::NOT_FOUND, "KeyError: 'no lookup'", 1),
        ("refused", StatusCode::BAD_GATEWAY, "ConnectionRefusedError: no refused", 2),
        ("away", StatusCode::SERVICE_UNAVAILABLE, "failing.Far.Away: no away", 2),
        ("other", StatusCode::INTERNAL_SERVER_ERROR, "ValueError: no other", 1),
    ];
    for (kind, status, detail, attempts) in cases {
        let answer = mesero.get(&format!("/{kind}")).await;
        let problem = answer.json();
        assert_eq!((answer.status, problem["detail"].as_str()), (status, Some(detail)));
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(
            (&problem["type"], &problem["attempts"]),
            (&"urn:mesero:raised".into(), &attempts.into())
        );
    }
    // An unexpected exception is logged with its traceback, after everything before it.
    mesero.logged("ValueError: no other").await;
    let log = mesero.log();
    assert!(log.contains("ConnectionRefusedError: no refused"), "{log}");
    assert!(!log.contains("no gone") && !log.contains("no lookup"), "{log}");
}
