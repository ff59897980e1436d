//! Opt-outs and consents, as the users of an organization record them.

use std::sync::Arc;

use crate::ports::{Clock, Consents, ContactRepo, Identifiers, PortUnavailable, Suppressions, UserRepo};
use crate::{
    CalleeFilter, ChangeOfRecord, Consent, ConsentId, ConsentKind, ConsentRecord, ContactId,
    DestinationRules, MAX_RECORDS, PhoneNumber, RecordNote, StoredNumberError, Suppression, SuppressionId,
    SuppressionSource, Timestamp, User, UserId,
};

/// Adds, lists and ends the suppressions and consents of a user's organization.
pub struct CalleeRecords {
    ports: CalleeRecordsPorts,
    destinations: DestinationRules,
}

/// The ports that these records need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct CalleeRecordsPorts {
    pub users: Arc<dyn UserRepo>,
    pub contacts: Arc<dyn ContactRepo>,
    pub suppressions: Arc<dyn Suppressions>,
    pub consents: Arc<dyn Consents>,
    pub identifiers: Arc<dyn Identifiers>,
    pub clock: Arc<dyn Clock>,
}

/// Why a record was not added, listed or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalleeRecordsError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The request names neither a number nor a contact.
    #[error("contactId or phoneNumber is required")]
    NoCallee,
    /// The number cannot be read.
    #[error("phoneNumber: {0}")]
    InvalidNumber(#[from] StoredNumberError),
    /// The organization has no such contact.
    #[error("contact not found")]
    ContactNotFound,
    /// The organization has no such suppression.
    #[error("Suppression not found")]
    SuppressionNotFound,
    /// The organization has no such consent.
    #[error("Consent not found")]
    ConsentNotFound,
    /// The user's access role does not allow it.
    #[error("this needs the role ADMIN or SUPERADMIN")]
    NotPermitted,
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

/// Whom a client means: a number as it is written, or a contact, or both.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct WrittenCallee {
    pub phone_number: Option<String>,
    pub contact_id: Option<ContactId>,
}

/// An opt-out, as a client asks for it.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Suppression`")]
pub struct AddSuppression {
    pub callee: WrittenCallee,
    pub reason: Option<RecordNote>,
    pub source: Option<SuppressionSource>,
    pub expires_at: Option<Timestamp>,
}

/// A consent, as a client asks for it.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `ConsentRecord`")]
pub struct AddConsent {
    pub callee: WrittenCallee,
    pub kind: ConsentKind,
    pub given_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub method: Option<RecordNote>,
    pub evidence: Option<RecordNote>,
}

/// The page of a list that a client asks for.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `CalleeFilter`")]
pub struct CalleePage<Id> {
    pub callee: WrittenCallee,
    pub before: Option<(Timestamp, Id)>,
    pub limit: u32,
}

