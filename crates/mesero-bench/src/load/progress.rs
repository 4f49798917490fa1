//! Progress of the measurement, on the terminal or in a log.

use std::io::{Stderr, Write};
use std::time::Duration;

use mesero_terminal::output::{self, visible};
use tokio::time::{Instant, sleep_until};

use crate::load::progress::frame::ProgressFrame;
use crate::load::progress::screen::TerminalScreen;
use crate::load::session::LoadSession;

mod frame;
mod screen;

/// Often enough to follow, and rare enough to cost nothing.
const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// Without a terminal, progress is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Progress display on standard error, erased when it is dropped; without a terminal, a line every ten seconds.
#[derive(Debug)]
pub(crate) struct ProgressDisplay {
    /// None without a terminal.
    screen: Option<TerminalScreen>,
    /// Destination of log lines; none for no log.
    log: Option<Stderr>,
    began: Instant,
    /// Time of the next frame, across rounds.
    next: Instant,
}

/// The part of the run that is being measured.
#[derive(Debug)]
pub(crate) struct ProgressStage<'a> {
    pub(crate) name: &'a str,
    pub(crate) round: u32,
    pub(crate) rounds: u32,
    /// Finished measurements and their total; none if the total is unknown.
    pub(crate) over: Option<(usize, usize)>,
}

impl ProgressDisplay {
    pub(crate) fn begin() -> Self {
        let (screen, began) = (TerminalScreen::open(), Instant::now());
        let next = began + interval(screen.as_ref());
        Self { screen, log: Some(output::stderr()), began, next }
    }

    /// For tests, which have output of their own.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { screen: None, log: None, ..Self::begin() }
    }

    /// Shows the progress, for as long as it is polled.
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

    /// Logs a result, without a terminal; a terminal shows the progress instead.
    pub(crate) fn log_result(&mut self, text: &str) {
        if self.screen.is_none() {
            self.log_line(text);
            self.next = Instant::now() + LOG_INTERVAL;
        }
    }

    fn log_line(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            // A closed standard error is no error.
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
        // Requests wait for the record; the frame is made without it.
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

    /// Estimated remaining time; none at the beginning, and if the total is unknown.
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
