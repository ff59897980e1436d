use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{CallWatch, DialRequest, FoundBy};
use domain::{Booking, IntentKey, RateLimit, RefusalCode};

/// What happens in a world, in order.
#[derive(Clone, Default)]
pub(super) struct Journal(pub(super) Arc<Mutex<Entries>>);

#[derive(Default)]
pub(super) struct Entries {
    pub(super) steps: Vec<String>,
    pub(super) keys: Vec<IntentKey>,
    pub(super) dialled: Vec<DialRequest>,
    pub(super) holds: Vec<(&'static str, Duration)>,
    pub(super) looked_up: Vec<String>,
    pub(super) booked: Vec<Booking>,
    pub(super) found_by: Vec<FoundBy>,
}

impl CallWatch for Journal {
    fn duplicate(&self, found_by: FoundBy) {
        self.0.lock().expect("no panic").found_by.push(found_by);
    }

    fn refused(&self, _: &[RefusalCode]) {}

    fn rate_limited(&self, _: RateLimit) {}

    fn waited(&self, _: Duration) {}
}

impl Journal {
    pub(super) fn hold(&self, holder: &'static str, hold_for: Duration) {
        self.0.lock().expect("no panic").holds.push((holder, hold_for));
    }

    pub(super) fn note<T>(&self, step: &str, answer: T) -> T {
        self.0.lock().expect("no panic").steps.push(step.to_owned());
        answer
    }
}
