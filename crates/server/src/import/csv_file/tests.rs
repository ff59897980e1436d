use domain::{AllowedCountries, ContactIdentity, DestinationRules, Region, ZoneName};

use super::*;
use crate::system::RandomIdentifiers;
use crate::wiring::calling_rules;

fn layout(columns: &[&str], default_country: Option<&str>) -> CsvLayout {
    CsvLayout {
        mapped: columns.iter().map(|column| column.parse().expect("a mapping")).collect(),
        organization: Some(OrganizationId::parse("o1").expect("an id")),
        default_country: default_country.map(|text| HomeCountries::parse(text).expect("a country")),
    }
}

fn try_read(text: impl AsRef<[u8]>, layout: &CsvLayout) -> Result<FileRecords, ReadError> {
    read_with(text, layout, &DestinationRules::default())
}

fn read_with(
    text: impl AsRef<[u8]>,
    layout: &CsvLayout,
    destinations: &DestinationRules,
) -> Result<FileRecords, ReadError> {
    let rules = calling_rules();
    let reader = LineReader { identifiers: &RandomIdentifiers, destinations, rules: rules.as_ref() };
    read_csv(text.as_ref(), layout, reader)
}

fn read(text: impl AsRef<[u8]>, layout: &CsvLayout) -> FileRecords {
    try_read(text, layout).expect("it has its columns")
}

/// Each contact as its line, id, names and number.
fn contacts(file: &FileRecords) -> Vec<String> {
    let shown = |(line, record): (&u64, &DirectoryRecord)| {
        let DirectoryRecord::Contact(contact) = record else { panic!("it is a contact") };
        let id = match &contact.identity {
            ContactIdentity::Known(id) => id.as_str(),
            ContactIdentity::ByPhoneNumber { .. } => "-",
        };
        let name =
            |name: &Option<domain::PersonName>| name.as_ref().map_or("-", |name| name.as_str()).to_owned();
        let names = [&contact.first_name, &contact.last_name].map(name).join(" ");
        let number = contact.phone_number.as_ref().map_or("-", PhoneNumber::as_e164);
        format!("{line} {id} {names} {number}")
    };
    file.lines.iter().zip(&file.records).map(shown).collect()
}

fn refusal(text: impl AsRef<[u8]>, layout: &CsvLayout) -> String {
    try_read(text, layout).expect_err("refused").to_string()
}

#[test]
fn columns_are_found_by_the_names_of_the_fields_or_mapped() {
    let expected = ["2 7 Ada Lovelace +14165550123"];
    for headers in [
        "id,first_name,LAST NAME,Phone",
        "ID,firstName,lastName,phoneNumber,",
        "Id,First Name,lastname,PHONE",
    ] {
        let text = format!(
            "{headers}\n7,Ada,Lovelace,+1-416-555-0123{}",
            if headers.ends_with(',') { "," } else { "" }
        );
        assert_eq!(contacts(&read(text, &layout(&[], None))), expected, "{headers}");
    }
    let mapped = layout(&["firstName=Vorname", "lastName=Name", "phoneNumber=Mobil", "id=Nr. (neu)"], None);
    let text = "Name;Vorname;Nr. (neu);Phone;Mobil\nLovelace;Ada;7;+442079460018;+1 416 555 0123\n";
    let file = read(text, &mapped);
    assert_eq!(contacts(&file), expected);
    assert_eq!(file.notes, ["columns that are not imported: Phone"]);
}

#[test]
fn columns_in_doubt_are_refused_with_what_to_do() {
    for (headers, columns, part) in [
        ("Name,Mobile", &[][..], "no column is phoneNumber: name it with --column phoneNumber=HEADER"),
        ("Name,Mobile", &["phoneNumber=Mobil"], "copy it from the first row"),
        ("phone,Phone Number", &[], "several columns can be phoneNumber"),
        ("Mobile,Mobile", &["phoneNumber=Mobile"], "several columns have the header"),
        ("A,B", &["phoneNumber=A", "phoneNumber=B"], "phoneNumber is mapped twice"),
        ("phone,organization_id", &[], "--organization and a column with organizationId"),
        ("", &[], "no column is phoneNumber"),
    ] {
        let refusal = refusal(headers, &layout(columns, None));
        assert!(refusal.contains(part) && refusal.ends_with("nothing was imported"), "{headers}: {refusal}");
    }
    let without_organization = CsvLayout { organization: None, ..layout(&[], None) };
    assert!(refusal("phone", &without_organization).contains("--organization ID"));
    let text = "organization_id,phone\no7,+14165550123\n,+14165550124";
    let file = read(text, &without_organization);
    assert_eq!((file.records.len(), file.faults.count()), (1, 1));
    for (text, part) in [("Mobile", "FIELD=HEADER"), ("phone=Mobile", "the fields are id, organizationId")] {
        let refusal = text.parse::<super::super::MappedColumn>().expect_err("no mapping");
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn the_country_of_a_row_comes_before_that_of_the_file() {
    let text = "phone,country code\n\
                2079460123,44\n\
                \"(02) 5550-0123\",AU\n\
                (646) 555-0123,\n\
                +14165550123,61\n\
                16465550124,+1\n\
                491570156,61\n";
    let file = read(text, &layout(&[], Some("US")));
    assert_eq!(file.faults.to_string(), "");
    let numbers: Vec<_> =
        contacts(&file).iter().map(|line| line.rsplit(' ').next().map(ToOwned::to_owned)).collect();
    let expected =
        ["+442079460123", "+61255500123", "+16465550123", "+14165550123", "+16465550124", "+61491570156"];
    assert_eq!(numbers, expected.map(|number| Some(number.to_owned())));

    let without = read(text, &layout(&[], None));
    assert!(without.faults.to_string().starts_with("line 4: phoneNumber: no +"), "{}", without.faults);
    let settings = DestinationRules {
        allowed: AllowedCountries::parse("US").expect("a list"),
        default_country: domain::Country::parse("US").ok(),
        ..DestinationRules::default()
    };
    let by_settings = read_with(text, &layout(&[], None), &settings);
    assert_eq!(by_settings.expect("it has its columns").faults.count(), 0);
}

#[test]
fn all_faults_of_all_rows_are_reported_without_values() {
    let long = "x".repeat(5_000);
    let text = format!(
        "first_name,phone,country code\n\
         {long},+14165550123 ext 5,\n\
         Ada,,\n\
         ,,\n\
         \n\
         Ada,4165550123,Canada\r\n\
         Ada,+14165550123\n\
         \"Ada\nLovelace\",+1 416 555 012,\n\
         Ada,4165550123,44\n\
         Ada,+14165550123,\n"
    );
    let file = read(text, &layout(&[], None));
    let faults = file.faults.to_string();
    let expected = [
        "line 2: firstName: not a text",
        "line 2: phoneNumber: not a valid E.164 phone number: it has letters; write the number alone",
        "line 3: id or phoneNumber is required",
        "line 6: countryCode: not a calling code like 91",
        "line 7: 2 cells, and 3 in the first row: put quotation marks",
        "line 8: phoneNumber: in no known number range: check",
        "line 10: phoneNumber: no + and no number of its country: check",
    ];
    assert_eq!(faults.lines().count(), expected.len(), "{faults}");
    for (fault, expected) in faults.lines().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}");
    }
    assert!(!faults.contains("416") && !faults.contains("Ada") && !faults.contains("Canada"), "{faults}");
    assert_eq!(contacts(&file), ["11 - Ada - +14165550123"]);
}

