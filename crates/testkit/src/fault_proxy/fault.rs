use std::time::Duration;

/// What a [`FaultProxy`](super::FaultProxy) does with the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It forwards all bytes.
    None,
    /// It accepts new connections and resets them. Open ones are reset when the fault begins.
    Refuse,
    /// It forwards the bytes late, in their order.
    Delay {
        /// How late requests are.
        requests: Duration,
        /// How late answers are.
        answers: Duration,
    },
    /// It forwards the bytes in small pieces, both ways.
    Trickle {
        /// The size of a piece.
        bytes: usize,
        /// The time between two pieces.
        every: Duration,
    },
    /// It forwards no bytes and no close, both ways, until the fault changes. None are lost: the
    /// peer is paused, or the network is.
    Hold,
    /// It forwards requests, and holds answers until the fault changes.
    HoldAnswers,
    /// It loses all bytes and every close, both ways. A direction of a connection that has lost
    /// something forwards nothing under any later fault. Such a connection is reset when the fault
    /// has changed and one side has closed it.
    Blackhole,
    /// It forwards requests, and loses answers as [`Self::Blackhole`] does.
    DropAnswers,
    /// It resets both sides when a request arrives, and forwards none of its bytes.
    ResetBefore,
    /// It resets both sides when it has forwarded all bytes of a request that have arrived. A
    /// request that the client writes in pieces may be incomplete.
    ResetAfter,
    /// It closes both sides when it has forwarded this many bytes of answers since the fault began;
    /// with 0, when an answer arrives.
    CutAnswer(usize),
    /// As [`Self::CutAnswer`], but it resets both sides.
    ResetAnswer(usize),
}

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client to the upstream.
    Requests,
    /// From the upstream to the client.
    Answers,
}

/// What a fault does in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Pass { delay: Duration },
    Trickle { bytes: usize, every: Duration },
    Hold,
    Lose,
    ResetBefore,
    ResetAfter,
    Cut { after: usize, with_reset: bool },
}

impl Fault {
    pub(super) const fn flow(self, way: Way) -> Flow {
        let pass = Flow::Pass { delay: Duration::ZERO };
        match (self, way) {
            (Self::Delay { requests, .. }, Way::Requests) => Flow::Pass { delay: requests },
            (Self::Delay { answers, .. }, Way::Answers) => Flow::Pass { delay: answers },
            (Self::Trickle { bytes, every }, _) => Flow::Trickle { bytes, every },
            (Self::Hold, _) | (Self::HoldAnswers, Way::Answers) => Flow::Hold,
            (Self::Blackhole, _) | (Self::DropAnswers, Way::Answers) => Flow::Lose,
            (Self::ResetBefore, Way::Requests) => Flow::ResetBefore,
            (Self::ResetAfter, Way::Requests) => Flow::ResetAfter,
            (Self::CutAnswer(after), Way::Answers) => Flow::Cut { after, with_reset: false },
            (Self::ResetAnswer(after), Way::Answers) => Flow::Cut { after, with_reset: true },
            // Refusing is done where connections are accepted.
            (Self::None | Self::Refuse, _)
            | (Self::HoldAnswers | Self::DropAnswers, Way::Requests)
            | (Self::CutAnswer(_) | Self::ResetAnswer(_), Way::Requests)
            | (Self::ResetBefore | Self::ResetAfter, Way::Answers) => pass,
        }
    }

    /// The direction whose next bytes get a fault that is set once. `None` if it is no fault of
    /// bytes.
    pub(super) const fn begins_with(self) -> Option<Way> {
        match self {
            Self::None | Self::Refuse => None,
            Self::HoldAnswers | Self::DropAnswers | Self::CutAnswer(_) | Self::ResetAnswer(_) => {
                Some(Way::Answers)
            }
            Self::Delay { .. }
            | Self::Trickle { .. }
            | Self::Hold
            | Self::Blackhole
            | Self::ResetBefore
            | Self::ResetAfter => Some(Way::Requests),
        }
    }
}
