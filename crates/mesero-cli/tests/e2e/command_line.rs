//! Error messages and exit codes.

use std::process::Output;

use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::{folder, program};

const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
[resource.square]
python = "MODULE:FUNCTION"
[[route]]
path = "/square"
resource = "square"
"#;

fn with_config(config: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = folder(files);
    std::fs::write(folder.path().join("mesero.toml"), config).unwrap();
    folder
}

async fn mesero(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(arguments).env("NO_COLOR", "1");
    command.output().await.unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_module_that_does_not_import_is_a_clear_error_at_start() {
    let config = CONFIG.replace("MODULE", "broken").replace("FUNCTION", "square");
    let folder = with_config(&config, &[("broken.py", "import no_such_module\n")]);
    for command in ["serve", "check"] {
        let output = mesero(&folder, &[command, "mesero.toml"]).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = stderr(&output);
        assert!(text.contains("failed to start resource `square`"), "{text}");
        assert!(text.contains("No module named 'no_such_module'"), "{text}");
        assert!(text.contains("broken.py\", line 1"), "{text}");
    }
}

#[tokio::test]
async fn a_program_that_is_in_no_folder_of_the_path_is_a_clear_error_at_start() {
    let config = CONFIG.replace("python = \"MODULE:FUNCTION\"", "command = [\"no-such-program\"]");
    let folder = with_config(&config, &[]);
    let of_a_file = |command| vec![command, "mesero.toml"];
    let without = |command| vec![command, "-n", "1", "--", "no-such-program"];
    let commands = [of_a_file("serve"), of_a_file("check"), without("run"), without("bench")];
    for arguments in commands {
        let output = mesero(&folder, &arguments).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = stderr(&output);
        assert!(
            text.contains("find the program `no-such-program`: no folder of its PATH"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_function_that_is_not_there_is_named_with_the_nearest() {
    let config = CONFIG.replace("MODULE", "tools").replace("FUNCTION", "sqare");
    let folder = with_config(&config, &[("tools.py", "def square(num):\n    return num\n")]);
    let output = mesero(&folder, &["serve", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("sqare") && text.contains("`square`") || text.contains("'square'"),
        "{text}"
    );
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_shown_where_it_stands() {
    let config = CONFIG.replace("path =", "paht =");
    let folder = with_config(&config, &[]);
    let output = mesero(&folder, &["serve", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("mesero.toml:8:1"), "{text}");
    assert!(text.contains("`paht`") && text.contains("`path`"), "{text}");
}

#[tokio::test]
async fn a_limit_above_what_the_resource_can_serve_is_refused_with_what_to_do() {
    let config = CONFIG.replace("MODULE", "tools").replace("FUNCTION", "square");
    let config = format!("{config}\n[resource.square.policy]\nlimit = 50\n");
    let folder = with_config(&config, &[("tools.py", "def square(num):\n    return num\n")]);
    let output = mesero(&folder, &["serve", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("its limit is 50, but it serves at most 1"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = CONFIG.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\""));
    let folder = with_config(&config, &[]);
    let output = mesero(&folder, &["serve", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[tokio::test]
async fn check_starts_every_resource_and_says_what_it_found() {
    let config = CONFIG.replace("MODULE", "tools").replace("FUNCTION", "square");
    let folder = with_config(&config, &[("tools.py", "def square(num):\n    return num\n")]);
    let output = mesero(&folder, &["check", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("square") && text.contains("(num)"), "{text}");
}

#[tokio::test]
async fn the_reference_is_a_configuration_that_can_be_read() {
    let output = mesero(&folder(&[]), &["reference"]).await;
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[server]") && text.contains("on_disconnect"), "{text}");
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_exit_code_2() {
    for arguments in [&["serve"][..], &["sevre"], &["jobs", "cancel", "nonsense"], &[]] {
        let output = mesero(&folder(&[]), arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn check_shows_an_auto_limit_and_warns_of_a_queue_that_cannot_be_served_in_time() {
    let config = r#"
[resource.slow]
stub = { delay = "500ms" }
policy = { limit = { min = 2, max = 4 }, queue = 1000, deadline = "10s" }

[resource.short]
stub = { delay = "500ms" }
policy = { limit = 4, queue = 76, deadline = "10s" }

[[route]]
path = "/slow"
resource = "slow"
"#;
    let folder = with_config(config, &[]);
    let output = mesero(&folder, &["check", "mesero.toml"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("limit auto, from 2 to 4\n"), "{text}");
    let warned = stderr(&output);
    assert!(warned.contains("warning: slow: a full queue of 1000 waits 125s"), "{warned}");
    assert!(warned.contains("`queue = 76`") && !warned.contains("short"), "{warned}");
}
