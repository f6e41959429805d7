//! Dice that can be thrown again: numbers that follow from a seed.

/// A sequence of numbers that look like chance and follow from a seed (SplitMix64, Steele and others 2014). Not for
/// secrets.
///
/// ```
/// use anymodel::router::Dice;
///
/// let (mut one, mut same) = (Dice::seeded(7), Dice::seeded(7));
/// assert_eq!(one.below(6), same.below(6));
/// assert!((0.0..1.0).contains(&one.unit()));
/// ```
#[derive(Clone, Debug)]
pub struct Dice(u64);

/// The step of the sequence: 2^64 over the golden ratio.
pub(super) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The sequence that follows from this seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number of the sequence.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not, 1.
    pub fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number from 0 up to, but not, `count`; 0 where that is 0.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.roll()).saturating_mul(count as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_comes_up_about_equally_often() {
        let mut dice = Dice::seeded(1);
        let mut faces = [0u32; 6];
        for _ in 0..60_000 {
            faces[dice.below(6)] += 1;
        }
        assert!(faces.iter().all(|face| (9_600..10_400).contains(face)), "{faces:?}");
        assert_eq!(dice.below(0), 0);
    }
}
