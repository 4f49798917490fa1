//! Finds the route of a path and a method.

use http::{HeaderValue, Method, StatusCode, header};
use mesero::Key;
use mesero_config::{Action, Route};
use mesero_http::problem::Problem;
use percent_encoding::percent_decode_str;

/// All routes of a front.
#[derive(Debug)]
pub(crate) struct Router {
    exact: Table,
    /// Paths that end with `{*rest}`, for paths that no exact route matches.
    catch_all: Table,
}

/// A route, and the values of the path's segments.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) action: &'a Action,
    /// The route as a kind of calls: its methods and its path.
    pub(crate) kind: &'a Key,
    /// The names of the path's segments, with their decoded values.
    pub(crate) segments: Vec<(&'a str, String)>,
}

impl Router {
    /// # Errors
    /// If a path cannot be routed, which the configuration's check prevents.
    pub(crate) fn new(routes: Vec<Route>) -> Result<Self, String> {
        let mut router = Self { exact: Table::default(), catch_all: Table::default() };
        for route in routes {
            let route = KnownRoute { kind: kind(&route), route };
            match without_rest(&route.route.path) {
                // The table's own rest is never empty.
                Some(path) => {
                    router.catch_all.add(shape(path), route.clone())?;
                    router.catch_all.add(shape(&route.route.path), route)?;
                }
                None => router.exact.add(shape(&route.route.path), route)?,
            }
        }
        Ok(router)
    }

    /// The route of a request; otherwise 404, or 405 with what is allowed.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Match<'_>, Problem> {
        let found = self.exact.at(path).or_else(|| self.catch_all.at(path));
        let (routes, params) = found.ok_or_else(|| not_found(path))?;
        let route = routes.iter().find(|known| allows(&known.route, method));
        let KnownRoute { route, kind } = route.ok_or_else(|| not_allowed(method, path, routes))?;
        let values = params
            .iter()
            .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned());
        let segments = names(&route.path).zip(values).collect();
        Ok(Match { action: &route.action, kind, segments })
    }
}

/// A route, with its kind of calls.
#[derive(Debug, Clone)]
struct KnownRoute {
    route: Route,
    kind: Key,
}

/// Returns a name of the route that no other route of a front has.
fn kind(route: &Route) -> Key {
    let methods = route.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(",");
    format!("{methods} {}", route.path).into()
}

/// Routes by the shape of their paths.
#[derive(Debug, Default)]
struct Table {
    /// Paths of the same shape share an entry, regardless of the names of their segments.
    shapes: matchit::Router<usize>,
    known: Vec<String>,
    routes: Vec<Vec<KnownRoute>>,
}

impl Table {
    fn add(&mut self, shape: String, route: KnownRoute) -> Result<(), String> {
        if let Some(index) = self.known.iter().position(|known| *known == shape) {
            self.routes[index].push(route);
            return Ok(());
        }
        let inserted = self.shapes.insert(shape.clone(), self.routes.len());
        inserted.map_err(|error| format!("route `{}`: {error}", route.route.path))?;
        self.known.push(shape);
        self.routes.push(vec![route]);
        Ok(())
    }

    fn at<'a, 'p>(&'a self, path: &'p str) -> Option<(&'a [KnownRoute], matchit::Params<'a, 'p>)> {
        let found = self.shapes.at(path).ok()?;
        Some((&self.routes[*found.value], found.params))
    }
}

/// HEAD is answered wherever GET is: the body is left out when the response is sent.
fn allows(route: &Route, method: &Method) -> bool {
    route.methods.is_empty()
        || route.methods.contains(method)
        || (*method == Method::HEAD && route.methods.contains(&Method::GET))
}

/// The path with each name replaced by its position, as the routing table requires.
fn shape(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(index, segment)| match name(segment) {
        Some(_) if segment.starts_with("{*") => format!("{{*{index}}}"),
        Some(_) => format!("{{{index}}}"),
        None => segment.replace('{', "{{").replace('}', "}}"),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(name)
}

fn name(segment: &str) -> Option<&str> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(inner.strip_prefix('*').unwrap_or(inner))
}

