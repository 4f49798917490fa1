//! Items, one after the other, as fast as they are wanted.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use mesero_config::template::WHOLE;
use mesero_target::item::{Input, InputWord};
use mesero_terminal::nearest;
use tokio::sync::mpsc;

use super::reader::{self, InputFormat, ReadProgress};
use super::{BadInput, BadInputScope};
use crate::journal::Journal;

/// An item, or what came in its place.
pub(crate) type Entry = Result<InputEntry, BadInput>;

/// An item, and the line where it stands, if there are lines; the first is 1.
#[derive(Debug)]
pub(crate) struct InputEntry {
    pub(crate) line: Option<u64>,
    pub(crate) input: Input,
}

/// Where items come from.
#[derive(Debug)]
pub(crate) enum InputSource {
    /// The command line's words, ranges among them.
    Words(Vec<String>),
    /// So many items that are their own numbers, from 0 on.
    Repeated(NonZeroU64),
    /// A file; standard input without one.
    File { path: Option<PathBuf>, format: InputFormat },
    /// The inputs of results that a journal has in the lines at these bytes.
    Journal(Arc<Journal>, Vec<u64>),
}

/// The items of a source. What is read is read by a thread of its own, and never further ahead than a little.
pub(crate) struct Feed {
    current: Box<dyn Iterator<Item = Entry> + Send>,
    batches: Option<mpsc::Receiver<Vec<Entry>>>,
    total: ItemTotal,
}

/// How many items there are.
#[derive(Debug, Clone)]
pub(crate) enum ItemTotal {
    Known(u64),
    /// It can be guessed from how much of the source is read.
    Read(Arc<ReadProgress>),
}

impl Feed {
    /// Opens a source, whose items are to have fields of these names.
    ///
    /// # Errors
    /// If it cannot be opened, or plainly lacks a name; reads on after "failed to".
    pub(crate) async fn open(source: InputSource, names: &[String]) -> Result<Self, String> {
        let named: Vec<_> = names.iter().filter(|name| *name != WHOLE).collect();
        let check_single_place = || match &named[..] {
            [] | [_] => Ok(()),
            [one, other, ..] => Err(format!(
                "fill in the target: it has places for `{one}` and `{other}`, and the items have no names; give them \
                 as CSV or JSONL (`--format-in`)"
            )),
        };
        match source {
            InputSource::Words(words) => {
                check_single_place()?;
                let words: Vec<_> = words.into_iter().map(InputWord::new).collect();
                let total = words.iter().map(InputWord::items).fold(0, u64::saturating_add);
                Ok(Self::of(words.into_iter().flatten(), total))
            }
            InputSource::Repeated(times) => {
                check_single_place()?;
                let numbers =
                    (0..times.get()).map(|number| i64::try_from(number).unwrap_or(i64::MAX));
                Ok(Self::of(numbers.map(Input::Number), times.get()))
            }
            InputSource::Journal(journal, places) => {
                let total = places.len() as u64;
                let items = places.into_iter().map(move |at| journaled_input(&journal, at));
                Ok(Self { current: Box::new(items), batches: None, total: ItemTotal::Known(total) })
            }
            InputSource::File { path, format } => {
                if format == InputFormat::Lines {
                    check_single_place()?;
                }
                let (batches, progress, header) = reader::start(path, format).await?;
                if let Some(header) = header {
                    for name in named {
                        check_column(name, &header)?;
                    }
                }
                let current = Box::new(std::iter::empty());
                Ok(Self { current, batches: Some(batches), total: ItemTotal::Read(progress) })
            }
        }
    }

    fn of(items: impl Iterator<Item = Input> + Send + 'static, total: u64) -> Self {
        let items = items.map(|input| Ok(InputEntry { line: None, input }));
        Self { current: Box::new(items), batches: None, total: ItemTotal::Known(total) }
    }

    pub(crate) fn total(&self) -> ItemTotal {
        self.total.clone()
    }

    /// The next one; none at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Entry>> {
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

fn journaled_input(journal: &Journal, at: u64) -> Entry {
    let journaled_input = journal.read_result(at);
    let input = journaled_input.and_then(|journaled_input| {
        Input::of_json(&journaled_input.input).map_err(|error| format!("read an input: {error}"))
    });
    let bad = |why| BadInput {
        line: None,
        text: String::new(),
        why: format!("failed to {why}"),
        scope: BadInputScope::Input,
    };
    input.map(|input| InputEntry { line: None, input }).map_err(bad)
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
        "fill in the target: it has a place for `{name}`, and the input has no such column; {hint}"
    ))
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("total", &self.total).finish_non_exhaustive()
    }
}
