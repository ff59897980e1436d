//! The accounts of a carrier and of a voice provider, and the adapters that read them. They are
//! honest, but for the one flaw that they have.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::ports::{
    Activation, CreatedWebhook, ImportNumber, NumberImport, PortUnavailable, SigningSecret, Trunk,
    TrunkDirectory, TrunkListing, VendorFailure, VoiceWorkspace, WebhookFailure, WorkspaceAgent,
    WorkspaceNumber, WorkspaceWebhook,
};
use domain::{Carrier, PhoneNumber, ProviderAgentId, ProviderNumberId, TrunkId};
use testkit::harness::{TrunkDirectoryHarness, VendorBehaviour, VoiceWorkspaceHarness};

use crate::flaw::Flaw;

/// The vendors and the harness in one; clones share the vendors.
#[derive(Clone)]
pub(crate) struct Accounts {
    flaw: Option<Flaw>,
    key: String,
    vendors: Arc<Mutex<Vendors>>,
}

#[derive(Default)]
struct Vendors {
    behaviour: Option<VendorBehaviour>,
    calls_per_second: u32,
    /// Each number, and whether it is on the trunk.
    trunk_numbers: Vec<(PhoneNumber, bool)>,
    agents: Vec<WorkspaceAgent>,
    numbers: Vec<WorkspaceNumber>,
    webhooks: Vec<(String, String)>,
    active: Option<String>,
    /// Whether the active webhook is disabled and signed, and its last failure.
    condition: Option<(bool, bool, Option<WebhookFailure>)>,
}

const PAGE_LEN: usize = 100;

/// A page, and the number of items on all pages.
struct Page<T> {
    items: Vec<T>,
    total: usize,
}

impl Accounts {
    pub(crate) fn honest() -> Self {
        Self::new(None)
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw))
    }

    fn new(flaw: Option<Flaw>) -> Self {
        Self { flaw, key: String::new(), vendors: Arc::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn vendors(&self) -> MutexGuard<'_, Vendors> {
        self.vendors.lock().expect("no panic while it is locked")
    }

    fn behaviour(&self) -> VendorBehaviour {
        self.vendors().behaviour.unwrap_or(VendorBehaviour::Responds)
    }

    /// One request for a page. The second page is 1.
    fn request(&self, page: usize) -> Result<(), VendorFailure> {
        let quoted = if self.has(Flaw::PutsTheKeyIntoTheError) { &*self.key } else { "" };
        let lost =
            || VendorFailure::Unavailable(PortUnavailable::new("account", format!("no page {quoted}")));
        match self.behaviour() {
            VendorBehaviour::RefusesKey | VendorBehaviour::Forbids if self.has(Flaw::FoldsRefusals) => {
                Err(lost())
            }
            VendorBehaviour::RefusesKey => Err(VendorFailure::KeyRefused),
            VendorBehaviour::Forbids => Err(VendorFailure::NotAllowed),
            VendorBehaviour::HasNoSuchThing => Err(VendorFailure::NotFound),
            VendorBehaviour::LimitsRequests => Err(VendorFailure::RateLimited),
            VendorBehaviour::ServerError
            | VendorBehaviour::ForeignResponse
            | VendorBehaviour::RefusesConnection => {
                if self.has(Flaw::TakesUnavailableForAbsent) {
                    Ok(())
                } else {
                    Err(lost())
                }
            }
            VendorBehaviour::FailsOnSecondPage if page > 0 => Err(lost()),
            VendorBehaviour::Responds
            | VendorBehaviour::FailsOnSecondPage
            | VendorBehaviour::RepeatsFirstPage
            | VendorBehaviour::IgnoresFilter => Ok(()),
        }
    }

    fn page<T: Clone>(&self, items: &[T], page: usize) -> Page<T> {
        let page = if self.behaviour() == VendorBehaviour::RepeatsFirstPage { 0 } else { page };
        Page {
            items: items.iter().skip(page * PAGE_LEN).take(PAGE_LEN).cloned().collect(),
            total: items.len(),
        }
    }

    fn read_pages<T: Clone + PartialEq>(&self, items: &[T]) -> Result<Vec<T>, VendorFailure> {
        let mut read: Vec<T> = Vec::new();
        for number in 0.. {
            match self.request(number) {
                Err(_) if number > 0 && self.has(Flaw::TakesAPartForTheWhole) => break,
                requested => requested?,
            }
            let page = self.page(items, number);
            if page.items.iter().any(|item| read.contains(item)) && !self.has(Flaw::TakesAPartForTheWhole) {
                return Err(VendorFailure::Unavailable(PortUnavailable::new("account", "the pages repeat")));
            }
            read.extend(page.items);
            if read.len() >= page.total || self.has(Flaw::ReadsTheFirstPage) {
                break;
            }
        }
        Ok(read)
    }
}

