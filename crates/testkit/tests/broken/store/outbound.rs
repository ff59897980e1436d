use async_trait::async_trait;
use domain::ports::{
    AgentRepo, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient, UserRepo,
};
use testkit::memory::resolve_with_four_ports;

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl OutboundDirectory for BrokenStore {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        self.reach(match query.recipient {
            Recipient::Number(number) => number.as_e164(),
            Recipient::Contact(id) => id.as_str(),
        })
        .await?;
        let found = match self.flaw {
            // The four ports of the broken store have these flaws, too.
            Flaw::ForgetsTheTenant | Flaw::CreatesWhileItFinds => {
                resolve_with_four_ports((self, self, self, self), query).await?
            }
            Flaw::TakesIdsForPatterns => match UserRepo::find(self, query.user_id).await? {
                Some(user) => self.memory.resolve(&OutboundQuery { user_id: &user.id, ..*query }).await?,
                None => None,
            },
            _ => self.memory.resolve(query).await?,
        };
        let Some(mut parties) = found else { return Ok(None) };
        self.flawed_facts(query, &mut parties).await?;
        self.flawed_pacing(query, &mut parties).await?;
        match self.flaw {
            Flaw::ReplacesAnAbsentAgent if parties.agent.is_none() => {
                parties.agent = self.memory.default_for(&parties.user.organization.id).await?;
            }
            Flaw::JoinsTheFirstNumber if query.requested_number.is_none() => {
                let tables = self.memory.tables();
                let first =
                    tables.directory.numbers.iter().find(|first| first.number.user_id == parties.user.id);
                parties.numbers.caller = first.map(|record| record.number.clone());
            }
            Flaw::DropsIncompleteParties
                if parties.contact.is_none()
                    || parties.agent.is_none()
                    || parties.numbers.caller.is_none() =>
            {
                return Ok(None);
            }
            Flaw::KeepsTheFirstParties => {
                let mut first = self.shared.first_parties.lock().expect("no panic");
                return Ok(Some(first.get_or_insert(parties).clone()));
            }
            _ => {}
        }
        Ok(Some(parties))
    }
}
