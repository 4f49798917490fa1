//! The meaning of an accepted configuration.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use mesero::{OnDisconnect, Order, Rate, Retry};

use crate::elements::cache::CacheSettings;
use crate::elements::negative::{CachedFailure, Negative};
use crate::resource::python::PythonSettings;
use crate::resource::recycling::Recycling;
use crate::{
    Action, ArgumentKind, ArgumentSource, CallSources, Config, ForecastBy, KeySource,
    LimitSettings, PerKey, PolicySettings, ReplyForm, RequestPart, ResourceKind, ResourceSettings,
    RouteArgument,
};

fn load(file: &str) -> Config {
    Config::load(&[Path::new("tests/config/valid").join(file)]).unwrap()
}

fn here(path: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/valid");
    if path.is_empty() { folder } else { folder.join(path) }
}

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn small(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn python(resource: &ResourceSettings) -> &PythonSettings {
    match &resource.kind {
        ResourceKind::Python { python, .. } => python,
        ResourceKind::Wsgi(wsgi) => &wsgi.python,
        other => panic!("{other:?} is not served by Python"),
    }
}

#[test]
fn every_written_server_setting_is_kept() {
    let Config { server, fronts, .. } = load("full.toml");
    let listen: Vec<String> = fronts[0].listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:80", "[::]:80"]);
    let control = server.control.unwrap();
    assert_eq!(control.address.to_string(), "0.0.0.0:9888");
    assert_eq!(control.token.unwrap().reveal(), "a-token");
    let front = &fronts[0];
    assert_eq!((server.threads, front.connections), (number(2), number(5)));
    assert_eq!((front.body_limit, front.header_limit), (1_000_000, 8192));
    assert_eq!(
        [front.header_timeout, front.idle_timeout, front.body_timeout, server.drain_timeout],
        [1, 2, 3, 90].map(Duration::from_secs)
    );
}

#[test]
fn every_written_python_setting_is_kept_and_paths_start_at_the_file() {
    let config = load("full.toml");
    let greet = python(&config.resources[0]);
    let ResourceKind::Python { target, .. } = &config.resources[0].kind else {
        panic!("a function")
    };
    assert_eq!(target.to_string(), "pkg.greeter:Greeter.greet");
    assert_eq!(greet.interpreter, here("venv/bin/python"));
    assert_eq!(greet.path, [here("modules"), here("")]);
    assert_eq!([greet.processes, greet.threads, greet.concurrency], [2, 3, 4].map(number));
    let env: Vec<_> =
        greet.env.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    assert_eq!(env, [("EMPTY", ""), ("GREETING", "hello = hi")]);
    assert_eq!(
        (greet.start_timeout, greet.grace, greet.loop_blocked),
        (Duration::from_secs(4), Duration::from_millis(250), None)
    );
    let again = python(&config.resources[1]);
    assert_eq!(again.interpreter, here("venv/bin/python"));
    let recycling = Recycling {
        max_requests: Some(small(1_000)),
        jitter: 5,
        max_age: Some(Duration::from_secs(3_600)),
        max_memory: Some(500_000_000),
    };
    assert_eq!(greet.recycling, recycling);
    let counted = Recycling { max_requests: Some(small(1_000)), jitter: 100, ..Default::default() };
    assert_eq!(again.recycling, counted);
    assert_eq!((greet.interrupt, greet.kill_siblings), (None, true));
}

#[test]
fn resources_keep_the_order_of_the_file() {
    let names: Vec<String> =
        load("full.toml").resources.into_iter().map(|resource| resource.name).collect();
    assert_eq!(names, ["greet", "again"]);
}

#[test]
fn every_written_policy_setting_is_kept() {
    let written = PolicySettings {
        limit: Some(LimitSettings::Fixed(number(8))),
        queue: None,
        order: Order::Fifo,
        queue_timeout: Some(Duration::from_secs(10)),
        head_start: Duration::from_secs(5),
        sources: CallSources::default(),
        per_key: PerKey::default(),
        rate_limit_headers: true,
        timeout: Some(Duration::from_secs(5)),
        deadline: None,
        rate: Rate::new(small(60), Duration::from_secs(60)).map(|rate| rate.burst(small(7))),
        retry: Retry {
            max_attempts: small(3),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(2),
            budget: 1.0,
        },
        coalesce: true,
        cache: Some(CacheSettings {
            ttl: Duration::from_secs(3600),
            bytes: 1024,
            stale_while_revalidate: Some(Duration::from_secs(30)),
            stale_if_error: Some(Duration::from_secs(86_400)),
            negative: Some(Negative {
                ttl: Duration::from_secs(1),
                failures: vec![CachedFailure::Lost, CachedFailure::TimedOut],
            }),
        }),
        on_disconnect: OnDisconnect::Finish,
    };
    assert_eq!(load("full.toml").resources[0].policy, written);
}

#[test]
fn every_written_route_setting_is_kept() {
    let config = load("full.toml");
    assert_eq!(config.fronts[0].routes[0].path, "/greet/{who}");
    assert_eq!(config.fronts[0].routes[0].methods, [Method::POST, Method::PUT]);
    let argument = |name: &str, source, key: &str| RouteArgument {
        name: name.to_owned(),
        source,
        key: key.to_owned(),
        kind: ArgumentKind::Str,
        required: true,
    };
    let arguments = vec![
        argument("who", ArgumentSource::Path, "who"),
        RouteArgument {
            kind: ArgumentKind::Int,
            required: false,
            ..argument("age", ArgumentSource::Body, "years")
        },
        argument("user", ArgumentSource::Header, "x-user"),
        RouteArgument { kind: ArgumentKind::Json, ..argument("all", ArgumentSource::Query, "all") },
    ];
    assert_eq!(
        config.fronts[0].routes[0].action,
        Action::Call { resource: 0, arguments, reply: ReplyForm::Json }
    );
    let text = Action::Call { resource: 1, arguments: vec![], reply: ReplyForm::Text };
    assert_eq!(config.fronts[0].routes[2].action, text);
    let list = Action::List { resource: 0, argument: "who".to_owned() };
    assert_eq!(config.fronts[0].routes[3].action, list);
}

#[test]
fn secrets_are_not_in_the_debug_text() {
    let text = format!("{:?}", load("full.toml"));
    assert!(!text.contains("a-token") && !text.contains("hello = hi"), "{text}");
    assert!(text.contains("[redacted]"));
}

fn together(folder: &str) -> Config {
    let folder = Path::new("tests/config/valid/together").join(folder);
    let files = ["a.toml", "b.toml", "c.toml"].map(|name| folder.join(name));
    Config::load(&files.into_iter().filter(|file| file.exists()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn files_with_the_same_addresses_are_one_front_with_the_settings_and_routes_of_all() {
    let config = together("one_front");
    let [front] = &config.fronts[..] else { panic!("{:?}", config.fronts) };
    let paths: Vec<&str> = front.routes.iter().map(|route| &*route.path).collect();
    assert_eq!(paths, ["/slow", "/fast", "/slow"]);
    assert_eq!((front.body_limit, front.body_timeout), (2 * 1024 * 1024, Duration::from_secs(5)));
}

#[test]
fn files_with_addresses_of_their_own_are_fronts_of_their_own_that_share_the_resources() {
    let config = together("three_fronts");
    let routes: Vec<_> = config
        .fronts
        .iter()
        .map(|front| (front.listen[0].to_string(), front.routes.len()))
        .collect();
    let expected = [("localhost:8000", 1), ("localhost:8001", 1), ("localhost:8888", 0)];
    assert_eq!(routes, expected.map(|(listen, count)| (listen.to_owned(), count)));
    let names: Vec<&str> = config.resources.iter().map(|resource| &*resource.name).collect();
    assert_eq!(names, ["slow", "fast"]);
    for front in &config.fronts[..2] {
        assert!(matches!(front.routes[0].action, Action::Call { resource: 0, .. }));
    }
    assert_eq!(config.server.control.unwrap().address.to_string(), "127.0.0.1:9880");
}

#[test]
fn the_sources_of_calls_and_the_bounds_of_keys_are_kept() {
    let config = load("shares.toml");
    let policies: Vec<_> = config.resources.iter().map(|resource| &resource.policy).collect();
    let &[pages, square, tenants] = policies.as_slice() else { panic!("three resources") };
    let header = |name| RequestPart::Header(http::HeaderName::from_static(name));
    let expected = CallSources {
        key: Some(KeySource::Part(header("x-api-key"))),
        priority: Some(header("priority")),
        forecast_by: ForecastBy::Source(KeySource::Part(RequestPart::Path("page".to_owned()))),
    };
    assert_eq!((pages.order, &pages.sources), (Order::Fair, &expected));
    assert_eq!(pages.head_start, Duration::from_secs(1));
    let weights = [("gold", 5), ("silver plan", 2)];
    let each = PerKey {
        limit: Some(number(2)),
        queue: Some(number(10)),
        rate: Rate::new(small(5), Duration::from_secs(1)),
        weights: weights.map(|(key, weight)| (key.to_owned(), small(weight))).into(),
    };
    assert_eq!(pages.per_key, each);
    let urgency = RequestPart::Query("urgency".to_owned());
    assert_eq!((square.order, &square.sources.priority), (Order::Priority, &Some(urgency)));
    assert_eq!(square.sources.key, Some(KeySource::Client));
    let tenant = RequestPart::Path("tenant".to_owned());
    assert_eq!(tenants.sources.key, Some(KeySource::Part(tenant)));
}

#[test]
fn an_auto_limit_has_bounds_and_the_connections_of_its_default() {
    let Config { resources, .. } = load("limit_auto.toml");
    let limit = |name: &str| {
        let resource = resources.iter().find(|resource| resource.name == name).unwrap();
        let ResourceKind::Http(http) = &resource.kind else { panic!("{name} is not `http`") };
        (resource.policy.limit, http.connections.get())
    };
    let auto = |min, max| Some(LimitSettings::Auto { min: number(min), max });
    assert_eq!(limit("found"), (auto(1, None), 200));
    assert_eq!(limit("bounded"), (auto(2, Some(number(64))), 100));
}
