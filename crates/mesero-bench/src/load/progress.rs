//! What the person who watches sees, while it is measured.

use std::io::{Stderr, Write};
use std::time::Duration;

use mesero_terminal::output::{self, visible};
use tokio::time::{Instant, sleep_until};

use crate::load::progress::frame::Picture;
use crate::load::progress::screen::Screen;
use crate::load::session::Session;

mod frame;
mod screen;

/// Often enough to follow, and seldom enough to cost nothing.
const AGAIN: Duration = Duration::from_millis(250);

/// Where nobody watches, a log is kept.
const AGAIN_IN_A_LOG: Duration = Duration::from_secs(10);

/// A picture on the terminal that is standard error, which is gone when this is dropped; a line
/// every ten seconds where that is no terminal.
#[derive(Debug)]
pub(crate) struct Live {
    /// None if there is no terminal.
    screen: Option<Screen>,
    /// Where lines go; none if nobody is to hear of it.
    log: Option<Stderr>,
    began: Instant,
    /// When it is shown again, in whichever round that is.
    next: Instant,
}

/// Which part of all that is measured.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) name: &'a str,
    pub(crate) round: u32,
    pub(crate) rounds: u32,
    /// Measurements that are over, of how many; none if nobody knows yet how many there will be.
    pub(crate) over: Option<(usize, usize)>,
}

impl Live {
    pub(crate) fn begin() -> Self {
        let (screen, began) = (Screen::open(), Instant::now());
        let next = began + again(screen.as_ref());
        Self { screen, log: Some(output::stderr()), began, next }
    }

    /// For tests, whose own output would be lost among it.
    #[cfg(test)]
    pub(crate) fn unheard() -> Self {
        Self { screen: None, log: None, ..Self::begin() }
    }

    /// Shows how it goes, for as long as it is polled.
    pub(crate) async fn show(&mut self, session: &Session, stage: &Stage<'_>) {
        loop {
            sleep_until(self.next).await;
            self.next = Instant::now() + again(self.screen.as_ref());
            let picture = self.picture(session, stage);
            match &mut self.screen {
                Some(screen) => screen.draw(&picture.lines(screen.width())),
                None => self.say(&picture.line()),
            }
        }
    }

    /// Says what was found, where nobody watches; a terminal shows how it goes instead.
    pub(crate) fn tell(&mut self, text: &str) {
        if self.screen.is_none() {
            self.say(text);
            self.next = Instant::now() + AGAIN_IN_A_LOG;
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            // Where nobody can hear it, it is lost.
            let _ = writeln!(log, "mesero: {text}");
        }
    }

    fn picture(&self, session: &Session, stage: &Stage<'_>) -> Picture {
        let record = session.record();
        let measured = record.measured();
        let (rate, rates) = (record.rate(), record.series.recent(measured));
        let (ok, gave_up) = (record.ok, record.gave_up + record.unsent);
        let failed = record.failed() - gave_up;
        let response = record.response.clone();
        // Requests wait for it; what is made of it can be made without.
        drop(record);
        Picture {
            name: stage.name.chars().flat_map(visible).collect(),
            round: (stage.rounds > 1).then_some((stage.round, stage.rounds)),
            left: self.left(stage, session.progress()),
            measured,
            rate,
            rates,
            in_work: session.in_work(),
            ok,
            gave_up,
            failed,
            response,
        }
    }

    /// How long it takes yet if it goes on like this; none if it has only begun, or nobody knows how long that is.
    fn left(&self, stage: &Stage<'_>, progress: f64) -> Option<Duration> {
        let (over, all) = stage.over?;
        let share = (over as f64 + progress) / all as f64;
        let elapsed = self.began.elapsed().as_secs_f64();
        let left = elapsed * (1.0 - share) / share;
        (share > 0.01).then(|| Duration::try_from_secs_f64(left).ok()).flatten()
    }
}

fn again(screen: Option<&Screen>) -> Duration {
    if screen.is_some() { AGAIN } else { AGAIN_IN_A_LOG }
}
