//! A measurement as it is told: for people, for programs, for a page.

use comfy_table::presets;

use super::comparison::{Answers, Comparison};
use crate::exit::Exit;

mod account;
mod html;
mod json;
mod side;
mod table;

pub(super) use account::Account;

/// All there is to tell.
#[derive(Debug)]
pub(super) struct Report {
    /// One for each contestant, and one at least.
    pub(super) accounts: Vec<Account>,
    /// Of each contestant but the first, with the first.
    pub(super) comparisons: Vec<Comparison>,
}

impl Report {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        match &self.accounts[..] {
            [account] => account.text(),
            _ => self.side_by_side(presets::NOTHING),
        }
    }

    /// For a page.
    pub(super) fn markdown(&self) -> String {
        match &self.accounts[..] {
            [account] => account.markdown(),
            _ => self.side_by_side(presets::ASCII_MARKDOWN),
        }
    }

    /// For programs: a member a line.
    pub(super) fn json(&self) -> String {
        format!("{:#}", self.value())
    }

    /// What the comparisons come to, a sentence each; none of what is void.
    pub(super) fn conclusions(&self) -> Vec<String> {
        match self.accounts.iter().any(|account| !account.doubts.is_empty()) {
            true => Vec::new(),
            false => self.comparisons.iter().map(Comparison::sentence).collect(),
        }
    }

    /// Who does not answer as the first does.
    fn differences(&self) -> impl Iterator<Item = String> + '_ {
        self.comparisons.iter().filter_map(|comparison| match &comparison.answers {
            Answers::Differ(how) => Some(format!("answers differ: {how}")),
            Answers::Same | Answers::Unseen => None,
        })
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
                self.differences().chain(accounts.iter().flat_map(named)).collect()
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
