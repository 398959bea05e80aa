//! The documents of a contract (ODCS) and of a product (ODPS).

use super::Known;
use super::columns::{self, written};
use super::people;
use super::shape::{Contract, Definition, Description, Port, Product, Server, Sla, Text, said};
use crate::source::prose::{Page, and, article, code, count, embedded, names, one_line, sentence};

/// A contract: everything but its schema objects, which follow in the same document or, of a large
/// contract, have documents of their own.
pub(super) fn contract(contract: &Contract, title: &str, known: &Known, whole: bool) -> String {
    let subject = code(title);
    let mut page = Page::default();
    page.block(&format!("# {title}"));
    page.block(&what_it_is(
        &format!(
            "{subject} is a data contract, by its id {}",
            code(contract.id.as_str())
        ),
        &contract.api_version,
        Some(&contract.version),
        contract.status.as_ref(),
        contract.domain.as_ref(),
    ));
    if let Some(product) = said(contract.data_product.as_ref()) {
        page.block(&format!(
            "{subject} belongs to the data product {}.",
            code(product)
        ));
    }
    for sentence in known.used_by(contract.id.as_str(), title) {
        page.block(&sentence);
    }
    purpose(&mut page, contract.description.as_ref());
    tags(&mut page, &subject, contract.tags.as_deref());
    links(&mut page, contract.authoritative_definitions.as_deref());
    let support = contract.support.as_deref().unwrap_or_default();
    let people = people::sentences(title, contract.team.as_ref(), support);
    page.section("Owner and support", &[people.join(" ")]);
    page.section("Service levels", &service_levels(contract, &subject));
    page.section("Where it is", &servers(contract, &subject));
    page.section("Access", &access(contract, &subject));
    let objects = contract.schema.as_deref().unwrap_or_default();
    if whole {
        for object in objects {
            let heading = format!("Schema of {}", object.name.as_str());
            page.section(&heading, &columns::blocks(object));
        }
    } else {
        let list = names(objects.iter().map(|object| object.name.as_str()));
        let about = format!(
            "{subject} covers {}, each described in a document of its own: {list}.",
            count(objects.len(), "schema object")
        );
        page.section("Schema", &[about]);
    }
    page.finish()
}

/// One schema object of a large contract.
pub(super) fn object(contract: &Contract, title: &str, object: &super::shape::Property) -> String {
    let mut page = Page::default();
    page.block(&format!("# {}", object.name.as_str()));
    page.block(&format!(
        "{} is part of the data contract {}, version {}.",
        code(object.name.as_str()),
        code(title),
        contract.version.as_str()
    ));
    for block in columns::blocks(object) {
        page.block(&block);
    }
    page.finish()
}

/// A data product.
pub(super) fn product(product: &Product, title: &str, known: &Known) -> String {
    let subject = code(title);
    let mut page = Page::default();
    page.block(&format!("# {title}"));
    page.block(&what_it_is(
        &format!(
            "{subject} is a data product, by its id {}",
            code(product.id.as_str())
        ),
        &product.api_version,
        product.version.as_ref(),
        Some(&product.status),
        product.domain.as_ref(),
    ));
    purpose(&mut page, product.description.as_ref());
    tags(&mut page, &subject, product.tags.as_deref());
    links(&mut page, product.authoritative_definitions.as_deref());
    let support = product.support.as_deref().unwrap_or_default();
    let people = people::sentences(title, product.team.as_ref(), support);
    page.section("Owner and support", &[people.join(" ")]);
    page.section(
        "Upstream: what feeds it",
        &ports(
            product.input_ports.as_deref(),
            known,
            &format!("{subject} is fed by these input ports:"),
        ),
    );
    page.section(
        "What it offers",
        &ports(
            product.output_ports.as_deref(),
            known,
            &format!("{subject} offers these output ports:"),
        ),
    );
    page.section(
        "Management",
        &ports(
            product.management_ports.as_deref(),
            known,
            &format!("{subject} is managed through these ports:"),
        ),
    );
    page.finish()
}

