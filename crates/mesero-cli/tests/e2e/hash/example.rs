//! `examples/passwords`, as its README says.

use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, example, folder, program, venv};

#[tokio::test]
async fn the_example_is_hashed_and_its_users_log_in() {
    let folder = folder(&[]);
    let script = |name| example("passwords").canonicalize().unwrap().join(name);
    let run = async |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(folder.path()).output();
        timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap()
    };
    let made = run("python3", &[script("users.py").to_str().unwrap()]).await;
    assert!(made.status.success(), "{made:?}");
    // As the README has them, beside what makes it quick.
    let readme = std::fs::read_to_string(script("README.md")).unwrap();
    let commands: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("$ mesero ")).collect();
    assert_eq!(commands.len(), 2);
    for (line, code) in commands.iter().zip([5, 0]) {
        let quick = ["--argon2", "m=64,t=1,p=1", "--allow-weak"];
        let arguments: Vec<_> = line.split(' ').chain(quick).collect();
        let ran = run(program(), &arguments).await;
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
    }
    let Some(venv) = venv() else { return };
    let python = venv.join("bin/python").to_str().unwrap().to_owned();
    let login = script("login.py").to_str().unwrap().to_owned();
    if !run(&python, &["-c", "import argon2"]).await.status.success() {
        return;
    }
    for (name, password, is_right) in [
        ("ann", "correct horse", true),
        ("ann", "wrong horse", false),
        ("bob", "  two spaces before", true),
        ("bob", "two spaces before", false),
        ("old", "from the old days", true),
        ("old", "from the new days", false),
        ("eve", "", false),
    ] {
        let logged_in = run(&python, &[&login, name, password]).await;
        assert_eq!(logged_in.status.success(), is_right, "{name} {password} {logged_in:?}");
    }
}
