//! The output of a program that runs inside a test.

use std::cell::RefCell;

thread_local! {
    static SCREEN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Replaces the standard library's `println!` in the programs that are part of this test, whose
/// tasks all run on the test's own thread.
macro_rules! println {
    ($($text:tt)*) => { $crate::screen::print(&format!($($text)*)) };
}

pub(crate) fn print(line: &str) {
    SCREEN.with_borrow_mut(|screen| {
        screen.push_str(line);
        screen.push('\n');
    });
}

/// Takes the output of this thread since the last call.
pub(crate) fn taken() -> String {
    SCREEN.take()
}
