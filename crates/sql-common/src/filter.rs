//! The filters of lists as arguments of statements. `None` means that the client did not set the
//! filter.

use domain::ports::{DeliveryListQuery, HistoryQuery};
use domain::{AgentId, CallId, ContactId, DeliveryState, PhoneNumber, Timestamp, UserId, WebhookEndpointId};

pub struct HistoryFilterColumns<'a> {
    pub organization_id: &'a str,
    pub contact_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
    pub agent_id: Option<&'a str>,
    pub to_number: Option<&'a str>,
    /// `None` if any status matches.
    pub status_ranks: Option<Vec<i16>>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// One more than the number up to which matches are counted.
    pub count_limit: i64,
    /// The last call of the previous page: its time of booking and its id, or neither.
    pub before_time: Option<Timestamp>,
    pub before_id: Option<&'a str>,
    pub limit: i64,
    pub offset: i64,
}

impl<'a> From<&'a HistoryQuery> for HistoryFilterColumns<'a> {
    fn from(HistoryQuery { organization_id, filter, count_up_to }: &'a HistoryQuery) -> Self {
        let ranks: Vec<i16> = filter.statuses.iter().map(|status| status.rank().into()).collect();
        let (before_time, before_id) = filter.before.as_ref().map(|(time, id)| (*time, id)).unzip();
        Self {
            organization_id: organization_id.as_str(),
            contact_id: filter.contact_id.as_ref().map(ContactId::as_str),
            user_id: filter.user_id.as_ref().map(UserId::as_str),
            agent_id: filter.agent_id.as_ref().map(AgentId::as_str),
            to_number: filter.to.as_ref().map(PhoneNumber::as_e164),
            status_ranks: Some(ranks).filter(|ranks| !ranks.is_empty()),
            from: filter.from,
            until: filter.until,
            count_limit: i64::from(*count_up_to) + 1,
            before_time,
            before_id: before_id.map(CallId::as_str),
            limit: filter.limit.into(),
            offset: filter.offset.into(),
        }
    }
}

pub struct DeliveryFilterColumns<'a> {
    pub organization_id: &'a str,
    pub endpoint_id: Option<&'a str>,
    pub state: Option<&'static str>,
    /// The last delivery of the previous page: its position and its endpoint, or neither.
    pub before_position: Option<i64>,
    pub before_endpoint_id: Option<&'a str>,
    pub limit: i64,
}

impl<'a> From<&'a DeliveryListQuery> for DeliveryFilterColumns<'a> {
    fn from(DeliveryListQuery { organization_id, filter }: &'a DeliveryListQuery) -> Self {
        let (before_position, before_id) =
            filter.before.as_ref().map(|(sequence, id)| (sequence.number(), id)).unzip();
        Self {
            organization_id: organization_id.as_str(),
            endpoint_id: filter.endpoint_id.as_ref().map(WebhookEndpointId::as_str),
            state: filter.state.map(DeliveryState::as_str),
            before_position,
            before_endpoint_id: before_id.map(WebhookEndpointId::as_str),
            limit: filter.limit.into(),
        }
    }
}
