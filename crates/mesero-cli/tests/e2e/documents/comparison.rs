//! Compares a quoted output with what a command prints.

/// Units of time, longest first.
const UNITS: [&str; 7] = ["min", "ns", "µs", "ms", "s", "h", "m"];

/// Parts of an output that differ from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Varies {
    /// Times.
    Times,
    /// All figures.
    Figures,
}

/// Whether the lines are those that a page quotes, apart from what varies, from the width of
/// columns, and from what the page leaves out with an ellipsis.
pub(super) fn matches(quoted: &[String], printed: &[String], varies: Varies) -> bool {
    let shapes = |lines: &[String]| -> Vec<String> {
        let shapes = lines.iter().map(|line| shape(line, varies));
        shapes.filter(|line| !line.is_empty()).collect()
    };
    lines_match(&shapes(quoted), &shapes(printed))
}

fn lines_match(quoted: &[String], printed: &[String]) -> bool {
    match (quoted.split_first(), printed.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((first, rest)), _) if first == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        (Some(_), None) => false,
        (Some((first, quoted)), Some((line, printed))) => {
            line_matches(first, line) && lines_match(quoted, printed)
        }
    }
}

/// True if a line equals the quoted line, where an ellipsis means any text.
pub(super) fn line_matches(quoted: &str, line: &str) -> bool {
    let Some((start, rest)) = quoted.split_once('…') else { return quoted == line };
    let Some(line) = line.strip_prefix(start) else { return false };
    let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    ends.into_iter().any(|at| line_matches(rest, &line[at..]))
}

/// A line with `‹time›` for times, `#` for other figures that vary, and single spaces.
pub(super) fn shape(line: &str, varies: Varies) -> String {
    let mut shape = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let number = number(rest);
        if number.is_empty() {
            shape.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        rest = &rest[number.len()..];
        match (after_unit(rest), varies) {
            (Some(after), _) => {
                shape.push_str("‹time›");
                rest = after;
            }
            (None, Varies::Times) => shape.push_str(number),
            (None, Varies::Figures) => shape.push('#'),
        }
    }
    let shape = shape.split_whitespace().collect::<Vec<_>>().join(" ");
    // Their number follows the load of the machine.
    let shape = shape.replace("# threads", "# thread");
    // `5h 51m` is one time.
    shape.replace("‹time› ‹time›", "‹time›").replace("‹time› ‹time›", "‹time›")
}

/// The number at the beginning of a text: digits, also with points and commas inside.
fn number(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let is_inside = matches!(byte, b'.' | b',')
            && end > 0
            && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !is_inside {
            break;
        }
        end += 1;
    }
    &text[..end]
}

/// The text behind a unit of time, if it begins with one.
fn after_unit(text: &str) -> Option<&str> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let after = UNITS.iter().find_map(|unit| text.strip_prefix(unit))?;
    (!after.starts_with(char::is_alphanumeric)).then_some(after)
}

#[test]
fn times_vary_and_other_figures_do_not_unless_told() {
    let line = "JOB  square-13: 150 ms, about 5h 51m 37s, 1,000 rows, [2, 3.5], curl/8.5.0";
    let times = "JOB square-13: ‹time›, about ‹time›, 1,000 rows, [2, 3.5], curl/8.5.0";
    assert_eq!(shape(line, Varies::Times), times);
    let figures = "JOB square-#: ‹time›, about ‹time›, # rows, [#, #], curl/#";
    assert_eq!(shape(line, Varies::Figures), figures);
}

#[test]
fn an_ellipsis_stands_for_any_text_and_on_its_own_for_any_lines() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let compared =
        |quoted: &str, printed: &str| matches(&lines(quoted), &lines(printed), Varies::Times);
    assert!(compared("a…c\n…\nz", "abc\n1\n2\nz"));
    assert!(compared("a\n…", "a"));
    assert!(!compared("a…c", "abd"));
    assert!(!compared("a\nb", "a"));
    assert!(!compared("a", "a\nb"));
}
