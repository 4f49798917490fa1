//! "Did you mean": the known name that a mistyped one is closest to.

/// Returns the candidate that `name` is a part of, or else a small slip away from, if there is one.
///
/// A third of the letters may differ: enough for a slip of the finger, too little to suggest another word.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let letters = name.chars().count();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        // Shorter parts than this are found in anything.
        if letters > 3 && candidate.contains(&name) {
            0
        } else {
            strsim::damerau_levenshtein(&name, &candidate)
        }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= (letters / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns "`a`, `b` and `c`", for a message that lists what is known.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        assert_eq!(nearest("lisetn", ["control", "listen"]), Some("listen"));
        assert_eq!(nearest("get", ["POST", "GET"]), Some("GET"));
    }

    #[test]
    fn a_part_of_a_name_finds_the_name() {
        assert_eq!(nearest("attempts", ["backoff", "max_attempts"]), Some("max_attempts"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("workers", ["control", "listen"]), None);
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
