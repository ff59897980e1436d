//! The behaviours that tests have asked for, and which of them is next.

use crate::behaviours::{Behaviour, CallFate, ScriptedBehaviour};
use crate::webhooks::WebhookScript;
use std::collections::{HashMap, VecDeque};

/// How many numbers may have scripts of their own, and how many limited scripts one of them may queue.
const MOST_NUMBERS: usize = 100_000;
const MOST_QUEUED: usize = 10_000;
const FULL_QUEUE: &str = "too many scripts are queued; DELETE /sim/behaviours first";

/// What a dial shall do.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) behaviour: Behaviour,
    pub(crate) fate: Option<CallFate>,
    pub(crate) talks_for_ms: Option<u64>,
    pub(crate) webhook: WebhookScript,
}

impl Scripted {
    /// A behaviour, and everything else as usual: a call that was answered is recorded.
    pub(crate) fn usual(behaviour: Behaviour) -> Scripted {
        let webhook = WebhookScript { audio: true, ..WebhookScript::default() };
        Scripted { behaviour, fate: None, talks_for_ms: None, webhook }
    }
}

/// All scripts.
#[derive(Default)]
pub(crate) struct Scripts {
    for_every_number: Scope,
    for_one_number: HashMap<String, Scope>,
    connections_to_close: VecDeque<(bool, u32)>,
}

#[derive(Default)]
struct Scope {
    limited: VecDeque<(Scripted, u32)>,
    standing: Option<Scripted>,
}

impl Scripts {
    /// Adds a script; says why not, if a limit stands against it.
    pub(crate) fn add(&mut self, script: ScriptedBehaviour) -> Result<(), &'static str> {
        if script.times == Some(0) {
            return Ok(());
        }
        if let Behaviour::CloseOnAccept { reset } = script.behaviour {
            if self.connections_to_close.len() >= MOST_QUEUED {
                return Err(FULL_QUEUE);
            }
            self.connections_to_close.push_back((reset, script.times.unwrap_or(1)));
            return Ok(());
        }
        let full = self.for_one_number.len() >= MOST_NUMBERS;
        let scope = match script.to_number {
            None => &mut self.for_every_number,
            Some(number) if full && !self.for_one_number.contains_key(&number) => {
                return Err("too many numbers have scripts; DELETE /sim/behaviours first");
            }
            Some(number) => self.for_one_number.entry(number).or_default(),
        };
        let scripted = Scripted {
            behaviour: script.behaviour,
            fate: script.call,
            talks_for_ms: script.talks_for_ms,
            webhook: script.webhook,
        };
        match script.times {
            None => scope.standing = Some(scripted),
            Some(_) if scope.limited.len() >= MOST_QUEUED => {
                return Err(FULL_QUEUE);
            }
            Some(times) => scope.limited.push_back((scripted, times)),
        }
        Ok(())
    }

    /// The script for a dial to `number`, used up once.
    pub(crate) fn take(&mut self, number: &str) -> Option<Scripted> {
        let own = self.for_one_number.get_mut(number).and_then(Scope::take);
        own.or_else(|| self.for_every_number.take())
    }

    /// Whether the connection that has just been accepted shall close at once, and by reset (`Some(true)`).
    pub(crate) fn take_connection_to_close(&mut self) -> Option<bool> {
        let (reset, left) = self.connections_to_close.front_mut()?;
        let reset = *reset;
        *left -= 1;
        if *left == 0 {
            self.connections_to_close.pop_front();
        }
        Some(reset)
    }
}

impl Scope {
    fn take(&mut self) -> Option<Scripted> {
        let Some((scripted, left)) = self.limited.front_mut() else {
            return self.standing.clone();
        };
        *left -= 1;
        if *left > 0 {
            return Some(scripted.clone());
        }
        self.limited.pop_front().map(|(scripted, _)| scripted)
    }
}
