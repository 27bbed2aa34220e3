/// Runs of neighbouring bits, copied word by word: rows of a tensor of bits.
extension BitPlanes {
    /// Of one plane, the runs of `length` bits that begin at multiples of it, one after the other in this order.
    package func runs(_ positions: [Int], length: Int) -> BitPlanes {
        precondition(planes == 1, "runs are of one plane")
        var out = BitPlanes(zeros: 1, count: positions.count * length)
        withWords { from in
            out.withMutableWords { to in
                for (index, position) in positions.enumerated() {
                    precondition(position >= 0 && (position + 1) * length <= count, "run \(position) lies outside")
                    BitPlanes.copy(from, at: position * length, to, at: index * length, count: length)
                }
            }
        }
        return out
    }

    /// The elements of planes, one after the other.
    package static func joining(_ parts: [BitPlanes]) -> BitPlanes {
        var out = BitPlanes(zeros: 1, count: parts.reduce(0) { $0 + $1.count })
        out.withMutableWords { to in
            var start = 0
            for part in parts {
                precondition(part.planes == 1, "runs are of one plane")
                part.withWords { copy($0, at: 0, to, at: start, count: part.count) }
                start += part.count
            }
        }
        return out
    }

    /// Copies bits to where zeros are.
    private static func copy(
        _ from: UnsafePointer<UInt64>,
        at first: Int,
        _ to: UnsafeMutablePointer<UInt64>,
        at target: Int,
        count: Int
    ) {
        var done = 0
        while done < count {
            let (read, write) = (first + done, target + done)
            // Up to the end of a word that is written.
            let bits = min(count - done, 64 - write % 64)
            var word = from[read / 64] >> UInt64(read % 64)
            if read % 64 + bits > 64 { word |= from[read / 64 + 1] << UInt64(64 - read % 64) }
            if bits < 64 { word &= 1 << UInt64(bits) &- 1 }
            to[write / 64] |= word << UInt64(write % 64)
            done += bits
        }
    }
}