fn what_it_is(
    start: &str,
    standard: &Text,
    version: Option<&Text>,
    status: Option<&Text>,
    domain: Option<&Text>,
) -> String {
    let mut text = start.to_owned();
    if let Some(version) = version {
        text.push_str(&format!(", version {}", version.as_str()));
    }
    if let Some(status) = status {
        text.push_str(&format!(", with the status {}", status.as_str()));
    }
    if let Some(domain) = domain {
        text.push_str(&format!(", of the domain {}", code(domain.as_str())));
    }
    format!("{text} (written by the standard's {}).", standard.as_str())
}

fn purpose(page: &mut Page, description: Option<&Description>) {
    let Some(description) = description else {
        return;
    };
    for (what, text) in [
        ("Purpose", &description.purpose),
        ("Limitations", &description.limitations),
        ("Usage", &description.usage),
    ] {
        if let Some(text) = said(text.as_ref()) {
            page.block(&format!("{what}: {}", sentence(&embedded(text))));
        }
    }
}

fn tags(page: &mut Page, subject: &str, tags: Option<&[Text]>) {
    let tags = tags.unwrap_or_default();
    if !tags.is_empty() {
        let tags = names(tags.iter().map(Text::as_str));
        page.block(&format!("{subject} is tagged {tags}."));
    }
}

fn links(page: &mut Page, definitions: Option<&[Definition]>) {
    for definition in definitions.unwrap_or_default() {
        if let Some(url) = said(definition.url.as_ref()) {
            let kind = said(definition.kind.as_ref()).unwrap_or("definition");
            page.block(&format!("See also ({kind}): {url}"));
        }
    }
}

fn service_levels(contract: &Contract, subject: &str) -> Vec<String> {
    let element = said(contract.sla_default_element.as_ref());
    let lines: String = contract
        .sla_properties
        .iter()
        .flatten()
        .map(|sla| format!("- {subject} promises {}.\n", service_level(sla, element)))
        .collect();
    vec![lines]
}

fn service_level(sla: &Sla, default_element: Option<&str>) -> String {
    let property = sla.property.as_str();
    let unit = said(sla.unit.as_ref())
        .map_or_else(String::new, |unit| format!(" {}", unit_in_words(unit)));
    let value = written(&sla.value).unwrap_or_default();
    let unit = if value == "1" && unit.ends_with('s') {
        unit.trim_end_matches('s').to_owned()
    } else {
        unit
    };
    let to = written(&sla.value_ext)
        .filter(|to| *to != value)
        .map_or_else(String::new, |to| format!(" to {to}"));
    let mut text = format!("{} of {value}{to}{unit}", property_in_words(property));
    if let Some(element) = said(sla.element.as_ref()).or(default_element) {
        text.push_str(&format!(" for {}", code(element)));
    }
    if let Some(driver) = said(sla.driver.as_ref()) {
        text.push_str(&format!(" ({driver})"));
    }
    if let Some(description) = said(sla.description.as_ref()) {
        text.push_str(&format!(
            ": {}",
            one_line(description).trim_end_matches('.')
        ));
    }
    text
}

/// `timeOfAvailability` as `a time of availability (timeOfAvailability)`.
fn property_in_words(property: &str) -> String {
    let mut words = String::new();
    for c in property.chars() {
        if c.is_uppercase() {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else {
            words.push(c);
        }
    }
    let words = words.trim();
    if words == property {
        article(words)
    } else {
        format!("{} ({})", article(words), code(property))
    }
}

/// The abbreviations of the standard; others stay as they are.
fn unit_in_words(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "y" | "yr" => "years",
        "w" => "weeks",
        other => other,
    }
}

