//! Starts what is measured, for the time of its turn.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use mesero::Failure;
use mesero_process::child;
use mesero_process::group::{ProcessGroup, Streams};
use mesero_process::guardian::Guardian;
use mesero_process::spawner::Spawner;
use mesero_process::tail::Tail;
use rustix::process::{Pid, Signal};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::Clients;
use crate::client::endpoint::Target;
use crate::stats::outcome::{Answer, Outcome};

pub(crate) mod process_usage;

/// From asking processes to end to killing them; servers finish what they have in work.
const GRACE: Duration = Duration::from_secs(10);

/// For how long a port may still be taken by what was ended just now.
const FREED: Duration = Duration::from_secs(1);

/// How often is looked for something that is to happen soon.
const LOOK: Duration = Duration::from_millis(20);

/// Starts commands, of which nothing outlives this process, even if it is killed.
#[derive(Debug)]
pub(crate) struct Starter {
    spawner: Spawner,
    guardian: Arc<Guardian>,
    /// How long one may take until it answers.
    pub(crate) patience: Duration,
}

/// A command that runs, with all that it has started in its process group.
#[derive(Debug)]
pub(crate) struct Started {
    name: String,
    process: ProcessGroup,
    guardian: Arc<Guardian>,
    patience: Duration,
    /// Who reads what it prints, and gives back the end of it.
    said: JoinSet<Tail>,
    enough: CancellationToken,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct End {
    how: Option<ExitStatus>,
    /// The last that it printed.
    said: Option<String>,
}

impl Starter {
    /// # Errors
    /// If the system has no thread or no process left.
    pub(crate) fn new(patience: Duration) -> io::Result<Self> {
        let guardian = Arc::new(Guardian::start(Arc::from("--start"), 1)?);
        Ok(Self { spawner: Spawner::start()?, guardian, patience })
    }

    /// Starts a command line in a shell, for a target where nobody answers yet. It must not be
    /// dropped half way, and what it returns must be stopped.
    ///
    /// # Errors
    /// If somebody answers there, or nothing can be started.
    pub(crate) async fn start(
        &self,
        name: &str,
        line: &str,
        target: &Target,
    ) -> Result<Started, StartError> {
        let failed = |why| StartError { name: name.to_owned(), why };
        let freed = timeout(FREED, async {
            while target.reach().await.is_ok() {
                sleep(LOOK).await;
            }
        });
        freed.await.map_err(|_| failed(Why::Taken))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        // Nothing is inherited, so there is nothing to keep.
        let _ = child::confine(&mut command, Vec::new());
        // One runs at a time, so one seat is enough.
        let started = ProcessGroup::start(command, &self.spawner, &self.guardian, 0).await;
        let (process, streams) = started.map_err(|failure| failed(Why::Failed(failure)))?;
        let Streams { stdout, stderr } = streams;
        let (mut said, enough) = (JoinSet::new(), CancellationToken::new());
        let over = enough.clone();
        said.spawn(async move {
            let mut tail = Tail::default();
            tail.read_both(stdout, stderr, &over).await;
            tail
        });
        Ok(Started {
            name: name.to_owned(),
            process,
            guardian: Arc::clone(&self.guardian),
            patience: self.patience,
            said,
            enough,
        })
    }

