//! Simulated latency, and the little randomness it needs. The parameters are a choice: `docs/statistics.md` says how they
//! were made.

/// Deterministic random numbers: `SplitMix64` (Steele, Lea, Flood 2014). The same seed gives the same numbers everywhere.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    spare: Option<f64>,
}

impl Rng {
    /// Numbers of their own for each `cell` of a seed.
    pub fn new(seed: u64, cell: &str) -> Self {
        // FNV-1a (Fowler, Noll, Vo) spreads the names.
        let name = cell
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ name, spare: None };
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// True with probability `share`.
    pub fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Poisson of a mean below some hundreds (Knuth 1969).
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let least = (-mean).exp();
        let (mut count, mut product) = (0, self.uniform());
        while product > least {
            count += 1;
            product *= self.uniform();
        }
        count
    }
}

/// A noise model. Standard deviations are of logarithms: 0.04 is 4 %.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Its name in tables.
    pub name: &'static str,
    /// Of a sample about its round; samples follow an AR(1) process.
    pub sample: f64,
    /// Of a round: what new flows and new sockets change.
    pub round: f64,
    /// Of a slow drift of the session, an Ornstein-Uhlenbeck process in time.
    pub drift: f64,
    /// Samples after which the drift has forgotten 63 % of where it was.
    pub memory: f64,
    /// Growth over 1000 samples: a session that warms up or fills.
    pub trend: f64,
    /// Other paths a round may take: share of rounds, and how much longer (log).
    pub paths: &'static [(f64, f64)],
    /// Share of samples at which a burst begins; it lasts 10 samples on average, each longer by a Pareto(1.5) factor.
    pub bursts: f64,
    /// Of a session: what differs between runs on different days.
    pub run: f64,
}

/// Correlation of a sample with the one before.
const PHI: f64 = 0.9;
/// A burst ends after each sample with this probability.
const BURST_ENDS: f64 = 0.1;
/// Latency without noise, seconds.
const LATENCY: f64 = 0.002;

const CALM: Noise = Noise {
    name: "calm",
    sample: 0.15,
    round: 0.02,
    drift: 0.0,
    memory: 1.0,
    trend: 0.0,
    paths: &[],
    bursts: 0.004,
    run: 0.04,
};

/// Samples that follow each other closely, and little else.
pub const AUTOCORRELATED: Noise = Noise { name: "autocorrelated", ..CALM };
/// A level that wanders during the session.
pub const DRIFT: Noise = Noise { name: "drift", drift: 0.06, memory: 1800.0, ..CALM };
/// The same and a trend of 6 % over twenty rounds of 200 samples.
pub const TREND: Noise = Noise { name: "drift + trend", trend: 0.015, ..DRIFT };
/// New flows hash to paths of other length.
pub const ECMP: Noise = Noise { name: "ECMP", sample: 0.07, round: 0.01, paths: &[(0.3, 0.07), (0.1, -0.04)], ..CALM };
/// Everything at once.
pub const STORMY: Noise =
    Noise { name: "stormy", sample: 0.25, round: 0.07, bursts: 0.02, paths: &[(0.2, 0.25)], ..DRIFT };
/// All models.
pub const MODELS: [Noise; 5] = [AUTOCORRELATED, DRIFT, TREND, ECMP, STORMY];

/// A session: what drifts goes on from round to round.
pub struct Session<'r> {
    noise: Noise,
    rng: &'r mut Rng,
    level: f64,
    drift: f64,
    elapsed: f64,
}

impl<'r> Session<'r> {
    /// Draws what the session has for all of its length.
    pub fn new(noise: Noise, rng: &'r mut Rng) -> Self {
        let level = LATENCY.ln() + noise.run * rng.normal();
        let drift = noise.drift * rng.normal();
        Self { noise, rng, level, drift, elapsed: 0.0 }
    }

    /// Latencies of the next round, seconds; true lets it pass and gives none (a warm-up, or the time between sessions).
    pub fn round(&mut self, samples: usize, out: &mut Vec<f64>) {
        let noise = self.noise;
        let forgets = (-(samples as f64) / noise.memory).exp();
        self.drift = forgets * self.drift + noise.drift * (1.0 - forgets * forgets).sqrt() * self.rng.normal();
        self.elapsed += samples as f64;
        let trend = noise.trend * self.elapsed / 1000.0;
        let path = self.path();
        let centre = self.level + self.drift + trend + path + noise.round * self.rng.normal();
        let (mut deviation, step) = (self.rng.normal(), (1.0 - PHI * PHI).sqrt());
        let mut burst = false;
        out.clear();
        for _ in 0..samples {
            burst = self.rng.chance(if burst { 1.0 - BURST_ENDS } else { noise.bursts });
            // Pareto(1.5) from 0 on (Lomax), with a median of a quarter.
            let tail = if burst { 0.426 * (self.rng.uniform().powf(-1.0 / 1.5) - 1.0) } else { 0.0 };
            out.push((centre + noise.sample * deviation).exp() * (1.0 + tail));
            deviation = PHI * deviation + step * self.rng.normal();
        }
    }

    fn path(&mut self) -> f64 {
        let mut at = self.rng.uniform();
        for (share, longer) in self.noise.paths {
            if at < *share {
                return *longer;
            }
            at -= share;
        }
        0.0
    }
}
