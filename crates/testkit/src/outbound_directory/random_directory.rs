use domain::ports::{OutboundQuery, Recipient};
use domain::{
    Agent, AgentId, Carrier, ContactId, ContactRecord, DirectoryRecord, NumberRecord, PhoneNumber, UserId,
    UserRecord,
};

use crate::fixtures::{
    SERVED_CARRIERS, agent, agent_id, contact, contact_id, moment, number, organization, phone_number,
    stored_contact, user, user_id,
};
use crate::random::Random;

/// Two organizations with up to a few of everything. They share phone numbers, and some numbers are
/// those of a contact and of a user.
pub(super) struct RandomDirectory {
    random: Random,
    records: Vec<DirectoryRecord>,
    users: Vec<UserId>,
    contacts: Vec<ContactId>,
    agents: Vec<AgentId>,
    phone_numbers: Vec<PhoneNumber>,
}

impl RandomDirectory {
    pub(super) fn new(seed: u64) -> Self {
        let mut directory = Self {
            random: Random::new(seed),
            records: Vec::new(),
            users: vec![user_id()],
            contacts: vec![contact_id()],
            agents: vec![agent_id()],
            phone_numbers: (0..6).map(|_| phone_number()).collect(),
        };
        for _ in 0..2 {
            directory.add_organization();
        }
        directory
    }

    pub(super) fn records(&self) -> Vec<DirectoryRecord> {
        self.records.clone()
    }

    fn add_organization(&mut self) {
        let organization = organization();
        let users = [user(&organization.id), user(&organization.id)];
        self.users.extend(users.iter().map(|user| user.id.clone()));
        self.records.push(DirectoryRecord::Organization(organization.clone()));
        self.records.extend(users.iter().cloned().map(DirectoryRecord::User));
        for _ in 0..self.random.below(5) {
            let mut agent = agent(&organization.id);
            self.change_agent(&mut agent);
            self.agents.push(agent.id.clone());
            self.records.push(DirectoryRecord::Agent(agent));
        }
        // A number belongs to at most one user and one contact of an organization.
        for phone_number in self.phone_numbers.clone() {
            if self.random.is_one_in(2) {
                let number = self.number(&users, &phone_number);
                self.records.push(DirectoryRecord::Number(number));
            }
            if self.random.is_one_in(2) {
                let phone_number = Some(phone_number).filter(|_| !self.random.is_one_in(5));
                let contact = ContactRecord { phone_number, ..contact(&organization.id) };
                self.contacts.push(stored_contact(&contact).id);
                self.records.push(DirectoryRecord::Contact(contact));
            }
        }
    }

    fn change_agent(&mut self, agent: &mut Agent) {
        agent.voice_enabled = !self.random.is_one_in(3);
        if self.random.is_one_in(3) {
            agent.provider_agent_id = None;
        }
    }

    /// The positions differ: the order of two numbers with the same one is not promised.
    fn number(&mut self, users: &[UserRecord], phone_number: &PhoneNumber) -> NumberRecord {
        let place = u32::try_from(self.records.len()).expect("a few");
        let position = if self.random.is_one_in(2) { place } else { 1000 - place };
        let mut record = number(self.random.pick(users), position);
        record.number.phone_number = phone_number.clone();
        record.number.ai_enabled = !self.random.is_one_in(3);
        record.number.on_trunk = !self.random.is_one_in(4);
        let carriers = [SERVED_CARRIERS[0].clone(), SERVED_CARRIERS[1].clone(), Carrier::named("twilio")];
        record.number.carrier = self.random.pick(&carriers).clone();
        record
    }

    /// A query with stored ids and unknown ones, of either organization.
    pub(super) fn query(&mut self) -> RandomQuery {
        let called = match self.random.is_one_in(2) {
            true => Called::Contact(self.random.pick(&self.contacts).clone()),
            false => Called::Number(self.random.pick(&self.phone_numbers).clone()),
        };
        let served = usize::try_from(self.random.below(3)).expect("below 3");
        RandomQuery {
            user_id: self.random.pick(&self.users).clone(),
            called,
            agent_id: self.random.perhaps(&self.agents),
            requested_number: self.random.perhaps(&self.phone_numbers),
            carriers: &SERVED_CARRIERS[..served],
            list_numbers: self.random.is_one_in(2),
        }
    }
}

/// An [`OutboundQuery`] with its values.
pub(super) struct RandomQuery {
    user_id: UserId,
    called: Called,
    agent_id: Option<AgentId>,
    requested_number: Option<PhoneNumber>,
    carriers: &'static [Carrier],
    list_numbers: bool,
}

enum Called {
    Contact(ContactId),
    Number(PhoneNumber),
}

impl RandomQuery {
    pub(super) const fn query(&self) -> OutboundQuery<'_> {
        OutboundQuery {
            user_id: &self.user_id,
            recipient: match &self.called {
                Called::Contact(id) => Recipient::Contact(id),
                Called::Number(number) => Recipient::Number(number),
            },
            agent_id: self.agent_id.as_ref(),
            requested_number: self.requested_number.as_ref(),
            carriers: self.carriers,
            list_numbers: self.list_numbers,
            subject: None,
            purpose: None,
            now: moment(),
            count_calls: None,
        }
    }
}
