//! The calls that were dialled: the log that tests count, and the records that conversations are told from.

use crate::timeline::Timeline;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many calls are kept; the oldest go first.
const MOST_CALLS: usize = 200_000;

/// One request that was accepted for dialling. `Debug` shows only its ids.
#[derive(Clone, PartialEq, Serialize)]
pub struct Dial {
    /// The number called, as the request spells it.
    pub to_number: String,
    /// The caller's own id of the call: `conversation_initiation_client_data.user_id`, or `name` and
    /// `customer.externalId`.
    pub user_id: Option<String>,
    /// The agent that speaks.
    pub agent_id: String,
    /// The provider's id of the caller number.
    pub agent_phone_number_id: String,
    /// `telephony_call_config.ringing_timeout_secs`, 60 where the request has none or cannot.
    pub ringing_timeout_secs: u16,
    /// Milliseconds since the simulator started, on a clock that never goes back.
    pub received_at_ms: u64,
    /// `conversation_initiation_client_data.dynamic_variables`, or `assistantOverrides.variableValues`.
    pub dynamic_variables: Map<String, Value>,
    /// The conversation that the dial began, whether the answer told it or not.
    pub conversation_id: String,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial")
            .field("conversation_id", &self.conversation_id)
            .field("user_id", &self.user_id)
            .field("received_at_ms", &self.received_at_ms)
            .finish_non_exhaustive()
    }
}

/// Whose wire format a call was asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    ElevenLabs,
    Vapi,
}

/// A dial and everything that a conversation's record tells about it.
pub(crate) struct Call {
    pub(crate) surface: Surface,
    pub(crate) dial: Dial,
    pub(crate) sip_call_id: String,
    pub(crate) client_data: Map<String, Value>,
    pub(crate) dialled_at: Instant,
    pub(crate) dialled_at_unix_secs: u64,
    pub(crate) timeline: Timeline,
}

impl Call {
    /// When the callee answers, or would.
    pub(crate) fn rings_until_unix_secs(&self) -> u64 {
        self.dialled_at_unix_secs.saturating_add(self.timeline.rings_for.as_secs())
    }

    /// Time since the dial.
    pub(crate) fn elapsed(&self) -> Duration {
        self.dialled_at.elapsed()
    }
}

/// The calls in the order in which they were dialled, each with a running number.
#[derive(Default)]
pub(crate) struct Calls {
    kept: VecDeque<Arc<Call>>,
    first_kept: u64,
    by_conversation: HashMap<String, u64>,
    by_user: HashMap<String, Vec<u64>>,
    counted_from: u64,
    counted: u64,
    counted_by_number: HashMap<String, usize>,
}

impl Calls {
    pub(crate) fn record(&mut self, call: Arc<Call>) {
        if self.kept.len() >= MOST_CALLS {
            self.forget_oldest();
        }
        let number = self.first_kept + self.kept.len() as u64;
        self.by_conversation.insert(call.dial.conversation_id.clone(), number);
        if let Some(user_id) = &call.dial.user_id {
            self.by_user.entry(user_id.clone()).or_default().push(number);
        }
        self.counted += 1;
        *self.counted_by_number.entry(call.dial.to_number.clone()).or_default() += 1;
        self.kept.push_back(call);
    }

    pub(crate) fn find(&self, surface: Surface, conversation_id: &str) -> Option<Arc<Call>> {
        let call = self.by_conversation.get(conversation_id).map(|number| self.numbered(*number));
        call.filter(|call| call.surface == surface)
    }

