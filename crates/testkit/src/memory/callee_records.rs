//! Opt-outs, consents and do-not-call lists.

use async_trait::async_trait;
use domain::ports::{Consents, PortUnavailable, RecordRefusal, Suppressions};
use domain::{
    AuditAction, AuditRecord, CalleeFilter, ChangeOfRecord, Consent, ConsentId, ConsentRecord, ContactId,
    DoNotCallCopy, DoNotCallList, DoNotCallNumber, OrganizationId, PhoneNumber, Suppression, SuppressionId,
    Timestamp,
};

use super::{DirectoryTables, Memory, Tables};

#[async_trait]
impl Suppressions for Memory {
    async fn add_suppression(&self, suppression: &Suppression) -> Result<Suppression, PortUnavailable> {
        let mut tables = self.open()?;
        let stored = tables.directory.put_suppression(suppression);
        tables.audit_directory();
        Ok(stored)
    }

    async fn list_suppressions<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        filter: &CalleeFilter<SuppressionId>,
    ) -> Result<Vec<Suppression>, PortUnavailable> {
        let tables = self.open()?;
        let is_own = |stored: &&Suppression| stored.organization_id.as_ref() == organization_id;
        let erased = &tables.directory.erased_numbers;
        Ok(page(tables.directory.suppressions.iter().filter(is_own), filter, |stored| Listed {
            phone_number: stored.phone_number.clone().or_else(|| erased.get(&stored.id).cloned()),
            contact_id: stored.contact_id.clone(),
            key: (stored.created_at, stored.id.clone()),
        }))
    }

    async fn remove_suppression<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        id: &SuppressionId,
        change: &ChangeOfRecord,
    ) -> Result<bool, PortUnavailable> {
        let mut tables = self.open()?;
        let is_it =
            |stored: &Suppression| stored.id == *id && stored.organization_id.as_ref() == organization_id;
        let Some(index) = tables.directory.suppressions.iter().position(is_it) else { return Ok(false) };
        let removed = tables.directory.suppressions.remove(index);
        tables.directory.audit_suppression(AuditAction::SuppressionRemoved, &removed, change);
        tables.audit_directory();
        Ok(true)
    }
}

#[async_trait]
impl Consents for Memory {
    async fn add_consent(&self, consent: &ConsentRecord) -> Result<ConsentRecord, PortUnavailable> {
        // A user adds a consent without a revocation, so that this changes no stored one.
        let mut tables = self.open()?;
        let stored = tables.directory.put_consent(consent);
        tables.audit_directory();
        Ok(stored)
    }

    async fn list_consents(
        &self,
        organization_id: &OrganizationId,
        filter: &CalleeFilter<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, PortUnavailable> {
        let tables = self.open()?;
        let is_own = |stored: &&ConsentRecord| stored.organization_id == *organization_id;
        Ok(page(tables.directory.consents.iter().filter(is_own), filter, |stored| Listed {
            phone_number: stored.phone_number.clone(),
            contact_id: stored.contact_id.clone(),
            key: (stored.created_at, stored.id.clone()),
        }))
    }

    async fn revoke_consent(
        &self,
        organization_id: &OrganizationId,
        id: &ConsentId,
        change: &ChangeOfRecord,
    ) -> Result<Option<ConsentRecord>, PortUnavailable> {
        let mut tables = self.open()?;
        let is_it =
            |stored: &&mut ConsentRecord| stored.id == *id && stored.organization_id == *organization_id;
        let Some(stored) = tables.directory.consents.iter_mut().find(is_it) else { return Ok(None) };
        if stored.consent.revoked_at.is_some() {
            return Ok(Some(stored.clone()));
        }
        stored.consent.revoked_at = Some(change.at);
        stored.revoked_by.clone_from(&change.by);
        let revoked = stored.clone();
        tables.directory.audit_consent(AuditAction::ConsentRevoked, &revoked, change);
        tables.audit_directory();
        Ok(Some(revoked))
    }
}

impl Tables {
    /// Moves what the directory changed into the audit.
    pub(super) fn audit_directory(&mut self) {
        for record in std::mem::take(&mut self.directory.unaudited) {
            self.audit(record);
        }
    }
}

/// What a list is filtered and ordered by.
struct Listed<Id> {
    phone_number: Option<PhoneNumber>,
    contact_id: Option<ContactId>,
    key: (Timestamp, Id),
}

fn page<'a, T: Clone + 'a, Id: Ord>(
    records: impl Iterator<Item = &'a T>,
    filter: &CalleeFilter<Id>,
    listed: impl Fn(&T) -> Listed<Id>,
) -> Vec<T> {
    let is_wanted = |record: &&T| {
        let it = listed(record);
        filter.phone_number.as_ref().is_none_or(|number| it.phone_number.as_ref() == Some(number))
            && filter.contact_id.as_ref().is_none_or(|id| it.contact_id.as_ref() == Some(id))
            && filter.before.as_ref().is_none_or(|before| it.key < *before)
    };
    let mut wanted: Vec<&T> = records.filter(is_wanted).collect();
    wanted.sort_by_key(|record| std::cmp::Reverse(listed(record).key));
    wanted.into_iter().take(filter.limit as usize).cloned().collect()
}

/// What the tables say of a callee.
impl DirectoryTables {
    /// Whether a call of the organization to this callee is suppressed at this time.
    #[must_use]
    pub fn is_suppressed(
        &self,
        organization_id: &OrganizationId,
        number: Option<&PhoneNumber>,
        contact_id: Option<&ContactId>,
        now: Timestamp,
    ) -> bool {
        self.suppressions.iter().any(|stored| {
            let counts = stored.organization_id.as_ref().is_none_or(|id| id == organization_id);
            let suppressed = stored.phone_number.as_ref().or_else(|| self.erased_numbers.get(&stored.id));
            let is_callee = (number.is_some() && suppressed == number)
                || (contact_id.is_some() && stored.contact_id.as_ref() == contact_id);
            counts && is_callee && stored.expires_at.is_none_or(|end| end > now)
        })
    }

