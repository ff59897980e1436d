//! The calls that were dialled: the log that tests count, and the data for conversations.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::timeline::{Step, Timeline, unix_now_secs};

/// The most calls that are kept; the oldest are removed first.
const MAX_CALLS: usize = 200_000;

/// One request that was accepted for dialling. `Debug` shows only its ids.
#[derive(Clone, PartialEq, Serialize)]
pub struct Dial {
    /// The number as the request has it.
    pub to_number: String,
    /// The caller's own id of the call: `conversation_initiation_client_data.user_id`, or `name`
    /// and `customer.externalId`.
    pub user_id: Option<String>,
    pub agent_id: String,
    pub agent_phone_number_id: String,
    /// `telephony_call_config.ringing_timeout_secs`; 60 if the request does not or cannot set it.
    pub ringing_timeout_secs: u16,
    /// Milliseconds since the simulator started, on a monotonic clock.
    pub received_at_ms: u64,
    /// `conversation_initiation_client_data.dynamic_variables`, or
    /// `assistantOverrides.variableValues`.
    pub dynamic_variables: Map<String, Value>,
    /// How long the phone rings; longer than its ringing timeout if the ring has no other end.
    pub rings_for_ms: u64,
    /// The conversation that the dial began, even if the response does not contain it.
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

/// The provider whose API a call was requested over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    ElevenLabs,
    Vapi,
}

/// A dial and everything else that a conversation's record contains.
pub(crate) struct Call {
    pub(crate) provider: Provider,
    pub(crate) dial: Dial,
    pub(crate) sip_call_id: String,
    pub(crate) client_data: Map<String, Value>,
    pub(crate) dialled_at_unix_secs: u64,
    pub(crate) timeline: Timeline,
    /// Whether its recording is longer than 16 MiB.
    pub(crate) large_audio: bool,
    dialled_at: Instant,
}

impl Call {
    /// Sets the time of the dial to now.
    pub(crate) fn new(
        provider: Provider,
        dial: Dial,
        sip_call_id: String,
        client_data: Map<String, Value>,
        timeline: Timeline,
    ) -> Call {
        let (dialled_at, dialled_at_unix_secs) = (Instant::now(), unix_now_secs());
        let large_audio = false;
        Call {
            provider,
            dial,
            sip_call_id,
            client_data,
            dialled_at_unix_secs,
            timeline,
            large_audio,
            dialled_at,
        }
    }

    pub(crate) fn with_large_audio(self, large_audio: bool) -> Call {
        Call { large_audio, ..self }
    }

    pub(crate) fn step(&self) -> Step {
        self.timeline.step(self.dialled_at.elapsed())
    }

    pub(crate) fn rings_until_unix_secs(&self) -> u64 {
        self.dialled_at_unix_secs.saturating_add(self.timeline.rings_for.as_secs())
    }
}

/// The calls in the order in which they were dialled. Sequence numbers start at 0.
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
        if self.kept.len() >= MAX_CALLS {
            self.remove_oldest();
        }
        let sequence = self.next_sequence();
        self.by_conversation.insert(call.dial.conversation_id.clone(), sequence);
        if let Some(user_id) = &call.dial.user_id {
            self.by_user.entry(user_id.clone()).or_default().push(sequence);
        }
        self.counted += 1;
        *self.counted_by_number.entry(call.dial.to_number.clone()).or_default() += 1;
        self.kept.push_back(call);
    }

    pub(crate) fn find(&self, provider: Provider, conversation_id: &str) -> Option<Arc<Call>> {
        let call = self.by_conversation.get(conversation_id).map(|sequence| self.get(*sequence));
        call.filter(|call| call.provider == provider)
    }

    /// Calls of one provider with their sequence numbers, if given only those below `before`.
    pub(crate) fn newest_first(
        &self,
        provider: Provider,
        user_id: Option<&str>,
        before: Option<u64>,
    ) -> Box<dyn Iterator<Item = (u64, Arc<Call>)> + '_> {
        let end = self.next_sequence();
        let before = before.unwrap_or(end).min(end);
        let sequences: Box<dyn Iterator<Item = u64>> = match user_id {
            None => Box::new((self.first_kept..before).rev()),
            Some(user_id) => {
                let own = self.by_user.get(user_id).map_or(&[][..], Vec::as_slice);
                Box::new(own.iter().rev().copied().filter(move |sequence| *sequence < before))
            }
        };
        let calls = sequences.map(|sequence| (sequence, self.get(sequence)));
        Box::new(calls.filter(move |(_, call)| call.provider == provider))
    }

    /// The dials since the last reset, as far as they are kept.
    pub(crate) fn dials<'a>(&'a self, to_number: Option<&'a str>) -> impl Iterator<Item = &'a Dial> {
        let skipped = self.counted_from.saturating_sub(self.first_kept) as usize;
        let dials = self.kept.iter().skip(skipped).map(|call| &call.dial);
        dials.filter(move |dial| to_number.is_none_or(|number| number == dial.to_number))
    }

    /// How many dials there were since the last reset, including those that are no longer kept.
    pub(crate) fn total_dials(&self) -> u64 {
        self.counted
    }

    /// How many dials to `number` are kept.
    pub(crate) fn dials_to(&self, number: &str) -> usize {
        self.counted_by_number.get(number).copied().unwrap_or(0)
    }

    /// How many dials are kept, by number.
    pub(crate) fn dials_by_number(&self) -> BTreeMap<&str, usize> {
        self.counted_by_number.iter().map(|(number, count)| (number.as_str(), *count)).collect()
    }

    /// Resets the counts; conversations are kept.
    pub(crate) fn reset_count(&mut self) {
        self.counted_from = self.next_sequence();
        self.counted = 0;
        self.counted_by_number.clear();
    }

    fn next_sequence(&self) -> u64 {
        self.first_kept + self.kept.len() as u64
    }

    fn get(&self, sequence: u64) -> Arc<Call> {
        let index = (sequence - self.first_kept) as usize;
        Arc::clone(self.kept.get(index).expect("the indexes contain only calls that are kept"))
    }

    fn remove_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        let sequence = self.first_kept;
        self.first_kept += 1;
        self.by_conversation.remove(&oldest.dial.conversation_id);
        if let Some(user_id) = &oldest.dial.user_id
            && let Some(own) = self.by_user.get_mut(user_id)
        {
            own.retain(|kept| *kept != sequence);
            if own.is_empty() {
                self.by_user.remove(user_id);
            }
        }
        if sequence >= self.counted_from
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
mod tests;