#[async_trait]
impl TrunkDirectory for Accounts {
    fn carrier(&self) -> Carrier {
        Carrier::named("own-trunk")
    }

    async fn read(&self) -> Result<TrunkListing, VendorFailure> {
        let (stored, calls_per_second) = {
            let vendors = self.vendors();
            (vendors.trunk_numbers.clone(), vendors.calls_per_second)
        };
        let is_filtered = self.behaviour() != VendorBehaviour::IgnoresFilter;
        let listed: Vec<_> = stored.into_iter().filter(|(_, is_own)| *is_own || !is_filtered).collect();
        let read = self.read_pages(&listed)?;
        let is_own = |(_, is_own): &(PhoneNumber, bool)| *is_own || self.has(Flaw::TrustsTheFilter);
        let numbers: BTreeSet<_> = read.into_iter().filter(is_own).map(|(number, _)| number).collect();
        let calls_per_second = if self.has(Flaw::AssumesTheLimit) { 1 } else { calls_per_second };
        let id = TrunkId::parse("trunk-1").expect("a valid id");
        let domain = Some("trunk.example.com".to_owned());
        Ok(TrunkListing { trunk: Trunk { id, domain, calls_per_second }, numbers })
    }
}

#[async_trait]
impl VoiceWorkspace for Accounts {
    async fn agents(&self) -> Result<Vec<WorkspaceAgent>, VendorFailure> {
        let agents = self.vendors().agents.clone();
        self.read_pages(&agents)
    }

    async fn numbers(&self) -> Result<Vec<WorkspaceNumber>, VendorFailure> {
        self.request(0)?;
        let mut numbers = self.vendors().numbers.clone();
        if self.has(Flaw::TakesEveryNumberForOutbound) {
            numbers.iter_mut().for_each(|number| number.can_call_out = true);
        }
        Ok(numbers)
    }

    async fn import_number(&self, number: &ImportNumber) -> Result<NumberImport, VendorFailure> {
        self.request(0)?;
        let mut vendors = self.vendors();
        let is_known = vendors.numbers.iter().any(|it| it.phone_number == number.phone_number);
        if is_known && !self.has(Flaw::ImportsTwice) {
            return Ok(NumberImport::Taken);
        }
        let id = ProviderNumberId::parse(&format!("number-{}", vendors.numbers.len())).expect("a valid id");
        vendors.numbers.push(WorkspaceNumber {
            id: id.clone(),
            phone_number: number.phone_number.clone(),
            can_call_out: true,
            trunk_host: Some(number.trunk_host.clone()),
            agent: Some(number.agent.clone()).filter(|_| !self.has(Flaw::ImportsWithoutTheAgent)),
        });
        Ok(NumberImport::Imported(id))
    }

    async fn link_number(&self, id: &ProviderNumberId, agent: &ProviderAgentId) -> Result<(), VendorFailure> {
        self.request(0)?;
        let mut vendors = self.vendors();
        if vendors.numbers.iter().all(|number| number.id != *id) {
            return Err(VendorFailure::NotFound);
        }
        let is_meant = |number: &&mut WorkspaceNumber| number.id == *id || self.has(Flaw::LinksEveryNumber);
        vendors.numbers.iter_mut().filter(is_meant).for_each(|number| number.agent = Some(agent.clone()));
        Ok(())
    }

