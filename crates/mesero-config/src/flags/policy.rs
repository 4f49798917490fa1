//! A policy's keys as flags of a command line, which override what a file says.

use std::time::Duration;

use mesero::Rate;

use crate::elements::budget::Budget;
use crate::elements::count::Count;
use crate::elements::limit::LimitSettings;
use crate::elements::off::OrOff;
use crate::error::{ConfigError, ConfigProblem};
use crate::flags::flag_text::FlagText;
use crate::resource::policy::PolicySettings;

/// Flags of a policy; `None` leaves the file's value.
#[derive(Clone, Debug, Default)]
pub struct PolicyFlags {
    pub limit: Option<String>,
    pub queue: Option<String>,
    pub timeout: Option<String>,
    pub deadline: Option<String>,
    pub rate: Option<String>,
    /// Retries of an item.
    pub retries: Option<String>,
    pub budget: Option<String>,
    pub coalesce: bool,
}

impl PolicyFlags {
    /// Overrides the policy with the flags that were given.
    pub(crate) fn change(&self, policy: &mut PolicySettings) -> Result<(), ConfigError> {
        let mut flags = FlagText::default();
        if let Some(limit) = flags.setting::<LimitSettings>("--limit", self.limit.as_ref()) {
            policy.limit = Some(limit.value);
        }
        if let Some(queue) =
            flags.setting::<OrOff<Count<100_000_000>>>("--queue", self.queue.as_ref())
        {
            policy.queue = queue.value.on().map(Count::non_zero_usize);
        }
        let timeout = flags.setting::<OrOff<Duration>>("--timeout", self.timeout.as_ref());
        if let Some(timeout) = &timeout {
            policy.timeout = timeout.value.on();
        }
        let deadline = flags.setting::<OrOff<Duration>>("--deadline", self.deadline.as_ref());
        if let Some(deadline) = &deadline {
            policy.deadline = deadline.value.on();
        }
        if let Some(rate) = flags.setting::<OrOff<Rate>>("--rate", self.rate.as_ref()) {
            policy.rate = rate.value.on();
        }
        if let Some(retries) = flags.setting::<Count<99>>("--retry", self.retries.as_ref()) {
            policy.retry.max_attempts = retries.value.non_zero().saturating_add(1);
        }
        if let Some(budget) = flags.setting::<Budget>("--retry-budget", self.budget.as_ref()) {
            policy.retry.budget = budget.value.0;
        }
        policy.coalesce |= self.coalesce;
        if let (Some(attempt), Some(call)) = (policy.timeout, policy.deadline)
            && attempt > call
            && let Some(span) = timeout.map(|t| t.span).or(deadline.map(|d| d.span))
        {
            let label = format!(
                "one attempt may take {}, and the whole call {}",
                humantime::format_duration(attempt),
                humantime::format_duration(call)
            );
            let problem =
                ConfigProblem::new("the timeout is longer than the deadline").at(span, label);
            flags.problems.push(problem.help("lower `--timeout`, or raise `--deadline`"));
        }
        let problems = std::mem::take(&mut flags.problems);
        if problems.is_empty() { Ok(()) } else { Err(flags.error(problems)) }
    }
}
