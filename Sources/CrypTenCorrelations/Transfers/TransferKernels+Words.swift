internal import CCrypTenKernels
package import CrypTenRing

/// Where a pad's bits are: a block's key, and which of the block's 128 bits is the first one.
struct PadPlace {
    let key: SecretWords
    let offset: Int
}

/// Numbers of 65 to 128 bits: two words each.
package struct WideWords: Sendable {
    package var low: RingTensor
    package var high: RingTensor

    package init(low: RingTensor, high: RingTensor) {
        precondition(low.count == high.count, "\(low.count) low words and \(high.count) high ones")
        (self.low, self.high) = (low, high)
    }
}

/// What a sender puts in: rows `q`, Δ, and where the pad is.
struct SentRows {
    let rows: TransferRows
    let delta: SecretWords
    let pad: PadPlace
}

/// What a receiver has: rows `t`, its choices, and where the pad is.
struct ReceivedRows {
    let rows: TransferRows
    let choices: UnsafePointer<UInt64>
    let pad: PadPlace
}

// MARK: The sender

extension TransferKernels {
    /// The message `words + H(q) − H(q ⊕ Δ)`, and to `sum` the share `−H(q)` times `2^shift`; the share modulo `2^width`.
    func send(
        _ words: RingTensor,
        width: Int,
        shift: Int,
        _ sent: SentRows,
        adding sum: inout RingTensor,
        to message: UnsafeMutablePointer<UInt64>
    ) {
        let (rows, delta, pad, count) = (sent.rows, sent.delta.words, sent.pad, words.count)
        words.withWords { words in
            sum.withMutableWords { sum in
                forPieces(count, rows) { range, rows in
                    let start = range.lowerBound
                    cct_transfer_send(
                        set,
                        cipher,
                        message + start / 64 * width,
                        sum + start,
                        words + start,
                        rows,
                        range.count,
                        delta,
                        pad.key.words,
                        UInt32(pad.offset),
                        UInt32(width),
                        UInt32(shift)
                    )
                }
            }
        }
    }

    /// The same of words that are 0 or 1, the bits of a plane.
    func send(
        ones bits: BitPlanes,
        width: Int,
        shift: Int,
        _ sent: SentRows,
        adding sum: inout RingTensor,
        to message: UnsafeMutablePointer<UInt64>
    ) {
        let (rows, delta, pad, count) = (sent.rows, sent.delta.words, sent.pad, bits.count)
        bits.withWords { bits in
            sum.withMutableWords { sum in
                forPieces(count, rows) { range, rows in
                    let start = range.lowerBound
                    cct_transfer_send_ones(
                        set,
                        cipher,
                        message + start / 64 * width,
                        sum + start,
                        bits + start / 64,
                        rows,
                        range.count,
                        delta,
                        pad.key.words,
                        UInt32(pad.offset),
                        UInt32(width),
                        UInt32(shift)
                    )
                }
            }
        }
    }

    /// The same with numbers of two words.
    func send(_ words: WideWords, width: Int, _ sent: SentRows, to message: UnsafeMutablePointer<UInt64>) -> WideWords {
        let (rows, delta, pad, count) = (sent.rows, sent.delta.words, sent.pad, words.low.count)
        var (low, high) = (RingTensor(uninitialized: words.low.shape), RingTensor(uninitialized: words.low.shape))
        words.low.withWords { lowWords in
            words.high.withWords { highWords in
                low.withMutableWords { low in
                    high.withMutableWords { high in
                        forPieces(count, rows) { range, rows in
                            let start = range.lowerBound
                            cct_transfer_send_wide(
                                set,
                                cipher,
                                message + start,
                                message + count + start / 64 * (width - 64),
                                low + start,
                                high + start,
                                lowWords + start,
                                highWords + start,
                                rows,
                                range.count,
                                delta,
                                pad.key.words,
                                UInt32(width)
                            )
                        }
                    }
                }
            }
        }
        return WideWords(low: low, high: high)
    }

    /// The message `bits ⊕ H(q) ⊕ H(q ⊕ Δ)`, laid out as the planes are, and the share `H(q)`; up to 64 planes.
    func send(_ bits: BitPlanes, _ sent: SentRows, to message: UnsafeMutablePointer<UInt64>) -> BitPlanes {
        let (rows, delta, pad, step) = (sent.rows, sent.delta.words, sent.pad, bits.wordsPerPlane)
        var share = BitPlanes(uninitialized: bits.planes, count: bits.count)
        bits.withWords { bitWords in
            share.withMutableWords { share in
                forPieces(bits.count, rows) { range, rows in
                    let start = range.lowerBound / 64
                    cct_transfer_send_bits(
                        set,
                        cipher,
                        message + start,
                        share + start,
                        bitWords + start,
                        step,
                        rows,
                        range.count,
                        delta,
                        pad.key.words,
                        UInt32(pad.offset),
                        UInt32(bits.planes)
                    )
                }
            }
        }
        return share
    }
}

// MARK: The receiver

extension TransferKernels {
    /// To `sum` the share `H(t) + b·m`, modulo `2^width`, times `2^shift`.
    func receive(
        _ message: UnsafePointer<UInt64>,
        width: Int,
        shift: Int,
        _ received: ReceivedRows,
        adding sum: inout RingTensor
    ) {
        let (rows, choices, pad, count) = (received.rows, received.choices, received.pad, sum.count)
        sum.withMutableWords { sum in
            forPieces(count, rows) { range, rows in
                let start = range.lowerBound
                cct_transfer_receive(
                    set,
                    cipher,
                    sum + start,
                    message + start / 64 * width,
                    rows,
                    choices + start / 64,
                    range.count,
                    pad.key.words,
                    UInt32(pad.offset),
                    UInt32(width),
                    UInt32(shift)
                )
            }
        }
    }

    /// The same with numbers of two words.
    func receiveWide(_ message: UnsafePointer<UInt64>, width: Int, shape: Shape, _ received: ReceivedRows) -> WideWords
    {
        let (rows, choices, pad) = (received.rows, received.choices, received.pad)
        var (low, high) = (RingTensor(uninitialized: shape), RingTensor(uninitialized: shape))
        low.withMutableWords { low in
            high.withMutableWords { high in
                forPieces(shape.count, rows) { range, rows in
                    let start = range.lowerBound
                    cct_transfer_receive_wide(
                        set,
                        cipher,
                        low + start,
                        high + start,
                        message + start,
                        message + shape.count + start / 64 * (width - 64),
                        rows,
                        choices + start / 64,
                        range.count,
                        pad.key.words,
                        UInt32(width)
                    )
                }
            }
        }
        return WideWords(low: low, high: high)
    }

    /// The share `H(t) ⊕ b·m` of bits.
    func receiveBits(_ message: UnsafePointer<UInt64>, planes: Int, count: Int, _ received: ReceivedRows) -> BitPlanes {
        let (rows, choices, pad) = (received.rows, received.choices, received.pad)
        var share = BitPlanes(uninitialized: planes, count: count)
        let step = share.wordsPerPlane
        share.withMutableWords { share in
            forPieces(count, rows) { range, rows in
                let start = range.lowerBound / 64
                cct_transfer_receive_bits(
                    set,
                    cipher,
                    share + start,
                    message + start,
                    step,
                    rows,
                    choices + start,
                    range.count,
                    pad.key.words,
                    UInt32(pad.offset),
                    UInt32(planes)
                )
            }
        }
        return share
    }
}
