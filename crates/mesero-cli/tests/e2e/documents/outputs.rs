//! The outputs that README, the pages of `docs` and the examples quote are those of the commands above them.

use std::path::Path;

use super::comparison::{Varies, line_matches, matches, shape};
use super::page::{Block, Step, blocks, pages};
use super::read;
use super::session::Session;
use crate::harness::{example, skipped, venv};

/// Quoted outputs that no test compares, and why: page, beginning of the command, reason.
const NOT_COMPARED: [(&str, &str, &str); 1] = [(
    "docs/bench.md",
    "mesero bench @slow --suggest",
    "the number of its rows depends on measured times",
)];

/// Quoted outputs that another test compares: page, beginning of the command, test.
const COMPARED_ELSEWHERE: [(&str, &str, &str); 1] =
    [("docs/library.md", "for n in 1 2 3; do curl", "crates/mesero/tests/laws/tower.rs")];

/// Commands whose figures differ from run to run, apart from times.
const FIGURES: [&str; 6] = [
    "curl localhost:8888/list_current_jobs",
    "curl localhost:8888/orders/7",
    "curl -i",
    "mesero hash users.db",
    "mesero jobs",
    "mesero run 'http://localhost:8000/items/{}'",
];

/// Commands that are typed while the four callers of the square service run.
const DURING_CALLS: [&str; 2] = ["curl localhost:8888/list_current_jobs", "mesero jobs"];

/// Commands of which a page shows only some lines.
const EXCERPTS: [&str; 3] = ["curl -i", "mesero run 'http://localhost:8000/mails/{id}'", ""];

/// Commands that are not typed here: the test has built mesero and its environment.
const BUILT: [&str; 4] = ["cargo install", "make venv", "make -C", "make check"];

/// Beginnings of commands that serve until they are stopped.
const SERVERS: [&str; 4] = ["mesero serve", "cargo run", "python3 api.py", "python3 site.py"];

fn begins(command: &str, with: &[&str]) -> bool {
    with.iter()
        .any(|start| if start.is_empty() { command.is_empty() } else { command.starts_with(start) })
}

fn is_server(command: &str) -> bool {
    begins(command, &SERVERS) || command.starts_with("python3 examples/fragile-api/api.py")
}

fn of_page(page: &str) -> Vec<Block> {
    blocks(&read(&example("..").join(page)))
}

/// Whether an output is in a list of those that are not compared here.
fn listed(list: &[(&str, &str, &str)], page: &str, step: &Step) -> bool {
    list.iter().any(|(listed, start, _)| *listed == page && step.command.starts_with(start))
}

fn is_compared(page: &str, step: &Step) -> bool {
    !step.output.is_empty()
        && !listed(&NOT_COMPARED, page, step)
        && !listed(&COMPARED_ELSEWHERE, page, step)
}

/// Asserts that a step printed what the page quotes.
fn compare(page: &str, step: &Step, printed: &[String]) {
    let varies = if begins(&step.command, &FIGURES) { Varies::Figures } else { Varies::Times };
    let is_quoted = if begins(&step.command, &EXCERPTS) {
        let mut printed = printed.iter().map(|line| shape(line, varies));
        step.output.iter().all(|quoted| {
            let quoted = shape(quoted.trim_start_matches("^C"), varies);
            printed.any(|line| line_matches(&format!("…{quoted}"), &line))
        })
    } else {
        matches(&step.output, printed, varies)
    };
    assert!(
        is_quoted,
        "{page}, after `{}`, quotes\n{}\nand not\n{}",
        step.command,
        step.output.join("\n"),
        printed.join("\n")
    );
}

/// Types the commands of an example's README, block after block, and compares their outputs.
async fn follow(session: &mut Session, page: &str) {
    for block in of_page(page) {
        if block.is_at_root {
            session.go_to("");
        }
        follow_block(session, page, &block).await;
    }
}

