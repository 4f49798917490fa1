//! One pass over the table: pages are read, rows are hashed outside any transaction, and short batches are written.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answers, BatchAnswer, Error, Refusal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::args::HashArgs;
use crate::database::contract::Change;
use crate::migrate::session::{Desk, Unable};
use crate::migrate::table_scan::Walk;
use crate::migrate::throttle::{Pace, PauseFile};
use crate::migrate::workers::{Made, Order, Workers};
use crate::rows::classify::Class;
use crate::rows::counts::{Classes, Counts};
use crate::rows::key::Key;
use crate::rows::row::Row;
use crate::rows::row_policy::{Rules, Verdict};

#[cfg(test)]
mod tests;
mod writing;

/// What all passes of a run have in common.
pub(crate) struct Passes<'a, 'b> {
    pub(crate) desk: &'a mut Desk<'b>,
    workers: &'a Workers,
    rules: Rules,
    /// Rows in a write, at most.
    batch: usize,
    pace: Pace,
    pause: PauseFile,
    pub(crate) counts: Counts,
    /// How many rows were to be hashed so far.
    orders: u64,
    /// Rows that stay as they are: what failed once is not tried again.
    failed: HashSet<Key>,
}

/// What one pass saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) classes: Classes,
    /// Rows that were to be hashed.
    pub(crate) orders: u64,
}

/// What is hashed is written at the latest after this time, however slow hashes are.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the pause file is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// A row that can be written.
struct Ready {
    change: Change,
    /// Whether it is read back afterwards.
    is_verified: bool,
}

/// A row with its hash, or why it has none.
type Hashed = BatchAnswer<Arc<Order>, Made>;

/// What the pass waits for.
enum Heard {
    Signal(mesero_terminal::signals::Signal),
    Hashed(Option<Hashed>),
    /// There is room for the next row.
    Room,
    PageDue,
    WriteDue,
    Look,
}

/// Where a pass is.
struct Stand {
    walk: Walk,
    /// Rows of the last page that wait to be hashed.
    rows: VecDeque<Arc<Order>>,
    /// Hashed, and not yet written.
    batch: Vec<Ready>,
    write_by: Instant,
    /// No write before this.
    rest: Instant,
    is_first: bool,
    seen: Seen,
}

