//! Caller numbers.

use domain::ports::CallerNumberChoice;
use domain::{CallerNumber, Carrier, NumberRecord};
use serde::Deserialize;

use crate::{Columns, Table, Unreadable};

pub(crate) const CALLER_NUMBERS: Table = Table("caller_numbers");

/// What a caller number has beside its owner. The statements write the user's other numbers in this form.
#[derive(Deserialize)]
struct NumberColumns {
    phone_number: String,
    carrier: String,
    ai_enabled: bool,
    on_trunk: bool,
    provider_number_id: Option<String>,
}

impl NumberColumns {
    fn read(self, organization_id: &str, user_id: &str) -> Result<CallerNumber, Unreadable> {
        Ok(CallerNumber {
            organization_id: CALLER_NUMBERS.read("organization_id", organization_id)?,
            user_id: CALLER_NUMBERS.read("user_id", user_id)?,
            phone_number: CALLER_NUMBERS.read("phone_number", self.phone_number)?,
            carrier: CALLER_NUMBERS.read("carrier", self.carrier)?,
            ai_enabled: self.ai_enabled,
            on_trunk: self.on_trunk,
            provider_number_id: CALLER_NUMBERS
                .read_optional("provider_number_id", self.provider_number_id)?,
        })
    }
}

/// The caller number for a call. Its columns are null if the user has none.
pub struct CallerNumberColumns {
    pub organization_id: Option<String>,
    pub user_id: Option<String>,
    pub phone_number: Option<String>,
    pub carrier: Option<String>,
    pub ai_enabled: Option<bool>,
    pub on_trunk: Option<bool>,
    pub provider_number_id: Option<String>,
    /// A JSON list of the user's other numbers; `None` if there are none.
    pub other_numbers: Option<String>,
    pub recipient_is_own_number: bool,
    /// Separated by commas; `None` if the query does not ask for them, or if there are none.
    pub organization_numbers: Option<String>,
}

impl Columns for CallerNumberColumns {
    type Value = CallerNumberChoice;

    fn read(self) -> Result<CallerNumberChoice, Unreadable> {
        let recipient_is_own_number = self.recipient_is_own_number;
        let numbers = self.organization_numbers.as_deref().unwrap_or_default();
        let organization_numbers = numbers
            .split_terminator(',')
            .map(|number| CALLER_NUMBERS.read("phone_number", number))
            .collect::<Result<_, _>>()?;
        let Self {
            organization_id: Some(organization_id),
            user_id: Some(user_id),
            phone_number: Some(phone_number),
            carrier: Some(carrier),
            ai_enabled: Some(ai_enabled),
            on_trunk: Some(on_trunk),
            provider_number_id,
            ..
        } = self
        else {
            let (caller, others) = (None, Vec::new());
            return Ok(CallerNumberChoice { caller, others, recipient_is_own_number, organization_numbers });
        };
        let others = read_others(self.other_numbers.as_deref())?;
        let others = others.into_iter().map(|other| other.read(&organization_id, &user_id));
        let others = others.collect::<Result<_, _>>()?;
        let caller = NumberColumns { phone_number, carrier, ai_enabled, on_trunk, provider_number_id };
        let caller = Some(caller.read(&organization_id, &user_id)?);
        Ok(CallerNumberChoice { caller, others, recipient_is_own_number, organization_numbers })
    }
}

fn read_others(json: Option<&str>) -> Result<Vec<NumberColumns>, Unreadable> {
    let unreadable = |_| CALLER_NUMBERS.unreadable("phone_number");
    json.map_or(Ok(Vec::new()), serde_json::from_str).map_err(unreadable)
}

/// A caller number in a list.
pub struct ListedNumberColumns {
    pub organization_id: String,
    pub user_id: String,
    pub phone_number: String,
    pub carrier: String,
    pub ai_enabled: bool,
    pub on_trunk: bool,
    pub provider_number_id: Option<String>,
}

impl Columns for ListedNumberColumns {
    type Value = CallerNumber;

    fn read(self) -> Result<CallerNumber, Unreadable> {
        let Self {
            organization_id,
            user_id,
            phone_number,
            carrier,
            ai_enabled,
            on_trunk,
            provider_number_id,
        } = self;
        let number = NumberColumns { phone_number, carrier, ai_enabled, on_trunk, provider_number_id };
        number.read(&organization_id, &user_id)
    }
}

/// A caller number with its position.
pub struct NumberRecordColumns {
    pub organization_id: String,
    pub user_id: String,
    pub phone_number: String,
    pub carrier: String,
    pub ai_enabled: bool,
    pub on_trunk: bool,
    pub provider_number_id: Option<String>,
    pub position: i64,
}

impl Columns for NumberRecordColumns {
    type Value = NumberRecord;

    fn read(self) -> Result<NumberRecord, Unreadable> {
        let Self { phone_number, carrier, ai_enabled, on_trunk, provider_number_id, position, .. } = self;
        let number = NumberColumns { phone_number, carrier, ai_enabled, on_trunk, provider_number_id };
        let number = number.read(&self.organization_id, &self.user_id)?;
        // An import writes 32 bits, and the columns refuse what is less than 0.
        Ok(NumberRecord { number, position: u32::try_from(position).unwrap_or(u32::MAX) })
    }
}

/// The names of carriers as a JSON array, for a database without arrays.
pub fn carriers_json(carriers: &[Carrier]) -> String {
    let names: Vec<_> = carriers.iter().map(Carrier::as_str).collect();
    serde_json::to_string(&names).expect("texts are always JSON")
}
