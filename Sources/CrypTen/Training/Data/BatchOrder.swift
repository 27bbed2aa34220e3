/// In which batches examples are taken, epoch by epoch: shuffled by a seed that all parties have.
///
/// Orders depend on the seed, the epoch and the sizes alone, so that each party finds the same, and a training run that is resumed in the middle of
/// an epoch, too.
public struct BatchOrder: Sendable {
    /// How many examples there are.
    public let count: Int
    /// How many are in a batch.
    public let batchSize: Int
    /// What the orders are drawn from; nil: examples come in their order.
    public let seed: UInt64?
    /// Whether a last batch of fewer examples is left out: it would have a plan of its own.
    public let dropsLast: Bool

    /// An order of so many examples.
    ///
    /// - Parameter batchSize: From 1 to `count`; what lies outside is moved to the nearer end.
    public init(count: Int, batchSize: Int, seed: UInt64? = 0, dropsLast: Bool = false) {
        self.count = max(0, count)
        self.batchSize = max(1, min(batchSize, max(1, count)))
        self.seed = seed
        self.dropsLast = dropsLast
    }

    /// How many batches an epoch has.
    public var batchesPerEpoch: Int {
        dropsLast ? count / batchSize : (count + batchSize - 1) / batchSize
    }

    /// The rows of an epoch's batches.
    public func batches(ofEpoch epoch: Int) -> [[Int]] {
        var rows = Array(0..<count)
        if let seed {
            // Fisher's and Yates's shuffle, written out: parties of other versions of the language find the same.
            var generator = SeededGenerator(seed: seed, stream: epoch)
            for last in stride(from: count - 1, to: 0, by: -1) {
                rows.swapAt(last, Int(generator.next().multipliedFullWidth(by: UInt64(last + 1)).high))
            }
        }
        return (0..<batchesPerEpoch).map { index in
            Array(rows[index * batchSize..<min((index + 1) * batchSize, count)])
        }
    }
}
