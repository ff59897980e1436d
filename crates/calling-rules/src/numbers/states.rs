//! The names of states and provinces in libphonenumber's geocoding file.

use std::collections::BTreeSet;

use domain::Region;

/// The states of an area code, from its name (a state, several with `/`, or `Town, ST`) and from the
/// states of its towns (`ST ST`).
pub(super) fn of(name: &str, towns: &str) -> Option<Vec<Region>> {
    let by_name = match name.rsplit_once(", ") {
        Some(_) => Vec::new(),
        None => name.split('/').map(code_of_name).collect::<Option<_>>()?,
    };
    let by_town: Vec<&str> = towns.split_whitespace().map(code_of_state).collect::<Option<_>>()?;
    let codes: BTreeSet<&str> = by_name.into_iter().chain(by_town).collect();
    codes.into_iter().map(|code| Region::parse(code).ok()).collect()
}

fn code_of_name(name: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == name).map(|found| found.1)
}

fn code_of_state(state: &str) -> Option<&'static str> {
    CODES.iter().find(|(_, code)| code[3..] == *state).map(|found| found.1)
}

const CODES: [(&str, &str); 65] = [
    ("Alabama", "US-AL"),
    ("Alaska", "US-AK"),
    ("Arizona", "US-AZ"),
    ("Arkansas", "US-AR"),
    ("California", "US-CA"),
    ("Colorado", "US-CO"),
    ("Connecticut", "US-CT"),
    ("Delaware", "US-DE"),
    ("Florida", "US-FL"),
    ("Georgia", "US-GA"),
    ("Hawaii", "US-HI"),
    ("Idaho", "US-ID"),
    ("Illinois", "US-IL"),
    ("Indiana", "US-IN"),
    ("Iowa", "US-IA"),
    ("Kansas", "US-KS"),
    ("Kentucky", "US-KY"),
    ("Louisiana", "US-LA"),
    ("Maine", "US-ME"),
    ("Maryland", "US-MD"),
    ("Massachusetts", "US-MA"),
    ("Michigan", "US-MI"),
    ("Minnesota", "US-MN"),
    ("Mississippi", "US-MS"),
    ("Missouri", "US-MO"),
    ("Montana", "US-MT"),
    ("Nebraska", "US-NE"),
    ("Nevada", "US-NV"),
    ("New Hampshire", "US-NH"),
    ("New Jersey", "US-NJ"),
    ("New Mexico", "US-NM"),
    ("New York", "US-NY"),
    ("North Carolina", "US-NC"),
    ("North Dakota", "US-ND"),
    ("Ohio", "US-OH"),
    ("Oklahoma", "US-OK"),
    ("Oregon", "US-OR"),
    ("Pennsylvania", "US-PA"),
    ("Rhode Island", "US-RI"),
    ("South Carolina", "US-SC"),
    ("South Dakota", "US-SD"),
    ("Tennessee", "US-TN"),
    ("Texas", "US-TX"),
    ("Utah", "US-UT"),
    ("Vermont", "US-VT"),
    ("Virginia", "US-VA"),
    ("Washington D.C.", "US-DC"),
    ("Washington State", "US-WA"),
    ("West Virginia", "US-WV"),
    ("Wisconsin", "US-WI"),
    ("Wyoming", "US-WY"),
    ("Alberta", "CA-AB"),
    ("British Columbia", "CA-BC"),
    // The file's own spelling, for one area code.
    ("British Colombia", "CA-BC"),
    ("Manitoba", "CA-MB"),
    ("New Brunswick", "CA-NB"),
    ("Newfoundland and Labrador", "CA-NL"),
    ("Northwest Territories", "CA-NT"),
    ("Nova Scotia", "CA-NS"),
    ("Nunavut", "CA-NU"),
    ("Ontario", "CA-ON"),
    ("Prince Edward Island", "CA-PE"),
    ("Quebec", "CA-QC"),
    ("Saskatchewan", "CA-SK"),
    ("Yukon", "CA-YT"),
];
