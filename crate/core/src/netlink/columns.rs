//! Serializes a list of objects as JSON column by column, with shared values written once.
//!
//! Most objects of a table differ in few fields: ten thousand routes differ in their destination. A value
//! that all objects share is written once, and each other field is written as the column of its values:
//! `{"length":2,"same":{"a":1,"b":2},"columns":{"b":[2,3]}}` for `[{"a":1,"b":2},{"a":1,"b":3}]`. `same`
//! lists the fields in their order, with the values of the first object. A field that is an array or an
//! object always has a column, therefore two objects never share it.

use serde::Serialize;
use serde::ser::{Error, Impossible, SerializeStruct, Serializer};
use std::fmt;

/// Writes objects as columns. Returns nothing if the objects do not have the same fields, if more than half
/// of the fields differ, or if the objects are not plain structures: a plain list is shorter then.
#[must_use]
pub fn to_columns<T: Serialize>(objects: &[T]) -> Option<String> {
    let mut table = Columns::default();
    for object in objects {
        object.serialize(&mut table).ok()?;
        table.rows = table.rows.checked_add(1)?;
    }
    String::from_utf8(table.finish()).ok()
}

#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    /// The number of objects written.
    rows: usize,
    /// The position of the next field of the object that is being written.
    place: usize,
    /// The number of fields that differ.
    differing: usize,
    /// The current value.
    value: Vec<u8>,
}

struct Field {
    name: &'static str,
    /// The value of the first object.
    first: Vec<u8>,
    /// All values, each followed by a comma, if they differ or are arrays or objects.
    column: Vec<u8>,
}

impl Columns {
    fn add(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Unfit> {
        self.value.clear();
        value.serialize(&mut serde_json::Serializer::new(&mut self.value)).map_err(|_| Unfit)?;
        if self.rows == 0 {
            let mut column = Vec::new();
            if matches!(self.value.first(), Some(b'[' | b'{')) {
                push(&mut column, &self.value);
            }
            self.fields.push(Field { name, first: self.value.clone(), column });
            return Ok(());
        }
        let count = self.fields.len();
        let field = self.fields.get_mut(self.place).filter(|field| field.name == name);
        let field = field.ok_or(Unfit)?;
        self.place = self.place.saturating_add(1);
        if field.column.is_empty() {
            if field.first == self.value {
                return Ok(());
            }
            self.differing = self.differing.saturating_add(1);
            if self.differing > count / 2 {
                return Err(Unfit);
            }
            for _ in 0..self.rows {
                push(&mut field.column, &field.first);
            }
        }
        push(&mut field.column, &self.value);
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        let mut text = format!("{{\"length\":{},\"same\":{{", self.rows).into_bytes();
        for (index, Field { name, first, .. }) in self.fields.iter().enumerate() {
            begin(&mut text, index, name);
            text.extend_from_slice(first);
        }
        text.extend_from_slice(b"},\"columns\":{");
        let columns = self.fields.iter().filter(|field| !field.column.is_empty());
        for (index, Field { name, column, .. }) in columns.enumerate() {
            begin(&mut text, index, name);
            text.push(b'[');
            text.extend_from_slice(column.strip_suffix(b",").unwrap_or_default());
            text.push(b']');
        }
        text.extend_from_slice(b"}}");
        text
    }
}

fn push(column: &mut Vec<u8>, value: &[u8]) {
    column.extend_from_slice(value);
    column.push(b',');
}

/// Begins a property. Field names do not need escaping.
fn begin(text: &mut Vec<u8>, index: usize, name: &str) {
    if index > 0 {
        text.push(b',');
    }
    text.push(b'"');
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"\":");
}

/// The error for objects that do not fit into columns.
#[derive(Debug)]
struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the objects do not fit into columns")
    }
}

impl std::error::Error for Unfit {}

impl Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl SerializeStruct for &mut Columns {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.add(name, value)
    }

    fn end(self) -> Result<(), Unfit> {
        let is_whole = self.rows == 0 || self.place == self.fields.len();
        self.place = 0;
        if is_whole { Ok(()) } else { Err(Unfit) }
    }
}

/// Refuses every value that is not a structure.
macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $output:ty;)+) => {
        $(fn $method(self, $(_: $type),*) -> Result<$output, Unfit> { Err(Unfit) })+
    };
}

type Never = Impossible<(), Unfit>;

impl Serializer for &mut Columns {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unfit> {
        Err(Unfit)
    }

    refuse! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Thing {
        a: u8,
        b: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        c: Option<Vec<u8>>,
        d: bool,
    }

    fn thing(a: u8, b: &'static str, c: Option<Vec<u8>>) -> Thing {
        Thing { a, b, c, d: true }
    }

    fn columns(things: &[Thing]) -> Option<serde_json::Value> {
        to_columns(things).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_is_the_same_is_written_once_and_each_other_field_as_a_column() {
        let same = thing(1, "x", None);
        let text = r#"{"length":1,"same":{"a":1,"b":"x","d":true},"columns":{}}"#;
        assert_eq!(to_columns(&[same]).unwrap(), text);
        let things = [thing(1, "x", None), thing(1, "x", None), thing(1, "\"é,", None)];
        let text =
            r#"{"length":3,"same":{"a":1,"b":"x","d":true},"columns":{"b":["x","x","\"é,"]}}"#;
        assert_eq!(to_columns(&things).unwrap(), text);
    }

    #[test]
    fn columns_may_hold_values_of_any_kind() {
        let things = [thing(1, "x", Some(vec![])), thing(2, "x", Some(vec![7, 8]))];
        let columns = columns(&things).unwrap();
        assert_eq!(columns["columns"], serde_json::json!({ "a": [1, 2], "c": [[], [7, 8]] }));
    }

    #[test]
    fn no_array_is_shared() {
        let things = [thing(1, "x", Some(vec![7])), thing(1, "x", Some(vec![7]))];
        let columns = columns(&things).unwrap();
        assert_eq!(columns["columns"], serde_json::json!({ "c": [[7], [7]] }));
    }

    #[test]
    fn objects_that_have_too_little_in_common_are_refused() {
        let lists = || Some(vec![]);
        assert!(columns(&[thing(1, "x", None), thing(1, "x", lists())]).is_none());
        assert!(columns(&[thing(1, "x", lists()), thing(1, "x", None)]).is_none());
        assert!(columns(&[thing(1, "x", None), thing(2, "y", None)]).is_none());
        assert!(to_columns(&[1, 2]).is_none());
        assert!(to_columns(&[Some(thing(1, "x", None))]).is_none());
    }
}
