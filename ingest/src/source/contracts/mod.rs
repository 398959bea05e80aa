//! Data contracts (ODCS) and data products (ODPS): YAML files in a folder, one document each.
//!
//! A large contract (more than [`WHOLE_OBJECTS`] schema objects or [`WHOLE_COLUMNS`] columns) has an
//! overview and one document for each schema object, so that each is found by its own name. One that
//! breaks its standard is a problem that names where in the file; what was indexed of it stays.

mod columns;
mod document;
mod parse;
mod people;
mod shape;

use std::collections::BTreeMap;
use std::path::Path;

use docent_core::config;
use docent_core::document::Outcome;

use super::{Content, Found, Listing, Problem, SourceError, read, uri, walk};
use crate::extract::FrontMatter;
use parse::Parsed;
use shape::{Contract, Product, said};

/// A contract of more schema objects than this is cut into documents …
const WHOLE_OBJECTS: usize = 4;
/// … and so is one of more columns in all.
const WHOLE_COLUMNS: usize = 120;

/// Which contracts and products there are, so that they can name each other.
#[derive(Debug, Default)]
struct Known {
    /// Titles of contracts by id.
    contracts: BTreeMap<String, String>,
    /// By contract id: products that offer it, and products that read it.
    offered: BTreeMap<String, Vec<String>>,
    consumed: BTreeMap<String, Vec<String>>,
}

/// Reads the contracts and products of a folder.
pub(super) fn list(
    source: &config::Source,
    folder: &config::Folder,
    max_file_bytes: u64,
) -> Result<Listing, SourceError> {
    let mut listing = walk::list_known(source, folder, max_file_bytes, is_yaml)?;
    let mut parsed = Vec::new();
    for found in std::mem::take(&mut listing.found) {
        let Some(file) = found.content.file() else {
            continue;
        };
        let read = read::read_file(file, max_file_bytes)
            .and_then(|(bytes, modified)| Ok((parse::parse(&bytes)?, modified)));
        match read {
            Ok((document, modified)) => parsed.push((found, document, modified)),
            Err(outcome) => listing.problems.push(Problem {
                path: found.path,
                outcome,
            }),
        }
    }
    let known = Known::of(
        parsed
            .iter()
            .map(|(found, document, _)| (&found.path, document)),
    );
    for (found, document, modified) in parsed {
        let Content::File(file) = &found.content else {
            continue;
        };
        let mut documents = made(&found.path, &document, &known);
        for made in &mut documents {
            let given = made.given.get_or_insert_default();
            given.updated_at = modified;
            given.uri = Some(if source.uri.is_empty() {
                uri::file(file)
            } else {
                source.uri.replace("{path}", &uri::encode(&found.path))
            });
        }
        listing.found.append(&mut documents);
    }
    Ok(listing)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    })
}

/// Reads one file by itself: its documents, or what is wrong with it.
pub fn documents(path: &str, bytes: &[u8]) -> Result<Vec<Found>, Outcome> {
    let parsed = parse::parse(bytes)?;
    let path = path.to_owned();
    let known = Known::of(std::iter::once((&path, &parsed)));
    Ok(made(&path, &parsed, &known))
}

fn made(path: &str, parsed: &Parsed, known: &Known) -> Vec<Found> {
    match parsed {
        Parsed::Contract(contract) => of_contract(path, contract, known),
        Parsed::Product(product) => vec![of_product(path, product, known)],
    }
}

