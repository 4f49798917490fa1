//! Progress on a terminal during a measurement.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Measured, command};
use crate::harness::{HANG_TIMEOUT, output_of, signal};
use crate::upstream::Upstream;

/// A terminal that keeps everything that was written to it.
struct Terminal {
    controller: File,
    seen: watch::Receiver<String>,
}

impl Terminal {
    /// Opens one, and the end that a program writes to.
    fn open() -> (Self, Stdio) {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let shown = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let controller = File::from(controller);
        let mut reader = controller.try_clone().unwrap();
        let (writer, seen) = watch::channel(String::new());
        // It ends with the program, the last writer.
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            let mut whole = Vec::new();
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                whole.extend_from_slice(&bytes[..count]);
                writer.send_replace(String::from_utf8_lossy(&whole).into_owned());
            }
        });
        (Self { controller, seen }, Stdio::from(shown))
    }

    fn resize(&self, columns: u16) {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.controller, size).unwrap();
    }

    async fn until(&mut self, wanted: impl FnMut(&String) -> bool) -> String {
        let seen = timeout(HANG_TIMEOUT, self.seen.wait_for(wanted))
            .await
            .map(|seen| seen.map(|seen| seen.clone()));
        match seen {
            Ok(Ok(seen)) => seen,
            _ => panic!("not shown: {:?}", self.seen.borrow()),
        }
    }

    /// Waits for the end of the program; returns all that was shown.
    async fn until_the_end(mut self) -> String {
        let end = async { while self.seen.changed().await.is_ok() {} };
        timeout(HANG_TIMEOUT, end).await.expect("the program ends");
        self.seen.borrow().clone()
    }
}

/// Sequence that erases a picture: the cursor goes up, and all below is cleared.
const CLEAR: &str = "\r\u{1b}[J";

#[tokio::test]
async fn a_terminal_shows_how_it_goes_fits_what_it_is_resized_to_and_is_left_clean() {
    let server = Upstream::open().await;
    let url = format!("one=http://{}/", server.address());
    let (mut terminal, shown) = Terminal::open();
    terminal.resize(100);
    let mut command = command(&[&url, "-c", "1", "-d", "1h", "--tolerance", "1h"]);
    let child = command.env("TERM", "xterm").stderr(shown).spawn().unwrap();
    // It would keep the terminal open.
    drop(command);
    let mut wire = server.asked().await;
    wire.answer("done").await;
    wire.head().await;

    let seen = terminal.until(|seen| seen.contains("1 ok, 1 in flight")).await;
    let picture = seen.rsplit(CLEAR).next().unwrap();
    assert!(picture.contains("one: ") && picture.contains("█ 100 %"), "{picture:?}");

    terminal.resize(24);
    let fits = |picture: &str| picture.lines().all(|line| line.chars().count() < 24);
    // The last picture may be incomplete.
    let is_narrow = |seen: &String| {
        let mut pictures = seen.rsplit(CLEAR).skip(1);
        pictures.next().is_some_and(|picture| {
            fits(picture.trim_end_matches("\u{1b}[A").trim_end()) && picture.contains("1 ok")
        })
    };
    terminal.until(is_narrow).await;

    signal(&child, Signal::INT);
    let output = output_of(child).await;
    let measured = Measured::from(output);
    assert_eq!(measured.code, Some(130));
    assert!(measured.stdout.contains("Interrupted: "), "{}", measured.stdout);
    let seen = terminal.until_the_end().await;
    assert!(seen.ends_with(CLEAR), "{seen:?}");
}

#[tokio::test]
async fn rounds_that_are_shorter_than_it_takes_to_look_are_shown_as_well() {
    let (mut terminal, shown) = Terminal::open();
    let mut command = command(&["stub:", "-c", "1", "-d", "20ms", "--rounds", "1000"]);
    let child = command.env("TERM", "xterm").stderr(shown).spawn().unwrap();
    drop(command);
    terminal.until(|seen| seen.contains(" of 1000: ")).await;
    signal(&child, Signal::INT);
    let output = output_of(child).await;
    assert_eq!(output.status.code(), Some(130));
    assert!(terminal.until_the_end().await.ends_with(CLEAR));
}
