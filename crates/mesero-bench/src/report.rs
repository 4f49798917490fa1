//! A measurement as it is told: for people, for programs, for a page.

pub(crate) mod page;
pub(crate) mod verdict;

use comfy_table::presets;
use mesero_terminal::exit::Exit;

use crate::comparison::Comparison;
use crate::comparison::response_snapshot::Answers;

mod account;
mod baseline_form;
mod baseline_table;
mod comparison_table;
mod html;
mod json;
mod text;

pub(crate) use crate::report::account::Account;

/// All there is to tell.
#[derive(Debug)]
pub(crate) struct Report {
    /// One for each contestant, and one at least.
    pub(crate) accounts: Vec<Account>,
    /// Of each contestant but the first, with the first.
    pub(crate) comparisons: Vec<Comparison>,
}

impl Report {
    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let figures = match &self.accounts[..] {
            [account] => account.text(),
            _ => self.side_by_side(presets::NOTHING),
        };
        let judgement = paragraph(&self.judgement());
        joined([
            Some(figures),
            self.beside_then(presets::NOTHING),
            paragraph(&self.conclusions()),
            judgement,
        ])
    }

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        let figures = match &self.accounts[..] {
            [account] => account.markdown(),
            _ => self.side_by_side(presets::ASCII_MARKDOWN),
        };
        // Else they would be one line of text.
        let mut parts = vec![Some(figures), self.beside_then(presets::ASCII_MARKDOWN)];
        for line in self.conclusions().into_iter().chain(self.judgement()) {
            parts.push(paragraph(&[line]));
        }
        joined(parts)
    }

    /// For programs: a member a line.
    pub(crate) fn json(&self) -> String {
        format!("{:#}", self.value())
    }

    /// What the comparisons come to, a sentence each; none of what is void.
    pub(crate) fn conclusions(&self) -> Vec<String> {
        let sentences = self.comparisons.iter().map(Comparison::sentence);
        match self.accounts.iter().any(|account| !account.doubts.is_empty()) {
            true => Vec::new(),
            false => sentences.chain(self.conclusions_of_then()).collect(),
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
    pub(crate) fn judgement(&self) -> Vec<String> {
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
    pub(crate) fn exit(&self) -> Exit {
        let exits: Vec<_> = self.accounts.iter().map(Account::exit).collect();
        let worst =
            [Exit::Unexpected, Exit::SomeFailed].into_iter().find(|exit| exits.contains(exit));
        worst.unwrap_or(Exit::Fine)
    }
}

/// Sentences that belong together, a line each; none of none.
fn paragraph(sentences: &[String]) -> Option<String> {
    let lines = sentences.iter().map(|line| format!("{}\n", text::shown(line)));
    (!sentences.is_empty()).then(|| lines.collect())
}

/// Parts of a text, with an empty line between them.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
