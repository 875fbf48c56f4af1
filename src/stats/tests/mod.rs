//! Reference values come from `SciPy` 1.17.1 and statsmodels 0.15.0.

#![expect(clippy::unreadable_literal, reason = "reference values stand as they were printed")]
#![expect(clippy::float_cmp, reason = "0, 1 and infinity are exact where they are wanted")]

mod effect;
mod interleaved;
mod sessions;

/// Equal to within `relative` of the value wanted.
#[track_caller]
fn close(got: f64, wanted: f64, relative: f64) {
    assert!((got - wanted).abs() <= relative * wanted.abs(), "got {got:e}, wanted {wanted:e}");
}