    /// Lets go of what guards the processes; none runs any more.
    pub(crate) async fn stop(&self) {
        self.guardian.stop().await;
    }
}

impl Started {
    /// Waits until it answers, with anything but an error of its own.
    ///
    /// # Errors
    /// If it has ended, or has not answered in time.
    pub(crate) async fn answers(&self, target: &Arc<Target>) -> Result<(), Why> {
        let until = Instant::now() + self.patience;
        let mut client = Clients::new(Arc::clone(target)).next();
        let mut last = "it took a request and was silent".to_owned();
        let asking = async {
            loop {
                last = match client.ask(until).await {
                    Outcome::Answered(Answer { status, .. }) if status < 500 => return true,
                    Outcome::Answered(Answer { status, .. }) => format!("it answered {status}"),
                    Outcome::Failed(fault) => format!("{}: {}", fault.kind.text(), fault.why),
                    // What came before says more.
                    Outcome::GaveUp | Outcome::Unsent => last.clone(),
                };
                if Instant::now() >= until {
                    return false;
                }
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            is_there = asking => match is_there {
                true => Ok(()),
                false => Err(Why::Silent { last, patience: self.patience }),
            },
            () = self.process.ended() => Err(Why::Ended),
        }
    }

    /// The process group that it leads.
    pub(crate) fn group(&self) -> Pid {
        self.process.group
    }

    /// Whether it has ended by itself.
    pub(crate) async fn has_ended(&self) -> bool {
        timeout(Duration::ZERO, self.process.ended()).await.is_ok()
    }

    /// Ends it with all its group, first as a person does and then for certain. Returns when its
    /// first process is gone.
    pub(crate) async fn stop(mut self) -> End {
        self.process.signal(Signal::TERM);
        let gone = async {
            self.process.ended().await;
            // Nobody holds its outputs open any more.
            self.said.join_next().await
        };
        let mut said = timeout(GRACE, gone).await.ok().flatten();
        self.process.signal(Signal::KILL);
        self.process.ended().await;
        // The line is there already, so nothing can be wrong with it.
        let _ = self.guardian.forget(0);
        let how = self.process.reap().await.ok();
        if said.is_none() {
            // Who has left the group may hold an output open for ever.
            self.enough.cancel();
            said = self.said.join_next().await;
        }
        End { how, said: said.and_then(Result::ok).and_then(|tail| tail.text()) }
    }

    /// Ends it because of this.
    pub(crate) async fn stop_for(self, why: Why) -> StartError {
        let name = self.name.clone();
        let end = self.stop().await;
        let why = match why {
            Why::Ended => Why::EndedSo(end),
            Why::Silent { last, patience } => Why::SilentSo { last, patience, end },
            why => why,
        };
        StartError { name, why }
    }
}

/// Why what is to be measured does not run. Reads on after "failed to".
#[derive(Debug)]
pub struct StartError {
    name: String,
    why: Why,
}

#[derive(Debug)]
pub(crate) enum Why {
    /// Somebody answers there already.
    Taken,
    Failed(Failure),
    Ended,
    EndedSo(End),
    Silent {
        last: String,
        patience: Duration,
    },
    SilentSo {
        last: String,
        patience: Duration,
        end: End,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start {}: ", self.name)?;
        match &self.why {
            Why::Taken => f.write_str(
                "somebody listens at its URL already, and would be measured in its place; end \
                 that, or leave out its --start",
            ),
            Why::Failed(failure) => failure.fmt(f),
            Why::Ended => f.write_str("it ended before it answered"),
            Why::EndedSo(end) => write!(
                f,
                "it ended before it answered, {}; it has to stay in the foreground{}",
                end.how(),
                end.said()
            ),
            Why::Silent { last, patience } => {
                write!(f, "no answer within {}: {last}", crate::stats::format::time(*patience))
            }
            Why::SilentSo { last, patience, end } => write!(
                f,
                "no answer within {}, {last}; --start-timeout allows more{}",
                crate::stats::format::time(*patience),
                end.said()
            ),
        }
    }
}

impl End {
    /// `with exit code 1`.
    pub(crate) fn how(&self) -> String {
        match self.how.map(|how| (how.code(), how.signal())) {
            Some((Some(code), _)) => format!("with exit code {code}"),
            Some((_, Some(signal))) => format!("by signal {signal}"),
            _ => "in an unknown way".to_owned(),
        }
    }

    /// The last that it printed, to follow a sentence.
    pub(crate) fn said(&self) -> String {
        match &self.said {
            Some(said) => {
                let lines: Vec<_> = said.lines().collect();
                // More would push the reason out of sight.
                let last = lines.iter().skip(lines.len().saturating_sub(10));
                let shown = last.map(|line| {
                    format!(
                        "\n  {}",
                        line.chars().flat_map(mesero_terminal::output::visible).collect::<String>()
                    )
                });
                format!("; the last it printed:{}", shown.collect::<String>())
            }
            None => "; it printed nothing".to_owned(),
        }
    }
}
