//! Commands: one process group for each attempt.

use std::fmt;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use mesero::{Attempt, Failure, Seats};
use mesero_config::{CommandSettings, Program, ReplyForm};
use mesero_http::body::Body;
use mesero_process::guardian::Guardian;
use mesero_process::spawner::Spawner;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Health, Reply, Request, Resource, Serving};

mod exit;
mod invocation;
mod output;
mod process;
mod run;
mod run_context;

pub use exit::CommandExit;
use output::CommandReply;
use run::CommandRun;
pub use run_context::Input;
use run_context::RunContext;

/// A command that is run once for each attempt.
#[derive(Debug)]
pub struct Command {
    context: Arc<RunContext>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Command {
    /// Prepares the command for its runs.
    ///
    /// # Errors
    /// If the program or `/dev/null` does not exist, or the guardian of its processes does not
    /// start.
    pub fn start(
        name: &str,
        settings: CommandSettings,
        input: Input,
        spawner: Spawner,
    ) -> Result<Self, CommandStartError> {
        let launcher = invocation::launcher(&settings)?;
        if let (Program::Direct { program, .. }, false) = (&settings.program, launcher.is_there()) {
            return Err(CommandStartError::NoProgram { program: program.clone() });
        }
        let name: Arc<str> = name.into();
        let guardian = Guardian::start(Arc::clone(&name), settings.processes.get())?;
        let nothing = File::open("/dev/null")?;
        let context = RunContext { name, settings, input, launcher, spawner, guardian, nothing };
        let context = Arc::new(context);
        Ok(Self { context, tasks: TaskTracker::new(), stop: CancellationToken::new() })
    }
}

/// Reason why a command cannot be run. Its text continues "failed to".
#[derive(Debug)]
pub enum CommandStartError {
    NoProgram { program: PathBuf },
    Io(io::Error),
}

impl From<io::Error> for CommandStartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for CommandStartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram { program } => write!(
                f,
                "find the program `{}`: no folder of its PATH has it; install it, or write its path",
                program.display()
            ),
            Self::Io(error) => write!(f, "begin to run commands: {error}"),
        }
    }
}

impl Resource for Command {
    fn seats(&self) -> NonZeroUsize {
        self.context.settings.processes
    }

    /// Every seat can serve at any time.
    fn supervise(&self, _seats: Seats) {}

    /// A separate task runs the process, and holds the slot until the whole group has ended; this
    /// future only waits for the task's reply. Dropping it has the group ended.
    fn attempt(&self, request: Request, attempt: Attempt) -> Serving {
        let (tx, rx) = oneshot::channel();
        let abandoned = self.stop.child_token();
        let context = Arc::clone(&self.context);
        let waiting = abandoned.clone().drop_guard();
        let form = request.form;
        self.tasks.spawn(CommandRun { context, request, attempt, tx, abandoned }.run());
        let context = Arc::clone(&self.context);
        Box::pin(async move {
            let (status, body) = match rx.await {
                Ok(reply) => match reply? {
                    CommandReply::Rejected { why } => return Ok(rejected(&why)),
                    CommandReply::Whole(status, bytes) => (status, Body::Full(bytes)),
                    // The reader of the body takes the place of the waiting attempt.
                    CommandReply::Streamed(status, pieces) => {
                        (status, Body::stream(pieces.read_by(waiting)))
                    }
                },
                Err(_) => return Err(Failure::lost("the command was stopped")),
            };
            Ok(Reply::response(status, headers(&context.settings, form), body))
        })
    }

    fn describe(&self) -> String {
        let CommandSettings { program, processes, .. } = &self.context.settings;
        match program {
            Program::Direct { program, .. } => {
                format!("{}; {processes} processes at once", program.display())
            }
            Program::Shell { .. } => format!("a shell script; {processes} processes at once"),
        }
    }

    /// Nothing runs between two attempts, so nothing can be down.
    fn health(&self) -> Health {
        Health { up: 1, wanted: 1, restarts: 0 }
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.stop.cancel();
            self.tasks.close();
            self.tasks.wait().await;
            self.context.guardian.stop().await;
        })
    }
}

fn headers(settings: &CommandSettings, form: ReplyForm) -> HeaderMap {
    let by_form = || HeaderValue::from_static(form.content_type());
    let media_type = settings.content_type.clone().unwrap_or_else(by_form);
    HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)])
}

/// Returns the response to arguments that no process can take.
fn rejected(why: &str) -> Reply {
    let problem = serde_json::json!({
        "type": "urn:mesero:bad-argument",
        "title": "An argument cannot be passed to the command",
        "status": StatusCode::BAD_REQUEST.as_u16(),
        "detail": why,
    });
    let media_type = HeaderValue::from_static("application/problem+json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
    Reply::response(StatusCode::BAD_REQUEST, headers, Body::from(problem.to_string()))
}
