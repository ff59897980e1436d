//! The directory, and what the decision on a call depends on.

use std::sync::Arc;

use domain::ports::{
    AgentRepo, AiNumbers, AuditLog, CallingPolicies, Consents, ContactRepo, CredentialStore, Directory,
    DirectoryReader, InboundDirectory, JobLeases, NumberPool, OutboundDirectory, Provisioning, RefusalCounts,
    UserRepo,
};
use testkit::harness::{
    AgentRepoHarness, AiNumbersHarness, CalleeRecordsHarness, CallingPoliciesHarness, CallsHarness,
    ContactRepoHarness, CredentialStoreHarness, DirectoryHarness, DirectoryReaderHarness,
    InboundDirectoryHarness, JobLeasesHarness, NumberPoolHarness, OutboundDirectoryHarness,
    ProvisioningHarness, RefusalCountsHarness, UserRepoHarness,
};

use super::{Adapters, Harness};

impl<P: ContactRepo + Adapters> ContactRepoHarness for Harness<P> {
    fn contacts(&self) -> Arc<dyn ContactRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: AgentRepo + Adapters> AgentRepoHarness for Harness<P> {
    fn agents(&self) -> Arc<dyn AgentRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: NumberPool + Adapters> NumberPoolHarness for Harness<P> {
    fn numbers(&self) -> Arc<dyn NumberPool> {
        Arc::new(self.ports.clone())
    }
}

impl<P: UserRepo + Adapters> UserRepoHarness for Harness<P> {
    fn users(&self) -> Arc<dyn UserRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: CallingPolicies + AuditLog + Adapters> CallingPoliciesHarness for Harness<P> {
    fn policies(&self) -> Arc<dyn CallingPolicies> {
        Arc::new(self.ports.clone())
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.ports.clone())
    }
}

impl<P: CredentialStore + AuditLog + Adapters> CredentialStoreHarness for Harness<P> {
    fn credential_store(&self) -> Arc<dyn CredentialStore> {
        Arc::new(self.ports.clone())
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Consents + Adapters> CalleeRecordsHarness for Harness<P>
where
    Self: OutboundDirectoryHarness,
{
    fn consents(&self) -> Arc<dyn Consents> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Directory + Adapters> DirectoryHarness for Harness<P>
where
    Self: CalleeRecordsHarness,
{
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(self.ports.clone())
    }
}

impl<P: DirectoryReader + Adapters> DirectoryReaderHarness for Harness<P> {
    fn directory_reader(&self) -> Arc<dyn DirectoryReader> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Provisioning + Adapters> ProvisioningHarness for Harness<P> {
    fn provisioning(&self) -> Arc<dyn Provisioning> {
        Arc::new(self.ports.clone())
    }
}

impl<P: AiNumbers + Adapters> AiNumbersHarness for Harness<P>
where
    Self: CallingPoliciesHarness + ProvisioningHarness,
{
    fn ai_numbers(&self) -> Arc<dyn AiNumbers> {
        Arc::new(self.ports.clone())
    }
}

impl<P: JobLeases + Adapters> JobLeasesHarness for Harness<P> {
    fn leases(&self) -> Arc<dyn JobLeases> {
        Arc::new(self.ports.clone())
    }
}

impl<P: InboundDirectory + ContactRepo + Adapters> InboundDirectoryHarness for Harness<P> {
    fn inbound(&self) -> Arc<dyn InboundDirectory> {
        Arc::new(self.ports.clone())
    }
}

impl<P> OutboundDirectoryHarness for Harness<P>
where
    P: OutboundDirectory + ContactRepo + AgentRepo + NumberPool + UserRepo + Adapters,
    Self: CallingPoliciesHarness + ProvisioningHarness + CallsHarness,
{
    fn outbound(&self) -> Arc<dyn OutboundDirectory> {
        Arc::new(self.ports.clone())
    }
}

impl<P: RefusalCounts + Adapters> RefusalCountsHarness for Harness<P> {
    fn refusals(&self) -> Arc<dyn RefusalCounts> {
        Arc::new(self.ports.clone())
    }
}