impl<'a, 'b> Passes<'a, 'b> {
    pub(crate) fn new(
        (desk, workers): (&'a mut Desk<'b>, &'a Workers),
        args: &HashArgs,
        rules: Rules,
    ) -> Self {
        Self {
            desk,
            workers,
            rules,
            batch: usize::from(args.pace.batch.get()),
            pace: Pace::default(),
            pause: PauseFile::new(args.pace.pause_file.clone()),
            counts: Counts::default(),
            orders: 0,
            failed: HashSet::new(),
        }
    }

    /// Goes over the whole table once.
    ///
    /// After a signal it begins nothing more, and ends when what is in work is written; `heard` of
    /// the desk tells.
    ///
    /// # Errors
    /// If it cannot go on; what was written is whole.
    pub(crate) async fn pass(&mut self, is_first: bool) -> Result<Seen, Unable> {
        // As many as a batch may wait on either side, so that neither waits for the other.
        let (orders, receive) = mpsc::channel(self.batch);
        let (tell, hashed) = mpsc::channel(self.batch);
        let answers = self.workers.answers(receive);
        let (served, ()) =
            tokio::join!(self.serve(orders, hashed, is_first), forward(answers, tell));
        served
    }

    /// The side of the database.
    async fn serve(
        &mut self,
        orders: mpsc::Sender<Arc<Order>>,
        mut hashed: mpsc::Receiver<Hashed>,
        is_first: bool,
    ) -> Result<Seen, Unable> {
        let now = Instant::now();
        let mut stand = Stand {
            walk: Walk::new(),
            rows: VecDeque::new(),
            batch: Vec::new(),
            write_by: now,
            rest: now,
            is_first,
            seen: Seen::default(),
        };
        // None when nothing more is to be hashed.
        let mut orders = Some(orders);
        // Before anything is begun.
        self.look();
        let mut look_at = now + LOOK;
        loop {
            if stand.rows.is_empty() && stand.walk.at_end() {
                orders = None;
            }
            match self.hear(&stand, (orders.as_ref(), &mut hashed), look_at).await {
                Heard::Signal(signal) => {
                    self.stop(signal, &mut stand);
                    orders = None;
                }
                Heard::Hashed(Some(answer)) => {
                    if stand.batch.is_empty() {
                        stand.write_by = Instant::now() + FLUSH;
                    }
                    self.hashed(answer, &mut stand)?;
                    if stand.batch.len() >= self.batch && stand.rest <= Instant::now() {
                        self.write(&mut stand).await?;
                    }
                }
                Heard::Hashed(None) => {
                    self.write(&mut stand).await?;
                    return Ok(stand.seen);
                }
                Heard::Room => {
                    if let (Some(orders), Some(order)) = (&orders, stand.rows.pop_front()) {
                        // There is room; whoever receives it is joined with this.
                        let _ = orders.try_send(order);
                    }
                }
                Heard::PageDue => self.read(&mut stand).await?,
                Heard::WriteDue => self.write(&mut stand).await?,
                Heard::Look => {
                    look_at = Instant::now() + LOOK;
                    self.look();
                }
            }
        }
    }

    fn look(&mut self) {
        if let Some(news) = self.pause.look() {
            self.desk.say(&news);
        }
    }

    async fn hear(
        &mut self,
        stand: &Stand,
        (orders, hashed): (Option<&mpsc::Sender<Arc<Order>>>, &mut mpsc::Receiver<Hashed>),
        look_at: Instant,
    ) -> Heard {
        let may_begin = orders.is_some() && !self.pause.is_there;
        let has_rows = !stand.rows.is_empty();
        let is_full = stand.batch.len() >= self.batch;
        let write_at = if is_full { stand.rest } else { stand.rest.max(stand.write_by) };
        let room = async {
            match orders {
                Some(orders) => orders.reserve().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.desk.signals.next() => Heard::Signal(signal),
            () = sleep_until(look_at), if orders.is_some() => Heard::Look,
            () = sleep_until(write_at), if !stand.batch.is_empty() => Heard::WriteDue,
            answer = hashed.recv(), if !is_full => Heard::Hashed(answer),
            // The permit is given back and taken again at once: nobody else sends.
            _ = room, if may_begin && has_rows => Heard::Room,
            () = std::future::ready(()), if may_begin && !has_rows && !stand.walk.at_end() => Heard::PageDue,
        }
    }

    async fn read(&mut self, stand: &mut Stand) -> Result<(), Unable> {
        for row in stand.walk.next(self.desk).await? {
            self.look_at(row, stand);
        }
        Ok(())
    }

    fn look_at(&mut self, row: Row, stand: &mut Stand) {
        let class = Class::of(&row);
        stand.seen.classes.add(class);
        let verdict = match self.failed.contains(&row.key) {
            true => Verdict::Leave,
            false => self.rules.judge(class),
        };
        // What is left as it is counts once.
        if stand.is_first || verdict != Verdict::Leave {
            self.counts.seen += 1;
        }
        match (verdict, class) {
            (Verdict::Hash(mark), _) => {
                stand.seen.orders += 1;
                let is_verified = self.rules.verifies(self.orders);
                self.orders += 1;
                stand.rows.push_back(Arc::new(Order { row: Arc::new(row), mark, is_verified }));
            }
            (Verdict::Leave, _) if !stand.is_first => {}
            (Verdict::Leave, Class::Hash) => self.counts.already += 1,
            (Verdict::Leave, Class::Null | Class::Empty) => self.counts.empty += 1,
            (Verdict::Leave, Class::Ambiguous(_) | Class::Plaintext) => self.counts.ambiguous += 1,
        }
    }

    fn hashed(&mut self, answer: Hashed, stand: &mut Stand) -> Result<(), Unable> {
        let Hashed { input: order, result, .. } = answer;
        match result {
            Ok(Made::Hash(hash)) => {
                let change = Change { row: Arc::clone(&order.row), hash };
                stand.batch.push(Ready { change, is_verified: order.is_verified });
            }
            Ok(Made::Wrong(why)) => return Err(Unable::Wrong(why.to_owned())),
            Err(Error::Canceled | Error::Shed | Error::Refused(Refusal::Draining)) => {
                self.counts.unfinished += 1;
            }
            Err(error) => self.failed(&order.row.key, &error.to_string())?,
        }
        Ok(())
    }

    /// A row that stays as it is; the first few are told one by one.
    ///
    /// # Errors
    /// If nothing but failures came so far: the rest would fail too, and for nothing.
    fn failed(&mut self, key: &Key, why: &str) -> Result<(), Unable> {
        const TOLD: usize = 10;
        const ENOUGH: usize = 100;
        self.counts.failed += 1;
        self.failed.insert(key.clone());
        match self.failed.len() {
            ..=TOLD => self.desk.say(&format!("the row with the key {key} stays as it is: {why}")),
            ENOUGH if self.counts.hashed == 0 => {
                return Err(Unable::Wrong(format!("the first {ENOUGH} rows all stay as they are")));
            }
            _ => {}
        }
        Ok(())
    }

    fn stop(&mut self, signal: mesero_terminal::signals::Signal, stand: &mut Stand) {
        if self.desk.heard.replace(signal).is_some() {
            return self.workers.dispatcher.stop();
        }
        stand.walk.stop();
        self.counts.unfinished += stand.rows.len() as u64;
        stand.rows.clear();
        self.desk.say(&format!(
            "{signal}: writing what is hashed; once more gives up what is being hashed. No row is left half done"
        ));
    }
}

/// Takes answers as they come, while the other side waits for the database.
async fn forward(mut answers: Answers<Arc<Order>, Made>, tell: mpsc::Sender<Hashed>) {
    while let Some(answer) = answers.next().await {
        // The other side has given up: what is being hashed is not wanted any more.
        if tell.send(answer).await.is_err() {
            return;
        }
    }
}
