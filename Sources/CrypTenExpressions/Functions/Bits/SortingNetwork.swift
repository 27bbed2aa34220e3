/// Batcher's odd-even merge sort: which positions are compared in which order, whatever the values are.
///
/// For n positions ½ log² n layers, each of comparisons that don't touch one another. Works for every n: comparators that
/// would reach beyond the last position, where the largest of all would stand, never swap and are left out.
/// > Batcher, "Sorting networks and their applications", AFIPS 1968.
struct SortingNetwork {
    /// Positions `(low, high)`: the smaller element goes to `low`.
    typealias Comparator = (low: Int, high: Int)

    private(set) var layers: [[Comparator]] = []

    /// - Parameters:
    ///   - count: How many positions are sorted.
    ///   - first: How many of the first results are read; comparators that none of them depends on are left out.
    init(count: Int, first: Int) {
        var full = 1
        while full < count { full *= 2 }
        var p = 1
        while p < full {
            var k = p
            while k >= 1 {
                var layer: [Comparator] = []
                var start = k % p
                while start <= full - 1 - k {
                    for i in 0..<min(k, full - start - k) where (i + start) / (2 * p) == (i + start + k) / (2 * p) {
                        if i + start + k < count { layer.append((i + start, i + start + k)) }
                    }
                    start += 2 * k
                }
                layers.append(layer)
                k /= 2
            }
            p *= 2
        }
        var needed = (0..<count).map { $0 < first }
        for index in layers.indices.reversed() {
            layers[index].removeAll { !needed[$0.low] && !needed[$0.high] }
            for comparator in layers[index] { (needed[comparator.low], needed[comparator.high]) = (true, true) }
        }
        layers.removeAll(where: \.isEmpty)
    }
}
