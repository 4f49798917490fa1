//! A bounded queue and a thread that writes to stderr, so that logging never waits.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::form::Form;

/// A second's worth of a very talkative service; a few hundred kilobytes of usual lines.
const QUEUE: usize = 4_096;

/// The time for which the end of the process waits until the queued lines are written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The input of the queue.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<QueueInner>);

/// The writing thread. Dropping it writes the queued lines, for at most two seconds.
#[derive(Debug)]
pub(super) struct Writer(Arc<QueueInner>);

#[derive(Debug, Default)]
struct QueueInner {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    lines: VecDeque<String>,
    dropped: u64,
    /// No further line is accepted.
    closed: bool,
    /// All lines are written, and the thread has ended.
    ended: bool,
}

/// Starts the thread that writes to `sink`.
pub(super) fn start(sink: impl Write + Send + 'static, form: Form) -> io::Result<(Queue, Writer)> {
    let shared = Arc::new(QueueInner::default());
    let writing = Arc::clone(&shared);
    thread::Builder::new()
        .name("mesero-log".to_owned())
        .spawn(move || writing.write_all(sink, form))?;
    Ok((Queue(Arc::clone(&shared)), Writer(shared)))
}

impl Queue {
    /// Queues a line, or counts it as dropped while the queue is full.
    pub(super) fn push(&self, line: String) {
        let mut state = self.0.locked();
        if state.closed {
            return;
        }
        if state.lines.len() >= QUEUE {
            state.dropped += 1;
            return;
        }
        state.lines.push_back(line);
        drop(state);
        self.0.changed.notify_all();
    }
}

impl QueueInner {
    fn locked(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut sink: impl Write, form: Form) {
        while let Some(batch) = self.next() {
            let text = match batch.dropped {
                0 => batch.text,
                dropped => batch.text + &form.dropped(dropped),
            };
            // A failure to write to stderr cannot be reported.
            let _ = sink.write_all(text.as_bytes());
            let _ = sink.flush();
        }
        self.locked().ended = true;
        self.changed.notify_all();
    }

    /// Waits for lines; `None` when the queue is closed and empty.
    fn next(&self) -> Option<Batch> {
        let mut state = self.locked();
        loop {
            if !state.lines.is_empty() {
                let text = state.lines.drain(..).collect();
                return Some(Batch { text, dropped: std::mem::take(&mut state.dropped) });
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// All lines that were queued, and how many were dropped after them.
struct Batch {
    text: String,
    dropped: u64,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.locked().closed = true;
        self.0.changed.notify_all();
        let state = self.0.locked();
        let waits = |state: &mut QueueState| !state.ended;
        drop(self.0.changed.wait_timeout_while(state, CLOSE_TIMEOUT, waits));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Writes only when the test allows it, and gives the test the written text.
    struct Slow {
        begun: SyncSender<()>,
        go_on: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The test may have ended; then there is nothing to wait for.
            let _ = self.begun.try_send(());
            let _ = self.go_on.recv();
            self.written.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_costs_lines_that_are_counted_and_logging_never_waits() {
        let (begun, has_begun) = sync_channel(1);
        let (let_go, go_on) = sync_channel(1);
        let written = Arc::new(Mutex::new(String::new()));
        let slow = Slow { begun, go_on, written: Arc::clone(&written) };
        let (queue, writer) = start(slow, Form::Logfmt).unwrap();
        queue.push("first\n".to_owned());
        has_begun.recv().unwrap();
        // The thread now waits for the reader, with the first line in its hands.
        for _ in 0..QUEUE + 7 {
            queue.push("next\n".to_owned());
        }
        drop(let_go);
        drop(writer);
        let written = written.lock().unwrap();
        assert!(written.starts_with("first\nnext\n"));
        assert_eq!(written.matches("next\n").count(), QUEUE);
        let last = written.lines().last().unwrap();
        assert!(last.contains("msg=\"log lines were dropped: stderr is read too slowly\""));
        assert!(last.ends_with("dropped=7"), "{last}");
    }

    #[test]
    fn the_end_writes_what_is_queued() {
        let written = Arc::new(Mutex::new(String::new()));
        let (begun, _) = sync_channel(1);
        let go_on = sync_channel(0).1;
        let slow = Slow { begun, go_on, written: Arc::clone(&written) };
        let (queue, writer) = start(slow, Form::Logfmt).unwrap();
        queue.push("last words\n".to_owned());
        drop(writer);
        queue.push("too late\n".to_owned());
        assert_eq!(*written.lock().unwrap(), "last words\n");
    }
}
