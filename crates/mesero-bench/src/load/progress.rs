//! What the person who watches sees, while it is measured.

use std::io::{Stderr, Write};
use std::time::Duration;

use mesero_terminal::output::{self, visible};
use tokio::time::{Instant, sleep_until};

use crate::load::progress::frame::ProgressFrame;
use crate::load::progress::screen::TerminalScreen;
use crate::load::session::LoadSession;

mod frame;
mod screen;

/// Often enough to follow, and seldom enough to cost nothing.
const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// Where nobody watches, a log is kept.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A picture on the terminal that is standard error, which is gone when this is dropped; a line
/// every ten seconds where that is no terminal.
#[derive(Debug)]
pub(crate) struct ProgressDisplay {
    /// None if there is no terminal.
    screen: Option<TerminalScreen>,
    /// Where lines go; none if nobody is to hear of it.
    log: Option<Stderr>,
    began: Instant,
    /// When it is shown again, in whichever round that is.
    next: Instant,
}

/// Which part of all that is measured.
#[derive(Debug)]
pub(crate) struct ProgressStage<'a> {
    pub(crate) name: &'a str,
    pub(crate) round: u32,
    pub(crate) rounds: u32,
    /// Measurements that are over, of how many; none if nobody knows yet how many there will be.
    pub(crate) over: Option<(usize, usize)>,
}

impl ProgressDisplay {
    pub(crate) fn begin() -> Self {
        let (screen, began) = (TerminalScreen::open(), Instant::now());
        let next = began + interval(screen.as_ref());
        Self { screen, log: Some(output::stderr()), began, next }
    }

    /// For tests, whose own output would be lost among it.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { screen: None, log: None, ..Self::begin() }
    }

    /// Shows how it goes, for as long as it is polled.
    pub(crate) async fn show(&mut self, session: &LoadSession, stage: &ProgressStage<'_>) {
        loop {
            sleep_until(self.next).await;
            self.next = Instant::now() + interval(self.screen.as_ref());
            let frame = self.frame(session, stage);
            match &mut self.screen {
                Some(screen) => screen.draw(&frame.lines(screen.width())),
                None => self.log_line(&frame.line()),
            }
        }
    }

    /// Says what was found, where nobody watches; a terminal shows how it goes instead.
    pub(crate) fn log_result(&mut self, text: &str) {
        if self.screen.is_none() {
            self.log_line(text);
            self.next = Instant::now() + LOG_INTERVAL;
        }
    }

    fn log_line(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            // Where nobody can hear it, it is lost.
            let _ = writeln!(log, "mesero: {text}");
        }
    }

    fn frame(&self, session: &LoadSession, stage: &ProgressStage<'_>) -> ProgressFrame {
        let record = session.record();
        let measured_time = record.measured_time();
        let (rate, rates) = (record.rate(), record.series.recent(measured_time));
        let (ok, client_timeouts) = (record.ok, record.client_timeouts + record.unsent);
        let failed = record.failed() - client_timeouts;
        let response = record.response.clone();
        // Requests wait for it; what is made of it can be made without.
        drop(record);
        ProgressFrame {
            name: stage.name.chars().flat_map(visible).collect(),
            round: (stage.rounds > 1).then_some((stage.round, stage.rounds)),
            left: self.left(stage, session.progress()),
            measured_time,
            rate,
            rates,
            in_flight: session.in_flight(),
            ok,
            client_timeouts,
            failed,
            response,
        }
    }

    /// How long it takes yet if it goes on like this; none if it has only begun, or nobody knows how long that is.
    fn left(&self, stage: &ProgressStage<'_>, progress: f64) -> Option<Duration> {
        let (over, all) = stage.over?;
        let share = (over as f64 + progress) / all as f64;
        let elapsed = self.began.elapsed().as_secs_f64();
        let left = elapsed * (1.0 - share) / share;
        (share > 0.01).then(|| Duration::try_from_secs_f64(left).ok()).flatten()
    }
}

fn interval(screen: Option<&TerminalScreen>) -> Duration {
    if screen.is_some() { REDRAW_INTERVAL } else { LOG_INTERVAL }
}
