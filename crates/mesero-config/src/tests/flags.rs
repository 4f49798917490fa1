//! Configurations from flags.

use std::num::NonZeroUsize;

use mesero::Order;

use crate::LimitSettings;
use crate::tests::parse;
use crate::{
    Action, ArgumentKind, ArgumentSource, CommandLineTarget, Config, FlagsInput, KeySource,
    PolicyFlags, ReplyForm, ResourceKind, ResourceSettings, RouteArgument,
};

fn input(routes: &[&str]) -> FlagsInput {
    FlagsInput {
        python: "package.module:calculate_square".to_owned(),
        routes: routes.iter().map(|route| (*route).to_owned()).collect(),
        ..FlagsInput::default()
    }
}

fn arguments(route: &str) -> (String, Vec<RouteArgument>) {
    let config = Config::from_flags(&input(&[route])).unwrap();
    let route = config.fronts[0].routes[0].clone();
    let Action::Call { arguments, .. } = route.action else { panic!("a call was expected") };
    (route.path, arguments)
}

fn message(input: &FlagsInput) -> String {
    Config::from_flags(input).unwrap_err().render(false)
}

fn argument(name: &str, source: ArgumentSource, kind: ArgumentKind) -> RouteArgument {
    RouteArgument { name: name.to_owned(), source, key: name.to_owned(), kind, required: true }
}

#[test]
fn a_template_becomes_a_path_and_arguments() {
    let (path, arguments) = arguments("/calculate_square?num={num:float}");
    assert_eq!(path, "/calculate_square");
    assert_eq!(arguments, [argument("num", ArgumentSource::Query, ArgumentKind::Float)]);
}

#[test]
fn a_placeholder_is_a_str_unless_it_says_more() {
    let (path, arguments) = arguments("/users/{user}/{n:int}?q={term}&max={most:int?}");
    assert_eq!(path, "/users/{user}/{n}");
    let most = argument("most", ArgumentSource::Query, ArgumentKind::Int);
    let expected = [
        argument("user", ArgumentSource::Path, ArgumentKind::Str),
        argument("n", ArgumentSource::Path, ArgumentKind::Int),
        RouteArgument {
            key: "q".to_owned(),
            ..argument("term", ArgumentSource::Query, ArgumentKind::Str)
        },
        RouteArgument { key: "max".to_owned(), required: false, ..most },
    ];
    assert_eq!(arguments, expected);
}

#[test]
fn the_resource_is_named_after_the_function() {
    for (python, name) in [
        ("m:calculate_square", "calculate_square"),
        ("m:Greeter._Greet", "greet"),
        ("m:__", "python"),
    ] {
        let input = FlagsInput { python: python.to_owned(), ..input(&[]) };
        assert_eq!(Config::from_flags(&input).unwrap().resources[0].name, name);
    }
}

#[test]
fn flags_without_a_word_have_the_defaults_of_a_file() {
    let text = "
        [resource.calculate_square]
        python = \"package.module:calculate_square\"
        [[route]]
        path = \"/\"
        resource = \"calculate_square\"
    ";
    let file = parse(text, std::path::Path::new(".")).unwrap();
    assert_eq!(Config::from_flags(&input(&["/"])).unwrap(), file);
}

#[test]
fn every_flag_is_kept() {
    let word = |word: &str| Some(word.to_owned());
    let config = Config::from_flags(&FlagsInput {
        reply: word("text"),
        listen: word("127.0.0.1:0"),
        control: word("off"),
        interpreter: word("python3.11"),
        processes: word("2"),
        threads: word("3"),
        concurrency: word("4"),
        limit: word("5"),
        queue: word("off"),
        order: word("fair"),
        key: word("client"),
        queue_timeout: word("8s"),
        timeout: word("6s"),
        deadline: word("7s"),
        ..input(&["/"])
    })
    .unwrap();
    assert_eq!(config.fronts[0].listen[0].to_string(), "127.0.0.1:0");
    assert_eq!(config.server.control, None);
    let ResourceKind::Python { python, .. } = &config.resources[0].kind else { unreachable!() };
    assert_eq!(python.interpreter.as_os_str(), "python3.11");
    let counts = [python.processes, python.threads, python.concurrency].map(NonZeroUsize::get);
    assert_eq!(counts, [2, 3, 4]);
    let policy = &config.resources[0].policy;
    assert_eq!(
        (policy.limit.and_then(LimitSettings::highest).map(NonZeroUsize::get), policy.queue),
        (Some(5), None)
    );
    assert_eq!((policy.order, &policy.sources.key), (Order::Fair, &Some(KeySource::Client)));
    let times = [policy.timeout, policy.deadline, policy.queue_timeout];
    assert_eq!(times.map(|time| time.map(|time| time.as_secs())), [Some(6), Some(7), Some(8)]);
    assert!(matches!(
        config.fronts[0].routes[0].action,
        Action::Call { reply: ReplyForm::Text, .. }
    ));
}

