//! What the SQL adapters share and is not SQL: columns to domain values, domain values to columns,
//! and the stored JSON form of a conversation.
//!
//! An adapter's statements fill the structs of this crate directly (`sqlx::query_as!`). Times are
//! of the adapter's own type, see [`StoredTime`]. A value that the domain does not accept is
//! [`Unreadable`]: the error names table and column and never quotes the value.

mod ai_numbers;
mod audit_record;
mod call_event;
mod call_record;
mod callee_records;
mod caller_number;
mod calling_facts;
mod column;
mod conversation;
mod credentials;
mod decision;
mod delivery;
mod directory;
mod filter;
mod keyed_call;
mod ledger_figures;
mod open_event;
mod outbound_parties;
mod outcome;
mod personal_data;
mod policy;
mod refusal_count;
mod retention;
mod unfinished_call;
mod variables;
mod webhook_endpoint;

pub use ai_numbers::{HeldNumberColumns, number_job, toggle_detail};
pub use audit_record::AuditColumns;
pub use call_event::{EventColumns, ranks_once_given_up, read_sequence, read_status};
pub use call_record::{CallColumns, IdentityColumns, MergedColumns, ProgressColumns, TraceColumns};
pub use callee_records::{CalleeFilterColumns, ConsentColumns, SuppressionColumns};
pub use caller_number::{CallerNumberColumns, ListedNumberColumns, NumberRecordColumns, carriers_json};
pub use calling_facts::{ANSWERED_RANKS, DECLINED, cap_millis, caps_to_json};
pub use column::{Columns, FromText, StoredTime, Table, Unreadable, read_leased};
pub use conversation::{ConversationForm, erase_conversation};
pub use credentials::{CredentialsColumns, changed_names, write_credentials};
pub use decision::{read_decision, write_decision};
pub use delivery::{ConclusionColumns, DeliveryColumns, DueColumns, running_to_json};
pub use directory::{
    AgentColumns, CALLS_PER_SECOND, ContactColumns, InboundPartiesColumns, NamedColumns, NamedJson,
    StoredIdentityColumns, UserColumns,
};
pub use filter::{DeliveryFilterColumns, HistoryFilterColumns};
pub use keyed_call::KeyedColumns;
pub use ledger_figures::LedgerFiguresColumns;
pub use open_event::OpenEventColumns;
pub use outbound_parties::OutboundPartiesColumns;
pub use outcome::{
    DIALLING, HoldColumns, LEAST_RANK_OF_AN_END, NOT_CONNECTED, NOT_CONNECTED_RANKS, NOT_DIALLED,
    OutcomeColumns, SettledColumns, StatusMerges, UNDECIDED_STATES,
};
pub use personal_data::{ErasedCall, PersonScope, event_row, is_ended};
pub use policy::{OrganizationPolicyColumns, PolicyColumns, read_policy, write_policy};
pub use refusal_count::RefusalColumns;
pub use retention::{OldRecordingColumns, RetentionKey, key_after, removed_oldest, removed_up_to};
pub use unfinished_call::{LEASE_AGE_DIVISOR, OverdueColumns, UndecidedColumns, UnrecordedColumns};
pub use variables::{read_variables, write_variables};
pub use webhook_endpoint::{EndpointColumns, kinds_to_json};
