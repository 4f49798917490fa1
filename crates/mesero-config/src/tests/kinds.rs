//! The meaning of the keys of commands and stubs.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;

use crate::template::Template;
use crate::tests::parse;
use crate::{CommandSettings, Config, Delay, Delivery, Program, REFERENCE, ResourceKind};

fn kinds(config: Config) -> Vec<ResourceKind> {
    config.resources.into_iter().map(|resource| resource.kind).collect()
}

fn command(kind: &ResourceKind) -> &CommandSettings {
    match kind {
        ResourceKind::Command(command) => command,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_written_setting_of_a_command_is_kept() {
    let kinds = kinds(Config::load(&[Path::new("tests/config/valid/command.toml")]).unwrap());
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/valid/modules");
    let convert = command(&kinds[0]);
    let template = |text| Template::parse(text).unwrap();
    let arguments = vec![template("--to={currency}"), template("{{{amount}}}")];
    assert_eq!(convert.program, Program::Direct { program: here.join("run.sh"), arguments });
    assert_eq!((&convert.directory, convert.clear_env), (&here, true));
    assert_eq!(convert.env["KEY"].reveal(), "value");
    assert_eq!((convert.processes.get(), convert.grace), (3, Duration::from_secs(1)));
    assert_eq!(convert.content_type.as_ref().unwrap(), "text/csv");
    let codes = [(0, StatusCode::CREATED), (3, StatusCode::NOT_FOUND)];
    assert_eq!(convert.exit_codes, codes.into());
    assert_eq!(convert.output, Delivery::Whole { limit: 2048 });
}

#[test]
fn a_script_is_left_as_it_is_and_as_many_run_as_the_limit_says() {
    let kinds = kinds(Config::load(&[Path::new("tests/config/valid/command.toml")]).unwrap());
    let script = command(&kinds[1]);
    let text = "echo {amount} | awk '{print $1}'".to_owned();
    assert_eq!(script.program, Program::Shell { script: text });
    assert_eq!((script.processes.get(), script.output), (7, Delivery::Streamed));
}

#[test]
fn a_delay_is_fixed_or_drawn() {
    let kinds = kinds(Config::load(&[Path::new("tests/config/valid/command.toml")]).unwrap());
    let delays = kinds.iter().filter_map(|kind| match kind {
        ResourceKind::Stub(stub) => Some(stub.delay),
        _ => None,
    });
    let second = Duration::from_secs(1);
    let expected = [
        Delay::Lognormal { median: Duration::from_millis(100), sigma: 0.5 },
        Delay::Uniform { least: second, most: 2 * second },
        Delay::Exponential { mean: second },
    ];
    assert_eq!(delays.collect::<Vec<_>>(), expected);
}

/// The lines of the reference that follow `table`, up to an empty one, without their comment signs.
fn commented(table: &str) -> String {
    let lines = REFERENCE.lines().skip_while(|line| *line != table).take_while(|l| !l.is_empty());
    let lines = lines.filter_map(|line| line.strip_prefix("# "));
    let is_key = |line: &&str| line.split(' ').nth(1) == Some("=") || line.starts_with('[');
    lines.filter(is_key).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_commented_keys_of_the_reference_are_defaults_and_are_read() {
    let text = commented("# [resource.convert]").replace("./convert.sh", "convert.sh");
    let all = kinds(parse(&text, Path::new("")).unwrap());
    let least = "[resource.convert]\ncommand = [\"convert.sh\", \"{currency}\", \"{amount}\"]";
    let mut least = kinds(parse(least, Path::new("")).unwrap());
    let ResourceKind::Command(command) = &mut least[0] else { panic!("a command") };
    // Two have no default, and the reference shows the other by an example.
    command.content_type = Some("text/plain; charset=utf-8".parse().unwrap());
    command.exit_codes = [(0, StatusCode::OK), (3, StatusCode::NOT_FOUND)].into();
    assert_eq!(all, least);
    let stub = commented("# [resource.slow]");
    assert!(matches!(kinds(parse(&stub, Path::new("")).unwrap())[..], [ResourceKind::Stub(_)]));
}
