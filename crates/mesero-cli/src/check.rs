//! `mesero check`: starts every resource once and reports it.

use mesero_config::Config;
use mesero_process::spawner::Spawner;
use mesero_services::assemble::{self, AssembleError};
use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;

mod queue_fit;

/// Starts the resources of a configuration, prints a line for each, and stops them. Dropping the future stops the
/// workers.
///
/// # Errors
/// The error of the first resource that does not start.
pub(crate) async fn run(config: &Config, output: &mut Output) -> Result<Exit, CheckError> {
    let spawner = Spawner::start().map_err(CheckError::Io)?;
    let services = assemble::services(config, &spawner).await.map_err(CheckError::Assemble)?;
    for (service, resource) in services.iter().zip(&config.resources) {
        let (name, found) = (service.name(), service.resource.describe());
        let limit = match service.dispatcher.adaptive_limit() {
            Some(bounds) => format!("auto, from {} to {}", bounds.min(), bounds.max()),
            None => service.dispatcher.limit().to_string(),
        };
        output.line(&format!("{name}: {found}; limit {limit}")).map_err(CheckError::Io)?;
        let bounds = service.dispatcher.adaptive_limit();
        let most = bounds.map_or(service.dispatcher.limit(), |bounds| bounds.max().get());
        if let Some(warning) = queue_fit::warning(resource, most) {
            output.say(&format!("warning: {name}: {warning}"));
        }
    }
    for front in config.fronts.iter().filter(|front| !front.routes.is_empty()) {
        let addresses: Vec<_> = front.listen.iter().map(ToString::to_string).collect();
        output.line(&format!("on {}:", addresses.join(", "))).map_err(CheckError::Io)?;
        for route in &front.routes {
            let methods: Vec<_> = route.methods.iter().map(http::Method::as_str).collect();
            let methods = if methods.is_empty() { "any".to_owned() } else { methods.join(",") };
            let line = format!("  route {methods} {}", route.path);
            output.line(&line).map_err(CheckError::Io)?;
        }
    }
    assemble::stop(&services).await;
    Ok(Exit::Fine)
}

/// An error that ends the check. Continues "failed to".
#[derive(Debug)]
pub(crate) enum CheckError {
    Assemble(AssembleError),
    Io(std::io::Error),
}

impl std::fmt::Display for CheckError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CheckError::Assemble(error) => error.fmt(f),
            CheckError::Io(error) => write!(f, "begin the check: {error}"),
        }
    }
}

impl From<CheckError> for CommandError {
    fn from(error: CheckError) -> Self {
        CommandError::failed_to(error)
    }
}
