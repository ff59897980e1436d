use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::fault::{Fault, Way};

/// What a test has set. The tasks of the connections watch it.
pub(super) struct Switch(watch::Sender<State>);

struct State {
    /// The number of connections so far, and the number of the next one. Numbers begin at 0.
    accepted: u64,
    /// Connections with a lower number are reset.
    cut_below: u64,
    upstream: String,
    delivers_after_close: bool,
    /// How many faults were set.
    settings: u64,
    fault: Setting,
    /// The fault of the connections with a lower number than this.
    for_open: Option<(u64, Setting)>,
    once: Option<Setting>,
}

/// A fault, and the number of its setting: the same fault can be set again, and counts anew.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) number: u64,
    pub(super) fault: Fault,
}

impl State {
    fn next(&mut self, fault: Fault) -> Setting {
        self.settings += 1;
        Setting { number: self.settings, fault }
    }
}

impl Switch {
    pub(super) fn new(upstream: String) -> Self {
        Self(watch::Sender::new(State {
            accepted: 0,
            cut_below: 0,
            upstream,
            delivers_after_close: true,
            settings: 0,
            fault: Setting { number: 0, fault: Fault::None },
            for_open: None,
            once: None,
        }))
    }

    pub(super) fn set(&self, fault: Fault) {
        self.0.send_modify(|state| {
            state.fault = state.next(fault);
            (state.for_open, state.once) = (None, None);
            if fault == Fault::Refuse {
                state.cut_below = state.accepted;
            }
        });
    }

    pub(super) fn set_once(&self, fault: Fault) {
        self.0.send_modify(|state| state.once = Some(state.next(fault)));
    }

    pub(super) fn set_for_open(&self, fault: Fault) {
        self.0.send_modify(|state| {
            state.for_open = Some((state.accepted, state.next(fault)));
            if fault == Fault::Refuse {
                state.cut_below = state.accepted;
            }
        });
    }

    pub(super) fn set_upstream(&self, upstream: String) {
        self.0.send_modify(|state| {
            state.upstream = upstream;
            state.cut_below = state.accepted;
        });
    }

    pub(super) fn deliver_after_close(&self, deliver: bool) {
        self.0.send_modify(|state| state.delivers_after_close = deliver);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.0.borrow().accepted
    }

    pub(super) fn cut_connections(&self) {
        self.0.send_modify(|state| state.cut_below = state.accepted);
    }

    /// Counts a new connection. Returns its link, or `None` if it must be refused.
    pub(super) fn accept(self: &Arc<Self>) -> Option<Link> {
        let (mut number, mut refused) = (0, false);
        self.0.send_if_modified(|state| {
            number = state.accepted;
            state.accepted += 1;
            let once = state.once.take_if(|once| once.fault == Fault::Refuse);
            refused = once.is_some() || state.fault.fault == Fault::Refuse;
            false
        });
        (!refused).then(|| Link { switch: Arc::clone(self), number, own: Mutex::new(None) })
    }
}

/// One connection's view of the switch.
pub(super) struct Link {
    switch: Arc<Switch>,
    number: u64,
    /// The fault that this connection alone has.
    own: Mutex<Option<Setting>>,
}

impl Link {
    pub(super) fn upstream(&self) -> String {
        self.switch.0.borrow().upstream.clone()
    }

    /// Returns when the connection must be reset.
    pub(super) async fn cut(&self) {
        let mut state = self.switch.0.subscribe();
        let _ = state.wait_for(|state| self.number < state.cut_below).await;
    }

    /// Wakes at every change of the switch.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.switch.0.subscribe())
    }

    pub(super) fn delivers_after_close(&self) -> bool {
        self.switch.0.borrow().delivers_after_close
    }

    /// The fault that bytes in this direction have. A fault that was set once becomes the
    /// connection's own if there are bytes.
    pub(super) fn setting(&self, way: Way, has_bytes: bool) -> Setting {
        let mut own = self.own.lock().expect("no panic while it is locked");
        let mut current = None;
        self.switch.0.send_if_modified(|state| {
            if has_bytes && let Some(once) = state.once.take_if(|once| once.fault.begins_with() == Some(way))
            {
                *own = Some(once);
            }
            let for_open = state.for_open.filter(|(below, _)| self.number < *below);
            let for_all = for_open.map_or(state.fault, |(_, setting)| setting);
            // The fault of one connection lasts until one is set for all.
            current = Some(own.filter(|own| own.number > for_all.number).unwrap_or(for_all));
            false
        });
        current.expect("the closure has run")
    }
}

/// A subscription to the changes of the switch.
pub(super) struct Changes(watch::Receiver<State>);

impl Changes {
    /// Forgets the changes so far.
    pub(super) fn forget(&mut self) {
        self.0.mark_unchanged();
    }

    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
