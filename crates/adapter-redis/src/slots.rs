//! The slots in which calls may start, as scripts.
//!
//! The key of a scope exists until a slot may begin behind the last one: the time to live of a key is the
//! wait. So Redis measures it by its own clock, no value is compared with the clock of a replica, and a scope
//! that is idle has no key. The value has the gaps before the last slot, in which others may begin: how long
//! before the end of the key each one begins and ends, in milliseconds, as `7000-2000,500-0`.
//!
//! All of these keys are in one slot of a cluster, and a lock is in another one: with a cluster, [`NEXT`]
//! has to be a command of its own beside that of the lock.

use std::time::Duration;

use deadpool_redis::redis::Pipeline;
use domain::{Pace, Slot, ports::PortUnavailable};

use crate::failure;

/// Two functions on the keys from `first` on. Their arguments begin at `at`: the longest wait and the
/// farthest one, and for each key its interval, in milliseconds. `next_slot` returns the wait, whether it is
/// short enough, and what `take_slot` needs. They do what [`Slot::next`] and
/// [`TakenSlots::with`](domain::TakenSlots::with) do.
///
/// A key that lives longer than the farthest wait and its interval was written before the clock of the
/// server was set back, and does not count.
pub(crate) const SLOTS: &str = "\
local function read_slots(key, farthest) \
local left, gaps = redis.call('PTTL', key), {} \
if left <= 0 or left > farthest then return {left = 0, gaps = gaps} end \
for from, till in string.gmatch(redis.call('GET', key) or '', '(%d+)-(%d+)') do \
if left >= tonumber(till) then gaps[#gaps + 1] = {math.max(left - from, 0), left - till} end end \
return {left = left, gaps = gaps} end \
local function free_from(scope, wait) \
if wait >= scope.left then return wait end \
for _, gap in ipairs(scope.gaps) do if gap[2] >= wait then return math.max(gap[1], wait) end end \
return scope.left end \
local function next_slot(first, at) \
local scopes = {} \
for i = first, #KEYS do scopes[i] = read_slots(KEYS[i], ARGV[at + 1] + ARGV[at + 2 + i - first]) end \
local wait, before = 0, -1 \
while before < wait do before = wait \
for i = first, #KEYS do wait = free_from(scopes[i], wait) end end \
return wait, wait <= tonumber(ARGV[at]), scopes end \
local function take_slot(first, at, wait, scopes) \
for i = first, #KEYS do \
local interval, left, gaps = tonumber(ARGV[at + 2 + i - first]), scopes[i].left, {} \
local function keep(from, till) if from <= till then gaps[#gaps + 1] = {from, till} end end \
for _, gap in ipairs(scopes[i].gaps) do \
if gap[1] <= wait and wait <= gap[2] then keep(gap[1], wait - interval) keep(wait + interval, gap[2]) \
else keep(gap[1], gap[2]) end end \
if wait >= left then keep(left, wait - interval) left = wait + interval end \
for n, gap in ipairs(gaps) do gaps[n] = string.format('%d-%d', left - gap[1], left - gap[2]) end \
redis.call('SET', KEYS[i], table.concat(gaps, ','), 'PX', left) end end";

/// Takes the next slot. Replies with 1 and the wait; or with 0 and the wait if it is too long.
pub(crate) const NEXT: &str = "\
local wait, near, scopes = next_slot(1, 1) \
if near then take_slot(1, 1, wait, scopes) end \
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
