//! What the schema says of the table: names, the key, and what a person should know.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::super::database::{Column, DatabaseError, Note, Table, Wanted, Weight};
use super::error;
use super::statements::{Names, quoted};
use crate::config::nearest::{listed, nearest};

/// Names as the schema has them.
pub(super) struct Found {
    pub(super) table: String,
    pub(super) key: Vec<String>,
    pub(super) column: String,
    pub(super) into: Option<String>,
}

impl Found {
    pub(super) fn borrowed(&self) -> Names<'_> {
        Names {
            table: &self.table,
            key: self.key.iter().map(String::as_str).collect(),
            column: &self.column,
            into: self.into.as_deref(),
        }
    }
}

/// A column of the table, as `table_xinfo` has it.
struct Described {
    name: String,
    type_name: String,
    not_null: bool,
    /// Its place in the primary key, from 1; 0 if it is not in it.
    in_key: i64,
    /// Not 0 for what is computed or hidden.
    hidden: i64,
}

/// What a row is found by where nothing else is named.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

pub(super) fn look_up(
    connection: &Connection,
    path: &Path,
    wanted: &Wanted,
) -> Result<(Table, Found), DatabaseError> {
    let table = table(connection, &wanted.table)?;
    let columns = columns(connection, &table)?;
    let find = |name: &str| {
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = || columns.iter().map(|column| column.name.as_str());
            unknown(&format!("a column `{name}` in `{table}`"), name, names)
        })
    };
    let column = find(&wanted.column)?;
    let into = wanted.into.as_deref().map(find).transpose()?;
    if into.is_some_and(|into| into.name == column.name) {
        return Err(error::usage(format!(
            "write into `{}`: that is the column of the plaintext; leave `--into` out to hash in place",
            column.name
        )));
    }
    if let Some(computed) =
        [Some(column), into].into_iter().flatten().find(|column| column.hidden != 0)
    {
        return Err(error::usage(format!(
            "write into `{}`: its values are computed",
            computed.name
        )));
    }
    let has_rowid = !connection
        .prepare(&format!("SELECT rowid FROM {} LIMIT 0", quoted(&table)))
        .is_err_and(|error| error.to_string().contains("no such column"));
    let key = key(connection, (&table, has_rowid), (&columns, &wanted.key))?;
    if let Some(both) = key
        .iter()
        .find(|name| **name == column.name || into.is_some_and(|into| **name == into.name))
    {
        return Err(error::usage(format!(
            "use `{both}` as a key: it is written to; name another by `--key`"
        )));
    }
    let found = Found {
        table: table.clone(),
        key: key.clone(),
        column: column.name.clone(),
        into: into.map(|into| into.name.clone()),
    };
    let notes = notes(connection, path, &found)?;
    let rows: i64 = connection
        .query_row(&format!("SELECT count(*) FROM {}", quoted(&table)), [], |row| row.get(0))
        .map_err(error::of("count rows"))?;
    let described = |column: &Described| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        // SQLite holds what it is given, whatever VARCHAR(n) says.
        width: None,
        nullable: !column.not_null,
    };
    let of_key = |name: &String| match columns.iter().find(|column| column.name == *name) {
        Some(column) => described(column),
        None => Column {
            name: name.clone(),
            type_name: "INTEGER".to_owned(),
            width: None,
            nullable: false,
        },
    };
    let key = key.iter().map(of_key).collect();
    let rows = rows.unsigned_abs();
    let (column, into) = (described(column), into.map(described));
    Ok((Table { name: table.clone(), key, column, into, rows, notes }, found))
}

