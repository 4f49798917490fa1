//! What is done about a row: a decision for its class, as the flags say.

use std::str::FromStr;

use clap::ValueEnum;

use crate::rows::classify::ValueClass;

/// What the flags say about rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPolicy {
    pub(crate) ambiguous: Option<AmbiguousAction>,
    pub(crate) verify: VerifyShare,
}

/// What a value is that may be plaintext or may be a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AmbiguousAction {
    /// It is plaintext: hash it
    Plaintext,
    /// It is a hash: leave it as it is
    Skip,
    /// It is a hash without a salt: hash it again, with a mark in front
    Wrap,
}

/// Which hashes are read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum VerifyShare {
    /// Each with this probability.
    Sample(f64),
    All,
    None,
}

impl FromStr for VerifyShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || "wanted `all`, `none` or a share such as `sample=1%`".to_owned();
        match text {
            "all" => Ok(VerifyShare::All),
            "none" => Ok(VerifyShare::None),
            _ => {
                let share = text.strip_prefix("sample=").and_then(|rest| rest.strip_suffix('%'));
                let share: f64 = share.and_then(|share| share.parse().ok()).ok_or_else(wanted)?;
                if share > 0.0 && share <= 100.0 {
                    Ok(VerifyShare::Sample(share / 100.0))
                } else {
                    Err("the share must be above 0 % and at most 100 %".to_owned())
                }
            }
        }
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowAction {
    /// With this in front of its hash.
    Hash(Option<String>),
    /// Left as it is, and counted as its class.
    Leave,
}

impl RowPolicy {
    pub(crate) fn action(&self, class: ValueClass) -> RowAction {
        match (class, self.ambiguous) {
            (ValueClass::Plaintext, _) => RowAction::Hash(None),
            (ValueClass::MaybeHash(_), Some(AmbiguousAction::Plaintext)) => RowAction::Hash(None),
            (ValueClass::MaybeHash(ambiguity), Some(AmbiguousAction::Wrap)) => {
                match ambiguity.mark() {
                    Some(mark) => RowAction::Hash(Some(mark)),
                    None => RowAction::Leave,
                }
            }
            _ => RowAction::Leave,
        }
    }

    /// Whether the next hash is verified; of a sample the first always is.
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
    fn what_is_ambiguous_is_left_unless_the_flag_says_more() {
        let leaves = [None, Some(AmbiguousAction::Skip)];
        for ambiguous in leaves {
            assert_eq!(policy(ambiguous).action(ValueClass::MaybeHash(DIGEST)), RowAction::Leave);
        }
        let plaintext = policy(Some(AmbiguousAction::Plaintext));
        assert_eq!(
            plaintext.action(ValueClass::MaybeHash(Ambiguity::Crypt)),
            RowAction::Hash(None)
        );
        let wrap = policy(Some(AmbiguousAction::Wrap));
        assert_eq!(
            wrap.action(ValueClass::MaybeHash(DIGEST)),
            RowAction::Hash(Some("hex32".to_owned()))
        );
    }

    #[test]
    fn a_hash_with_a_salt_cannot_be_wrapped() {
        let wrap = policy(Some(AmbiguousAction::Wrap));
        assert_eq!(wrap.action(ValueClass::MaybeHash(Ambiguity::Crypt)), RowAction::Leave);
    }

    #[test]
    fn a_share_is_above_nothing_and_at_most_all() {
        assert_eq!("all".parse(), Ok(VerifyShare::All));
        assert_eq!("sample=1%".parse(), Ok(VerifyShare::Sample(0.01)));
        for bad in ["", "1%", "sample=", "sample=1", "sample=0%", "sample=101%", "sample=NaN%"] {
            assert!(bad.parse::<VerifyShare>().is_err(), "{bad}");
        }
    }
}
