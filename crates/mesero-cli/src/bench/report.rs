//! A measurement as it is told: for people, for programs, for a page.

use crate::exit::Exit;

mod account;
mod html;
mod json;
mod table;

pub(super) use account::Account;

/// All there is to tell.
#[derive(Debug)]
pub(super) struct Report {
    /// One for each contestant, and one at least.
    pub(super) accounts: Vec<Account>,
}

impl Report {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let texts: Vec<_> = self.accounts.iter().map(Account::text).collect();
        texts.join("\n")
    }

    /// For a page.
    pub(super) fn markdown(&self) -> String {
        let texts: Vec<_> = self.accounts.iter().map(Account::markdown).collect();
        texts.join("\n")
    }

    /// For programs: a member a line.
    pub(super) fn json(&self) -> String {
        format!("{:#}", self.value())
    }

    /// What is to be said about it: whether it is void, and whether what was expected holds.
    pub(super) fn judgement(&self) -> Vec<String> {
        match &self.accounts[..] {
            [account] => account.judgement(),
            accounts => {
                let named = |account: &Account| {
                    let name = account.measured.name.clone();
                    account.judgement().into_iter().map(move |line| format!("{name}: {line}"))
                };
                accounts.iter().flat_map(named).collect()
            }
        }
    }

    /// How the program ends: as the worst of them says.
    pub(super) fn exit(&self) -> Exit {
        let exits: Vec<_> = self.accounts.iter().map(Account::exit).collect();
        let worst =
            [Exit::Unexpected, Exit::SomeFailed].into_iter().find(|exit| exits.contains(exit));
        worst.unwrap_or(Exit::Fine)
    }
}