fn of_contract(path: &str, contract: &Contract, known: &Known) -> Vec<Found> {
    let title = contract_title(contract, path);
    let objects = contract.schema.as_deref().unwrap_or_default();
    let columns: usize = objects.iter().map(columns::size).sum();
    let whole = objects.len() <= WHOLE_OBJECTS && columns <= WHOLE_COLUMNS;
    let support = contract.support.as_deref().unwrap_or_default();
    let owner = people::Owner::of(contract.team.as_ref(), support);
    let tags = contract.tags.as_deref().unwrap_or_default();
    let given = FrontMatter {
        title: Some(title.clone()),
        asset: Some(match objects {
            [only] => asset(only),
            _ => title.clone(),
        }),
        owner: owner.name,
        owner_slack: owner.slack,
        owner_email: owner.email,
        status: people::standing(
            said(contract.status.as_ref()),
            tags,
            contract.custom_properties.as_deref().unwrap_or_default(),
        ),
        tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        ..FrontMatter::default()
    };
    let mut documents = vec![Found::made(
        path.to_owned(),
        document::contract(contract, &title, known, whole),
        given.clone(),
    )];
    if !whole {
        let mut used = BTreeMap::new();
        for object in objects {
            let name = object.name.as_str();
            // Two objects of one name would be one document.
            let number: &mut usize = used.entry(name).or_default();
            *number += 1;
            let again = if *number > 1 {
                format!("~{number}")
            } else {
                String::new()
            };
            documents.push(Found::made(
                format!("{path}#{name}{again}"),
                document::object(contract, &title, object),
                FrontMatter {
                    title: Some(name.to_owned()),
                    asset: Some(asset(object)),
                    ..given.clone()
                },
            ));
        }
    }
    documents
}

fn of_product(path: &str, product: &Product, known: &Known) -> Found {
    let title = document::title(said(product.name.as_ref()), path);
    let support = product.support.as_deref().unwrap_or_default();
    let owner = people::Owner::of(product.team.as_ref(), support);
    let tags = product.tags.as_deref().unwrap_or_default();
    let given = FrontMatter {
        title: Some(title.clone()),
        asset: Some(title.clone()),
        owner: owner.name,
        owner_slack: owner.slack,
        owner_email: owner.email,
        status: people::standing(
            Some(product.status.as_str()),
            tags,
            product.custom_properties.as_deref().unwrap_or_default(),
        ),
        tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        ..FrontMatter::default()
    };
    Found::made(
        path.to_owned(),
        document::product(product, &title, known),
        given,
    )
}

/// The name in the database: that is what people ask for.
fn asset(object: &shape::Property) -> String {
    said(object.physical_name.as_ref())
        .unwrap_or(object.name.as_str())
        .to_owned()
}

fn contract_title(contract: &Contract, path: &str) -> String {
    let name = said(contract.name.as_ref()).or_else(|| said(contract.data_product.as_ref()));
    document::title(name, path)
}

impl Known {
    fn of<'a>(all: impl Iterator<Item = (&'a String, &'a Parsed)>) -> Self {
        let mut known = Self::default();
        for (path, parsed) in all {
            match parsed {
                Parsed::Contract(contract) => {
                    let title = contract_title(contract, path);
                    known
                        .contracts
                        .insert(contract.id.as_str().to_owned(), title);
                }
                Parsed::Product(product) => {
                    let title = document::title(said(product.name.as_ref()), path);
                    for (ports, by_id) in [
                        (&product.output_ports, &mut known.offered),
                        (&product.input_ports, &mut known.consumed),
                    ] {
                        let ids = ports
                            .iter()
                            .flatten()
                            .filter_map(|port| said(port.contract_id.as_ref()));
                        for id in ids {
                            let products = by_id.entry(id.to_owned()).or_default();
                            if !products.contains(&title) {
                                products.push(title.clone());
                            }
                        }
                    }
                }
            }
        }
        known
    }

    fn contract(&self, id: &str) -> Option<&str> {
        self.contracts.get(id).map(String::as_str)
    }

    /// Which products offer a contract's data, and which break when it is broken.
    fn used_by(&self, id: &str, title: &str) -> Vec<String> {
        use crate::source::prose::{code, names};
        let subject = code(title);
        let mut sentences = Vec::new();
        if let Some(products) = self.offered.get(id) {
            sentences.push(format!(
                "{subject} is an output port of the data product {}.",
                names(products)
            ));
        }
        if let Some(products) = self.consumed.get(id) {
            sentences.push(format!(
                "Data products that are fed by {subject}, and break when it is broken: {}.",
                names(products)
            ));
        }
        sentences
    }
}
