//! Holidays by calendar, from `data/holidays.txt`.

use std::collections::HashMap;
use std::sync::Arc;

use domain::LocalDate;

use crate::clock::Day;

static TEXT: &str = include_str!("../data/holidays.txt");

/// The holidays of a country or state, in their order.
#[derive(Debug, Default)]
pub(crate) struct Calendar(Vec<(Day, &'static str)>);

pub(crate) type Calendars = HashMap<&'static str, Arc<Calendar>>;

impl Calendar {
    /// The name of the holiday on this day.
    pub(crate) fn holiday(&self, day: Day) -> Option<&'static str> {
        let at = self.0.binary_search_by_key(&day, |(day, _)| *day).ok()?;
        self.0.get(at).map(|(_, name)| *name)
    }
}

/// All calendars. `Err` has a line that is not `CALENDAR DATE NAME`.
pub(crate) fn read() -> Result<Calendars, &'static str> {
    let mut calendars: HashMap<&str, Calendar> = HashMap::new();
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(3, ' ');
        let (Some(calendar), Some(date), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(line);
        };
        let day = LocalDate::parse(date).ok().and_then(Day::of).ok_or(line)?;
        calendars.entry(calendar).or_default().0.push((day, name));
    }
    let sorted = calendars.into_iter().map(|(id, mut calendar)| {
        calendar.0.sort_unstable();
        (id, Arc::new(calendar))
    });
    Ok(sorted.collect())
}
