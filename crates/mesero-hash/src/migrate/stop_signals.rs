//! The signals that stop a run.

use std::io;

use mesero_terminal::signals::{Signal, Signals};

/// Receives the signals that stop a run, and remembers the last one.
#[derive(Debug)]
pub(crate) struct StopSignals {
    signals: Signals,
    last: Option<Signal>,
}

impl StopSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system rejects it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { signals: Signals::listen()?, last: None })
    }

    /// Waits for the next signal. If dropped, no signal is lost.
    pub(crate) async fn next(&mut self) -> Signal {
        let signal = self.signals.next().await;
        self.last = Some(signal);
        signal
    }

    /// A signal that has already arrived.
    pub(crate) async fn arrived(&mut self) -> Option<Signal> {
        tokio::select! {
            biased;
            signal = self.next() => Some(signal),
            () = std::future::ready(()) => None,
        }
    }

    /// The last signal that was received.
    pub(crate) fn last(&self) -> Option<Signal> {
        self.last
    }
}
