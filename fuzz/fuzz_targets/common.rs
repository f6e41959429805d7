//! What the framers' targets share: the frames must not depend on how the bytes were cut.

use anymodel::wire::{Frame, Framer};

type Owned = (Option<String>, Vec<u8>);

/// The input's first bytes say the limit and the sizes of the pieces, the rest is the stream.
pub fn same_frames_however_cut(framer: fn() -> Framer, input: &[u8]) {
    let Some((&[limit, ref sizes @ ..], body)) = input.split_first_chunk::<6>() else { return };
    let framer = || match limit {
        0..128 => framer(),
        small => framer().with_limit(usize::from(small - 128)),
    };
    let whole = frames(framer(), [body].into_iter());
    let mut rest = body;
    let pieces = sizes.iter().cycle().map_while(|&size| {
        let (piece, tail) = rest.split_at(usize::from(size % 32 + 1).min(rest.len()));
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(frames(framer(), pieces), whole);
}

fn frames<'a>(mut framer: Framer, mut pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Owned>, bool) {
    let mut seen = Vec::new();
    let may_be_empty = matches!(framer, Framer::EventStream(_));
    let mut each = |frame: Frame<'_>| {
        assert!(may_be_empty || !frame.data.is_empty());
        seen.push((frame.event.map(str::to_owned), frame.data.to_vec()));
        Ok(())
    };
    let pushed = pieces.try_for_each(|piece| framer.push(piece, &mut each));
    let failed = pushed.and_then(|()| framer.end(&mut each)).is_err();
    (seen, failed)
}
