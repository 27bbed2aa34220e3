internal import CCrypTenKernels
package import CrypTenRing

/// What computes transfers: the C functions with an instruction set and a cipher, on up to so many threads.
///
/// Every method checks counts and is the only caller of its C function. All instruction sets, ciphers and numbers of threads give equal
/// bits. Time and memory access depend on counts, heights and widths alone.
package struct TransferKernels: Sendable {
    let set: cct_instruction_set
    let cipher: cct_cipher_kind
    private let native: NativeKernels

    /// Does it as other kernels do.
    package init(_ kernels: NativeKernels) {
        native = kernels
        (set, cipher) = (kernels.instructionSet.value, kernels.cipher.value)
    }

    // MARK: Keys

    /// Words `start ..< start + count` of stream `number` under a key of two words.
    func expand(
        _ key: UnsafePointer<UInt64>,
        number: UInt64,
        from start: Int = 0,
        count: Int,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        cct_expand(cipher, CCT_STORE, out, out, count, key[0], key[1], number, UInt64(start))
    }

    /// Leaves as the extension reads them.
    func prepared(_ leaves: SecretWords) -> SecretWords {
        let out = SecretWords(leaves.count / 2 * cct_leaf_schedule_bytes(cipher) / 8)
        out.words.withMemoryRebound(to: UInt8.self, capacity: out.count * 8) {
            cct_leaves_prepare(cipher, $0, leaves.words, leaves.count / 2)
        }
        return out
    }

    /// Exchanges words `a ..< a + count` with those from `b` on where the low bit of `bit` is 1; which it is, nothing shows.
    static func exchange(_ words: SecretWords, _ a: Int, _ b: Int, count: Int, where bit: UInt64) {
        precondition(a + count <= b && b + count <= words.count, "\(count) words at \(a) and \(b) of \(words.count)")
        cct_exchange_where(words.words + a, words.words + b, count, bit)
    }

    // MARK: Extension

    /// The chooser's message for 64 transfers a word of `choices`, from slab `slab` on, and their rows where somebody will keep them.
    func choose(
        _ schedules: SecretWords,
        _ height: TreeHeight,
        slab: Int,
        _ choices: BitPlanes,
        keepingRows keeps: Bool
    ) -> (message: RingTensor, rows: RingTensor?) {
        let words = choices.wordCount
        var message = RingTensor(uninitialized: [height.trees * words])
        var kept = RingTensor(uninitialized: [keeps ? 128 * words : 0])
        choices.withWords { choices in
            message.withMutableWords { message in
                kept.withMutableWords { rows in
                    withLeaves(schedules, height) { schedules in
                        forSlabs(words) { range in
                            cct_transfer_choose(
                                set,
                                cipher,
                                schedules,
                                UInt32(height.rawValue),
                                UInt64(slab + range.lowerBound / TransferKernels.slabWords),
                                choices + range.lowerBound,
                                range.count,
                                keeps ? rows + 128 * range.lowerBound : nil,
                                message + height.trees * range.lowerBound
                            )
                        }
                    }
                }
            }
        }
        return (message, keeps ? kept : nil)
    }

    /// Rows of 64 transfers a word, of transfers whose message has gone, or come, before.
    func rows(of origin: RowOrigin, words: Int) -> RingTensor {
        var rows = RingTensor(uninitialized: [128 * words])
        rows.withMutableWords { rows in
            forSlabs(words) { make(origin, $0, to: rows + 128 * $0.lowerBound) }
        }
        return rows
    }

    /// The same of some words.
    private func make(_ origin: RowOrigin, _ range: Range<Int>, to rows: UnsafeMutablePointer<UInt64>) {
        withLeaves(origin.schedules, origin.height) { schedules in
            func make(_ message: UnsafePointer<cct_transfer_message>?) {
                cct_transfer_rows(
                    set,
                    cipher,
                    schedules,
                    UInt32(origin.height.rawValue),
                    UInt64(origin.slab),
                    origin.first + range.lowerBound,
                    range.count,
                    message,
                    rows
                )
            }
            switch origin.side {
            case .choosing: make(nil)
            case .sending(let message, let words, let delta):
                var sent = cct_transfer_message(words: message, count: words, delta: delta.words)
                make(&sent)
            }
        }
    }

    /// Words of choices that a slab takes.
    static var slabWords: Int { Int(CCT_TRANSFER_ROW_WORDS) }

    /// Calls `body` with ranges of words of choices that begin a slab.
    private func forSlabs(_ words: Int, _ body: (Range<Int>) -> Void) {
        let unit = TransferKernels.slabWords
        native.split(words, pieces: words / (4 * unit), unit: unit, body)
    }

    private func withLeaves(_ schedules: SecretWords, _ height: TreeHeight, _ body: (UnsafePointer<UInt8>) -> Void) {
        precondition(
            schedules.count * 8 == height.leaves * cct_leaf_schedule_bytes(cipher),
            "leaves were prepared for another height or cipher"
        )
        schedules.words.withMemoryRebound(to: UInt8.self, capacity: schedules.count * 8) { body($0) }
    }

    // MARK: Pads

    /// Words that a message of `count` elements of `width` bits takes.
    package static func messageWords(count: Int, width: Int) -> Int {
        width <= 64 ? (count * width + 63) / 64 : count + (count * (width - 64) + 63) / 64
    }

    /// Calls `body` with ranges of transfers that begin where a word of every message does, and with their rows.
    func forPieces(_ count: Int, _ rows: TransferRows, _ body: (Range<Int>, UnsafePointer<UInt64>) -> Void) {
        switch rows {
        case .kept(let rows):
            native.split(count, pieces: count / 16_384, unit: Int(CCT_LANES_BLOCK)) {
                body($0, rows + 2 * $0.lowerBound)
            }
        case .made(let origin):
            // Rows of a few slabs are used while they are in a cache, and the next ones take their place.
            let room = min(count, TransferKernels.slabsAtOnce * TransferKernels.slabWords * 64)
            native.split(count, pieces: count / 16_384, unit: TransferKernels.slabWords * 64) { piece in
                withUnsafeTemporaryAllocation(byteCount: 16 * ((room + 63) / 64 * 64), alignment: 64) { space in
                    let rows = space.assumingMemoryBound(to: UInt64.self).baseAddress!
                    for start in stride(from: piece.lowerBound, to: piece.upperBound, by: room) {
                        let range = start..<min(start + room, piece.upperBound)
                        make(origin, start / 64..<(range.upperBound + 63) / 64, to: rows)
                        body(range, rows)
                    }
                    cct_wipe(rows, space.count)
                }
            }
        }
    }

    private static let slabsAtOnce = 4
}
