//! The size of a waiting request's future.

use super::*;

fn size<H, F>(_: H) -> usize
where
    H: Fn(Arc<RequestHandler>, http::Request<Incoming>, SocketAddr) -> F,
{
    size_of::<F>()
}

#[test]
fn a_request_that_waits_takes_little_for_its_own_state() {
    // Every waiting request has one of these.
    assert!(size(RequestHandler::answer) <= 1_800, "{}", size(RequestHandler::answer));
}
