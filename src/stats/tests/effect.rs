//! Student's t and what is made of it, against `SciPy`.

use super::close;
use crate::stats::effect::{Effect, t_quantile};

/// `scipy.stats.t.ppf(q, df)` of `SciPy` 1.17.1 for the levels used: MDE, 80 %, 90 %, 95 %, 99 %, and .05 shared by 20.
const LEVELS: [f64; 6] = [0.8, 0.9, 0.95, 0.975, 0.995, 1.0 - 0.025 / 20.0];
const QUANTILES: &[(f64, [f64; 6])] = &[
    (1.0, [1.3763819204712, 3.0776835371753, 6.313751514675, 12.706204736175, 63.656741162872, 254.64659994875]),
    (2.0, [1.0606601717798, 1.8856180831641, 2.9199855803537, 4.3026527297495, 9.9248432009183, 19.962480451643]),
    (3.0, [0.9784723123633, 1.6377443536962, 2.3533634348018, 3.1824463052837, 5.8409093097334, 9.4648996635364]),
    (6.0, [0.90570328518053, 1.4397557472651, 1.9431802805153, 2.446911851145, 3.7074280213248, 4.9806935135194]),
    (8.0, [0.88888951776702, 1.3968153097439, 1.8595480375309, 2.3060041352042, 3.3553873313334, 4.3335498459753]),
    (9.0, [0.88340385968553, 1.3830287383966, 1.8331129326562, 2.2621571627982, 3.2498355415921, 4.1457888284433]),
    (17.0, [0.86327901742005, 1.3333793897216, 1.7396067260751, 2.1098155778333, 2.8982305196774, 3.5429488216482]),
    (34.0, [0.8523211691345, 1.3069515871264, 1.6909242551869, 2.0322445093177, 2.7283943670707, 3.2650549577561]),
    (100.0, [0.84523042449102, 1.2900747613465, 1.6602343260853, 1.9839715185236, 2.625890521438, 3.1018053534233]),
    (1995.0, [0.84180144156123, 1.2819760622828, 1.6456177779669, 1.9611538024142, 2.5782959597412, 3.0271878446382]),
];

#[test]
fn quantiles_equal_those_of_scipy() {
    for (df, wanted) in QUANTILES {
        for (level, wanted) in LEVELS.iter().zip(wanted) {
            close(t_quantile(*level, *df), *wanted, 1e-8);
            close(t_quantile(1.0 - level, *df), -wanted, 1e-8);
        }
    }
}

#[test]
fn p_values_equal_those_of_scipy() {
    // estimate, se, df, 2 t.sf(|t|), t.sf(t); the tiny ones must be the same from both sides.
    for (estimate, se, df, two, above) in [
        (0.05, 0.02, 9.0, 0.033861827682986, 0.016930913841493),
        (-0.05, 0.02, 9.0, 0.033861827682986, 0.98306908615851),
        (0.5, 0.01, 17.0, 6.8070255323529e-20, 3.4035127661765e-20),
        (-0.5, 0.01, 17.0, 6.8070255323529e-20, 1.0),
        (0.001, 0.02, 3.0, 0.96326514459139, 0.48163257229569),
    ] {
        let effect = Effect { estimate, se, df };
        close(effect.p(), two, 1e-9);
        close(effect.p_above(), above, 1e-9);
    }
}

#[test]
fn the_detectable_effect_is_both_quantiles_together() {
    close(Effect { estimate: 0.0, se: 0.02, df: 9.0 }.detectable(), 0.062911220449675, 1e-9);
    close(Effect { estimate: 9.0, se: 0.01, df: 17.0 }.detectable(), 0.029730945952534, 1e-9);
}

#[test]
fn interval_and_p_value_agree() {
    for tenth in -40_i32..=40 {
        let effect = Effect { estimate: f64::from(tenth) / 10.0, se: 1.0, df: 7.0 };
        let [low, high] = effect.interval(0.95);
        assert_eq!(low > 0.0 || high < 0.0, effect.p() < 0.05, "{effect:?}");
    }
}

#[test]
fn without_spread_any_effect_is_certain() {
    let still = |estimate| Effect { estimate, se: 0.0, df: 5.0 };
    assert_eq!([0.1, 0.0, -0.1].map(|e| still(e).p()), [0.0, 1.0, 0.0]);
    assert_eq!([0.1, 0.0, -0.1].map(|e| still(e).p_above()), [0.0, 0.5, 1.0]);
    assert_eq!(still(0.1).interval(0.95), [0.1, 0.1]);
}

#[test]
fn what_is_not_known_alarms_nobody() {
    for effect in [
        Effect { estimate: f64::NAN, se: 1.0, df: 5.0 },
        Effect { estimate: 1.0, se: f64::NAN, df: 5.0 },
        Effect { estimate: f64::INFINITY, se: f64::INFINITY, df: 5.0 },
        Effect { estimate: 1.0, se: 1.0, df: 0.0 },
        Effect { estimate: 1.0, se: 1.0, df: f64::NAN },
    ] {
        close(effect.p(), 1.0, 0.0);
        assert_eq!(effect.interval(0.95), [f64::NEG_INFINITY, f64::INFINITY], "{effect:?}");
    }
}
