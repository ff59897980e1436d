//! The scripted behaviours, and which of them applies to the next dial.

use std::collections::{HashMap, VecDeque};

use crate::behaviours::{Behaviour, CallOutcome, ScriptedBehaviour};
use crate::webhooks::WebhookScript;

/// The most numbers that can have their own scripts.
const MAX_NUMBERS: usize = 100_000;
/// The most limited scripts that one number can queue.
const MAX_QUEUED: usize = 10_000;
const QUEUE_FULL: &str = "too many scripts are queued; DELETE /sim/behaviours first";

#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) behaviour: Behaviour,
    pub(crate) outcome: Option<CallOutcome>,
    pub(crate) talks_for_ms: Option<u64>,
    pub(crate) webhook: WebhookScript,
}

impl Scripted {
    /// What a dial without a script does: an answered call is recorded.
    pub(crate) fn unscripted(behaviour: Behaviour) -> Scripted {
        let webhook = WebhookScript { audio: true, ..WebhookScript::default() };
        Scripted { behaviour, outcome: None, talks_for_ms: None, webhook }
    }
}

#[derive(Default)]
pub(crate) struct Scripts {
    for_every_number: Queue,
    for_one_number: HashMap<String, Queue>,
    connections_to_close: VecDeque<(bool, u32)>,
}

#[derive(Default)]
struct Queue {
    limited: VecDeque<(Scripted, u32)>,
    unlimited: Option<Scripted>,
}

impl Scripts {
    pub(crate) fn add(&mut self, script: ScriptedBehaviour) -> Result<(), &'static str> {
        if script.times == Some(0) {
            return Ok(());
        }
        if let Behaviour::CloseOnAccept { reset } = script.behaviour {
            if self.connections_to_close.len() >= MAX_QUEUED {
                return Err(QUEUE_FULL);
            }
            self.connections_to_close.push_back((reset, script.times.unwrap_or(1)));
            return Ok(());
        }
        let full = self.for_one_number.len() >= MAX_NUMBERS;
        let queue = match script.to_number {
            None => &mut self.for_every_number,
            Some(number) if full && !self.for_one_number.contains_key(&number) => {
                return Err("too many numbers have scripts; DELETE /sim/behaviours first");
            }
            Some(number) => self.for_one_number.entry(number).or_default(),
        };
        let scripted = Scripted {
            behaviour: script.behaviour,
            outcome: script.call,
            talks_for_ms: script.talks_for_ms,
            webhook: script.webhook,
        };
        match script.times {
            None => queue.unlimited = Some(scripted),
            Some(_) if queue.limited.len() >= MAX_QUEUED => return Err(QUEUE_FULL),
            Some(times) => queue.limited.push_back((scripted, times)),
        }
        Ok(())
    }

    /// The script for a dial to `number`, if there is one. Counts one use of a limited script.
    pub(crate) fn take(&mut self, number: &str) -> Option<Scripted> {
        let own = self.for_one_number.get_mut(number).and_then(Queue::take);
        own.or_else(|| self.for_every_number.take())
    }

    /// If the connection that was just accepted must be closed: whether with a reset.
    pub(crate) fn take_connection_to_close(&mut self) -> Option<bool> {
        let (reset, remaining) = self.connections_to_close.front_mut()?;
        let reset = *reset;
        *remaining -= 1;
        if *remaining == 0 {
            self.connections_to_close.pop_front();
        }
        Some(reset)
    }
}

impl Queue {
    fn take(&mut self) -> Option<Scripted> {
        let Some((scripted, remaining)) = self.limited.front_mut() else {
            return self.unlimited.clone();
        };
        *remaining -= 1;
        if *remaining > 0 {
            return Some(scripted.clone());
        }
        self.limited.pop_front().map(|(scripted, _)| scripted)
    }
}