#[test]
fn rows_with_one_number_are_merged_and_lost_names_are_reported() {
    let text = "id,first_name,last_name,phone\n\
                ,Ada,,+14165550123\n\
                ,,Lovelace,+1-416-555-0123\n\
                7,Ada,,0014165550123\n\
                ,Augusta,King,+1 416 555 0123\n\
                8,Ada,,+14165550123\n\
                ,Ada,,+14165550124\n";
    let file = read(text, &layout(&[], None));
    let expected = ["2 7 Ada Lovelace +14165550123", "6 8 Ada - +14165550123", "7 - Ada - +14165550124"];
    assert_eq!(contacts(&file), expected, "two ids are two contacts, and the check refuses the second one");
    assert_eq!(file.merged, 3);
    assert_eq!(file.notes, ["line 5: its name was not imported: line 2 has its phone number"]);
}

#[test]
fn files_of_spreadsheets_are_read() {
    let expected = ["2 - Zoë - +14165550123"];
    for text in [
        "\u{feff}first_name,phone\r\nZoë,+14165550123\r\n",
        "first_name;phone\n\"Zoë\";\"+14165550123\"",
        "first_name\tphone\nZoë\t+14165550123\n\n",
        "first_name|phone\n Zoë | +14165550123 \n",
        "\"first_name\",\"phone\"\nZoë,\u{202a}+14165550123\u{202c}\n,\n",
    ] {
        assert_eq!(contacts(&read(text, &layout(&[], None))), expected, "{text:?}");
    }
    assert!(refusal(b"\xff\xfep\0h\0", &layout(&[], None)).contains("CSV UTF-8"));
    assert!(refusal(b"Pr\xe9nom,phone\n", &layout(&[], None)).contains("CSV UTF-8"));
    let latin = read(b"first_name,phone\nZo\xeb,+14165550123\n", &layout(&[], None));
    assert_eq!(latin.faults.to_string(), format!("line 2: {NOT_UTF8}\n"));
}

#[test]
fn a_quotation_mark_without_its_pair_is_found() {
    let rows = "Ada,+14165550123\n".repeat(10_000);
    let file = read(format!("first_name,phone\n\"Ada,+14165550123\n{rows}"), &layout(&[], None));
    assert!(file.faults.to_string().starts_with("line 2: longer than 65536 bytes"), "{}", file.faults);
    assert_eq!(file.records.len(), 0);
}

/// Files of other systems have names of places in such columns.
#[test]
fn a_place_is_read_from_mapped_columns_alone() {
    let text = "phone,timeZone,State,Country\n+14165550123,Eastern,Ontario,Canada\n";
    let file = read(text, &layout(&[], None));
    assert_eq!(contacts(&file), ["2 - - - +14165550123"]);
    assert_eq!(file.notes, ["columns that are not imported: timeZone, State, Country"]);

    let mapped = layout(&["timeZone=TZ", "state=State", "country=Country"], None);
    let text = "phone,TZ,State,Country\n+14165550123,America/Toronto,ON,CA\n+14165550124,,,\n+14165550125,Eastern,Ontario,CA\n";
    let file = read(text, &mapped);
    let places: Vec<_> = file
        .records
        .iter()
        .map(|record| {
            let DirectoryRecord::Contact(contact) = record else { panic!("it is a contact") };
            let place = contact.place.clone();
            (place.zone.as_ref().map(ZoneName::as_str).map(str::to_owned), place.region)
        })
        .collect();
    assert_eq!(places, [(Some("America/Toronto".to_owned()), Region::parse("CA-ON").ok()), (None, None)]);
    assert_eq!(file.faults.0[&4].len(), 2, "{:?}", file.faults);
}
