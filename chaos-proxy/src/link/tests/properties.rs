//! The properties that every fault must keep, over random traffic, chunking and
//! times: one suite, run for each of them and for all together.

use super::*;

proptest! {
    /// Conservation, order, causality, progress and pass-through after a heal.
    #[test]
    fn what_goes_in_comes_out_in_order_and_not_before(steps in steps(), most in 1_usize..5000) {
        let (trace, link) = run(&steps, most, true);
        let pushed = pushed(&steps);
        prop_assert_eq!(only_bytes(&trace.bytes), only_bytes(&pushed));
        for ((_, left), (_, came)) in trace.bytes.iter().zip(&pushed) {
            prop_assert!(left >= came);
        }
        prop_assert!(matches!(trace.end, Some((End::Fin, _))), "a healed link ends at once");
        prop_assert!(link.is_ended() && link.deadline().is_none());
        prop_assert_eq!(link.written(), link.admitted());
    }

    /// Nothing leaves before arrival plus the least delay.
    #[test]
    fn a_delay_is_never_undercut(delay in 0_u64..200, jitter in 0_u64..100, pushes in prop::collection::vec((0_u64..30, prop::collection::vec(any::<u8>(), 1..4000)), 1..15)) {
        let effects = delayed(latency(delay, jitter, Distribution::Uniform));
        let mut steps = vec![(0, Step::Apply(effects))];
        steps.extend(pushes.into_iter().map(|(after, bytes)| (after, Step::Push(bytes, None))));
        steps.push((1000, Step::Poll));
        let (trace, _) = run(&steps, usize::MAX, true);
        let least = Duration::from_millis(delay.saturating_sub(jitter));
        let most = Duration::from_millis(delay + jitter);
        // Between the steps every deadline is kept, so late is as bound as early.
        for ((_, left), (_, came)) in trace.bytes.iter().zip(pushed(&steps)) {
            prop_assert!(*left >= came + least);
            prop_assert!(left.since(came) <= most + Duration::from_millis(1));
        }
    }

    /// Spurious polls and the size of writes change nothing.
    #[test]
    fn polls_and_write_sizes_do_not_matter(steps in steps(), most in 1_usize..3000) {
        prop_assert_eq!(run(&steps, most, true).0, run(&steps, usize::MAX, false).0);
    }

    /// However the bytes were cut into reads of the same moment, they leave at
    /// the same moments.
    #[test]
    fn chunking_does_not_matter(steps in steps_under(effects_by_offset()), size in 1_usize..3000) {
        let cut: Vec<(u64, Step)> = steps.iter().flat_map(|(after, step)| match step {
            Step::Push(bytes, late) => bytes
                .chunks(size)
                .enumerate()
                .map(|(index, part)| (if index == 0 { *after } else { 0 }, Step::Push(part.to_vec(), *late)))
                .collect(),
            Step::Apply(_) | Step::Poll => vec![(*after, step.clone())],
        }).collect();
        prop_assert_eq!(run(&cut, usize::MAX, false).0, run(&steps, usize::MAX, false).0);
    }

    /// Under any faults the link stops reading before the bound is passed.
    #[test]
    fn the_queue_is_bounded(effects in effects(), sizes in prop::collection::vec(1_usize..100_000, 1..20)) {
        let mut link = link();
        link.apply(effects);
        for size in sizes {
            if link.wants_input() {
                let size = size.min(link.room());
                link.push(at(0), Bytes::from(vec![0; size]));
            }
            let is_under_way = link.effects.delays_anything() && !link.effects.is_stalled();
            let most = if is_under_way { UnderWay::LINK } else { CAPACITY };
            // A chunk costs a little more than the room that was asked for.
            prop_assert!(link.cost() <= most + CHUNK_COST);
            let shaped = link.shaper.as_ref().map_or(0, |shaper| shaper.queue.cost());
            prop_assert!(shaped <= CAPACITY + CHUNK_COST);
        }
    }

    /// After a cut only the end comes, and everything else is thrown away.
    #[test]
    fn a_cut_drops_what_is_held(steps in steps(), reset: bool) {
        let mut link = link();
        link.apply(stalled());
        for (_, step) in &steps {
            if let Step::Push(bytes, _) = step {
                link.push(at(0), Bytes::copy_from_slice(bytes));
            }
        }
        let end = if reset { End::Reset } else { End::Fin };
        link.cut(end);
        let mut trace = Trace::default();
        drain(&mut link, at(1), 100, &mut trace);
        prop_assert_eq!(&trace, &Trace { bytes: vec![], end: Some((end, at(1))) });
        link.push(at(2), Bytes::from_static(b"late"));
        prop_assert_eq!(link.poll(at(9)), Output::Wait);
        prop_assert!(link.wants_input(), "what still comes is read and thrown away");
    }

    /// Destructive faults lose only what they report, and keep the order.
    #[test]
    fn damage_is_what_is_reported(
        pushes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..3000)), 1..12),
        count in 1_u32..5,
    ) {
        let (mut link, mut expect) = (link(), Vec::new());
        for (is_discarded, bytes) in &pushes {
            let mut effects = Effects::default();
            effects.corrupt(Arc::from("corrupt"), FlipBits { way: Way::Both, bytes: count });
            if *is_discarded {
                effects.discard();
            } else {
                expect.extend_from_slice(bytes);
            }
            link.apply(effects);
            link.push(at(0), Bytes::copy_from_slice(bytes));
        }
        let mut trace = Trace::default();
        drain(&mut link, at(0), usize::MAX, &mut trace);
        let sent: usize = pushes.iter().map(|(_, bytes)| bytes.len()).sum();
        prop_assert_eq!(trace.bytes.len() as u64, sent as u64 - link.damage().discarded);
        let pairs = trace.bytes.iter().zip(&expect);
        let flipped: u32 = pairs.map(|((came, _), sent)| (came ^ sent).count_ones()).sum();
        // Every hit flips one bit; a position drawn twice may flip it back.
        prop_assert!(u64::from(flipped) <= link.damage().corrupted);
        prop_assert_eq!(u64::from(flipped) % 2, link.damage().corrupted % 2);
    }
}