fn table(connection: &Connection, wanted: &str) -> Result<String, DatabaseError> {
    let all = "SELECT name, type, coalesce(sql, '') FROM sqlite_schema WHERE type IN ('table', 'view') \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let read = || {
        let mut statement = connection.prepare(all)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<Vec<(String, String, String)>, _>>()
    };
    let tables = read().map_err(error::of("read the schema"))?;
    let found = tables.iter().find(|(name, ..)| name.eq_ignore_ascii_case(wanted));
    let Some((name, kind, sql)) = found else {
        let names = || tables.iter().map(|(name, ..)| name.as_str());
        return Err(unknown(&format!("a table `{wanted}`"), wanted, names));
    };
    if kind == "view" {
        return Err(error::usage(format!(
            "write to `{name}`: it is a view; name the table behind it"
        )));
    }
    if sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL") {
        return Err(error::usage(format!("write to `{name}`: it is a virtual table")));
    }
    Ok(name.clone())
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Described>, DatabaseError> {
    let text = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)";
    let read = || {
        let mut statement = connection.prepare(text)?;
        let rows = statement.query_map([table], |row| {
            Ok(Described {
                name: row.get(0)?,
                type_name: row.get(1)?,
                not_null: row.get(2)?,
                in_key: row.get(3)?,
                hidden: row.get(4)?,
            })
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    read().map_err(error::of("read the schema"))
}

/// The columns of the key, which is unique, so that a row is found again by it and by nothing else.
fn key(
    connection: &Connection,
    (table, has_rowid): (&str, bool),
    (columns, wanted): (&[Described], &[String]),
) -> Result<Vec<String>, DatabaseError> {
    if wanted.is_empty() {
        let mut key: Vec<_> = columns.iter().filter(|column| column.in_key > 0).collect();
        key.sort_by_key(|column| column.in_key);
        if key.is_empty() {
            let hint = if has_rowid { ", or give `--key rowid`" } else { "" };
            return Err(error::usage(format!(
                "find rows of `{table}` again: it has no primary key; name the columns of a unique key by `--key`{hint}"
            )));
        }
        return Ok(key.into_iter().map(|column| column.name.clone()).collect());
    }
    let mut key = Vec::with_capacity(wanted.len());
    for name in wanted {
        if let Some(column) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            key.push(column.name.clone());
        } else if has_rowid && ROWID.contains(&name.to_ascii_lowercase().as_str()) {
            return Ok(vec![name.to_ascii_lowercase()]);
        } else {
            let names = || columns.iter().map(|column| column.name.as_str());
            return Err(unknown(&format!("a column `{name}` in `{table}`"), name, names));
        }
    }
    let primary: BTreeSet<_> = columns
        .iter()
        .filter(|column| column.in_key > 0)
        .map(|column| column.name.clone())
        .collect();
    let mut unique = unique(connection, table).map_err(error::of("read the schema"))?;
    // An INTEGER PRIMARY KEY has no index.
    unique.push(primary);
    let is_unique = unique
        .iter()
        .any(|columns| !columns.is_empty() && columns.iter().all(|column| key.contains(column)));
    if is_unique {
        return Ok(key);
    }
    Err(error::usage(format!(
        "find rows of `{table}` by {}: no unique index covers that, so two rows might be taken for one",
        listed(key.iter().map(String::as_str))
    )))
}

/// The columns of each unique index that holds for all rows, and whose collation is its columns' own.
fn unique(connection: &Connection, table: &str) -> rusqlite::Result<Vec<BTreeSet<String>>> {
    let text = "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial";
    let mut statement = connection.prepare(text)?;
    let indexes: Vec<String> =
        statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut unique = Vec::new();
    for index in indexes {
        let text = "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key";
        let mut statement = connection.prepare(text)?;
        let columns: Vec<(Option<String>, String)> = statement
            .query_map([&index], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        let mut is_plain = true;
        for (name, collation) in columns {
            // An expression has no name.
            let Some(name) = name else {
                is_plain = false;
                break;
            };
            let (_, own, ..) = connection.column_metadata(Some("main"), table, name.as_str())?;
            let own = own.map(|own| own.to_string_lossy().into_owned());
            is_plain &= own.unwrap_or_else(|| "BINARY".to_owned()).eq_ignore_ascii_case(&collation);
            names.insert(name);
        }
        if is_plain {
            unique.push(names);
        }
    }
    Ok(unique)
}

/// What a person should know before the first write.
fn notes(connection: &Connection, path: &Path, found: &Found) -> Result<Vec<Note>, DatabaseError> {
    let schema = || error::of("read the schema");
    let table = quoted(&found.table);
    let mut notes = Vec::new();
    let mut note = |weight, text: String| notes.push(Note { weight, text });
    let nulls: Vec<_> = found.key.iter().map(|name| format!("{} IS NULL", quoted(name))).collect();
    let text = format!("SELECT count(*) FROM {table} WHERE {}", nulls.join(" OR "));
    let nulls: i64 = connection.query_row(&text, [], |row| row.get(0)).map_err(schema())?;
    if nulls > 0 {
        note(
            Weight::Stop,
            format!(
                "{nulls} rows have no key (NULL), so they could not be found again; give them one, or use `--key rowid`"
            ),
        );
    }
    let read = || {
        let text = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?1) \
                    AND upper(sql) LIKE '%UPDATE%'";
        let mut statement = connection.prepare(text)?;
        let names = statement.query_map([&found.table], |row| row.get(0))?;
        names.collect::<Result<Vec<String>, _>>()
    };
    for trigger in read().map_err(schema())? {
        note(
            Weight::Warning,
            format!(
                "the trigger `{trigger}` may run for every row that is written, and may keep its old value elsewhere"
            ),
        );
    }
    let mode: String =
        connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(schema())?;
    if mode != "wal" {
        note(
            Weight::Fact,
            format!(
                "the journal mode is `{mode}`: whoever reads waits for each short write, and each write for readers"
            ),
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(space) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let size = path.metadata().map(|file| file.len()).unwrap_or_default();
        // A rewrite needs as much again twice over: a copy, and the log of what it replaces.
        let (weight, what) = match size {
            size if free < size / 10 => {
                (Weight::Warning, "too little to be sure that all can be written")
            }
            size if free < size.saturating_mul(2) => (Weight::Fact, "too little for `--vacuum`"),
            _ => (Weight::Fact, "enough, also for `--vacuum`"),
        };
        note(
            weight,
            format!(
                "the file has {} and {} of its disk are free: {what}",
                in_words(size),
                in_words(free)
            ),
        );
    }
    Ok(notes)
}

fn in_words(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{:.1} GB", bytes as f64 / 1e9),
        1_000_000.. => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.0} kB", bytes as f64 / 1e3),
    }
}

fn unknown<'a, I: Iterator<Item = &'a str>>(
    what: &str,
    name: &str,
    known: impl Fn() -> I,
) -> DatabaseError {
    error::usage(match nearest(name, known()) {
        Some(nearest) => format!("find {what}; did you mean `{nearest}`?"),
        None => format!("find {what}; there are {}", listed(known())),
    })
}