    /// The organization's do-not-call lists, by name.
    #[must_use]
    pub fn do_not_call_lists_with(
        &self,
        organization_id: &OrganizationId,
        number: Option<&PhoneNumber>,
    ) -> Vec<DoNotCallList> {
        let own = self.do_not_call_lists.iter().filter(|copy| copy.organization_id == *organization_id);
        let mut lists: Vec<_> = own
            .map(|copy| {
                let is_on_it = |stored: &DoNotCallNumber| {
                    stored.copy.is_of_list(copy)
                        && Some(&stored.phone_number) == number
                        && stored.copy.dated >= copy.dated
                };
                DoNotCallList {
                    name: copy.name.as_str().into(),
                    dated: copy.dated,
                    has_number: self.do_not_call_numbers.iter().any(is_on_it),
                }
            })
            .collect();
        lists.sort_by(|one, other| one.name.cmp(&other.name));
        lists
    }

    /// The organization's consents of this callee.
    #[must_use]
    pub fn consents_of(
        &self,
        organization_id: &OrganizationId,
        number: Option<&PhoneNumber>,
        contact_id: Option<&ContactId>,
    ) -> Vec<Consent> {
        let is_callee = |stored: &&ConsentRecord| {
            stored.organization_id == *organization_id
                && ((number.is_some() && stored.phone_number.as_ref() == number)
                    || (contact_id.is_some() && stored.contact_id.as_ref() == contact_id))
        };
        self.consents.iter().filter(is_callee).map(|stored| stored.consent).collect()
    }

    pub(super) fn put_suppression(&mut self, suppression: &Suppression) -> Suppression {
        let change = ChangeOfRecord { by: suppression.created_by.clone(), at: suppression.created_at };
        let stored = match self.suppressions.iter_mut().find(|stored| stored.is_same(suppression)) {
            Some(stored) => {
                let end = stored.later_end(suppression);
                if end == stored.expires_at {
                    return stored.clone();
                }
                stored.expires_at = end;
                stored.clone()
            }
            None => {
                self.suppressions.push(suppression.clone());
                suppression.clone()
            }
        };
        self.audit_suppression(AuditAction::SuppressionAdded, &stored, &change);
        stored
    }

    pub(super) fn put_consent(&mut self, consent: &ConsentRecord) -> ConsentRecord {
        let is_same = |stored: &&mut ConsentRecord| {
            stored.organization_id == consent.organization_id
                && (&stored.phone_number, &stored.contact_id) == (&consent.phone_number, &consent.contact_id)
                && (stored.consent.kind, stored.consent.given_at)
                    == (consent.consent.kind, consent.consent.given_at)
        };
        let change = ChangeOfRecord { by: consent.created_by.clone(), at: consent.created_at };
        let (action, stored) = match self.consents.iter_mut().find(is_same) {
            Some(stored) => {
                if stored.consent.revoked_at.is_some() || consent.consent.revoked_at.is_none() {
                    return stored.clone();
                }
                stored.consent.revoked_at = consent.consent.revoked_at;
                (AuditAction::ConsentRevoked, stored.clone())
            }
            None => {
                self.consents.push(consent.clone());
                (AuditAction::ConsentAdded, consent.clone())
            }
        };
        self.audit_consent(action, &stored, &change);
        stored
    }

    pub(super) fn put_do_not_call_number(&mut self, number: &DoNotCallNumber) {
        let is_same = |stored: &&mut DoNotCallNumber| {
            stored.copy.is_of_list(&number.copy) && stored.phone_number == number.phone_number
        };
        match self.do_not_call_numbers.iter_mut().find(is_same) {
            Some(stored) => stored.copy.dated = stored.copy.dated.max(number.copy.dated),
            None => self.do_not_call_numbers.push(number.clone()),
        }
    }

    pub(super) fn put_do_not_call_copy(&mut self, copy: &DoNotCallCopy) -> Result<(), RecordRefusal> {
        match self.do_not_call_lists.iter_mut().find(|stored| stored.is_of_list(copy)) {
            Some(stored) if stored.dated > copy.dated => Err(RecordRefusal::OlderCopy),
            Some(stored) => {
                stored.dated = copy.dated;
                Ok(())
            }
            None => {
                self.do_not_call_lists.push(copy.clone());
                Ok(())
            }
        }
    }

    fn audit_suppression(&mut self, action: AuditAction, suppression: &Suppression, change: &ChangeOfRecord) {
        let Some(organization_id) = &suppression.organization_id else { return };
        let detail = format!(r#"{{"source":"{}"}}"#, suppression.source.as_str());
        self.audit(organization_id, action, suppression.id.as_str(), &detail, change);
    }

    fn audit_consent(&mut self, action: AuditAction, consent: &ConsentRecord, change: &ChangeOfRecord) {
        let detail = format!(r#"{{"kind":"{}"}}"#, consent.consent.kind.as_str());
        self.audit(&consent.organization_id, action, consent.id.as_str(), &detail, change);
    }

    fn audit(
        &mut self,
        organization_id: &OrganizationId,
        action: AuditAction,
        object_id: &str,
        detail: &str,
        change: &ChangeOfRecord,
    ) {
        self.unaudited.push(AuditRecord {
            sequence: 0,
            organization_id: organization_id.clone(),
            at: change.at,
            user_id: change.by.clone(),
            action: action.as_str().into(),
            object_id: Some(object_id.into()),
            detail: Some(detail.into()),
        });
    }
}
