//! Idempotency keys of calls.

use std::time::Duration;

use domain::KeyedRequest;
use domain::ports::{IdempotencyKeys, KeyBinding, KeyedCall, KeyedDial};
use testkit::fixtures::Tenant;

use super::both;
use super::world::{HOUR, World};

impl World {
    /// A request with a key for every second booking. Few keys have two different requests.
    pub(super) fn keyed(&mut self) -> Option<KeyedRequest> {
        let request = self.random.perhaps(&self.requests)?;
        let digest = self.random.pick(&self.requests).digest.clone();
        Some(KeyedRequest { digest, ..request })
    }

    pub(super) async fn change_keys(&mut self) {
        if self.random.is_one_in(4) {
            both!(self, store => store.remove_ended(Duration::ZERO, 10_000).await);
            return;
        }
        let (Some(booking), Some(request)) = (self.booking(), self.keyed()) else { return };
        let user = if self.random.is_one_in(4) { self.tenant().user.id } else { booking.identity.user_id };
        let binding = KeyBinding {
            user: &user,
            request: &request,
            call_id: &booking.identity.call_id,
            intent: &booking.key,
        };
        both!(self, store => store.bind(&binding).await.map(|bound| bound.map(in_whole_hours)).map_err(drop));
    }

    pub(super) async fn read_keys(&mut self, tenant: &Tenant) {
        for request in self.requests.clone() {
            both!(self, store => {
                let found = IdempotencyKeys::find(store, &tenant.user.id, &request.key).await;
                found.map(|call| call.map(in_whole_hours)).map_err(drop)
            });
        }
    }
}

/// A reservation lasts for an hour, less the milliseconds since its booking, or has expired.
fn in_whole_hours(call: KeyedCall) -> KeyedCall {
    let dial = match call.dial {
        KeyedDial::Dialling { reserved_for: Some(_) } => KeyedDial::Dialling { reserved_for: Some(HOUR) },
        dial => dial,
    };
    KeyedCall { dial, ..call }
}