#[test]
fn a_mistake_in_a_template_is_underlined() {
    let expected = "\
error: invalid route template
 --> command line:2:36
  |
2 | --route /calculate_square?num={num:flot}
  |                                    ^^^^ did you mean `float`?";
    assert_eq!(message(&input(&["/calculate_square?num={num:flot}"])), expected);
}

#[test]
fn every_mistake_in_templates_is_said() {
    for (route, label) in [
        ("calculate", "it starts with `/`"),
        ("", "it starts with `/`"),
        ("/a?num", "expected KEY={NAME:TYPE}"),
        ("/a?", "expected KEY={NAME:TYPE}"),
        ("/a?num=3", "expected a placeholder such as {num:float}"),
        ("/a?num={", "expected a placeholder such as {num:float}"),
        ("/a?num={}", "`` cannot name an argument"),
        ("/a/x{num}", "a name in braces is a whole segment"),
        ("/a/{num}?num={num}", "`num` occurs twice"),
        ("/a/{num:int?}", "a part of the path is never missing"),
        ("/a/{a-b}", "`a-b` cannot name an argument"),
    ] {
        let message = message(&input(&[route]));
        assert!(message.contains(label), "{route}:\n{message}");
    }
}

#[test]
fn the_mistakes_of_all_flags_are_reported_at_once() {
    let message = message(&FlagsInput {
        python: "package.module".to_owned(),
        listen: Some("localhost".to_owned()),
        limit: Some("0".to_owned()),
        ..input(&["nowhere"])
    });
    for flag in ["--python", "--listen", "--limit", "--route"] {
        assert!(message.contains(&format!("| {flag} ")), "{flag}:\n{message}");
    }
}

#[test]
fn two_templates_for_the_same_requests_are_refused() {
    let message = message(&input(&["/a/{x}", "/a/{y:int}"]));
    assert!(message.contains("two routes for GET on the same path"), "{message}");
}

#[test]
fn a_fair_order_without_keys_is_refused_in_flags_too() {
    let word = |word: &str| Some(word.to_owned());
    let message = message(&FlagsInput { order: word("fair"), ..input(&[]) });
    assert!(message.contains("`order = \"fair\"` without `key`"), "{message}");
}

#[test]
fn a_timeout_above_the_deadline_is_refused_in_flags_too() {
    let word = |word: &str| Some(word.to_owned());
    let message = message(&FlagsInput { timeout: word("2s"), deadline: word("1s"), ..input(&[]) });
    assert!(message.contains("`timeout` is longer than `deadline`"), "{message}");
}

#[test]
fn calls_of_mesero_itself_are_served_oldest_first_and_wait_as_long_as_it_takes() {
    let flags = PolicyFlags::default();
    let stub = ResourceSettings::from_command_line(CommandLineTarget::Stub, &flags).unwrap();
    assert_eq!((stub.policy.order, stub.policy.queue_timeout), (Order::Fifo, None));
    let written = ResourceSettings { policy: served().policy, ..stub };
    assert!(written.policy.queue_timeout.is_some());
    let batch = written.with_flags(&flags).unwrap().policy;
    assert_eq!((batch.order, batch.queue_timeout), (Order::Fifo, None));
}

fn served() -> ResourceSettings {
    Config::from_flags(&input(&["/"])).unwrap().resources.remove(0)
}
