use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Contact, ContactId, OrganizationId, PhoneNumber};

/// The people an organization calls.
///
/// - MUST load what was saved, every field (`what_is_saved_is_what_is_loaded`).
/// - MUST treat another tenant's contact as one that does not exist (`another_tenants_contact_is_absent`).
/// - MUST answer nothing for an id that is not stored, whatever it is spelled like (`an_unknown_contact_is_absent`).
/// - MUST find the one contact with a number, leaving it as it was (`a_known_number_finds_its_contact`).
/// - MUST make a contact with the offered id for a number that the organization does not know
///   (`a_new_number_makes_a_contact_with_the_offered_id`).
/// - MUST make one contact when many requests bring one new number at once, and give all of them that one
///   (`many_finds_of_one_new_number_make_one_contact`).
/// - MUST keep two tenants' contacts with one number apart (`one_number_in_two_tenants_is_two_contacts`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_contact_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContactRepo: Send + Sync {
    /// The organization's contact with this id, in one round trip.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable>;

    /// The organization's contact with this number; where there is none, a new and nameless one with the id `new_id`.
    /// One round trip, save where a concurrent request has just made the contact.
    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable>;
}
