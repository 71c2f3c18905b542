//! Random operations, compared with a map after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{all_keys, bucket, value};
use crate::bucket::Bucket;
use crate::key_value::{KeyValue, Swap};

/// Small numbers from a seed: a linear congruential generator, with the constants of Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// 400 random operations on a few keys of two buckets do what they do to two maps.
pub async fn behaves_like_a_map(store: &dyn KeyValue) {
    let buckets = [bucket("behaves-like-a-map"), bucket("behaves-like-a-map-too")];
    let mut maps: [BTreeMap<String, Bytes>; 2] = Default::default();
    let mut dice = Dice(20_26);
    for round in 0..400 {
        let which = dice.below(2);
        let key = ["a", "b", "ab", "b\0", "c"][dice.below(5)];
        let new = Bytes::from(vec![round as u8; dice.below(5) * dice.below(3000)]);
        step(store, &buckets[which], &mut maps[which], key, new, dice.below(5)).await;
        let expected = maps[which].get(key).map(|value| value.to_vec());
        assert_eq!(value(store, &buckets[which], key).await, expected, "round {round}");
    }
    for (bucket, map) in buckets.iter().zip(&maps) {
        assert_eq!(all_keys(store, bucket, 2).await, map.keys().cloned().collect::<Vec<_>>());
    }
}

async fn step(
    store: &dyn KeyValue,
    bucket: &Bucket,
    map: &mut BTreeMap<String, Bytes>,
    key: &str,
    new: Bytes,
    what: usize,
) {
    match what {
        0 | 1 => {
            store.set(bucket, key, new.clone().into()).await.expect("set");
            map.insert(key.to_owned(), new);
        }
        2 => {
            store.delete(bucket, key).await.expect("delete");
            map.remove(key);
        }
        3 => {
            let swap = store.swap(bucket, key, None, new.clone().into()).await.expect("swap");
            assert_eq!(matches!(swap, Swap::Done(_)), !map.contains_key(key));
            map.entry(key.to_owned()).or_insert(new);
        }
        _ => {
            let old = map.get(key).cloned();
            let expected = Bytes::from([old.as_deref().unwrap_or_default(), b"!"].concat());
            let change = |old: Option<&[u8]>| Ok([old.unwrap_or_default(), b"!"].concat().into());
            assert_eq!(store.update(bucket, key, Arc::new(change)).await.expect("update"), expected);
            map.insert(key.to_owned(), expected);
        }
    }
}
