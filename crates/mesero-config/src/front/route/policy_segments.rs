//! Path segments that a resource's policy reads, which every route of the resource has.

use mesero_terminal::nearest::nearest;
use toml::Spanned;

use crate::check::Check;
use crate::elements::request_part::{ForecastBy, RequestPart};
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::CheckedResource;

/// Returns the key and the segment of each that the policy of the route's resource reads.
pub(crate) fn of_resource<'a>(
    route: &raw::Route,
    resources: &'a [CheckedResource],
) -> Vec<(&'static str, &'a str)> {
    let known =
        |name: &Spanned<String>| resources.iter().find(|known| known.name == *name.get_ref());
    let resource = route.resource.as_ref().and_then(known);
    let Some(settings) = resource.and_then(|known| known.resource.as_ref()) else {
        return Vec::new();
    };
    let sources = &settings.policy.sources;
    let forecast_by = match &sources.forecast_by {
        ForecastBy::Route => None,
        ForecastBy::Source(source) => source.segment(),
    };
    let segments = [
        ("key", sources.key.as_ref().and_then(|key| key.segment())),
        ("priority", sources.priority.as_ref().and_then(RequestPart::segment)),
        ("forecast_by", forecast_by),
    ];
    segments.into_iter().filter_map(|(key, segment)| Some((key, segment?))).collect()
}

/// Notes each segment that the path of the route does not have.
pub(crate) fn check(route: &raw::Route, segments: &[(&str, &str)], check: &mut Check<'_>) {
    let (Some(path), Some(resource)) = (&route.path, &route.resource) else { return };
    for (key, segment) in segments {
        if path.value.names().any(|name| name == *segment) {
            continue;
        }
        let label = match nearest(segment, path.value.names()) {
            Some(name) => format!("did you mean `{{{name}}}`?"),
            None => format!("expected a segment `{{{segment}}}` here"),
        };
        let problem = ConfigProblem::new(format!("the path has no `{{{segment}}}`"));
        let problem = problem.at(path.span.clone(), label);
        check.note(
            problem.at(resource.span(), format!("`{key}` of this resource's policy reads it")),
        );
    }
}
