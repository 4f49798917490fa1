//! The items of a source, one after the other, read no faster than they are consumed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use mesero_config::template::WHOLE;
use mesero_target::item::{InputWord, ItemInput};
use mesero_terminal::nearest;
use tokio::sync::mpsc;

pub(crate) use super::batches::ReadProgress;
use super::format::InputFormat;
use super::item::{EntryResult, InputEntry};
use super::reader::{self, StartedReader};

/// A source of items.
pub(crate) enum InputSource {
    /// Arguments of the command line, including ranges.
    Words(Vec<String>),
    /// The numbers from 0, this many.
    Repeated(NonZeroU64),
    /// A file; without a path, standard input.
    File { path: Option<PathBuf>, format: InputFormat },
    /// Entries that are produced on demand, and their number.
    Entries { entries: Box<dyn Iterator<Item = EntryResult> + Send>, total: u64 },
}

/// The items of a source. Files and standard input are read by their own thread, at most two batches ahead; dropping
/// the feed ends that thread.
pub(crate) struct Feed {
    current: Box<dyn Iterator<Item = EntryResult> + Send>,
    batches: Option<mpsc::Receiver<Vec<EntryResult>>>,
    total: ItemTotal,
}

/// The number of items of a source.
#[derive(Debug, Clone)]
pub(crate) enum ItemTotal {
    Known(u64),
    /// To be estimated from the part of the source that was read.
    Estimated(Arc<ReadProgress>),
}

impl Feed {
    /// Opens a source whose items need fields with these names.
    ///
    /// Dropping the future ends the reading thread, see [`reader::start`].
    ///
    /// # Errors
    /// If it cannot be opened, or its header lacks a name; a fragment that follows "failed to".
    pub(crate) async fn open(source: InputSource, names: &[String]) -> Result<Self, String> {
        let names: Vec<_> = names.iter().filter(|name| *name != WHOLE).collect();
        let check_single_name = || match &names[..] {
            [] | [_] => Ok(()),
            [one, other, ..] => Err(format!(
                "fill in the target: it has placeholders for `{one}` and `{other}`, and the items have no named \
                 fields; pass them as CSV or JSONL (`--format-in`)"
            )),
        };
        match source {
            InputSource::Words(words) => {
                check_single_name()?;
                let words: Vec<_> = words.into_iter().map(InputWord::new).collect();
                let total = words.iter().map(InputWord::items).fold(0, u64::saturating_add);
                Ok(Self::of_inputs(words.into_iter().flatten(), total))
            }
            InputSource::Repeated(count) => {
                check_single_name()?;
                let numbers =
                    (0..count.get()).map(|number| i64::try_from(number).unwrap_or(i64::MAX));
                Ok(Self::of_inputs(numbers.map(ItemInput::Number), count.get()))
            }
            InputSource::Entries { entries, total } => {
                Ok(Self { current: entries, batches: None, total: ItemTotal::Known(total) })
            }
            InputSource::File { path, format } => {
                if format == InputFormat::Lines {
                    check_single_name()?;
                }
                let StartedReader { batches, progress, header } =
                    reader::start(path, format).await?;
                if let Some(header) = header {
                    for name in names {
                        check_column(name, &header)?;
                    }
                }
                let current = Box::new(std::iter::empty());
                Ok(Self { current, batches: Some(batches), total: ItemTotal::Estimated(progress) })
            }
        }
    }

    fn of_inputs(inputs: impl Iterator<Item = ItemInput> + Send + 'static, total: u64) -> Self {
        let entries = inputs.map(|input| Ok(InputEntry { line: None, input }));
        Self { current: Box::new(entries), batches: None, total: ItemTotal::Known(total) }
    }

    pub(crate) fn total(&self) -> ItemTotal {
        self.total.clone()
    }

    /// Polls for the next entry; none at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<EntryResult>> {
        loop {
            if let Some(entry) = self.current.next() {
                return Poll::Ready(Some(entry));
            }
            let Some(batches) = &mut self.batches else { return Poll::Ready(None) };
            match batches.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(batch)) => self.current = Box::new(batch.into_iter()),
                Poll::Ready(None) => self.batches = None,
            }
        }
    }
}

fn check_column(name: &str, header: &[String]) -> Result<(), String> {
    if header.iter().any(|column| column == name) {
        return Ok(());
    }
    let columns = || header.iter().map(String::as_str);
    let hint = match nearest::nearest(name, columns()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("its columns are {}", nearest::listed(columns())),
    };
    Err(format!(
        "fill in the target: it has a placeholder for `{name}`, and the input has no such column; {hint}"
    ))
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("total", &self.total).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for InputSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InputSource").finish_non_exhaustive()
    }
}