async fn follow_block(session: &mut Session, page: &str, block: &Block) {
    let mut typed: Vec<&Step> = Vec::new();
    for step in &block.steps {
        let is_typed_now = is_server(&step.command)
            || begins(&step.command, &DURING_CALLS)
            || step.command.is_empty();
        if is_typed_now {
            type_all(session, page, &std::mem::take(&mut typed)).await;
        }
        if step.command.is_empty() {
            let log = session.log();
            compare(page, step, &log.lines().map(str::to_owned).collect::<Vec<_>>());
        } else if is_server(&step.command) {
            session.serve(&step.command).await;
        } else if begins(&step.command, &DURING_CALLS) {
            let printed = session.run_during_calls(&step.command).await;
            compare(page, step, &printed);
        } else if !begins(&step.command, &BUILT) {
            typed.push(step);
        }
    }
    type_all(session, page, &typed).await;
}

/// Types commands into one shell, and compares what they print with what the page shows.
async fn type_all(session: &mut Session, page: &str, steps: &[&Step]) {
    let commands: Vec<_> = steps.iter().map(|step| typed(page, &step.command)).collect();
    let commands: Vec<_> = commands.iter().map(String::as_str).collect();
    let printed = session.run(&commands).await;
    for (step, printed) in steps.iter().zip(printed) {
        if is_compared(page, step) {
            compare(page, step, &printed);
        }
    }
}

/// A command as it is typed here.
fn typed(page: &str, command: &str) -> String {
    // `time` reports to the person at the terminal.
    let command = command.trim_start_matches("time ");
    if command.starts_with("mesero bench") {
        // The machine may be busy with other tests.
        command.replacen("mesero bench", "mesero bench --tolerance 1h", 1)
    } else if page == "examples/passwords/README.md" && command.starts_with("mesero hash") {
        // Other tests hash at the usual cost.
        format!("{command} --argon2 m=64,t=1,p=1 --allow-weak")
    } else {
        command.to_owned()
    }
}

/// Types the commands of a page that have an output; what they need is there already.
async fn follow_outputs(session: &mut Session, page: &str) {
    for mut block in of_page(page) {
        block.steps.retain(|step| is_compared(page, step));
        if !block.steps.is_empty() {
            follow_block(session, page, &block).await;
        }
    }
}

fn curl_is_there() -> bool {
    let found = std::process::Command::new("curl").arg("--version").output().is_ok();
    if !found {
        skipped("no curl: the outputs that README and the examples quote are not compared");
    }
    found
}

async fn follow_example(name: &str, venv: Option<&Path>) {
    if curl_is_there() {
        let mut session = Session::open(venv);
        follow(&mut session, &format!("examples/{name}/README.md")).await;
    }
}

#[test]
fn every_quoted_output_is_compared_or_named_with_a_reason() {
    let root = example("..");
    let mut compared = 0;
    let mut lists: Vec<_> = NOT_COMPARED.iter().chain(&COMPARED_ELSEWHERE).collect();
    for page in pages(&root) {
        assert!(FOLLOWED.contains(&&*page) || page == "docs/library.md", "no test follows {page}");
        for step in of_page(&page).iter().flat_map(|block| &block.steps) {
            compared += usize::from(is_compared(&page, step));
            let is_listed = |(listed, start, _): &&(&str, &str, &str)| {
                *listed == page && step.command.starts_with(start)
            };
            lists.retain(|entry| !is_listed(entry));
        }
    }
    assert!(lists.is_empty(), "no page still quotes these: {lists:?}");
    assert!(compared > 25, "{compared} outputs");
    for (page, command, why) in NOT_COMPARED {
        skipped(&format!("the output of `{command}` in {page} is not compared: {why}"));
    }
}

/// Pages whose outputs the tests below compare.
const FOLLOWED: [&str; 15] = [
    "README.md",
    "docs/bench.md",
    "docs/hash.md",
    "docs/run.md",
    "docs/serve.md",
    "examples/blocking-handler/README.md",
    "examples/blocking-resource/README.md",
    "examples/currency/README.md",
    "examples/flask/README.md",
    "examples/fragile-api/README.md",
    "examples/legacy-command/README.md",
    "examples/passwords/README.md",
    "examples/requests/README.md",
    "examples/site-cache/README.md",
    "examples/square/README.md",
];