/// The path of a route up to its `{*rest}`, for a request whose rest is empty.
fn without_rest(path: &str) -> Option<&str> {
    let last = path.rfind('/')? + 1;
    path[last..].starts_with("{*").then_some(&path[..last])
}

fn not_found(path: &str) -> Problem {
    let detail = format!("no route for the path `{path}`");
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}

fn not_allowed(method: &Method, path: &str, routes: &[KnownRoute]) -> Problem {
    let mut allowed: Vec<&str> = Vec::new();
    for method in routes.iter().flat_map(|known| &known.route.methods) {
        allowed.push(method.as_str());
        if *method == Method::GET {
            allowed.push("HEAD");
        }
    }
    allowed.sort_unstable();
    allowed.dedup();
    let allowed = allowed.join(", ");
    let detail = format!("`{path}` does not accept {method}; it accepts {allowed}");
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Method not allowed",
        detail,
    );
    match HeaderValue::from_str(&allowed) {
        Ok(allowed) => problem.header(header::ALLOW, allowed),
        // Methods are tokens, so this does not happen.
        Err(_) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, method: Method) -> Route {
        let action = Action::List { resource: 0, argument: format!("{method} {path}") };
        Route { path: path.to_owned(), methods: vec![method], action }
    }

    fn found(router: &Router, method: &Method, path: &str) -> (String, Vec<(String, String)>) {
        let found = router.find(method, path).unwrap();
        let Action::List { argument, .. } = found.action else { unreachable!() };
        let segments = found.segments.into_iter().map(|(name, value)| (name.to_owned(), value));
        (argument.clone(), segments.collect())
    }

    #[test]
    fn routes_of_the_same_shape_keep_their_own_names_for_the_segments() {
        let routes = vec![
            route("/a/{x}", Method::GET),
            route("/a/{y}", Method::POST),
            route("/a/b", Method::GET),
        ];
        let router = Router::new(routes).unwrap();
        let segment = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let get = found(&router, &Method::GET, "/a/1%202");
        assert_eq!(get, ("GET /a/{x}".to_owned(), segment("x", "1 2")));
        let post = found(&router, &Method::POST, "/a/1");
        assert_eq!(post, ("POST /a/{y}".to_owned(), segment("y", "1")));
        assert_eq!(found(&router, &Method::HEAD, "/a/b").0, "GET /a/b");
    }

    #[test]
    fn all_the_rest_goes_where_no_other_route_is_and_it_may_be_empty() {
        let mut any = route("/{*rest}", Method::GET);
        any.methods.clear();
        let routes = vec![any, route("/a/{*rest}", Method::GET), route("/a/{x}/c", Method::GET)];
        let router = Router::new(routes).unwrap();
        let rest = |value: &str| vec![("rest".to_owned(), value.to_owned())];
        let ends = |method: &Method, path: &str| found(&router, method, path);
        assert_eq!(ends(&Method::PATCH, "/"), ("GET /{*rest}".to_owned(), vec![]));
        assert_eq!(ends(&Method::PATCH, "/b/c%20d"), ("GET /{*rest}".to_owned(), rest("b/c d")));
        assert_eq!(ends(&Method::GET, "/a/").0, "GET /a/{*rest}");
        assert_eq!(ends(&Method::GET, "/a/b/d"), ("GET /a/{*rest}".to_owned(), rest("b/d")));
        assert_eq!(ends(&Method::GET, "/a/b/c").0, "GET /a/{x}/c");
        assert!(router.find(&Method::POST, "/a/b").is_err());
    }

    #[test]
    fn a_whole_path_comes_before_the_same_beginning_of_a_longer_one() {
        let routes = vec![route("/a/{*rest}", Method::GET), route("/a/", Method::GET)];
        let router = Router::new(routes).unwrap();
        assert_eq!(found(&router, &Method::GET, "/a/").0, "GET /a/");
    }

    #[test]
    fn another_method_is_told_which_are_allowed_and_another_path_is_unknown() {
        let router = Router::new(vec![route("/a", Method::GET)]).unwrap();
        let response = router.find(&Method::POST, "/a").unwrap_err().into_response();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
        let response = router.find(&Method::GET, "/b").unwrap_err().into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
