//! What is done about a row: a decision for its class, as the flags say.

use super::args::{Ambiguous, Verify};
use super::classify::Class;

/// What the flags say about rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) ambiguous: Option<Ambiguous>,
    pub(super) verify: Verify,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With this in front of its hash.
    Hash(Option<String>),
    /// Left as it is, and counted as its class.
    Leave,
}

impl Rules {
    pub(super) fn judge(&self, class: Class) -> Verdict {
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
    pub(super) fn verifies(&self, earlier: u64) -> bool {
        match self.verify {
            Verify::All => true,
            Verify::None => false,
            Verify::Sample(share) => earlier == 0 || fastrand::f64() < share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::classify::Suspect;
    use super::*;

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
}