#[tokio::test]
async fn outputs_of_the_square_service_are_those_of_readme_and_its_pages() {
    if !curl_is_there() {
        return;
    }
    let mut session = Session::open(None);
    session.serve("mesero serve examples/square/mesero.toml").await;
    for page in ["README.md", "docs/serve.md"] {
        follow_outputs(&mut session, page).await;
    }
    let [squares, mails] = &of_page("docs/run.md")[..] else { panic!("two blocks") };
    type_all(&mut session, "docs/run.md", &[&squares.steps[0]]).await;
    // A service whose calls take long enough to be interrupted.
    let config = "
        [server]
        listen = \"localhost:8000\"
        control = \"127.0.0.1:9880\"
        [resource.mails]
        stub = { delay = \"3s\", concurrency = 100 }
        [[route]]
        path = \"/mails/{id}\"
        resource = \"mails\"
        args = { id = \"path:str\" }
        ";
    session.write("mails.toml", config);
    session.write("mails.csv", &(0..1000).fold("id\n".to_owned(), |csv, n| format!("{csv}{n}\n")));
    session.serve("mesero serve mails.toml").await;
    let step = &mails.steps[0];
    compare("docs/run.md", step, &session.interrupt(&step.command, 9880, 10).await);
}

#[tokio::test]
async fn outputs_of_a_dry_run_are_those_of_the_page_about_hashing() {
    if cfg!(feature = "hash") {
        let mut session = Session::open(None);
        let table = "import sqlite3\n\
                     table = sqlite3.connect('users.db')\n\
                     table.execute('create table users (id integer primary key, password text)')\n\
                     values = ['plaintext'] * 996 + [None] * 3 + ['5f4dcc3b5aa765d61d8327deb882cf99']\n\
                     table.executemany('insert into users (password) values (?)', [(v,) for v in values])\n\
                     table.commit()\n";
        session.write("users.py", table);
        session.run(&["python3 users.py"]).await;
        follow_outputs(&mut session, "docs/hash.md").await;
    }
}

#[tokio::test]
async fn outputs_of_the_blocking_resource_are_those_of_its_page() {
    let Some(venv) = venv() else { return };
    follow_example("blocking-resource", Some(&venv)).await;
}

#[tokio::test]
async fn outputs_of_a_load_test_are_those_of_its_page() {
    let Some(venv) = venv() else { return };
    let mut session = Session::open(Some(&venv));
    session.go_to("examples/blocking-resource");
    session.serve("mesero serve slow-api.toml flask.toml direct.toml threads.toml").await;
    follow_outputs(&mut session, "docs/bench.md").await;
}

#[tokio::test]
async fn outputs_of_the_blocking_handler_are_those_of_its_page() {
    follow_example("blocking-handler", None).await;
}

#[tokio::test]
async fn outputs_of_the_currency_converters_are_those_of_their_page() {
    let Some(venv) = venv() else { return };
    follow_example("currency", Some(&venv)).await;
}

#[tokio::test]
async fn outputs_of_the_flask_application_are_those_of_its_page() {
    let Some(venv) = venv() else { return };
    follow_example("flask", Some(&venv)).await;
}

#[tokio::test]
async fn outputs_of_the_fragile_api_are_those_of_its_page() {
    follow_example("fragile-api", None).await;
}

#[tokio::test]
async fn outputs_of_the_legacy_command_are_those_of_its_page() {
    follow_example("legacy-command", None).await;
}

#[tokio::test]
async fn outputs_of_the_hundred_requests_are_those_of_their_page() {
    follow_example("requests", None).await;
}

#[tokio::test]
async fn outputs_of_the_site_cache_are_those_of_its_page() {
    follow_example("site-cache", None).await;
}

#[tokio::test]
async fn outputs_of_the_example_of_squares_are_those_of_its_page() {
    follow_example("square", None).await;
}

#[tokio::test]
async fn outputs_of_the_passwords_are_those_of_their_page() {
    let Some(venv) = venv().filter(|_| cfg!(feature = "hash")) else { return };
    follow_example("passwords", Some(&venv)).await;
}
