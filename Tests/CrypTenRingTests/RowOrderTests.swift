import CrypTenRing
import Testing

@Suite("Rows by their keys")
struct RowOrderTests {
    @Test(
        "come in the order of 128 bits, whatever their number and width",
        arguments: [0, 1, 2, 3, 4, 5, 31, 32, 33, 100, 257]
    )
    func sorted(rows: Int) {
        var numbers = SeededNumbers(UInt64(rows) + 1)
        for width in [0, 1, 2, 13, 14, 15, 43] {
            let table = numbers.tensor([rows, width])
            var words = numbers.tensor([rows, 2]).elements
            // Some high words are equal: then the low ones decide.
            for row in stride(from: 0, to: rows - 1, by: 3) { words[2 * row + 1] = words[2 * row + 3] }
            let keys = RingTensor(words, shape: [rows, 2])
            let order = (0..<rows).sorted { (words[2 * $0 + 1], words[2 * $0]) < (words[2 * $1 + 1], words[2 * $1]) }
            let out = plain.rows(of: table, sortedBy: keys)
            #expect(out.shape == table.shape)
            #expect(
                out.elements == order.flatMap { table.elements[$0 * width..<($0 + 1) * width] },
                "\(rows) × \(width)"
            )
        }
    }

    @Test("at the ends of the words, too")
    func edges() {
        let ends: [UInt64] = [0, 1, .max, .max - 1, 1 << 63, 1 << 63 - 1]
        let all = ends.flatMap { high in ends.map { (low: $0, high: high) } }
        let pairs = all.indices.map { all[$0 * 23 % all.count] }
        let keys = RingTensor(pairs.flatMap { [$0.low, $0.high] }, shape: [pairs.count, 2])
        let table = RingTensor(pairs.indices.map(UInt64.init), shape: [pairs.count])
        let order = pairs.indices.sorted { (pairs[$0].high, pairs[$0].low) < (pairs[$1].high, pairs[$1].low) }
        #expect(plain.rows(of: table, sortedBy: keys).elements == order.map(UInt64.init))
    }

}
