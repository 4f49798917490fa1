//! The action for each class of rows, as the flags define it.

use std::str::FromStr;

use clap::ValueEnum;

use crate::rows::classify::ValueClass;

/// The flags that decide about rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPolicy {
    pub(crate) ambiguous: Option<AmbiguousAction>,
    pub(crate) verify: VerifyShare,
}

/// The treatment of values that may be plaintext or a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AmbiguousAction {
    /// They are plaintext; hash them
    Plaintext,
    /// They are hashes; leave them unchanged
    Skip,
    /// They are hashes without a salt; hash them again, with a mark in front
    Wrap,
}

/// The share of hashes that are verified.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum VerifyShare {
    /// Each hash with this probability.
    Sample(f64),
    All,
    None,
}

impl FromStr for VerifyShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || "use `all`, `none` or a share such as `sample=1%`".to_owned();
        match text {
            "all" => Ok(VerifyShare::All),
            "none" => Ok(VerifyShare::None),
            _ => {
                let share = text.strip_prefix("sample=").and_then(|rest| rest.strip_suffix('%'));
                let share: f64 = share.and_then(|share| share.parse().ok()).ok_or_else(expected)?;
                if share > 0.0 && share <= 100.0 {
                    Ok(VerifyShare::Sample(share / 100.0))
                } else {
                    Err("the share must be above 0 % and at most 100 %".to_owned())
                }
            }
        }
    }
}

/// The action for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowAction {
    Hash {
        /// Text in front of the hash.
        mark: Option<String>,
    },
    /// Leave it unchanged, and count it by its class.
    Leave,
}

impl RowPolicy {
    pub(crate) fn action(&self, class: ValueClass) -> RowAction {
        match (class, self.ambiguous) {
            (ValueClass::Plaintext, _) => RowAction::Hash { mark: None },
            (ValueClass::MaybeHash(_), Some(AmbiguousAction::Plaintext)) => {
                RowAction::Hash { mark: None }
            }
            (ValueClass::MaybeHash(ambiguity), Some(AmbiguousAction::Wrap)) => {
                match ambiguity.mark() {
                    Some(mark) => RowAction::Hash { mark: Some(mark) },
                    None => RowAction::Leave,
                }
            }
            _ => RowAction::Leave,
        }
    }

    /// Decides whether the next hash is verified, after `earlier` others; a sample includes the first.
    pub(crate) fn is_verified(&self, earlier: u64) -> bool {
        match self.verify {
            VerifyShare::All => true,
            VerifyShare::None => false,
            VerifyShare::Sample(share) => earlier == 0 || fastrand::f64() < share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::classify::Ambiguity;

    fn policy(ambiguous: Option<AmbiguousAction>) -> RowPolicy {
        RowPolicy { ambiguous, verify: VerifyShare::None }
    }

    const DIGEST: Ambiguity = Ambiguity::Hex { digits: 32, capital: false };

    #[test]
    fn ambiguous_values_are_left_unless_the_flag_says_otherwise() {
        let leaves = [None, Some(AmbiguousAction::Skip)];
        for ambiguous in leaves {
            assert_eq!(policy(ambiguous).action(ValueClass::MaybeHash(DIGEST)), RowAction::Leave);
        }
        let plaintext = policy(Some(AmbiguousAction::Plaintext));
        assert_eq!(
            plaintext.action(ValueClass::MaybeHash(Ambiguity::Crypt)),
            RowAction::Hash { mark: None }
        );
        let wrap = policy(Some(AmbiguousAction::Wrap));
        assert_eq!(
            wrap.action(ValueClass::MaybeHash(DIGEST)),
            RowAction::Hash { mark: Some("hex32".to_owned()) }
        );
    }

    #[test]
    fn a_hash_with_a_salt_cannot_be_wrapped() {
        let wrap = policy(Some(AmbiguousAction::Wrap));
        assert_eq!(wrap.action(ValueClass::MaybeHash(Ambiguity::Crypt)), RowAction::Leave);
    }

    #[test]
    fn a_share_is_above_0_and_at_most_100_percent() {
        assert_eq!("all".parse(), Ok(VerifyShare::All));
        assert_eq!("sample=1%".parse(), Ok(VerifyShare::Sample(0.01)));
        for bad in ["", "1%", "sample=", "sample=1", "sample=0%", "sample=101%", "sample=NaN%"] {
            assert!(bad.parse::<VerifyShare>().is_err(), "{bad}");
        }
    }
}