    async fn remove_number(&self, id: &ProviderNumberId) -> Result<(), VendorFailure> {
        self.request(0)?;
        let mut vendors = self.vendors();
        if self.has(Flaw::FailsForRemovedNumbers) && vendors.numbers.iter().all(|number| number.id != *id) {
            return Err(VendorFailure::NotFound);
        }
        vendors.numbers.retain(|number| number.id != *id);
        Ok(())
    }

    async fn find_webhook(&self, url: &str) -> Result<Option<String>, VendorFailure> {
        self.request(0)?;
        let vendors = self.vendors();
        let is_it = |(_, of): &&(String, String)| {
            of == url || self.has(Flaw::FindsWebhooksByPrefix) && url.starts_with(of.as_str())
        };
        Ok(vendors.webhooks.iter().find(is_it).map(|(id, _)| id.clone()))
    }

    async fn active_webhook(&self) -> Result<Option<WorkspaceWebhook>, VendorFailure> {
        self.request(0)?;
        let vendors = self.vendors();
        let condition = vendors.condition.filter(|_| !self.has(Flaw::TakesEveryWebhookForHealthy));
        let (is_disabled, is_signed, last_failure) = condition.unwrap_or((false, true, None));
        let is_active = |(id, _): &&(String, String)| vendors.active.as_ref() == Some(id);
        Ok(vendors.webhooks.iter().find(is_active).map(|(id, url)| WorkspaceWebhook {
            id: id.clone(),
            url: url.clone(),
            is_disabled,
            is_signed,
            is_repeated: None,
            last_failure,
        }))
    }

    async fn create_webhook(&self, url: &str) -> Result<CreatedWebhook, VendorFailure> {
        self.request(0)?;
        let mut vendors = self.vendors();
        let id = format!("webhook-{}", vendors.webhooks.len());
        vendors.webhooks.push((id.clone(), url.to_owned()));
        Ok(CreatedWebhook { id, secret: Some(SigningSecret::new("secret-of-the-webhook")) })
    }

    async fn activate_webhook(&self, id: &str) -> Result<Activation, VendorFailure> {
        self.request(0)?;
        let mut vendors = self.vendors();
        if vendors.active.as_ref().is_some_and(|active| active != id) && !self.has(Flaw::ReplacesTheWebhook) {
            return Ok(Activation::OtherIsActive);
        }
        if !self.has(Flaw::CreatesWebhooksOnly) {
            vendors.active = Some(id.to_owned());
        }
        Ok(Activation::Active)
    }
}

#[async_trait]
impl TrunkDirectoryHarness for Accounts {
    fn trunk_directory(&self, key: &str) -> Arc<dyn TrunkDirectory> {
        Arc::new(Self { key: key.to_owned(), ..self.clone() })
    }

    async fn set_trunk(&self, calls_per_second: u32, numbers: &[PhoneNumber], of_other: &[PhoneNumber]) {
        let own = numbers.iter().map(|number| (number.clone(), true));
        let others = of_other.iter().map(|number| (number.clone(), false));
        let mut vendors = self.vendors();
        vendors.trunk_numbers = own.chain(others).collect();
        vendors.calls_per_second = calls_per_second;
    }

    async fn behave(&self, behaviour: VendorBehaviour) {
        self.vendors().behaviour = Some(behaviour);
    }
}

#[async_trait]
impl VoiceWorkspaceHarness for Accounts {
    fn workspace(&self, key: &str) -> Arc<dyn VoiceWorkspace> {
        Arc::new(Self { key: key.to_owned(), ..self.clone() })
    }

    async fn set_workspace(&self, agents: &[WorkspaceAgent], numbers: &[WorkspaceNumber]) {
        let mut vendors = self.vendors();
        vendors.agents = agents.to_vec();
        vendors.numbers = numbers.to_vec();
    }

    async fn behave(&self, behaviour: VendorBehaviour) {
        self.vendors().behaviour = Some(behaviour);
    }

    async fn active_webhook(&self) -> Option<String> {
        self.vendors().active.clone()
    }

    async fn set_webhook_condition(
        &self,
        is_disabled: bool,
        is_signed: bool,
        last_failure: Option<WebhookFailure>,
    ) {
        self.vendors().condition = Some((is_disabled, is_signed, last_failure));
    }
}
