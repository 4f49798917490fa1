//! What is done about a row: a decision for its class, as the flags say.

use std::str::FromStr;

use clap::ValueEnum;

use crate::rows::classify::Class;

/// What the flags say about rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) ambiguous: Option<Ambiguous>,
    pub(crate) verify: Verify,
}

/// What a value is that may be plaintext or may be a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ambiguous {
    /// It is plaintext: hash it
    Plaintext,
    /// It is a hash: leave it as it is
    Skip,
    /// It is a hash without a salt: hash it again, with a mark in front
    Wrap,
}

/// Which hashes are read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verify {
    /// Each with this probability.
    Sample(f64),
    All,
    None,
}

impl FromStr for Verify {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || "wanted `all`, `none` or a share such as `sample=1%`".to_owned();
        match text {
            "all" => Ok(Verify::All),
            "none" => Ok(Verify::None),
            _ => {
                let share = text.strip_prefix("sample=").and_then(|rest| rest.strip_suffix('%'));
                let share: f64 = share.and_then(|share| share.parse().ok()).ok_or_else(wanted)?;
                if share > 0.0 && share <= 100.0 {
                    Ok(Verify::Sample(share / 100.0))
                } else {
                    Err("the share must be above 0 % and at most 100 %".to_owned())
                }
            }
        }
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With this in front of its hash.
    Hash(Option<String>),
    /// Left as it is, and counted as its class.
    Leave,
}

impl Rules {
    pub(crate) fn judge(&self, class: Class) -> Verdict {
        match (class, self.ambiguous) {
            (Class::Plaintext, _) => Verdict::Hash(None),
            (Class::Ambiguous(_), Some(Ambiguous::Plaintext)) => Verdict::Hash(None),
            (Class::Ambiguous(suspect), Some(Ambiguous::Wrap)) => match suspect.mark() {
                Some(mark) => Verdict::Hash(Some(mark)),
                None => Verdict::Leave,
            },
            _ => Verdict::Leave,
        }
    }

    /// Whether the next hash is verified; of a sample the first always is.
    pub(crate) fn verifies(&self, earlier: u64) -> bool {
        match self.verify {
            Verify::All => true,
            Verify::None => false,
            Verify::Sample(share) => earlier == 0 || fastrand::f64() < share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::classify::Suspect;

    fn rules(ambiguous: Option<Ambiguous>) -> Rules {
        Rules { ambiguous, verify: Verify::None }
    }

    const DIGEST: Suspect = Suspect::Hex { digits: 32, capital: false };

    #[test]
    fn what_is_ambiguous_is_left_unless_the_flag_says_more() {
        let leaves = [None, Some(Ambiguous::Skip)];
        for ambiguous in leaves {
            assert_eq!(rules(ambiguous).judge(Class::Ambiguous(DIGEST)), Verdict::Leave);
        }
        let plaintext = rules(Some(Ambiguous::Plaintext));
        assert_eq!(plaintext.judge(Class::Ambiguous(Suspect::Crypt)), Verdict::Hash(None));
        let wrap = rules(Some(Ambiguous::Wrap));
        assert_eq!(wrap.judge(Class::Ambiguous(DIGEST)), Verdict::Hash(Some("hex32".to_owned())));
    }

    #[test]
    fn a_hash_with_a_salt_cannot_be_wrapped() {
        let wrap = rules(Some(Ambiguous::Wrap));
        assert_eq!(wrap.judge(Class::Ambiguous(Suspect::Crypt)), Verdict::Leave);
    }

    #[test]
    fn a_share_is_above_nothing_and_at_most_all() {
        assert_eq!("all".parse(), Ok(Verify::All));
        assert_eq!("sample=1%".parse(), Ok(Verify::Sample(0.01)));
        for bad in ["", "1%", "sample=", "sample=1", "sample=0%", "sample=101%", "sample=NaN%"] {
            assert!(bad.parse::<Verify>().is_err(), "{bad}");
        }
    }
}
