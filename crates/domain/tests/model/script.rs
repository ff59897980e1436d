//! How the provider handles a dial, and the stores that a fault can reach.

/// The stores of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Redis,
    Postgres,
    Both,
}

/// How the provider handles a dial. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) acts_after: u64,
    pub(crate) rings_for: u64,
    pub(crate) is_answered: bool,
    pub(crate) response: Response,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// The outcome.
    Delivered,
    /// A refusal; no phone rings.
    Refused,
    /// The connection is reset after the request.
    Reset,
    /// None.
    Silence,
}

pub(crate) const RESPONSES: [Response; 4] =
    [Response::Delivered, Response::Refused, Response::Reset, Response::Silence];

impl Script {
    pub(crate) fn is_slow(&self) -> bool {
        self.acts_after > 0 || self.has_no_answer()
    }

    /// Whether the outcome stays unknown to the process.
    pub(crate) const fn has_no_answer(&self) -> bool {
        matches!(self.response, Response::Reset | Response::Silence)
    }
}

/// The reason of a request, which reaches the provider: how many faults had happened before it, and
/// how the provider handles its dial.
pub(crate) fn reason(faults_before_request: usize, script: Script) -> String {
    let Script { acts_after, rings_for, is_answered, response } = script;
    let (is_answered, response) = (u8::from(is_answered), response as usize);
    format!("{faults_before_request} {acts_after} {rings_for} {is_answered} {response}")
}

/// What [`reason`] wrote.
pub(crate) fn read(reason: &str) -> Option<(usize, Script)> {
    let mut fields = reason.split(' ').map(|field| field.parse::<u64>().ok());
    let mut field = || fields.next().flatten();
    let faults_before_request = usize::try_from(field()?).ok()?;
    let (acts_after, rings_for, is_answered) = (field()?, field()?, field()? == 1);
    let response = *RESPONSES.get(usize::try_from(field()?).ok()?)?;
    Some((faults_before_request, Script { acts_after, rings_for, is_answered, response }))
}
