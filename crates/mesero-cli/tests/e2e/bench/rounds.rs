//! Several targets, in rounds.

use super::{bench, url};
use crate::harness::shared_machine;
use crate::upstream::Upstream;

#[tokio::test]
async fn every_target_has_its_turn_in_every_round() {
    let _machine = shared_machine().await;
    let (first, second) = (Upstream::open().await, Upstream::open().await);
    let targets = [format!("one={}", url(&first)), format!("two={}", url(&second))];
    let arguments = [&targets[0], &targets[1], "-c", "1", "-n", "2", "--rounds", "3", "--json"];
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
