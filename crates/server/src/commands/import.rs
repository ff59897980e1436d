use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use domain::ports::Directory;
use domain::{DestinationRules, DoNotCallCopy, HomeCountries, ListName, LocalDate, OrganizationId};
use indicatif::{ProgressBar, ProgressStyle};

use super::{print, run, write};
use crate::config::Settings;
use crate::import::{
    CheckedFile, CsvLayout, FileRecords, LineReader, MappedColumn, NumbersFile, read_csv, read_ndjson,
};
use crate::system::RandomIdentifiers;
use crate::telemetry;
use crate::wiring::{Stores, calling_rules};

/// What `outdial import` does with a file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ImportOptions {
    /// Check the file and report every line that cannot be loaded, and import nothing.
    #[arg(long)]
    dry_run: bool,
    /// Import the other lines if lines cannot be loaded. Without it, such a file is not imported.
    #[arg(long)]
    skip_invalid: bool,
    /// The file is a CSV file of contacts: one on each row, and the first row names the columns. Rows
    /// with the same phone number are merged.
    #[arg(long, group = "of_one_organization")]
    csv: bool,
    /// The file is a do-not-call list with this name: a number on each line, in its first column. The
    /// copy replaces an older one of the organization. Rules name their list, for example us-national.
    #[arg(long, value_name = "NAME", group = "of_one_organization", value_parser = ListName::parse)]
    #[arg(requires = "dated", requires = "organization")]
    do_not_call: Option<ListName>,
    /// The date of the copy of a do-not-call list: YYYY-MM-DD.
    #[arg(long, value_name = "DATE", requires = "do_not_call", value_parser = LocalDate::parse)]
    dated: Option<LocalDate>,
    /// The column of a field, for example `phoneNumber=Mobile`. Repeat it for each field: id,
    /// organizationId, firstName, lastName, phoneNumber, countryCode, timeZone, region, state, country.
    /// A column whose header is the name of one of the first six needs none.
    #[arg(long, value_name = "FIELD=HEADER", requires = "csv")]
    column: Vec<MappedColumn>,
    /// The id of the organization of the do-not-call list, or of the contacts, if no column has it.
    #[arg(long, value_name = "ID", requires = "of_one_organization", value_parser = OrganizationId::parse)]
    organization: Option<OrganizationId>,
    /// The country of every phone number without + whose row names no country: a calling code like 91
    /// or a code like IN.
    #[arg(long, value_name = "COUNTRY", requires = "of_one_organization", value_parser = HomeCountries::parse)]
    default_country: Option<HomeCountries>,
}

pub(crate) fn import(settings: Settings, path: &Path, options: ImportOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let (directory, destinations) = (stores.directory(), &settings.destinations);
        let imported = match (&options.do_not_call, options.dated, &options.organization) {
            (Some(name), Some(dated), Some(organization_id)) => {
                let copy =
                    DoNotCallCopy { organization_id: organization_id.clone(), name: name.clone(), dated };
                let list = NumbersFile { copy, destinations, home: options.default_country.clone() };
                import_list(path, file, &list, directory, &options).await
            }
            _ => import_file(file, directory, destinations, options).await,
        };
        stores.close().await;
        print(&imported.with_context(|| path.display().to_string())?)
    })
}

/// Returns what was done. Every line that cannot be loaded is reported on standard error.
async fn import_file(
    file: File,
    directory: Arc<dyn Directory>,
    destinations: &DestinationRules,
    options: ImportOptions,
) -> anyhow::Result<String> {
    let ImportOptions { dry_run, skip_invalid, .. } = options;
    let file = read(BufReader::new(file), destinations, options)?;
    let bar = progress_bar(file.count(), "{pos}/{len} checked");
    let checked =
        CheckedFile::check(file, Arc::clone(&directory), |records| bar.set_position(records as u64));
    let checked = checked.await;
    bar.finish_and_clear();
    let mut checked = checked?;
    let found = checked.faults().count();
    for note in checked.notes() {
        report(&format!("{note}\n"))?;
    }
    if !skip_invalid || dry_run {
        report(&checked.faults().to_string())?;
    }
    anyhow::ensure!(skip_invalid || found == 0, "lines that cannot be loaded: {found}; nothing was imported");
    let merged = match checked.merged() {
        0 => String::new(),
        rows => format!("; merged rows: {rows}"),
    };
    if dry_run {
        return Ok(format!("{} records can be imported{merged}; nothing was imported\n", checked.count()));
    }
    let bar = progress_bar(checked.count(), "{pos}/{len} stored");
    let stored =
        checked.store(directory.as_ref(), skip_invalid, |records| bar.set_position(records as u64)).await;
    bar.finish_and_clear();
    report(&checked.faults().to_string())?;
    stored?;
    Ok(match checked.faults().count() {
        0 => format!("imported {} records{merged}\n", checked.count()),
        skipped => format!("imported {} records{merged}; skipped lines: {skipped}\n", checked.count()),
    })
}

/// Returns what was done. The file is read twice.
async fn import_list(
    path: &Path,
    file: File,
    list: &NumbersFile<'_>,
    directory: Arc<dyn Directory>,
    options: &ImportOptions,
) -> anyhow::Result<String> {
    if let Some(refusal) = list.refusal(Arc::clone(&directory)).await? {
        anyhow::bail!("{refusal}; nothing was imported");
    }
    let (count, faults) = list.check(BufReader::new(file))?;
    report(&faults.to_string())?;
    let found = faults.count();
    anyhow::ensure!(
        options.skip_invalid || found == 0,
        "lines that cannot be loaded: {found} or more; nothing was imported"
    );
    if options.dry_run {
        return Ok(format!("{count} numbers can be imported; nothing was imported\n"));
    }
    let file = File::open(path)?;
    let bar = progress_bar(count, "{pos}/{len} stored");
    let stored = list
        .store(BufReader::new(file), directory.as_ref(), |numbers| bar.set_position(numbers as u64))
        .await;
    bar.finish_and_clear();
    Ok(format!("imported {} numbers of {}, copy of {}\n", stored?, list.copy.name.as_str(), list.copy.dated))
}

fn read(
    file: BufReader<File>,
    destinations: &DestinationRules,
    options: ImportOptions,
) -> anyhow::Result<FileRecords> {
    let ImportOptions { csv, column: mapped, organization, default_country, .. } = options;
    let rules = calling_rules();
    let reader = LineReader { identifiers: &RandomIdentifiers, destinations, rules: rules.as_ref() };
    Ok(if csv {
        read_csv(file, &CsvLayout { mapped, organization, default_country }, reader)?
    } else {
        read_ndjson(file, reader)?
    })
}

fn report(text: &str) -> anyhow::Result<()> {
    write(std::io::stderr().lock(), text)
}

fn progress_bar(length: usize, position: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {position} {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("a valid template");
    ProgressBar::new(length as u64).with_style(style)
}
