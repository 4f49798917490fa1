//! A report as a baseline: its form in a file, and reasons against replacing an older one by it.

use mesero_terminal::exit::Exit;

use crate::baseline::Now;
use crate::baseline::environment::Circumstances;
use crate::baseline::file::Saved;
use crate::baseline::file::target::Target;
use crate::baseline::terms::Terms;
use crate::report::Report;
use crate::report::account::Account;

impl Report {
    /// All of it that can be compared with later.
    pub(crate) fn saved(
        &self,
        now: &[Now<'_>],
        terms: Terms,
        circumstances: Circumstances,
    ) -> Saved {
        let Circumstances { when, command, .. } = circumstances;
        let mut saved = Saved::new(when, command, terms);
        saved.interrupted = self.accounts.iter().any(|account| account.is_interrupted);
        let target = |(account, now): (&Account, &Now<'_>)| {
            let void = account.doubts.iter().map(ToString::to_string).collect();
            Target::new(&account.measured, now.way.clone(), void)
        };
        saved.targets = self.accounts.iter().zip(now).map(target).collect();
        saved
    }

    /// Why a baseline had better not be replaced by this measurement; none if it may be.
    pub(crate) fn objection_to_replacing(&self) -> Option<&'static str> {
        match self.exit() {
            _ if self.accounts.iter().any(|account| account.is_interrupted) => {
                Some("this measurement was interrupted")
            }
            _ if self.is_void() => Some("this measurement is void"),
            _ if !self.has_times() => Some("not everybody was answered in this one"),
            Exit::Unexpected => Some("what is expected does not hold"),
            _ => None,
        }
    }

    fn is_void(&self) -> bool {
        self.accounts.iter().any(|account| !account.doubts.is_empty())
    }

    fn has_times(&self) -> bool {
        self.accounts.iter().all(|account| account.measured.record.has_times())
    }
}
