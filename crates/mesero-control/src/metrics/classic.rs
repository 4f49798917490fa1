//! The same metrics in Prometheus's text format 0.0.4, the predecessor of `OpenMetrics`.

use std::collections::HashSet;

/// Rewrites an `OpenMetrics` page.
///
/// There, a counter's description lacks the `_total` of its samples. Units and the end mark do
/// not exist in the older format.
pub(super) fn from_openmetrics(page: &str) -> String {
    let described = |line: &'_ str| {
        line.strip_prefix("# TYPE ")
            .and_then(|rest| rest.strip_suffix(" counter"))
            .map(str::to_owned)
    };
    let counters: HashSet<String> = page.lines().filter_map(described).collect();
    let mut text = String::with_capacity(page.len());
    for line in page.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "UNIT" | "EOF", ..] => continue,
            ["#", what, name, rest] if counters.contains(name) => {
                text.extend(["# ", what, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let page = "# HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total 3\n\
                    # HELP a_run_seconds Time.\n# TYPE a_run_seconds histogram\n\
                    # UNIT a_run_seconds seconds\na_run_seconds_count 1\n# EOF\n";
        let expected = "# HELP a_calls_total Calls.\n# TYPE a_calls_total counter\n\
                        a_calls_total 3\n# HELP a_run_seconds Time.\n\
                        # TYPE a_run_seconds histogram\na_run_seconds_count 1\n";
        assert_eq!(from_openmetrics(page), expected);
    }
}
