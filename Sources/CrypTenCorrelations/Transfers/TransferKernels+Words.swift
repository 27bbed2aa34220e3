internal import CCrypTenKernels
package import CrypTenRing

/// Numbers of 65 to 128 bits: two words each.
package struct WideWords: Sendable {
    package var low: RingTensor
    package var high: RingTensor

    package init(low: RingTensor, high: RingTensor) {
        precondition(low.count == high.count, "\(low.count) low words and \(high.count) high ones")
        (self.low, self.high) = (low, high)
    }
}

/// The bits of a pad that a message takes, and those of the same block that later ones take.
struct PadBits {
    /// The block's.
    let key: SecretWords
    /// The first one's.
    let offset: Int
    let later: LaterBits
    /// Where later messages' bits go: H(row), and at the sender H(row) ⊕ H(row ⊕ Δ).
    let shares: UnsafeMutablePointer<UInt64>
    let masks: UnsafeMutablePointer<UInt64>?

    /// Calls `body` with what a C function reads, for planes of `count` bits, of those from `first` on.
    fileprivate func withLater(count: Int, from first: Int, _ body: (UnsafePointer<cct_later>) -> Void) {
        let step = BitPlanes.words(for: count)
        let items = later.places.map { place in
            let start = place.planes.lowerBound * step + first / 64
            return cct_later_bits(
                share: shares + start,
                masks: masks.map { $0 + start },
                offset: UInt32(place.offset),
                planes: UInt32(place.planes.count)
            )
        }
        items.withUnsafeBufferPointer { items in
            var later = cct_later(items: items.baseAddress, count: items.count, step: step)
            body(&later)
        }
    }
}

/// What a sender puts in: rows `q`, Δ, and bits of a pad.
struct SentRows {
    let rows: TransferRows
    let delta: SecretWords
    let pad: PadBits
}

/// What a receiver has: rows `t`, its choices, and bits of a pad.
struct ReceivedRows {
    let rows: TransferRows
    let choices: UnsafePointer<UInt64>
    let pad: PadBits
}

extension TransferKernels {
    /// Calls `body` with pieces as `forPieces` does, and with where what later messages take of them goes.
    private func forPieces(
        _ count: Int,
        _ rows: TransferRows,
        _ pad: PadBits,
        _ body: (Range<Int>, UnsafePointer<UInt64>, UnsafePointer<cct_later>) -> Void
    ) {
        forPieces(count, rows) { range, rows in
            pad.withLater(count: count, from: range.lowerBound) { body(range, rows, $0) }
        }
    }
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
        words.withWords {
            send($0, areBits: false, count: words.count, width: width, shift: shift, sent, adding: &sum, to: message)
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
        bits.withWords {
            send($0, areBits: true, count: bits.count, width: width, shift: shift, sent, adding: &sum, to: message)
        }
    }

    /// Both: of words, or of the bits that they are.
    private func send(
        _ words: UnsafePointer<UInt64>,
        areBits: Bool,
        count: Int,
        width: Int,
        shift: Int,
        _ sent: SentRows,
        adding sum: inout RingTensor,
        to message: UnsafeMutablePointer<UInt64>
    ) {
        let (delta, pad) = (sent.delta.words, sent.pad)
        let send = areBits ? cct_transfer_send_ones : cct_transfer_send
        sum.withMutableWords { sum in
            forPieces(count, sent.rows, pad) { range, rows, later in
                let start = range.lowerBound
                send(
                    set,
                    cipher,
                    message + start / 64 * width,
                    sum + start,
                    words + (areBits ? start / 64 : start),
                    rows,
                    range.count,
                    delta,
                    pad.key.words,
                    UInt32(pad.offset),
                    UInt32(width),
                    UInt32(shift),
                    later
                )
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
        let (rows, delta, pad) = (sent.rows, sent.delta.words, sent.pad)
        var share = BitPlanes(uninitialized: bits.planes, count: bits.count)
        bits.withWords { bitWords in
            share.withMutableWords { share in
                forPieces(bits.count, rows, pad) { range, rows, later in
                    let start = range.lowerBound / 64
                    cct_transfer_send_bits(
                        set,
                        cipher,
                        message + start,
                        share + start,
                        bitWords + start,
                        rows,
                        range.count,
                        delta,
                        pad.key.words,
                        UInt32(pad.offset),
                        UInt32(bits.planes),
                        later
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
            forPieces(count, rows, pad) { range, rows, later in
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
                    UInt32(shift),
                    later
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

    /// The share `H(t) ⊕ b·m` of bits, or a message, from what was made of pads before; without choices b is 1.
    func bits(
        _ pads: BitPlanes,
        _ message: UnsafePointer<UInt64>,
        _ choices: UnsafePointer<UInt64>? = nil,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        pads.withWords {
            cct_transfer_bits(set, out, $0, message, choices, pads.wordsPerPlane, UInt32(pads.planes))
        }
    }

    /// The share `H(t) ⊕ b·m` of bits.
    func receiveBits(_ message: UnsafePointer<UInt64>, planes: Int, count: Int, _ received: ReceivedRows) -> BitPlanes {
        let (rows, choices, pad) = (received.rows, received.choices, received.pad)
        var share = BitPlanes(uninitialized: planes, count: count)
        share.withMutableWords { share in
            forPieces(count, rows, pad) { range, rows, later in
                let start = range.lowerBound / 64
                cct_transfer_receive_bits(
                    set,
                    cipher,
                    share + start,
                    message + start,
                    rows,
                    choices + start,
                    range.count,
                    pad.key.words,
                    UInt32(pad.offset),
                    UInt32(planes),
                    later
                )
            }
        }
        return share
    }
}
