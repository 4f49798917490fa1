//! Usage errors and their messages.

use super::bench;

#[tokio::test]
async fn what_cannot_be_measured_is_a_usage_error_that_names_it() {
    let cases: [(&[&str], &str); 12] = [
        (&["a=http://localhost:1/", "a=http://localhost:2/"], "with the name `a`"),
        (
            &["localhost:1/"],
            "failed to parse the target `localhost:1/`: did you mean `http://localhost:1/`?",
        ),
        (&["http://localhost:1/", "-H", "broken"], "failed to send the header `broken` of -H"),
        (&["http://localhost:1/", "--expect", "client_timout=0"], "is it `client_timeout`?"),
        (&["http://localhost:1/", "--expect", "p95<5"], "wanted a duration such as 5s or 250ms"),
        (&["http://localhost:1/", "--timeout", "7"], "wanted a duration such as 10s"),
        (
            &["http://localhost:1/", "-c", "0"],
            "for '--clients <N>': wanted a whole number from 1 on",
        ),
        (&["http://localhost:1/", "--html", "nowhere/x.html"], "there is no folder `nowhere`"),
        (
            &["@slow"],
            "the file `mesero.toml` does not exist; name the configuration with `--config FILE`",
        ),
        (&["stub:", "--http2"], "failed to use HTTP/2 for `stub:`: --http2 is for URLs"),
        (&["--http2", "--", "true"], "failed to use HTTP/2 for `true`: --http2 is for URLs"),
        (&["http://localhost:1/", "--streams", "5"], "--http2"),
    ];
    for (arguments, text) in cases {
        let measured = bench(arguments).await;
        assert_eq!(measured.code, Some(2), "{arguments:?}: {}", measured.stderr);
        assert!(measured.stderr.contains(text), "{}", measured.stderr);
        assert_eq!(measured.stdout, "");
    }
}
