//! JSON literals that Python reads as a given type.

use mesero_config::ArgumentKind;
use serde_json::Value;
use serde_json::value::RawValue;

/// The literal for a `text` of this kind; `None` if it is of another.
///
/// A `float` may be `inf` or `nan` and may overflow to infinity, as in Python; an integral one is
/// written as a float as well. An `int` may have any length.
pub(super) fn of_text(kind: ArgumentKind, text: &str) -> Option<String> {
    match kind {
        ArgumentKind::Str => serde_json::to_string(text).ok(),
        ArgumentKind::Int => int(text),
        ArgumentKind::Float => text.parse().ok().map(float),
        ArgumentKind::Bool => match text {
            "true" | "1" => Some("true".to_owned()),
            "false" | "0" => Some("false".to_owned()),
            _ => None,
        },
        ArgumentKind::Json => {
            serde_json::from_str::<&RawValue>(text).ok().map(|raw| raw.get().to_owned())
        }
    }
}

/// The literal for a JSON `value` of this kind; `None` if it is of another.
pub(super) fn of_json(kind: ArgumentKind, value: &Value) -> Option<String> {
    let fits = match (kind, value) {
        (ArgumentKind::Float, Value::Number(number)) => return number.as_f64().map(float),
        (ArgumentKind::Int, Value::Number(number)) => number.is_i64() || number.is_u64(),
        (ArgumentKind::Str, Value::String(_))
        | (ArgumentKind::Bool, Value::Bool(_))
        | (ArgumentKind::Json, _) => true,
        _ => false,
    };
    fits.then(|| value.to_string())
}

fn int(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // JSON has no leading zeros.
    let significant = digits.trim_start_matches('0');
    Some(match significant {
        "" => "0".to_owned(),
        _ => format!("{sign}{significant}"),
    })
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        // The shortest text that reads as this very number, always with a point or an exponent.
        finite => format!("{finite:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_written_so_that_python_reads_that_very_float() {
        let float = |text| of_text(ArgumentKind::Float, text);
        let written =
            ["2", "-3", "1.5", ".5", "+1", "1e16", "1e-7", "1e400", "-1e400", "nan", "inf"]
                .map(|text| float(text).unwrap());
        assert_eq!(
            written,
            [
                "2.0",
                "-3.0",
                "1.5",
                "0.5",
                "1.0",
                "1e16",
                "1e-7",
                "Infinity",
                "-Infinity",
                "NaN",
                "Infinity"
            ]
        );
        for text in ["", " ", "two", "1,5", "0x10", "1_000"] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn an_int_may_be_of_any_length_and_is_no_float() {
        let int = |text| of_text(ArgumentKind::Int, text);
        assert_eq!(int("+0042").unwrap(), "42");
        assert_eq!(int("-0").unwrap(), "0");
        let long = "9".repeat(100);
        assert_eq!(int(&long).unwrap(), long);
        for text in ["", "-", "+-1", "1.0", "1e3", "١"] {
            assert_eq!(int(text), None, "{text}");
        }
    }

    #[test]
    fn a_member_of_the_body_has_to_be_of_its_json_type() {
        use serde_json::json;
        assert_eq!(of_json(ArgumentKind::Float, &json!(2)).unwrap(), "2.0");
        assert_eq!(of_json(ArgumentKind::Int, &json!(2)).unwrap(), "2");
        assert_eq!(of_json(ArgumentKind::Int, &json!(2.0)), None);
        assert_eq!(of_json(ArgumentKind::Float, &json!("2")), None);
        assert_eq!(of_json(ArgumentKind::Str, &json!("a\"b")).unwrap(), r#""a\"b""#);
        assert_eq!(of_json(ArgumentKind::Bool, &json!(1)), None);
        assert_eq!(
            of_json(ArgumentKind::Json, &json!({"a": [1, null]})).unwrap(),
            r#"{"a":[1,null]}"#
        );
    }
}
