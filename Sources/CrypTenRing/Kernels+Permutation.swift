/// A random order of rows: that of random keys, one for each row.
package enum RowOrder {
    /// Words of one row's key. Two of n rows have one key with probability below n² / 2¹²⁹; given that none have, all n! orders are as likely.
    package static let wordsOfKey = 2
    /// Words of a row that are sorted at a time, with its key: two lines of 64 bytes, so that many rows stay in the cache.
    package static let wordsAtATime = 16
}

/// Rows put into an order that nobody may see, not even by which memory is touched, and when.
extension Kernels {
    /// The rows of a tensor in the order of their keys, the smallest first.
    ///
    /// Keys and rows go together through a sorting network, Batcher's odd-even merge sort: which places are compared depends on how many
    /// rows there are alone, and both of a pair are written, whichever is smaller. Rows of equal keys keep no order.
    ///
    /// - Parameters:
    ///   - a: Of any shape whose first extent counts rows.
    ///   - keys: `[rows, 2]`: 128 bits a row, the low word first.
    /// - Complexity: n·log₂²(n) / 4 exchanges of two rows, for n of them.
    /// > Batcher, "Sorting networks and their applications", AFIPS 1968; for any n as Knuth has it, The Art of Computer Programming 3, 5.2.2M.
    package func rows(of a: RingTensor, sortedBy keys: RingTensor) -> RingTensor {
        let rows = keys.count / RowOrder.wordsOfKey
        precondition(rows * RowOrder.wordsOfKey == keys.count && (a.shape.rank > 0 && a.shape[0] == rows))
        let width = rows == 0 ? 0 : a.count / rows
        guard rows > 1, width > 0 else { return a }
        var out = RingTensor(uninitialized: a.shape)
        let keyWords = RowOrder.wordsOfKey
        let columns = min(width, RowOrder.wordsAtATime - keyWords)
        var table = RingTensor(uninitialized: [rows, keyWords + columns])
        for start in stride(from: 0, to: width, by: columns) {
            let part = min(columns, width - start)
            let stride = keyWords + part
            table.withMutableWords { table in
                keys.withWords { keys in
                    a.withWords { a in
                        for row in 0..<rows {
                            (table + row * stride).update(from: keys + row * keyWords, count: keyWords)
                            (table + row * stride + keyWords).update(from: a + row * width + start, count: part)
                        }
                    }
                }
                sortRows(table, count: rows, width: stride)
                out.withMutableWords { out in
                    for row in 0..<rows {
                        (out + row * width + start).update(from: table + row * stride + keyWords, count: part)
                    }
                }
            }
        }
        table.wipe()
        return out
    }

    /// Sorts rows by their first two words.
    private func sortRows(_ table: UnsafeMutablePointer<UInt64>, count: Int, width: Int) {
        // Of runs that are merged the length is 2^shift.
        var (merged, shift) = (1, 1)
        while merged < count {
            var distance = merged
            while distance > 0 {
                for start in stride(from: distance % merged, to: count - distance, by: 2 * distance) {
                    for low in start..<min(start + distance, count - distance) {
                        let high = low + distance
                        guard low >> shift == high >> shift else { continue }
                        exchange(table + low * width, table + high * width, width)
                    }
                }
                distance /= 2
            }
            merged *= 2
            shift += 1
        }
    }

    /// Swaps two rows where the second one's key is the smaller, by masks alone.
    @inline(__always)
    private func exchange(_ a: UnsafeMutablePointer<UInt64>, _ b: UnsafeMutablePointer<UInt64>, _ width: Int) {
        // The borrow of b − a, of 128 bits: 1 where b < a.
        let low = (~b[0] & a[0] | ~(b[0] ^ a[0]) & (b[0] &- a[0])) >> 63
        let difference = b[1] &- a[1] &- low
        let isLess = (~b[1] & a[1] | ~(b[1] ^ a[1]) & difference) >> 63
        let mask = 0 &- isLess
        for word in 0..<width {
            let change = (a[word] ^ b[word]) & mask
            a[word] ^= change
            b[word] ^= change
        }
    }
}
