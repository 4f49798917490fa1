//! Turns what the program traces into log lines.

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::form::Form;
use super::queue::Queue;
use super::record::LogRecord;

/// A subscriber's layer that writes each event as one line, or one block of lines, into the queue.
#[derive(Debug)]
pub(super) struct Lines {
    form: Form,
    queue: Queue,
}

impl Lines {
    pub(super) fn new(form: Form, queue: Queue) -> Self {
        Self { form, queue }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut record = LogRecord::new(*metadata.level(), metadata.target());
        event.record(&mut record);
        self.queue.push(self.form.write(&record));
    }
}
