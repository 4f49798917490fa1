//! Columns in the catalog of PostgreSQL.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::database::error::DatabaseError;
use crate::database::server::column::CatalogColumn;
use crate::rows::row::ValueForm;

/// A column of PostgreSQL; its `base` is the type without its domain.
pub(super) type PgColumn = CatalogColumn<PgColumnExtra>;

/// Properties that only PostgreSQL has.
#[derive(Debug, Clone)]
pub(crate) struct PgColumnExtra {
    /// The collation in a statement; `None` for a type without collation.
    pub(super) collation: Option<String>,
    is_generated: bool,
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &PgRow) -> sqlx::Result<PgColumn> {
    let width: Option<i32> = row.try_get(3)?;
    let base: String = row.try_get(2)?;
    Ok(PgColumn {
        name: row.try_get(0)?,
        type_name: row.try_get(1)?,
        form: form(&base),
        base,
        width: width.and_then(|width| u64::try_from(width).ok()),
        nullable: row.try_get(4)?,
        extra: PgColumnExtra { is_generated: row.try_get(5)?, collation: row.try_get(6)? },
    })
}

fn form(base: &str) -> Option<ValueForm> {
    match base {
        "text" | "varchar" | "bpchar" | "citext" => Some(ValueForm::Text),
        "bytea" => Some(ValueForm::Bytes),
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" => Some(ValueForm::Number),
        _ => None,
    }
}

/// Returns whether values of a key column are integers.
pub(super) fn is_integer(column: &PgColumn) -> bool {
    matches!(column.base.as_str(), "int2" | "int4" | "int8")
}

/// Role of a column in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnRole {
    /// Contains plaintext, and becomes NULL.
    Source,
    /// Receives the hashes.
    Target,
}

/// Checks that a column can be written and can contain passwords, or hashes.
///
/// # Errors
/// If it is generated, or of a type that cannot contain them.
pub(super) fn check(column: &PgColumn, role: ColumnRole, table: &str) -> Result<(), DatabaseError> {
    let PgColumn { name, type_name, .. } = column;
    if column.extra.is_generated {
        return Err(DatabaseError::usage(format!(
            "write the column `{name}` of {table}: it is generated from other columns; name the \
             column that it is generated from"
        )));
    }
    match column.form {
        Some(form) if form != ValueForm::Number || role == ColumnRole::Source => Ok(()),
        _ => Err(DatabaseError::usage(format!(
            "use the column `{name}` of {table}: it is of the type {type_name}; use a column of the \
             type text, varchar, character, citext or bytea"
        ))),
    }
}

/// Columns in the order of the table. A type's modifier is the width and four bytes for its own length.
pub(super) const COLUMNS: &str = "
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
           coalesce(b.typname, t.typname)::text,
           CASE WHEN coalesce(b.typname, t.typname) IN ('varchar', 'bpchar')
                THEN nullif(CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END, -1) - 4 END,
           NOT (a.attnotnull OR t.typnotnull), a.attgenerated <> '',
           (SELECT format('%I.%I', n.nspname, c.collname) FROM pg_catalog.pg_collation c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";
