//! Opens every page in a real browser, light and dark. Screenshots are in `target/pages`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::page::scenes::scenes;

/// Suffix of the screenshot, and the browser's color preference.
const MODES: [(&str, &str); 2] = [("light", "1"), ("dark", "0")];

/// Chromium, under one of its names; without it the test is skipped with a message.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places =
        std::env::split_paths(&path).flat_map(|place| names.map(|name| place.join(name)));
    let chromium = places.find(|place| place.is_file());
    if chromium.is_none() {
        eprintln!("SKIPPED: no Chromium to open pages with; `make chromium` installs it");
    }
    chromium
}

/// Opens a page, takes a screenshot, and returns the messages of the browser's console.
fn open(chromium: &Path, page: &Path, mode: (&str, &str)) -> String {
    let profile = tempfile::tempdir().unwrap();
    let picture = page.with_extension(format!("{}.png", mode.0));
    let _ = fs::remove_file(&picture);
    let output = Command::new("timeout")
        .arg("180")
        .arg(chromium)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--disable-dev-shm-usage", "--window-size=1100,2600"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--blink-settings=preferredColorScheme={}", mode.1))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(picture.exists(), "no picture: {said}");
    let about_page = |line: &&str| line.contains("CONSOLE");
    said.lines().filter(about_page).collect::<Vec<_>>().join("\n")
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

#[test]
fn a_browser_reports_no_problem_with_any_page_light_or_dark() {
    let Some(chromium) = chromium() else { return };
    let folder = folder();
    // All in one page, since a browser takes a second to start.
    let mut all = "<!doctype html><title>pages</title>".to_owned();
    for (name, page) in scenes() {
        let name = format!("{}.html", name.replace(' ', "-"));
        fs::write(folder.join(&name), page.html()).unwrap();
        all.push_str(&format!("<iframe src=\"{name}\" width=1080 height=2400></iframe>"));
    }
    let every = folder.join("every.html");
    fs::write(&every, all).unwrap();
    for mode in MODES {
        assert_eq!(open(&chromium, &every, mode), "", "{}", mode.0);
    }
    let pictures =
        MODES.map(|(name, _)| fs::read(every.with_extension(format!("{name}.png"))).unwrap());
    assert_ne!(pictures[0], pictures[1], "dark is as light");

    // A broken page does produce a message.
    let broken = folder.join("broken.html");
    fs::write(&broken, "<!doctype html><script>nothing()</script>").unwrap();
    assert!(open(&chromium, &broken, MODES[0]).contains("nothing is not defined"));
}
