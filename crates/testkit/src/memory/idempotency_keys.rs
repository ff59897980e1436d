use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{IdempotencyKeys, KeyBinding, KeyedCall, KeyedDial, PortUnavailable};
use domain::{CallEventKind, CallReference, CallStatus, DialOutcome, IdempotencyKey, Timestamp, UserId};

use super::{KeyEntry, Memory, Tables};

#[async_trait]
impl IdempotencyKeys for Memory {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        let (tables, now) = (self.open()?, self.now());
        Ok(tables.keyed_call(user, key, now))
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let KeyBinding { user, request, call_id, intent } = *binding;
        if let Some(call) = tables.keyed_call(user, &request.key, now) {
            return Ok(Some(call));
        }
        if tables.call(call_id).is_none_or(|call| call.booking.identity.user_id != *user) {
            return Err(PortUnavailable::new("memory", "the call of the key is not stored"));
        }
        let entry = KeyEntry {
            digest: request.digest.clone(),
            call_id: call_id.clone(),
            intent: intent.clone(),
            created_at: now,
        };
        tables.keys.insert((user.clone(), request.key.clone()), entry);
        Ok(None)
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_removable = |entry: &KeyEntry| {
            let ends = tables.events.iter();
            let ends = ends.filter(|event| {
                event.identity.call_id == entry.call_id && event.kind == CallEventKind::Ended
            });
            ends.map(|event| event.happened_at).max().is_some_and(|last| last.after(ended_for) <= now)
        };
        let removable =
            tables.keys.iter().filter(|(_, entry)| is_removable(entry)).map(|(key, _)| key.clone());
        let removable: Vec<_> = removable.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        tables.keys.retain(|key, _| !removable.contains(key));
        Ok(u64::try_from(removable.len()).unwrap_or(u64::MAX))
    }
}

impl Tables {
    /// The call of a key, as it is now.
    fn keyed_call(&self, user: &UserId, key: &IdempotencyKey, now: Timestamp) -> Option<KeyedCall> {
        let entry = self.keys.get(&(user.clone(), key.clone()))?;
        let call = self.call(&entry.call_id)?;
        let mut reason = None;
        let dial = match call.dial.as_ref().map(|(outcome, _)| outcome) {
            None => {
                let reservation = self.reservations.get(&entry.intent);
                let own = reservation.filter(|own| own.call_id == entry.call_id && own.until > now);
                KeyedDial::Dialling { reserved_for: own.map(|own| own.until.since(now)) }
            }
            Some(DialOutcome::Placed(_)) => KeyedDial::Placed,
            Some(DialOutcome::NotConnected { reason: of_dial, .. }) => {
                reason = Some(*of_dial);
                KeyedDial::NotConnected
            }
            Some(DialOutcome::Unknown(_) | DialOutcome::NotDialled(_)) => KeyedDial::Unknown,
        };
        let progress = &call.progress;
        Some(KeyedCall {
            digest: entry.digest.clone(),
            reference: CallReference {
                call_id: entry.call_id.clone(),
                conversation_id: progress.conversation_id.clone(),
                carrier_call_id: progress.carrier_call_id.clone(),
            },
            dial,
            status: progress.status.unwrap_or(CallStatus::Initiated),
            failure: reason.or_else(|| progress.failure.as_ref().map(|failure| failure.reason)),
        })
    }
}
