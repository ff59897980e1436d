//! Which phone numbers exist: the ranges that are in use, with the country and the type of line of
//! each one.

mod table;

use std::fmt;
use std::sync::Arc;

use super::destination::forbidden;
use crate::{InvalidValue, PhoneNumber};

/// The number ranges that calls may use: those of the built-in table, and newer ones that an
/// operator allows.
///
/// The table is generated from libphonenumber's data. A country can open a range before an update
/// of the table contains it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberingPlan {
    extra: Arc<[ExtraRange]>,
}

/// What a number is according to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) country: Option<Country>,
    pub(crate) line_type: LineType,
}

/// The type of a line, which decides who answers it and who pays for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineType {
    /// A fixed or a mobile line. Several countries use the same ranges for both.
    Standard,
    /// A line that is not bound to a place. In France and Japan, these are the lines of homes.
    Voip,
    TollFree,
    Premium,
    SharedCost,
    /// Forwards to the number that its owner chooses, often at a special tariff.
    Personal,
    /// One number for all offices of a company (UAN), often at a special tariff.
    Company,
    Pager,
    Voicemail,
}

/// A country or territory, by its ISO 3166 code. Kosovo is `XK`, Ascension `AC`, and Tristan da
/// Cunha `TA`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(&'static str);

impl Country {
    /// The code: two capital letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A prefix whose numbers an operator allows although the table does not contain them: `+` and 3 to
/// 15 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraRange(Box<str>);

const MIN_PREFIX_LEN: usize = 3;

impl ExtraRange {
    /// Reads a prefix in E.164, for example `+61496`. A prefix of fewer than 3 digits would allow
    /// whole countries.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let is_prefix = (MIN_PREFIX_LEN..=PhoneNumber::MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
            // The prefix must not lie in a range that no setting allows.
            && forbidden(&format!("{digits:5<11}")).is_none();
        let invalid = InvalidValue("an E.164 prefix of 3 to 15 digits that may be called, like +61496");
        if is_prefix { Ok(Self(digits.into())) } else { Err(invalid) }
    }
}

impl NumberingPlan {
    /// The built-in table and these ranges.
    #[must_use]
    pub fn with_extra_ranges(ranges: &[ExtraRange]) -> Self {
        Self { extra: ranges.into() }
    }

    /// Whether the number is in a range that is in use, whatever the type of line.
    #[must_use]
    pub fn contains(&self, number: &PhoneNumber) -> bool {
        self.find(number).is_some()
    }

    /// What the number is, or `None` if it is in no range. The table takes precedence: an extra
    /// range cannot make a premium-rate number a standard one.
    pub(crate) fn find(&self, number: &PhoneNumber) -> Option<Listing> {
        let digits = number.digits();
        if let Some(range) = table::find(digits) {
            return Some(Listing { country: range.country, line_type: range.line_type });
        }
        let is_extra = self.extra.iter().any(|range| digits.starts_with(&*range.0));
        is_extra.then_some(Listing { country: None, line_type: LineType::Standard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("E.164")
    }

    fn line_type(text: &str) -> Option<LineType> {
        NumberingPlan::default().find(&number(text)).map(|listing| listing.line_type)
    }

    fn country(text: &str) -> Option<&'static str> {
        NumberingPlan::default().find(&number(text))?.country.map(Country::as_str)
    }

    #[test]
    fn numbers_of_many_countries_are_contained() {
        for text in
            ["+442079460018", "+33142685300", "+493012345678", "+61291920000", "+81312345678", "+34910000001"]
        {
            assert_eq!(line_type(text), Some(LineType::Standard), "{text}");
        }
    }

    #[test]
    fn numbers_that_nobody_has_are_not_contained() {
        for text in ["+1416555010", "+141655501000", "+4402079460018", "+99912345678", "+12420000000"] {
            assert_eq!(line_type(text), None, "{text}");
        }
    }

    #[test]
    fn each_type_of_line_is_known() {
        for (text, expected) in [
            ("+14165550110", LineType::Standard),
            ("+447400123456", LineType::Standard),
            ("+815012345678", LineType::Voip),
            ("+33970123456", LineType::Voip),
            ("+18005550123", LineType::TollFree),
            ("+449098790000", LineType::Premium),
            ("+491801234567", LineType::SharedCost),
            ("+447031234567", LineType::Personal),
            ("+81570123456", LineType::Company),
            ("+447600123456", LineType::Pager),
        ] {
            assert_eq!(line_type(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn countries_that_share_a_calling_code_are_told_apart() {
        for (text, expected) in [
            ("+12125550123", "US"),
            ("+14165550123", "CA"),
            ("+18765230123", "JM"),
            ("+18095550123", "DO"),
            ("+18295550123", "DO"),
            ("+18495550123", "DO"),
            ("+14734031234", "GD"),
            ("+16492311234", "TC"),
            ("+16644911234", "MS"),
            ("+17672251234", "DM"),
            ("+17844301234", "VC"),
            ("+18682911234", "TT"),
            ("+18697652917", "KN"),
            ("+12423591234", "BS"),
            ("+12462501234", "BB"),
            ("+12684601234", "AG"),
            ("+13453231234", "KY"),
            ("+14413701234", "BM"),
            ("+17582845678", "LC"),
            ("+12642351234", "AI"),
            ("+12843001234", "VG"),
            ("+13406421234", "VI"),
            ("+16702345678", "MP"),
            ("+16713001234", "GU"),
            ("+16847331234", "AS"),
            ("+17215205678", "SX"),
            ("+17872345678", "PR"),
            ("+79123456789", "RU"),
            ("+77710009998", "KZ"),
            ("+3906698123", "VA"),
            ("+390612345678", "IT"),
            ("+441624756789", "IM"),
        ] {
            assert_eq!(country(text), Some(expected), "{text}");
        }
        assert_eq!(country("+80012345678"), None, "an international toll-free number");
    }

    #[test]
    fn an_extra_range_adds_numbers_and_changes_no_others() {
        let unknown = number("+999123456789");
        let premium = number("+449098790000");
        let ranges = ["+9991", "+4490"].map(|text| ExtraRange::parse(text).expect("a prefix"));
        let plan = NumberingPlan::with_extra_ranges(&ranges);
        assert!(!NumberingPlan::default().contains(&unknown));
        assert!(plan.contains(&unknown));
        assert!(!plan.contains(&number("+999223456789")));
        assert_eq!(plan.find(&premium).map(|listing| listing.line_type), Some(LineType::Premium));
    }

    #[test]
    fn an_extra_range_is_a_prefix_of_e164_that_is_no_whole_country() {
        for text in ["+614", "+61496", "+123456789012345"] {
            assert!(ExtraRange::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "+",
            "+1",
            "+44",
            "61496",
            "+0614",
            "+61 496",
            "+61496x",
            "+1234567890123456",
            "+870",
            "+1900",
        ] {
            assert!(ExtraRange::parse(text).is_err(), "{text:?}");
        }
    }
}
