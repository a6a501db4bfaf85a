//! Which run is whose.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The shard of each run, from 1: the longest first, each to the shard that has
/// the least to do yet (Graham, "Bounds on Multiprocessing Timing Anomalies",
/// 1969: at most 4/3 of the best there is). Of runs of one length the earlier is
/// given away first, and of shards with as much to do the lower gets it.
pub fn partition(lengths: &[u64], shards: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|run| (Reverse(lengths[*run]), *run));
    let mut loads: BinaryHeap<_> = (1..=shards).map(|shard| Reverse((0_u64, shard))).collect();
    let mut owners = vec![0; lengths.len()];
    for run in order {
        let Some(mut least) = loads.peek_mut() else {
            break;
        };
        let Reverse((load, shard)) = *least;
        owners[run] = shard;
        // Runs of no length are shared out as well.
        *least = Reverse((load.saturating_add(lengths[run].max(1)), shard));
    }
    owners
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn loads(lengths: &[u64], shards: u32) -> Vec<u64> {
        let owners = partition(lengths, shards);
        let of = |shard: u32| {
            let own = owners.iter().zip(lengths);
            own.filter(|(owner, _)| **owner == shard)
                .map(|(_, length)| length)
                .sum()
        };
        (1..=shards).map(of).collect()
    }

    #[test]
    fn the_longest_come_first_and_equals_take_turns() {
        assert_eq!(partition(&[1, 1, 1, 1, 1], 2), [1, 2, 1, 2, 1]);
        assert_eq!(partition(&[1, 1, 1, 9], 2), [2, 2, 2, 1]);
        assert_eq!(partition(&[0, 0, 0], 2), [1, 2, 1]);
        assert_eq!(partition(&[], 3), [0; 0]);
        assert_eq!(partition(&[5], 3), [1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_run_has_one_shard_and_none_has_a_run_more_than_it_must(
            lengths in prop::collection::vec(1_u64..1000, 0..200),
            shards in 1_u32..20,
        ) {
            let owners = partition(&lengths, shards);
            prop_assert_eq!(owners.len(), lengths.len());
            prop_assert!(owners.iter().all(|owner| (1..=shards).contains(owner)));
            let loads = loads(&lengths, shards);
            let (most, least) = (loads.iter().max().unwrap(), loads.iter().min().unwrap());
            let longest = lengths.iter().max().copied().unwrap_or(0);
            prop_assert!(most - least <= longest, "{loads:?}");
        }
    }
}
