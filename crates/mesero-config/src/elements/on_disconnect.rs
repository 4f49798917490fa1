//! The end of a job whose last caller has left.

use mesero::OnDisconnect;

use crate::elements::word::Word;

impl Word for OnDisconnect {
    const WORDS: &'static [(&'static str, Self)] =
        &[("cancel", Self::Cancel), ("finish", Self::Finish)];
}
