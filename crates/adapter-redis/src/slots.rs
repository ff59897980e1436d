//! The slots in which calls may start, as scripts.
//!
//! The key of a scope exists until the next slot opens: the time to live of a key is the wait. So Redis
//! measures it by its own clock, no value is compared with the clock of a replica, and a scope that is
//! idle has no key.
//!
//! All of these keys are in one slot of a cluster, and a lock is in another one: with a cluster, [`NEXT`]
//! has to be a command of its own beside that of the lock.

use std::time::Duration;

use deadpool_redis::redis::Pipeline;
use domain::{Pace, Slot, ports::PortUnavailable};

use crate::failure;

/// Two functions on the keys from `first` on. Their arguments begin at `at`: the longest wait and the
/// farthest one, and for each key its interval, in milliseconds.
///
/// A key that lives longer than the farthest wait and its interval was written before the clock of the
/// server was set back, and does not count.
pub(crate) const SLOTS: &str = "\
local function next_slot(first, at) \
local wait = 0 \
for i = first, #KEYS do \
local left = redis.call('PTTL', KEYS[i]) \
if left <= ARGV[at + 1] + ARGV[at + 2 + i - first] then wait = math.max(wait, left) end end \
return wait, wait <= tonumber(ARGV[at]) end \
local function take_slot(first, at, wait) \
for i = first, #KEYS do \
redis.call('SET', KEYS[i], '', 'PX', wait + ARGV[at + 2 + i - first]) end end";

/// Takes the next slot. Replies with 1 and the wait; or with 0 and the wait if it is too long.
pub(crate) const NEXT: &str = "\
local wait, near = next_slot(1, 1) \
if near then take_slot(1, 1, wait) end \
return {near and 1 or 0, wait}";

/// Adds the arguments of [`SLOTS`].
pub(crate) fn add_arguments(request: &mut Pipeline, paces: &[Pace], longest_wait: Duration) {
    let rounded_down = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    request.arg(rounded_down(longest_wait)).arg(rounded_down(Slot::FARTHEST));
    for pace in paces {
        request.arg(pace.in_whole_millis().as_millis().to_string());
    }
}

/// The wait in a reply.
pub(crate) fn wait(millis: i64) -> Result<Duration, PortUnavailable> {
    u64::try_from(millis).map(Duration::from_millis).map_err(|_| failure::unexpected_reply())
}
