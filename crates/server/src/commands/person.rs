//! Whom `outdial erase` and `outdial export-person` are about.

use std::sync::Arc;

use anyhow::Context as _;
use domain::ports::{Person, PersonKey, PortUnavailable};
use domain::{ContactId, ErasePerson, ErasePersonPorts, OrganizationId, PhoneNumber};

use crate::config::Settings;
use crate::system::SystemClock;
use crate::wiring::Stores;

/// The person.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PersonOptions {
    /// The phone number of the person, with its country code: +14165550110.
    #[arg(long, value_name = "NUMBER", value_parser = PhoneNumber::parse)]
    #[arg(required_unless_present = "contact", conflicts_with = "contact")]
    number: Option<PhoneNumber>,
    /// The id of the contact.
    #[arg(long, value_name = "ID", value_parser = ContactId::parse, conflicts_with = "all_organizations")]
    contact: Option<ContactId>,
    /// The id of the organization whose contact the person is.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::parse)]
    #[arg(required_unless_present = "all_organizations")]
    organization: Option<OrganizationId>,
    /// The number in every organization, and in what belongs to none.
    #[arg(long, conflicts_with = "organization")]
    all_organizations: bool,
}

impl PersonOptions {
    /// The person in each organization that is asked for.
    pub(super) async fn persons(&self, erase: &ErasePerson) -> Result<Vec<Person>, PortUnavailable> {
        let key = match (&self.number, &self.contact) {
            (Some(number), _) if self.all_organizations => return erase.everywhere(number).await,
            (Some(number), _) => PersonKey::Number(number.clone()),
            (None, Some(id)) => PersonKey::Contact(id.clone()),
            // The command line does not allow it.
            (None, None) => return Ok(Vec::new()),
        };
        Ok(vec![Person { organization_id: self.organization.clone(), key }])
    }
}

/// The use case on these stores.
pub(super) fn erase_person(settings: &Settings, stores: &Stores) -> anyhow::Result<ErasePerson> {
    let recordings = settings.recordings.as_ref().map(adapter_object_store::open).transpose();
    Ok(ErasePerson::new(ErasePersonPorts {
        personal_data: stores.database(),
        contexts: stores.contexts(),
        provisioning: stores.database(),
        recordings: recordings.context("OUTDIAL_RECORDINGS_URL")?,
        clock: Arc::new(SystemClock),
    }))
}