    /// Calls of one surface with their running numbers, the newest first, below `before` where it is given.
    pub(crate) fn newest_first(
        &self,
        surface: Surface,
        user_id: Option<&str>,
        before: Option<u64>,
    ) -> Box<dyn Iterator<Item = (u64, Arc<Call>)> + '_> {
        let end = self.first_kept + self.kept.len() as u64;
        let before = before.unwrap_or(end).min(end);
        let numbers: Box<dyn Iterator<Item = u64>> = match user_id {
            None => Box::new((self.first_kept..before).rev()),
            Some(user_id) => {
                let own = self.by_user.get(user_id).map_or(&[][..], Vec::as_slice);
                Box::new(own.iter().rev().copied().filter(move |number| *number < before))
            }
        };
        let calls = numbers.map(|number| (number, self.numbered(number)));
        Box::new(calls.filter(move |(_, call)| call.surface == surface))
    }

    /// The dials since the count was last started afresh, as far as they are kept.
    pub(crate) fn dials<'a>(&'a self, to_number: Option<&'a str>) -> impl Iterator<Item = &'a Dial> {
        let skipped = self.counted_from.saturating_sub(self.first_kept) as usize;
        let dials = self.kept.iter().skip(skipped).map(|call| &call.dial);
        dials.filter(move |dial| to_number.is_none_or(|number| number == dial.to_number))
    }

    /// All dials since the count was last started afresh.
    pub(crate) fn dialled(&self) -> u64 {
        self.counted
    }

    /// Dials to one number that are kept.
    pub(crate) fn dialled_to(&self, number: &str) -> usize {
        self.counted_by_number.get(number).copied().unwrap_or(0)
    }

    /// Dials that are kept, by number.
    pub(crate) fn dialled_by_number(&self) -> BTreeMap<&str, usize> {
        self.counted_by_number.iter().map(|(number, count)| (number.as_str(), *count)).collect()
    }

    /// Starts the count afresh; conversations stay.
    pub(crate) fn count_afresh(&mut self) {
        self.counted_from = self.first_kept + self.kept.len() as u64;
        self.counted = 0;
        self.counted_by_number.clear();
    }

    fn numbered(&self, number: u64) -> Arc<Call> {
        let index = (number - self.first_kept) as usize;
        Arc::clone(self.kept.get(index).expect("the indexes name only calls that are kept"))
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        let number = self.first_kept;
        self.first_kept += 1;
        self.by_conversation.remove(&oldest.dial.conversation_id);
        if let Some(user_id) = &oldest.dial.user_id
            && let Some(own) = self.by_user.get_mut(user_id)
        {
            own.retain(|kept| *kept != number);
            if own.is_empty() {
                self.by_user.remove(user_id);
            }
        }
        if number >= self.counted_from
            && let Some(count) = self.counted_by_number.get_mut(&oldest.dial.to_number)
        {
            *count -= 1;
            if *count == 0 {
                self.counted_by_number.remove(&oldest.dial.to_number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::End;

    fn call(index: usize) -> Arc<Call> {
        let dial = Dial {
            to_number: format!("+1416555{}", index % 2),
            user_id: Some(format!("user-{}", index % 2)),
            agent_id: String::new(),
            agent_phone_number_id: String::new(),
            ringing_timeout_secs: 60,
            received_at_ms: index as u64,
            dynamic_variables: Map::new(),
            conversation_id: format!("conv-{index}"),
        };
        let timeline = Timeline {
            rings_for: Duration::ZERO,
            talks_for: Duration::ZERO,
            processed_for: Duration::ZERO,
            end: End::Answered,
        };
        Arc::new(Call {
            surface: Surface::ElevenLabs,
            dial,
            sip_call_id: String::new(),
            client_data: Map::new(),
            dialled_at: Instant::now(),
            dialled_at_unix_secs: 0,
            timeline,
        })
    }

    #[test]
    fn the_oldest_calls_go_and_nothing_still_points_at_them() {
        let mut calls = Calls::default();
        (0..MOST_CALLS + 3).for_each(|index| calls.record(call(index)));
        assert_eq!(calls.kept.len(), MOST_CALLS);
        assert_eq!(calls.by_conversation.len(), MOST_CALLS);
        assert_eq!(calls.dialled(), MOST_CALLS as u64 + 3);
        assert_eq!(calls.dialled_to("+14165550"), MOST_CALLS / 2);
        assert!(calls.find(Surface::ElevenLabs, "conv-2").is_none());
        let oldest =
            calls.newest_first(Surface::ElevenLabs, Some("user-1"), None).last().expect("a call is left");
        assert_eq!(oldest.1.dial.conversation_id, "conv-3");
        assert_eq!(calls.find(Surface::ElevenLabs, "conv-3").map(|call| call.dial.received_at_ms), Some(3));
    }

    #[test]
    fn counting_afresh_keeps_the_conversations() {
        let mut calls = Calls::default();
        calls.record(call(0));
        calls.count_afresh();
        calls.record(call(2));
        assert_eq!((calls.dialled(), calls.dialled_to("+14165550")), (1, 1));
        assert_eq!(calls.dials(None).count(), 1);
        assert!(calls.find(Surface::ElevenLabs, "conv-0").is_some());
    }
}
