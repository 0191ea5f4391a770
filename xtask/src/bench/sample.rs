//! Statistics of many measurements.

use std::time::Duration;

/// Measurements of one thing, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the measurement that `per_mille` of all do not exceed.
    pub(crate) fn quantile(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = sorted.len().saturating_sub(1) * per_mille / 1000;
        sorted.get(index).copied().unwrap_or_default()
    }

    /// Returns the median, the 90th and the 99th percentile as cells of a table, in whole microseconds.
    pub(crate) fn table_cells(&self) -> String {
        let quantiles = [500, 900, 990].map(|part| self.quantile(part).as_micros().to_string());
        quantiles.join(" | ")
    }

    /// Returns the median of the ratios to `yardstick`, pair by pair: a short load of the machine slows both of a
    /// pair.
    pub(crate) fn ratio_to(&self, yardstick: &Self) -> f64 {
        let pairs = self.0.iter().zip(&yardstick.0);
        let mut ratios: Vec<f64> =
            pairs.map(|(own, other)| own.as_secs_f64() / other.as_secs_f64()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(millis: &[u64]) -> Sample {
        Sample(millis.iter().map(|ms| Duration::from_millis(*ms)).collect())
    }

    #[test]
    fn quantiles_and_ratios_are_computed_from_sorted_values() {
        let ours = sample(&[4, 2, 6, 8, 10]);
        assert_eq!(ours.quantile(500), Duration::from_millis(6));
        assert_eq!(ours.quantile(1000), Duration::from_millis(10));
        assert_eq!(ours.quantile(0), Duration::from_millis(2));
        let ratio = ours.ratio_to(&sample(&[2, 1, 3, 4, 1]));
        assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
        assert_eq!(Sample::default().quantile(500), Duration::ZERO);
    }
}
