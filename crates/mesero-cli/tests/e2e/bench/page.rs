//! HTML page of a measurement: written as a whole, or not at all.

use std::fs;

use tempfile::tempdir;

use super::{bench, measure};
use crate::upstream::Upstream;

#[tokio::test]
async fn a_page_tells_what_was_measured_and_by_which_command_without_its_secrets() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("page.html");
    let path = path.to_str().unwrap();
    let server = Upstream::open().await;
    let address = server.address();
    let arguments =
        ["-n", "1", "-c", "1", "-H", "Authorization: hunter2", "--html", path, "--expect", "ok=1"];
    let serving = async {
        let mut wire = server.asked().await;
        wire.answer("done").await;
    };
    let (measured, ()) = tokio::join!(measure(address, &arguments), serving);
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    let page = fs::read_to_string(path).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    for told in ["The request was answered in ", "passed: ok=1 (1 of 1)", "Authorization: …", path]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("hunter2"), "{page}");
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_page_that_cannot_be_written_is_told_before_anything_is_asked() {
    let server = Upstream::open().await;
    let url = format!("http://{}/", server.address());
    let measured = bench(&[&url, "-n", "1", "--html", "/no/such/folder/page.html"]).await;
    assert_eq!(measured.code, Some(2));
    let wanted = "failed to write `/no/such/folder/page.html`: ";
    assert!(measured.stderr.contains(wanted), "{}", measured.stderr);
    assert_eq!(measured.stdout, "");
}

#[tokio::test]
async fn what_is_hostile_in_a_url_or_a_name_is_text() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("page.html");
    let target = "<b onload=http://127.0.0.1:1/?'&amp;";
    let load = ["-n", "1", "-c", "1", "--tolerance", "1h"];
    let arguments = [&[target, "--html", path.to_str().unwrap()][..], &load].concat();
    let measured = bench(&arguments).await;
    assert_eq!(measured.code, Some(1), "{}", measured.stderr);
    let page = fs::read_to_string(path).unwrap();
    assert!(!page.contains("<b onload"), "{page}");
    assert!(page.contains("&lt;b onload") && page.contains("/?&#39;&amp;amp;"), "{page}");
}
