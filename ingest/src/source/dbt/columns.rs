//! The columns of a resource, as a table: what the project says of each, and what the database has.

use super::catalog::{CatalogColumn, Relation};
use super::manifest::Resource;
use super::node::Column;
use super::{Project, reading};
use crate::source::prose::{and, cell, code, count, one_line, sentence, table};

/// A column by what the project says and by what the database has.
struct Merged<'a> {
    name: &'a str,
    described: Option<&'a Column>,
    found: Option<&'a CatalogColumn>,
}

/// The table with a sentence before it; nothing where no column is known.
pub(super) fn columns(project: &Project<'_>, resource: &Resource) -> Vec<String> {
    let columns = merged(project, resource);
    if columns.is_empty() {
        return Vec::new();
    }
    let rows: Vec<Vec<String>> = columns
        .iter()
        .map(|column| {
            vec![
                cell(&code(column.name)),
                cell(&column.data_type()),
                cell(&column.meaning()),
                cell(&column.promised(project, resource)),
            ]
        })
        .collect();
    vec![
        format!(
            "{} has {}.",
            code(&resource.name),
            count(columns.len(), "column")
        ),
        table(&["column", "type", "description", "promised"], &rows),
    ]
}

/// As the table has them, then what is only described. Databases differ in the case of names.
fn merged<'a>(project: &Project<'a>, resource: &'a Resource) -> Vec<Merged<'a>> {
    let described = &resource.node.columns.0;
    let name_of = |(key, column): &'a (String, Column)| column.name.as_deref().unwrap_or(key);
    let relation = project
        .catalog
        .and_then(|catalog| catalog.relation(&resource.id));
    let mut columns: Vec<Merged<'a>> = relation
        .map(Relation::columns)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, found)| {
            let known = described
                .iter()
                .find(|column| name_of(column).eq_ignore_ascii_case(name));
            Merged {
                name: known.map_or(name, name_of),
                described: known.map(|(_, column)| column),
                found: Some(found),
            }
        })
        .collect();
    for column in described {
        let name = name_of(column);
        if !columns
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(name))
        {
            columns.push(Merged {
                name,
                described: Some(&column.1),
                found: None,
            });
        }
    }
    columns
}

impl Merged<'_> {
    fn data_type(&self) -> String {
        let found = self.found.and_then(|column| column.data_type.clone());
        let said = || self.described.and_then(|column| column.data_type.clone());
        found.or_else(said).unwrap_or_default()
    }

    fn meaning(&self) -> String {
        let said = self
            .described
            .and_then(|column| column.description.as_deref());
        let comment = || self.found.and_then(|column| column.comment.as_deref());
        let mut meaning = sentence(&one_line(said.or_else(comment).unwrap_or_default()));
        if let Some(reading) = reading::duration(self.name) {
            if !meaning.is_empty() {
                meaning.push(' ');
            }
            meaning.push_str(&format!("({reading})"));
        }
        let tags = self.described.map_or(&[][..], |column| &column.tags);
        if !tags.is_empty() {
            meaning.push_str(&format!(" Tagged {}.", and(tags)));
        }
        meaning
    }

    fn promised(&self, project: &Project<'_>, resource: &Resource) -> String {
        let mut words: Vec<String> = project
            .promises
            .of_column(resource, self.name)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let constraints = self.described.map_or(&[][..], |column| &column.constraints);
        for constraint in constraints {
            let word = match (constraint.kind.as_deref(), &constraint.expression) {
                (Some("not_null"), _) => "never null".to_owned(),
                (Some("check"), Some(expression)) => format!("check {}", code(expression)),
                (Some("foreign_key"), Some(expression)) => format!("refers to {expression}"),
                (Some(kind), _) => kind.replace('_', " "),
                (None, _) => continue,
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(", ")
    }
}
