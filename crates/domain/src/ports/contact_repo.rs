use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Contact, ContactId, OrganizationId, PhoneNumber};

/// Finds and creates the contacts of an organization.
///
/// - MUST load every field as it was saved (`what_is_saved_is_what_is_loaded`).
/// - MUST treat another organization's contact as absent, by its id
///   (`another_tenants_contact_is_absent`) and by its number (`another_tenants_number_is_absent`).
/// - MUST return `None` for an id that is not stored, however it is spelled
///   (`an_unknown_contact_is_absent`).
/// - MUST find the one contact with a number, with every field (`a_contact_is_found_by_its_number`),
///   and leave it unchanged (`a_known_number_finds_its_contact`).
/// - MUST create no contact in `find_by_number`, and return `None` for a number that the
///   organization does not have (`finding_by_number_creates_nothing`).
/// - MUST create a contact with the offered id in `find_or_create` for a number that the
///   organization does not have, and find it from then on
///   (`a_new_number_makes_a_contact_with_the_offered_id`).
/// - MUST create one contact when many concurrent requests bring the same new number, and return
///   that contact to all of them (`many_finds_of_one_new_number_make_one_contact`).
/// - MUST keep the contacts of two organizations with one number apart
///   (`one_number_in_two_tenants_is_two_contacts`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_contact_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContactRepo: Send + Sync {
    /// Finds the organization's contact with this id. One round trip.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable>;

    /// Finds the organization's contact with this number, and writes nothing. One round trip.
    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable>;

    /// Finds the organization's contact with this number. If there is none, creates one without a
    /// name and with the id `new_id`. One round trip, or two if a concurrent request has just
    /// created the contact.
    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable>;
}
