//! Servers that have to prove their identity.

use super::{Kind, Ran, Shop, finished};
use crate::certificates::Authority;

/// Runs with `--dry-run` and these parameters of the URL.
async fn run(shop: &Shop, parameters: &str) -> Ran {
    let url = format!("{}?{parameters}", shop.server.url());
    finished(shop.command_to(&url, &["--dry-run"])).await
}

async fn a_certificate(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, 3, &[]).await else { return };
    let (verified, trusting) = match kind {
        Kind::Postgres => ("sslmode=verify-full", "sslrootcert"),
        Kind::MariaDb => ("sslmode=VERIFY_IDENTITY", "sslca"),
    };
    // Without TLS it proves nothing either.
    let ran = run(&shop, verified).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("TLS"), "{ran:?}");

    let authority = Authority::new();
    let folder = crate::harness::folder(&[("ca.pem", &authority.pem())]);
    let trusted = format!("{verified}&{trusting}={}/ca.pem", folder.path().display());
    shop.server.stop().await;
    shop.server.start_again_with_certificate(authority.files("127.0.0.1")).await;
    let ran = run(&shop, &trusted).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Signed by an authority that this system does not trust.
    let ran = run(&shop, verified).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("TLS"), "{ran:?}");

    shop.server.stop().await;
    shop.server.start_again_with_certificate(authority.files("example.com")).await;
    let ran = run(&shop, &trusted).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("TLS"), "{ran:?}");
}

#[tokio::test]
async fn postgres_has_to_bear_its_name_in_a_certificate_that_is_trusted() {
    a_certificate(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_has_to_bear_its_name_in_a_certificate_that_is_trusted() {
    a_certificate(Kind::MariaDb).await;
}