impl CalleeRecords {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: CalleeRecordsPorts, destinations: DestinationRules) -> Self {
        Self { ports, destinations }
    }

    /// Suppresses a number or a contact, and returns the suppression as it is stored. To suppress
    /// again who is suppressed already is no error. With a contact, its number is suppressed too:
    /// another contact may get it.
    pub async fn suppress(
        &self,
        user: &UserId,
        request: AddSuppression,
    ) -> Result<Suppression, CalleeRecordsError> {
        let user = self.user(user).await?;
        let (phone_number, contact_id) = self.callee(&user, request.callee).await?;
        let suppression = Suppression {
            id: self.ports.identifiers.suppression_id(),
            organization_id: Some(user.organization.id),
            phone_number,
            number_is_erased: false,
            contact_id,
            reason: request.reason,
            source: request.source.unwrap_or_else(SuppressionSource::api),
            conversation_id: None,
            created_at: self.ports.clock.now(),
            created_by: Some(user.id),
            expires_at: request.expires_at,
        };
        Ok(self.ports.suppressions.add_suppression(&suppression).await?)
    }

    /// Lists the organization's suppressions, newest first.
    pub async fn suppressions(
        &self,
        user: &UserId,
        page: CalleePage<SuppressionId>,
    ) -> Result<Vec<Suppression>, CalleeRecordsError> {
        let (user, filter) = (self.user(user).await?, self.filter(page)?);
        Ok(self.ports.suppressions.list_suppressions(Some(&user.organization.id), &filter).await?)
    }

    /// Removes a suppression: the callee may be called again.
    pub async fn remove_suppression(
        &self,
        user: &UserId,
        id: &SuppressionId,
    ) -> Result<(), CalleeRecordsError> {
        let user = self.user(user).await?;
        if !user.may_administer() {
            return Err(CalleeRecordsError::NotPermitted);
        }
        let (organization_id, change) = (user.organization.id.clone(), self.change_by(user));
        let removed = self.ports.suppressions.remove_suppression(Some(&organization_id), id, &change).await?;
        if removed { Ok(()) } else { Err(CalleeRecordsError::SuppressionNotFound) }
    }

    /// Records a consent, and returns it as it is stored.
    pub async fn add_consent(
        &self,
        user: &UserId,
        request: AddConsent,
    ) -> Result<ConsentRecord, CalleeRecordsError> {
        let user = self.user(user).await?;
        let (phone_number, contact_id) = self.callee(&user, request.callee).await?;
        let AddConsent { kind, given_at, expires_at, method, evidence, .. } = request;
        let consent = ConsentRecord {
            id: self.ports.identifiers.consent_id(),
            organization_id: user.organization.id,
            phone_number,
            contact_id,
            consent: Consent { kind, given_at, expires_at, revoked_at: None },
            method,
            evidence,
            revoked_by: None,
            created_at: self.ports.clock.now(),
            created_by: Some(user.id),
        };
        Ok(self.ports.consents.add_consent(&consent).await?)
    }

    /// Lists the organization's consents, newest first.
    pub async fn consents(
        &self,
        user: &UserId,
        page: CalleePage<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, CalleeRecordsError> {
        let (user, filter) = (self.user(user).await?, self.filter(page)?);
        Ok(self.ports.consents.list_consents(&user.organization.id, &filter).await?)
    }

    /// Revokes a consent, and returns it as it is now. To revoke it again changes nothing.
    pub async fn revoke_consent(
        &self,
        user: &UserId,
        id: &ConsentId,
    ) -> Result<ConsentRecord, CalleeRecordsError> {
        let user = self.user(user).await?;
        let (organization_id, change) = (user.organization.id.clone(), self.change_by(user));
        let revoked = self.ports.consents.revoke_consent(&organization_id, id, &change).await?;
        revoked.ok_or(CalleeRecordsError::ConsentNotFound)
    }

    async fn user(&self, id: &UserId) -> Result<User, CalleeRecordsError> {
        self.ports.users.find(id).await?.ok_or(CalleeRecordsError::UserNotFound)
    }

    fn change_by(&self, user: User) -> ChangeOfRecord {
        ChangeOfRecord { by: Some(user.id), at: self.ports.clock.now() }
    }

    /// The number and the contact that a record names. Of a contact that is named alone, also its
    /// number.
    async fn callee(
        &self,
        user: &User,
        written: WrittenCallee,
    ) -> Result<(Option<PhoneNumber>, Option<ContactId>), CalleeRecordsError> {
        let number = self.number(written.phone_number.as_deref())?;
        let Some(id) = written.contact_id else {
            return if number.is_some() { Ok((number, None)) } else { Err(CalleeRecordsError::NoCallee) };
        };
        let contact = self.ports.contacts.find(&user.organization.id, &id).await?;
        let contact = contact.ok_or(CalleeRecordsError::ContactNotFound)?;
        Ok((number.or(contact.phone_number), Some(id)))
    }

    fn number(&self, written: Option<&str>) -> Result<Option<PhoneNumber>, StoredNumberError> {
        written.map(|text| self.destinations.read_stored(text)).transpose()
    }

    fn filter<Id>(&self, page: CalleePage<Id>) -> Result<CalleeFilter<Id>, CalleeRecordsError> {
        Ok(CalleeFilter {
            phone_number: self.number(page.callee.phone_number.as_deref())?,
            contact_id: page.callee.contact_id,
            before: page.before,
            limit: page.limit.clamp(1, MAX_RECORDS),
        })
    }
}