fn servers(contract: &Contract, subject: &str) -> Vec<String> {
    let lines: String = contract
        .servers
        .iter()
        .flatten()
        .map(|server| format!("- The data of {subject} is on {}.\n", place(server)))
        .collect();
    vec![lines]
}

fn place(server: &Server) -> String {
    let environment = said(server.environment.as_ref())
        .map_or_else(String::new, |environment| format!(", {environment}"));
    let mut text = format!(
        "the server {} ({}{environment})",
        code(server.server.as_str()),
        server.kind.as_str()
    );
    let details: Vec<String> = server
        .place
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "id" | "roles" | "customProperties"))
        .filter_map(|(key, value)| Some(format!("{key} {}", code(&written(value)?))))
        .collect();
    if !details.is_empty() {
        text.push_str(&format!(": {}", and(&details)));
    }
    if let Some(description) = said(server.description.as_ref()) {
        text.push_str(&format!(
            ": {}",
            one_line(description).trim_end_matches('.')
        ));
    }
    text
}

fn access(contract: &Contract, subject: &str) -> Vec<String> {
    let mut lines = String::new();
    for role in contract.roles.iter().flatten() {
        let kind = said(role.access.as_ref()).map_or_else(String::new, |kind| format!(" {kind}"));
        let approvers: Vec<String> = [&role.first_level_approvers, &role.second_level_approvers]
            .into_iter()
            .filter_map(|approvers| said(approvers.as_ref()))
            .filter(|approver| !approver.eq_ignore_ascii_case("na"))
            .map(str::to_owned)
            .collect();
        let approved = if approvers.is_empty() {
            String::new()
        } else {
            format!(", approved by {}", and(&approvers))
        };
        let about = said(role.description.as_ref())
            .map_or_else(String::new, |text| format!(": {}", one_line(text)));
        lines.push_str(&format!(
            "- {}\n",
            sentence(&format!(
                "The role {} gives{kind} access to {subject}{approved}{about}",
                code(role.role.as_str())
            ))
        ));
    }
    let mut blocks = vec![lines];
    let price = contract.price.as_ref();
    if let Some(amount) = price.and_then(|price| said(price.price_amount.as_ref())) {
        let currency = price.and_then(|price| said(price.price_currency.as_ref()));
        let unit = price.and_then(|price| said(price.price_unit.as_ref()));
        blocks.push(format!(
            "{subject} costs {amount}{}{}.",
            currency.map_or_else(String::new, |currency| format!(" {currency}")),
            unit.map_or_else(String::new, |unit| format!(" per {unit}"))
        ));
    }
    blocks
}

fn ports(ports: Option<&[Port]>, known: &Known, lead: &str) -> Vec<String> {
    let lines: String = ports
        .unwrap_or_default()
        .iter()
        .map(|port| format!("- {}\n", sentence(&port_in_words(port, known))))
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    vec![lead.to_owned(), lines]
}

fn port_in_words(port: &Port, known: &Known) -> String {
    let mut text = code(port.name.as_str());
    if let Some(kind) = said(port.kind.as_ref()) {
        text.push_str(&format!(" ({kind})"));
    }
    if let Some(version) = said(port.version.as_ref()) {
        text.push_str(&format!(", version {version}"));
    }
    if let Some(id) = said(port.contract_id.as_ref()) {
        let name = known.contract(id).map_or_else(|| code(id), code);
        text.push_str(&format!(", under the data contract {name}"));
    }
    if let Some(content) = said(port.content.as_ref()) {
        text.push_str(&format!(", for {content}"));
    }
    if let Some(url) = said(port.url.as_ref()) {
        text.push_str(&format!(", at {url} "));
    }
    if let Some(description) = said(port.description.as_ref()) {
        text.push_str(&format!(": {}", one_line(description)));
    }
    text
}

/// The title of a contract or product: its name, else what its file is called.
pub(super) fn title(name: Option<&str>, path: &str) -> String {
    if let Some(name) = name {
        return one_line(name);
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    stem.to_owned()
}
