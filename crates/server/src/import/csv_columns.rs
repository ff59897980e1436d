//! Which column of a CSV file is which field of a contact.

use std::str::FromStr;

use domain::{HomeCountries, OrganizationId};

/// A field of a contact that a column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContactField {
    Id,
    OrganizationId,
    FirstName,
    LastName,
    PhoneNumber,
    /// The country of phone numbers without `+`.
    CountryCode,
    TimeZone,
    Region,
    State,
    Country,
}

impl ContactField {
    const ALL: [Self; 10] = [
        Self::Id,
        Self::OrganizationId,
        Self::FirstName,
        Self::LastName,
        Self::PhoneNumber,
        Self::CountryCode,
        Self::TimeZone,
        Self::Region,
        Self::State,
        Self::Country,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::OrganizationId => "organizationId",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::PhoneNumber => "phoneNumber",
            Self::CountryCode => "countryCode",
            Self::TimeZone => "timeZone",
            Self::Region => "region",
            Self::State => "state",
            Self::Country => "country",
        }
    }

    /// Whether a column must be mapped to the field. Files of other systems have columns with these
    /// headers and with names of places, which are no codes.
    const fn must_be_mapped(self) -> bool {
        matches!(self, Self::TimeZone | Self::Region | Self::State | Self::Country)
    }

    /// Whether a column with this header has the field without being mapped to it. Case, spaces and
    /// `_` do not count.
    fn is_named(self, header: &str) -> bool {
        let header: String = header.chars().filter(|c| c.is_alphanumeric()).collect();
        let is_named = header.eq_ignore_ascii_case(self.name())
            || (self == Self::PhoneNumber && header.eq_ignore_ascii_case("phone"));
        is_named && !self.must_be_mapped()
    }
}

/// A column that the operator maps to a field: `phoneNumber=Mobile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappedColumn {
    field: ContactField,
    header: String,
}

impl FromStr for MappedColumn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, header) =
            text.split_once('=').ok_or("write FIELD=HEADER, for example phoneNumber=Mobile")?;
        let field = ContactField::ALL.into_iter().find(|field| field.name() == name).ok_or_else(|| {
            format!("the fields are {}", ContactField::ALL.map(ContactField::name).join(", "))
        })?;
        Ok(Self { field, header: header.trim().to_owned() })
    }
}

/// What the operator says about the columns of a CSV file.
#[derive(Debug, Clone, Default)]
pub(crate) struct CsvLayout {
    pub(crate) mapped: Vec<MappedColumn>,
    /// The organization of every contact. Without it, a column must name it.
    pub(crate) organization: Option<OrganizationId>,
    /// Where phone numbers without `+` are at home, if their row does not say it.
    pub(crate) default_country: Option<HomeCountries>,
}

/// The index of the column of each field.
#[derive(Debug)]
pub(super) struct Columns([Option<usize>; ContactField::ALL.len()]);

impl Columns {
    /// Finds the columns of a header row.
    pub(super) fn find(headers: &[&str], layout: &CsvLayout) -> Result<Self, String> {
        let mut columns = Self([None; ContactField::ALL.len()]);
        for (index, field) in ContactField::ALL.into_iter().enumerate() {
            columns.0[index] = column_of(field, headers, layout)?;
        }
        if columns.of(ContactField::PhoneNumber).is_none() && columns.of(ContactField::Id).is_none() {
            return Err("no column is phoneNumber: name it with --column phoneNumber=HEADER".to_owned());
        }
        let names_organization = columns.of(ContactField::OrganizationId).is_some();
        match (&layout.organization, names_organization) {
            (None, false) => {
                Err("the contacts have no organization: name it with --organization ID, or its \
                                  column with --column organizationId=HEADER"
                    .to_owned())
            }
            (Some(_), true) => {
                Err("--organization and a column with organizationId: leave one out".to_owned())
            }
            (Some(_), false) | (None, true) => Ok(columns),
        }
    }

    pub(super) fn of(&self, field: ContactField) -> Option<usize> {
        let index = ContactField::ALL.into_iter().position(|known| known == field)?;
        self.0[index]
    }

    /// The columns that are no field.
    pub(super) fn others(&self, count: usize) -> impl Iterator<Item = usize> {
        (0..count).filter(|index| !self.0.contains(&Some(*index)))
    }
}

fn column_of(field: ContactField, headers: &[&str], layout: &CsvLayout) -> Result<Option<usize>, String> {
    let name = field.name();
    let mut mapped = layout.mapped.iter().filter(|column| column.field == field);
    let explicit = mapped.next();
    if mapped.next().is_some() {
        return Err(format!("{name} is mapped twice: leave one --column out"));
    }
    let is_it = |header: &str| match explicit {
        Some(column) => column.header == header,
        None => field.is_named(header) && layout.mapped.iter().all(|column| column.header != header),
    };
    let mut found = (0..headers.len()).filter(|index| is_it(headers[*index]));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(match explicit {
            Some(_) => format!("several columns have the header that {name} is mapped to: rename the others"),
            None => format!("several columns can be {name}: choose one with --column {name}=HEADER"),
        }),
        (None, _) if explicit.is_some() => Err(format!(
            "no column has the header that {name} is mapped to: copy it from the first row of the file"
        )),
        (column, None) => Ok(column),
        (None, Some(_)) => Ok(None),
    }
}
