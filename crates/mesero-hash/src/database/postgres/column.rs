//! What PostgreSQL's catalogue says of a column.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::database::error::DatabaseError;
use crate::database::table::TableColumn;
use crate::rows::row::ValueForm;

/// A column.
#[derive(Debug, Clone)]
pub(super) struct PgColumn {
    pub(super) name: String,
    /// As a cast takes it.
    pub(super) type_name: String,
    /// The type without its domain.
    pub(super) base: String,
    pub(super) width: Option<u64>,
    pub(super) nullable: bool,
    /// As a statement names it; none for a type that has none.
    pub(super) collation: Option<String>,
    generated: bool,
}

impl PgColumn {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &PgRow) -> sqlx::Result<Self> {
        let width: Option<i32> = row.try_get(3)?;
        Ok(Self {
            name: row.try_get(0)?,
            type_name: row.try_get(1)?,
            base: row.try_get(2)?,
            width: width.and_then(|width| u64::try_from(width).ok()),
            nullable: row.try_get(4)?,
            generated: row.try_get(5)?,
            collation: row.try_get(6)?,
        })
    }

    /// What a password in such a column is; none if it is none.
    pub(super) fn form(&self) -> Option<ValueForm> {
        match self.base.as_str() {
            "text" | "varchar" | "bpchar" | "citext" => Some(ValueForm::Text),
            "bytea" => Some(ValueForm::Bytes),
            "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" => Some(ValueForm::Number),
            _ => None,
        }
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.base.as_str(), "int2" | "int4" | "int8")
    }

    pub(super) fn column(&self) -> TableColumn {
        TableColumn {
            name: self.name.clone(),
            type_name: self.type_name.clone(),
            width: self.width,
            nullable: self.nullable,
        }
    }

    /// Passwords and hashes are texts or bytes that can be written; what is a `target` takes hashes.
    pub(super) fn check(&self, is_target: bool, table: &str) -> Result<(), DatabaseError> {
        let PgColumn { name, type_name, .. } = self;
        if self.generated {
            return Err(DatabaseError::usage(format!(
                "write the column `{name}` of {table}: it is generated from others; name the column \
             that it is made of"
            )));
        }
        match self.form() {
            Some(form) if form != ValueForm::Number || !is_target => Ok(()),
            _ => Err(DatabaseError::usage(format!(
                "use the column `{name}` of {table}: it is of the type {type_name}; wanted text, \
             varchar, character, citext or bytea"
            ))),
        }
    }
}

/// Four bytes of a type's modifier are its own length.
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
