//! Advisories that are the same on every server.

use mesero_terminal::nearest::listed;

use crate::database::disk::size;
use crate::database::table::Advisory;

/// A column that the server computes from the plaintext.
pub(crate) fn generated_column(name: &str, source: &str) -> Advisory {
    Advisory::info(format!("the column `{name}` is generated from `{source}`, and changes with it"))
}

/// Triggers that run for every write; `None` if there are none.
pub(crate) fn triggers(names: &[String]) -> Option<Advisory> {
    let noun = match names.len() {
        0 => return None,
        1 => "trigger",
        _ => "triggers",
    };
    Some(Advisory::warning(format!(
        "every update of a row runs the {noun} {}, which may copy the old value or hash it again: \
         check the code",
        listed(names.iter().map(String::as_str))
    )))
}

/// An index that contains the plaintext; `remedy` says what to do about it.
pub(crate) fn index(name: &str, remedy: &str) -> Advisory {
    Advisory::warning(format!("the index `{name}` contains the plaintext too: {remedy}"))
}

/// A connection over the network without TLS; `parameter` turns it on.
pub(crate) fn unencrypted(parameter: &str) -> Advisory {
    Advisory::warning(format!(
        "the connection is not encrypted: plaintext passwords are readable on the network; add \
         {parameter} to the URL"
    ))
}

/// Disk space for the old versions of `table` bytes, compared with the free space if that is known;
/// `use_of_space` continues "can take 3 GB". `None` if there is enough.
pub(crate) fn disk_space(table: u64, free: Option<u64>, use_of_space: &str) -> Option<Advisory> {
    match free {
        Some(free) if free < table.saturating_mul(2) => Some(Advisory::warning(format!(
            "the server's disk has {} left, and rewriting all rows can take {} {use_of_space}",
            size(free),
            size(table)
        ))),
        Some(_) => None,
        None => Some(Advisory::info(format!(
            "rewriting all rows can take {} of the server's disk {use_of_space}; the free space is not \
             visible from here",
            size(table)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::table::Severity;

    #[test]
    fn too_little_disk_space_is_a_warning_and_unknown_space_a_note() {
        let severity = |free| disk_space(1_000, free, "").map(|advisory| advisory.severity);
        assert_eq!(severity(Some(1_999)), Some(Severity::Warning));
        assert_eq!(severity(Some(2_000)), None);
        assert_eq!(severity(None), Some(Severity::Info));
    }

    #[test]
    fn triggers_are_listed_in_one_advisory() {
        assert_eq!(triggers(&[]), None);
        let text = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            triggers(&names).unwrap().text
        };
        assert!(text(&["a"]).starts_with("every update of a row runs the trigger `a`, "));
        assert!(
            text(&["a", "b"]).starts_with("every update of a row runs the triggers `a` and `b`, ")
        );
    }
}
