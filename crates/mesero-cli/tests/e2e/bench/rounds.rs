//! Several targets, in rounds.

use super::{bench, url};
use crate::upstream::Upstream;

#[tokio::test]
async fn every_target_has_its_turn_in_every_round() {
    let (first, second) = (Upstream::open().await, Upstream::open().await);
    let targets = [format!("one={}", url(&first)), format!("two={}", url(&second))];
    let load = ["-c", "1", "-n", "2", "--rounds", "3", "--tolerance", "1h"];
    let arguments =
        [&[&*targets[0], &targets[1], "--ignore-answers", "--json"][..], &load].concat();
    // A round is two requests over a connection of its own.
    let serve = async |server: Upstream| {
        for _ in 0..3 {
            let mut wire = server.accept().await;
            for _ in 0..2 {
                wire.head().await;
                wire.answer("done").await;
            }
            wire.closed().await;
        }
    };
    let (measured, (), ()) = tokio::join!(bench(&arguments), serve(first), serve(second));
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    let report = measured.json();
    for (index, name) in ["one", "two"].into_iter().enumerate() {
        let target = &report["targets"][index];
        assert_eq!((&target["name"], &target["ok"]), (&name.into(), &6.into()));
        let rounds = target["rounds"].as_array().unwrap();
        let ok: Vec<_> = rounds.iter().map(|round| round["ok"].as_u64().unwrap()).collect();
        assert_eq!(ok, [2, 2, 2]);
    }
}

#[tokio::test]
async fn who_answers_otherwise_than_the_first_is_told_and_fails_what_expects_the_same() {
    let (first, second) = (Upstream::open().await, Upstream::open().await);
    let targets = [format!("one={}", url(&first)), format!("two={}", url(&second))];
    let load = ["-c", "1", "-n", "1", "--rounds", "8", "--tolerance", "1h"];
    let expect = ["--expect", "same_answers, p50<1000x", "--json"];
    let arguments = [&[&*targets[0], &targets[1]][..], &load, &expect].concat();
    // Each is sent a request before the first round, and one in each round.
    let serve = async |server: Upstream, body: &str| {
        for _ in 0..9 {
            let mut wire = server.asked().await;
            wire.answer(body).await;
        }
    };
    let (measured, (), ()) =
        tokio::join!(bench(&arguments), serve(first, "88.4"), serve(second, "88.40"));
    assert_eq!(measured.code, Some(3), "{}", measured.stderr);
    let how = "two answers 5 bytes with `88.40`, and one 4 with `88.4`";
    assert_eq!(measured.json()["comparisons"][0]["answers"]["differ"], how);
    let told = format!("answers differ: {how}\ntwo: failed: same_answers ({how})\n");
    assert_eq!(measured.stderr, told);
}

#[tokio::test]
async fn what_is_expected_beside_another_needs_another() {
    let measured = bench(&["http://localhost:1/", "--expect", "rate>=0.95x"]).await;
    assert_eq!(measured.code, Some(2));
    assert!(measured.stderr.contains("judge `rate>=0.95x`"), "{}", measured.stderr);
}
