//! Tests of the parts that read what others wrote.
