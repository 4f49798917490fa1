use http::Request;
use mesero_config::ArgumentKind;

use super::*;

fn argument(source: ArgumentSource, name: &str, kind: ArgumentKind) -> RouteArgument {
    RouteArgument { name: name.to_owned(), source, key: name.to_owned(), kind, required: true }
}

fn taken(wanted: &[RouteArgument], uri: &str, body: &str) -> Result<Arguments, Problem> {
    let request = Request::builder().uri(uri).header("x-unit", "km").body(()).unwrap();
    let (parts, ()) = request.into_parts();
    take(wanted, &parts, &[("id", "7".to_owned())], body.as_bytes())
}

#[test]
fn arguments_come_from_where_the_route_says_and_are_listed_as_they_were_written() {
    let wanted = [
        argument(ArgumentSource::Path, "id", ArgumentKind::Int),
        argument(ArgumentSource::Query, "num", ArgumentKind::Float),
        argument(ArgumentSource::Header, "x-unit", ArgumentKind::Str),
        argument(ArgumentSource::Body, "deep", ArgumentKind::Json),
    ];
    let taken = taken(&wanted, "/?num=1&num=%32", r#"{"deep":[1]}"#).unwrap();
    assert_eq!(taken.json, r#"{"id":7,"num":2.0,"x-unit":"km","deep":[1]}"#);
    let shown: Vec<_> = taken.shown.iter().map(|argument| argument.text.as_str()).collect();
    assert_eq!(shown, ["7", "2", "km", "[1]"]);
}

#[test]
fn an_argument_that_may_be_missing_is_left_to_the_function() {
    let mut optional = argument(ArgumentSource::Query, "num", ArgumentKind::Float);
    optional.required = false;
    assert_eq!(taken(&[optional], "/", "").unwrap().json, "{}");
}

#[test]
fn a_number_is_listed_as_it_was_written_and_anything_else_as_text() {
    let listed = ["0", "-3", "1e16", "1.50", "nan", "+1", "01", "x\"y", "1 2", "[1]"];
    assert_eq!(
        listed.map(as_listed),
        [
            "0",
            "-3",
            "1e16",
            "1.50",
            "\"nan\"",
            "\"+1\"",
            "\"01\"",
            "\"x\\\"y\"",
            "\"1 2\"",
            "\"[1]\""
        ]
    );
}
